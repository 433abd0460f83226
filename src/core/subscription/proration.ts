import { sameLength, type Terms } from "../catalog/terms.ts";
import type { QuoteId } from "../ids.ts";
import { add, atLeastZero, isZero, type Money, shareDown, subtract, zero } from "../money.ts";
import type { BillingPolicy } from "../policy.ts";
import {
  type Instant,
  later,
  lengthMs,
  MINUTE_MS,
  type Period,
  plusLocalDays,
  plusMs,
  SECOND_MS,
  type Zone,
} from "../time.ts";
import { slotFrom } from "./periods.ts";
import type { Active, ChangeEffect, Quote, RefundRule, RunningPeriod, Trialing } from "./subscription.ts";

/** Time that was paid for, as far as its value goes: a running period or a trial. */
export type PaidTime = Pick<RunningPeriod, "stretch" | "value" | "paid"> & { readonly paidAt: Instant | null };

/**
 * What is left of the value: value - floor(value x used / length), in whole seconds. Zero from the end on, all of it
 * before the start. Source: design part 5, Parts of a period.
 */
export const unusedValue = ({ stretch, value }: Pick<PaidTime, "stretch" | "value">, at: Instant): Money =>
  subtract(value, shareDown(value, usedSeconds(stretch, at), seconds(lengthMs(stretch))));

/** floor(price x rest / length), where length is the full period, also after a pause. Source: billing rules, Sums. */
export const chargeForRest = (price: Money, running: RunningPeriod, at: Instant): Money => {
  const rest = seconds(lengthMs(running.stretch)) - usedSeconds(running.stretch, at);
  return shareDown(price, rest, seconds(running.fullMs));
};

/**
 * What a cancel gives back by policy: all that was paid before payment + N local days, then the unused value, and nothing
 * from the boundary on. Source: billing rules, Refunds.
 */
export const refundByPolicy = (
  time: PaidTime,
  at: Instant,
  zone: Zone,
  policy: BillingPolicy,
): { readonly rule: RefundRule; readonly amount: Money } => {
  const currency = time.value.currency;
  const isOver = at >= time.stretch.end;
  if (isOver || time.paidAt === null || isZero(time.paid)) return { rule: "nothing", amount: zero(currency) };
  if (at < plusLocalDays(time.paidAt, policy.refundWindowDays, zone)) return { rule: "full", amount: time.paid };
  return { rule: "unused", amount: unusedValue(time, at) };
};

/** What a change would cost. Source: design part 5, Parts of a period and Direction of a change. */
export const quoteFor = (
  { quoteId, terms: offered, at }: { readonly quoteId: QuoteId; readonly terms: Terms; readonly at: Instant },
  state: Trialing | Active,
  policy: BillingPolicy,
): Quote => {
  const terms: Terms = { ...offered, trial: { kind: "none" }, intro: null };
  const effect = effectOf(terms, state, at);
  const { unused, charge, period } = sumsOf(effect, terms, state, at);
  const difference = subtract(charge, unused);
  return {
    quoteId,
    terms,
    quotedAt: at,
    expiresAt: plusMs(at, policy.quoteMinutes * MINUTE_MS),
    effect,
    unused,
    charge,
    due: atLeastZero(difference),
    surplus: atLeastZero({ ...difference, minor: -difference.minor }),
    period,
  };
};

/** The running period of a changed plan, from the payment on. Sums stay those of the quote. */
export const changedRunning = (running: RunningPeriod, quote: Quote): Pick<RunningPeriod, "value" | "paid"> =>
  quote.effect === "now_new_period"
    ? { value: quote.charge, paid: quote.charge } // In full its own price goes back; the part carried over is within it.
    : { value: quote.charge, paid: subtract(add(running.paid, quote.charge), quote.unused) };

/**
 * Plans' ranks decide: higher now, lower at the period's end, equal now only for a longer period. In a trial at once.
 * Source: design part 5, Direction of a change; billing rules, Sums.
 */
const effectOf = (terms: Terms, state: Trialing | Active, at: Instant): ChangeEffect => {
  if (state.status === "trialing") return "at_once";
  const isUpgrade = terms.rank > state.terms.rank || (terms.rank === state.terms.rank && isLonger(terms, state, at));
  if (!isUpgrade) return "at_period_end";
  return sameLength(terms.length, state.terms.length) ? "now_same_period" : "now_new_period";
};

const isLonger = (terms: Terms, { terms: old, zone }: Active, at: Instant): boolean => {
  const none = { number: 0, paidPeriods: 0 };
  return slotFrom(at, none, terms, zone).period.end > slotFrom(at, none, old, zone).period.end;
};

type Sums = { readonly unused: Money; readonly charge: Money; readonly period: Period | null };
const sumsOf = (effect: ChangeEffect, terms: Terms, state: Trialing | Active, at: Instant): Sums => {
  const nothing = zero(terms.price.currency);
  if (state.status === "trialing" || effect === "at_once" || effect === "at_period_end") {
    return { unused: nothing, charge: nothing, period: null };
  }
  const { running, zone } = state;
  const unused = unusedValue(running, at);
  const begun = slotFrom(at, running, terms, zone).period;
  return effect === "now_new_period"
    ? { unused, charge: terms.price, period: begun }
    : {
        unused,
        charge: chargeForRest(terms.price, running, at),
        period: { start: later(begun.start, running.period.start), end: running.period.end },
      };
};

/** Whole seconds gone by, in the payer's favour. */
const usedSeconds = (stretch: Period, at: Instant): bigint => {
  const gone = Math.min(Math.max(at - stretch.start, 0), lengthMs(stretch));
  return seconds(gone);
};
const seconds = (ms: number): bigint => BigInt(Math.floor(ms / SECOND_MS));
