import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { PeriodLength } from "../../../src/core/catalog/terms.ts";
import { anchorAt, boundary } from "../../../src/core/subscription/calendar.ts";
import { instantOf } from "../../../src/core/time.ts";
import {
  DAY_S,
  daysFromCivil,
  instantAt,
  plusMonths,
  timesShown,
  wallAt,
  wallText,
  type ZoneTable,
  zoneTable,
} from "../../support/civil.ts";
import { dates, instant, zone } from "../../support/subscription.ts";
import { LONG, TIMEOUT_MS } from "../chance.ts";

// F26: every start day of 28 years, which is once around the calendar of weekdays and leap years, in zones of every kind.
const FROM = daysFromCivil(2020, 1, 1);
const TO = daysFromCivil(2048, 1, 1);
const ZONES = [
  "UTC",
  "Europe/Moscow", // no summer time
  "Europe/Berlin",
  "Europe/London",
  "America/New_York",
  "America/St_Johns", // -03:30, and summer time
  "America/Santiago", // the south; its clocks change at midnight
  "America/Havana", // at midnight as well
  "America/Sao_Paulo",
  "Africa/Cairo", // skips 00:00
  "Africa/Casablanca", // back for the month of Ramadan
  "Africa/Johannesburg",
  "Asia/Beirut", // skips 00:00
  "Asia/Kolkata", // +05:30
  "Asia/Kathmandu", // +05:45
  "Asia/Gaza", // by decree, up to four changes a year
  "Australia/Lord_Howe", // half an hour of summer time
  "Australia/Sydney",
  "Pacific/Chatham", // +12:45, and summer time
  "Pacific/Kiritimati", // +14
  "Pacific/Pago_Pago", // -11
  "Antarctica/Troll", // two hours of summer time
] as const;
/** The hours at which clocks change, and some at which they never do. */
const CLOCKS = ["00:00:00", "00:30:00", "01:30:00", "02:00:00", "02:30:00", "02:59:59", "12:34:56", "23:59:59"].map(
  (text) => text.split(":").reduce((seconds, part) => seconds * 60 + Number(part), 0),
);
/** `far`: up to which boundary is compared. */
const LENGTHS: readonly { readonly length: PeriodLength; readonly far: number }[] = [
  { length: { unit: "day", count: 1 }, far: 400 },
  { length: { unit: "week", count: 1 }, far: 60 },
  { length: { unit: "month", count: 1 }, far: 36 },
  { length: { unit: "month", count: 3 }, far: 12 },
  { length: { unit: "month", count: 6 }, far: 8 },
  { length: { unit: "year", count: 1 }, far: 4 },
];

setDefaultTimeout(TIMEOUT_MS);
/** With LONG=1 each boundary is compared; else the first, and three that differ from day to day. */
const boundariesOf = (far: number, day: number): readonly number[] =>
  LONG
    ? Array.from({ length: far }, (_, i) => i + 1)
    : [1, 2 + (day % (far - 1)), 2 + ((day * 7) % (far - 1)), 2 + ((day * 31) % (far - 1))];
const FLOOR = (TO - FROM) * ZONES.length * (LONG ? 500 : 20);
const WRONG_SHOWN = 5;

let compared = 0;
let [inGap, inFold] = [0, 0];
afterAll(() => {
  const met = `${inGap} fell into a gap and ${inFold} into a fold`;
  console.log(`calendar: ${compared} boundaries from ${TO - FROM} days in ${ZONES.length} zones compared; ${met}`);
  expect(compared).toBeGreaterThanOrEqual(FLOOR);
  expect(inGap).toBeGreaterThan(1_000);
  expect(inFold).toBeGreaterThan(1_000);
});

/** The day on the calendar that is `n` lengths later, without Temporal. */
const daysLater = (days: number, { unit, count }: PeriodLength, n: number): number => {
  if (unit === "day") return days + count * n;
  if (unit === "week") return days + 7 * count * n;
  return plusMonths(days, (unit === "year" ? 12 : 1) * count * n);
};

/** What differs from the calculation by hand, for subscriptions that begin on one local day. */
const differences = (table: ZoneTable, day: number, clock: number): readonly string[] => {
  const wrong: string[] = [];
  const began = instantAt(table, day * DAY_S + clock);
  const anchor = anchorAt(instantOf(began * 1000), zone(table.name));
  const wall = wallAt(table, began);
  if (anchor.wall !== wallText(wall)) wrong.push(`anchor ${anchor.wall}, not ${wallText(wall)}`);
  const anchorDay = Math.floor(wall / DAY_S);
  for (const { length, far } of LENGTHS) {
    for (const n of boundariesOf(far, day)) {
      const wanted = daysLater(anchorDay, length, n) * DAY_S + (wall - anchorDay * DAY_S);
      const at = boundary(anchor, length, n);
      compared += 1;
      const times = timesShown(table, wanted);
      if (times === 0) inGap += 1;
      if (times === 2) inFold += 1;
      if (at !== instantAt(table, wanted) * 1000)
        wrong.push(`${anchor.wall} + ${n} x ${length.count} ${length.unit}: ${new Date(at).toISOString()}`);
    }
  }
  return wrong;
};

describe("each boundary is what a calendar made by hand says, from each day of 28 years", () => {
  test.each(ZONES.map((name, i) => [name, i] as const))("in %s", (name, i) => {
    const table = zoneTable(name, (FROM - 30) * DAY_S, (TO + 5 * 366) * DAY_S);
    const wrong: string[] = [];
    for (let day = FROM; day < TO && wrong.length < WRONG_SHOWN; day += 1)
      wrong.push(...differences(table, day, CLOCKS[(day + i) % CLOCKS.length] ?? 0));
    expect(wrong.slice(0, WRONG_SHOWN)).toEqual([]);
  });
});

type Row = {
  readonly from: string;
  readonly zone?: string;
  readonly each?: PeriodLength;
  readonly at: readonly string[];
};
const MONTH: PeriodLength = { unit: "month", count: 1 };
const YEAR: PeriodLength = { unit: "year", count: 1 };
/** Boundaries 1, 2, 3... as a person would write them on the wall. */
const TABLE: Readonly<Record<string, Row>> = {
  "31 January lives on through short months": {
    from: "2026-01-31T10:00:00Z",
    at: ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30", "2026-07-31"].map((d) => `${d}T10:00`),
  },
  "30 January does not shrink to the 28th": {
    from: "2026-01-30T10:00:00Z",
    at: ["2026-02-28T10:00", "2026-03-30T10:00", "2026-04-30T10:00"],
  },
  "31 January of a leap year": { from: "2028-01-31T10:00:00Z", at: ["2028-02-29T10:00", "2028-03-31T10:00"] },
  "29 February, each month": { from: "2028-02-29T10:00:00Z", at: ["2028-03-29T10:00", "2028-04-29T10:00"] },
  "29 February, each year": {
    from: "2028-02-29T10:00:00Z",
    each: YEAR,
    at: ["2029-02-28T10:00", "2030-02-28T10:00", "2031-02-28T10:00", "2032-02-29T10:00"],
  },
  "29 February, over a century that is no leap year": {
    from: "2096-02-29T10:00:00Z",
    each: { unit: "year", count: 4 },
    at: ["2100-02-28T10:00", "2104-02-29T10:00"],
  },
  "31 August, each half year": {
    from: "2026-08-31T10:00:00Z",
    each: { unit: "month", count: 6 },
    at: ["2027-02-28T10:00", "2027-08-31T10:00", "2028-02-29T10:00"],
  },
  "30 November, each quarter": {
    from: "2026-11-30T10:00:00Z",
    each: { unit: "month", count: 3 },
    at: ["2027-02-28T10:00", "2027-05-30T10:00", "2027-08-30T10:00"],
  },
  "the last second of a year": {
    from: "2026-12-31T23:59:59Z",
    at: ["2027-01-31T23:59:59", "2027-02-28T23:59:59", "2027-03-31T23:59:59"],
  },
  "the turn of the year in a zone ahead of UTC": {
    from: "2026-12-31T10:00:00Z",
    zone: "Pacific/Kiritimati", // 1 January 2027, 00:00
    at: ["2027-01-31T10:00", "2027-02-28T10:00", "2027-03-31T10:00"],
  },
  "the turn of the year in a zone behind UTC": {
    from: "2027-01-01T10:59:59Z",
    zone: "Pacific/Pago_Pago", // 31 December 2026, 23:59:59
    at: ["2027-02-01T10:59:59", "2027-03-01T10:59:59", "2027-04-01T10:59:59"],
  },
  "a wall clock that summer time skips, and the day after": {
    from: "2026-03-27T02:30:00+01:00",
    zone: "Europe/Berlin",
    each: { unit: "day", count: 1 },
    at: ["2026-03-28T01:30", "2026-03-29T01:30", "2026-03-30T00:30"],
  },
  "a wall clock that comes twice": {
    from: "2026-10-23T02:30:00+02:00",
    zone: "Europe/Berlin",
    each: { unit: "day", count: 1 },
    at: ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"],
  },
  "a midnight that summer time skips": {
    from: "2026-08-06T00:00:00-04:00",
    zone: "America/Santiago", // 6 September 2026 begins at 01:00
    at: ["2026-09-06T04:00", "2026-10-06T03:00"],
  },
  "a start in the second of two equal hours": {
    from: "2026-10-25T02:30:00+01:00",
    zone: "Europe/Berlin",
    at: ["2026-11-25T01:30", "2026-12-25T01:30"],
  },
  "half an hour of summer time": {
    from: "2026-09-04T02:15:00+10:30",
    zone: "Australia/Lord_Howe",
    at: ["2026-10-03T15:45", "2026-11-03T15:15"],
  },
  "a zone that skips a day": {
    from: "2011-12-29T20:00:00Z",
    zone: "Pacific/Apia", // 29 December 2011, 10:00; there was no 30th
    each: { unit: "day", count: 1 },
    at: ["2011-12-30T20:00", "2011-12-30T20:00", "2011-12-31T20:00"],
  },
};

describe("boundaries", () => {
  test.each(Object.entries(TABLE))("%s", (_, { from, zone: name = "UTC", each = MONTH, at }) => {
    const anchor = anchorAt(instant(from), zone(name));
    const reached = at.map((_, i) => boundary(anchor, each, i + 1));
    expect(reached).toEqual(at.map((text) => instant(`${text}${text.length === 16 ? ":00" : ""}Z`)));
  });

  test("are counted from the anchor, not from one another", () => {
    const anchor = anchorAt(instant("2026-01-31T10:00:00Z"), zone("UTC"));
    const chained = anchorAt(boundary(anchor, MONTH, 1), zone("UTC"));
    expect(dates({ start: boundary(chained, MONTH, 1), end: boundary(anchor, MONTH, 2) })).toBe(
      "2026-03-28T10:00:00Z..2026-03-31T10:00:00Z",
    );
  });

  test("begin with the anchor itself, without what it had of a second", () => {
    const anchor = anchorAt(instant("2026-03-02T09:00:00.999Z"), zone("Europe/Moscow"));
    expect(anchor).toEqual({ wall: "2026-03-02T12:00:00", zone: zone("Europe/Moscow") });
    expect(boundary(anchor, MONTH, 0)).toBe(instant("2026-03-02T09:00:00Z"));
  });
});
