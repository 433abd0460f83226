import { type PeriodLength, sameLength, type Terms } from "../catalog/terms.ts";
import type { InvoiceId } from "../ids.ts";
import type { Money } from "../money.ts";
import type { BillingPolicy } from "../policy.ts";
import { earlier, type Instant, lengthMs, plusLocalDays, wholeSecond, type Zone } from "../time.ts";
import { anchorAt, boundary } from "./calendar.ts";
import type { Active, Anchor, Renewal, RunningPeriod, Trialing } from "./subscription.ts";

/** A period's place: its number, its dates and its boundary. Payment turns it into a running period. */
export type Slot = Pick<Renewal, "number" | "paidPeriods" | "period" | "anchor" | "boundary">;
type Counts = { readonly number: number; readonly paidPeriods: number };
type Payment = { readonly invoiceId: InvoiceId; readonly value: Money; readonly at: Instant };

/** The boundary B at which the running period or trial ends. */
export const currentEnd = (state: Trialing | Active): Instant =>
  state.status === "trialing" ? state.trial.period.end : state.running.period.end;

/** The end of all time that has been paid for: what "ends at period end" means when a period is paid ahead. */
export const paidUntil = (state: Trialing | Active): Instant => state.ahead?.period.end ?? currentEnd(state);

/**
 * The period after the running one: it joins it, and its end is counted from the same anchor. After a trial, and at a
 * change to another length, the boundary itself is the new anchor. Source: design part 5, Periods and Instants.
 */
export const nextSlot = (state: Trialing | Active, terms: Terms): Slot => {
  const start = currentEnd(state);
  if (state.status === "trialing") return slotFrom(start, { number: 0, paidPeriods: 0 }, terms, state.zone);
  const { running } = state;
  if (!sameLength(terms.length, state.terms.length)) return slotFrom(start, running, terms, state.zone);
  const next = boundaryAfter(running.anchor, terms.length, running.boundary, start);
  return { ...following(running), anchor: running.anchor, boundary: next.index, period: { start, end: next.at } };
};

/** A period that begins at an instant, which is its anchor. Source: design part 5, Instants. */
export const slotFrom = (at: Instant, last: Counts, terms: Terms, zone: Zone): Slot => {
  const start = wholeSecond(at);
  const anchor = anchorAt(start, zone);
  const end = boundaryAfter(anchor, terms.length, 0, start);
  return { ...following(last), anchor, boundary: end.index, period: { start, end: end.at } };
};

export const runningPeriod = (
  slot: Slot,
  payment: Payment,
  terms: Terms,
  zone: Zone,
  policy: BillingPolicy,
): RunningPeriod => ({
  ...slot,
  fullMs: lengthMs(slot.period),
  stretch: slot.period,
  value: payment.value,
  paid: payment.value,
  invoices: [payment.invoiceId],
  paidAt: payment.at,
  graceUntil: graceAfter(slot, terms.length, zone, policy),
});

/** The end of grace after a period that has a boundary, seen before the next invoice is out. */
export const graceAfter = (
  { period, anchor, boundary: index }: Pick<Slot, "period" | "anchor" | "boundary">,
  length: PeriodLength,
  zone: Zone,
  policy: BillingPolicy,
): Instant => graceUntil(period.end, boundaryAfter(anchor, length, index, period.end).at, zone, policy);

/** Local days after the paid end, never past the end of the unpaid period. Source: design part 5, Access. */
export const graceUntil = (paidEnd: Instant, unpaidEnd: Instant, zone: Zone, policy: BillingPolicy): Instant =>
  earlier(plusLocalDays(paidEnd, policy.graceDays, zone), unpaidEnd);

const following = ({ number, paidPeriods }: Counts): Counts => ({ number: number + 1, paidPeriods: paidPeriods + 1 });

/** The next boundary that is later than `after`: a zone that skips a whole day makes two of a daily plan fall together. */
const boundaryAfter = (
  anchor: Anchor,
  length: PeriodLength,
  last: number,
  after: Instant,
): { index: number; at: Instant } => {
  let index = last + 1;
  let at = boundary(anchor, length, index);
  while (at <= after) {
    index += 1;
    at = boundary(anchor, length, index);
  }
  return { index, at };
};
