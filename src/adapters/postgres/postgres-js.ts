import postgres from "postgres";
import { ConnectionLost, type Driver, type Parameter, SqlError, type SqlRow } from "./driver.ts";
import { pool } from "./pool.ts";

export type ServerOptions = {
  readonly url: string;
  /** Connections at most. 4 beat 8 on two cores: size from cores, not from clients. */
  readonly max: number;
  /** Every connection acts as this role; null: as the login. */
  readonly role: string | null;
  /** The server gives up a statement outside of a transaction after this time. As long may be waited for a connection. */
  readonly deadlineMs?: number;
};

const DEADLINE_MS = 10_000;
/** How much longer we wait for the server to say so itself: its word that nothing was done is worth more than our doubt. */
const SILENCE_MS = 2000;
/** For one statement of a migration or a rebuild. */
const LONG_MS = 3_600_000;
/** The server ends a transaction whose process stands still, and with it the locks. */
const STANDSTILL_MS = 60_000;
const CONNECT_S = 5;

/** A PostgreSQL server through a pool. Heals by itself after a restart of the server or the loss of connections. */
export const postgresJs = ({ url, max, role, deadlineMs = DEADLINE_MS }: ServerOptions): Driver => {
  const connections = pool({ open: () => connect(url, role, deadlineMs), max, waitMs: deadlineMs });
  const silenceMs = deadlineMs + SILENCE_MS;
  return {
    query: (text, params = []) => connections.use(false, ({ ask }) => ask(text, params, silenceMs)),
    transaction: (run) => connections.use(true, (connection) => inTransaction(connection, run)),
    close: connections.close,
  };
};

type Connection = {
  /** Sends at once, also while others wait for their answers. @param silenceMs until the server is taken for gone */
  readonly ask: (text: string, params: readonly Parameter[], silenceMs: number) => Promise<readonly SqlRow[]>;
  readonly isLost: () => boolean;
  readonly discard: () => void;
};

/**
 * One connection: a client of postgres.js of its own, thrown away when anything happens to it. Its own pool is not used: in
 * 3.4.9 a connection that dies at the wrong moment writes to a socket that is gone, which ends the process, or keeps half a
 * message for its next life; and it knows no deadline.
 */
const connect = (url: string, role: string | null, deadlineMs: number): Connection => {
  let lost = false;
  let asked = 0;
  const sql = postgres(url, {
    max: 1,
    connect_timeout: CONNECT_S,
    idle_timeout: 0,
    max_lifetime: null,
    // It would be asked for on each connect, and its failure ends the process.
    fetch_types: false,
    onnotice: () => undefined,
    onclose: () => {
      lost = true;
    },
    types: { bigint: postgres.BigInt, texts: TEXTS },
    connection: {
      application_name: "matinee",
      TimeZone: "UTC",
      statement_timeout: deadlineMs,
      idle_in_transaction_session_timeout: STANDSTILL_MS,
      ...(role === null ? {} : { role }),
    },
  });
  const discard = (): void => {
    lost = true;
    void sql.end({ timeout: 0 });
  };
  // All that is under way then fails with a lost connection.
  let silence: Timer | undefined;
  const answered = (): void => {
    asked -= 1;
    if (asked === 0) clearTimeout(silence);
    else silence?.refresh();
  };
  return {
    ask: async (text, params, silenceMs) => {
      if (asked === 0) silence = setTimeout(discard, silenceMs);
      asked += 1;
      try {
        return await sql.unsafe(text, params as never[], { prepare: true });
      } catch (error) {
        if (!isHarmless(error)) discard();
        throw translated(error);
      } finally {
        answered();
      }
    },
    isLost: () => lost,
    discard,
  };
};

const inTransaction = async <T>(
  { ask, isLost, discard }: Connection,
  run: Parameters<Driver["transaction"]>[0],
): Promise<T> => {
  let failure: unknown = null;
  const query: Driver["query"] = async (text, params = []) => {
    // A lost connection would come back by itself, outside of the transaction.
    if (isLost()) throw new ConnectionLost(true, "the connection was lost");
    try {
      return await ask(text, params, LONG_MS);
    } catch (error) {
      failure ??= error;
      throw error;
    }
  };
  try {
    await query("begin; set local statement_timeout = 0");
    const result = await run(query, async (text) => {
      await query(text);
    });
    if (failure !== null) throw failure;
    await query("commit");
    return result as T;
  } catch (error) {
    if (!isLost()) await ask("rollback", [], DEADLINE_MS).catch(discard);
    throw error;
  }
};

/** postgres.js learns how to write arrays from the server only; text[] is the one that we send. */
const TEXTS = {
  to: 1009,
  from: [],
  serialize: (texts: readonly string[]) =>
    `{${texts.map((text) => `"${text.replace(/["\\]/g, (sign) => `\\${sign}`)}"`).join(",")}}`,
  parse: (texts: unknown) => texts,
};

/** Never reached the server. */
const NOT_SENT = new Set([
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "CONNECTION_ENDED",
  "57P03",
  "53300",
]);
const LOST = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "ECONNRESET",
  "EPIPE",
  "57P01",
  "57P02",
  ...NOT_SENT,
]);

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");

/** The server refused one statement and goes on with the next. */
const isHarmless = (error: unknown): boolean =>
  error instanceof postgres.PostgresError && error.severity === "ERROR" && !LOST.has(error.code);

const translated = (error: unknown): unknown => {
  const code = codeOf(error);
  if (LOST.has(code)) return new ConnectionLost(!NOT_SENT.has(code), code);
  if (!(error instanceof postgres.PostgresError)) return error;
  return new SqlError(code, error.message, error.constraint_name ?? null);
};
