import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CLIENTS, onCopyOf } from "./support/accepting.ts";
import { runAlone } from "./support/alone.ts";
import { makeDatabase } from "./support/database.ts";
import { payersNow, REGISTERED } from "./support/door.ts";
import type { Bound, Figure, Goal } from "./support/goal.ts";
import { closedLoop, type Wire } from "./support/load.ts";
import { residentMb, type Settings, settingsOf } from "./support/processes.ts";
import { withDriver } from "./support/replay.ts";
import { IS_TRIAL, scaled } from "./support/scale.ts";
import { embedded, startReady } from "./support/starting.ts";
import { accessRequests } from "./support/viewers.ts";

const STARTS = IS_TRIAL ? 1 : 3;
/** Idle is who was left alone for so long. */
const IDLE_MS = 2000;
/** A million with BENCH_SCALE=40. */
const REQUESTS = scaled(25_600, 256);
const ACCOUNTS = scaled(2560, 64, 4096);

export const m1: Goal = {
  id: "m1",
  what: `main memory of the whole of Matinee and its children: idle; grown by ${REQUESTS.toLocaleString("en")} requests after a warm-up, half of them callbacks and half "may I watch"`,
  dividedBy: null,
  measure: async (say) => {
    const folder = mkdtempSync(join(tmpdir(), "matinee-bench-"));
    try {
      const server = settingsOf(await makeDatabase(), 4);
      // The first start migrates, which is no idle process.
      await idleMb(server);
      const [idle, first, reopened]: [number[], number[], number[]] = [[], [], []];
      for (let n = 0; n < STARTS; n += 1) {
        const own = embedded(join(folder, `${n}`));
        idle.push(await idleMb(server));
        first.push(await idleMb(own));
        reopened.push(await idleMb(own));
      }
      const { growth, also } = await growthUnderLoad(folder, say);
      return {
        figures: [
          figureOf("idle, external Postgres", "MB", idle, { most: 110 }),
          figureOf("growth", "ratio", [growth], { most: 0.25 }),
          figureOf("PGlite, reopened", "MB", reopened, { most: 450 }),
          figureOf("PGlite, first ever", "MB", first, { most: 450 }),
        ],
        also,
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

const figureOf = (name: string, unit: Figure["unit"], values: readonly number[], bound: Bound): Figure => ({
  name,
  unit,
  values,
  bound,
  voided: 0,
  ours: [],
});

const idleMb = async (settings: Settings): Promise<number> => {
  const { pid, stop } = await startReady(settings);
  await Bun.sleep(IDLE_MS);
  const mb = residentMb(pid);
  await stop();
  return mb;
};

/** The same work twice over: what one half leaves behind, the other half leaves behind again. */
const growthUnderLoad = async (folder: string, say: (line: string) => void) => {
  const { url, payers } = await payersNow(say);
  const some = payers.slice(0, ACCOUNTS);
  const callbacks = some.map(({ callback }) => callback);
  const questions = await accessRequests(some.map(({ accountId }) => accountId));
  return onCopyOf(url, async (copy) => {
    const file = join(folder, "heap");
    const settings = { ...settingsOf(copy, 4), BENCH_HEAP_FILE: file };
    const preload = new URL("support/heap.ts", import.meta.url).pathname;
    const { pid, port, stop } = await startReady(settings, ["--preload", preload]);
    const memory = async () => {
      const residentBefore = residentMb(pid);
      return { mb: residentBefore, heapMb: await heapMb(pid, file) };
    };
    const ask = async (requests: number): Promise<void> => {
      const each = (of: readonly Wire[]): readonly Wire[] =>
        Array.from({ length: requests / 2 }, (_, n) => of[n % of.length] ?? new Uint8Array());
      await Promise.all([
        closedLoop({ port, expected: REGISTERED }, each(callbacks), CLIENTS / 2),
        closedLoop({ port, expected: '"allowed":' }, each(questions), CLIENTS / 2),
      ]);
    };

    await ask(ACCOUNTS * 2);
    await allDone(copy);
    await ask(ACCOUNTS * 2);
    const warm = await memory();
    await ask(REQUESTS / 2);
    const middle = await memory();
    await ask(REQUESTS / 2);
    const end = await memory();
    await stop();
    const told = [warm, middle, end].map(({ mb, heapMb: heap }) => `${mb.toFixed(0)} (${heap.toFixed(1)})`);
    return {
      growth: end.mb / warm.mb - 1,
      also: [`resident MB (heap after a collection) warm, at half, at the end: ${told.join(", ")}`],
    };
  });
};

/** Everything accepted is applied: from here on callbacks are told again. */
const allDone = (url: string): Promise<void> =>
  withDriver(url, async (driver) => {
    for (;;) {
      const [row] = await driver.query("select count(*)::int as left from billing.intake where done_at is null");
      if (row?.["left"] === 0) return;
      await Bun.sleep(100);
    }
  });

const heapMb = async (pid: number, file: string): Promise<number> => {
  rmSync(file, { force: true });
  process.kill(pid, "SIGUSR2");
  while (!existsSync(file) || !readFileSync(file, "utf8").endsWith("\n")) await Bun.sleep(5);
  return Number(readFileSync(file, "utf8")) / 1024 / 1024;
};

if (import.meta.main) await runAlone(m1);
