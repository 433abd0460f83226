import { connect as dial, type Socket } from "node:net";
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
const END_S = 1;

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
  /** Lets go at once; what is under way fails with this. */
  readonly discard: (because: unknown) => void;
  /** Lets go, and waits until the server has noticed. */
  readonly end: () => Promise<void>;
};

/**
 * One connection: a client of postgres.js of its own, thrown away when anything happens to it. Its own pool is not used: in
 * 3.4.9 a connection that dies at the wrong moment writes to a socket that is gone, which ends the process, or keeps half a
 * message for its next life, or connects again for nobody; and it knows no deadline.
 */
const connect = (url: string, role: string | null, deadlineMs: number): Connection => {
  let lost = false;
  let socket: Socket | null = null;
  const dialling = {
    socket: async (place: Place): Promise<Socket> => {
      if (!lost) socket = await socketTo(place);
      if (!lost && socket !== null) return socket;
      socket?.destroy();
      throw new ConnectionLost(false, "the connection was lost");
    },
  };
  const sql = postgres(url, {
    ...dialling,
    max: 1,
    connect_timeout: CONNECT_S,
    idle_timeout: 0,
    max_lifetime: null,
    // It would be asked for on each connect, and its failure ends the process.
    fetch_types: false,
    onnotice: () => undefined,
    onclose: () => discard(new ConnectionLost(true, "CONNECTION_CLOSED")),
    types: { bigint: postgres.BigInt, texts: TEXTS },
    connection: {
      application_name: "matinee",
      TimeZone: "UTC",
      // Our statements find few rows by key, whatever their parameters. Planned anew each time they take twice as long, and
      // compiled, which the planner orders for what it takes to be large, a hundred times as long. A plan is kept, so it must
      // not be one for tables that were empty when it was made.
      plan_cache_mode: "force_generic_plan",
      enable_seqscan: "off",
      jit: "off",
      statement_timeout: deadlineMs,
      idle_in_transaction_session_timeout: STANDSTILL_MS,
      ...(role === null ? {} : { role }),
    },
  });

  let silence: Timer | undefined;
  const waiting = new Set<(error: unknown) => void>();
  const discard = (because: unknown): void => {
    if (lost) return;
    lost = true;
    clearTimeout(silence);
    for (const fail of waiting) fail(because);
    void sql.end({ timeout: 0 }).then(() => socket?.destroy());
  };
  const ask: Connection["ask"] = (text, params, silenceMs) =>
    new Promise((answer, fail) => {
      if (waiting.size === 0) {
        const gone = new ConnectionLost(true, `no answer in ${silenceMs} ms`);
        silence = setTimeout(() => discard(gone), silenceMs);
      }
      waiting.add(fail);
      const heard = (): void => {
        waiting.delete(fail);
        if (waiting.size === 0) clearTimeout(silence);
        else silence?.refresh();
      };
      sql.unsafe(text, params as never[], { prepare: true }).then(
        (rows) => {
          heard();
          answer(rows);
        },
        (error: unknown) => {
          heard();
          fail(translated(error));
          if (!isHarmless(error)) discard(translated(error));
        },
      );
    });
  const end = async (): Promise<void> => {
    await sql.end({ timeout: END_S });
    discard(new ConnectionLost(true, "the connection was closed"));
  };
  return { ask, isLost: () => lost, discard, end };
};

/** As postgres.js has read them from the URL. */
type Place = { readonly host: readonly string[]; readonly port: readonly number[]; readonly path: string | false };

const socketTo = ({ host: [host], port: [port], path }: Place): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = typeof path === "string" ? dial(path) : dial({ host: host ?? "", port: port ?? 0 });
    const tooLate = setTimeout(() => {
      socket.destroy();
      reject(Object.assign(new Error(`${host}:${port} does not pick up`), { code: "CONNECT_TIMEOUT" }));
    }, CONNECT_S * 1000);
    socket.once("error", (error) => {
      clearTimeout(tooLate);
      reject(error);
    });
    socket.once("connect", () => {
      clearTimeout(tooLate);
      // TLS is asked for by name.
      resolve(Object.assign(socket, { host, port }));
    });
  });

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
    // One that cannot even be rolled back is not used again.
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

/** The server is read-only: after a failover it may be the wrong one, and another connection may find the right one. */
const READ_ONLY = "25006";
/** The server refused one statement and goes on with the next. */
const isHarmless = (error: unknown): boolean =>
  error instanceof postgres.PostgresError &&
  error.severity === "ERROR" &&
  !LOST.has(error.code) &&
  error.code !== READ_ONLY;

const translated = (error: unknown): unknown => {
  const code = codeOf(error);
  if (LOST.has(code)) return new ConnectionLost(!NOT_SENT.has(code), code);
  if (!(error instanceof postgres.PostgresError)) return error;
  return new SqlError(code, error.message, error.constraint_name ?? null);
};
