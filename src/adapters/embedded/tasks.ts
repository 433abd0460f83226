import type { DueKind, RowOf } from "../../core/billing/read-model.ts";
import type { Tasks } from "../../core/ports/tasks.ts";
import { ok } from "../../core/result.ts";
import type { WorkDone } from "../../core/work/work.ts";

/** Rows that are worked on at the same time. */
const WORKERS = 4;
/** A row that stays due though its work was done, or whose worker threw, is put off ever longer. */
const PUT_OFF_MS = [1000, 5000, 30_000, 5 * 60_000, 60 * 60_000];

type Row = RowOf<"due">;

/**
 * Tasks within one process. Nothing of them survives it: the sweep finds all that is due again.
 * @param now milliseconds of a clock that goes on; only differences count
 * @param onError what a worker threw; its row is put off
 */
export const embeddedTasks = (
  onError: (error: unknown, row: Row) => void,
  now: () => number = () => performance.now(),
): Tasks => {
  const waiting = new Map<string, Row>();
  const running = new Map<string, Promise<void>>();
  /** How often a row came back, and until when it is left alone. Forgotten once that has long passed. */
  const putOff = new Map<string, { readonly until: number; readonly times: number }>();
  const workers = new Map<DueKind, (row: Row) => Promise<WorkDone>>();
  let isFilling = false;

  const later = (name: string, afterMs: number | null): void => {
    const times = putOff.get(name)?.times ?? 0;
    const waitMs = afterMs ?? PUT_OFF_MS[Math.min(times, PUT_OFF_MS.length - 1)] ?? 0;
    putOff.set(name, { until: now() + waitMs, times: times + 1 });
  };
  const forgetOld = (): void => {
    for (const [name, { until }] of putOff) if (until + FORGET_MS < now()) putOff.delete(name);
  };

  const work = async (name: string, row: Row): Promise<void> => {
    const worker = workers.get(row.kind as DueKind);
    if (worker === undefined) return;
    try {
      const done = await worker(row);
      later(name, done.status === "later" ? done.afterMs : null);
    } catch (error) {
      later(name, null);
      onError(error, row);
    }
  };
  const fill = (): void => {
    isFilling = false;
    for (const [name, row] of waiting) {
      if (running.size >= WORKERS) return;
      if (!workers.has(row.kind as DueKind)) continue;
      waiting.delete(name);
      const run = work(name, row).finally(() => {
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
        const name = `${row.kind} ${row.subject} ${row.dueAt}`;
        if (running.has(name) || waiting.has(name) || (putOff.get(name)?.until ?? 0) > now()) continue;
        waiting.set(name, row);
      }
      if (!isFilling) setTimeout(fill, 0);
      isFilling = true;
      return ok(null);
    },
    work: async (kinds, worker) => {
      for (const kind of kinds) workers.set(kind, worker);
      fill();
      return {
        stop: async () => {
          for (const kind of kinds) workers.delete(kind);
          await Promise.all(running.values());
        },
      };
    },
  };
};

const FORGET_MS = 2 * 60 * 60_000;
