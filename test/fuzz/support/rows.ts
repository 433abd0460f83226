import type { Driver } from "../../../src/adapters/postgres/driver.ts";

/** Every row of every table of ours, as text. */
export type Rows = ReadonlyMap<string, readonly string[]>;

export const tablesOf = async ({
  query,
}: Driver): Promise<readonly { readonly table: string; readonly column: string }[]> => {
  const rows = await query(
    `select table_schema || '.' || table_name as "table", column_name as "column" from information_schema.columns
      where table_schema in ('billing', 'accounts') order by 1, 2`,
  );
  return rows.map((row) => ({ table: String(row["table"]), column: String(row["column"]) }));
};

export const rowsOf = async (driver: Driver): Promise<Rows> => {
  const tables = [...new Set((await tablesOf(driver)).map(({ table }) => table))];
  const all = new Map<string, readonly string[]>();
  for (const table of tables) {
    const rows = await driver.query(`select to_jsonb(one)::text as "row" from ${table} one order by 1`);
    all.set(
      table,
      rows.map((row) => String(row["row"])),
    );
  }
  return all;
};

/** By table, the columns whose values differ between rows of before and of after; of new rows all columns. */
export const changed = (before: Rows, after: Rows): readonly string[] => {
  const differences = new Set<string>();
  for (const [table, rows] of after) {
    const known = new Set(before.get(table) ?? []);
    const gone = (before.get(table) ?? []).filter((row) => !rows.includes(row)).map(parse);
    for (const row of rows.filter((one) => !known.has(one)).map(parse)) {
      const was = gone.find((one) => sameKey(one, row));
      for (const [column, value] of Object.entries(row))
        if (was === undefined || JSON.stringify(was[column]) !== JSON.stringify(value))
          differences.add(`${table}.${column}`);
    }
  }
  return [...differences].toSorted();
};

type Row = Readonly<Record<string, unknown>>;
const parse = (text: string): Row => JSON.parse(text) as Row;
/** The first column that ends in `_id` names a row well enough here. */
const sameKey = (a: Row, b: Row): boolean => {
  const key = Object.keys(a).filter((name) => name.endsWith("_id") || name === "code" || name === "stream");
  return key.length > 0 && key.every((name) => a[name] === b[name]);
};
