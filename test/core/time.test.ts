import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { Bug } from "../../src/core/result.ts";
import {
  DAY_MS,
  earlier,
  formatInstant,
  type Instant,
  instantOf,
  later,
  lengthMs,
  parseInstant,
  parseZone,
  plusLocalDays,
  plusMs,
  startOfDate,
  startOfLocalDay,
  wholeSecond,
  type Zone,
} from "../../src/core/time.ts";
import {
  civilFromDays,
  DAY_S,
  dayStart,
  daysFromCivil,
  instantAt,
  wallAt,
  wallText,
  zoneTable,
} from "../support/civil.ts";
import { LONG, SEED, TIMEOUT_MS } from "./chance.ts";

setDefaultTimeout(TIMEOUT_MS);
const RUNS = LONG ? 100_000 : 2_000;
let drawn = 0;
afterAll(() => {
  console.log(`time: ${drawn} instants held against a calendar made by hand, seed ${SEED}`);
  expect(drawn).toBeGreaterThanOrEqual(6 * RUNS);
});
const always = <Args extends unknown[]>(property: fc.IPropertyWithHooks<Args>) => {
  const counted = property.beforeEach(() => {
    drawn += 1;
  });
  fc.assert(counted, { numRuns: RUNS, seed: SEED });
};

const FIRST = "0000-01-01T00:00:00.000Z";
const LAST = "9999-12-31T23:59:59.999Z";
const epoch = (year: number, month: number, day: number): number => daysFromCivil(year, month, day) * DAY_S;
const instants = fc
  .oneof(
    fc.integer({ min: epoch(2020, 1, 1) * 1000, max: epoch(2050, 1, 1) * 1000 }),
    fc.integer({ min: epoch(0, 1, 1) * 1000, max: epoch(10_000, 1, 1) * 1000 - 1 }),
  )
  .map(instantOf);

const instant = (raw: string): Instant => {
  const read = parseInstant(raw);
  if (!read.ok) throw new Error(`a test names an instant that is none: ${raw}`);
  return read.value;
};
const zone = (raw: string): Zone => {
  const read = parseZone(raw);
  if (!read.ok) throw new Error(`a test names a zone that is none: ${raw}`);
  return read.value;
};

describe("an instant", () => {
  test("is printed in UTC with milliseconds and read back as itself", () => {
    always(fc.property(instants, (at) => expect(parseInstant(formatInstant(at))).toEqual({ ok: true, value: at })));
  });

  test("is printed in 24 characters whose order is the order of time", () => {
    always(
      fc.property(instants, instants, (a, b) => {
        const [first, second] = [formatInstant(a), formatInstant(b)];
        expect([first.length, second.length]).toEqual([24, 24]);
        expect(first < second).toBe(a < b);
      }),
    );
  });

  test("is what its date, its clock and its offset say", () => {
    const offsets = fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 });
    always(
      fc.property(fc.integer({ min: epoch(1900, 1, 1), max: epoch(2200, 1, 1) }), offsets, (at, minutes) => {
        const [sign, size] = [minutes < 0 ? "-" : "+", Math.abs(minutes)];
        const [hours, rest] = [Math.floor(size / 60), size % 60].map((n) => String(n).padStart(2, "0"));
        const written = `${wallText(at + minutes * 60)}${sign}${hours}:${rest}`;
        expect(parseInstant(written)).toEqual({ ok: true, value: instantOf(at * 1000) });
      }),
    );
  });

  test("is read with up to nine digits of a second, and what is less than a millisecond is dropped", () => {
    const at = instant("2026-03-02T09:00:00.123Z");
    for (const digits of ["123", "1230", "1234", "123999", "123999999"])
      expect(parseInstant(`2026-03-02T09:00:00.${digits}Z`)).toEqual({ ok: true, value: at });
    expect(parseInstant("2026-03-02T09:00:00.1234567890Z")).toEqual({
      ok: false,
      error: { code: "malformed_instant" },
    });
    // Before 1970 as well, what is dropped lies behind the instant, never ahead of it.
    expect(formatInstant(instant("1969-12-31T23:59:59.999999Z"))).toBe("1969-12-31T23:59:59.999Z");
  });

  test("of a leap second is the second before it, which our clocks can hold", () => {
    expect(instant("2016-12-31T23:59:60Z")).toBe(instant("2016-12-31T23:59:59Z"));
  });

  // What people mistype, and what other formats look like.
  const MISTYPED: Readonly<Record<string, readonly string[]>> = {
    "no offset": ["2026-03-02T09:00:00", "2026-03-02T09:00:00.000", "2026-03-02"],
    "a day that its month has not": ["2026-02-29T00:00:00Z", "2026-02-30T00:00:00Z", "2026-04-31T00:00:00Z"],
    "the 29th of February of a century": ["2100-02-29T00:00:00Z", "1900-02-29T00:00:00Z"],
    "a month or a day out of the calendar": ["2026-00-10T00:00:00Z", "2026-13-10T00:00:00Z", "2026-01-00T00:00:00Z"],
    "an hour or a minute out of the clock": ["2026-03-02T24:00:00Z", "2026-03-02T25:00:00Z", "2026-03-02T09:60:00Z"],
    "a second out of the clock": ["2026-03-02T09:00:61Z", "2026-03-02T09:00:99Z"],
    "an offset out of the clock": ["2026-03-02T09:00:00+24:00", "2026-03-02T09:00:00+03:60"],
    "another form of offset": ["2026-03-02T09:00:00+03", "2026-03-02T09:00:00+0300", "2026-03-02T09:00:00 MSK"],
    "the name of a zone": ["2026-03-02T09:00:00+03:00[Europe/Moscow]", "2026-03-02T09:00:00Z[UTC]"],
    "another order or separator": ["02.03.2026 09:00:00", "2026/03/02T09:00:00Z", "2026-03-02 09:00:00Z"],
    "letters in lower case": ["2026-03-02t09:00:00z", "2026-03-02T09:00:00z"],
    "too few or too many digits": ["2026-3-2T09:00:00Z", "26-03-02T09:00:00Z", "2026-03-02T9:00:00Z"],
    "a year that has another length": ["+002026-03-02T09:00:00Z", "-000001-01-01T00:00:00Z", "10000-01-01T00:00:00Z"],
    "a point without digits, or a comma": ["2026-03-02T09:00:00.Z", "2026-03-02T09:00:00,5Z"],
    "something around it": [" 2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z ", "2026-03-02T09:00:00Z\n"],
    "no date at all": ["", "now", "1772442000000", "2026-W10-1T09:00:00Z", "T09:00:00Z"],
  };
  test.each(Object.entries(MISTYPED))("with %s is refused", (_, texts) => {
    for (const raw of texts)
      expect([raw, parseInstant(raw)]).toEqual([raw, { ok: false, error: { code: "malformed_instant" } }]);
  });

  test("lies in the years 0000 to 9999, which is what can be printed", () => {
    for (const raw of [FIRST, LAST]) expect(formatInstant(instant(raw))).toBe(raw);
    for (const raw of ["0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
      expect(parseInstant(raw)).toEqual({ ok: false, error: { code: "malformed_instant" } });
    for (const ms of [instant(FIRST) - 1, instant(LAST) + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => instantOf(ms)).toThrow(Bug);
    expect(() => plusMs(instant(LAST), 1)).toThrow(Bug);
    expect(() => plusLocalDays(instant(FIRST), -1, zone("UTC"))).toThrow(Bug);
  });

  test("loses what it has beyond whole seconds, and never becomes later by it", () => {
    always(
      fc.property(instants, (at) => {
        const whole = wholeSecond(at);
        expect(Math.abs(whole % 1000)).toBe(0);
        expect(at - whole).toBeWithin(0, 1000);
      }),
    );
  });

  test("is before or after another", () => {
    const [a, b] = [instant("2026-03-02T09:00:00Z"), instant("2026-03-02T09:00:01Z")];
    expect([earlier(a, b), earlier(b, a), later(a, b), later(b, a)]).toEqual([a, a, b, b]);
    expect(lengthMs({ start: a, end: b })).toBe(1000);
  });
});

describe("a zone", () => {
  test("is an IANA name, kept in the letters of the list whatever letters it comes in", () => {
    expect(parseZone("Europe/Moscow")).toEqual({ ok: true, value: "Europe/Moscow" as Zone });
    for (const [raw, name] of [
      ["europe/moscow", "Europe/Moscow"],
      ["AMERICA/ARGENTINA/BUENOS_AIRES", "America/Argentina/Buenos_Aires"],
      ["utc", "UTC"],
      ["etc/gmt+5", "Etc/GMT+5"],
    ] as const)
      expect(parseZone(raw)).toEqual({ ok: true, value: name as Zone });
  });

  test("that is another name of a place is known, for browsers still tell it, and keeps that name", () => {
    for (const link of ["Europe/Kiev", "Europe/Kyiv", "Asia/Calcutta", "Asia/Kolkata", "US/Pacific", "W-SU"])
      expect(parseZone(link)).toEqual({ ok: true, value: link as Zone });
  });

  test("is never a fixed offset: it knows no summer time, and other programs read its sign the other way", () => {
    for (const raw of ["+03:00", "+03", "+0300", "-05:00", "+00:00", "-00:00", "GMT+03:00", "UTC+3", "+3"])
      expect([raw, parseZone(raw)]).toEqual([raw, { ok: false, error: { code: "unknown_zone" } }]);
  });

  test("is never taken out of a longer text", () => {
    for (const raw of [
      "2026-01-01T00:00[Europe/Berlin]",
      "2026-01-01T00:00+05:00",
      "2026-01-01T00:00Z",
      "01-01[Europe/Berlin]",
      "10+03",
      "T10:00+03:00",
      "[Europe/Berlin]",
      "Europe/Berlin ",
      " Europe/Berlin",
      "Europe/Berlin\0",
      "posix/Europe/Berlin",
    ])
      expect([raw, parseZone(raw)]).toEqual([raw, { ok: false, error: { code: "unknown_zone" } }]);
  });

  test("that nobody knows is refused", () => {
    for (const raw of [
      "",
      "Z",
      "MSK",
      "Local",
      "Factory",
      "Europe",
      "Europe/Atlantis",
      "Asia/\u212aolkata",
      "constructor",
    ])
      expect([raw, parseZone(raw)]).toEqual([raw, { ok: false, error: { code: "unknown_zone" } }]);
  });

  test("of every name that this runtime lists is read as that name", () => {
    const names = Intl.supportedValuesOf("timeZone");
    expect(names.length).toBeGreaterThan(400);
    for (const name of names) expect(parseZone(name)).toEqual({ ok: true, value: name as Zone });
  });
});

describe("days later, on the clock of the wall", () => {
  const after = (raw: string, days: number, name: string): string =>
    formatInstant(plusLocalDays(instant(raw), days, zone(name)));

  test("are 23 hours over the night in which summer time begins, 25 over the one in which it ends", () => {
    expect(after("2026-03-28T12:00:00+01:00", 1, "Europe/Berlin")).toBe("2026-03-29T10:00:00.000Z");
    expect(after("2026-10-24T12:00:00+02:00", 1, "Europe/Berlin")).toBe("2026-10-25T11:00:00.000Z");
    expect(after("2026-10-03T12:00:00+10:00", 1, "Australia/Sydney")).toBe("2026-10-04T01:00:00.000Z");
    expect(after("2026-04-04T12:00:00+11:00", 1, "Australia/Sydney")).toBe("2026-04-05T02:00:00.000Z");
    // Lord Howe puts its clocks forward by half an hour.
    expect(after("2026-10-03T12:00:00+10:30", 1, "Australia/Lord_Howe")).toBe("2026-10-04T01:00:00.000Z");
  });

  test("go back as they go on", () => {
    expect(after("2026-03-29T12:00:00+02:00", -1, "Europe/Berlin")).toBe("2026-03-28T11:00:00.000Z");
    expect(after("2026-10-25T12:00:00+01:00", -1, "Europe/Berlin")).toBe("2026-10-24T10:00:00.000Z");
  });

  test("that meet a skipped hour come after it, and of an hour that comes twice are the first", () => {
    expect(after("2026-03-28T02:30:00+01:00", 1, "Europe/Berlin")).toBe("2026-03-29T01:30:00.000Z");
    expect(after("2026-03-30T02:30:00+02:00", -1, "Europe/Berlin")).toBe("2026-03-29T01:30:00.000Z");
    expect(after("2026-10-24T02:30:00+02:00", 1, "Europe/Berlin")).toBe("2026-10-25T00:30:00.000Z");
    expect(after("2026-10-26T02:30:00+01:00", -1, "Europe/Berlin")).toBe("2026-10-25T00:30:00.000Z");
  });

  test("none later is the very instant, also in the second of two equal hours", () => {
    expect(after("2026-10-25T02:30:00+01:00", 0, "Europe/Berlin")).toBe("2026-10-25T01:30:00.000Z");
  });

  test("in a zone that skips a whole day, the skipped day is the next one", () => {
    // Samoa had no 30 December 2011.
    expect(after("2011-12-29T10:00:00-10:00", 1, "Pacific/Apia")).toBe("2011-12-30T20:00:00.000Z");
    expect(after("2011-12-29T10:00:00-10:00", 2, "Pacific/Apia")).toBe("2011-12-30T20:00:00.000Z");
  });

  test("keep their wall clock and their milliseconds, in every zone", () => {
    always(
      fc.property(zoned, fc.integer({ min: -400, max: 400 }), ({ table, at }, days) => {
        const [seconds, rest] = [Math.floor(at / 1000), at - Math.floor(at / 1000) * 1000];
        const expected = days === 0 ? at : instantAt(table, wallAt(table, seconds) + days * DAY_S) * 1000 + rest;
        expect(plusLocalDays(instantOf(at), days, zone(table.name))).toBe(instantOf(expected));
      }),
    );
  });
});

describe("the start of a local day", () => {
  const startOf = (date: string, name: string): string => {
    const read = startOfDate(date, zone(name));
    return read.ok ? formatInstant(read.value) : read.error.code;
  };

  test("is 00:00 where there is one", () => {
    expect(startOf("2026-12-24", "Europe/Moscow")).toBe("2026-12-23T21:00:00.000Z");
    expect(startOf("2026-03-29", "Europe/Berlin")).toBe("2026-03-28T23:00:00.000Z");
    expect(startOf("2024-02-29", "Asia/Kathmandu")).toBe("2024-02-28T18:15:00.000Z");
  });

  test("is the end of the gap where the clocks skip 00:00", () => {
    expect(startOf("2018-11-04", "America/Sao_Paulo")).toBe("2018-11-04T03:00:00.000Z");
    expect(startOf("2024-03-31", "Asia/Beirut")).toBe("2024-03-30T22:00:00.000Z");
    expect(startOf("2024-04-26", "Africa/Cairo")).toBe("2024-04-25T22:00:00.000Z");
    expect(startOf("2024-03-10", "America/Havana")).toBe("2024-03-10T05:00:00.000Z");
  });

  test("is the first 00:00 where it comes twice", () => {
    expect(startOf("2024-11-03", "America/Havana")).toBe("2024-11-03T04:00:00.000Z");
  });

  test("of a day that a zone skipped is the start of the next", () => {
    expect(startOf("2011-12-30", "Pacific/Apia")).toBe("2011-12-30T10:00:00.000Z");
    expect(startOf("2011-12-31", "Pacific/Apia")).toBe("2011-12-30T10:00:00.000Z");
  });

  test("is the first instant of the day that holds an instant, in every zone", () => {
    always(
      fc.property(zoned, ({ table, at }) => {
        const days = Math.floor(wallAt(table, Math.floor(at / 1000)) / DAY_S);
        const start = instantOf(dayStart(table, days) * 1000);
        expect(startOfLocalDay(instantOf(at), zone(table.name))).toBe(start);
        const { year, month, day } = civilFromDays(days);
        const date = [String(year).padStart(4, "0"), month, day].map((n) => String(n).padStart(2, "0")).join("-");
        expect(startOfDate(date, zone(table.name))).toEqual({ ok: true, value: start });
        expect(at - start).toBeWithin(0, 25 * (DAY_MS / 24) + 1);
      }),
    );
  });

  test("of what is no date is refused", () => {
    for (const raw of ["2026-02-29", "2026-02-30", "2026-13-01", "2026-00-01", "2026-01-00", "2026-1-1", "26-01-01"])
      expect([raw, startOf(raw, "UTC")]).toEqual([raw, "malformed_date"]);
    for (const raw of ["", "2026-01-01T00:00", "2026-01-01Z", " 2026-01-01", "2026-01-01\n", "20260101", "01.02.2026"])
      expect([raw, startOf(raw, "UTC")]).toEqual([raw, "malformed_date"]);
  });

  test("that could not be printed is no date either", () => {
    expect(startOf("0000-01-01", "UTC")).toBe(FIRST);
    expect(startOf("0000-01-01", "Asia/Tokyo")).toBe("malformed_date");
    expect(startOf("9999-12-31", "Pacific/Pago_Pago")).toBe("9999-12-31T11:00:00.000Z");
  });
});

/** Zones in which something of these rules shows. */
const TABLES = [
  "UTC",
  "Europe/Moscow",
  "Europe/Berlin",
  "America/New_York",
  "America/Havana",
  "Africa/Cairo",
  "Africa/Casablanca",
  "Asia/Beirut",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "Pacific/Chatham",
  "Pacific/Kiritimati",
].map((name) => zoneTable(name, epoch(2018, 1, 1), epoch(2052, 1, 1)));
const zoned = fc.record({
  table: fc.constantFrom(...TABLES),
  at: fc.integer({ min: epoch(2020, 1, 1) * 1000, max: epoch(2050, 1, 1) * 1000 }),
});
