import { z } from "zod";
import type { Command, CommandType } from "../../core/billing/command.ts";
import { Bug, err, ok, type Result } from "../../core/result.ts";
import { readerOf } from "./compiled.ts";
import { faithful } from "./faithful.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { type Malformed, malformed } from "./malformed.ts";
import {
  accountId,
  attemptId,
  cardId,
  gatewayAccount,
  instant,
  invoiceId,
  money,
  planCode,
  quoteId,
  refundId,
  setupId,
  signedMoney,
  subscriptionId,
  transactionId,
  zone,
} from "./vocabulary.ts";
import * as word from "./words.ts";

// What a caller may send. Closed and bounded, unlike what events keep: an unknown key is a mistake of the caller's, and
// texts and counts are held to what storage and calendars can take.

/** What people write. No control characters, which Postgres refuses or a terminal obeys, and no half of a character. */
const text = (mostLetters: number) =>
  z
    .string()
    .min(1)
    .max(mostLetters)
    .refine((raw) => raw.isWellFormed() && !/[^\P{Cc}\n\t]/u.test(raw), { params: { code: "malformed_text" } });
const count = (most: number) => z.int().min(0).max(most);

const consent = text(64).nullable();
const note = text(1000);
const localText = (mostLetters: number) => z.strictObject({ ru: text(mostLetters), en: text(mostLetters) });
const period = z.strictObject({ start: instant, end: instant });

const description = z.strictObject({
  title: localText(200),
  text: localText(5000),
  entitlement: z.strictObject({ tier: count(1000), quality: word.quality, streams: count(1000) }),
  rank: count(1_000_000),
});
const price = z.strictObject({
  price: money,
  length: z.strictObject({ unit: word.lengthUnit, count: count(1000) }),
  trial: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("none") }),
    z.strictObject({ kind: z.literal("free"), days: count(1000), card: z.boolean() }),
    z.strictObject({ kind: z.literal("paid"), days: count(1000), price: money }),
  ]),
  intro: z.strictObject({ price: money, periods: count(1000) }).nullable(),
  receipt: z.strictObject({
    vat: word.vat,
    object: count(1000),
    method: count(1000),
  }),
});
const line = z.strictObject({
  kind: word.lineKind,
  plan: planCode.nullable(),
  priceVersion: count(1_000_000).nullable(),
  amount: signedMoney,
  period: period.nullable(),
});
const decline = z.strictObject({ kind: word.declineKind, reason: word.declineReason });

/** The outside form of each command without its `type`. Never an actor: that is the authenticated sender. */
export const COMMAND_BODIES = faithful<Command>()({
  // The catalogue: managers.
  "plan.create": z.strictObject({ plan: planCode, description, price }),
  "plan.describe": z.strictObject({ plan: planCode, description }),
  "plan.set_price": z.strictObject({ plan: planCode, price }),
  "plan.archive": z.strictObject({ plan: planCode }),
  "plan.restore": z.strictObject({ plan: planCode }),

  // A payer, or a member of the staff for one.
  "subscription.start": z.strictObject({ accountId, plan: planCode, zone, consent }),
  "subscription.stop": z.strictObject({ subscriptionId }),
  "subscription.undo_stop": z.strictObject({ subscriptionId }),
  "subscription.cancel": z.strictObject({
    subscriptionId,
    refund: z.discriminatedUnion("by", [
      z.strictObject({ by: z.literal("policy") }),
      z.strictObject({ by: z.literal("staff"), amount: money, reason: note }),
    ]),
  }),
  "subscription.quote_change": z.strictObject({ subscriptionId, plan: planCode }),
  "subscription.change": z.strictObject({ subscriptionId, quoteId }),
  "subscription.drop_change": z.strictObject({ subscriptionId }),
  "subscription.pay_ahead": z.strictObject({ subscriptionId }),
  "subscription.pause": z.strictObject({ subscriptionId, when: z.enum(["now", "at_period_end"]), until: z.iso.date() }),
  "subscription.resume": z.strictObject({ subscriptionId }),
  "invoice.offer": z.strictObject({ invoiceId, consent }),
  "setup.offer": z.strictObject({ accountId, consent: text(64) }),
  "consent.withdraw": z.strictObject({ accountId }),
  "card.remove": z.strictObject({ accountId, cardId }),
  "card.prefer": z.strictObject({ accountId, cardId }),

  // The staff, and services.
  "invoice.issue": z.strictObject({ accountId, lines: z.array(line).min(1).max(100) }),
  "invoice.annul": z.strictObject({ invoiceId }),
  "invoice.write_off": z.strictObject({ invoiceId }),
  "payment.refund": z.strictObject({
    invoiceId,
    gatewayAccount,
    transactionId,
    amount: money,
    access: z.enum(["keep", "end"]),
  }),
  "payment.settle_mismatch": z.strictObject({ invoiceId, gatewayAccount, transactionId, note }),
  "payment.decide_chargeback": z.strictObject({ invoiceId, gatewayAccount, transactionId, won: z.boolean() }),
  "credit.add": z.strictObject({ accountId, amount: money, reason: note }),
  "account.erase": z.strictObject({ accountId }),

  // Facts that a gateway told, verified and translated by its adapter.
  "payment.check": z.strictObject({ attemptId, transactionId }),
  "payment.succeed": z.strictObject({
    attemptId,
    gatewayAccount,
    transactionId,
    amount: money,
    accountId: accountId.nullable(),
    onlyAuthorised: z.boolean(),
    cardId: cardId.nullable(),
  }),
  "payment.decline": z.strictObject({ attemptId, transactionId: transactionId.nullable(), decline }),
  "payment.lose_answer": z.strictObject({ attemptId }),
  "payment.find_nothing": z.strictObject({ attemptId, by: word.lookUp }),
  "payment.charge_back": z.strictObject({ gatewayAccount, transactionId }),
  "refund.succeed": z.strictObject({ refundId, transactionId, amount: money }),
  "refund.fail": z.strictObject({ refundId, reason: note }),
  "refund.lose_answer": z.strictObject({ refundId }),
  "refund.find_nothing": z.strictObject({ refundId, by: word.lookUp }),
  "refund.report": z.strictObject({
    gatewayAccount,
    captureTransactionId: transactionId,
    transactionId,
    amount: money,
  }),
  "setup.hold": z.strictObject({
    setupId,
    transactionId,
    amount: money,
    accountId: accountId.nullable(),
    captured: z.boolean(),
  }),
  "setup.decline": z.strictObject({ setupId }),
  "setup.void": z.strictObject({ setupId }),
  "setup.lose_void_answer": z.strictObject({ setupId }),
  "setup.find_held": z.strictObject({ setupId }),

  // Our own sweeps and workers.
  "invoice.charge": z.strictObject({ invoiceId, cardId: cardId.nullable() }),
  "refund.start": z.strictObject({ refundId }),
  "invoice.expire": z.strictObject({ invoiceId }),
  "invoice.end_offer": z.strictObject({ invoiceId, attemptId }),
  "invoice.give_up_waiting": z.strictObject({ invoiceId }),
  "subscription.pass_boundary": z.strictObject({ subscriptionId }),
  "subscription.close_dunning": z.strictObject({ subscriptionId }),
  "subscription.give_notice": z.strictObject({ subscriptionId }),
  "setup.ask_void": z.strictObject({ setupId }),
  "setup.expire": z.strictObject({ setupId }),
});

const known = new Map(
  Object.entries<z.ZodType>(COMMAND_BODIES).map(([type, schema]) => [type, { schema, reader: readerOf(schema) }]),
);
export const COMMAND_TYPES = [...known.keys()] as readonly CommandType[];

/** Reads `{"type": "invoice.annul", ...}`. What is wrong comes back field by field, and nothing is guessed. */
export const parseCommand = (json: unknown): Result<Command, Malformed> => {
  if (!isJsonObject(json)) return wrong("", "wrong_type");
  const { type, ...fields } = json;
  if (type === undefined) return wrong("/type", "missing");
  const body = typeof type === "string" ? known.get(type) : undefined;
  if (body === undefined) return wrong("/type", typeof type === "string" ? "unknown_value" : "wrong_type");
  const parsed = body.reader().safeDecode(fields, { reportInput: true });
  return parsed.success ? ok({ type, ...(parsed.data as object) } as Command) : err(malformed(parsed.error));
};

/** The outside form that `parseCommand` reads back to the same command; a command beyond its schema is a Bug. */
export const printCommand = (command: Command): JsonObject => {
  const { type, ...fields } = command;
  const printed = known.get(type)?.schema.safeEncode(fields);
  if (!printed?.success) throw new Bug(`${type} cannot be printed: ${printed?.error.message}`);
  return { type, ...(printed.data as JsonObject) };
};

const wrong = (pointer: string, code: string) => err({ code: "malformed", errors: [{ pointer, code }] });
