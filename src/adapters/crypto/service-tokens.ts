import { errors, jwtVerify, SignJWT } from "jose";
import type { ServiceTokens } from "../../core/ports/services.ts";
import { type Instant, instantOf, SECOND_MS } from "../../core/time.ts";
import { ALGORITHM, signingKeys } from "./signing-keys.ts";
import { verifiedTokens } from "./verified-tokens.ts";

const ISSUER = "matinee";
const AUDIENCE = "matinee bus";
/** What is signed for another purpose does not pass for a service's token. */
const TYPE = "service+jwt";
const KEY_LABEL = "matinee service tokens 1";
/** It becomes a part of subjects and log lines. */
const NAME = /^[a-z][a-z0-9-]{0,39}$/;

export const isServiceName = (name: string): boolean => NAME.test(name);

/**
 * Service tokens are JWTs signed with Ed25519, by a key derived from the master key and used for nothing else.
 * @param masterKey 32 bytes. Another one than before makes every service token worthless
 */
export const jwtServiceTokens = async (masterKey: Uint8Array): Promise<ServiceTokens> => {
  const { privateKey, publicKey } = await signingKeys(masterKey, KEY_LABEL);
  const verified = verifiedTokens<{ readonly service: string; readonly expiresAt: Instant }>();
  return {
    sign: (service, issuedAt, expiresAt) =>
      new SignJWT()
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(service)
        .setIssuedAt(secondsOf(issuedAt))
        .setExpirationTime(secondsOf(expiresAt))
        .sign(privateKey),
    read: async (token, at) => {
      const known = verified.find(token, ISSUER, at);
      if (known !== null) return { service: known.service };
      const checks = {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience: AUDIENCE,
        typ: TYPE,
        requiredClaims: ["exp"],
        currentDate: new Date(at),
      };
      try {
        const { sub = "", exp = 0 } = (await jwtVerify(token, publicKey, checks)).payload;
        if (!isServiceName(sub)) return null;
        verified.keep(token, ISSUER, { service: sub, expiresAt: instantOf(exp * SECOND_MS) });
        return { service: sub };
      } catch (error) {
        if (error instanceof errors.JOSEError) return null;
        throw error;
      }
    },
  };
};

const secondsOf = (at: Instant): number => Math.floor(at / SECOND_MS);
