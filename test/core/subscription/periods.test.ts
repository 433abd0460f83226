import { describe, expect, test } from "bun:test";
import type { PeriodLength } from "../../../src/core/catalog/terms.ts";
import type { Subscription } from "../../../src/core/subscription/subscription.ts";
import { formatInstant, type Instant, plusMs, type Zone } from "../../../src/core/time.ts";
import {
  after,
  afterFrom,
  as,
  B1,
  dates,
  firstPaid,
  givenAfter,
  instant,
  invoice,
  MOSCOW,
  msk,
  passBoundary,
  renewalPaid,
  rub,
  START,
  start,
  terms,
  zone,
} from "../../support/subscription.ts";

const begun = (at: Instant, where: Zone = MOSCOW, length: PeriodLength = { unit: "month", count: 1 }): Subscription =>
  after(start(at, { zone: where, terms: terms({ length }) }), firstPaid(at));
/** The ends of the next periods, each paid at its boundary. */
const ends = (from: Subscription, count: number): readonly Instant[] => {
  const { end } = as(from, "active").running.period;
  if (count === 1) return [end];
  const invoiceId = invoice(100 + count);
  return [end, ...ends(afterFrom(from, passBoundary(end, { invoiceId }), renewalPaid(end, { invoiceId })), count - 1)];
};
const iso = (instants: readonly Instant[]): readonly string[] =>
  instants.map((at) => `${formatInstant(at).slice(0, 19)}Z`);

describe("periods", () => {
  test("begin at the recording of the first payment, in whole seconds", () => {
    const paidAt = plusMs(START, 30_999);
    const { running } = givenAfter(start()).when(firstPaid(paidAt)).event("SubscriptionActivated");
    expect(running.period.start).toBe(plusMs(START, 30_000));
    expect(running.anchor.wall).toBe("2026-01-01T10:00:30");
    expect(running.paidAt).toBe(paidAt);
  });

  test("that begin on 31 January end on 28 February, and then on 31 March", () => {
    const began = begun(msk("2026-01-31T10:00"));
    expect(iso(ends(began, 3))).toEqual(["2026-02-28T07:00:00Z", "2026-03-31T07:00:00Z", "2026-04-30T07:00:00Z"]);
  });

  test("of a year that begin on 29 February end on 28 February until the next leap year", () => {
    const began = begun(msk("2028-02-29T10:00"), MOSCOW, { unit: "year", count: 1 });
    expect(iso(ends(began, 4))).toEqual([
      "2029-02-28T07:00:00Z",
      "2030-02-28T07:00:00Z",
      "2031-02-28T07:00:00Z",
      "2032-02-29T07:00:00Z",
    ]);
  });

  test("keep their wall clock over a DST change", () => {
    const began = begun(instant("2026-03-15T10:00:00+01:00"), zone("Europe/Berlin"));
    expect(iso(ends(began, 2))).toEqual(["2026-04-15T08:00:00Z", "2026-05-15T08:00:00Z"]);
  });

  test("whose boundary falls into a DST gap end after it, and the next boundary is back at its wall clock", () => {
    // 02:30 does not exist on 29 March 2026 in Berlin.
    const began = begun(instant("2026-02-28T02:30:00+01:00"), zone("Europe/Berlin"), { unit: "day", count: 29 });
    expect(iso(ends(began, 2))).toEqual(["2026-03-29T01:30:00Z", "2026-04-27T00:30:00Z"]);
  });

  test("whose boundary falls into a DST fold end at the first of the two", () => {
    // 02:30 comes twice on 25 October 2026 in Berlin.
    const began = begun(instant("2026-09-25T02:30:00+02:00"), zone("Europe/Berlin"));
    expect(iso(ends(began, 2))).toEqual(["2026-10-25T00:30:00Z", "2026-11-25T01:30:00Z"]);
  });

  test("that begin in the second hour of a fold still join", () => {
    const second = instant("2026-10-25T02:30:00+01:00");
    const began = as(begun(second, zone("Europe/Berlin")), "active");
    expect(dates(began.running.period)).toBe("2026-10-25T01:30:00Z..2026-11-25T01:30:00Z");
  });

  test("are counted in the zone with which the subscription began", () => {
    // The same instant is 1 February in Vladivostok and still 31 January in Kaliningrad.
    const at = instant("2026-01-31T20:00:00Z");
    expect(iso(ends(begun(at, zone("Asia/Vladivostok")), 2))).toEqual(["2026-02-28T20:00:00Z", "2026-03-31T20:00:00Z"]);
    expect(iso(ends(begun(at, zone("Europe/Kaliningrad")), 2))).toEqual([
      "2026-02-28T20:00:00Z",
      "2026-03-31T20:00:00Z",
    ]);
    const late = instant("2026-01-30T20:00:00Z");
    expect(iso(ends(begun(late, zone("Asia/Vladivostok")), 2))).toEqual([
      "2026-02-27T20:00:00Z",
      "2026-03-30T20:00:00Z",
    ]);
    expect(iso(ends(begun(late, zone("Europe/Kaliningrad")), 2))).toEqual([
      "2026-02-28T20:00:00Z",
      "2026-03-30T20:00:00Z",
    ]);
  });

  test("of a daily plan are never empty, even where a zone skipped a whole day", () => {
    // Samoa had no 30 December 2011.
    const began = begun(instant("2011-12-29T10:00:00-10:00"), zone("Pacific/Apia"), { unit: "day", count: 1 });
    expect(iso(ends(began, 2))).toEqual(["2011-12-30T20:00:00Z", "2011-12-31T20:00:00Z"]);
  });

  test("are numbered one by one, and paid ones count for the intro price", () => {
    const intro = terms({ intro: { price: rub(99), periods: 2 } });
    const first = after(start(START, { terms: intro }), firstPaid(START, { value: rub(99) }));
    const second = afterFrom(first, passBoundary(B1), renewalPaid(B1, { value: rub(99) }));
    expect(as(afterFrom(first, passBoundary(B1)), "active").renewal?.amount).toEqual(rub(99));
    const { end } = as(second, "active").running.period;
    const third = as(afterFrom(second, passBoundary(end, { invoiceId: invoice(9) })), "active");
    expect(third.renewal?.amount).toEqual(rub(310));
    expect([third.running.number, third.renewal?.number]).toEqual([2, 3]);
  });
});
