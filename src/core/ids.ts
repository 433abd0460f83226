import { err, invariant, ok, type Result } from "./result.ts";
import type { Instant } from "./time.ts";

declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/**
 * The kinds of id and the prefix of each. An id is a UUIDv7 in 26 characters of Crockford's base 32 behind its prefix,
 * everywhere: in the core, in the events, in SQL, in URLs. The prefix keeps one kind of id from passing for another in
 * a log line or a support ticket, and a person finds in the database the very string that the payer was shown.
 */
export const ID_PREFIX = {
  account: "acc",
  attempt: "att",
  card: "crd",
  command: "cmd",
  invoice: "inv",
  notice: "ntc",
  quote: "quo",
  refund: "rfd",
  session: "ses",
  setup: "set",
  subscription: "sub",
} as const;
export type IdKind = keyof typeof ID_PREFIX;

export type AccountId = Brand<string, "account">;
export type AttemptId = Brand<string, "attempt">;
export type CardId = Brand<string, "card">;
export type CommandId = Brand<string, "command">;
export type InvoiceId = Brand<string, "invoice">;
export type NoticeId = Brand<string, "notice">;
export type QuoteId = Brand<string, "quote">;
export type RefundId = Brand<string, "refund">;
export type SessionId = Brand<string, "session">;
export type SetupId = Brand<string, "setup">;
export type SubscriptionId = Brand<string, "subscription">;

/** A plan's identity: a short word chosen by the operator, as in "premium". Never used again for another plan. */
export type PlanCode = Brand<string, "plan_code">;
/** Our account at a gateway, as configuration names it: money and tokens of one are worth nothing at another. */
export type GatewayAccount = Brand<string, "gateway_account">;
/** The gateway's own number of a movement of money; unique within a gateway account. */
export type TransactionId = Brand<string, "transaction">;

type IdError = { readonly code: "malformed_id" };
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

const word =
  <Id extends string>(shape: RegExp) =>
  (raw: string): Result<Id, IdError> =>
    shape.test(raw) ? ok(raw as Id) : err({ code: "malformed_id" });
const parse = <Id extends string>(kind: IdKind) =>
  word<Id>(new RegExp(`^${ID_PREFIX[kind]}_[0-7][0-9a-hjkmnp-tv-z]{25}$`));

export const parseAccountId = parse<AccountId>("account");
export const parseAttemptId = parse<AttemptId>("attempt");
export const parseCardId = parse<CardId>("card");
export const parseCommandId = parse<CommandId>("command");
export const parseInvoiceId = parse<InvoiceId>("invoice");
export const parseNoticeId = parse<NoticeId>("notice");
export const parseQuoteId = parse<QuoteId>("quote");
export const parseRefundId = parse<RefundId>("refund");
export const parseSessionId = parse<SessionId>("session");
export const parseSetupId = parse<SetupId>("setup");
export const parseSubscriptionId = parse<SubscriptionId>("subscription");

export const parsePlanCode = word<PlanCode>(/^[a-z][a-z0-9-]{0,38}[a-z0-9]$/);
export const parseGatewayAccount = word<GatewayAccount>(/^[a-z][a-z0-9_]{0,23}:[A-Za-z0-9_.-]{1,64}$/);
export const parseTransactionId = word<TransactionId>(/^[A-Za-z0-9_.:-]{1,64}$/);

/** The id of nobody: what a gateway calls a payer that no account of ours is. It equals no account's. */
export const NOBODY = `${ID_PREFIX.account}_${"0".repeat(26)}` as AccountId;
/** The payer as a gateway names him: to be compared with ours, never believed. Null where it names none. */
export const payerNamed = (raw: string | null | undefined): AccountId | null => {
  if (raw === null || raw === undefined) return null;
  const id = parseAccountId(raw);
  return id.ok ? id.value : NOBODY;
};

/** Writes 16 bytes of a UUID in the form that all our ids have. */
export const encodeId = (kind: IdKind, uuid: Uint8Array): string => {
  invariant(uuid.length === 16, "a UUID has 16 bytes");
  let text = "";
  // 26 letters hold 130 bits: two of zero stand before the UUID's.
  let [bits, held] = [0, 2];
  for (const byte of uuid) {
    bits = (bits << 8) | byte;
    for (held += 8; held >= 5; held -= 5) text += ALPHABET[(bits >> (held - 5)) & 31];
    bits &= 31;
  }
  return `${ID_PREFIX[kind]}_${text}`;
};

/**
 * The id of what a cause makes. The same cause, name and kind give the same id, so that a second run of a command makes
 * the very things that the first one made.
 * @param digest 32 bytes of SHA-256 over the cause, the kind and the name
 * @param at instant of the cause, stored with it: it gives the id its place in time, as UUIDv7 has it (RFC 9562, 5.7)
 */
export const encodeDerivedId = (kind: IdKind, digest: Uint8Array, at: Instant): string => {
  invariant(digest.length >= 16, "a digest has 16 bytes or more");
  invariant(at >= 0, "a UUIDv7 counts from 1970");
  const uuid = digest.slice(0, 16);
  let rest = at as number;
  for (let i = 5; i >= 0; i -= 1) {
    uuid[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  uuid[6] = 0x70 | ((uuid[6] ?? 0) & 0x0f);
  uuid[8] = 0x80 | ((uuid[8] ?? 0) & 0x3f);
  return encodeId(kind, uuid);
};
