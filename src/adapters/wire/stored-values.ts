import { z } from "zod";
import {
  accountId,
  attemptId,
  cardId,
  gatewayAccount,
  instant,
  invoiceId,
  noticeId,
  planCode,
  quoteId,
  storedMoney,
  subscriptionId,
  transactionId,
  zone,
} from "./vocabulary.ts";
import * as word from "./words.ts";

// The parts that events are made of. They are open: keys of a later writer are passed over. They hold no bounds either:
// what was once a fact must stay readable when a rule of the outside is tightened.

export const period = z.object({ start: instant, end: instant });

// Catalog

const length = z.object({ unit: word.lengthUnit, count: z.int() });
const entitlement = z.object({ tier: z.int(), quality: word.quality, streams: z.int() });
const trial = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("none") }),
  z.object({ kind: z.literal("free"), days: z.int(), card: z.boolean() }),
  z.object({ kind: z.literal("paid"), days: z.int(), price: storedMoney }),
]);
const intro = z.object({ price: storedMoney, periods: z.int() }).nullable();
const localText = z.object({ ru: z.string(), en: z.string() });

export const planDescription = z.object({ title: localText, text: localText, entitlement, rank: z.int() });
export const priceVersion = z.object({
  version: z.int(),
  price: storedMoney,
  length,
  trial,
  intro,
  receipt: z.object({ vat: word.vat, object: z.int(), method: z.int() }),
});
export const terms = z.object({
  plan: planCode,
  priceVersion: z.int(),
  price: storedMoney,
  length,
  trial,
  intro,
  rank: z.int(),
  entitlement,
});

// Invoice

export const invoiceTerms = z.object({
  invoiceId,
  accountId,
  subscriptionId: subscriptionId.nullable(),
  purpose: word.purpose,
  sequence: z.string(),
  lines: z.array(
    z.object({
      kind: word.lineKind,
      plan: planCode.nullable(),
      priceVersion: z.int().nullable(),
      amount: storedMoney,
      period: period.nullable(),
    }),
  ),
  total: storedMoney,
  credit: storedMoney,
  due: storedMoney,
  expiresAt: instant.nullable(),
});
export const captureKey = z.object({ gatewayAccount, transactionId });
export const captured = z.object({ gatewayAccount, transactionId, amount: storedMoney });
export const decline = z.object({ kind: word.declineKind, reason: word.declineReason });

// Customer

// Subscription

const anchor = z.object({ wall: z.string(), zone });
export const runningPeriod = z.object({
  number: z.int(),
  period,
  anchor,
  boundary: z.int(),
  paidPeriods: z.int(),
  fullMs: z.int(),
  stretch: period,
  value: storedMoney,
  paid: storedMoney,
  invoices: z.array(invoiceId),
  paidAt: instant,
  graceUntil: instant,
});
export const trialPeriod = z.object({
  kind: z.enum(["free", "paid"]),
  period,
  value: storedMoney,
  invoices: z.array(invoiceId),
  paidAt: instant.nullable(),
  graceUntil: instant,
});
export const renewal = z.object({
  invoiceId,
  number: z.int(),
  paidPeriods: z.int(),
  period,
  anchor,
  boundary: z.int(),
  amount: storedMoney,
  issuedAt: instant,
  askedBy: word.initiator,
  graceUntil: instant,
  putOffUntil: instant.nullable(),
  declines: z.array(z.object({ attemptId, cardId: cardId.nullable(), kind: word.declineKind, at: instant })),
});
export const dunning = z.object({
  declinedAt: instant,
  steps: z.array(instant),
  endsAt: instant,
  nextTry: z.object({ at: instant, dueAt: instant, newCard: z.boolean() }).nullable(),
  closesAt: instant,
  graceUntil: instant,
  cardId: cardId.nullable(),
});
export const waitingChange = z.object({ terms, askedAt: instant });
export const quote = z.object({
  quoteId,
  terms,
  quotedAt: instant,
  expiresAt: instant,
  effect: word.changeEffect,
  unused: storedMoney,
  charge: storedMoney,
  due: storedMoney,
  surplus: storedMoney,
  period: period.nullable(),
});
export const notice = z.object({
  noticeId,
  kind: word.noticeKind,
  givenAt: instant,
  announcedAt: instant.nullable(),
  amount: storedMoney.nullable(),
});
export const pause = z.object({
  since: instant,
  until: instant,
  kept: z.object({ running: runningPeriod, unusedMs: z.int(), unused: storedMoney }).nullable(),
  number: z.int(),
  paidPeriods: z.int(),
});
