import { currencyOf, type PeriodLength, type Terms } from "../catalog/terms.ts";
import { zero } from "../money.ts";
import type { BillingPolicy } from "../policy.ts";
import { err, invariant, ok } from "../result.ts";
import { type Instant, later, type Zone } from "../time.ts";
import { graceUntil, runningPeriod, slotFrom } from "./periods.ts";
import { doesNotFit, nothingNew, turnBack } from "./refusal.ts";
import type {
  AbandonStart,
  Decision,
  Incomplete,
  MoveUp,
  RecordFirstPayment,
  StartSubscription,
  Subscription,
  SubscriptionEvent,
  TrialPeriod,
} from "./subscription.ts";

const NOTHING_BEFORE = { number: 0, paidPeriods: 0 };

/** With a first invoice, or at once with a free trial. Source: design part 5, Trials. */
export const startSubscription = (command: StartSubscription, state: Subscription, policy: BillingPolicy): Decision => {
  if (state.status !== "absent") return err({ code: "subscription_exists" });
  const { subscriptionId, accountId, zone, terms, beginsAt, first, at } = command;
  const invoiceId = first.kind === "invoice" ? first.invoiceId : null;
  const started = {
    type: "SubscriptionStarted",
    subscriptionId,
    accountId,
    zone,
    terms,
    beginsAt,
    invoiceId,
    at,
  } as const;
  if (first.kind === "invoice") return ok([started]);
  invariant(terms.trial.kind === "free" && beginsAt === null, "a free trial is in the terms, and is never queued");
  const { period, graceUntil: until } = trialTime(at, terms.trial.days, terms, zone, policy);
  const trial: TrialPeriod = {
    kind: "free",
    period,
    value: zero(currencyOf(terms)),
    invoices: [],
    paidAt: null,
    graceUntil: until,
  };
  return ok([started, { type: "TrialStarted", trial, renews: first.renews, at }]);
};

/**
 * The period, or a paid trial, begins at the recording; a queued one where the subscription before it ends. Without
 * consent it ends at its period's end. Source: design part 4, purpose "first"; part 5, Consent.
 */
export const recordFirstPayment = (
  command: RecordFirstPayment,
  state: Subscription,
  policy: BillingPolicy,
): Decision => {
  if (state.status === "absent") return doesNotFit(state);
  const { invoiceId, at } = command;
  if (state.payments.includes(invoiceId)) return nothingNew;
  const isAwaited = state.status === "incomplete" && state.invoiceId === invoiceId;
  return ok([isAwaited ? begin(command, state, policy) : turnBack(invoiceId, at)]);
};

/** The first invoice is void or expired. Source: design part 4, purpose "first". */
export const abandonStart = ({ invoiceId, reason, at }: AbandonStart, state: Subscription): Decision => {
  if (state.status === "ended") return nothingNew;
  if (state.status !== "incomplete" || state.invoiceId !== invoiceId) return doesNotFit(state);
  return ok([{ type: "SubscriptionEnded", reason, leaves: null, at }]);
};

/** A queued subscription keeps its dates when it moves up; one that is not paid yet then begins at its payment. */
export const moveUp = ({ at }: MoveUp, state: Subscription): Decision => {
  if (state.status === "absent") return doesNotFit(state);
  if (state.status === "ended" || state.place === "current") return nothingNew;
  return ok([{ type: "SubscriptionMovedUp", at }]);
};

const begin = (command: RecordFirstPayment, state: Incomplete, policy: BillingPolicy): SubscriptionEvent => {
  const { invoiceId, value, consent: renews, at } = command;
  const { terms, zone } = state;
  if (terms.trial.kind === "paid") {
    const time = trialTime(at, terms.trial.days, terms, zone, policy);
    return {
      type: "TrialStarted",
      trial: { kind: "paid", ...time, value, invoices: [invoiceId], paidAt: at },
      renews,
      at,
    };
  }
  const start = state.place === "queued" && state.beginsAt !== null ? later(state.beginsAt, at) : at;
  const running = runningPeriod(
    slotFrom(start, NOTHING_BEFORE, terms, zone),
    { invoiceId, value, at },
    terms,
    zone,
    policy,
  );
  return { type: "SubscriptionActivated", running, renews, at };
};

/** "N days" are local days. Grace never goes past the end of the first full period, which is what will be unpaid. */
const trialTime = (
  at: Instant,
  days: number,
  terms: Terms,
  zone: Zone,
  policy: BillingPolicy,
): Pick<TrialPeriod, "period" | "graceUntil"> => {
  const length: PeriodLength = { unit: "day", count: days };
  const { period } = slotFrom(at, NOTHING_BEFORE, { ...terms, length }, zone);
  const unpaid = slotFrom(period.end, NOTHING_BEFORE, terms, zone).period;
  return { period, graceUntil: graceUntil(period.end, unpaid.end, zone, policy) };
};
