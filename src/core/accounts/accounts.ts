import type { AccountId, SessionId } from "../ids.ts";
import type { StorageFault } from "../ports/storage.ts";
import type { Result } from "../result.ts";
import type { Instant } from "../time.ts";

/** Sign-up, sign-in and sessions. All time here is wall time, which no time machine moves. */
export type AccountDesk = {
  /** Opens an account and signs it in. */
  signUp(asked: SignUp): Promise<Result<SignedIn, SignUpRefusal | AccountFault>>;
  logIn(asked: LogIn): Promise<Result<SignedIn, LogInRefusal | AccountFault>>;
  /** Spends the refresh token. The same token twice ends its session. */
  refresh(refreshToken: string): Promise<Result<SignedIn, { readonly code: "session_over" } | AccountFault>>;
  /** Ends the session; its tokens are worth nothing from then on. Again: nothing. */
  logOut(sessionId: SessionId): Promise<Result<null, AccountFault>>;
  /** Who bears this access token; null when nobody does any more. */
  authenticate(accessToken: string): Promise<Result<SignedInAs | null, AccountFault>>;
  account(id: AccountId): Promise<Result<AccountView | null, AccountFault>>;
};

/** `address`: the caller's network address, for limits; behind a trusted proxy the one it names. */
export type SignUp = {
  readonly email: string;
  readonly password: string;
  readonly language: "ru" | "en";
  readonly zone: string;
  readonly address: string;
};
export type LogIn = { readonly email: string; readonly password: string; readonly address: string };

export type SignedIn = {
  readonly accountId: AccountId;
  readonly sessionId: SessionId;
  readonly accessToken: string;
  readonly accessExpiresAt: Instant;
  readonly refreshToken: string;
  readonly refreshExpiresAt: Instant;
};
export type SignedInAs = { readonly accountId: AccountId; readonly sessionId: SessionId };
export type AccountView = {
  readonly accountId: AccountId;
  readonly email: string;
  readonly language: "ru" | "en";
  readonly zone: string;
  readonly createdAt: Instant;
};

export type SignUpRefusal =
  | { readonly code: "malformed_email" }
  | { readonly code: "malformed_zone" }
  | { readonly code: "password_too_short"; readonly atLeast: number }
  | { readonly code: "password_too_long"; readonly atMost: number }
  | { readonly code: "email_taken" }
  | TooMany;
/** One answer for a wrong password and for an e-mail that nobody has. */
export type LogInRefusal = { readonly code: "wrong_credentials" } | TooMany;
/** A limit is reached, or too many passwords are being hashed. */
export type TooMany = { readonly code: "too_many_requests"; readonly retryAfterMs: number };
export type AccountFault = StorageFault;
