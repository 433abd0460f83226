import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { PeriodLength, Terms } from "../../../src/core/catalog/terms.ts";
import { DEFAULT_POLICY } from "../../../src/core/policy.ts";
import { anchorAt, boundary } from "../../../src/core/subscription/calendar.ts";
import { nextSlot, runningPeriod, type Slot, slotFrom } from "../../../src/core/subscription/periods.ts";
import type { Active } from "../../../src/core/subscription/subscription.ts";
import { DAY_MS, type Instant, instantOf, lengthMs, type Zone } from "../../../src/core/time.ts";
import { DAY_S, daysFromCivil } from "../../support/civil.ts";
import { after, as, FIRST, firstPaid, START, start, terms, zone } from "../../support/subscription.ts";
import { LONG, SEED, TIMEOUT_MS } from "../chance.ts";

setDefaultTimeout(TIMEOUT_MS);
const RUNS = LONG ? 40_000 : 1_000;
const PERIODS = 14;
let periods = 0;
afterAll(() => {
  console.log(`chains: ${periods} periods joined, seed ${SEED}`);
  expect(periods).toBeGreaterThanOrEqual(4 * RUNS * PERIODS);
});

const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/Santiago",
  "America/St_Johns",
  "Africa/Cairo",
  "Africa/Casablanca",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "Pacific/Chatham",
  "Pacific/Kiritimati",
].map(zone);
const LENGTHS: readonly PeriodLength[] = [
  { unit: "day", count: 1 },
  { unit: "day", count: 30 },
  { unit: "week", count: 1 },
  { unit: "month", count: 1 },
  { unit: "month", count: 3 },
  { unit: "year", count: 1 },
];
const instants = fc
  .integer({ min: daysFromCivil(2020, 1, 1) * DAY_S * 1000, max: daysFromCivil(2048, 1, 1) * DAY_S * 1000 })
  .map(instantOf);
const beginnings = fc.record({
  at: instants,
  where: fc.constantFrom(...ZONES),
  length: fc.constantFrom(...LENGTHS),
});

const ACTIVE = as(after(start(), firstPaid()), "active");
const running = (slot: Slot, own: Terms, where: Zone): Active => {
  const payment = { invoiceId: FIRST, value: own.price, at: slot.period.start };
  const state = { ...ACTIVE, terms: own, zone: where };
  return { ...state, running: runningPeriod(slot, payment, own, where, DEFAULT_POLICY) };
};
/** The periods that follow one another, each paid at its boundary; the terms of each are told by its place. */
const chain = (at: Instant, where: Zone, termsAt: (place: number) => Terms, count = PERIODS): readonly Slot[] => {
  const slots = [slotFrom(at, { number: 0, paidPeriods: 0 }, termsAt(0), where)];
  for (let place = 1; place < count; place += 1) {
    const last = slots.at(-1);
    if (last !== undefined) slots.push(nextSlot(running(last, termsAt(place - 1), where), termsAt(place)));
  }
  periods += slots.length;
  return slots;
};
const same = (length: PeriodLength) => () => terms({ length });
const always = <Args extends unknown[]>(property: fc.IPropertyWithHooks<Args>) =>
  fc.assert(property, { numRuns: RUNS, seed: SEED });
const pairs = (slots: readonly Slot[]): readonly (readonly [Slot, Slot])[] =>
  slots.slice(1).map((slot, i) => [slots[i] ?? slot, slot] as const);

describe("periods that follow one another", () => {
  test("join without gap or overlap, and each has its time", () => {
    always(
      fc.property(beginnings, ({ at, where, length }) => {
        const slots = chain(at, where, same(length));
        for (const [before, slot] of pairs(slots)) expect(slot.period.start).toBe(before.period.end);
        for (const { period } of slots) {
          expect(period.end).toBeGreaterThan(period.start);
          expect(period.start % 1000).toBe(0);
        }
        expect(at - (slots[0]?.period.start ?? at)).toBeWithin(0, 1000);
      }),
    );
  });

  test("are numbered one by one, and keep the anchor of the first", () => {
    always(
      fc.property(beginnings, ({ at, where, length }) => {
        const anchor = anchorAt(at, where);
        for (const [i, slot] of chain(at, where, same(length)).entries()) {
          expect(slot).toMatchObject({ number: i + 1, paidPeriods: i + 1, boundary: i + 1, anchor });
          expect(slot.period.end).toBe(boundary(anchor, length, i + 1));
        }
      }),
    );
  });

  test("join also where the plan changes to another length, whose boundaries are counted from the change", () => {
    const changes = fc.array(fc.constantFrom(...LENGTHS), { minLength: PERIODS, maxLength: PERIODS });
    always(
      fc.property(beginnings, changes, ({ at, where }, lengths) => {
        const slots = chain(at, where, (place) => terms({ length: lengths[place] ?? { unit: "month", count: 1 } }));
        for (const [i, [before, slot]] of pairs(slots).entries()) {
          expect(slot.period.start).toBe(before.period.end);
          expect(slot.number).toBe(before.number + 1);
          const [old, next] = [lengths[i], lengths[i + 1]];
          if (old !== next) expect(slot.boundary).toBe(1);
          else expect([slot.anchor, slot.boundary]).toEqual([before.anchor, before.boundary + 1]);
        }
      }),
    );
  });

  test("have grace from their end on, for seven local days at most and never past the next end", () => {
    always(
      fc.property(beginnings, ({ at, where, length }) => {
        const slots = chain(at, where, same(length));
        for (const [slot, next] of pairs(slots)) {
          const { graceUntil } = running(slot, terms({ length }), where).running;
          expect(graceUntil).toBeGreaterThan(slot.period.end);
          expect(graceUntil).toBeLessThanOrEqual(next.period.end);
          // Two hours are the most that clocks change in these zones.
          expect(graceUntil - slot.period.end).toBeLessThanOrEqual(7 * DAY_MS + DAY_MS / 12);
        }
      }),
    );
  });

  test("of a daily plan are never empty where a zone skips a day: two boundaries fall together there", () => {
    // Samoa had no 30 December 2011.
    const at = instantOf(Date.UTC(2011, 11, 27, 20));
    const slots = chain(at, zone("Pacific/Apia"), same({ unit: "day", count: 1 }), 6);
    expect(slots.map(({ boundary: index }) => index)).toEqual([1, 2, 3, 5, 6, 7]);
    expect(slots.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(slots.map(({ period }) => lengthMs(period) / DAY_MS)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  test("after a period that has no boundary of its own, such as the rest after a pause, are counted from its end", () => {
    always(
      fc.property(beginnings, ({ at, where, length }) => {
        const first = slotFrom(at, { number: 4, paidPeriods: 3 }, terms({ length }), where);
        const state = running(first, terms({ length }), where);
        const { end } = first.period;
        const anchor = anchorAt(end, where);
        const next = nextSlot({ ...state, running: { ...state.running, anchor, boundary: 0 } }, state.terms);
        const period = { start: end, end: boundary(anchor, length, 1) };
        expect(next).toMatchObject({ number: 6, paidPeriods: 5, boundary: 1, anchor, period });
      }),
    );
  });

  test("begin at the first payment", () => {
    expect(slotFrom(START, { number: 0, paidPeriods: 0 }, terms(), zone("Europe/Moscow")).period.start).toBe(START);
  });
});
