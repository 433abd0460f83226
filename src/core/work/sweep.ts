import type { DueKind, RowOf } from "../billing/read-model.ts";
import type { Queries } from "../ports/queries.ts";
import type { Tasks } from "../ports/tasks.ts";
import type { Instant } from "../time.ts";

const BATCH_ROWS = 500;

/** Finds all that is due and leaves a task for each row. Costs what is due, not what exists; two at once do no harm. */
export const sweep = async (
  { queries, tasks }: { readonly queries: Pick<Queries, "due">; readonly tasks: Pick<Tasks, "add"> },
  kinds: readonly DueKind[],
  at: Instant,
): Promise<void> => {
  let last: RowOf<"due"> | null = null;
  for (;;) {
    const rows = await queries.due(at, kinds, last, BATCH_ROWS);
    if (!rows.ok) return;
    if (rows.value.length > 0) await tasks.add(rows.value);
    if (rows.value.length < BATCH_ROWS) return;
    last = rows.value.at(-1) ?? null;
  }
};
