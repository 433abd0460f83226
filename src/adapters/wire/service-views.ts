import { z } from "zod";
import type { RowOf } from "../../core/billing/read-model.ts";
import type { Attempt, Capture } from "../../core/invoice/invoice.ts";
import type { Currency } from "../../core/money.ts";
import type { CustomerRows, InvoiceRows, PlanWithPrices } from "../../core/ports/queries.ts";
import { invariant } from "../../core/result.ts";
import type { Instant } from "../../core/time.ts";
import {
  accountId,
  attemptId,
  cardId,
  gatewayAccount,
  instant,
  invoiceId,
  planCode,
  storedMoney,
  subscriptionId,
  transactionId,
  zone,
} from "./vocabulary.ts";
import * as word from "./words.ts";

// What services are shown: ids, words, sums and instants, all that they need to ask for the next thing. No token, name or card's
// digits; and of what people wrote only what plans say to everybody.

const entitlement = { tier: z.int(), quality: word.quality, streams: z.int() };
const orNull = <Fields extends Readonly<Record<string, z.ZodType>>>(fields: Fields) =>
  Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, schema.nullable()])) as {
    [Name in keyof Fields]: z.ZodNullable<Fields[Name]>;
  };

export const accessView = z.object({
  allowed: z.boolean(),
  ...orNull(entitlement),
  until: instant.nullable(),
  at: instant.meta({ description: "The instant of billing time that this is true of" }),
});
type AccessView = z.input<typeof accessView>;
export const presentAccess = (row: RowOf<"access"> | null, at: Instant): AccessView => {
  const asOf = instant.encode(at);
  if (row === null) return { allowed: false, tier: null, quality: null, streams: null, until: null, at: asOf };
  return { allowed: true, ...entitlementOf(row), until: instant.encode(row.untilAt), at: asOf };
};

export const invoiceView = z.object({
  invoiceId,
  accountId,
  subscriptionId: subscriptionId.nullable(),
  status: word.invoiceStatus,
  purpose: word.purpose,
  plan: planCode.nullable(),
  total: storedMoney,
  credit: storedMoney.meta({ description: "Of the total, what the account's credit pays" }),
  due: storedMoney.meta({ description: "Total less credit: what is paid by card" }),
  refunded: storedMoney,
  issuedAt: instant,
  expiresAt: instant.nullable(),
  paidAt: instant.nullable(),
  closedAt: instant.nullable(),
  attempts: z.array(
    z.object({
      attemptId,
      kind: z.enum(["offer", "charge"]),
      status: word.attemptStatus,
      gatewayAccount,
      amount: storedMoney,
      madeAt: instant,
      statusAt: instant,
      endsAt: instant.nullable(),
    }),
  ),
  captures: z.array(
    z.object({
      gatewayAccount,
      transactionId,
      attemptId,
      role: word.captureRole.meta({ description: "extra: was not due, and goes back by itself" }),
      captured: storedMoney,
      asked: storedMoney.meta({ description: "Asked back, and not answered yet" }),
      returned: storedMoney.meta({ description: "What has gone back" }),
      left: storedMoney.meta({ description: "What can still be asked back with `payment.refund`" }),
      capturedAt: instant,
      dispute: z.enum(["none", "open", "lost", "won"] satisfies readonly Capture["dispute"][]),
    }),
  ),
  refunds: z.array(
    z.object({
      refundId: z.string().meta({
        description: "Ours; or `reported:` and the gateway's transaction",
        examples: ["rfd_01h455vb4pex5vsknk084sn02q"],
      }),
      gatewayAccount,
      captureTransactionId: transactionId,
      amount: storedMoney,
      status: word.refundStatus,
      reason: word.refundReason.nullable().meta({ description: "Null: the gateway told of it, nobody had asked us" }),
      askedAt: instant,
      transactionId: transactionId.nullable(),
    }),
  ),
});
type InvoiceView = z.input<typeof invoiceView>;
export const presentInvoice = ({ invoice, attempts, captures, refunds }: InvoiceRows): InvoiceView => ({
  invoiceId: invoice.invoiceId,
  accountId: invoice.accountId,
  subscriptionId: invoice.subscriptionId,
  status: invoice.status as InvoiceView["status"],
  purpose: invoice.purpose as InvoiceView["purpose"],
  plan: invoice.plan,
  total: sum(invoice.totalMinor, invoice),
  credit: sum(invoice.creditMinor, invoice),
  due: sum(invoice.dueMinor, invoice),
  refunded: sum(invoice.refundedMinor, invoice),
  issuedAt: instant.encode(invoice.issuedAt),
  expiresAt: instantOrNull(invoice.expiresAt),
  paidAt: instantOrNull(invoice.paidAt),
  closedAt: instantOrNull(invoice.closedAt),
  attempts: attempts.map(presentAttempt),
  captures: captures.map(presentCapture),
  refunds: refunds.map(presentRefund),
});
const presentAttempt = (row: RowOf<"attempts">): InvoiceView["attempts"][number] => ({
  attemptId: row.attemptId,
  kind: row.kind as Attempt["kind"],
  status: row.status as Attempt["status"],
  gatewayAccount: row.gatewayAccount,
  amount: sum(row.amountMinor, row),
  madeAt: instant.encode(row.madeAt),
  statusAt: instant.encode(row.statusAt),
  endsAt: instantOrNull(row.endsAt),
});
const presentCapture = (row: RowOf<"captures">): InvoiceView["captures"][number] => {
  const left = row.capturedMinor - row.reservedMinor - row.returnedMinor;
  return {
    gatewayAccount: row.gatewayAccount,
    transactionId: row.transactionId,
    attemptId: row.attemptId,
    role: row.role as Capture["role"],
    captured: sum(row.capturedMinor, row),
    asked: sum(row.reservedMinor, row),
    returned: sum(row.returnedMinor, row),
    // A gateway may tell of more that went back than was captured.
    left: sum(left > 0n ? left : 0n, row),
    capturedAt: instant.encode(row.capturedAt),
    dispute: row.dispute as Capture["dispute"],
  };
};
const presentRefund = (row: RowOf<"refunds">): InvoiceView["refunds"][number] => ({
  refundId: row.refundKey,
  gatewayAccount: row.gatewayAccount,
  captureTransactionId: row.captureTransactionId,
  amount: sum(row.amountMinor, row),
  status: row.status as InvoiceView["refunds"][number]["status"],
  reason: row.reason as InvoiceView["refunds"][number]["reason"],
  askedAt: instant.encode(row.askedAt),
  transactionId: row.transactionId,
});

export const subscriptionView = z.object({
  subscriptionId,
  accountId,
  status: word.subscriptionStatus,
  place: word.place.meta({ description: "queued: begins when the current one ends" }),
  plan: planCode,
  price: storedMoney,
  zone,
  startedAt: instant,
  period: z
    .object({ number: z.int(), start: instant, end: instant })
    .nullable()
    .meta({ description: "The one that runs; number 0 is a trial" }),
  renews: z.boolean(),
  waitingPlan: planCode.nullable().meta({ description: "The plan from the next period on" }),
  pausedUntil: instant.nullable(),
  openInvoiceId: invoiceId.nullable().meta({ description: "To be paid" }),
  nextTryAt: instant.nullable().meta({ description: "When the card is charged again after a decline" }),
  endedAt: instant.nullable(),
  endReason: word.endReason.nullable(),
});
type SubscriptionView = z.input<typeof subscriptionView>;
export const presentSubscription = (row: RowOf<"subscriptions">): SubscriptionView => ({
  subscriptionId: row.subscriptionId,
  accountId: row.accountId,
  status: row.status as SubscriptionView["status"],
  place: row.place as SubscriptionView["place"],
  plan: row.plan,
  price: sum(row.priceMinor, row),
  zone: row.zone,
  startedAt: instant.encode(row.startedAt),
  period:
    row.periodNumber === null || row.periodStart === null || row.periodEnd === null
      ? null
      : { number: row.periodNumber, start: instant.encode(row.periodStart), end: instant.encode(row.periodEnd) },
  renews: row.renews,
  waitingPlan: row.waitingPlan,
  pausedUntil: instantOrNull(row.pausedUntil),
  openInvoiceId: row.openInvoice,
  nextTryAt: instantOrNull(row.nextTryAt),
  endedAt: instantOrNull(row.endedAt),
  endReason: row.endReason as SubscriptionView["endReason"],
});

export const customerView = z.object({
  accountId,
  status: z.enum(["known", "erased"]),
  currentSubscriptionId: subscriptionId.nullable(),
  queuedSubscriptionId: subscriptionId.nullable(),
  trialUsed: z.boolean(),
  disputes: z
    .int()
    .meta({ description: "Invoices whose payment is disputed: while there are any, no card is charged" }),
  credits: z.array(
    z.object({
      balance: storedMoney,
      reserved: storedMoney.meta({ description: "Of the balance, what open invoices hold" }),
    }),
  ),
  cards: z.array(
    z.object({
      cardId,
      gatewayAccount,
      status: z.enum(["active", "blocked", "removed"]),
      preferred: z.boolean(),
      savedAt: instant,
    }),
  ),
});
type CustomerView = z.input<typeof customerView>;
export const presentCustomer = ({ customer, credits, cards }: CustomerRows): CustomerView => ({
  accountId: customer.accountId,
  status: customer.status as CustomerView["status"],
  currentSubscriptionId: customer.currentSubscription,
  queuedSubscriptionId: customer.queuedSubscription,
  trialUsed: customer.trialUsed,
  disputes: customer.disputes,
  credits: credits.map((row) => ({ balance: sum(row.balanceMinor, row), reserved: sum(row.reservedMinor, row) })),
  cards: cards.map((row) => ({
    cardId: row.cardId,
    gatewayAccount: row.gatewayAccount,
    status: row.status as CustomerView["cards"][number]["status"],
    preferred: row.preferred,
    savedAt: instant.encode(row.savedAt),
  })),
});

const localText = z.object({ ru: z.string(), en: z.string() });
const planView = z.object({
  plan: planCode,
  title: localText,
  text: localText,
  rank: z.int().meta({ description: "A change to a higher rank is an upgrade" }),
  ...entitlement,
  priceVersion: z.int(),
  price: storedMoney.meta({ description: "For one period, with VAT" }),
  length: z.object({ unit: word.lengthUnit, count: z.int() }),
  trial: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("none") }),
    z.object({ kind: z.literal("free"), days: z.int(), card: z.boolean() }),
    z.object({ kind: z.literal("paid"), days: z.int(), price: storedMoney }),
  ]),
  intro: z
    .object({ price: storedMoney, periods: z.int() })
    .nullable()
    .meta({ description: "A lower price for the first periods that are paid" }),
});
type PlanView = z.input<typeof planView>;
export const plansView = z.object({ plans: z.array(planView) });
export const presentPlan = ({ plan, prices }: PlanWithPrices): PlanView => {
  const price = prices.find(({ version }) => version === plan.priceVersion);
  invariant(price !== undefined, "a plan has the price that it names");
  const { introMinor, introPeriods } = price;
  return {
    plan: plan.code,
    title: { ru: plan.titleRu, en: plan.titleEn },
    text: { ru: plan.textRu, en: plan.textEn },
    rank: plan.rank,
    ...entitlementOf(plan),
    priceVersion: price.version,
    price: sum(price.priceMinor, price),
    length: { unit: price.lengthUnit as PlanView["length"]["unit"], count: price.lengthCount },
    trial: presentTrial(price),
    intro:
      introMinor === null || introPeriods === null ? null : { price: sum(introMinor, price), periods: introPeriods },
  };
};
const presentTrial = (row: RowOf<"prices">): PlanView["trial"] => {
  const { trialKind, trialDays, trialCard, trialMinor } = row;
  if (trialDays === null) return { kind: "none" };
  if (trialKind === "paid" && trialMinor !== null)
    return { kind: "paid", days: trialDays, price: sum(trialMinor, row) };
  return { kind: "free", days: trialDays, card: trialCard === true };
};

const entitlementOf = ({ tier, quality, streams }: Pick<RowOf<"access">, "tier" | "quality" | "streams">) => ({
  tier,
  quality: quality as z.output<typeof word.quality>,
  streams,
});
const sum = (minor: bigint, { currency }: { readonly currency: string }) =>
  storedMoney.encode({ minor, currency: currency as Currency });
const instantOrNull = (at: Instant | null): string | null => (at === null ? null : instant.encode(at));
