import type { RowOf } from "../../src/core/billing/read-model.ts";
import type { Tasks } from "../../src/core/ports/tasks.ts";
import { err, ok } from "../../src/core/result.ts";
import { MINUTE_MS } from "../../src/core/time.ts";
import type { WorkDone } from "../../src/core/work/work.ts";
import type { Machine, Process } from "./process.ts";

type Row = RowOf<"due">;

/** A queue on a machine of its own: it holds rows of `due` and hands them to whoever works. */
export type SimulatedTasks = {
  of(process: Process): Pick<Tasks, "add">;
  /** Who works, until its process dies. */
  readonly workers: Set<{ readonly process: Process; work(row: Row): Promise<WorkDone> }>;
  /** Whether it takes this row from a sweep: not while the row waits, runs or is put off. */
  takes(row: Row): boolean;
};

/** A row that is still there after its work was done, or that nobody could take, is put off ever longer. */
const PUT_OFF_MS = [1000, 5000, 30_000, 5 * MINUTE_MS, 60 * MINUTE_MS];
/** A dead worker's row is given to another within this. */
const DEAD_AFTER_MS = 60_000;

export const openTasks = (
  { scheduler, dice, faults, fail }: Machine,
  done: (row: Row, came: WorkDone) => void,
): SimulatedTasks => {
  const workers: SimulatedTasks["workers"] = new Set();
  const held = new Set<string>();
  const putOff = new Map<string, { readonly until: number; readonly times: number }>();
  const queue = { name: "queue", isAlive: () => true };

  const handOut = async (row: Row, name: string): Promise<void> => {
    for (let waitMs = 0; held.has(name); waitMs = dice.about(1000, DEAD_AFTER_MS)) {
      await scheduler.turn(queue, `hands out ${row.kind}`, waitMs);
      const worker = dice.pick([...workers].filter(({ process }) => process.isAlive()));
      const came = (await worker?.process.run(() => worker.work(row))) ?? null;
      if (came === null) continue;
      done(row, came);
      const times = putOff.get(name)?.times ?? 0;
      const leftMs = PUT_OFF_MS[Math.min(times, PUT_OFF_MS.length - 1)] ?? 0;
      const until = scheduler.now() + (came.status === "later" ? came.afterMs : leftMs);
      putOff.set(name, { until, times: times + 1 });
      scheduler.mark(until as Row["dueAt"]);
      held.delete(name);
    }
  };
  const takes = (name: string): boolean => !held.has(name) && (putOff.get(name)?.until ?? 0) <= scheduler.now();

  return {
    workers,
    takes: (row) => takes(nameOf(row)),
    of: (process) => ({
      add: (rows) =>
        process.call("tasks add", async () => {
          if (faults.happens("tasks_away"))
            return err({ code: "tasks_unavailable", detail: "as chance would have it" });
          if (faults.happens("tasks_wiped")) {
            held.clear();
            putOff.clear();
          }
          for (const row of rows) {
            const name = nameOf(row);
            if (!takes(name) || faults.happens("task_lost")) continue;
            held.add(name);
            handOut(row, name).catch(fail);
            if (faults.happens("task_twice")) handOut(row, name).catch(fail);
          }
          return ok(null);
        }),
    }),
  };
};

const nameOf = ({ kind, subject, dueAt }: Row): string => `${kind} ${subject} ${dueAt}`;
