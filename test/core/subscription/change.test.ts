import { describe, expect, test } from "bun:test";
import type { PlanCode } from "../../../src/core/ids.ts";
import { add } from "../../../src/core/money.ts";
import { accessOf } from "../../../src/core/subscription/access.ts";
import { DAY_MS, MINUTE_MS, plusMs } from "../../../src/core/time.ts";
import {
  after,
  afterFrom,
  as,
  B1,
  BASIC,
  CHANGE,
  change,
  changePaid,
  dates,
  FIRST,
  givenAfter,
  inState,
  invoice,
  MID,
  msk,
  PREMIUM,
  PREMIUM_WEEK,
  passBoundary,
  pause,
  QUOTE,
  quote,
  quoteId,
  RENEWAL,
  RUNNING,
  resume,
  rub,
  STANDARD,
  STANDARD_YEAR,
  START,
  stop,
  terms,
  UNTIL,
  undo,
} from "../../support/subscription.ts";
import { TRIALS } from "./situations.ts";

const quoted = (to = PREMIUM, at = MID) =>
  givenAfter(...RUNNING)
    .when(quote(at, to))
    .event("ChangeQuoted").quote;

describe("a quote", () => {
  test("for a higher plan of the same length asks for the difference of the rest", () => {
    expect(quoted()).toMatchObject({
      effect: "now_same_period",
      unused: rub(155),
      charge: rub(310),
      due: rub(155),
      surplus: rub(0),
      period: { start: MID, end: B1 },
    });
  });

  test("for another length asks for a whole new period less the unused value", () => {
    expect(quoted(STANDARD_YEAR)).toMatchObject({
      effect: "now_new_period",
      unused: rub(155),
      charge: rub(3100),
      due: rub(2945),
      period: { start: MID, end: msk("2027-01-16T22:00") },
    });
  });

  test("that comes out below zero has nothing due, and the surplus becomes credit", () => {
    expect(quoted({ ...PREMIUM, price: rub(200) })).toMatchObject({ charge: rub(100), due: rub(0), surplus: rub(55) });
  });

  test("rounds in the payer's favour by less than one minor unit", () => {
    // A third of a day is used, worth 3.33... of 310, and of 620 6.66...: the used part and the charge are kept down.
    const { unused, charge } = quoted(PREMIUM, msk("2026-01-01T18:00"));
    expect([unused, charge]).toEqual([rub(306.67), rub(613.33)]);
  });

  test("counts whole seconds", () => {
    expect(quoted(PREMIUM, plusMs(MID, 999))).toMatchObject({ unused: rub(155), charge: rub(310) });
    expect(quoted(PREMIUM, plusMs(START, 999))).toMatchObject({ unused: rub(310), charge: rub(620) });
  });

  test("follows the plans' ranks, and for equal ranks the longer period", () => {
    const effectOf = (to: typeof PREMIUM) => quoted(to).effect;
    expect(effectOf(PREMIUM_WEEK)).toBe("now_new_period");
    expect(effectOf(BASIC)).toBe("at_period_end");
    expect(effectOf({ ...BASIC, price: rub(9000) })).toBe("at_period_end");
    expect(effectOf(STANDARD_YEAR)).toBe("now_new_period");
    expect(effectOf({ ...STANDARD_YEAR, length: { unit: "week", count: 1 } })).toBe("at_period_end");
    expect(effectOf({ ...STANDARD_YEAR, length: { unit: "month", count: 1 } })).toBe("at_period_end");
    expect(effectOf({ ...STANDARD_YEAR, rank: 1 })).toBe("at_period_end");
  });

  test("lasts 15 minutes", () => {
    const state = after(...RUNNING, quote(MID));
    const expiresAt = plusMs(MID, 15 * MINUTE_MS);
    inState(state)
      .when(change(plusMs(expiresAt, -1)))
      .happens("ChangeInvoiced");
    inState(state).when(change(expiresAt)).refuses({ code: "quote_expired", expiresAt });
  });

  test("is replaced by a newer one", () => {
    givenAfter(...RUNNING, quote(MID), quote(MID, BASIC, quoteId(2)))
      .when(change(MID, QUOTE))
      .refuses({ code: "quote_unknown" });
  });

  test("is for another plan, in the same currency", () => {
    givenAfter(...RUNNING)
      .when(quote(MID, STANDARD))
      .refuses({ code: "same_plan" });
    const dollars = { ...PREMIUM, price: { minor: 500n, currency: "USD" } } as const;
    givenAfter(...RUNNING)
      .when(quote(MID, dollars))
      .refuses({ code: "currency_differs" });
  });

  test("drops trial and intro price, which do not carry over", () => {
    const luring = {
      ...PREMIUM,
      trial: { kind: "free", days: 7, card: true },
      intro: { price: rub(1), periods: 3 },
    } as const;
    expect(quoted(luring).terms).toMatchObject({ trial: { kind: "none" }, intro: null });
    expect(quoted(luring).charge).toEqual(rub(310));
  });

  test("is refused from the boundary on", () => {
    givenAfter(...RUNNING)
      .when(quote(B1))
      .refuses({ code: "boundary_passed", boundary: B1 });
    const due = givenAfter(...RUNNING, passBoundary(B1));
    due.when(quote(B1)).refuses({ code: "renewal_in_progress", invoiceId: RENEWAL });
  });

  test("is worth nothing for time that has lost its value by a refund", () => {
    const refunded = after(...RUNNING, { type: "RecordPeriodRefund", invoiceId: FIRST, amount: rub(310), at: START });
    expect(inState(refunded).when(quote(MID)).event("ChangeQuoted").quote).toMatchObject({
      unused: rub(0),
      due: rub(310),
    });
  });
});

describe("an upgrade of the same length", () => {
  const open = after(...RUNNING, quote(MID), change(MID));

  test("leaves the old plan untouched until it is paid", () => {
    expect(as(open, "active")).toMatchObject({ terms: STANDARD, change: { invoiceId: CHANGE } });
    const failed = afterFrom(open, { type: "AbandonChange", invoiceId: CHANGE, at: MID });
    expect(as(failed, "active")).toMatchObject({ terms: STANDARD, change: null });
    inState(failed).when(changePaid(MID)).yields({ type: "PaymentTurnedBack", invoiceId: CHANGE, at: MID });
  });

  test("keeps the period; the running stretch is [change, end) and worth the charge for the rest", () => {
    const at = plusMs(MID, 30 * MINUTE_MS);
    const { running, surplus } = inState(open).when(changePaid(at)).event("PlanChanged");
    const before = as(open, "active").running;
    expect(running).toEqual({
      ...before,
      stretch: { start: at, end: B1 },
      value: rub(310),
      paid: rub(465),
      invoices: [CHANGE, FIRST],
    });
    expect(surplus).toEqual(rub(0));
  });

  test("gives the new plan's access at once", () => {
    const changed = afterFrom(open, changePaid(MID));
    expect(accessOf(changed)?.entitlement).toEqual(PREMIUM.entitlement);
    inState(changed).when(changePaid(MID)).changesNothing();
  });

  test("can be followed by another, counted from what the rest is worth by then", () => {
    const top = terms({ plan: "top" as PlanCode, price: rub(1240), rank: 9 });
    const twice = afterFrom(open, changePaid(MID));
    const at = msk("2026-01-24T16:00"); // Three quarters of January: half of the stretch of 310 roubles.
    expect(
      inState(twice)
        .when(quote(at, top, quoteId(2)))
        .event("ChangeQuoted").quote,
    ).toMatchObject({
      unused: rub(155),
      charge: rub(310),
    });
  });

  test("whose payment comes after the period goes back", () => {
    inState(open).when(changePaid(B1)).happens("ChangeAbandoned", "PaymentTurnedBack");
    inState(afterFrom(open, passBoundary(B1)))
      .when(changePaid(B1))
      .happens("PaymentTurnedBack");
  });

  test("is voided by a newer quote", () => {
    const newer = inState(open).when(quote(MID, STANDARD_YEAR, quoteId(2)));
    newer.happens("ChangeAbandoned", "ChangeQuoted");
    inState(newer.state)
      .when(change(MID, quoteId(2), invoice(9)))
      .happens("ChangeInvoiced");
  });

  test("drops a change that waits for the period's end", () => {
    const waiting = after(
      ...RUNNING,
      quote(MID, BASIC),
      change(MID),
      quote(MID, PREMIUM, quoteId(2)),
      change(MID, quoteId(2)),
    );
    expect(as(afterFrom(waiting, changePaid(MID)), "active").waitingChange).toBeNull();
  });

  test("after a pause charges for the rest as a share of the full period", () => {
    // Half of January was kept and runs from 1 March: 15.5 of 31 days, worth 155 roubles.
    const resumedAt = msk("2026-03-01T10:00");
    const resumed = after(...RUNNING, pause(MID, "now", resumedAt), resume(resumedAt));
    expect(inState(resumed).when(quote(resumedAt)).event("ChangeQuoted").quote).toMatchObject({
      unused: rub(155),
      charge: rub(310),
    });
  });
});

describe("a change to another length", () => {
  const open = after(...RUNNING, quote(MID, STANDARD_YEAR), change(MID));
  const at = plusMs(MID, 30 * MINUTE_MS);

  test("begins a new period at its payment, whose day is the new anchor", () => {
    const { running } = inState(open).when(changePaid(at)).event("PlanChanged");
    expect(dates(running?.period ?? { start: at, end: at })).toBe("2026-01-16T19:30:00Z..2027-01-16T19:30:00Z");
    expect(running).toMatchObject({
      number: 2,
      boundary: 1,
      value: rub(3100),
      paid: rub(3100),
      invoices: [CHANGE, FIRST],
      paidAt: at,
    });
  });

  test("drops a pause that was planned for the end of the old period", () => {
    const planned = afterFrom(open, pause(MID, "at_period_end", UNTIL));
    inState(planned).when(changePaid(at)).happens("PauseDropped", "PlanChanged");
  });

  test("gives surplus as credit in the fact that records the payment", () => {
    const cheap = after(...RUNNING, quote(MID, PREMIUM_WEEK), change(MID));
    const changed = inState(cheap).when(changePaid(MID)).event("PlanChanged");
    expect([changed.surplus, changed.running?.paid]).toEqual([rub(0), rub(200)]);
    const cheaper = after(...RUNNING, quote(MID, { ...PREMIUM_WEEK, price: rub(100) }), change(MID));
    expect(inState(cheaper).when(changePaid(MID)).event("PlanChanged").surplus).toEqual(rub(55));
  });
});

describe("a change for the period's end", () => {
  const waiting = after(...RUNNING, quote(MID, BASIC), change(MID));

  test("waits, with nothing due", () => {
    expect(as(waiting, "active")).toMatchObject({ terms: STANDARD, waitingChange: { terms: { plan: BASIC.plan } } });
  });

  test("is replaced by a later one", () => {
    const later = afterFrom(
      waiting,
      quote(MID, { ...BASIC, plan: "mini" as PlanCode }, quoteId(2)),
      change(MID, quoteId(2)),
    );
    expect(as(later, "active").waitingChange?.terms.plan).toBe("mini" as PlanCode);
  });

  test("is dropped by a stop, and an undo does not bring it back", () => {
    const undone = afterFrom(waiting, stop(MID), undo(MID));
    expect(as(undone, "active")).toMatchObject({ waitingChange: null, endsAtPeriodEnd: null });
  });

  test("outlives missing consent, which is no stop by the payer", () => {
    const restored = afterFrom(waiting, stop(MID, "no_consent"), undo(MID));
    expect(as(restored, "active").waitingChange?.terms.plan).toBe(BASIC.plan);
  });

  test("takes effect also when a pause begins there", () => {
    const paused = afterFrom(waiting, pause(MID, "at_period_end", UNTIL));
    inState(paused).when(passBoundary(B1)).happens("PlanChanged", "SubscriptionPaused");
  });

  test("goes with the kept rest through a pause, and takes effect when that has run out", () => {
    const resumedAt = msk("2026-02-10T10:00");
    const resumed = afterFrom(waiting, pause(MID, "now", UNTIL), resume(resumedAt));
    const { end } = as(resumed, "active").running.period;
    inState(resumed).when(passBoundary(end)).happens("PlanChanged", "RenewalInvoiced");
  });
});

describe("a change in a trial", () => {
  const trialing = TRIALS.free;
  const at = plusMs(START, DAY_MS);

  test("is at once and costs nothing, up or down, and the trial's end stays", () => {
    for (const to of [PREMIUM, BASIC, STANDARD_YEAR]) {
      const asked = inState(trialing).when(quote(at, to));
      expect(asked.event("ChangeQuoted").quote).toMatchObject({ effect: "at_once", due: rub(0), charge: rub(0) });
      const changed = inState(asked.state).when(change(at));
      expect(changed.event("PlanChanged")).toMatchObject({ running: null, invoiceId: null });
      expect(as(changed.state, "trialing")).toMatchObject({
        trial: as(trialing, "trialing").trial,
        terms: { plan: to.plan },
      });
    }
  });

  test("makes the first period one of the new plan", () => {
    const changed = afterFrom(trialing, quote(at, STANDARD_YEAR), change(at));
    const { renewal } = inState(changed)
      .when(passBoundary(msk("2026-01-15T10:00")))
      .event("RenewalInvoiced");
    expect([renewal.amount, dates(renewal.period)]).toEqual([rub(3100), "2026-01-15T07:00:00Z..2027-01-15T07:00:00Z"]);
  });
});

test("the sums of a quote always agree", () => {
  for (const to of [PREMIUM, PREMIUM_WEEK, STANDARD_YEAR, BASIC]) {
    const { charge, unused, due, surplus } = quoted(to, plusMs(MID, 12_345_678));
    expect(add(due, unused)).toEqual(add(charge, surplus));
  }
});
