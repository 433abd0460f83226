import { DelayedError, type Job, Worker } from "bullmq";
import type { Consumption } from "../../core/ports/bus.ts";
import { type Link, pause } from "./connection.ts";

/** What becomes of a job: it goes, or waits under its id, perhaps with other data. */
export type Left = "nothing" | { readonly afterMs: number; readonly data?: object };
/** Does what a job asks for. If it throws, that is a bug of ours: it is told, and the job goes. */
export type Processor = (data: unknown, jobId: string) => Promise<Left>;
/** After how long a worker that says nothing counts as dead, and how often is looked for such. */
export type Lapse = { readonly lockMs: number; readonly checkMs: number };
/**
 * A dead worker's row has to be with another within 60 s. The lock runs out, and one look marks what the next takes away:
 * `lockMs` and twice `checkMs` at worst.
 */
export const LAPSE: Lapse = { lockMs: 15_000, checkMs: 15_000 };
/** What BullMQ may take to say goodbye when nothing is being worked on any more. Without Redis it would take for ever. */
const GOODBYE_MS = 1500;

type Queued = { readonly queue: string; readonly concurrency: number; readonly process: Processor };

/** Works on queues over one link until it is stopped. */
export const workers = (
  { redis, cut }: Link,
  { prefix, lapse, onError }: { readonly prefix: string; readonly lapse: Lapse; onError(error: unknown): void },
  queued: readonly Queued[],
): Consumption => {
  /** The work itself. What Redis is then told of it may take for ever, and nobody waits for that. */
  const running = new Set<Promise<Left>>();
  const counted = async (run: Promise<Left>): Promise<Left> => {
    running.add(run);
    try {
      return await run;
    } finally {
      running.delete(run);
    }
  };
  const idle = async (): Promise<void> => {
    while (running.size > 0) await Promise.allSettled(running);
  };
  const goodbye = async (): Promise<false> => {
    await idle();
    await pause(GOODBYE_MS);
    return false;
  };

  const begun = queued.map(({ queue, concurrency, process }) => {
    const take = async (job: Job<unknown, void>, token: string | undefined): Promise<void> => {
      const left = await counted(process(job.data, job.id ?? ""));
      if (left !== "nothing") await putOff(job, left, token);
    };
    const worker = new Worker<unknown, void>(queue, take, {
      connection: redis,
      prefix,
      concurrency,
      // What is finished goes at once, well or badly: a job that stayed would keep its id for ever, and its row from the queue.
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      lockDuration: lapse.lockMs,
      stalledInterval: lapse.checkMs,
      // A worker's death is nothing that its rows are to blame for: they are taken up each time.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      // After a fault of Redis itself.
      runRetryDelay: 1000,
    });
    return worker.on("error", onError).on("failed", (_, error) => onError(error));
  });

  return {
    stop: async () => {
      const closing = Promise.allSettled(begun.map((worker) => worker.close())).then(() => true);
      let isClosed = false;
      // A job that was on its way here when we began to close is done as well.
      do isClosed = await Promise.race([closing, goodbye()]);
      while (!isClosed && running.size > 0);
      cut();
    },
  };
};

/** The job itself waits and keeps its id, so that its row cannot be added meanwhile. */
const putOff = async (
  job: Job,
  { afterMs, data }: Exclude<Left, "nothing">,
  token: string | undefined,
): Promise<never> => {
  if (data !== undefined) await job.updateData(data);
  await job.moveToDelayed(Date.now() + afterMs, token);
  throw new DelayedError();
};
