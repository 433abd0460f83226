import type { AccountId, SessionId } from "../ids.ts";
import type { Result } from "../result.ts";
import type { Instant, Zone } from "../time.ts";
import type { StorageFault } from "./storage.ts";

type Answer<T> = Promise<Result<T, StorageFault>>;

/**
 * Who may sign in, and the sessions of those who have. Personal data, not a projection: `rebuild` leaves it alone. All
 * instants are wall time.
 */
export interface Accounts {
  /** `email_taken`: somebody has signed up with it; of two at once exactly one gets it. */
  create(account: StoredAccount): Answer<"created" | "email_taken">;
  /** `email` as `foldEmail` makes it. */
  byEmail(email: string): Answer<StoredAccount | null>;
  account(id: AccountId): Answer<StoredAccount | null>;
  /** Replaces the hash, when `was` is still the stored one: parameters get stronger with time. */
  rehash(id: AccountId, was: string, passwordHash: string): Answer<null>;
  /** Opens a session with its first refresh token. */
  openSession(session: NewSession): Answer<null>;
  /** A session that has not ended and is not over at `at`. */
  session(id: SessionId, at: Instant): Answer<StoredSession | null>;
  /**
   * Spends a refresh token and puts the next in its place, in one step: of two at once exactly one is first. A token that was
   * spent before ends its session, for it has been copied; except within `leewayMs` after it was first spent, when it yields
   * another next one. Tokens that came of one spent token are one generation: whoever spends one has spent them all.
   * @param token.idleUntil of the session from now on, cut to its end
   * @param token.leewayMs 0: strict, of two at once the other is `reused`
   * @returns `unknown`: nobody's, or of a session that is over
   */
  rotate(
    token: RefreshSpent,
  ): Answer<
    { readonly status: "rotated"; readonly session: StoredSession } | { readonly status: "reused" | "unknown" }
  >;
  /** Ending again changes nothing. */
  endSession(id: SessionId, at: Instant): Answer<null>;
}

export type StoredAccount = {
  readonly accountId: AccountId;
  readonly email: string;
  readonly passwordHash: string;
  readonly language: "ru" | "en";
  readonly zone: Zone;
  readonly createdAt: Instant;
};
export type StoredSession = {
  readonly sessionId: SessionId;
  readonly accountId: AccountId;
  readonly openedAt: Instant;
  /** Over when not refreshed by then. */
  readonly idleUntil: Instant;
  /** Over by then, however often refreshed. */
  readonly endsAt: Instant;
};
export type RefreshSpent = {
  readonly hash: string;
  readonly nextHash: string;
  readonly at: Instant;
  readonly idleUntil: Instant;
  readonly leewayMs: number;
};
/** `refreshHash`: SHA-256 of the token in hex; the token itself is kept nowhere. */
export type NewSession = StoredSession & { readonly refreshHash: string };
