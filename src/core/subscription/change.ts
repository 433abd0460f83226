import { currencyOf } from "../catalog/terms.ts";
import type { BillingPolicy } from "../policy.ts";
import { err, ok } from "../result.ts";
import { type Instant, later, wholeSecond } from "../time.ts";
import { currentEnd, runningPeriod, slotFrom } from "./periods.ts";
import { changedRunning, quoteFor } from "./proration.ts";
import { doesNotFit, nothingNew, turnBack } from "./refusal.ts";
import type {
  AbandonChange,
  Active,
  ChangePlan,
  Decision,
  DropWaitingChange,
  OpenChange,
  Quote,
  QuoteChange,
  RecordChangePayment,
  RunningPeriod,
  Subscription,
  SubscriptionEvent,
  Trialing,
} from "./subscription.ts";

/** A newer quote voids the invoice of an older change. Source: design part 5, Parts of a period; billing rules, Sums. */
export const quoteChange = (command: QuoteChange, state: Subscription, policy: BillingPolicy): Decision => {
  if (state.status !== "trialing" && state.status !== "active") return doesNotFit(state);
  const hindrance = hindranceTo(state, command.at);
  if (hindrance !== null) return hindrance;
  const { terms, at } = command;
  if (terms.plan === state.terms.plan) return err({ code: "same_plan" });
  if (currencyOf(terms) !== currencyOf(state.terms)) return err({ code: "currency_differs" });
  const open = state.status === "active" ? state.change : null;
  const voided: readonly SubscriptionEvent[] =
    open === null ? [] : [{ type: "ChangeAbandoned", invoiceId: open.invoiceId, because: "newer_quote", at }];
  return ok([...voided, { type: "ChangeQuoted", quote: quoteFor(command, state, policy), at }]);
};

/** The change names the quote and gets its sums. Source: design part 5, the table (upgrade, downgrade). */
export const changePlan = (command: ChangePlan, state: Subscription): Decision => {
  if (state.status !== "trialing" && state.status !== "active") return doesNotFit(state);
  const { quoteId, invoiceId, at } = command;
  if (state.status === "active" && state.change?.quote.quoteId === quoteId) return nothingNew;
  const hindrance = hindranceTo(state, at);
  if (hindrance !== null) return hindrance;
  const { quote } = state;
  if (quote === null || quote.quoteId !== quoteId) return err({ code: "quote_unknown" });
  if (at >= quote.expiresAt) return err({ code: "quote_expired", expiresAt: quote.expiresAt });
  const { terms, effect, surplus } = quote;
  switch (effect) {
    case "at_once":
      return ok([{ type: "PlanChanged", terms, effect, running: null, surplus, invoiceId: null, at }]);
    case "at_period_end":
      return ok([{ type: "ChangeScheduled", change: { terms, askedAt: at }, at }]);
    case "now_same_period":
    case "now_new_period":
      return ok([{ type: "ChangeInvoiced", quote, invoiceId, at }]);
  }
};

/** The old plan ends and the new one begins. Source: design part 4, purpose "change". */
export const recordChangePayment = (
  command: RecordChangePayment,
  state: Subscription,
  policy: BillingPolicy,
): Decision => {
  if (state.status === "absent") return doesNotFit(state);
  const { invoiceId, at } = command;
  if (state.payments.includes(invoiceId)) return nothingNew;
  if (state.status !== "active" || state.change?.invoiceId !== invoiceId) return ok([turnBack(invoiceId, at)]);
  if (at < currentEnd(state)) return ok(changed(state.change, state, at, policy));
  return ok([{ type: "ChangeAbandoned", invoiceId, because: "period_over", at }, turnBack(invoiceId, at)]);
};

/** The old plan goes on untouched. Source: design part 5, Change of plan. */
export const abandonChange = ({ invoiceId, at }: AbandonChange, state: Subscription): Decision => {
  if (state.status === "absent") return doesNotFit(state);
  if (state.status !== "active" || state.change?.invoiceId !== invoiceId) return nothingNew;
  return ok([{ type: "ChangeAbandoned", invoiceId, because: "unpaid", at }]);
};

export const dropWaitingChange = ({ at }: DropWaitingChange, state: Subscription): Decision => {
  if (state.status === "absent" || state.status === "ended") return doesNotFit(state);
  const waits = (state.status === "active" || state.status === "paused") && state.waitingChange !== null;
  return waits ? ok([{ type: "ChangeDropped", at }]) : err({ code: "no_waiting_change" });
};

/** Refused when stopped, after B, or with a period paid ahead. Source: billing rules, Sums. */
const hindranceTo = (state: Trialing | Active, at: Instant): Decision | null => {
  const boundary = currentEnd(state);
  if (state.place === "queued") return err({ code: "subscription_queued" });
  if (state.endsAtPeriodEnd?.by === "payer") return err({ code: "renewal_stopped" });
  if (state.ahead !== null) return err({ code: "period_paid_ahead" });
  if (state.renewal !== null) return err({ code: "renewal_in_progress", invoiceId: state.renewal.invoiceId });
  return at >= boundary ? err({ code: "boundary_passed", boundary }) : null;
};

const changed = (
  { quote, invoiceId }: OpenChange,
  state: Active,
  at: Instant,
  policy: BillingPolicy,
): readonly SubscriptionEvent[] => {
  const { terms, effect, surplus } = quote;
  const running = runningAfter(quote, invoiceId, state, at, policy);
  const planChanged: SubscriptionEvent = { type: "PlanChanged", terms, effect, running, surplus, invoiceId, at };
  // A pause was planned for the end of a period that is no more.
  const isNewPeriod = effect === "now_new_period" && state.plannedPause !== null;
  return isNewPeriod ? [{ type: "PauseDropped", at }, planChanged] : [planChanged];
};

/**
 * Same length: the period stays, and its running stretch is [change, end). Another length: a period begins at the payment.
 * The refund window stays with the period's own invoice, which is the change only when a period begins with it.
 * Source: billing rules, Sums and Refunds.
 */
const runningAfter = (
  quote: Quote,
  invoiceId: OpenChange["invoiceId"],
  { running, zone }: Active,
  at: Instant,
  policy: BillingPolicy,
): RunningPeriod => {
  const invoices = [invoiceId, ...running.invoices];
  const sums = changedRunning(running, quote);
  if (quote.effect === "now_same_period") {
    const start = later(wholeSecond(at), running.period.start);
    return { ...running, ...sums, invoices, stretch: { start, end: running.period.end } };
  }
  const begun = runningPeriod(
    slotFrom(at, running, quote.terms, zone),
    { invoiceId, value: quote.charge, at },
    quote.terms,
    zone,
    policy,
  );
  return { ...begun, ...sums, invoices };
};
