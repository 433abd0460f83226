import type { CardId } from "../ids.ts";
import type { BillingPolicy } from "../policy.ts";
import { err, ok } from "../result.ts";
import { DAY_MS, earlier, HOUR_MS, type Instant, later, plusLocalDays, plusMs } from "../time.ts";
import { doesNotFit, nothingNew } from "./refusal.ts";
import type {
  Active,
  CloseDunning,
  Decision,
  DeclinedTry,
  Dunning,
  NextTry,
  PastDue,
  Paused,
  RecordRenewalDecline,
  RecordRenewalNeverHappened,
  RecordRenewalPayment,
  RecordRenewalUnknown,
  Renewal,
  Subscription,
  SubscriptionEvent,
  TakeNewCard,
  Trialing,
} from "./subscription.ts";

/** After an outage of ours, codes 3005-3007. Source: design part 5, The ladder's end. */
const OUTAGE_WAIT_MS = HOUR_MS;

/** Source: design part 5, the table (renewal declined) and Dunning. */
export const recordRenewalDecline = (
  command: RecordRenewalDecline,
  state: Subscription,
  policy: BillingPolicy,
): Decision => {
  if (state.status === "absent") return doesNotFit(state);
  if (state.status === "incomplete" || state.status === "ended") return nothingNew;
  const { renewal } = state;
  if (renewal === null || renewal.invoiceId !== command.invoiceId) return nothingNew;
  if (renewal.declines.some(({ attemptId }) => attemptId === command.attemptId)) return nothingNew;
  const { invoiceId, attemptId, cardId, decline, initiator, at } = command;
  const declined: SubscriptionEvent = { type: "RenewalDeclined", invoiceId, attemptId, cardId, decline, initiator, at };
  const unpaid = { ...renewal, declines: [...renewal.declines, { attemptId, cardId, kind: decline.kind, at }] };
  if (state.status === "past_due") return ok([declined, ...moveLadder(command, { ...state, renewal: unpaid })]);
  if (state.status === "paused" && renewal.askedBy === "payer")
    return ok([declined, { type: "RenewalWithdrawn", invoiceId, at }]);
  if (renewal.askedBy === "payer" || initiator === "payer") return ok([declined]);
  if (decline.kind === "our_outage")
    return ok([declined, { type: "RenewalPutOff", until: plusMs(at, OUTAGE_WAIT_MS), at }]);
  const dunning = openLadder(command, { ...state, renewal: unpaid }, policy);
  return ok([declined, { type: "SubscriptionFellPastDue", dunning, because: "declined", at }]);
};

/** Counts as the first decline; past due it changes nothing. Source: design part 5, the table. */
export const recordRenewalUnknown = (
  { invoiceId, at }: RecordRenewalUnknown,
  state: Subscription,
  policy: BillingPolicy,
): Decision => {
  switch (state.status) {
    case "absent":
      return doesNotFit(state);
    case "trialing":
    case "active":
    case "paused": {
      const { renewal } = state;
      if (renewal?.invoiceId !== invoiceId || renewal.askedBy === "payer") return nothingNew;
      const dunning = openLadder({ at, cardId: null, decline: null }, { ...state, renewal }, policy);
      return ok([{ type: "SubscriptionFellPastDue", dunning, because: "unknown", at }]);
    }
    case "incomplete":
    case "past_due":
    case "ended":
      return nothingNew;
  }
};

/** Tried again at once, no step used. Before the ladder the charge is due anyway. Source: design part 5, The ladder's end. */
export const recordRenewalNeverHappened = (
  { invoiceId, at }: RecordRenewalNeverHappened,
  state: Subscription,
): Decision => {
  if (state.status === "absent") return doesNotFit(state);
  if (state.status !== "past_due" || state.renewal.invoiceId !== invoiceId) return nothingNew;
  const { nextTry } = state.dunning;
  if (nextTry === null || nextTry.at <= at) return nothingNew;
  const again = waiting({ at, dueAt: at, newCard: nextTry.newCard }, state);
  if (again.at >= nextTry.at) return nothingNew;
  return ok([
    { type: "DunningMoved", dunning: withNextTry(state.dunning, state.renewal, again), because: "never_happened", at },
  ]);
};

/** Tried at once, no step used; the end of the ladder stays. Source: billing rules, Declines. */
export const takeNewCard = ({ cardId, at }: TakeNewCard, state: Subscription): Decision => {
  if (state.status === "absent") return doesNotFit(state);
  if (state.status !== "past_due") return nothingNew;
  const { dunning, renewal, endsAtPeriodEnd } = state;
  if (dunning.cardId === cardId && endsAtPeriodEnd === null) return nothingNew;
  const restored: readonly SubscriptionEvent[] = endsAtPeriodEnd === null ? [] : [{ type: "RenewalRestored", at }];
  const moved = withNextTry({ ...dunning, cardId }, renewal, { at, dueAt: at, newCard: true });
  return ok([...restored, { type: "DunningMoved", dunning: moved, because: "new_card", at }]);
};

/** The subscription ends unpaid. Source: design part 5, the table (dunning over). */
export const closeDunning = ({ at }: CloseDunning, state: Subscription): Decision => {
  if (state.status === "ended") return nothingNew;
  if (state.status !== "past_due") return doesNotFit(state);
  const { closesAt } = state.dunning;
  return at < closesAt ? err({ code: "dunning_not_over", closesAt }) : ok([endedUnpaid(state.renewal, at)]);
};

/**
 * Whether a payment keeps the period's dates: within grace, whoever was late, and for a try whose step was due within it.
 * An answer found later counts when it is found, and a period that is over is never charged.
 * Source: billing rules, Time; design part 5, Late and missed.
 */
export const paidWithinGrace = (
  { at, by }: RecordRenewalPayment,
  state: (Trialing | Active | PastDue | Paused) & { readonly renewal: Renewal },
): boolean => {
  const { renewal } = state;
  if (at >= renewal.period.end) return false;
  if (state.status !== "past_due") return at < renewal.graceUntil;
  const { nextTry, graceUntil, closesAt } = state.dunning;
  const wasDue = by === "schedule" && nextTry !== null && nextTry.at <= at ? nextTry.dueAt : at;
  return earlier(wasDue, at) < earlier(graceUntil, closesAt);
};

/** The ladder without card or consent: no more tries. */
export const halted = ({ dunning, renewal }: PastDue): Dunning => withNextTry(dunning, renewal, null);

/**
 * After two declines of one card, the payer's own tries among them, its next automatic try waits until 24 hours after the
 * last. Outages are no declines. Source: billing rules, Declines.
 * @param cardId null: it is not known which card comes next, so any counts
 */
export const waitAfterDeclines = (declines: readonly DeclinedTry[], cardId: CardId | null): Instant | null => {
  const counting = declines.filter(
    (one) => one.kind !== "our_outage" && one.cardId !== null && one.cardId === (cardId ?? one.cardId),
  );
  const waits = counting
    .filter((one, index) => counting.slice(0, index).some((before) => before.cardId === one.cardId))
    .map(({ at }) => plusMs(at, DAY_MS));
  return waits.length === 0 ? null : waits.reduce(later);
};

type Unpaid = (Trialing | Active | Paused) & { readonly renewal: Renewal };
type FirstDecline = Pick<RecordRenewalDecline, "at" | "cardId"> & {
  readonly decline: RecordRenewalDecline["decline"] | null;
};

/**
 * Steps are local days after the first decline; those at or after the end of the unpaid period are not made. The last
 * step, or that end, closes the ladder. Source: design part 5, Dunning and The ladder's end.
 */
const openLadder = ({ at, cardId, decline }: FirstDecline, state: Unpaid, policy: BillingPolicy): Dunning => {
  const { renewal, zone } = state;
  const { end } = renewal.period;
  const planned = policy.dunningDays.map((days) => plusLocalDays(at, days, zone));
  const steps = planned.filter((step) => step < end).sort((a, b) => a - b);
  const endsAt = planned.length > 0 && steps.length === planned.length ? planned.reduce(later) : end;
  // After a free trial nothing has ever been paid, so the first decline ends what grace there was.
  const graceUntil =
    state.status === "trialing" && state.trial.kind === "free" ? earlier(at, renewal.graceUntil) : renewal.graceUntil;
  const dunning: Dunning = { declinedAt: at, steps, endsAt, nextTry: null, closesAt: endsAt, graceUntil, cardId };
  const isStopped = decline !== null && decline.kind !== "soft";
  return withNextTry(dunning, renewal, isStopped ? null : nextStep(dunning, renewal, at));
};

/** What a decline does to a ladder that stands. Source: design part 5, Dunning; billing rules, Declines. */
const moveLadder = (command: RecordRenewalDecline, state: PastDue): readonly SubscriptionEvent[] => {
  const { initiator, decline, triedAt, at } = command;
  const { dunning, renewal } = state;
  const { nextTry } = dunning;
  if (initiator === "payer") return payerDeclined(at, state);
  if (nextTry?.newCard && triedAt < nextTry.at) return []; // The old card's answer came late: the new one is still to be tried.
  if (nextTry === null) return closeIfOver(dunning, renewal, at); // Stopped already: this answer was on its way.
  if (decline.kind === "our_outage") {
    const again = { ...nextTry, at: later(nextTry.at, plusMs(at, OUTAGE_WAIT_MS)) };
    return [{ type: "DunningMoved", dunning: withNextTry(dunning, renewal, again), because: "outage", at }];
  }
  const tried = { ...dunning, cardId: command.cardId ?? dunning.cardId };
  const moved = withNextTry(tried, renewal, decline.kind === "soft" ? nextStep(tried, renewal, at) : null);
  return [{ type: "DunningMoved", dunning: moved, because: "declined", at }, ...closeIfOver(moved, renewal, at)];
};

/** The payer's own tries use up no step, but may make the next one wait. */
const payerDeclined = (at: Instant, state: PastDue): readonly SubscriptionEvent[] => {
  const { nextTry } = state.dunning;
  if (nextTry === null || nextTry.newCard) return [];
  const put = waiting(nextTry, state);
  if (put.at === nextTry.at) return [];
  return [{ type: "DunningMoved", dunning: withNextTry(state.dunning, state.renewal, put), because: "declined", at }];
};

/** Its last step's decline closes a ladder. */
const closeIfOver = (dunning: Dunning, renewal: Renewal, at: Instant): readonly SubscriptionEvent[] =>
  dunning.closesAt <= at ? [endedUnpaid(renewal, at)] : [];

/** The first step still to come: steps that were missed, or fell into a stop, are lost. */
const nextStep = (dunning: Dunning, renewal: Renewal, at: Instant): NextTry | null => {
  const step = dunning.steps.find((one) => one > at);
  return step === undefined ? null : waiting({ at: step, dueAt: step, newCard: false }, { dunning, renewal });
};

const waiting = (nextTry: NextTry, { dunning, renewal }: Pick<PastDue, "dunning" | "renewal">): NextTry => {
  const wait = nextTry.newCard ? null : waitAfterDeclines(renewal.declines, dunning.cardId);
  return wait === null ? nextTry : { ...nextTry, at: later(nextTry.at, wait) };
};

/**
 * While a try is to come its decline closes the ladder, or else the end of the unpaid period. A stopped ladder closes at
 * the instant of its last step. Source: billing rules, Declines.
 */
const withNextTry = (dunning: Dunning, renewal: Renewal, next: NextTry | null): Dunning => {
  const nextTry = next !== null && next.at < renewal.period.end ? next : null;
  return { ...dunning, nextTry, closesAt: nextTry === null ? dunning.endsAt : renewal.period.end };
};

const endedUnpaid = (renewal: Renewal, at: Instant): SubscriptionEvent => ({
  type: "SubscriptionEnded",
  reason: "unpaid",
  leaves: { invoiceId: renewal.invoiceId, as: "uncollectible" },
  at,
});
