import { keyOf } from "../../core/billing/projection.ts";
import { READ_MODEL, type Row, type RowOf, type TableName } from "../../core/billing/read-model.ts";
import { CONSTRAINTS, type Constraint, GROUPED_BY } from "./constraints.ts";
import { type DueQueue, openDueQueue } from "./due-queue.ts";
import { isStorable } from "./storable.ts";

/** Why rows were not written. `check`: no state may ever hold this. `unique`: another row has it already. */
export type Broken = { readonly kind: "check" | "unique"; readonly constraint: string };
/** How to take back what a commit has done so far, in the order of doing. */
export type Undo = (() => void)[];

/** The read model by key, with the ways in that queries and constraints need. Rows are frozen. */
export type Tables = {
  row<Name extends TableName>(table: Name, key: Partial<RowOf<Name>>): RowOf<Name> | null;
  all<Name extends TableName>(table: Name): readonly RowOf<Name>[];
  /** The rows whose grouping column (see `GROUPED_BY`) has this value. */
  group<Name extends TableName>(table: Name, value: string): readonly RowOf<Name>[];
  readonly due: Pick<DueQueue, "behind">;
  /** Removals first, then what is written in the order given: as `billing.write_rows` does in each table. */
  write(removed: readonly Row[], written: readonly Row[], undo: Undo): Broken | null;
};

type Cell = string | number | bigint | boolean | null;
type Cells = Readonly<Record<string, Cell>>;
type Table = { readonly rows: Map<string, Cells>; readonly groups: Map<Cell, Map<string, Cells>> };

const NAMES = Object.keys(READ_MODEL) as readonly TableName[];
/** A row goes with the constraints of its own table: here, and only here, the two have lost sight of each other. */
const constraintsOf = (table: TableName) => CONSTRAINTS[table] as readonly Constraint<Cells>[];

export const openTables = (): Tables => {
  const tables = Object.fromEntries(
    NAMES.map((name) => [name, { rows: new Map(), groups: new Map() }]),
  ) as unknown as Record<TableName, Table>;
  /** Constraints with the values that some row has taken for itself. */
  const taken = new Set<string>();
  const due = openDueQueue();

  const link = (table: TableName, key: string, row: Cells): void => {
    const { rows, groups } = tables[table];
    rows.set(key, row);
    const group = groups.get(groupOf(table, row));
    if (group === undefined) groups.set(groupOf(table, row), new Map([[key, row]]));
    else group.set(key, row);
    for (const { values } of sharedValues(table, row)) taken.add(values);
    if (table === "due") due.add(row as RowOf<"due">);
  };
  const unlink = (table: TableName, key: string, row: Cells): void => {
    const { rows, groups } = tables[table];
    rows.delete(key);
    const group = groups.get(groupOf(table, row));
    group?.delete(key);
    if (group?.size === 0) groups.delete(groupOf(table, row));
    for (const { values } of sharedValues(table, row)) taken.delete(values);
    if (table === "due") due.remove(row as RowOf<"due">);
  };
  const remove = (table: TableName, key: string, undo: Undo): void => {
    const row = tables[table].rows.get(key);
    if (row === undefined) return;
    unlink(table, key, row);
    undo.push(() => link(table, key, row));
  };
  const put = ({ table, row }: Row, key: string, undo: Undo): Broken | null => {
    const cells = Object.freeze({ ...row }) as Cells;
    const before = tables[table].rows.get(key);
    remove(table, key, undo);
    const broken =
      brokenCheck(table, cells) ??
      sharedValues(table, cells).find(({ values }) => taken.has(values)) ??
      overlap(table, cells, tables[table]) ??
      (before === undefined ? undefined : moved(table, before, cells));
    if (broken !== undefined) return broken;
    link(table, key, cells);
    undo.push(() => unlink(table, key, cells));
    return null;
  };

  return {
    row: <Name extends TableName>(table: Name, key: Partial<RowOf<Name>>) =>
      (tables[table].rows.get(keyOf({ table, row: key } as unknown as Row)) ?? null) as RowOf<Name> | null,
    all: <Name extends TableName>(table: Name) => [...tables[table].rows.values()] as unknown as RowOf<Name>[],
    group: <Name extends TableName>(table: Name, value: string) =>
      [...(tables[table].groups.get(value)?.values() ?? [])] as unknown as RowOf<Name>[],
    due,
    write: (removed, written, undo) => {
      for (const row of removed) remove(row.table, keyOf(row), undo);
      const keys = new Set<string>();
      for (const row of written) {
        const key = keyOf(row);
        if (keys.has(key)) return { kind: "check", constraint: `${key} is written once in a commit` };
        keys.add(key);
        const broken = put(row, key, undo);
        if (broken !== null) return broken;
      }
      return null;
    },
  };
};

const groupOf = (table: TableName, row: Cells): Cell => row[GROUPED_BY[table]] ?? null;

/** The values that a row keeps for itself, each with the constraint that says so. */
const sharedValues = (table: TableName, row: Cells): readonly (Broken & { readonly values: string })[] =>
  constraintsOf(table).flatMap((constraint) => {
    if (constraint.kind !== "unique" || !constraint.among(row)) return [];
    const values = constraint.over.map((column) => row[column] ?? null);
    if (values.includes(null)) return [];
    return [{ kind: "unique", constraint: constraint.name, values: JSON.stringify([constraint.name, ...values]) }];
  });

const brokenCheck = (table: TableName, row: Cells): Broken | undefined => {
  const malformed = malformedColumn(table, row);
  if (malformed !== undefined) return { kind: "check", constraint: `${table}.${malformed}` };
  const broken = constraintsOf(table).find((constraint) => constraint.kind === "check" && !constraint.holds(row));
  return broken && { kind: "check", constraint: broken.name };
};

const overlap = (table: TableName, row: Cells, { groups }: Table): Broken | undefined => {
  for (const constraint of constraintsOf(table)) {
    if (constraint.kind !== "apart") continue;
    const { name, from, until } = constraint;
    for (const other of groups.get(groupOf(table, row))?.values() ?? []) {
      if (Number(row[from]) < Number(other[until]) && Number(other[from]) < Number(row[until]))
        return { kind: "unique", constraint: name };
    }
  }
  return undefined;
};

const moved = (table: TableName, before: Cells, row: Cells): Broken | undefined => {
  const broken = constraintsOf(table).find(({ kind }) => kind === "stays");
  if (broken === undefined || groupOf(table, before) === groupOf(table, row)) return undefined;
  return { kind: "unique", constraint: broken.name };
};

const CELL_TYPES = { text: "string", count: "number", minor: "bigint", instant: "number", flag: "boolean" } as const;

/** The first column whose value the database would not take. */
const malformedColumn = (table: TableName, row: Cells): string | undefined => {
  const columns: Readonly<Record<string, string>> = READ_MODEL[table].columns;
  return Object.keys(columns).find((column) => {
    const [value, kind] = [row[column] ?? null, columns[column] ?? ""];
    if (value === null) return !kind.endsWith("?");
    return typeof value !== CELL_TYPES[kind.replace("?", "") as keyof typeof CELL_TYPES] || !isStorable(value);
  });
};
