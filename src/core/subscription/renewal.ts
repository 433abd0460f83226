import { currencyOf, priceOfPeriod, type Terms } from "../catalog/terms.ts";
import type { InvoiceId } from "../ids.ts";
import type { Initiator } from "../invoice/invoice.ts";
import { zero } from "../money.ts";
import type { BillingPolicy } from "../policy.ts";
import { err, ok } from "../result.ts";
import type { Instant } from "../time.ts";
import { paidWithinGrace } from "./dunning.ts";
import { currentEnd, graceUntil, nextSlot, runningPeriod, type Slot, slotFrom } from "./periods.ts";
import { doesNotFit, nothingNew, turnBack } from "./refusal.ts";
import type {
  AbandonRenewal,
  Active,
  Decision,
  EndReason,
  InvoiceAhead,
  PassBoundary,
  PastDue,
  Paused,
  RecordRenewalPayment,
  Renewal,
  Subscription,
  SubscriptionEvent,
  Trialing,
} from "./subscription.ts";

/** Source: design part 5, the table (renewal due) and At the boundary B. */
export const passBoundary = (command: PassBoundary, state: Subscription, policy: BillingPolicy): Decision => {
  switch (state.status) {
    case "absent":
    case "incomplete":
      return doesNotFit(state);
    case "trialing":
    case "active": {
      const boundary = isOut(state.renewal) ? state.renewal.period.end : currentEnd(state);
      if (isOut(state.renewal) && command.at < boundary) return nothingNew;
      if (command.at < boundary) return err({ code: "boundary_not_reached", boundary });
      return ok(pass(command, state, policy));
    }
    case "past_due":
    case "paused":
    case "ended":
      return nothingNew;
  }
};

/** The payer pays the next period by hand, one ahead at most. Source: billing rules, Consent, trials, early payment. */
export const invoiceAhead = ({ invoiceId, at }: InvoiceAhead, state: Subscription, policy: BillingPolicy): Decision => {
  if (state.status !== "trialing" && state.status !== "active") return doesNotFit(state);
  const boundary = currentEnd(state);
  if (state.ahead !== null) return err({ code: "period_paid_ahead" });
  if (state.renewal?.invoiceId === invoiceId) return nothingNew;
  if (state.renewal !== null) return err({ code: "renewal_in_progress", invoiceId: state.renewal.invoiceId });
  if (at >= boundary) return err({ code: "boundary_passed", boundary });
  if (state.status === "active") {
    // What comes after the boundary is still open, so nothing can be sold beyond it.
    if (state.change !== null) return err({ code: "change_in_progress", invoiceId: state.change.invoiceId });
    if (state.waitingChange !== null) return err({ code: "change_waiting" });
    if (state.plannedPause !== null) return err({ code: "pause_planned", until: state.plannedPause.until });
  }
  const slot = nextSlot(state, state.terms);
  return ok([invoiced(slot, { invoiceId, askedBy: "payer", at }, graceFor(slot, state, policy), state.terms)]);
};

/** Only what the payer asked for can be taken back; a renewal that is due is ended by dunning. */
export const abandonRenewal = ({ invoiceId, at }: AbandonRenewal, state: Subscription): Decision => {
  if (state.status === "absent") return doesNotFit(state);
  if (state.status === "incomplete" || state.status === "ended" || state.renewal?.invoiceId !== invoiceId)
    return nothingNew;
  if (state.status === "past_due" || state.renewal.askedBy === "schedule")
    return err({ code: "renewal_in_progress", invoiceId });
  return ok([{ type: "RenewalWithdrawn", invoiceId, at }]);
};

/** Source: design part 5, the table (renewal invoice paid), Cancel, and Late and missed. */
export const recordRenewalPayment = (
  command: RecordRenewalPayment,
  state: Subscription,
  policy: BillingPolicy,
): Decision => {
  if (state.status === "absent") return doesNotFit(state);
  const { invoiceId, at } = command;
  if (state.payments.includes(invoiceId)) return nothingNew;
  if (state.status === "incomplete" || state.status === "ended") return ok([turnBack(invoiceId, at)]);
  const { renewal } = state;
  if (renewal === null || renewal.invoiceId !== invoiceId) return ok([turnBack(invoiceId, at)]);
  if (state.status === "past_due" && state.endsAtPeriodEnd !== null && command.by !== "payer") {
    // Our own request was on its way when card or consent went: what was refused may not be kept.
    return ok([turnBack(invoiceId, at), endedWithoutConsent(at)]);
  }
  return ok([renewed(command, { ...state, renewal }, policy)]);
};

/** A renewal invoice: for the period in `slot`, to be paid within `grace` for its dates. */
export const invoiced = (
  slot: Slot,
  ask: { readonly invoiceId: InvoiceId; readonly askedBy: Initiator; readonly at: Instant },
  grace: Instant,
  terms: Terms,
): SubscriptionEvent => ({
  type: "RenewalInvoiced",
  renewal: {
    ...slot,
    invoiceId: ask.invoiceId,
    amount: priceOfPeriod(terms, slot.paidPeriods),
    issuedAt: ask.at,
    askedBy: ask.askedBy,
    graceUntil: grace,
    putOffUntil: null,
    declines: [],
  },
  terms,
  at: ask.at,
});

/** What was decided for the boundary, in order of its weight: paid ahead, stopped, a pause, no consent, the renewal. */
const pass = (command: PassBoundary, state: Trialing | Active, policy: BillingPolicy): readonly SubscriptionEvent[] => {
  const { at, mayCharge } = command;
  if (state.ahead !== null) return [{ type: "PaidPeriodBegan", at }];
  if (isOut(state.renewal)) return fallDueAgain(command, { ...state, renewal: state.renewal });
  if (state.endsAtPeriodEnd?.by === "payer") return [endAtBoundary("payer_stopped", state, at)];
  const until = state.status === "active" ? (state.plannedPause?.until ?? null) : null;
  if (state.status === "active" && until !== null) return [...takeUpChange(state, at), pauseFrom(state, until, at)];
  if (state.endsAtPeriodEnd !== null || !mayCharge) {
    return [endAtBoundary(state.status === "trialing" ? "trial_over" : "no_card_or_consent", state, at)];
  }
  if (state.renewal !== null) return [{ type: "RenewalFellDue", renewal: fallDue(state.renewal, state, at), at }];
  return renew(command, state, policy);
};

/**
 * Found within grace the period joins the one before. Found after it nothing joins any more: the period begins at the
 * payment, so that none that is over is ever charged. Source: design part 5, Late and missed.
 */
const renew = (
  { invoiceId, at }: PassBoundary,
  state: Trialing | Active,
  policy: BillingPolicy,
): readonly SubscriptionEvent[] => {
  const terms = state.status === "active" && state.waitingChange !== null ? state.waitingChange.terms : state.terms;
  const joining = nextSlot(state, terms);
  const grace = graceFor(joining, state, policy);
  const slot = at < grace ? joining : slotFrom(at, before(joining), terms, state.zone);
  const changes = state.status === "active" ? takeUpChange(state, at) : [];
  return [...changes, invoiced(slot, { invoiceId, askedBy: "schedule", at }, grace, terms)];
};

/** The renewal that the schedule charges; not one that the payer has asked for. */
const isOut = (renewal: Renewal | null): renewal is Renewal => renewal?.askedBy === "schedule";

/**
 * The unpaid period is over before it could be charged, by an outage or for want of a notice. That period never is; the
 * one that its invoice now buys begins today. Source: design part 5, Late and missed.
 */
export const fallDueAgain = (
  { mayCharge, at }: Pick<PassBoundary, "mayCharge" | "at">,
  state: (Trialing | Active | Paused) & { readonly renewal: Renewal },
): readonly SubscriptionEvent[] => {
  const { renewal, terms, zone } = state;
  const { invoiceId } = renewal;
  if (!mayCharge) {
    return renewal.askedBy === "payer"
      ? [{ type: "RenewalWithdrawn", invoiceId, at }]
      : [{ type: "SubscriptionEnded", reason: "no_card_or_consent", leaves: { invoiceId, as: "void" }, at }];
  }
  return [{ type: "RenewalFellDue", renewal: { ...renewal, ...slotFrom(at, before(renewal), terms, zone) }, at }];
};

const fallDue = (renewal: Renewal, state: Trialing | Active, at: Instant): Renewal => {
  const slot = at < renewal.graceUntil ? renewal : slotFrom(at, before(renewal), state.terms, state.zone);
  return { ...renewal, ...slot, askedBy: "schedule" };
};

/** A change that is still unpaid has come too late; one that waited takes effect now, at the price that the payer saw. */
const takeUpChange = (state: Active, at: Instant): readonly SubscriptionEvent[] => {
  const { change, waitingChange } = state;
  const events: SubscriptionEvent[] = [];
  if (change !== null)
    events.push({ type: "ChangeAbandoned", invoiceId: change.invoiceId, because: "period_over", at });
  if (waitingChange !== null) {
    const { terms } = waitingChange;
    const surplus = zero(currencyOf(terms));
    events.push({ type: "PlanChanged", terms, effect: "at_period_end", running: null, surplus, invoiceId: null, at });
  }
  return events;
};

/** A pause at a period's end keeps nothing. Source: design part 5, Pause. */
const pauseFrom = ({ running }: Active, until: Instant, at: Instant): SubscriptionEvent => {
  const { number, paidPeriods, period } = running;
  return { type: "SubscriptionPaused", pause: { since: period.end, until, kept: null, number, paidPeriods }, at };
};

const endAtBoundary = (reason: EndReason, state: Trialing | Active, at: Instant): SubscriptionEvent => {
  const unpaid = state.renewal?.invoiceId ?? (state.status === "active" ? state.change?.invoiceId : undefined);
  return {
    type: "SubscriptionEnded",
    reason,
    leaves: unpaid === undefined ? null : { invoiceId: unpaid, as: "void" },
    at,
  };
};

const endedWithoutConsent = (at: Instant): SubscriptionEvent => ({
  type: "SubscriptionEnded",
  reason: "no_card_or_consent",
  leaves: null,
  at,
});

/**
 * Paid before its boundary the period begins there; paid within grace it keeps its dates; paid later it begins at the
 * payment, and that is the new anchor. Source: design part 5, Late and missed.
 */
const renewed = (
  command: RecordRenewalPayment,
  state: (Trialing | Active | PastDue | Paused) & { readonly renewal: Renewal },
  policy: BillingPolicy,
): SubscriptionEvent => {
  const { renewal, terms, zone } = state;
  const { at } = command;
  const isRunning = state.status === "trialing" || state.status === "active";
  const slot = paidWithinGrace(command, state) ? slotOf(renewal) : slotFrom(at, before(renewal), terms, zone);
  const running = runningPeriod(slot, command, terms, zone, policy);
  return { type: "SubscriptionRenewed", running, ahead: isRunning && at < slot.period.start, at };
};

const slotOf = ({ number, paidPeriods, period, anchor, boundary }: Renewal): Slot => ({
  number,
  paidPeriods,
  period,
  anchor,
  boundary,
});
const before = ({ number, paidPeriods }: Slot): { readonly number: number; readonly paidPeriods: number } => ({
  number: number - 1,
  paidPeriods: paidPeriods - 1,
});

const graceFor = (slot: Slot, state: Trialing | Active, policy: BillingPolicy): Instant =>
  graceUntil(currentEnd(state), slot.period.end, state.zone, policy);
