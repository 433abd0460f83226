import type { RowOf } from "../../core/billing/read-model.ts";
import type { Tasks } from "../../core/ports/tasks.ts";
import { ok } from "../../core/result.ts";
import { putOffMs, retryAfterMs } from "../../core/work/retries.ts";
import type { WorkDone, WorkKind } from "../../core/work/work.ts";
import { loop } from "./loop.ts";

/** Rows that are worked on at the same time. */
const WORKERS = 4;

type Row = RowOf<"due">;
/** Until when a row is left alone, how often it was done, and how often its worker threw. */
type PutOff = { readonly until: number; readonly done: number; readonly thrown: number };

/**
 * Tasks within one process. Nothing of them survives it: the sweep finds all that is due again.
 * @param now milliseconds of a clock that goes on; only differences count
 * @param onError what a worker threw, whose row is put off; or a step, which is called a `schedule` with the step's name
 */
export const embeddedTasks = (
  onError: (error: unknown, of: Pick<Row, "kind" | "subject">) => void,
  now: () => number = () => performance.now(),
): Tasks => {
  const waiting = new Map<string, Row>();
  const running = new Map<string, Promise<void>>();
  /** Forgotten once its time has long passed. */
  const putOff = new Map<string, PutOff>();
  const workers = new Map<string, (row: Row) => Promise<PutOff>>();
  let isFilling = false;

  const forgetOld = (): void => {
    for (const [name, { until }] of putOff) if (until + FORGET_MS < now()) putOff.delete(name);
  };
  /** One worker, as it handles rows of its kind. */
  const handling = (kind: WorkKind, worker: (row: Row) => Promise<WorkDone>) => async (row: Row) => {
    const { done, thrown } = putOff.get(nameOf(row)) ?? { done: 0, thrown: 0 };
    try {
      const came = await worker(row);
      if (came.status === "later") return { until: now() + came.afterMs, done, thrown };
      return { until: now() + putOffMs(done + 1), done: done + 1, thrown };
    } catch (error) {
      onError(error, row);
      return { until: now() + retryAfterMs(kind, thrown + 1), done, thrown: thrown + 1 };
    }
  };
  const fill = (): void => {
    isFilling = false;
    for (const [name, row] of waiting) {
      if (running.size >= WORKERS) return;
      const handle = workers.get(row.kind);
      if (handle === undefined) continue;
      waiting.delete(name);
      const run = handle(row).then((left) => {
        putOff.set(name, left);
        running.delete(name);
        fill();
      });
      running.set(name, run);
    }
  };

  return {
    add: async (rows) => {
      forgetOld();
      for (const row of rows) {
        const name = nameOf(row);
        if (running.has(name) || waiting.has(name) || (putOff.get(name)?.until ?? 0) > now()) continue;
        waiting.set(name, row);
      }
      if (!isFilling) setTimeout(fill, 0);
      isFilling = true;
      return ok(null);
    },
    work: async (kinds, worker) => {
      for (const kind of kinds) workers.set(kind, handling(kind, worker));
      fill();
      return {
        stop: async () => {
          for (const kind of kinds) workers.delete(kind);
          await Promise.all(running.values());
        },
      };
    },
    schedule: async (name, everyMs, step) =>
      loop(
        async () => {
          await step();
          return false;
        },
        everyMs,
        (error) => onError(error, { kind: "schedule", subject: name }),
      ),
  };
};

const FORGET_MS = 2 * 60 * 60_000;
const nameOf = ({ kind, subject, dueAt }: Row): string => `${kind} ${subject} ${dueAt}`;
