import postgres from "postgres";
import { ConnectionLost, type Driver, type Parameter, SqlError, type SqlRow } from "./driver.ts";

export type ServerOptions = {
  readonly url: string;
  /** Connections at most. 4 beat 8 on two cores: size from cores, not from clients. */
  readonly max: number;
  /** Every connection acts as this role; null: as the login. */
  readonly role: string | null;
};

/** A PostgreSQL server through a pool. Heals by itself after a restart of the server or the loss of connections. */
export const postgresJs = ({ url, max, role }: ServerOptions): Driver => {
  const sql = postgres(url, {
    max,
    connect_timeout: 5,
    idle_timeout: 60,
    backoff: (tries) => Math.min(0.05 * 2 ** tries, 2),
    onnotice: () => undefined,
    types: { bigint: postgres.BigInt },
    connection: { application_name: "matinee", TimeZone: "UTC", ...(role === null ? {} : { role }) },
  });
  const ask = async (text: string, params: readonly Parameter[]): Promise<readonly SqlRow[]> =>
    await sql.unsafe(text, params as never[], { prepare: true });

  return {
    query: (text, params = []) =>
      ask(text, params).catch((error: unknown) => {
        throw translated(error);
      }),
    transaction: (run) => {
      // When a connection dies inside `begin`, postgres.js 3.4.9 writes its ROLLBACK to a socket that is gone: the process ends
      // with an uncaught error and the pool's slot never answers again. So once the connection is dead nothing more is asked
      // of it, and the callback never returns; `begin` itself rejects at the loss.
      let dead = false;
      return sql
        .begin(async (transaction) => {
          const query: Driver["query"] = async (text, params = []) => {
            if (dead) throw new ConnectionLost(true, "the connection was lost");
            try {
              return await transaction.unsafe(text, params as never[], { prepare: true });
            } catch (error) {
              dead ||= isLoss(error);
              throw error;
            }
          };
          try {
            return await run(query);
          } catch (error) {
            if (dead) return new Promise<never>(() => undefined);
            throw error;
          }
        })
        .catch((error: unknown) => {
          dead ||= isLoss(error);
          throw translated(error);
        }) as Promise<never>;
    },
    close: () => sql.end({ timeout: 5 }),
  };
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
const isLoss = (error: unknown): boolean => LOST.has(codeOf(error));

const translated = (error: unknown): unknown => {
  const code = codeOf(error);
  if (LOST.has(code)) return new ConnectionLost(!NOT_SENT.has(code), code);
  if (!(error instanceof postgres.PostgresError)) return error;
  return new SqlError(code, error.message, error.constraint_name ?? null);
};
