import type { RowOf } from "../../core/billing/read-model.ts";

type Due = RowOf<"due">;

/** Waiting work in the order in which it falls due, so that a sweep reads no more than what is due. */
export type DueQueue = {
  add(row: Due): void;
  remove(row: Due): void;
  /** Rows behind `after`, or all of them, in order. */
  behind(after: Due | null): Iterable<Due>;
};

export const openDueQueue = (): DueQueue => {
  const rows: Due[] = [];
  /** Where the first row stands that is not before `row`. */
  const placeOf = (row: Due): number => {
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const one = rows[middle];
      if (one !== undefined && order(one, row) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    add: (row) => void rows.splice(placeOf(row), 0, row),
    remove: (row) => void rows.splice(placeOf(row), 1),
    *behind(after) {
      if (after === null) return yield* rows;
      for (let place = placeOf(after); place < rows.length; place += 1) {
        const row = rows[place];
        if (row !== undefined && order(row, after) > 0) yield row;
      }
    },
  };
};

const order = (a: Due, b: Due): number =>
  a.dueAt - b.dueAt || compareText(a.kind, b.kind) || compareText(a.subject, b.subject);

/** As the database's "C" collation orders what we write: all of it is ASCII. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
