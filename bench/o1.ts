import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acceptingSide, WARM_UP } from "./support/accepting.ts";
import { runAlone } from "./support/alone.ts";
import { assertDurable } from "./support/database.ts";
import { payersNow } from "./support/door.ts";
import { type Goal, ratio } from "./support/goal.ts";
import { interleaved, type Side } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";

const CALLBACKS = scaled(4800, 64, 16_000);

export const o1: Goal = {
  id: "o1",
  what: "p1 with the log at level info, into a file. There are no metrics and no tracing yet: neither side has any",
  dividedBy: "p1 with the log silent",
  measure: async (say) => {
    await assertDurable();
    const { url, payers } = await payersNow(say);
    const callbacks = payers.slice(0, WARM_UP + CALLBACKS).map(({ callback }) => callback);
    const folder = mkdtempSync(join(tmpdir(), "matinee-bench-"));
    const logged = (level: string, lines: number): Side => {
      const log = join(folder, `${level}.log`);
      const side = acceptingSide(`log ${level}`, url, callbacks, { log, settings: { LOG_LEVEL: level } });
      return {
        ...side,
        run: async () => {
          const half = await side.run();
          const written = readFileSync(log, "utf8")
            .split("\n")
            .filter((line) => line !== "").length;
          rmSync(log);
          if (written !== lines) throw new Error(`void: ${written} lines were logged, not ${lines}`);
          return half;
        },
      };
    };
    try {
      const rounds = await interleaved([logged("info", callbacks.length), logged("silent", 0)], say);
      return { figures: [ratio(rounds, { least: 0.9 })] };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

if (import.meta.main) await runAlone(o1);
