import type { AccountId, SessionId } from "../ids.ts";
import type { Instant } from "../time.ts";

/** Access tokens (signed, short-lived) and refresh tokens (random, worth nothing but to us). */
export interface Tokens {
  signAccess(claims: AccessClaims): Promise<string>;
  /** Null: not ours, bent, of another kind, or over at `at`. */
  readAccess(token: string, at: Instant): Promise<AccessClaims | null>;
  /** 256 random bits, and the SHA-256 in hex that is stored. */
  newRefresh(): { readonly token: string; readonly hash: string };
  hashRefresh(token: string): string;
  newSessionId(at: Instant): SessionId;
  newAccountId(at: Instant): AccountId;
}
export type AccessClaims = {
  readonly accountId: AccountId;
  readonly sessionId: SessionId;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
};
