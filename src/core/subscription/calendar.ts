import type { PeriodLength } from "../catalog/terms.ts";
import { type Instant, instantOf, wholeSecond, type Zone } from "../time.ts";
import type { Anchor } from "./subscription.ts";

/** The anchor that begins at an instant: its wall clock in a zone, whole seconds. */
export const anchorAt = (at: Instant, zone: Zone): Anchor => ({
  wall: Temporal.Instant.fromEpochMilliseconds(wholeSecond(at)).toZonedDateTimeISO(zone).toPlainDateTime().toString(),
  zone,
});

/**
 * The n-th boundary: anchor + n lengths, never chained, so that 31 January gives 28 February and then 31 March. A wall
 * clock in a DST gap or fold resolves as Temporal's "compatible".
 * @param n whole, 0 or more
 */
export const boundary = (anchor: Anchor, length: PeriodLength, n: number): Instant => {
  const amount = length.count * n;
  const days = { day: { days: amount }, week: { weeks: amount }, month: { months: amount }, year: { years: amount } }[
    length.unit
  ];
  return instantOf(Temporal.PlainDateTime.from(anchor.wall).add(days).toZonedDateTime(anchor.zone).epochMilliseconds);
};
