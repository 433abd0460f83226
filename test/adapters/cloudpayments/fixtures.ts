import { createHmac } from "node:crypto";
import { z } from "zod";
import { cloudPaymentsCallbacks } from "../../../src/adapters/cloudpayments/callbacks.ts";
import { type GatewayAccount, parseGatewayAccount } from "../../../src/core/ids.ts";
import type { RawCall } from "../../../src/core/ports/callbacks.ts";
import { answered } from "../../support/cinema.ts";
import raw from "./fixtures.json" with { type: "json" };

const fixture = z.object({
  name: z.string(),
  kind: z.string(),
  content_type: z.string(),
  body: z.string(),
  path: z.string().optional(),
  headers: z.object({ "Content-HMAC": z.string(), "X-Content-HMAC": z.string() }).optional(),
  hmac_key: z.string().optional(),
});
const vector = z.object({
  name: z.string(),
  header: z.string(),
  key: z.string(),
  message: z.string(),
  wire_body: z.string().optional(),
  expected: z.string(),
  must_not_match: z.boolean().default(false),
});

/** Bodies of the gateway's documentation and of public libraries, byte for byte. */
export const FIXTURES = z.array(fixture).parse(raw.fixtures);
export const VECTORS = z.array(vector).parse(raw.hmac_vectors);
export const fixtureOf = (name: string) => {
  const found = FIXTURES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no fixture ${name}`);
  return found;
};

export const GATEWAY_ACCOUNT: GatewayAccount = answered(parseGatewayAccount("cloudpayments:pk_1"));
export const SECRET = "test_api_secret";
export const callbacks = cloudPaymentsCallbacks({
  apiSecrets: [SECRET],
  gatewayAccount: GATEWAY_ACCOUNT,
});

export const FORM = "application/x-www-form-urlencoded";
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const signatureOf = (message: Uint8Array, secret = SECRET): string =>
  createHmac("sha256", secret).update(message).digest("base64");

/** A notification as it comes over the wire. */
export const call = (
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
  over: Partial<RawCall> = {},
): RawCall => {
  const all = new Headers(headers);
  return { method: "POST", query: "", header: (name) => all.get(name), body, ...over };
};
/** A notification that the gateway has signed, whatever is in it. */
export const signed = (body: string | Uint8Array, contentType: string = FORM): RawCall => {
  const bytes = typeof body === "string" ? bytesOf(body) : body;
  return call(bytes, { "Content-Type": contentType, "Content-HMAC": signatureOf(bytes) });
};
