import type { BillingPolicy } from "../policy.ts";
import { err, ok } from "../result.ts";
import { type Instant, later, plusLocalDays, plusMs, wholeSecond } from "../time.ts";
import { anchorAt } from "./calendar.ts";
import { graceAfter, paidUntil, slotFrom } from "./periods.ts";
import { unusedValue } from "./proration.ts";
import { doesNotFit, nothingNew } from "./refusal.ts";
import { fallDueAgain, invoiced } from "./renewal.ts";
import type {
  Active,
  Decision,
  Pause,
  Paused,
  PauseSubscription,
  ResumeSubscription,
  RunningPeriod,
  Subscription,
  SubscriptionEvent,
} from "./subscription.ts";

/** Source: design part 5, the table (pause) and Pause. */
export const pauseSubscription = (command: PauseSubscription, state: Subscription, policy: BillingPolicy): Decision => {
  if (state.status === "paused") return nothingNew;
  if (state.status !== "active") return doesNotFit(state);
  if (state.place === "queued") return err({ code: "subscription_queued" });
  if (state.renewal !== null) return err({ code: "renewal_in_progress", invoiceId: state.renewal.invoiceId });
  const boundary = paidUntil(state);
  if (command.at >= boundary) return err({ code: "boundary_passed", boundary });
  const from = command.when === "now" ? command.at : boundary;
  const latest = plusLocalDays(from, policy.pauseMaxDays, state.zone);
  if (command.until <= from) return err({ code: "pause_not_ahead" });
  if (command.until > latest) return err({ code: "pause_too_long", latest });
  return command.when === "now" ? pauseNow(command, state) : planPause(command, state);
};

/** Source: design part 5, Pause; billing rules, Pause. */
export const resumeSubscription = (
  command: ResumeSubscription,
  state: Subscription,
  policy: BillingPolicy,
): Decision => {
  const { by, at } = command;
  if (state.status === "active" && by === "payer" && state.plannedPause !== null)
    return ok([{ type: "PauseDropped", at }]);
  if (state.status !== "paused") return doesNotFit(state);
  const { kept, until } = state.pause;
  if (by === "schedule" && at < until) return err({ code: "pause_not_over", until });
  if (kept !== null) return ok([{ type: "SubscriptionResumed", running: resumedRest(kept, at, state, policy), at }]);
  return resumeByPaying(command, state);
};

/**
 * The kept seconds run out first; at their end the renewal falls due, and that is the new anchor.
 * Source: design part 5, Pause.
 */
export const resumedRest = (
  { running, unusedMs, unused }: NonNullable<Pause["kept"]>,
  at: Instant,
  { terms, zone }: Paused,
  policy: BillingPolicy,
): RunningPeriod => {
  const start = wholeSecond(at);
  const period = { start, end: plusMs(start, unusedMs) };
  const dates = { period, anchor: anchorAt(period.end, zone), boundary: 0 };
  return {
    ...running,
    ...dates,
    stretch: period,
    value: unused,
    graceUntil: graceAfter(dates, terms.length, zone, policy),
  };
};

/** Keeps the unused seconds, and access stops. A period paid ahead could not be kept apart from them, so it is refused. */
const pauseNow = ({ until, at }: PauseSubscription, state: Active): Decision => {
  const { running, ahead, change, plannedPause } = state;
  if (ahead !== null) return err({ code: "period_paid_ahead" });
  if (change !== null) return err({ code: "change_in_progress", invoiceId: change.invoiceId });
  // One that moved up before its time has not begun: what it keeps is the period, not the wait for it.
  const unusedMs = running.period.end - later(wholeSecond(at), running.period.start);
  const kept = { running, unusedMs, unused: unusedValue(running, at) };
  const { number, paidPeriods } = running;
  const dropped: readonly SubscriptionEvent[] = plannedPause === null ? [] : [{ type: "PauseDropped", at }];
  return ok([...dropped, { type: "SubscriptionPaused", pause: { since: at, until, kept, number, paidPeriods }, at }]);
};

/** Needs no card. A payer who has stopped has nothing left that could wait. */
const planPause = ({ until, at }: PauseSubscription, state: Active): Decision => {
  if (state.endsAtPeriodEnd?.by === "payer") return err({ code: "renewal_stopped" });
  return state.plannedPause?.until === until ? nothingNew : ok([{ type: "PausePlanned", until, at }]);
};

/**
 * Nothing was kept: a payment at once, which needs card and consent, and by itself ends without them. What had been stopped
 * for want of them renews when they stand again by now.
 */
const resumeByPaying = ({ by, invoiceId, mayCharge, at }: ResumeSubscription, state: Paused): Decision => {
  const { renewal, pause, terms, zone, endsAtPeriodEnd } = state;
  if (renewal?.invoiceId === invoiceId) return nothingNew;
  if (renewal !== null && by === "schedule" && at >= renewal.period.end)
    return ok(fallDueAgain({ mayCharge, at }, { ...state, renewal }));
  if (renewal !== null) return err({ code: "renewal_in_progress", invoiceId: renewal.invoiceId });
  if (!mayCharge && by === "payer") return err({ code: "card_or_consent_missing" });
  if (!mayCharge) return ok([{ type: "SubscriptionEnded", reason: "no_card_or_consent", leaves: null, at }]);
  const restored: readonly SubscriptionEvent[] = endsAtPeriodEnd === null ? [] : [{ type: "RenewalRestored", at }];
  const slot = slotFrom(at, pause, terms, zone);
  return ok([...restored, invoiced(slot, { invoiceId, askedBy: by, at }, slot.period.start, terms)]);
};
