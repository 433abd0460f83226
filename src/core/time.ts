import type { Brand } from "./ids.ts";
import { err, invariant, ok, type Result } from "./result.ts";

/** A point in time: whole milliseconds since 1970-01-01T00:00:00Z. On the wire and in the log it is RFC 3339 in UTC. */
export type Instant = Brand<number, "instant">;
/** An IANA time zone that this runtime knows, as in "Europe/Moscow". */
export type Zone = Brand<string, "zone">;
/** Half-open: `start` belongs to it, `end` does not. */
export type Period = { readonly start: Instant; readonly end: Instant };

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
/** 24 hours. A rule that speaks of days means local days: see `plusLocalDays`. */
export const DAY_MS = 24 * HOUR_MS;

/** Year 9999: what the wire can print. */
const LAST_MS = 253_402_300_799_999;

export const instantOf = (epochMs: number): Instant => {
  invariant(Number.isSafeInteger(epochMs) && Math.abs(epochMs) <= LAST_MS, "an instant is whole milliseconds");
  return epochMs as Instant;
};
export const plusMs = (at: Instant, ms: number): Instant => instantOf(at + ms);
/** Billing counts in whole seconds: what is left of one is dropped. */
export const wholeSecond = (at: Instant): Instant => instantOf(Math.floor(at / SECOND_MS) * SECOND_MS);
export const earlier = (a: Instant, b: Instant): Instant => (a <= b ? a : b);
export const later = (a: Instant, b: Instant): Instant => (a >= b ? a : b);

export const covers = (period: Period, at: Instant): boolean => period.start <= at && at < period.end;
export const lengthMs = (period: Period): number => period.end - period.start;

/** Reads RFC 3339 with any offset; digits beyond milliseconds are dropped. */
export const parseInstant = (raw: string): Result<Instant, { readonly code: "malformed_instant" }> => {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(raw))
    return err({ code: "malformed_instant" });
  try {
    return ok(instantOf(Temporal.Instant.from(raw).epochMilliseconds));
  } catch {
    return err({ code: "malformed_instant" }); // The shape is right, the date is not: 31 February.
  }
};
/** RFC 3339 in UTC with milliseconds: always 24 characters, so that text order is time order. */
export const formatInstant = (at: Instant): string =>
  Temporal.Instant.fromEpochMilliseconds(at).toString({ fractionalSecondDigits: 3 });

export const parseZone = (raw: string): Result<Zone, { readonly code: "unknown_zone" }> => {
  try {
    return ok(Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(raw).timeZoneId as Zone);
  } catch {
    return err({ code: "unknown_zone" });
  }
};

/** The same wall clock `days` local days later; a time that DST skips or repeats resolves as Temporal's "compatible". */
export const plusLocalDays = (at: Instant, days: number, zone: Zone): Instant =>
  instantOf(zoned(at, zone).add({ days }).epochMilliseconds);

/** Local 00:00 of the day that holds `at`, or the first instant of a day that has no 00:00. */
export const startOfLocalDay = (at: Instant, zone: Zone): Instant =>
  instantOf(zoned(at, zone).startOfDay().epochMilliseconds);

const zoned = (at: Instant, zone: Zone): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);

/** Local 00:00 of a date such as "2026-12-24", or the first instant of a day that has no 00:00. */
export const startOfDate = (date: string, zone: Zone): Result<Instant, { readonly code: "malformed_date" }> => {
  if (!/^\d{4}-\d\d-\d\d$/.test(date)) return err({ code: "malformed_date" });
  try {
    return ok(instantOf(Temporal.PlainDate.from(date).toZonedDateTime(zone).epochMilliseconds));
  } catch {
    return err({ code: "malformed_date" }); // The shape is right, the date is not: 31 February.
  }
};
