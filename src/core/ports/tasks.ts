import type { DueKind, RowOf } from "../billing/read-model.ts";
import type { Result } from "../result.ts";
import type { WorkDone } from "../work/work.ts";
import type { Consumption } from "./bus.ts";

/**
 * Runs due work soon and on several machines. Only speed: a task names a row of `due`, or what a hint would have due, and the
 * rows of its subject, not the task, say whether there is work. A wiped queue is filled again by the sweep.
 */
export interface Tasks {
  /** The same row again while it waits, runs or is put off changes nothing. */
  add(rows: readonly RowOf<"due">[]): Promise<Result<null, TasksFault>>;
  /**
   * Hands rows to the worker of their kind. One that answers `later`, or throws, is put off. A worker that dies gives its
   * row to another within 60 s.
   */
  work(kinds: readonly DueKind[], worker: (row: RowOf<"due">) => Promise<WorkDone>): Promise<Consumption>;
}
export type TasksFault = { readonly code: "tasks_unavailable"; readonly detail: string };
