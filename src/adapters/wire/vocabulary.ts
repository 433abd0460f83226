import { z } from "zod";
import type { Actor } from "../../core/actor.ts";
import * as ids from "../../core/ids.ts";
import { formatAmount, isZero, MAX_MINOR, type Money, type MoneyError, parseMoney } from "../../core/money.ts";
import { err, invariant, ok, type Result } from "../../core/result.ts";
import { formatInstant, parseInstant, parseZone } from "../../core/time.ts";

/** A string of the outside in the core's form: the core's parser is the rule, and its error code the issue. */
const read = <T>(
  parse: (raw: string) => Result<T, { readonly code: string }>,
  print: (value: T) => string,
  outside: z.ZodType<string, string> = z.string(),
) =>
  z.codec(outside, z.custom<T>(), {
    decode: (raw, ctx) => {
      const parsed = parse(raw);
      if (!parsed.ok) ctx.issues.push(refused(raw, parsed.error.code));
      return parsed.ok ? parsed.value : z.NEVER;
    },
    encode: print,
  });
const id = <Id extends string>(parse: (raw: string) => Result<Id, { readonly code: string }>) =>
  read<Id>(parse, (raw) => raw);

export const accountId = id(ids.parseAccountId);
export const attemptId = id(ids.parseAttemptId);
export const cardId = id(ids.parseCardId);
export const commandId = id(ids.parseCommandId);
export const invoiceId = id(ids.parseInvoiceId);
export const noticeId = id(ids.parseNoticeId);
export const quoteId = id(ids.parseQuoteId);
export const refundId = id(ids.parseRefundId);
export const setupId = id(ids.parseSetupId);
export const subscriptionId = id(ids.parseSubscriptionId);
export const planCode = id(ids.parsePlanCode);
export const gatewayAccount = id(ids.parseGatewayAccount);
export const transactionId = id(ids.parseTransactionId);

/** RFC 3339; any offset comes in, UTC with milliseconds goes out. */
export const instant = read(parseInstant, formatInstant, z.string().meta({ format: "date-time" }));
export const zone = read(parseZone, (name) => name);

const sumIn = (
  parse: (amount: string, currency: string) => Result<Money, MoneyError>,
  outside: z.ZodType<Amount, Amount>,
) =>
  z.codec(outside, z.custom<Money>(), {
    decode: (raw, ctx) => {
      const parsed = parse(raw.amount, raw.currency);
      if (!parsed.ok) ctx.issues.push(refused(raw, parsed.error.code, GUILTY[parsed.error.code]));
      return parsed.ok ? parsed.value : z.NEVER;
    },
    encode: (value) => {
      // What is printed must be readable again: a sum out of range would lock its stream for ever.
      invariant(value.minor <= MAX_MINOR && -value.minor <= MAX_MINOR, "a sum has 15 digits at most");
      return { amount: formatAmount(value), currency: value.currency };
    },
  });
type Amount = { amount: string; currency: string };
/** The field of a sum that an error is about. */
const GUILTY = {
  malformed_amount: "amount",
  amount_out_of_range: "amount",
  unknown_currency: "currency",
} as const satisfies Record<MoneyError["code"], keyof Amount>;

/** The core reads no sign, for people never mean one; our own lines and events may hold what is taken off. */
const parseSigned = (amount: string, currency: string): Result<Money, MoneyError> => {
  if (!amount.startsWith("-")) return parseMoney(amount, currency);
  const parsed = parseMoney(amount.slice(1), currency);
  if (!parsed.ok) return parsed;
  if (isZero(parsed.value)) return err({ code: "malformed_amount" });
  return ok({ ...parsed.value, minor: -parsed.value.minor });
};

/** `{"amount": "299.00", "currency": "RUB"}`, as a caller may give it: no sign, no other keys. */
export const money = sumIn(parseMoney, z.strictObject({ amount: z.string(), currency: z.string() }));
/** The same with a sign: the unused value of an old plan is a line below zero. */
export const signedMoney = sumIn(parseSigned, z.strictObject({ amount: z.string(), currency: z.string() }));
/** As events keep it: signed, and open to keys of a later writer. */
export const storedMoney = sumIn(parseSigned, z.object({ amount: z.string(), currency: z.string() }));

const staffRole = z.enum(["support", "manager", "finance", "owner"]);
export const actor = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("payer"), accountId }),
  z.object({ kind: z.literal("staff"), name: z.string(), role: staffRole }),
  z.object({ kind: z.literal("service"), name: z.string() }),
  z.object({ kind: z.literal("gateway"), name: z.string() }),
  z.object({ kind: z.literal("system") }),
]) satisfies z.ZodType<Actor>;

/** An issue with the core's own code for what is wrong; the codes are public and stable. */
const refused = (input: unknown, code: string, ...path: readonly string[]) => ({
  code: "custom" as const,
  input,
  message: code,
  params: { code },
  path: [...path],
});
