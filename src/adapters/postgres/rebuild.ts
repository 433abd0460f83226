import type { DomainEvent } from "../../core/billing/domain.ts";
import { READ_MODEL, type Row, type TableName } from "../../core/billing/read-model.ts";
import type { StreamName } from "../../core/billing/stream.ts";
import type { Rebuild, RebuildReport, RowsOf } from "../../core/ports/rebuild.ts";
import { decodeEvent } from "../wire/events.ts";
import type { Driver, SqlRow } from "./driver.ts";
import { answered } from "./faults.ts";
import { COLUMNS, keyColumns, printRows } from "./rows.ts";

const TABLES = Object.keys(READ_MODEL) as readonly TableName[];
/** Events read at a time. */
const BATCH = 2000;
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

/**
 * Reads all events in the order of their streams and writes each stream's rows beside the live ones. While one batch is
 * projected here, the database writes the rows of the one before it and reads the next.
 */
const fill = async (query: Query, rowsOf: RowsOf, onProgress: (done: number, all: number) => void) => {
  const [count] = await query("select count(*)::int as streams from billing.streams where version > 0");
  const all = count?.["streams"] as number;
  let [streams, events] = [0, 0];
  let open: { readonly stream: StreamName; readonly events: DomainEvent[] } = { stream: "" as StreamName, events: [] };
  let rows: Row[] = [];
  const close = (): void => {
    if (open.events.length === 0) return;
    rows.push(...rowsOf(open.stream, open.events));
    streams += 1;
  };
  let coming = read(query, undefined);
  let written = Promise.resolve();
  for (let batch = await coming; batch.length > 0; batch = await coming) {
    coming = read(query, batch.at(-1));
    for (const { stream, type, schema, body } of batch) {
      if (open.stream !== stream) {
        close();
        open = { stream: stream as StreamName, events: [] };
      }
      open.events.push(decodeEvent(type as string, schema as number, body));
    }
    events += batch.length;
    await written;
    written = write(query, rows);
    rows = [];
    onProgress(streams, all);
  }
  close();
  await written;
  await write(query, rows);
  onProgress(streams, all);
  return { events, streams };
};

/** A promise that is awaited later: that it fails in the meantime is no news to the process. */
const later = <T>(promise: Promise<T>): Promise<T> => {
  promise.catch(() => undefined);
  return promise;
};

const read = (query: Query, after: SqlRow | undefined): Promise<readonly SqlRow[]> =>
  later(
    query(
      "select stream, version, type, schema, body from billing.events where (stream, version) > ($1, $2) order by stream, version limit $3",
      [(after?.["stream"] ?? "") as string, (after?.["version"] ?? 0) as number, BATCH],
    ),
  );

const write = (query: Query, rows: readonly Row[]): Promise<void> => {
  const tables = Object.entries(printRows(rows)).map(([table, printed]) =>
    query(
      `insert into rebuilt_${table} select * from jsonb_populate_recordset(null::billing.${table}, $1::text::jsonb)`,
      [JSON.stringify(printed)],
    ),
  );
  return later(Promise.all(tables).then(() => undefined));
};

/** Rows that only one side has, told apart by key. */
const compare = async (query: Query, table: TableName, most: number): Promise<RebuildReport["differences"]> => {
  if (most <= 0 || (await areEqual(query, table))) return [];
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

/** As many rows on both sides, and none without its like on the other: half the work of naming what differs. */
const areEqual = async (query: Query, table: TableName): Promise<boolean> => {
  const same = keyColumns(table).map((column) => `rebuilt.${column} = live.${column}`);
  const [row] = await query(
    `select (select count(*) from rebuilt_${table}) = (select count(*) from billing.${table})
      and not exists (
        select from rebuilt_${table} rebuilt full join billing.${table} live on (${same.join(" and ")})
        where rebuilt is distinct from live
      ) as equal`,
  );
  return row?.["equal"] === true;
};

const replace = async (query: Query): Promise<void> => {
  for (const table of TABLES) {
    const columns = COLUMNS[table].map(({ sql }) => sql).join(", ");
    await query(`delete from billing.${table}`);
    await query(`insert into billing.${table} (${columns}) select ${columns} from rebuilt_${table}`);
  }
};
