import type { AccountId, SessionId } from "../../core/ids.ts";
import type { Accounts, StoredAccount, StoredSession } from "../../core/ports/accounts.ts";
import type { Zone } from "../../core/time.ts";
import type { Driver, SqlRow } from "./driver.ts";
import { answered } from "./faults.ts";
import { groupRead } from "./group-read.ts";
import { instantOfDate, printInstant } from "./rows.ts";

const ACCOUNT = "account_id, email, password_hash, language, zone, created_at";
const SESSION = "session_id, account_id, opened_at, idle_until, ends_at";

/** Accounts and sessions in a schema of their own; one statement for each question, but sessions are looked up together. */
export const postgresAccounts = (driver: Driver): Accounts => {
  const notEnded = groupRead(async (ids: readonly SessionId[]) => {
    const rows = await driver.query(
      `select ${SESSION} from accounts.sessions where session_id = any($1::text[]) and ended_at is null`,
      [ids],
    );
    return new Map(rows.map(readSession).map((session) => [session.sessionId, session]));
  });

  return {
    create: ({ accountId, email, passwordHash, language, zone, createdAt }) =>
      answered(async () => {
        const created = await driver.query(
          `insert into accounts.accounts (${ACCOUNT}) values ($1, $2, $3, $4, $5, $6::timestamptz)
         on conflict (email) do nothing returning account_id`,
          [accountId, email, passwordHash, language, zone, printInstant(createdAt)],
        );
        return created.length === 0 ? "email_taken" : "created";
      }),
    byEmail: (email) => answered(async () => readAccount(await accountWhere(driver, "email", email))),
    account: (id) => answered(async () => readAccount(await accountWhere(driver, "account_id", id))),
    rehash: (id, was, passwordHash) =>
      answered(async () => {
        await driver.query(
          "update accounts.accounts set password_hash = $3 where account_id = $1 and password_hash = $2",
          [id, was, passwordHash],
        );
        return null;
      }),
    openSession: ({ sessionId, accountId, openedAt, idleUntil, endsAt, refreshHash }) =>
      answered(async () => {
        await driver.query(
          `with opened as (
           insert into accounts.sessions (${SESSION}, rotated_at)
           values ($1, $2, $3::timestamptz, $4::timestamptz, $5::timestamptz, $3::timestamptz) returning session_id, generation
         )
         insert into accounts.refresh_tokens (hash, session_id, generation) select $6, session_id, generation from opened`,
          [sessionId, accountId, printInstant(openedAt), printInstant(idleUntil), printInstant(endsAt), refreshHash],
        );
        return null;
      }),
    session: (id, at) =>
      answered(async () => {
        const session = await notEnded(id);
        return session !== null && at < session.idleUntil && at < session.endsAt ? session : null;
      }),
    rotate: ({ hash, nextHash, at, idleUntil, leewayMs }) =>
      answered(async () => {
        const [row] = await driver.query(
          `select status, (session).session_id, (session).account_id, (session).opened_at, (session).idle_until, (session).ends_at
         from accounts.rotate($1, $2, $3::timestamptz, $4::timestamptz, $5::integer)`,
          [hash, nextHash, printInstant(at), printInstant(idleUntil), leewayMs],
        );
        if (row?.["status"] === "rotated") return { status: "rotated", session: readSession(row) };
        return { status: row?.["status"] === "reused" ? "reused" : "unknown" };
      }),
    endSession: (id, at) =>
      answered(async () => {
        await driver.query(
          "update accounts.sessions set ended_at = $2::timestamptz where session_id = $1 and ended_at is null",
          [id, printInstant(at)],
        );
        return null;
      }),
  };
};

const accountWhere = async (
  driver: Driver,
  column: "email" | "account_id",
  value: string,
): Promise<SqlRow | undefined> => {
  const [row] = await driver.query(`select ${ACCOUNT} from accounts.accounts where ${column} = $1`, [value]);
  return row;
};

const readAccount = (row: SqlRow | undefined): StoredAccount | null =>
  row === undefined
    ? null
    : {
        accountId: row["account_id"] as AccountId,
        email: row["email"] as string,
        passwordHash: row["password_hash"] as string,
        language: row["language"] as StoredAccount["language"],
        zone: row["zone"] as Zone,
        createdAt: instantOfDate(row["created_at"]),
      };

const readSession = (row: SqlRow): StoredSession => ({
  sessionId: row["session_id"] as SessionId,
  accountId: row["account_id"] as AccountId,
  openedAt: instantOfDate(row["opened_at"]),
  idleUntil: instantOfDate(row["idle_until"]),
  endsAt: instantOfDate(row["ends_at"]),
});
