import type { AccountId, SessionId } from "../../core/ids.ts";
import type { Accounts, StoredAccount, StoredSession } from "../../core/ports/accounts.ts";
import { invariant, ok } from "../../core/result.ts";
import { earlier, type Instant } from "../../core/time.ts";

/** `generation`: how often its refresh token was spent; `rotatedAt`: when the current one began. */
type SessionRow = {
  readonly session: StoredSession;
  readonly endedAt: Instant | null;
  readonly generation: number;
  readonly rotatedAt: Instant;
};
type TokenRow = { readonly sessionId: SessionId; readonly generation: number };

/** Accounts and sessions that are gone with the process. */
export const memoryAccounts = (): Accounts => {
  const accounts = new Map<AccountId, StoredAccount>();
  const idsByEmail = new Map<string, AccountId>();
  const sessions = new Map<SessionId, SessionRow>();
  const tokens = new Map<string, TokenRow>();
  const accountOf = (id: AccountId | undefined): StoredAccount | null =>
    (id === undefined ? undefined : accounts.get(id)) ?? null;

  return {
    create: async (account) => {
      if (idsByEmail.has(account.email)) return ok("email_taken");
      invariant(!accounts.has(account.accountId), "an account's id is new");
      accounts.set(account.accountId, Object.freeze({ ...account }));
      idsByEmail.set(account.email, account.accountId);
      return ok("created");
    },
    byEmail: async (email) => ok(accountOf(idsByEmail.get(email))),
    account: async (id) => ok(accountOf(id)),
    rehash: async (id, was, passwordHash) => {
      const account = accountOf(id);
      if (account?.passwordHash === was) accounts.set(id, Object.freeze({ ...account, passwordHash }));
      return ok(null);
    },
    openSession: async ({ refreshHash, ...session }) => {
      invariant(accounts.has(session.accountId), "a session is of an account");
      invariant(!sessions.has(session.sessionId) && !tokens.has(refreshHash), "a session and its token are new");
      sessions.set(session.sessionId, { session, endedAt: null, generation: 1, rotatedAt: session.openedAt });
      tokens.set(refreshHash, { sessionId: session.sessionId, generation: 1 });
      return ok(null);
    },
    session: async (id, at) => {
      const row = sessions.get(id);
      return ok(row !== undefined && isLive(row, at) ? row.session : null);
    },
    rotate: async ({ hash, nextHash, at, idleUntil, leewayMs }) => {
      const token = tokens.get(hash);
      const row = token === undefined ? undefined : sessions.get(token.sessionId);
      if (token === undefined || row === undefined || !isLive(row, at)) return ok({ status: "unknown" });
      const isAgain = token.generation < row.generation;
      const isSoon = token.generation === row.generation - 1 && at < row.rotatedAt + leewayMs;
      if (isAgain && !isSoon) {
        sessions.set(token.sessionId, { ...row, endedAt: at });
        return ok({ status: "reused" });
      }
      const session = { ...row.session, idleUntil: earlier(idleUntil, row.session.endsAt) };
      const moved = isAgain ? row : { ...row, generation: row.generation + 1, rotatedAt: at };
      sessions.set(token.sessionId, { ...moved, session });
      tokens.set(nextHash, { sessionId: token.sessionId, generation: moved.generation });
      return ok({ status: "rotated", session });
    },
    endSession: async (id, at) => {
      const row = sessions.get(id);
      if (row !== undefined && row.endedAt === null) sessions.set(id, { ...row, endedAt: at });
      return ok(null);
    },
  };
};

const isLive = ({ session, endedAt }: SessionRow, at: Instant): boolean =>
  endedAt === null && at < session.idleUntil && at < session.endsAt;
