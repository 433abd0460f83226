import { READ_MODEL, type Row } from "./read-model.ts";

/** What a change of state does to the rows: written in this order, removals first. */
export type RowChanges = { readonly removed: readonly Row[]; readonly written: readonly Row[] };

/** A row's name for ever: its table and the values of its key. */
export const keyOf = (row: Row): string =>
  JSON.stringify([
    row.table,
    ...READ_MODEL[row.table].key.map((column) => String((row.row as Record<string, unknown>)[column])),
  ]);

/** The difference of two projections: rows that are gone, and rows that are new or differ. */
export const difference = (before: readonly Row[], after: readonly Row[]): RowChanges => {
  const old = new Map(before.map((row) => [keyOf(row), row]));
  const written = after.filter((row) => {
    const was = old.get(keyOf(row));
    old.delete(keyOf(row));
    return was === undefined || !sameRow(was, row);
  });
  return { removed: [...old.values()], written };
};

const sameRow = (a: Row, b: Row): boolean =>
  Object.keys(READ_MODEL[a.table].columns).every(
    (column) => (a.row as Record<string, unknown>)[column] === (b.row as Record<string, unknown>)[column],
  );
