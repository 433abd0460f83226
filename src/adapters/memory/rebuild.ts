import { difference, keyOf } from "../../core/billing/projection.ts";
import { READ_MODEL, type Row, type TableName } from "../../core/billing/read-model.ts";
import type { Rebuild, RebuildReport } from "../../core/ports/rebuild.ts";
import { invariant, ok } from "../../core/result.ts";
import { compareText } from "./due-queue.ts";
import type { Memory } from "./memory.ts";
import { openTables, type Tables } from "./tables.ts";

const TABLES = Object.keys(READ_MODEL) as readonly TableName[];
const NAMED_DIFFERENCES = 100;
/** Streams between two words of progress. */
const TOLD_EVERY = 1000;

/** Its callers' functions may ask for a commit: writers wait until all is done. */
export const memoryRebuild =
  (memory: Memory): Rebuild["rebuild"] =>
  async (mode, rowsOf, onProgress) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    memory.rebuilding = promise;
    try {
      return ok(rebuilt(memory, mode, rowsOf, onProgress));
    } finally {
      memory.rebuilding = null;
      resolve();
    }
  };

const rebuilt = (memory: Memory, ...[mode, rowsOf, onProgress]: Parameters<Rebuild["rebuild"]>): RebuildReport => {
  const streams = [...memory.streams].filter(([, { version }]) => version > 0);
  const rows: Row[] = [];
  for (const [i, [stream, { events }]] of streams.entries()) {
    if (i % TOLD_EVERY === 0) onProgress(i, streams.length);
    rows.push(...rowsOf(stream, events));
  }
  onProgress(streams.length, streams.length);
  const differences = differencesOf(allRows(memory.tables), rows);
  if (mode === "replace") memory.tables = tablesWith(rows);
  const events = memory.outbox.length;
  return { events, streams: streams.length, differences, identical: differences.length === 0 };
};

const allRows = (tables: Tables): readonly Row[] =>
  TABLES.flatMap((table) => tables.all(table).map((row) => ({ table, row }) as Row));

const differencesOf = (live: readonly Row[], rebuilt: readonly Row[]): RebuildReport["differences"] => {
  const { removed, written } = difference(live, rebuilt);
  const known = new Set(live.map(keyOf));
  return [
    ...removed.map((row) => ({ ...nameOf(row), how: "extra" as const })),
    ...written.map((row) => ({
      ...nameOf(row),
      how: known.has(keyOf(row)) ? ("differs" as const) : ("missing" as const),
    })),
  ]
    .sort((a, b) => TABLES.indexOf(a.table) - TABLES.indexOf(b.table) || compareText(a.key, b.key))
    .slice(0, NAMED_DIFFERENCES);
};

const nameOf = ({ table, row }: Row) => {
  const cells = row as Readonly<Record<string, unknown>>;
  return { table, key: READ_MODEL[table].key.map((column) => String(cells[column])).join("/") };
};

const tablesWith = (rows: readonly Row[]): Tables => {
  const tables = openTables();
  const broken = tables.write([], rows, []);
  invariant(broken === null, `rows made from events keep what the store holds: ${broken?.constraint}`);
  return tables;
};
