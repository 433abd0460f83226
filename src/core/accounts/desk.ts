import type { AccountId } from "../ids.ts";
import type { Accounts, NewSession, StoredSession } from "../ports/accounts.ts";
import type { Limit, Limits } from "../ports/limits.ts";
import type { Passwords } from "../ports/passwords.ts";
import type { Tokens } from "../ports/tokens.ts";
import { err, ok, type Result } from "../result.ts";
import { type Instant, parseZone } from "../time.ts";
import type {
  AccountDesk,
  AccountFault,
  AccountView,
  LogIn,
  LogInRefusal,
  SignedIn,
  SignedInAs,
  SignUp,
  SignUpRefusal,
  TooMany,
} from "./accounts.ts";
import { foldEmail } from "./email.ts";
import { accessLife, endOfSession, idleUntil, LEEWAY_MS } from "./lifetimes.ts";
import { callerOf, LOG_IN_LIMITS, LOG_IN_WAITS } from "./limits.ts";
import { checkPassword, couldBePassword } from "./password.ts";

export type AccountPorts = {
  readonly accounts: Accounts;
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  readonly limits: Limits;
  readonly signUpLimits: readonly Limit[];
  /** Wall time, which no time machine moves. */
  readonly wall: () => Instant;
};

/** Limits are counted here and not at a door, so that no way in goes around them; and before anything is hashed. */
export const accountDesk = (ports: AccountPorts): AccountDesk => ({
  signUp: (asked) => signUp(ports, asked),
  logIn: (asked) => logIn(ports, asked),
  refresh: (refreshToken) => refresh(ports, refreshToken),
  logOut: (sessionId) => ports.accounts.endSession(sessionId, ports.wall()),
  authenticate: (accessToken) => authenticate(ports, accessToken),
  account: (id) => viewOf(ports, id),
});

/**
 * Whose answer was lost is told `email_taken` the second time, also with the right password, and signs in. To answer it with
 * a session would make sign-up a second place to guess passwords, past the waits of the first. What is malformed costs
 * nothing of the caller's limit.
 */
const signUp = async (ports: AccountPorts, asked: SignUp): Promise<Result<SignedIn, SignUpRefusal | AccountFault>> => {
  const email = foldEmail(asked.email);
  if (!email.ok) return email;
  const password = checkPassword(asked.password);
  if (!password.ok) return password;
  const zone = parseZone(asked.zone);
  if (!zone.ok) return err({ code: "malformed_zone" });
  const passage = await ports.limits.count(ports.signUpLimits, callerOf(asked.address));
  if (!passage.ok) return passage;
  const hash = await ports.passwords.hash(asked.password);
  if (!hash.ok) return err(tooMany(hash.error));
  const createdAt = ports.wall();
  const accountId = ports.tokens.newAccountId(createdAt);
  const account = { accountId, email: email.value, language: asked.language, zone: zone.value, createdAt };
  const created = await ports.accounts.create({ ...account, passwordHash: hash.value });
  if (!created.ok) return created;
  return created.value === "email_taken" ? err({ code: "email_taken" }) : openSession(ports, accountId);
};

/** The same answer in the same time, whether nobody has this e-mail or the password is wrong. */
const logIn = async (ports: AccountPorts, asked: LogIn): Promise<Result<SignedIn, LogInRefusal | AccountFault>> => {
  const passage = await ports.limits.count(LOG_IN_LIMITS, callerOf(asked.address));
  if (!passage.ok) return passage;
  const email = foldEmail(asked.email);
  if (!email.ok || !couldBePassword(asked.password)) return err({ code: "wrong_credentials" });
  // A database that does not answer is no failure of the caller's: it is asked before the try is counted.
  const found = await ports.accounts.byEmail(email.value);
  if (!found.ok) return found;
  const turn = await ports.limits.begin(LOG_IN_WAITS, email.value);
  if (!turn.ok) return turn;
  const account = found.value;
  const verified =
    account === null
      ? await ports.passwords.verifyNobody(asked.password)
      : await ports.passwords.verify(asked.password, account.passwordHash);
  if (!verified.ok) return err(tooMany(verified.error));
  if (account === null || verified.value === "wrong") return err({ code: "wrong_credentials" });
  await ports.limits.succeed(LOG_IN_WAITS, email.value);
  if (verified.value === "outdated") await rehash(ports, account.accountId, asked.password, account.passwordHash);
  return openSession(ports, account.accountId);
};

/** Where it fails, the old hash stays and the next sign-in tries again. */
const rehash = async (ports: AccountPorts, id: AccountId, password: string, was: string): Promise<void> => {
  const hash = await ports.passwords.hash(password);
  if (hash.ok) await ports.accounts.rehash(id, was, hash.value);
};

/**
 * Whose answer was lost may ask again with the same token for a few seconds (see `LEEWAY_MS`); after that the token has been
 * copied, as far as anybody can tell, and its session ends.
 */
const refresh = async (
  ports: AccountPorts,
  refreshToken: string,
): Promise<Result<SignedIn, { readonly code: "session_over" } | AccountFault>> => {
  const at = ports.wall();
  const next = ports.tokens.newRefresh();
  const rotated = await ports.accounts.rotate({
    hash: ports.tokens.hashRefresh(refreshToken),
    nextHash: next.hash,
    at,
    idleUntil: idleUntil(at),
    leewayMs: LEEWAY_MS,
  });
  if (!rotated.ok) return rotated;
  if (rotated.value.status !== "rotated") return err({ code: "session_over" });
  return ok(await signedIn(ports, rotated.value.session, next.token, at));
};

/** A token that is still good is worth nothing once its session is over. */
const authenticate = async (
  ports: AccountPorts,
  accessToken: string,
): Promise<Result<SignedInAs | null, AccountFault>> => {
  const at = ports.wall();
  const claims = await ports.tokens.readAccess(accessToken, at);
  if (claims === null) return ok(null);
  const { accountId, sessionId } = claims;
  const session = await ports.accounts.session(sessionId, at);
  if (!session.ok) return session;
  return ok(session.value?.accountId === accountId ? { accountId, sessionId } : null);
};

const viewOf = async (ports: AccountPorts, id: AccountId): Promise<Result<AccountView | null, AccountFault>> => {
  const found = await ports.accounts.account(id);
  if (!found.ok || found.value === null) return found.ok ? ok(null) : found;
  const { accountId, email, language, zone, createdAt } = found.value;
  return ok({ accountId, email, language, zone, createdAt });
};

const openSession = async (ports: AccountPorts, accountId: AccountId): Promise<Result<SignedIn, AccountFault>> => {
  const openedAt = ports.wall();
  const refreshed = ports.tokens.newRefresh();
  const session: NewSession = {
    sessionId: ports.tokens.newSessionId(openedAt),
    accountId,
    openedAt,
    idleUntil: idleUntil(openedAt),
    endsAt: endOfSession(openedAt),
    refreshHash: refreshed.hash,
  };
  const opened = await ports.accounts.openSession(session);
  if (!opened.ok) return opened;
  return ok(await signedIn(ports, session, refreshed.token, openedAt));
};

const signedIn = async (
  ports: AccountPorts,
  { accountId, sessionId, idleUntil: refreshExpiresAt, endsAt }: StoredSession,
  refreshToken: string,
  at: Instant,
): Promise<SignedIn> => {
  const life = accessLife(at, endsAt);
  const accessToken = await ports.tokens.signAccess({ accountId, sessionId, ...life });
  return { accountId, sessionId, accessToken, accessExpiresAt: life.expiresAt, refreshToken, refreshExpiresAt };
};

const tooMany = ({ retryAfterMs }: { readonly retryAfterMs: number }): TooMany => ({
  code: "too_many_requests",
  retryAfterMs,
});
