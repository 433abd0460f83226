import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { bullmqTasks } from "../src/adapters/bullmq/tasks.ts";
import type { RowOf } from "../src/core/billing/read-model.ts";
import { instantOf } from "../src/core/time.ts";
import { runAlone } from "./support/alone.ts";
import { type Goal, ratio } from "./support/goal.ts";
import { interleaved, type Side } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";

/** The server to measure on: keys are made and dropped there. */
const SERVER = process.env["BENCH_REDIS_URL"] ?? "redis://127.0.0.1:6379";
/** As a sweep leaves them. */
const BATCH = 500;
const CONCURRENCY = 4;
const WARM_UP = scaled(5000, BATCH, 10_000);
const TASKS = scaled(40_000, BATCH);
const KIND = "send_refund";
const DUE_AT = instantOf(1_769_850_000_000);

type Row = RowOf<"due">;
/** Takes rows, and runs each: `ran` hears of it. */
type Queueing = { add(rows: readonly Row[]): Promise<void>; close(): Promise<void> };
type Open = (prefix: string, ran: (subject: string) => void) => Promise<Queueing>;

export const q1: Goal = {
  id: "q1",
  what: "tasks left in batches of 500 as by a sweep, each run once by a worker that does nothing; 4 at once, one process",
  dividedBy: "bare BullMQ, the same data under its own ids, what is done removed, 4 at once",
  measure: async (say) => {
    say(`${TASKS} tasks in each half, after ${WARM_UP} to warm up`);
    const rounds = await interleaved([side("ours", ours), side("bare BullMQ", bare)], say);
    return { figures: [ratio(rounds, { least: 0.85 })] };
  },
};

const ours: Open = async (prefix, ran) => {
  const onError = (error: unknown): never => {
    throw error;
  };
  const tasks = bullmqTasks({ url: SERVER, prefix, concurrency: CONCURRENCY, onError });
  await tasks.work([KIND], async ({ subject }) => {
    ran(subject);
    return { status: "done" };
  });
  return {
    add: async (rows) => {
      const added = await tasks.add(rows);
      if (!added.ok) throw new Error(`void: ${added.error.detail}`);
    },
    close: tasks.close,
  };
};

const bare: Open = async (prefix, ran) => {
  const connection = new Redis(SERVER, { maxRetriesPerRequest: null });
  const defaultJobOptions = { removeOnComplete: true, removeOnFail: true };
  const queue = new Queue<Row>(KIND, { connection, prefix, defaultJobOptions });
  const process = async ({ data }: { readonly data: Row }): Promise<void> => ran(data.subject);
  const worker = new Worker<Row>(KIND, process, { connection, prefix, concurrency: CONCURRENCY });
  return {
    add: async (rows) => void (await queue.addBulk(rows.map((data) => ({ name: KIND, data })))),
    close: async () => {
      await worker.close();
      await queue.close();
      connection.disconnect();
    },
  };
};

const side = (name: string, open: Open): Side => ({
  name,
  run: async () => {
    const prefix = `matinee-bench-${crypto.randomUUID()}`;
    let [ran, awaited, all] = [0, 0, Promise.withResolvers<void>()];
    const queueing = await open(prefix, () => {
      ran += 1;
      if (ran >= awaited) all.resolve();
    });
    const runAll = async (what: string, count: number): Promise<void> => {
      [ran, awaited, all] = [0, count, Promise.withResolvers<void>()];
      for (let n = 0; n < count; n += BATCH) await queueing.add(rowsOf(`${what}${n}`));
      await all.promise;
    };
    try {
      await runAll("warm-up", WARM_UP);
      const startedAt = performance.now();
      await runAll("task", TASKS);
      const perSecond = TASKS / ((performance.now() - startedAt) / 1000);
      await queueing.close();
      if (ran !== TASKS) throw new Error(`void: ${ran} of ${TASKS} tasks ran with ${name}`);
      return { perSecond, p50Ms: null, p99Ms: null };
    } finally {
      await queueing.close();
      await dropKeys(prefix);
    }
  },
});

const rowsOf = (name: string): readonly Row[] =>
  Array.from({ length: BATCH }, (_, n) => ({
    kind: KIND,
    subject: `${name}_${n}`,
    stream: `invoice/${name}_${n}`,
    accountId: null,
    dueAt: DUE_AT,
  }));

const dropKeys = async (prefix: string): Promise<void> => {
  const redis = new Redis(SERVER);
  for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1000 })) {
    if (keys.length > 0) await redis.unlink(...keys);
  }
  redis.disconnect();
};

if (import.meta.main) await runAlone(q1);
