import { Queue } from "bullmq";
import type { RowOf } from "../../core/billing/read-model.ts";
import type { Consumption } from "../../core/ports/bus.ts";
import type { Tasks } from "../../core/ports/tasks.ts";
import { err, ok } from "../../core/result.ts";
import { retryAfterMs } from "../../core/work/retries.ts";
import type { WorkDone, WorkKind } from "../../core/work/work.ts";
import { comeBacks } from "./come-backs.ts";
import { impatient, link, opened } from "./connection.ts";
import { dataOf, jobIdOf, readTask } from "./jobs.ts";
import { LAPSE, type Lapse, type Processor, workers } from "./workers.ts";

type Row = RowOf<"due">;
export type BullmqConfig = {
  readonly url: string;
  /** Before all keys: two installations may share a server. */
  readonly prefix?: string;
  /** Rows of one kind that one process works on at the same time. */
  readonly concurrency?: number;
  readonly lapse?: Lapse;
  /**
   * What a worker threw, whose row is put off; what a step threw, called a `schedule` with the step's name; or what is wrong
   * with Redis, called `redis`.
   */
  readonly onError: (error: unknown, of: Pick<Row, "kind" | "subject">) => void;
};
export type BullmqTasks = Tasks & {
  /** Whether Redis answers. */
  ready(): Promise<boolean>;
  /** Stops all that still works, and ends the connections, also when Redis is away. */
  close(): Promise<void>;
};

/** A schedule that was lost with everything in Redis is there again within this, or as soon as Redis is back. */
const KEEP_MS = 10_000;

/**
 * Tasks on Redis by BullMQ. Redis may be wiped, killed or away at any time: workers come back by themselves, and the sweep
 * fills the queues.
 *
 * Each kind has a queue of its own. Processes may work different kinds, and BullMQ's workers cannot choose within a queue; and
 * a gateway that takes half a minute to answer holds up only those rows that have to ask it.
 */
export const bullmqTasks = ({
  url,
  prefix = "matinee",
  concurrency = 4,
  lapse = LAPSE,
  onError,
}: BullmqConfig): BullmqTasks => {
  const redis = impatient(url);
  const onOpened = opened(redis);
  const onRedisError = rarely((error) => onError(error, { kind: "redis", subject: prefix }));
  redis.on("error", onRedisError);
  const queues = new Map<string, Queue>();
  const queueOf = (name: string): Queue => {
    const queue = queues.get(name) ?? openQueue(redis, prefix, name);
    queues.set(name, queue);
    return queue;
  };
  const running = new Set<Consumption>();
  const begun = (consumption: Consumption): Consumption => {
    const listed = {
      stop: async () => {
        running.delete(listed);
        await consumption.stop();
      },
    };
    running.add(listed);
    return listed;
  };
  const begin = (...queued: Parameters<typeof workers>[2]): Consumption =>
    workers(link(url), { prefix, lapse, onError: onRedisError }, queued);
  const cameBack = comeBacks();

  return {
    add: async (rows) => {
      await onOpened;
      if (redis.status !== "ready") return err({ code: "tasks_unavailable", detail: "Redis is away" });
      const byKind = Map.groupBy(rows, ({ kind }) => kind);
      try {
        await Promise.all([...byKind].map(([kind, ofKind]) => queueOf(kind).addBulk(ofKind.map(jobOf))));
        return ok(null);
      } catch (error) {
        return err({ code: "tasks_unavailable", detail: error instanceof Error ? error.message : String(error) });
      }
    },
    work: async (kinds, worker) =>
      begun(
        begin(
          ...kinds.map((kind) => ({
            queue: kind,
            concurrency,
            process: rowProcessor(kind, worker, cameBack, onError),
          })),
        ),
      ),
    schedule: async (name, everyMs, step) => {
      const queue = `schedule.${name}`;
      const process: Processor = async () => {
        await step().catch((error) => onError(error, { kind: "schedule", subject: name }));
        return "nothing";
      };
      const working = begin({ queue, concurrency: 1, process });
      const keep = (): void => {
        if (redis.status !== "ready") return;
        // The same schedule said again leaves the next step where it is, whoever says it.
        void queueOf(queue).upsertJobScheduler(name, { every: everyMs }, { name }).catch(onRedisError);
      };
      keep();
      redis.on("ready", keep);
      const keeping = setInterval(keep, KEEP_MS);
      return begun({
        stop: async () => {
          clearInterval(keeping);
          redis.off("ready", keep);
          await working.stop();
        },
      });
    },
    ready: async () => {
      await onOpened;
      return redis.ping().then(
        () => true,
        () => false,
      );
    },
    close: async () => {
      await Promise.all([...running].map((one) => one.stop()));
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      redis.disconnect();
    },
  };
};

export const openQueue = (redis: ReturnType<typeof impatient>, prefix: string, name: string): Queue => {
  // A question for the server's version that is not answered would spoil the queue for good.
  const queue = new Queue(name, { connection: redis, prefix, skipVersionCheck: true });
  // Those of the connection, which whoever opened it listens to.
  return queue.on("error", () => undefined);
};

const jobOf = (row: Row) => ({
  name: row.kind,
  data: dataOf({ row, throws: 0, rests: false, wanted: false }),
  opts: { jobId: jobIdOf(row) },
});

const rowProcessor =
  (
    kind: WorkKind,
    worker: (row: Row) => Promise<WorkDone>,
    cameBack: ReturnType<typeof comeBacks>,
    onError: BullmqConfig["onError"],
  ): Processor =>
  async (data, jobId) => {
    const task = readTask(data);
    if (task === null) onError(new Error("a job that holds no row of due"), { kind, subject: jobId });
    // From now on the row of one that rests can be added again.
    if (task?.rests) cameBack.rested(jobId);
    if (task === null || task.rests) return "nothing";
    // A sweep may have read the row just before it was done.
    const restMs = task.wanted ? 0 : cameBack.restMs(jobId);
    if (restMs > 0) return { afterMs: restMs, data: dataOf({ ...task, rests: true }) };
    const came = await tried(worker, task.row, onError);
    if (came.status === "later") return { afterMs: came.afterMs };
    if (came.status === "threw") {
      // Counted with the job, whichever process its row comes to next.
      const throws = task.throws + 1;
      return { afterMs: retryAfterMs(kind, throws), data: dataOf({ ...task, throws }) };
    }
    const afterMs = cameBack.putOffMs(jobId);
    return afterMs === 0 ? "nothing" : { afterMs, data: dataOf({ ...task, rests: true }) };
  };

/** BullMQ would keep an error's words with the job, and Redis is no place for what may stand in them. */
const tried = async (
  worker: (row: Row) => Promise<WorkDone>,
  row: Row,
  onError: BullmqConfig["onError"],
): Promise<WorkDone | { readonly status: "threw" }> => {
  try {
    return await worker(row);
  } catch (error) {
    onError(error, row);
    return { status: "threw" };
  }
};

/** Each connection of a server that is away says so again and again: the same words are told once a minute. */
const rarely = (tell: (error: unknown) => void) => {
  const toldAt = new Map<string, number>();
  return (error: unknown): void => {
    const words = error instanceof Error ? error.message : String(error);
    if (performance.now() - (toldAt.get(words) ?? Number.NEGATIVE_INFINITY) < 60_000) return;
    if (toldAt.size > 100) toldAt.clear();
    toldAt.set(words, performance.now());
    tell(error);
  };
};
