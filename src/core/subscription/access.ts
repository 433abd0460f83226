import type { Entitlement } from "../catalog/terms.ts";
import { earlier, type Instant } from "../time.ts";
import type { Active, Subscription, Trialing } from "./subscription.ts";

export type SubscriptionAccess = { readonly entitlement: Entitlement; readonly from: Instant; readonly until: Instant };

/**
 * The access that a subscription gives: until the paid end, plus grace while a renewal is on its way or to come, so that
 * a renewal under way takes nothing away. Needs no policy and no calendar: both are in the facts.
 * Source: design part 5, Access.
 */
export const accessOf = (state: Subscription): SubscriptionAccess | null => {
  switch (state.status) {
    case "trialing":
      return granted(state, state.trial.period.start, untilOf(state, state.trial));
    case "active":
      return granted(state, state.running.period.start, untilOf(state, state.running));
    case "past_due":
      // A stopped ladder may close before grace is over; access ends with it, however late the close is recorded.
      return state.last === null
        ? null
        : granted(state, state.last.start, earlier(state.dunning.graceUntil, state.dunning.closesAt));
    case "absent":
    case "incomplete":
    case "paused":
    case "ended":
      return null;
  }
};

const untilOf = (
  state: Trialing | Active,
  current: { readonly period: { readonly end: Instant }; readonly graceUntil: Instant },
): Instant => {
  const isDue = state.renewal?.askedBy === "schedule";
  if (isDue && state.renewal !== null) return state.renewal.graceUntil;
  const last = state.ahead ?? current;
  const renews = state.endsAtPeriodEnd === null && !(state.status === "active" && state.plannedPause !== null);
  return renews ? last.graceUntil : last.period.end;
};

const granted = (
  state: Trialing | Active | Extract<Subscription, { status: "past_due" }>,
  from: Instant,
  until: Instant,
): SubscriptionAccess | null => (from < until ? { entitlement: state.terms.entitlement, from, until } : null);
