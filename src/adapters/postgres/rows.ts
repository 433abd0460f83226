import { READ_MODEL, type Row, type RowOf, type TableName } from "../../core/billing/read-model.ts";
import type { Instant } from "../../core/time.ts";
import type { SqlRow } from "./driver.ts";

type Column = { readonly name: string; readonly sql: string; readonly kind: string };
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The columns of each table of the read model, as SQL names them. */
export const COLUMNS: Readonly<Record<TableName, readonly Column[]>> = Object.fromEntries(
  Object.entries(READ_MODEL).map(([table, { columns }]) => [
    table,
    Object.entries(columns).map(([name, kind]) => ({ name, sql: snake(name), kind: kind.replace("?", "") })),
  ]),
) as never;

export const keyColumns = (table: TableName): readonly string[] => READ_MODEL[table].key.map(snake);

/** A row as JSON that `jsonb_populate_recordset` reads: instants as text, sums as digits. */
export const printRow = ({ table, row }: Row): Readonly<Record<string, string | number | boolean | null>> => {
  const printed: Record<string, string | number | boolean | null> = {};
  const values = row as Readonly<Record<string, string | number | bigint | boolean | null>>;
  for (const { name, sql, kind } of COLUMNS[table]) {
    const value = values[name] ?? null;
    if (typeof value === "bigint") printed[sql] = value.toString();
    else printed[sql] = kind === "instant" && value !== null ? new Date(value as number).toISOString() : value;
  }
  return printed;
};

/** Rows by table, each table's in the order given: what `billing.write_rows` takes. */
export const printRows = (rows: readonly Row[]): Readonly<Record<string, readonly object[]>> => {
  const byTable: Record<string, object[]> = {};
  for (const row of rows) {
    byTable[row.table] ??= [];
    byTable[row.table]?.push(printRow(row));
  }
  return byTable;
};

/** Reads a row of the read model as a driver gives it. `prefix`: of its columns, where a statement joins two tables. */
export const readRow = <Name extends TableName>(table: Name, found: SqlRow, prefix = ""): RowOf<Name> => {
  const row: Record<string, unknown> = {};
  for (const { name, sql, kind } of COLUMNS[table]) {
    const value = found[`${prefix}${sql}`] ?? null;
    row[name] =
      value === null
        ? null
        : kind === "instant"
          ? instantOfDate(value)
          : kind === "minor"
            ? BigInt(value as bigint)
            : value;
  }
  return row as RowOf<Name>;
};

export const instantOfDate = (value: unknown): Instant => (value as Date).getTime() as Instant;
export const printInstant = (at: Instant): string => new Date(at).toISOString();
