import type { InvoiceId } from "../ids.ts";
import { atLeastZero, type Money, subtract } from "../money.ts";
import { invariant, unreachable } from "../result.ts";
import { unusedValue } from "./proration.ts";
import type {
  Active,
  DeclinedTry,
  Identity,
  Notice,
  PastDue,
  Paused,
  Renewal,
  RunningPeriod,
  Subscription,
  SubscriptionEvent,
  Trialing,
  TrialPeriod,
} from "./subscription.ts";

/** How many notices the state remembers: enough for what is announced now; the chain of events has them all. */
export const NOTICES_KEPT = 20;
/** How many declines of a renewal: an outage an hour must not push out, within its 24 hours, what makes the next try wait. */
const DECLINES_KEPT = 50;

export const initial: Subscription = { status: "absent" };

/** Applies a fact. It cannot refuse: an event that does not fit means a corrupt stream. */
export const evolve = (state: Subscription, event: SubscriptionEvent): Subscription => {
  switch (event.type) {
    case "SubscriptionStarted":
      return started(state, event);
    case "SubscriptionMovedUp":
      return { ...within(state, event, "incomplete", "trialing", "active", "past_due", "paused"), place: "current" };
    case "TrialStarted":
      return trialStarted(state, event);
    case "SubscriptionActivated":
      return activated(state, event);
    case "RenewalStopped":
      return { ...underWay(state, event), endsAtPeriodEnd: { by: event.by, at: event.at } };
    case "RenewalRestored":
      return { ...underWay(state, event), endsAtPeriodEnd: null };
    case "RenewalInvoiced":
      return renewalInvoiced(state, event);
    case "RenewalFellDue":
      return renewalFellDue(state, event);
    case "RenewalWithdrawn":
      return renewalWithdrawn(state, event);
    case "SubscriptionRenewed":
      return renewed(state, event);
    case "PaidPeriodBegan":
      return paidPeriodBegan(state, event);
    case "RenewalDeclined":
      return withRenewal(state, event, (renewal) => ({ ...renewal, declines: declinesAfter(renewal, event) }));
    case "RenewalPutOff":
      return withRenewal(state, event, (renewal) => ({ ...renewal, putOffUntil: event.until }));
    case "SubscriptionFellPastDue":
      return fellPastDue(state, event);
    case "DunningMoved":
      return { ...within(state, event, "past_due"), dunning: event.dunning };
    case "ChangeQuoted":
      return { ...outside(state, event), quote: event.quote };
    case "ChangeInvoiced":
      return changeInvoiced(state, event);
    case "ChangeAbandoned":
      return changeAbandoned(state, event);
    case "PlanChanged":
      return planChanged(state, event);
    case "ChangeScheduled":
      return { ...within(state, event, "active"), waitingChange: event.change, quote: null };
    case "ChangeDropped":
      return { ...within(state, event, "active", "paused"), waitingChange: null };
    case "PausePlanned":
      return { ...within(state, event, "active"), plannedPause: { until: event.until } };
    case "PauseDropped":
      return { ...within(state, event, "active"), plannedPause: null };
    case "SubscriptionPaused":
      return paused(state, event);
    case "SubscriptionResumed":
      return resumed(state, event);
    case "SubscriptionCancelled":
      return existing(state, event); // What it means for the state, the end that follows says.
    case "SubscriptionEnded":
      return ended(state, event);
    case "PaymentTurnedBack":
      return turnedBack(existing(state, event), event);
    case "PeriodRefunded":
      return periodRefunded(state, event);
    case "NoticeGiven":
      return noticeGiven(state, event);
    default:
      return unreachable(event, "evolve a subscription");
  }
};

type Status = Subscription["status"];
type In<S extends Status> = Extract<Subscription, { readonly status: S }>;
type EventOf<Type extends SubscriptionEvent["type"]> = Extract<SubscriptionEvent, { readonly type: Type }>;

const within = <S extends Status>(state: Subscription, event: SubscriptionEvent, ...fitting: readonly S[]): In<S> => {
  invariant(
    (fitting as readonly Status[]).includes(state.status),
    `${event.type} does not fit a subscription that is ${state.status}`,
  );
  return state as In<S>;
};
const existing = (state: Subscription, event: SubscriptionEvent): Exclude<Subscription, { status: "absent" }> =>
  within(state, event, "incomplete", "trialing", "active", "past_due", "paused", "ended");
const underWay = (state: Subscription, event: SubscriptionEvent): Trialing | Active | PastDue | Paused =>
  within(state, event, "trialing", "active", "past_due", "paused");
/** Not in the middle of a ladder or a pause: time runs. */
const outside = (state: Subscription, event: SubscriptionEvent): Trialing | Active =>
  within(state, event, "trialing", "active");

const identityOf = ({
  subscriptionId,
  accountId,
  zone,
  terms,
  startedAt,
  place,
  notices,
  payments,
  turnedBack,
}: Identity): Identity => ({
  subscriptionId,
  accountId,
  zone,
  terms,
  startedAt,
  place,
  notices,
  payments,
  turnedBack,
});

const started = (state: Subscription, event: EventOf<"SubscriptionStarted">): Subscription => {
  invariant(state.status === "absent", "a subscription is started once");
  const { subscriptionId, accountId, zone, terms, beginsAt, invoiceId, at } = event;
  const place = beginsAt === null ? "current" : "queued";
  const identity: Identity = {
    subscriptionId,
    accountId,
    zone,
    terms,
    startedAt: at,
    place,
    notices: [],
    payments: [],
    turnedBack: 0,
  };
  return { ...identity, status: "incomplete", invoiceId, beginsAt };
};

const trialStarted = (state: Subscription, event: EventOf<"TrialStarted">): Subscription => ({
  ...identityOf(withPayment(within(state, event, "incomplete"), ...event.trial.invoices)),
  status: "trialing",
  endsAtPeriodEnd: event.renews ? null : { by: "no_consent", at: event.at },
  trial: event.trial,
  ahead: null,
  renewal: null,
  quote: null,
});

const activated = (state: Subscription, event: EventOf<"SubscriptionActivated">): Subscription => {
  invariant(event.running.number === 1, "the first period is number 1");
  const endsAtPeriodEnd = event.renews ? null : ({ by: "no_consent", at: event.at } as const);
  return active(
    withPayment(within(state, event, "incomplete"), ...event.running.invoices),
    endsAtPeriodEnd,
    event.running,
  );
};

const renewalInvoiced = (state: Subscription, event: EventOf<"RenewalInvoiced">): Subscription => {
  const on = within(state, event, "trialing", "active", "paused");
  invariant(on.renewal === null, "one renewal is out at a time");
  invariant(event.renewal.number === lastNumber(on) + 1, "periods are numbered one by one");
  if (on.status === "paused") return { ...on, renewal: event.renewal };
  invariant(on.ahead === null, "one period is paid ahead at most");
  invariant(on.status === "trialing" || on.change === null, "no change is open beside a renewal");
  return { ...on, renewal: event.renewal, quote: null };
};

const renewalFellDue = (state: Subscription, event: EventOf<"RenewalFellDue">): Subscription => {
  const on = within(state, event, "trialing", "active", "paused");
  invariant(on.renewal?.invoiceId === event.renewal.invoiceId, "only the renewal that is out falls due");
  return { ...on, renewal: event.renewal };
};

const renewalWithdrawn = (state: Subscription, event: EventOf<"RenewalWithdrawn">): Subscription => {
  const on = within(state, event, "trialing", "active", "paused");
  invariant(on.renewal?.invoiceId === event.invoiceId, "only the renewal that is out is withdrawn");
  return { ...on, renewal: null };
};

const renewed = (state: Subscription, event: EventOf<"SubscriptionRenewed">): Subscription => {
  const on = underWay(state, event);
  invariant(on.renewal !== null, "a period is renewed by its invoice");
  invariant(event.running.number === on.renewal.number, "the payment buys the period of its invoice");
  const { invoiceId } = on.renewal;
  const paid = { ...withPayment(on, invoiceId), turnedBack: 0 };
  if (!event.ahead) return active(paid, on.endsAtPeriodEnd, event.running);
  return { ...outside(paid, event), ahead: event.running, renewal: null, quote: null };
};

const paidPeriodBegan = (state: Subscription, event: EventOf<"PaidPeriodBegan">): Subscription => {
  const on = outside(state, event);
  invariant(on.ahead !== null, "a paid period begins only when one was paid ahead");
  return active(on, on.endsAtPeriodEnd, on.ahead, on.status === "active" ? on.plannedPause : null);
};

const fellPastDue = (state: Subscription, event: EventOf<"SubscriptionFellPastDue">): Subscription => {
  const on = within(state, event, "trialing", "active", "paused");
  invariant(on.renewal !== null, "only an unpaid renewal falls past due");
  const last = on.status === "paused" ? null : on.status === "trialing" ? on.trial.period : on.running.period;
  const { endsAtPeriodEnd, renewal } = on;
  return { ...identityOf(on), status: "past_due", endsAtPeriodEnd, last, renewal, dunning: event.dunning };
};

const changeInvoiced = (state: Subscription, event: EventOf<"ChangeInvoiced">): Subscription => {
  const on = within(state, event, "active");
  invariant(
    on.change === null && on.renewal === null && on.ahead === null,
    "one change is open, and no renewal beside it",
  );
  return { ...on, change: { quote: event.quote, invoiceId: event.invoiceId }, quote: null };
};

const changeAbandoned = (state: Subscription, event: EventOf<"ChangeAbandoned">): Subscription => {
  const on = within(state, event, "active");
  invariant(on.change?.invoiceId === event.invoiceId, "only the open change is abandoned");
  return { ...on, change: null };
};

const planChanged = (state: Subscription, event: EventOf<"PlanChanged">): Subscription => {
  const on = outside(state, event);
  if (on.status === "trialing") return { ...on, terms: event.terms, quote: null };
  invariant((event.running === null) === (event.effect === "at_period_end"), "a change now has a running period");
  const changed = { ...on, terms: event.terms, change: null, waitingChange: null, quote: null };
  if (event.running === null) return changed;
  invariant(
    event.invoiceId !== null && event.invoiceId === on.change?.invoiceId,
    "a change now is paid by its invoice",
  );
  return { ...withPayment(changed, event.invoiceId), running: event.running };
};

const paused = (state: Subscription, event: EventOf<"SubscriptionPaused">): Subscription => {
  const on = within(state, event, "active");
  invariant(
    on.renewal === null && on.ahead === null && on.change === null,
    "nothing unpaid and nothing ahead goes into a pause",
  );
  const { endsAtPeriodEnd, waitingChange } = on;
  return { ...identityOf(on), status: "paused", endsAtPeriodEnd, pause: event.pause, waitingChange, renewal: null };
};

const resumed = (state: Subscription, event: EventOf<"SubscriptionResumed">): Subscription => {
  const on = within(state, event, "paused");
  invariant(on.pause.kept !== null, "only what was kept runs on");
  invariant(on.pause.kept.running.number === event.running.number, "the rest is of the period that was paused");
  return { ...active(on, on.endsAtPeriodEnd, event.running), waitingChange: on.waitingChange };
};

const ended = (state: Subscription, event: EventOf<"SubscriptionEnded">): Subscription => {
  const on = within(state, event, "incomplete", "trialing", "active", "past_due", "paused");
  return { ...identityOf(on), status: "ended", endedAt: event.at, reason: event.reason };
};

const turnedBack = (
  on: Exclude<Subscription, { status: "absent" }>,
  { invoiceId }: EventOf<"PaymentTurnedBack">,
): Subscription => ({ ...withPayment(on, invoiceId), turnedBack: on.turnedBack + 1 });

const periodRefunded = (state: Subscription, event: EventOf<"PeriodRefunded">): Subscription => {
  const on = within(state, event, "trialing", "active", "paused");
  switch (on.status) {
    case "trialing":
      return { ...on, trial: less(on.trial, event), ahead: on.ahead && lessPaid(on.ahead, event), quote: null };
    case "active":
      return { ...on, running: lessPaid(on.running, event), ahead: on.ahead && lessPaid(on.ahead, event), quote: null };
    case "paused": {
      const { kept } = on.pause;
      if (kept === null || !kept.running.invoices.includes(event.invoiceId)) return on;
      const running = lessPaid(kept.running, event);
      return {
        ...on,
        pause: { ...on.pause, kept: { ...kept, running, unused: unusedValue(running, on.pause.since) } },
      };
    }
  }
};

const noticeGiven = (state: Subscription, event: EventOf<"NoticeGiven">): Subscription => {
  const on = existing(state, event);
  const notices: readonly Notice[] = [...on.notices, event.notice].slice(-NOTICES_KEPT);
  return { ...on, notices };
};

const withPayment = <On extends Identity>(on: On, ...invoices: readonly InvoiceId[]): On => ({
  ...on,
  payments: [...on.payments, ...invoices],
});

/** Time begins to run, with nothing unpaid, planned or quoted. */
const active = (
  on: Identity,
  endsAtPeriodEnd: Active["endsAtPeriodEnd"],
  running: RunningPeriod,
  plannedPause: Active["plannedPause"] = null,
): Active => ({
  ...identityOf(on),
  status: "active",
  endsAtPeriodEnd,
  running,
  ahead: null,
  renewal: null,
  quote: null,
  change: null,
  waitingChange: null,
  plannedPause,
});

const lastNumber = (on: Trialing | Active | Paused): number =>
  on.status === "trialing" ? 0 : on.status === "active" ? on.running.number : on.pause.number;

const withRenewal = (
  state: Subscription,
  event: SubscriptionEvent,
  change: (renewal: Renewal) => Renewal,
): Subscription => {
  const on = underWay(state, event);
  invariant(on.renewal !== null, `${event.type} tells of a renewal that is out`);
  return { ...on, renewal: change(on.renewal) };
};

const declinesAfter = (renewal: Renewal, event: EventOf<"RenewalDeclined">): readonly DeclinedTry[] => {
  const { attemptId, cardId, decline, at } = event;
  return [...renewal.declines, { attemptId, cardId, kind: decline.kind, at }].slice(-DECLINES_KEPT);
};

type Refunded = { readonly invoiceId: InvoiceId; readonly amount: Money };
const minus = (value: Money, amount: Money): Money => atLeastZero(subtract(value, amount));
const less = <Time extends TrialPeriod | RunningPeriod>(time: Time, { invoiceId, amount }: Refunded): Time =>
  time.invoices.includes(invoiceId) ? { ...time, value: minus(time.value, amount) } : time;
const lessPaid = (running: RunningPeriod, refunded: Refunded): RunningPeriod =>
  running.invoices.includes(refunded.invoiceId)
    ? { ...less(running, refunded), paid: minus(running.paid, refunded.amount) }
    : running;
