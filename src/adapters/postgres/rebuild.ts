import type { DomainEvent } from "../../core/billing/domain.ts";
import { READ_MODEL, type Row, type TableName } from "../../core/billing/read-model.ts";
import type { StreamName } from "../../core/billing/stream.ts";
import type { Rebuild, RebuildReport, RowsOf } from "../../core/ports/rebuild.ts";
import { decodeEvent } from "../wire/events.ts";
import type { Driver } from "./driver.ts";
import { answered } from "./faults.ts";
import { COLUMNS, keyColumns, printRows } from "./rows.ts";

const TABLES = Object.keys(READ_MODEL) as readonly TableName[];
/** Events read at a time. */
const BATCH = 10_000;
const NAMED_DIFFERENCES = 100;

type Query = Driver["query"];

export const postgresRebuild =
  (driver: Driver): Rebuild["rebuild"] =>
  (mode, rowsOf, onProgress) =>
    answered(() =>
      driver.transaction(async (query) => {
        // Every writer locks streams first: holding the table keeps them out until the end.
        await query("lock table billing.streams in exclusive mode");
        for (const table of TABLES) {
          await query(`create temporary table rebuilt_${table} (like billing.${table}) on commit drop`);
        }
        const counted = await fill(query, rowsOf, onProgress);
        const differences: RebuildReport["differences"][number][] = [];
        for (const table of TABLES)
          differences.push(...(await compare(query, table, NAMED_DIFFERENCES - differences.length)));
        if (mode === "replace") await replace(query);
        return { ...counted, differences, identical: differences.length === 0 };
      }),
    );

/** Reads all events in the order of their streams and writes each stream's rows beside the live ones. */
const fill = async (query: Query, rowsOf: RowsOf, onProgress: (done: number, all: number) => void) => {
  const [count] = await query("select count(*)::int as streams from billing.streams where version > 0");
  const all = count?.["streams"] as number;
  let [streams, events] = [0, 0];
  let last: { stream: string; version: number } = { stream: "", version: 0 };
  let open: { readonly stream: StreamName; readonly events: DomainEvent[] } = { stream: "" as StreamName, events: [] };
  let rows: Row[] = [];
  const close = (): void => {
    if (open.events.length === 0) return;
    rows.push(...rowsOf(open.stream, open.events));
    streams += 1;
  };
  for (;;) {
    const batch = await query(
      "select stream, version, type, schema, body from billing.events where (stream, version) > ($1, $2) order by stream, version limit $3",
      [last.stream, last.version, BATCH],
    );
    for (const { stream, version, type, schema, body } of batch) {
      if (open.stream !== stream) {
        close();
        open = { stream: stream as StreamName, events: [] };
      }
      open.events.push(decodeEvent(type as string, schema as number, body));
      last = { stream: stream as string, version: version as number };
    }
    events += batch.length;
    if (batch.length === 0) close();
    await write(query, rows);
    rows = [];
    onProgress(streams, all);
    if (batch.length === 0) return { events, streams };
  }
};

const write = async (query: Query, rows: readonly Row[]): Promise<void> => {
  for (const [table, printed] of Object.entries(printRows(rows))) {
    await query(
      `insert into rebuilt_${table} select * from jsonb_populate_recordset(null::billing.${table}, $1::text::jsonb)`,
      [JSON.stringify(printed)],
    );
  }
};

/** Rows that only one side has, told apart by key. */
const compare = async (query: Query, table: TableName, most: number): Promise<RebuildReport["differences"]> => {
  if (most <= 0) return [];
  const key = keyColumns(table);
  const differing = await query(
    `with missing as (select * from rebuilt_${table} except all select * from billing.${table}),
      extra as (select * from billing.${table} except all select * from rebuilt_${table})
    select concat_ws('/', ${key.map((column) => `coalesce(missing.${column}, extra.${column})`).join(", ")}) as key,
      missing.${key[0]} is not null as in_rebuilt, extra.${key[0]} is not null as in_live
    from missing full join extra on (${key.map((column) => `missing.${column} = extra.${column}`).join(" and ")})
    order by 1 limit $1`,
    [most],
  );
  return differing.map(({ key: name, in_rebuilt, in_live }) => ({
    table,
    key: name as string,
    how: in_rebuilt === true && in_live === true ? "differs" : in_rebuilt === true ? "missing" : "extra",
  }));
};

const replace = async (query: Query): Promise<void> => {
  for (const table of TABLES) {
    const columns = COLUMNS[table].map(({ sql }) => sql).join(", ");
    await query(`delete from billing.${table}`);
    await query(`insert into billing.${table} (${columns}) select ${columns} from rebuilt_${table}`);
  }
};
