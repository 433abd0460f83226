import type { InvoiceId } from "../ids.ts";
import { isPositive } from "../money.ts";
import type { BillingPolicy } from "../policy.ts";
import { earlier, type Instant, later, plusLocalDays, startOfLocalDay } from "../time.ts";
import { waitAfterDeclines } from "./dunning.ts";
import { chargeAnnounced, noticeDue } from "./notices.ts";
import { currentEnd } from "./periods.ts";
import type { Active, Paused, Renewal, Subscription, Trialing } from "./subscription.ts";

/** What a subscription waits for. `charge_renewal` names the instant from which the automatic try may be made. */
export type SubscriptionDue = {
  readonly kind: "pass_boundary" | "charge_renewal" | "close_dunning" | "resume" | "give_notice";
  readonly at: Instant;
};
/**
 * When the next automatic try may be made. From `before` on it may not: a new notice comes first, or the period that it is
 * for is over, which is never charged.
 */
export type ChargeDue = { readonly invoiceId: InvoiceId; readonly from: Instant; readonly before: Instant };

/**
 * All that falls due for a subscription as it stands, in the order in which it is played at one instant: notices, ends,
 * charges, deadlines. Source: billing rules, Time.
 */
export const dueOf = (state: Subscription, policy: BillingPolicy): readonly SubscriptionDue[] => {
  const notice = noticeDue(state, policy);
  const end = endDue(state);
  const charge = chargeDue(state);
  const due: SubscriptionDue[] = [];
  if (notice !== null) due.push({ kind: "give_notice", at: notice.at });
  if (end !== null) due.push(end);
  if (charge !== null) due.push({ kind: "charge_renewal", at: charge.from });
  if (state.status === "past_due") due.push({ kind: "close_dunning", at: state.dunning.closesAt });
  return due;
};

/** The next automatic try of the renewal that is out. Null: none is due, or the notice for it is still missing. */
export const chargeDue = (state: Subscription): ChargeDue | null => {
  switch (state.status) {
    case "past_due": {
      const { invoiceId, period } = state.renewal;
      const { nextTry } = state.dunning;
      return nextTry === null ? null : { invoiceId, from: nextTry.at, before: period.end };
    }
    case "trialing":
    case "active":
      return state.renewal?.askedBy === "schedule" ? firstTry(state, state.renewal) : null;
    case "paused":
      return state.renewal === null ? null : firstTry(state, state.renewal);
    case "absent":
    case "incomplete":
    case "ended":
      return null;
  }
};

/** A resume by hand is charged at once; all else at the boundary and after its notice. */
const firstTry = (state: Trialing | Active | Paused, renewal: Renewal): ChargeDue | null => {
  const { invoiceId, amount, issuedAt, period } = renewal;
  if (renewal.askedBy === "payer") return { invoiceId, from: issuedAt, before: period.end };
  const announced = isPositive(amount) ? chargeAnnounced(state) : { from: period.start, before: null };
  if (announced === null) return null;
  const waits = [announced.from, waitAfterDeclines(renewal.declines, null), renewal.putOffUntil, dayAfterCharge(state)];
  const from = waits.filter((wait) => wait !== null).reduce(later);
  const before = earlier(announced.before ?? period.end, period.end);
  return from >= before ? null : { invoiceId, from, before };
};

/** At most one charge for a subscription a local day, however many boundaries were missed. Source: design part 5, Late and missed. */
const dayAfterCharge = (state: Trialing | Active | Paused): Instant | null =>
  state.status === "active" ? startOfLocalDay(plusLocalDays(state.running.paidAt, 1, state.zone), state.zone) : null;

/** A renewal that stays untried for as long as the period that it is for is looked at again when that is over. */
const endDue = (state: Subscription): SubscriptionDue | null => {
  if (state.status !== "trialing" && state.status !== "active" && state.status !== "paused") return null;
  const { renewal } = state;
  if (state.status === "paused") return { kind: "resume", at: renewal?.period.end ?? state.pause.until };
  return { kind: "pass_boundary", at: renewal?.askedBy === "schedule" ? renewal.period.end : currentEnd(state) };
};
