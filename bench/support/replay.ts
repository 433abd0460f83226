import { AsyncLocalStorage } from "node:async_hooks";
import type { Driver, Parameter, SqlRow } from "../../src/adapters/postgres/driver.ts";
import { connect, ourSettings } from "./database.ts";
import { asScript, pgbench } from "./pgbench.ts";
import type { Half } from "./rounds.ts";

/** A statement that our code sent, and what came back. */
export type Sent = {
  readonly text: string;
  readonly params: readonly Parameter[];
  readonly rows: readonly SqlRow[];
};

/** What pgbench sends in our place: the statements of one request, their parameters in `bench.prepared`. */
export type Replay = {
  readonly script: string;
  /** How many statements our code sends for one request. */
  readonly statements: number;
  readonly perRead: number;
};

/** A driver that keeps what is sent while `watch` runs, also when many run at once. */
export const recorder = (driver: Driver) => {
  const watched = new AsyncLocalStorage<Sent[]>();
  const recording: Driver = {
    ...driver,
    query: async (text, params = []) => {
      const kept = { text, params, rows: [] as readonly SqlRow[] };
      watched.getStore()?.push(kept);
      kept.rows = await driver.query(text, params);
      return kept.rows;
    },
  };
  return {
    driver: recording,
    watch: async (run: () => Promise<void>): Promise<readonly Sent[]> => {
      const sent: Sent[] = [];
      await watched.run(sent, run);
      return sent;
    },
  };
};

/** Where a parameter comes from: it is null in all requests, was made by the database in this one, or lies prepared. */
type Source = { readonly from: "null" } | { readonly from: "answer"; readonly name: string } | { readonly from: "row" };

/**
 * Keeps the parameters of recorded requests in `bench.prepared`, and writes the script that sends them.
 * @param perRead requests whose parameters pgbench reads at once: a read for each would weigh as much as a small request
 */
export const keepReplay = async (
  driver: Driver,
  recorded: readonly (readonly Sent[])[],
  perRead = 1,
): Promise<Replay> => {
  const [first = []] = recorded;
  const requests = recorded.map((sent) => inOrderOf(first, sent));
  const sources = first.map(({ params }, i) => params.map((_, j) => sourceOf(first, i, j)));
  for (const sent of requests) assertAlike(first, sources, sent);

  const columns = sources.flatMap((of, i) => of.flatMap(({ from }, j) => (from === "row" ? [`s${i}_${j + 1}`] : [])));
  const all = Array.from({ length: perRead }, (_, k) => columns.map((column) => `k${k}_${column}`)).flat();
  await driver.query("create schema bench");
  await driver.query(
    `create table bench.prepared (n integer primary key, ${all.map((column) => `${column} text`).join(", ")})`,
  );
  // The rows stay whole and plain: pgbench's read of them should cost as little as it can.
  for (const column of all) await driver.query(`alter table bench.prepared alter ${column} set storage main`);
  await driver.query("alter table bench.prepared set (toast_tuple_target = 8160)");
  const rows = Array.from({ length: Math.floor(requests.length / perRead) }, (_, n) => {
    const values = requests.slice(n * perRead, (n + 1) * perRead).flatMap((sent) => valuesOf(sources, sent));
    return { n, ...Object.fromEntries(all.map((column, i) => [column, values[i]])) };
  });
  for (let from = 0; from < rows.length; from += 1000)
    await driver.query(
      "insert into bench.prepared select * from jsonb_populate_recordset(null::bench.prepared, $1::text::jsonb)",
      [JSON.stringify(rows.slice(from, from + 1000))],
    );

  // pgbench acts as whoever we act as.
  await driver.query("grant usage on schema bench to public");
  await driver.query("grant select on bench.prepared to public");

  // More requests than were recorded begin again with the first.
  const read = `\\set row :n % ${rows.length}\nselect ${all.join(", ")} from bench.prepared where n = :row \\gset\n`;
  const sends = Array.from({ length: perRead }, (_, k) => first.map((sent, i) => lineOf(sent, i, sources, k)));
  return { script: read + sends.flat().join(""), statements: first.length, perRead };
};

/** An id that only the database can have made. */
const MADE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const sourceOf = (sent: readonly Sent[], statement: number, param: number): Source => {
  const value = sent[statement]?.params[param];
  if (value === null) return { from: "null" };
  if (typeof value !== "string" || !MADE.test(value)) return { from: "row" };
  for (const [i, { rows }] of sent.slice(0, statement).entries()) {
    const column = Object.entries(rows[0] ?? {}).find(([, answered]) => answered === value)?.[0];
    if (rows.length === 1 && column !== undefined) return { from: "answer", name: `a${i}_${column}` };
  }
  return { from: "row" };
};

/** Two statements of the same words that are sent at once come in any order: the first request's counts. */
const inOrderOf = (first: readonly Sent[], sent: readonly Sent[]): readonly Sent[] => {
  const left = [...sent];
  return first.flatMap((one) => {
    const at = left.findIndex((other) => other.text === one.text && nullsOf(other) === nullsOf(one));
    return at < 0 ? [] : left.splice(at, 1);
  });
};
const nullsOf = ({ params }: Sent): string => params.map((value) => (value === null ? "0" : "1")).join("");

/** One script serves all requests only if all are sent in the same words, from the same sources. */
const assertAlike = (first: readonly Sent[], sources: readonly (readonly Source[])[], sent: readonly Sent[]): void => {
  const isAlike =
    sent.length === first.length &&
    sent.every(({ params }, i) =>
      params.every((_, j) => JSON.stringify(sourceOf(sent, i, j)) === JSON.stringify(sources[i]?.[j])),
    );
  if (!isAlike) throw new Error("every request is sent in the same words");
};

const valuesOf = (sources: readonly (readonly Source[])[], sent: readonly Sent[]): readonly string[] =>
  sent.flatMap(({ params }, i) => params.filter((_, j) => sources[i]?.[j]?.from === "row").map(written));

/** A parameter as the server reads it in text. */
const written = (value: Parameter): string => {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return `\\x${value.toHex()}`;
  if (Array.isArray(value)) return `{${value.map((one) => JSON.stringify(one)).join(",")}}`;
  return String(value);
};

const lineOf = ({ text }: Sent, i: number, sources: readonly (readonly Source[])[], k: number): string => {
  const isAskedLater = sources.flat().some((source) => source.from === "answer" && source.name.startsWith(`a${i}_`));
  return asScript(
    text,
    (j) => {
      const source = sources[i]?.[j - 1];
      if (source?.from === "null") return "null";
      return source?.from === "answer" ? `:${source.name}` : `:k${k}_s${i}_${j}`;
    },
    isAskedLater ? `a${i}_` : null,
  );
};

/**
 * pgbench in our place: with our settings, acting as our role.
 * @param warmUp requests that are sent before, from the first ones on, and not measured
 */
export const sendReplay = async (
  url: string,
  { script, perRead }: Replay,
  {
    clients,
    requests,
    warmUp = 0,
    role = null,
  }: { readonly clients: number; readonly requests: number; readonly warmUp?: number; readonly role?: string | null },
): Promise<Half> => {
  const settings = `${await ourSettings(url)}${role === null ? "" : ` -c role=${role}`}`;
  if (warmUp > 0) await pgbench(url, script, { clients, transactions: warmUp / perRead, settings });
  const sent = await pgbench(url, script, {
    clients,
    transactions: requests / perRead,
    from: warmUp / perRead,
    settings,
  });
  // Of several requests in one script it tells only how long all of them took.
  return perRead === 1 ? sent : { perSecond: sent.perSecond * perRead, p50Ms: null, p99Ms: null };
};

/** Runs on a connection of its own that is closed afterwards. */
export const withDriver = async <T>(url: string, run: (driver: Driver) => Promise<T>, max = 1): Promise<T> => {
  const driver = connect(url, max);
  try {
    return await run(driver);
  } finally {
    await driver.close();
  }
};
