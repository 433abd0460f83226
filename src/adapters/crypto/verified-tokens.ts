import type { Instant } from "../../core/time.ts";

/** Tokens that were found right: each is shown again and again, and to verify it takes longer than all else about it. */
export type VerifiedTokens<Claims extends { readonly expiresAt: Instant }> = {
  /** Null: not seen yet, forgotten, of another issuer, or over at `at`. It has to be verified. */
  find(token: string, issuer: string, at: Instant): Claims | null;
  keep(token: string, issuer: string, claims: Claims): void;
};

/**
 * Kept by digest: no token stands here, and how long it takes to find one tells nothing of the others.
 * @param most tokens; beyond them the one that was kept first is forgotten
 */
export const verifiedTokens = <Claims extends { readonly expiresAt: Instant }>(
  most = 20_000,
): VerifiedTokens<Claims> => {
  const verified = new Map<string, { readonly issuer: string; readonly claims: Claims }>();
  return {
    find: (token, issuer, at) => {
      const known = verified.get(digestOf(token));
      return known?.issuer === issuer && at < known.claims.expiresAt ? known.claims : null;
    },
    keep: (token, issuer, claims) => {
      const [oldest] = verified.keys();
      if (verified.size >= most && oldest !== undefined) verified.delete(oldest);
      verified.set(digestOf(token), { issuer, claims });
    },
  };
};

const digestOf = (token: string): string => Bun.SHA256.hash(token, "base64url");
