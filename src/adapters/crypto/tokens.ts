import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { type AccountId, encodeDerivedId, parseAccountId, parseSessionId, type SessionId } from "../../core/ids.ts";
import type { AccessClaims, Tokens } from "../../core/ports/tokens.ts";
import { type Instant, instantOf, SECOND_MS } from "../../core/time.ts";
import { ALGORITHM, signingKeys } from "./signing-keys.ts";
import { verifiedTokens } from "./verified-tokens.ts";

const AUDIENCE = "matinee";
/** RFC 9068: what is signed for another purpose does not pass for an access token. */
const TYPE = "at+jwt";
/** Another label, another key: nothing else that is derived from the master key is worth anything here. */
const KEY_LABEL = "matinee access tokens 1";
const REFRESH_BYTES = 32;

/**
 * Access tokens are JWTs signed with Ed25519. The key is derived from the master key, so that all processes have the same one
 * and it is stored nowhere. Refresh tokens are random.
 * @param masterKey 32 bytes. Another one than before signs nobody out, but every access token must be refreshed
 * @param issuer this installation's address; asked each time, for the port may be known only after a start
 */
export const jwtTokens = async ({
  masterKey,
  issuer,
}: {
  readonly masterKey: Uint8Array;
  readonly issuer: () => string;
}): Promise<Tokens> => {
  const { privateKey, publicKey } = await signingKeys(masterKey, KEY_LABEL);
  const verified = verifiedTokens<AccessClaims>();
  return {
    signAccess: ({ accountId, sessionId, issuedAt, expiresAt }) =>
      new SignJWT({ sid: sessionId })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
        .setIssuer(issuer())
        .setAudience(AUDIENCE)
        .setSubject(accountId)
        .setIssuedAt(secondsOf(issuedAt))
        .setExpirationTime(secondsOf(expiresAt))
        .sign(privateKey),
    readAccess: async (token, at) => {
      const expected = issuer();
      const known = verified.find(token, expected, at);
      if (known !== null) return known;
      const checks = {
        algorithms: [ALGORITHM],
        issuer: expected,
        audience: AUDIENCE,
        typ: TYPE,
        currentDate: new Date(at),
      };
      try {
        const claims = claimsOf((await jwtVerify(token, publicKey, checks)).payload);
        if (claims !== null) verified.keep(token, expected, claims);
        return claims;
      } catch (error) {
        if (error instanceof errors.JOSEError) return null;
        throw error;
      }
    },
    newRefresh: () => {
      const token = randomBytes(REFRESH_BYTES).toBase64({ alphabet: "base64url", omitPadding: true });
      return { token, hash: sha256Hex(token) };
    },
    hashRefresh: sha256Hex,
    newSessionId: (at) => encodeDerivedId("session", randomBytes(16), at) as SessionId,
    newAccountId: (at) => encodeDerivedId("account", randomBytes(16), at) as AccountId,
  };
};

/** A payload that we have signed ourselves; one that does not fit was signed by another version of us. */
const claimsOf = ({ sub = "", sid, iat = -1, exp = -1 }: JWTPayload): AccessClaims | null => {
  const accountId = parseAccountId(sub);
  const sessionId = parseSessionId(typeof sid === "string" ? sid : "");
  if (!accountId.ok || !sessionId.ok || !isWhole(iat) || !isWhole(exp)) return null;
  return {
    accountId: accountId.value,
    sessionId: sessionId.value,
    issuedAt: instantOf(iat * SECOND_MS),
    expiresAt: instantOf(exp * SECOND_MS),
  };
};

/** Whole seconds of a year that can be printed. */
const isWhole = (seconds: number): boolean => Number.isInteger(seconds) && seconds >= 0 && seconds < 253_402_300_800;
const secondsOf = (at: Instant): number => Math.floor(at / SECOND_MS);
const randomBytes = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count));
const sha256Hex = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");
