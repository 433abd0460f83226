import type { RowOf } from "../billing/read-model.ts";
import type { Result } from "../result.ts";
import type { WorkDone, WorkKind } from "../work/work.ts";
import type { Consumption } from "./bus.ts";

/**
 * Runs due work soon and on several machines. Only speed: a task names a row of `due`, or what a hint would have due, and the
 * rows of its subject, not the task, say whether there is work. A wiped queue is filled again by the sweep.
 */
export interface Tasks {
  /** The same row again while it waits, runs or is put off changes nothing. Answers within 2 s. */
  add(rows: readonly RowOf<"due">[]): Promise<Result<null, TasksFault>>;
  /**
   * Hands rows to the worker of their kind. One that answers `later` is put off for as long as it says, one that throws for
   * as long as `retries.ts` says. A row that is added again and again although its work is done is put off ever longer.
   * A worker that dies gives its row to another within 60 s.
   */
  work(kinds: readonly WorkKind[], worker: (row: RowOf<"due">) => Promise<WorkDone>): Promise<Consumption>;
  /**
   * Has a step done at once and then again and again. Of all processes that schedule a name one does the step each time; a
   * dead one's may be done again, and one that takes longer than `everyMs` may meet the next on another machine.
   */
  schedule(name: string, everyMs: number, step: () => Promise<void>): Promise<Consumption>;
}
export type TasksFault = { readonly code: "tasks_unavailable"; readonly detail: string };
