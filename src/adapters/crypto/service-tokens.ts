import { errors, jwtVerify, SignJWT } from "jose";
import type { ServiceTokens } from "../../core/ports/services.ts";
import { type Instant, SECOND_MS } from "../../core/time.ts";
import { ALGORITHM, signingKeys } from "./signing-keys.ts";

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
      const checks = {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience: AUDIENCE,
        typ: TYPE,
        currentDate: new Date(at),
      };
      try {
        const { sub = "" } = (await jwtVerify(token, publicKey, checks)).payload;
        return isServiceName(sub) ? { service: sub } : null;
      } catch (error) {
        if (error instanceof errors.JOSEError) return null;
        throw error;
      }
    },
  };
};

const secondsOf = (at: Instant): number => Math.floor(at / SECOND_MS);
