import type { Brand } from "./ids.ts";
import { err, invariant, ok, type Result } from "./result.ts";

/** A point in time: whole milliseconds since 1970-01-01T00:00:00Z. On the wire and in the log it is RFC 3339 in UTC. */
export type Instant = Brand<number, "instant">;
/**
 * An IANA time zone that this runtime knows, in the list's own letters, as in "Europe/Moscow". Another name of a place
 * (Europe/Kiev) stays as it is: both have the same clocks, and what a payer chose is what a payer is shown.
 */
export type Zone = Brand<string, "zone">;
/** Half-open: `start` belongs to it, `end` does not. */
export type Period = { readonly start: Instant; readonly end: Instant };

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
/** 24 hours. A rule that speaks of days means local days: see `plusLocalDays`. */
export const DAY_MS = 24 * HOUR_MS;

/** The years 0000 to 9999: what RFC 3339 can print. */
const [FIRST_MS, LAST_MS] = [-62_167_219_200_000, 253_402_300_799_999];
const isPrintable = (epochMs: number): boolean => epochMs >= FIRST_MS && epochMs <= LAST_MS;

export const instantOf = (epochMs: number): Instant => {
  const holds = Number.isSafeInteger(epochMs) && isPrintable(epochMs);
  invariant(holds, "an instant is whole milliseconds of the years 0000 to 9999");
  return epochMs as Instant;
};
export const plusMs = (at: Instant, ms: number): Instant => instantOf(at + ms);
/** Billing counts in whole seconds: what is left of one is dropped. */
export const wholeSecond = (at: Instant): Instant => instantOf(Math.floor(at / SECOND_MS) * SECOND_MS);
export const earlier = (a: Instant, b: Instant): Instant => (a <= b ? a : b);
export const later = (a: Instant, b: Instant): Instant => (a >= b ? a : b);

export const lengthMs = (period: Period): number => period.end - period.start;

/** Reads RFC 3339 with any offset; digits beyond milliseconds are dropped, a leap second is the second before it. */
export const parseInstant = (raw: string): Result<Instant, { readonly code: "malformed_instant" }> => {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(raw))
    return err({ code: "malformed_instant" });
  try {
    const { epochMilliseconds } = Temporal.Instant.from(raw);
    // An offset may lead out of the years that can be printed.
    return isPrintable(epochMilliseconds) ? ok(instantOf(epochMilliseconds)) : err({ code: "malformed_instant" });
  } catch {
    return err({ code: "malformed_instant" }); // The shape is right, the date is not: 31 February.
  }
};
/** RFC 3339 in UTC with milliseconds: always 24 characters, so that text order is time order. */
export const formatInstant = (at: Instant): string =>
  Temporal.Instant.fromEpochMilliseconds(at).toString({ fractionalSecondDigits: 3 });

/**
 * Reads a zone's name in any case. Never a fixed offset such as "+03:00": it would stand still when the payer's clocks
 * change, and PostgreSQL reads its sign the other way.
 */
export const parseZone = (raw: string): Result<Zone, { readonly code: "unknown_zone" }> => {
  try {
    const name = Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(raw).timeZoneId;
    // Temporal also takes a zone out of a longer text: "2026-01-01T00:00[Europe/Berlin]".
    const isName = /^[a-z]/i.test(raw) && name.toLowerCase() === raw.toLowerCase();
    return isName ? ok(name as Zone) : err({ code: "unknown_zone" });
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
    const { epochMilliseconds } = Temporal.PlainDate.from(date).toZonedDateTime(zone);
    return isPrintable(epochMilliseconds) ? ok(instantOf(epochMilliseconds)) : err({ code: "malformed_date" });
  } catch {
    return err({ code: "malformed_date" }); // The shape is right, the date is not: 31 February.
  }
};
