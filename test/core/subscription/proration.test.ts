import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { PeriodLength, Terms } from "../../../src/core/catalog/terms.ts";
import type { PlanCode } from "../../../src/core/ids.ts";
import { add, equal, isZero, money, subtract } from "../../../src/core/money.ts";
import { DEFAULT_POLICY } from "../../../src/core/policy.ts";
import { chargeForRest, refundByPolicy, unusedValue } from "../../../src/core/subscription/proration.ts";
import type { Quote, RunningPeriod } from "../../../src/core/subscription/subscription.ts";
import { DAY_MS, type Instant, instantOf, type Period, plusMs, SECOND_MS } from "../../../src/core/time.ts";
import {
  after,
  afterFrom,
  as,
  B1,
  B2,
  change,
  changePaid,
  firstPaid,
  givenAfter,
  inState,
  invoice,
  MOSCOW,
  msk,
  PREMIUM,
  PREMIUM_WEEK,
  pause,
  quote,
  quoteId,
  resume,
  rub,
  START,
  start,
  terms,
} from "../../support/subscription.ts";
import { LONG, SEED, TIMEOUT_MS } from "../chance.ts";

const RUNS = LONG ? 100_000 : 2_000;
setDefaultTimeout(TIMEOUT_MS);
let sumsTried = 0;
let quotesTried = 0;
let quotesPaid = 0;
afterAll(() => {
  console.log(
    `proration: ${sumsTried} shares of a period, ${quotesTried} quotes, ${quotesPaid} paid half an hour later, seed ${SEED}`,
  );
  expect(sumsTried).toBeGreaterThanOrEqual(4 * RUNS);
  expect(quotesTried).toBeGreaterThanOrEqual(RUNS / 2);
  expect(quotesPaid).toBeGreaterThanOrEqual(RUNS / 20);
});

const YEAR_S = 366 * 86_400;
const stretches: fc.Arbitrary<Period> = fc
  .record({ seconds: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: YEAR_S })) })
  .map(({ seconds }) => ({ start: START, end: plusMs(START, seconds * SECOND_MS) }));
const minors = fc.oneof(fc.bigInt(0n, 20n), fc.bigInt(0n, 1_000_000n), fc.bigInt(0n, 999_999_999_999_999n));
/** Somewhere in the stretch, at its edges, a little before or behind it; not always at a whole second. */
const shares = fc
  .record({ stretch: stretches, minor: minors, part: fc.double({ min: -0.1, max: 1.1, noNaN: true }) })
  .map(({ stretch, minor, part }) => ({
    stretch,
    value: money(minor, "RUB"),
    at: instantOf(Math.round(stretch.start + part * (stretch.end - stretch.start))),
  }));
type Share = typeof shares extends fc.Arbitrary<infer T> ? T : never;

const secondsOf = ({ stretch, at }: Share): { readonly used: bigint; readonly length: bigint } => {
  const length = BigInt(stretch.end - stretch.start) / 1000n;
  const gone = BigInt(Math.max(at - stretch.start, 0)) / 1000n;
  return { used: gone < length ? gone : length, length };
};
const always = (fact: string, claim: (share: Share) => void) =>
  test(fact, () => {
    const told = fc.property(shares, (share) => {
      sumsTried += 1;
      claim(share);
    });
    fc.assert(told, { numRuns: RUNS, seed: SEED });
  });
const asRunning = ({ stretch, value }: Share, fullMs = stretch.end - stretch.start): RunningPeriod => ({
  ...as(after(start(), firstPaid()), "active").running,
  period: stretch,
  stretch,
  value,
  fullMs,
});

describe("whatever is left of whatever was paid, at any instant", () => {
  always("the unused value is the exact share, rounded in the payer's favour by less than one minor unit", (share) => {
    const { used, length } = secondsOf(share);
    const unused = unusedValue(share, share.at).minor;
    const exactTimesLength = share.value.minor * (length - used);
    expect(unused * length >= exactTimesLength).toBe(true);
    expect(unused * length < exactTimesLength + length).toBe(true);
  });

  always(
    "the charge for the rest is the exact share, rounded in the payer's favour by less than one minor unit",
    (share) => {
      const { used, length } = secondsOf(share);
      // After a pause the stretch is shorter than the full period that the share is of.
      const full = length + BigInt(share.at % 1000);
      const charge = chargeForRest(share.value, asRunning(share, Number(full) * SECOND_MS), share.at).minor;
      const exactTimesFull = share.value.minor * (length - used);
      expect(charge * full <= exactTimesFull).toBe(true);
      expect(charge * full > exactTimesFull - full).toBe(true);
    },
  );

  always("the value wanes from all to nothing, and never grows", (share) => {
    const { stretch, at } = share;
    expect(unusedValue(share, stretch.start)).toEqual(share.value);
    expect(unusedValue(share, plusMs(stretch.start, -DAY_MS))).toEqual(share.value);
    expect(unusedValue(share, stretch.end)).toEqual(rub(0));
    const now = unusedValue(share, at);
    expect(unusedValue(share, plusMs(at, SECOND_MS)).minor <= now.minor).toBe(true);
    expect(now.minor >= 0n && now.minor <= share.value.minor).toBe(true);
  });

  always("a refund is never above what was paid, and the payer gets all of it in the window", (share) => {
    const time = { ...share, paid: share.value, paidAt: share.stretch.start };
    const { rule, amount } = refundByPolicy(time, share.at, MOSCOW, DEFAULT_POLICY);
    expect(amount.minor <= share.value.minor).toBe(true);
    const inTime = share.at < share.stretch.end;
    const inWindow = share.at < plusMs(share.stretch.start, 7 * DAY_MS); // Moscow has no DST.
    const worth = isZero(share.value) || !inTime ? "nothing" : inWindow ? "full" : "unused";
    expect([rule, amount]).toEqual([
      worth,
      { nothing: rub(0), full: share.value, unused: unusedValue(share, share.at) }[worth],
    ]);
  });
});

const lengths: fc.Arbitrary<PeriodLength> = fc.constantFrom<PeriodLength[]>(
  { unit: "month", count: 1 },
  { unit: "month", count: 1 },
  { unit: "day", count: 30 },
  { unit: "week", count: 1 },
  { unit: "year", count: 1 },
);
const offers: fc.Arbitrary<Terms> = fc
  .record({ minor: fc.bigInt(0n, 500_000n), length: lengths, rank: fc.integer({ min: 1, max: 3 }) })
  .map(({ minor, length, rank }) =>
    terms({
      plan: `${length.count}-${length.unit}-${rank}-${minor}` as PlanCode,
      price: money(minor, "RUB"),
      length,
      rank,
    }),
  );
/** A running subscription in any of the ways in which a stretch comes about, and an instant in it. */
const underWay = fc
  .record({
    story: fc.constantFrom("as bought", "after an upgrade", "after a change of length", "after a pause", "after both"),
    first: fc.bigInt(0n, 500_000n),
    part: fc.double({ min: 0, max: 0.999, noNaN: true }),
    cut: fc.double({ min: 0, max: 0.999, noNaN: true }),
  })
  .map(({ story, first, part, cut }) => {
    const cutAt = instantOf(Math.floor(START + cut * (B1 - START)));
    const price = money(first, "RUB");
    let state = after(start(START, { terms: terms({ price }) }), firstPaid(START, { value: price }));
    const buy = (to: Terms, at: Instant) =>
      afterFrom(state, quote(at, to, quoteId(7)), change(at, quoteId(7)), changePaid(at));
    if (story === "after an upgrade" || story === "after both") state = buy({ ...PREMIUM, rank: 2.5 }, cutAt);
    if (story === "after a change of length") state = buy({ ...PREMIUM_WEEK, rank: 2.5 }, cutAt);
    if (story === "after a pause" || story === "after both")
      state = afterFrom(state, pause(cutAt, "now", plusMs(cutAt, 40 * DAY_MS)), resume(plusMs(cutAt, 30 * DAY_MS)));
    const { period } = as(state, "active").running;
    const at = instantOf(
      Math.floor(Math.max(period.start, cutAt) + part * (period.end - Math.max(period.start, cutAt))),
    );
    return { state: as(state, "active"), at };
  });

describe("every quote, for whatever plan, after whatever came before", () => {
  const everyQuote = (fact: string, claim: (quoted: Quote, before: RunningPeriod, at: Instant) => void) =>
    test(fact, () => {
      const told = fc.property(underWay, offers, ({ state, at }, to) => {
        const asked = inState(state).when(quote(at, to, quoteId(8)));
        claim(asked.event("ChangeQuoted").quote, state.running, at);
        quotesTried += 1;
      });
      fc.assert(told, { numRuns: RUNS / 4, seed: SEED });
    });

  everyQuote("agrees with itself: charge - unused = due - surplus, and one of these two is zero", (quoted) => {
    const { charge, unused, due, surplus } = quoted;
    expect(subtract(charge, unused)).toEqual(subtract(due, surplus));
    expect(isZero(due) || isZero(surplus)).toBe(true);
    expect([due.minor >= 0n, surplus.minor >= 0n]).toEqual([true, true]);
  });

  everyQuote("counts the unused value and the charge exactly as the rules say", (quoted, before, at) => {
    const { terms: to, effect, charge, unused } = quoted;
    const nothing = [rub(0), rub(0)];
    const expected = {
      at_once: nothing,
      at_period_end: nothing,
      now_new_period: [to.price, unusedValue(before, at)],
      now_same_period: [chargeForRest(to.price, before, at), unusedValue(before, at)],
    } as const;
    expect([charge, unused]).toEqual([...expected[effect]]);
  });

  everyQuote("names the time that is charged for, from the quote on", (quoted, before, at) => {
    const { effect, period } = quoted;
    if (effect === "at_period_end") return expect(period).toBeNull();
    const whole = instantOf(Math.floor(at / SECOND_MS) * SECOND_MS);
    expect(period?.start).toBe(whole);
    if (effect === "now_same_period") expect(period?.end).toBe(before.period.end);
    expect(period !== null && whole < period.end).toBe(true);
  });

  test("paid half an hour later keeps its sums; the stretch is the time from the payment to the end", () => {
    const told = fc.property(underWay, offers, ({ state, at }, to) => {
      const asked = inState(state).when(quote(at, to, quoteId(8)));
      const quoted = asked.event("ChangeQuoted").quote;
      const paidAt = plusMs(at, 30 * 60 * SECOND_MS);
      if (quoted.effect === "at_period_end" || paidAt >= state.running.period.end) return;
      const changed = inState(afterFrom(asked.state, change(at, quoteId(8), invoice(9)))).when(
        changePaid(paidAt, invoice(9)),
      );
      const { running, surplus } = changed.event("PlanChanged");
      quotesPaid += 1;
      expect([running?.value, surplus]).toEqual([quoted.charge, quoted.surplus]);
      const whole = instantOf(Math.floor(paidAt / SECOND_MS) * SECOND_MS);
      expect(running?.stretch).toEqual({ start: whole, end: running?.period.end ?? whole });
      const kept = quoted.effect === "now_new_period" ? rub(0) : subtract(state.running.paid, quoted.unused);
      expect(running !== null && equal(running.paid, add(kept, quoted.charge))).toBe(true);
    });
    fc.assert(told, { numRuns: RUNS / 4, seed: SEED });
  });
});

describe("a period that has not begun, of one that moved up before its time", () => {
  const movedUp = after(start(START, { beginsAt: B1 }), firstPaid(), { type: "MoveUp", at: START });
  const at = msk("2026-01-16T22:00");
  const upgraded = afterFrom(movedUp, quote(at), change(at), changePaid(at));

  test("is unused as a whole, and an upgrade charges the whole of it", () => {
    const { unused, charge, due, period } = inState(movedUp).when(quote(at)).event("ChangeQuoted").quote;
    expect([unused, charge, due]).toEqual([rub(310), rub(620), rub(310)]);
    expect(period).toEqual({ start: B1, end: B2 });
  });

  test("has a stretch no longer than itself after an upgrade, so that another one can be counted", () => {
    expect(as(upgraded, "active").running.stretch).toEqual({ start: B1, end: B2 });
    const top = terms({ plan: "top" as PlanCode, price: rub(1240), rank: 9 });
    expect(
      inState(upgraded)
        .when(quote(at, top, quoteId(2)))
        .event("ChangeQuoted").quote,
    ).toMatchObject({
      unused: rub(620),
      charge: rub(1240),
    });
  });
});

test("time that cost nothing is worth nothing", () => {
  const free = terms({ trial: { kind: "free", days: 14, card: false } });
  const { trial } = givenAfter()
    .when(start(START, { terms: free, first: { kind: "free_trial", renews: true } }))
    .event("TrialStarted");
  const { period, value } = trial;
  const time = { stretch: period, value, paid: value, paidAt: null };
  expect(unusedValue(time, START)).toEqual(rub(0));
  expect(refundByPolicy(time, START, MOSCOW, DEFAULT_POLICY)).toEqual({ rule: "nothing", amount: rub(0) });
});
