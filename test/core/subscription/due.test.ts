import { describe, expect, test } from "bun:test";
import { DEFAULT_POLICY } from "../../../src/core/policy.ts";
import { chargeDue, dueOf } from "../../../src/core/subscription/due.ts";
import type { Subscription } from "../../../src/core/subscription/subscription.ts";
import { DAY_MS, formatInstant, HOUR_MS, type Instant, MINUTE_MS, plusMs } from "../../../src/core/time.ts";
import {
  AHEAD,
  after,
  afterFrom,
  aheadPaid,
  B1,
  B2,
  cancel,
  declined,
  firstPaid,
  HARD,
  invoiceAhead,
  MID,
  msk,
  newCard,
  notice,
  noticeId,
  OUTAGE,
  passBoundary,
  RENEWAL,
  RUNNING,
  renewalPaid,
  resume,
  rub,
  SOFT,
  START,
  start,
  stop,
  terms,
  UNTIL,
} from "../../support/subscription.ts";
import { AT_END, KEPT, TRIALS } from "./situations.ts";

/** In time for B1. */
const REMINDED = notice(msk("2026-01-29T09:00"));
const NOTICED = [...RUNNING, REMINDED, passBoundary(B1)] as const;

/** As an operator reads it in the table of due work: Moscow's wall clock. */
const listed = (state: Subscription): readonly string[] =>
  dueOf(state, DEFAULT_POLICY).map(({ kind, at }) => `${formatInstant(plusMs(at, 3 * HOUR_MS)).slice(0, 16)} ${kind}`);

const CASES: readonly (readonly [fact: string, Subscription, readonly string[]])[] = [
  ["nothing before the first payment: its invoice has an end of its own", after(start()), []],
  [
    "a running period: its reminder, then its boundary",
    after(...RUNNING),
    ["2026-01-29T09:00 give_notice", "2026-02-01T10:00 pass_boundary"],
  ],
  ["a reminded one: its boundary", after(...RUNNING, REMINDED), ["2026-02-01T10:00 pass_boundary"]],
  ["a stopped one: its boundary", after(...RUNNING, stop(MID)), ["2026-02-01T10:00 pass_boundary"]],
  [
    "one without consent: the notice of its end, and its boundary",
    after(...RUNNING, stop(MID, "no_consent")),
    ["2026-01-29T09:00 give_notice", "2026-02-01T10:00 pass_boundary"],
  ],
  [
    "a trial: its reminder, then its end",
    TRIALS.free,
    ["2026-01-12T09:00 give_notice", "2026-01-15T10:00 pass_boundary"],
  ],
  [
    "a queued one: at its own boundary",
    after(start(START, { beginsAt: B1 }), firstPaid()),
    ["2026-02-26T09:00 give_notice", "2026-03-01T10:00 pass_boundary"],
  ],
  [
    "a period paid ahead: only the boundary",
    after(...RUNNING, invoiceAhead(MID), aheadPaid(MID)),
    ["2026-02-01T10:00 pass_boundary"],
  ],
  [
    "an unpaid one ahead: no charge before the boundary",
    after(...RUNNING, invoiceAhead(MID), REMINDED),
    ["2026-02-01T10:00 pass_boundary"],
  ],
  [
    "a renewal that is out and noticed: its charge, another notice should grace pass, another look should the period pass",
    after(...NOTICED),
    ["2026-02-08T10:00 give_notice", "2026-03-01T10:00 pass_boundary", "2026-02-01T10:00 charge_renewal"],
  ],
  [
    "one without notice: the notice first",
    after(...RUNNING, passBoundary(B1)),
    ["2026-01-29T09:00 give_notice", "2026-03-01T10:00 pass_boundary"],
  ],
  [
    "one that met an outage: its charge an hour later",
    after(...NOTICED, declined(B1, OUTAGE)),
    ["2026-02-08T10:00 give_notice", "2026-03-01T10:00 pass_boundary", "2026-02-01T11:00 charge_renewal"],
  ],
  [
    "past due: the next step, and the close at the end of the unpaid period",
    after(...NOTICED, declined(B1)),
    ["2026-02-02T10:00 charge_renewal", "2026-03-01T10:00 close_dunning"],
  ],
  [
    "past due and stopped: the close with its last step",
    after(...NOTICED, declined(B1, HARD)),
    ["2026-02-08T10:00 close_dunning"],
  ],
  [
    "past due with a new card: a try at once",
    after(...NOTICED, declined(B1, HARD), newCard(msk("2026-02-03T12:00"))),
    ["2026-02-03T12:00 charge_renewal", "2026-03-01T10:00 close_dunning"],
  ],
  [
    "past due without consent: no try any more",
    after(...NOTICED, declined(B1), stop(msk("2026-02-03T12:00"), "no_consent")),
    ["2026-02-08T10:00 close_dunning"],
  ],
  ["a pause now: its end", after(...KEPT), ["2026-02-15T00:00 resume"]],
  [
    "a pause at the period's end: the notice of the charge, and its end",
    after(...AT_END),
    ["2026-02-11T23:00 give_notice", "2026-02-15T00:00 resume"],
  ],
  [
    "a resume by hand: its charge at once",
    after(...AT_END, resume(msk("2026-02-02T12:00"))),
    ["2026-03-02T12:00 resume", "2026-02-02T12:00 charge_renewal"],
  ],
  [
    "a resume by the schedule that was noticed: its charge",
    after(...AT_END, notice(msk("2026-02-11T23:00"), { announcedAt: UNTIL }), resume(UNTIL, { by: "schedule" })),
    ["2026-03-15T00:00 resume", "2026-02-15T00:00 charge_renewal"],
  ],
  ["nothing once it has ended", after(...RUNNING, cancel(MID)), []],
];

describe("what falls due, in the order in which it is played at one instant", () => {
  for (const [fact, state, expected] of CASES) {
    test(fact, () => {
      expect(listed(state)).toEqual([...expected]);
    });
  }
});

describe("the first automatic try of a renewal", () => {
  const noticed = (state: Subscription, at: Instant, announcedAt: Instant, n: number) =>
    afterFrom(state, notice(at, { noticeId: noticeId(n), announcedAt }));

  test("is due at the boundary at the earliest, however early it was announced", () => {
    expect(chargeDue(after(...NOTICED))).toEqual({ invoiceId: RENEWAL, from: B1, before: plusMs(B1, 7 * DAY_MS) });
  });

  test("comes at most once on a local day, though two boundaries were found on it", () => {
    // A day's plan: the period of the 2nd to the 3rd is paid within its day of grace, a minute before it is over.
    const daily = terms({ length: { unit: "day", count: 1 } });
    const [second, third] = [plusMs(START, DAY_MS), plusMs(START, 2 * DAY_MS)];
    let state = after(start(START, { terms: daily }), firstPaid());
    state = noticed(afterFrom(state, passBoundary(second)), second, second, 1);
    const paidAt = plusMs(third, -MINUTE_MS);
    state = noticed(afterFrom(state, renewalPaid(paidAt)), second, third, 2);
    state = afterFrom(state, passBoundary(third, { invoiceId: AHEAD }));
    expect(chargeDue(state)?.from).toBe(msk("2026-01-04T00:00"));
  });

  test("needs no notice when there is nothing to pay", () => {
    const zero = terms({ intro: { price: rub(0), periods: 3 } });
    const due = after(start(START, { terms: zero }), firstPaid(START, { value: rub(0) }), passBoundary(B1));
    expect(chargeDue(due)).toEqual({ invoiceId: RENEWAL, from: B1, before: B2 });
  });

  test("waits for whatever is last: the notice, an outage, two declines of the payer's own", () => {
    const own = (minutes: number) => declined(plusMs(B1, minutes * MINUTE_MS), SOFT, { initiator: "payer" });
    expect(chargeDue(after(...NOTICED, own(10)))?.from).toBe(B1);
    expect(chargeDue(after(...NOTICED, own(10), own(20)))?.from).toBe(plusMs(B1, DAY_MS + 20 * MINUTE_MS));
    const both = after(...NOTICED, own(10), own(20), declined(plusMs(B1, 2 * DAY_MS), OUTAGE));
    expect(chargeDue(both)?.from).toBe(plusMs(B1, 2 * DAY_MS + HOUR_MS));
  });

  test("is not made when what it waits for is over only after grace: a new notice comes first", () => {
    const late = after(...NOTICED, declined(plusMs(B1, 7 * DAY_MS - MINUTE_MS), OUTAGE));
    expect(listed(late)).toEqual(["2026-02-08T10:00 give_notice", "2026-03-01T10:00 pass_boundary"]);
  });

  test("of the next period is never made ahead of its boundary by us", () => {
    expect(chargeDue(after(...RUNNING, REMINDED, invoiceAhead(MID)))).toBeNull();
    expect(chargeDue(after(...RUNNING, REMINDED, invoiceAhead(MID), passBoundary(B1)))).toMatchObject({
      invoiceId: AHEAD,
      from: B1,
    });
  });

  test("falls to the schedule of the second boundary as it did at the first", () => {
    const second = after(...NOTICED, renewalPaid(B1), passBoundary(B2, { invoiceId: AHEAD }));
    expect(chargeDue(second)).toBeNull();
    expect(chargeDue(noticed(second, msk("2026-02-26T09:00"), B2, 3))?.from).toBe(B2);
  });
});
