import { ConnectionLost, type Driver, type Parameter, type SqlRow } from "./driver.ts";
import { pool } from "./pool.ts";
import { openSession, type Place, type Session, type SessionOptions } from "./session.ts";

export type ServerOptions = Pick<SessionOptions, "url" | "role"> &
  Partial<Omit<SessionOptions, "url" | "role">> & {
    /** Connections at most. See `defaultConnections`. */
    readonly max: number;
  };

/** 4 beat 8 on two cores, whoever asks: it is the cores that work. Of many processes each has its own. */
export const defaultConnections = (cores: number): number => Math.min(20, Math.max(4, 2 * cores));

export const DEADLINE_MS = 10_000;
/** How much longer we wait for the server to say so itself: its word that nothing was done is worth more than our doubt. */
const SILENCE_MS = 1000;
/** For how long a caller waits for a new connection to a server that has just been given up for its silence. */
const DOUBT_MS = 250;
/** For one statement of a migration or a rebuild. */
const LONG_MS = 3_600_000;
/** For a new connection, all hosts together. */
const CONNECT_MS = 5000;
/** Until it is tried again after it failed: a server that comes back, or is to become the primary, has other work. */
const PAUSE_MS = 100;
/** Callers who send on one connection without waiting for each other's answers. */
const SHARERS = 16;

/**
 * A PostgreSQL server through a pool. Heals by itself after a restart of the server or the loss of connections. A URL may name
 * several hosts, as in `postgres://user@a:5432,b:5432/name`: a connection is made to the first of them that takes writes, so
 * that after a failover the new primary is found without a restart.
 *
 * A statement is answered, or given up, within the deadline and a second, the wait for a connection included. While the server
 * is silent, new ones are given up after a moment.
 */
export const postgresJs = ({
  url,
  max,
  role,
  deadlineMs = DEADLINE_MS,
  prepare = true,
  pipeline = true,
  configure = true,
}: ServerOptions): Driver => {
  const options = { url, role, deadlineMs, prepare, pipeline, configure };
  const server: Server = { options, places: placesOf(url), first: 0, refusedAt: -Infinity, silent: false };
  const connections = pool({
    open: () => connect(server),
    max,
    sharers: pipeline ? SHARERS : 1,
    waitMs: deadlineMs,
  });
  const patienceMs = deadlineMs + SILENCE_MS;
  return {
    query: (text, params = []) =>
      connections.use(false, ({ ask }, waitedMs) => ask(text, params, patienceMs - waitedMs)),
    transaction: (run) => connections.use(true, (connection) => inTransaction(connection, run)),
    close: connections.close,
  };
};

/** What the connections of a pool know together. */
type Server = {
  readonly options: SessionOptions;
  /** Null: the one host of the URL. */
  readonly places: readonly (Place | null)[];
  /** Which of them took writes last. New connections begin there: a host that is gone costs time once, and not each time. */
  first: number;
  /** When a connection could not be made last. */
  refusedAt: number;
  /** It was given up because it kept silent, and nobody has heard of it since. */
  silent: boolean;
};

/** The hosts of a URL that names several. One is left to postgres.js, which also knows sockets and the defaults of the environment. */
const placesOf = (url: string): readonly (Place | null)[] => {
  const hosts = (/^\w+:\/\/(?:[^/?#]*@)?([^/?#]*)/.exec(url)?.[1] ?? "").split(",");
  if (hosts.length === 1) return [null];
  return hosts.map((text) => {
    const [, host = "", port = "5432"] = /^(.*?)(?::(\d+))?$/.exec(text) ?? [];
    return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
  });
};

type Connection = {
  /** @param patienceMs after which the caller is told that there was no answer */
  readonly ask: (text: string, params: readonly Parameter[], patienceMs: number) => Promise<readonly SqlRow[]>;
  readonly isLost: () => boolean;
  readonly discard: (because: unknown) => void;
  readonly end: () => Promise<void>;
};

/** A session with whichever host takes writes, opened when it is asked for first. */
const connect = (server: Server): Connection => {
  const closing = new AbortController();
  let session: Session | null = null;
  let failed = false;
  let answers = 0;
  const opening = findPrimary(server, closing.signal).then(
    (found) => {
      session = found;
      return found;
    },
    (error: unknown) => {
      failed = true;
      server.refusedAt = performance.now();
      throw error;
    },
  );
  opening.catch(() => undefined);

  const giveUp = (answersBefore: number, gone: ConnectionLost): void => {
    // Behind others that take their time it is only late: they are heard.
    if (session === null || answers > answersBefore) return;
    server.silent = true;
    session.discard(gone);
  };
  const ask: Connection["ask"] = (text, params, patienceMs) =>
    new Promise((answer, fail) => {
      const before = answers;
      const waitMs = session === null && server.silent ? Math.min(DOUBT_MS, patienceMs) : patienceMs;
      const timer = setTimeout(() => {
        const gone = new ConnectionLost(session !== null, `no answer in ${Math.round(waitMs)} ms`);
        fail(gone);
        giveUp(before, gone);
      }, waitMs);
      const heard = (): void => {
        clearTimeout(timer);
        answers += 1;
      };
      const asked = session === null ? opening.then((found) => found.ask(text, params)) : session.ask(text, params);
      asked.then(
        (rows) => {
          heard();
          server.silent = false;
          answer(rows);
        },
        (error: unknown) => {
          heard();
          fail(error);
        },
      );
    });
  return {
    ask,
    isLost: () => failed || (session?.isLost() ?? false),
    discard: (because) => session?.discard(because),
    end: async () => {
      closing.abort();
      // It may just have been opened.
      await opening.then(
        (found) => found.end(),
        () => undefined,
      );
    },
  };
};

/** What nobody but the server can tell: whether it is a standby, or has been told to take no writes. */
const TAKES_WRITES = "select not pg_is_in_recovery() and current_setting('transaction_read_only') = 'off' as yes";

const findPrimary = async (server: Server, closing: AbortSignal): Promise<Session> => {
  const { places } = server;
  const failures: string[] = [];
  const pauseMs = server.refusedAt + PAUSE_MS - performance.now();
  if (pauseMs > 0) await Bun.sleep(pauseMs);
  for (let n = 0; n < places.length && !closing.aborted; n += 1) {
    const index = (server.first + n) % places.length;
    const place = places[index] ?? null;
    const session = openSession(server.options, place);
    try {
      const [row] = await answerIn(CONNECT_MS / places.length, session, server, closing);
      // The only one there is serves reads as well as it can.
      if (place === null || row?.["yes"] === true) {
        server.first = index;
        return session;
      }
      failures.push(`${place.host}:${place.port} takes no writes`);
      void session.end();
    } catch (error) {
      session.discard(error);
      if (place === null) throw unsent(error);
      failures.push(`${place.host}:${place.port} ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new ConnectionLost(false, failures.join("; "));
};

const answerIn = async (
  ms: number,
  session: Session,
  server: Server,
  closing: AbortSignal,
): Promise<readonly SqlRow[]> => {
  const tooLate = setTimeout(() => {
    server.silent = true;
    session.discard(new ConnectionLost(false, "CONNECT_TIMEOUT"));
  }, ms);
  const close = (): void => session.discard(new ConnectionLost(false, "the pool is closed"));
  closing.addEventListener("abort", close);
  try {
    const rows = await session.ask(TAKES_WRITES, []);
    server.silent = false;
    return rows;
  } finally {
    clearTimeout(tooLate);
    closing.removeEventListener("abort", close);
  }
};

/** Nothing of a caller's is sent before a connection is there. What a certificate or a name server says is no bug of ours. */
const unsent = (error: unknown): unknown => {
  if (error instanceof ConnectionLost) return new ConnectionLost(false, error.message);
  const isTold = error instanceof Error && "code" in error;
  return isTold ? new ConnectionLost(false, String(error.code)) : error;
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
    // One that cannot even be rolled back is not used again.
    if (!isLost()) await ask("rollback", [], DEADLINE_MS).catch(discard);
    throw error;
  }
};
