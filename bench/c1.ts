import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runAlone } from "./support/alone.ts";
import { makeDatabase } from "./support/database.ts";
import { figure, type Goal } from "./support/goal.ts";
import { type Settings, settingsOf } from "./support/processes.ts";
import { interleaved, type Side } from "./support/rounds.ts";
import { embedded, startReady } from "./support/starting.ts";

export const c1: Goal = {
  id: "c1",
  what: "start of the whole of Matinee in one process, until /health/ready answers 200",
  dividedBy: null,
  measure: async (say) => {
    const folder = mkdtempSync(join(tmpdir(), "matinee-bench-"));
    try {
      let starts = 0;
      const known = embedded(join(folder, "known"));
      const server = settingsOf(await makeDatabase(), 4);
      // What only a first start has to do is done, where it is not the first that is measured.
      for (const settings of [known, server]) await startOnce(settings);
      const sides = [
        starting("external Postgres", () => server),
        starting("PGlite, reopened", () => known),
        starting("PGlite, first ever", () => embedded(join(folder, `${starts++}`))),
      ];
      const rounds = await interleaved(sides, say);
      return {
        figures: sides.map(({ name }, i) =>
          figure(rounds, i, {
            name,
            unit: "s",
            bound: { most: CEILINGS_S[i] ?? Number.NaN },
            of: ({ p50Ms }) => (p50Ms ?? Number.NaN) / 1000,
            rate: false,
          }),
        ),
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

const CEILINGS_S = [0.5, 1.2, 6];

const starting = (name: string, settings: () => Settings): Side => ({
  name,
  run: async () => {
    const ms = await startOnce(settings());
    return { perSecond: 1000 / ms, p50Ms: ms, p99Ms: ms };
  },
});

const startOnce = async (settings: Settings): Promise<number> => {
  const { readyAfterMs, stop } = await startReady(settings);
  await stop();
  return readyAfterMs;
};

if (import.meta.main) await runAlone(c1);
