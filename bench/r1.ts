import type { Driver } from "../src/adapters/postgres/driver.ts";
import { postgresRebuild } from "../src/adapters/postgres/rebuild.ts";
import { openPostgres } from "../src/adapters/postgres/store.ts";
import { fold } from "../src/core/billing/fold.ts";
import { rowsOf } from "../src/core/billing/rows.ts";
import { DEFAULT_POLICY } from "../src/core/policy.ts";
import { openCinema } from "../test/support/cinema.ts";
import { runAlone } from "./support/alone.ts";
import { cloneHistories } from "./support/clones.ts";
import { assertDurable, connect, makeDatabase, vacuum } from "./support/database.ts";
import { figure, type Goal, ratio } from "./support/goal.ts";
import { live } from "./support/life.ts";
import { interleaved, type Side } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";

/** Real lives, of 31 events each, and the copies of each: 204,600 events and those of the plan. */
const REAL = 30;
const COPIES = scaled(220, 1) - 1;

export const r1: Goal = {
  id: "r1",
  what: "rebuild of every projection from the log, beside the live rows and compared with them",
  dividedBy: "reading the same events in the same order with an empty fold",
  measure: async (say) => {
    await assertDurable();
    const url = await makeDatabase();
    const driver = connect(url);
    try {
      const events = await seed(url, driver);
      say(`${events.toLocaleString("en")} events of ${(REAL * (COPIES + 1)).toLocaleString("en")} lives`);
      const sides = [rebuilding(driver, events), reading(driver, events)];
      // A rebuild that is worth measuring runs for minutes: its first seconds are left out.
      for (let warming = 0; warming < 2; warming += 1) for (const side of sides) await side.run();
      const rounds = await interleaved(sides, say);
      return {
        figures: [
          ratio(rounds, { least: 0.2 }),
          figure(rounds, 0, {
            name: "rate",
            unit: "per_second",
            bound: { least: 100_000 },
            of: (half) => half.perSecond,
            rate: false,
          }),
        ],
      };
    } finally {
      await driver.close();
    }
  },
};

/** Rebuilds beside the live rows, and proves that they are what live decisions had written. */
const rebuilding = (driver: Driver, events: number): Side => ({
  name: "rebuild",
  run: async () => {
    const startedAt = performance.now();
    const report = await rebuild(driver, "check");
    const seconds = (performance.now() - startedAt) / 1000;
    if (!report.ok || !report.value.identical || report.value.events !== events)
      throw new Error(`void: not all ${events} events were rebuilt to identical rows: ${JSON.stringify(report)}`);
    return { perSecond: events / seconds, p50Ms: null, p99Ms: null };
  },
});

/** The limit: the very statement and batches of the rebuild, and a fold that looks at nothing. */
const reading = (driver: Driver, events: number): Side => ({
  name: "read",
  run: async () => {
    const startedAt = performance.now();
    let last: { readonly stream: string; readonly version: number } = { stream: "", version: 0 };
    let read = 0;
    for (;;) {
      const batch = await driver.query(READ, [last.stream, last.version, BATCH]);
      const end = batch.at(-1);
      if (end === undefined) break;
      read += batch.reduce((count) => count + 1, 0);
      last = { stream: end["stream"] as string, version: end["version"] as number };
    }
    const seconds = (performance.now() - startedAt) / 1000;
    if (read !== events) throw new Error(`void: ${read} of ${events} events were read`);
    return { perSecond: events / seconds, p50Ms: null, p99Ms: null };
  },
});

const BATCH = 10_000;
const READ = `select stream, version, type, schema, body from billing.events
  where (stream, version) > ($1, $2) order by stream, version limit $3`;

const rebuild = (driver: Driver, mode: "check" | "replace") =>
  postgresRebuild(driver)(
    mode,
    (stream, events) => rowsOf(fold(stream, events), DEFAULT_POLICY),
    () => undefined,
  );

const seed = async (url: string, driver: Driver): Promise<number> => {
  const store = await openPostgres({ url, masterKey: new Uint8Array(32), groupCommit: true });
  const cinema = openCinema(store);
  await cinema.sell();
  for (let i = 0; i < REAL; i += 1) await live(cinema, `life ${i}`);
  await store.close();
  await cloneHistories(driver, COPIES);
  const replaced = await rebuild(driver, "replace");
  if (!replaced.ok) throw new Error(`the seeds have no rows: ${replaced.error.code}`);
  await vacuum(url);
  return replaced.value.events;
};

if (import.meta.main) await runAlone(r1);
