import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { RowOf } from "../../core/billing/read-model.ts";
import type { TasksFault } from "../../core/ports/tasks.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { type Instant, instantOf } from "../../core/time.ts";
import { impatient, opened } from "./connection.ts";
import { dataOf, kindOf, readTask } from "./jobs.ts";
import { openQueue } from "./tasks.ts";

/** What an operator sees of the queues, and may do there. Whether there is work is said by the rows of `due`, not here. */
export type TaskList = {
  /** How many there are of each kind. */
  counts(): Promise<Result<readonly TaskCounts[], TasksFault>>;
  /** Those that run, then those that wait, then those that are put off, the next to run first; `most` of each kind and state. */
  tasks(most: number): Promise<Result<readonly ListedTask[], TasksFault>>;
  /** Has one that is put off taken at once. */
  retry(id: string): Promise<Result<null, TasksFault | { readonly code: "task_not_put_off" }>>;
  close(): Promise<void>;
};
export type TaskCounts = { readonly kind: string } & Readonly<Record<TaskState, number>>;
export type TaskState = (typeof STATES)[number];
export type ListedTask = {
  readonly id: string;
  readonly state: TaskState;
  readonly row: RowOf<"due">;
  /** How often its worker has thrown. */
  readonly throws: number;
  /** When one that is put off runs again. */
  readonly runsAt: Instant | null;
};

const STATES = ["active", "waiting", "delayed"] as const;

/** @param kinds those that are told of */
export const bullmqTaskList = (
  { url, prefix = "matinee" }: { readonly url: string; readonly prefix?: string },
  kinds: readonly string[],
): TaskList => {
  const redis = impatient(url);
  const onOpened = opened(redis);
  const queues = new Map(kinds.map((kind) => [kind, openQueue(redis, prefix, kind)]));
  const asked = async <T>(ask: () => Promise<T>): Promise<T | ReturnType<typeof away>> => {
    await onOpened;
    return redis.status === "ready" ? ask().catch(away) : away("Redis is away");
  };

  return {
    counts: () => asked(async () => ok(await Promise.all([...queues].map(countsOf)))),
    tasks: (most) =>
      asked(async () => {
        const listed = await Promise.all([...queues.values()].map((queue) => tasksOf(redis, queue, most)));
        return ok(listed.flat().toSorted((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state)));
      }),
    retry: (id) =>
      asked(async () => {
        const job = await queues.get(kindOf(id))?.getJob(id);
        const task = readTask(job?.data);
        if (job === undefined || task === null || !(await job.isDelayed())) return err({ code: "task_not_put_off" });
        // One that only rests would do nothing, and one that was just done would rest.
        await job.updateData(dataOf({ ...task, rests: false, wanted: true }));
        await job.promote();
        return ok(null);
      }),
    close: async () => {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      redis.disconnect();
    },
  };
};

const away = (error: unknown) =>
  err({ code: "tasks_unavailable", detail: error instanceof Error ? error.message : String(error) });

const countsOf = async ([kind, queue]: readonly [string, Queue]): Promise<TaskCounts> => {
  const { active = 0, waiting = 0, delayed = 0 } = await queue.getJobCounts(...STATES);
  return { kind, active, waiting, delayed };
};

const tasksOf = async (redis: Redis, queue: Queue, most: number): Promise<readonly ListedTask[]> => {
  const listed: ListedTask[] = [];
  for (const state of STATES) {
    for (const { id = "", data } of await queue.getJobs(state, 0, most - 1, true)) {
      const task = readTask(data);
      const runsAt = state === "delayed" ? await runsAtOf(redis, queue, id) : null;
      if (task !== null) listed.push({ id, state, row: task.row, throws: task.throws, runsAt });
    }
  }
  return listed;
};

/** A job tells only how long it was to wait, not since when. Its place in the queue is the instant, and 12 bits for the order. */
const runsAtOf = async (redis: Redis, queue: Queue, id: string): Promise<Instant | null> => {
  const score = await redis.zscore(queue.toKey("delayed"), id);
  return score === null ? null : instantOf(Math.floor(Number(score) / 2 ** 12));
};
