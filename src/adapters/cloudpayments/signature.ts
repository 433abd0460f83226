import { createHmac, timingSafeEqual } from "node:crypto";
import type { RawCall } from "../../core/ports/callbacks.ts";
import { decodeForm, decodeUtf8, isJson, messageOf } from "./message.ts";

/**
 * Whether the gateway has signed these very bytes: base64 of HMAC-SHA256 under the API secret.
 * @param secrets the new one and the old one while they are being changed
 */
export const isSigned = (call: RawCall, secrets: readonly string[]): boolean => {
  const claim = claimOf(call);
  return claim !== null && secrets.some((secret) => isEqual(claim.signature, sign(claim.message, secret)));
};

type Claim = { readonly message: Uint8Array; readonly signature: string };

/**
 * `X-Content-HMAC` is over the decoded form, in which an encoded "&" looks like one that parts two fields. So it counts
 * only where the other is missing, and a field that comes twice is refused when the form is read.
 */
const claimOf = (call: RawCall): Claim | null => {
  const message = messageOf(call);
  const overRaw = call.header("Content-HMAC");
  if (overRaw !== null) return { message, signature: overRaw };
  const overDecoded = call.header("X-Content-HMAC");
  if (overDecoded === null) return null;
  if (isJson(call)) return { message, signature: overDecoded };
  const decoded = decodeForm(decodeUtf8(message) ?? "%");
  return decoded === null ? null : { message: new TextEncoder().encode(decoded), signature: overDecoded };
};

const sign = (message: Uint8Array, secret: string): string =>
  createHmac("sha256", secret).update(message).digest("base64");

/** Compares the texts, not what they decode to: four spellings of base64 decode to one digest. */
const isEqual = (given: string, expected: string): boolean => {
  const [a, b] = [given, expected].map((text) => new TextEncoder().encode(text));
  return a !== undefined && b !== undefined && a.length === b.length && timingSafeEqual(a, b);
};
