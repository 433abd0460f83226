import { connect as dial, type Socket } from "node:net";
import postgres from "postgres";
import { ConnectionLost, type Parameter, SqlError, type SqlRow } from "./driver.ts";

export type SessionOptions = {
  readonly url: string;
  /** Acts as this role; null: as the login. */
  readonly role: string | null;
  /** The server gives up a statement outside of a transaction after this time. */
  readonly deadlineMs: number;
  /** Statements are parsed once and kept by the server. Not behind a pooler that gives each transaction another session. */
  readonly prepare: boolean;
  /** Statements are sent while others wait for their answers. Not behind a pooler that loses its place then. */
  readonly pipeline: boolean;
  /** Role and settings are sent as the session begins. Not behind a pooler that refuses them: the login has them instead. */
  readonly configure: boolean;
};

/** A session with one server. Once anything has happened to it, it is lost and never used again. */
export type Session = {
  /** Sends at once, also while others wait for their answers. */
  readonly ask: (text: string, params: readonly Parameter[]) => Promise<readonly SqlRow[]>;
  readonly isLost: () => boolean;
  /** Lets go at once; what is under way fails with this. */
  readonly discard: (because: unknown) => void;
  /** Lets go, and waits until the server has noticed. */
  readonly end: () => Promise<void>;
};

/** The server ends a transaction whose process stands still, and with it the locks. */
const STANDSTILL_MS = 60_000;
const END_S = 1;

/** What a session is set to for its whole life, by PostgreSQL's names. */
export const settingsOf = (deadlineMs: number) => ({
  // Our statements find few rows by key, whatever their parameters. Planned anew each time they take twice as long, and
  // compiled, which the planner orders for what it takes to be large, a hundred times as long. A plan is kept, so it must
  // not be one for tables that were empty when it was made.
  plan_cache_mode: "force_generic_plan",
  enable_seqscan: "off",
  jit: "off",
  max_parallel_workers_per_gather: 0,
  statement_timeout: deadlineMs,
  idle_in_transaction_session_timeout: STANDSTILL_MS,
});

/** Where a server listens. */
export type Place = { readonly host: string; readonly port: number };

/**
 * A client of postgres.js of its own, thrown away when anything happens to it. Its own pool is not used: in 3.4.9 a connection
 * that dies at the wrong moment writes to a socket that is gone, which ends the process, or keeps half a message for its next
 * life, or connects again for nobody; it knows no deadline; and of several hosts it keeps their failures to itself.
 * @param place null: the one host of the URL
 */
export const openSession = (
  { url, role, deadlineMs, prepare, pipeline, configure }: SessionOptions,
  place: Place | null,
): Session => {
  let lost = false;
  /** Those who wait are still answered, and nobody else asks. */
  let retired = false;
  let socket: Socket | null = null;
  const dialling = {
    socket: (read: Target): Promise<Socket> => {
      if (lost) throw new ConnectionLost(false, "the connection was lost");
      const at = place ?? { host: read.host[0] ?? "", port: read.port[0] ?? 0 };
      socket = place === null && typeof read.path === "string" ? dial(read.path) : dial({ ...at });
      return connected(socket, at);
    },
  };
  const sql = postgres(url, {
    ...dialling,
    ...(place === null ? {} : { host: place.host, port: place.port }),
    max: 1,
    // Beside the one that is under way.
    ...(pipeline ? {} : { max_pipeline: 0 }),
    // Whoever opens a session looks at the time himself.
    connect_timeout: 0,
    idle_timeout: 0,
    max_lifetime: null,
    // It would be asked for on each connect, and its failure ends the process.
    fetch_types: false,
    onnotice: () => undefined,
    onclose: () => discard(new ConnectionLost(true, "CONNECTION_CLOSED")),
    types: { bigint: postgres.BigInt, texts: TEXTS },
    connection: {
      // These two a pooler knows, and hands on.
      application_name: "matinee",
      TimeZone: "UTC",
      ...(configure ? settingsOf(deadlineMs) : {}),
      ...(configure && role !== null ? { role } : {}),
    },
  });

  const waiting = new Set<(error: unknown) => void>();
  const discard = (because: unknown): void => {
    if (lost) return;
    lost = true;
    for (const fail of waiting) fail(because);
    void sql.end({ timeout: 0 }).then(() => socket?.destroy());
  };
  const ask: Session["ask"] = (text, params) =>
    new Promise((answer, fail) => {
      if (lost || retired) return fail(new ConnectionLost(false, "the connection was lost"));
      waiting.add(fail);
      const settled = (): void => {
        waiting.delete(fail);
        if (retired && waiting.size === 0) void end();
      };
      sql.unsafe(text, params as never[], { prepare }).then(
        (rows) => {
          answer(rows);
          settled();
        },
        (error: unknown) => {
          fail(translated(error));
          retired ||= isReadOnly(error);
          settled();
          // Others may have been carried out: each of them only knows that its answer is lost.
          if (!isHarmless(error)) discard(new ConnectionLost(true, codeOf(error)));
        },
      );
    });
  const end = async (): Promise<void> => {
    await sql.end({ timeout: END_S });
    discard(new ConnectionLost(true, "the connection was closed"));
  };
  return { ask, isLost: () => lost || retired, discard, end };
};

/** As postgres.js has read it from the URL. */
type Target = { readonly host: readonly string[]; readonly port: readonly number[]; readonly path: string | false };

const connected = (socket: Socket, { host, port }: Place): Promise<Socket> =>
  new Promise((resolve, reject) => {
    socket.once("error", reject);
    // TLS is asked for by name.
    socket.once("connect", () => resolve(Object.assign(socket, { host, port })));
  });

/** postgres.js learns how to write arrays from the server only; text[] is the one that we send. */
const TEXTS = {
  to: 1009,
  from: [],
  serialize: (texts: readonly string[]) =>
    `{${texts.map((text) => `"${text.replace(/["\\]/g, (sign) => `\\${sign}`)}"`).join(",")}}`,
  parse: (texts: unknown) => texts,
};

/** The server, or what stands before it, let go of us. */
const LOST = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "57P01",
  "57P02",
  "57P03",
  "53300",
]);

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");

/** After a failover it may be the wrong server, and another connection may find the right one. */
const isReadOnly = (error: unknown): boolean => codeOf(error) === "25006";
/** The server refused one statement and goes on with the next. */
const isHarmless = (error: unknown): boolean =>
  error instanceof postgres.PostgresError && error.severity === "ERROR" && !LOST.has(error.code);

const translated = (error: unknown): unknown => {
  const code = codeOf(error);
  if (LOST.has(code)) return new ConnectionLost(true, code);
  if (!(error instanceof postgres.PostgresError)) return error;
  return new SqlError(code, error.message, error.constraint_name ?? null);
};
