import { describe, expect, test } from "bun:test";
import type { PeriodLength } from "../../../src/core/catalog/terms.ts";
import { DEFAULT_POLICY } from "../../../src/core/policy.ts";
import { accessOf } from "../../../src/core/subscription/access.ts";
import type { Subscription } from "../../../src/core/subscription/subscription.ts";
import { DAY_MS, HOUR_MS, type Instant, plusMs } from "../../../src/core/time.ts";
import {
  after,
  afterFrom,
  aheadPaid,
  as,
  B1,
  B2,
  BASIC,
  cancel,
  change,
  changePaid,
  declined,
  firstPaid,
  HARD,
  inState,
  instant,
  invoiceAhead,
  MID,
  msk,
  OUTAGE,
  PREMIUM,
  PREMIUM_WEEK,
  passBoundary,
  quote,
  RUNNING,
  renewalPaid,
  resume,
  STANDARD,
  START,
  start,
  stop,
  TRIAL_END,
  terms,
  UNTIL,
  undo,
  unknown24h,
  zone,
} from "../../support/subscription.ts";
import { AT_END, DUE, GRACE_END, KEPT, PLANNED, TRIALS } from "./situations.ts";

const day = (days: number): Instant => plusMs(B1, days * DAY_MS);
const of = (length: PeriodLength) => after(start(START, { terms: terms({ length }) }), firstPaid());

const CASES: readonly (readonly [fact: string, Subscription, from: Instant | null, until?: Instant])[] = [
  ["before the first payment there is none", after(start()), null],
  ["a paid period gives it, and grace while a renewal is to come", after(...RUNNING), START, GRACE_END],
  ["a renewal that is out takes nothing away", after(...DUE), START, GRACE_END],
  ["a declined one takes nothing away", after(...DUE, declined(B1)), START, GRACE_END],
  ["an unknown one takes nothing away", after(...DUE, unknown24h(day(1))), START, GRACE_END],
  ["an outage of ours takes nothing away", after(...DUE, declined(B1, OUTAGE)), START, GRACE_END],
  ["a hard decline takes nothing away", after(...DUE, declined(B1, HARD)), START, GRACE_END],
  ["a renewal within grace goes on from its boundary", after(...DUE, renewalPaid(day(3))), B1, plusMs(B2, 7 * DAY_MS)],
  ["a payment after grace begins it anew", after(...DUE, renewalPaid(day(8))), day(8), plusMs(day(36), 7 * DAY_MS)],
  ["a stop leaves the paid date, without grace", after(...RUNNING, stop(MID)), START, B1],
  ["missing consent leaves the paid date, without grace", after(...RUNNING, stop(MID, "no_consent")), START, B1],
  ["an undo brings grace back", after(...RUNNING, stop(MID), undo(MID)), START, GRACE_END],
  ["a payment without consent gives no grace", after(start(), firstPaid(START, { consent: false })), START, B1],
  [
    "a period paid ahead is part of it",
    after(...RUNNING, invoiceAhead(MID), aheadPaid(MID)),
    START,
    plusMs(B2, 7 * DAY_MS),
  ],
  [
    "also when the payer has stopped, without grace",
    after(...RUNNING, invoiceAhead(MID), aheadPaid(MID), stop(MID)),
    START,
    B2,
  ],
  ["an unpaid period ahead changes nothing", after(...RUNNING, invoiceAhead(MID)), START, GRACE_END],
  ["a planned pause takes grace away", after(...PLANNED), START, B1],
  ["a pause now takes it away", after(...KEPT), null],
  ["a pause at the period's end takes it away", after(...AT_END), null],
  ["the unpaid resume of a pause gives none, and no grace", after(...AT_END, resume(UNTIL, { by: "schedule" })), null],
  ["nor when it was declined", after(...AT_END, resume(UNTIL, { by: "schedule" }), declined(UNTIL)), null],
  [
    "a free trial gives it, and grace while its first charge is to come",
    TRIALS.free,
    START,
    plusMs(TRIAL_END, 7 * DAY_MS),
  ],
  ["one without card or consent only itself", TRIALS.without_card, START, TRIAL_END],
  ["a paid trial gives it, with grace", TRIALS.paid, START, plusMs(TRIAL_END, 7 * DAY_MS)],
  [
    "after a free trial grace ends with the first decline",
    afterFrom(TRIALS.free, passBoundary(TRIAL_END), declined(plusMs(TRIAL_END, HOUR_MS))),
    START,
    plusMs(TRIAL_END, HOUR_MS),
  ],
  [
    "or with an answer that stayed unknown",
    afterFrom(TRIALS.free, passBoundary(TRIAL_END), unknown24h(plusMs(TRIAL_END, DAY_MS))),
    START,
    plusMs(TRIAL_END, DAY_MS),
  ],
  [
    "but not with an outage of ours or the payer's own try",
    afterFrom(
      TRIALS.free,
      passBoundary(TRIAL_END),
      declined(plusMs(TRIAL_END, 1), OUTAGE),
      declined(plusMs(TRIAL_END, 2), HARD, { initiator: "payer" }),
    ),
    START,
    plusMs(TRIAL_END, 7 * DAY_MS),
  ],
  [
    "a decline at the very end of a free trial leaves none",
    afterFrom(TRIALS.free, passBoundary(TRIAL_END), declined(TRIAL_END)),
    START,
    TRIAL_END,
  ],
  [
    "after a paid trial grace goes on",
    afterFrom(TRIALS.paid, passBoundary(TRIAL_END), declined(TRIAL_END)),
    START,
    plusMs(TRIAL_END, 7 * DAY_MS),
  ],
  [
    "a queued one gives it from its own beginning",
    after(start(START, { beginsAt: B1 }), firstPaid()),
    B1,
    plusMs(B2, 7 * DAY_MS),
  ],
  ["a cancel takes it away at once", after(...RUNNING, cancel(MID)), null],
  [
    "grace of a day's plan is never longer than the unpaid day",
    of({ unit: "day", count: 1 }),
    START,
    plusMs(START, 2 * DAY_MS),
  ],
  ["of a week's plan it is the whole week", of({ unit: "week", count: 1 }), START, plusMs(START, 14 * DAY_MS)],
  ["of a year's plan seven days", of({ unit: "year", count: 1 }), START, msk("2027-01-08T10:00")],
  [
    "a change to another length gives it for the new period",
    after(...RUNNING, quote(MID, PREMIUM_WEEK), change(MID), changePaid(MID)),
    MID,
    plusMs(MID, 14 * DAY_MS),
  ],
  [
    "a boundary that is found after grace gives none until it is paid",
    after(...RUNNING, passBoundary(day(9))),
    START,
    GRACE_END,
  ],
];

describe("access", () => {
  for (const [fact, state, from, until] of CASES) {
    test(fact, () => {
      const access = accessOf(state);
      expect<unknown>(access === null ? null : [access.from, access.until]).toEqual(
        from === null ? null : [from, until],
      );
    });
  }

  test("of grace that a short period cuts off stays cut off when the renewal is out or declined", () => {
    const daily = of({ unit: "day", count: 1 });
    const boundary = plusMs(START, DAY_MS);
    const due = afterFrom(daily, passBoundary(boundary));
    expect(accessOf(due)?.until).toBe(plusMs(boundary, DAY_MS));
    expect(accessOf(afterFrom(due, declined(boundary)))?.until).toBe(plusMs(boundary, DAY_MS));
  });

  test("counts grace in local days, over a DST change too", () => {
    const began = instant("2026-02-25T10:00:00+01:00");
    const state = after(start(began, { zone: zone("Europe/Berlin") }), firstPaid(began));
    expect(as(state, "active").running.period.end).toBe(instant("2026-03-25T10:00:00+01:00"));
    expect(accessOf(state)?.until).toBe(instant("2026-04-01T10:00:00+02:00"));
  });

  test("follows the operator's days of grace, and may have none", () => {
    for (const graceDays of [0, 3]) {
      const { state } = inState(after(start())).when(firstPaid(), { ...DEFAULT_POLICY, graceDays });
      expect(accessOf(state)?.until).toBe(plusMs(B1, graceDays * DAY_MS));
    }
  });

  test("is the new plan's from the payment of an upgrade on, and the old one's until then", () => {
    const open = after(...RUNNING, quote(MID), change(MID));
    expect(accessOf(open)?.entitlement).toEqual(STANDARD.entitlement);
    expect(accessOf(afterFrom(open, changePaid(MID)))?.entitlement).toEqual(PREMIUM.entitlement);
  });

  test("is the old plan's until the boundary at which a downgrade takes effect, and then the new one's, also in grace", () => {
    const waiting = after(...RUNNING, quote(MID, BASIC), change(MID));
    expect(accessOf(waiting)?.entitlement).toEqual(STANDARD.entitlement);
    expect(accessOf(afterFrom(waiting, passBoundary(B1)))?.entitlement).toEqual(BASIC.entitlement);
  });
});
