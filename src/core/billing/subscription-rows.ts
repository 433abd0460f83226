import type { Money } from "../money.ts";
import type { BillingPolicy } from "../policy.ts";
import { accessOf } from "../subscription/access.ts";
import { dueOf } from "../subscription/due.ts";
import type { RunningPeriod, Subscription } from "../subscription/subscription.ts";
import type { Instant, Period } from "../time.ts";
import { dueRow } from "./due-row.ts";
import type { Row, RowOf } from "./read-model.ts";
import { subscriptionStream } from "./stream.ts";

type Begun = Exclude<Subscription, { status: "absent" }>;

/** What a subscription's state shows: itself, its periods, the access it gives, its notices, and what it waits for. */
export const subscriptionRows = (subscription: Subscription, policy: BillingPolicy): readonly Row[] => {
  if (subscription.status === "absent") return [];
  const { subscriptionId, accountId, notices } = subscription;
  const stream = subscriptionStream(subscriptionId);
  return [
    { table: "subscriptions", row: subscriptionRow(subscription) },
    ...periodRows(subscription),
    ...accessRows(subscription),
    ...notices.map(
      ({ noticeId, kind, givenAt, announcedAt, amount }): Row => ({
        table: "notices",
        row: {
          noticeId,
          subscriptionId,
          accountId,
          kind,
          givenAt,
          announcedAt,
          currency: amount?.currency ?? null,
          amountMinor: amount?.minor ?? null,
        },
      }),
    ),
    ...dueOf(subscription, policy).map(({ kind, at }) => dueRow(kind, subscriptionId, stream, accountId, at)),
  ];
};

const subscriptionRow = (subscription: Begun): RowOf<"subscriptions"> => {
  const { subscriptionId, accountId, status, place, terms, zone, startedAt } = subscription;
  const period = currentPeriod(subscription);
  return {
    subscriptionId,
    accountId,
    status,
    place,
    zone,
    startedAt,
    plan: terms.plan,
    priceVersion: terms.priceVersion,
    currency: terms.price.currency,
    priceMinor: terms.price.minor,
    periodNumber: period?.number ?? null,
    periodStart: period?.start ?? null,
    periodEnd: period?.end ?? null,
    renews: "endsAtPeriodEnd" in subscription && subscription.endsAtPeriodEnd === null,
    waitingPlan: "waitingChange" in subscription ? (subscription.waitingChange?.terms.plan ?? null) : null,
    pausedUntil: subscription.status === "paused" ? subscription.pause.until : null,
    openInvoice: openInvoice(subscription),
    nextTryAt: subscription.status === "past_due" ? (subscription.dunning.nextTry?.at ?? null) : null,
    endedAt: subscription.status === "ended" ? subscription.endedAt : null,
    endReason: subscription.status === "ended" ? subscription.reason : null,
  };
};

const openInvoice = (subscription: Begun): string | null => {
  if (subscription.status === "incomplete") return subscription.invoiceId;
  if (!("renewal" in subscription)) return null;
  const change = subscription.status === "active" ? subscription.change : null;
  return subscription.renewal?.invoiceId ?? change?.invoiceId ?? null;
};

type Current = { readonly number: number; readonly start: Instant; readonly end: Instant };
const currentPeriod = (subscription: Begun): Current | null => {
  if (subscription.status === "trialing") return { number: TRIAL, ...subscription.trial.period };
  return subscription.status === "active"
    ? { number: subscription.running.number, ...subscription.running.period }
    : null;
};

/** Periods count from 1: a trial comes before them. */
const TRIAL = 0;

const periodRows = (subscription: Begun): readonly Row[] => {
  const { subscriptionId, accountId } = subscription;
  const row = (kind: "paid" | "trial", number: number, { start, end }: Period, value: Money): Row => ({
    table: "periods",
    row: {
      subscriptionId,
      number,
      accountId,
      kind,
      startAt: start,
      endAt: end,
      currency: value.currency,
      valueMinor: value.minor,
    },
  });
  const paid = (one: RunningPeriod | null): readonly Row[] =>
    one === null ? [] : [row("paid", one.number, one.period, one.value)];
  if (subscription.status === "trialing") {
    return [row("trial", TRIAL, subscription.trial.period, subscription.trial.value), ...paid(subscription.ahead)];
  }
  return subscription.status === "active" ? [...paid(subscription.running), ...paid(subscription.ahead)] : [];
};

const accessRows = (subscription: Begun): readonly Row[] => {
  const access = accessOf(subscription);
  if (access === null) return [];
  const { entitlement, from, until } = access;
  const source = subscriptionStream(subscription.subscriptionId);
  return [
    {
      table: "access",
      row: { accountId: subscription.accountId, source, ...entitlement, fromAt: from, untilAt: until },
    },
  ];
};
