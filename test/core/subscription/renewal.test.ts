import { describe, expect, test } from "bun:test";
import { accessOf } from "../../../src/core/subscription/access.ts";
import { DAY_MS, HOUR_MS, plusMs } from "../../../src/core/time.ts";
import {
  AHEAD,
  after,
  afterFrom,
  aheadPaid,
  as,
  B1,
  B2,
  BASIC,
  change,
  dates,
  declined,
  firstPaid,
  givenAfter,
  inState,
  invoice,
  invoiceAhead,
  MID,
  msk,
  OUTAGE,
  passBoundary,
  quote,
  RENEWAL,
  RUNNING,
  renewalPaid,
  rub,
  STANDARD_YEAR,
  START,
  start,
  stop,
  terms,
  undo,
} from "../../support/subscription.ts";
import { DUE, GRACE_END } from "./situations.ts";

describe("at the boundary", () => {
  test("the renewal is invoiced, and not before", () => {
    givenAfter(...RUNNING)
      .when(passBoundary(plusMs(B1, -1)))
      .refuses({ code: "boundary_not_reached", boundary: B1 });
    const { renewal } = givenAfter(...RUNNING)
      .when(passBoundary(B1))
      .event("RenewalInvoiced");
    expect([renewal.number, renewal.amount, renewal.askedBy]).toEqual([2, rub(310), "schedule"]);
    expect(dates(renewal.period)).toBe("2026-02-01T07:00:00Z..2026-03-01T07:00:00Z");
    expect(renewal.graceUntil).toBe(GRACE_END);
  });

  test("a stopped subscription ends, with no invoice", () => {
    givenAfter(...RUNNING, stop(MID))
      .when(passBoundary(B1))
      .yields({ type: "SubscriptionEnded", reason: "payer_stopped", leaves: null, at: B1 });
  });

  test("one that may not be charged ends, with no invoice", () => {
    givenAfter(...RUNNING)
      .when(passBoundary(B1, { mayCharge: false }))
      .yields({ type: "SubscriptionEnded", reason: "no_card_or_consent", leaves: null, at: B1 });
  });

  test("a waiting change takes effect at the price that the payer saw", () => {
    const seen = { ...BASIC, price: rub(150) };
    const decided = givenAfter(...RUNNING, quote(MID, seen), change(MID)).when(passBoundary(B1));
    decided.happens("PlanChanged", "RenewalInvoiced");
    expect(decided.event("RenewalInvoiced").renewal.amount).toEqual(rub(150));
    expect(as(decided.state, "active").terms.plan).toBe(BASIC.plan);
  });

  test("a waiting change to another length makes the boundary the new anchor", () => {
    // Began on 31 January: its boundary of 28 February becomes the day of the year's periods.
    const lower = { ...STANDARD_YEAR, rank: 1 };
    const began = msk("2026-01-31T10:00");
    const boundary = msk("2026-02-28T10:00");
    const at = plusMs(began, DAY_MS);
    const { renewal } = givenAfter(start(began), firstPaid(began), quote(at, lower), change(at))
      .when(passBoundary(boundary))
      .event("RenewalInvoiced");
    expect([renewal.anchor.wall, renewal.boundary]).toEqual(["2026-02-28T10:00:00", 1]);
    expect(dates(renewal.period)).toBe("2026-02-28T07:00:00Z..2027-02-28T07:00:00Z");
  });

  test("a waiting change to the same length keeps the anchor", () => {
    const began = msk("2026-01-31T10:00");
    const at = plusMs(began, DAY_MS);
    const { renewal } = givenAfter(start(began), firstPaid(began), quote(at, BASIC), change(at))
      .when(passBoundary(msk("2026-02-28T10:00")))
      .event("RenewalInvoiced");
    expect(dates(renewal.period)).toBe("2026-02-28T07:00:00Z..2026-03-31T07:00:00Z");
  });
});

describe("a payment of the renewal", () => {
  test("within grace keeps the period's dates, whoever was late", () => {
    for (const by of ["schedule", "payer", "look_up"] as const) {
      const { running } = givenAfter(...DUE)
        .when(renewalPaid(plusMs(GRACE_END, -1), { by }))
        .event("SubscriptionRenewed");
      expect(dates(running.period)).toBe("2026-02-01T07:00:00Z..2026-03-01T07:00:00Z");
      expect(running.anchor.wall).toBe("2026-01-01T10:00:00");
    }
  });

  test("after grace begins a period of its own, and its day is the new anchor", () => {
    const { running } = givenAfter(...DUE)
      .when(renewalPaid(GRACE_END))
      .event("SubscriptionRenewed");
    expect(dates(running.period)).toBe("2026-02-08T07:00:00Z..2026-03-08T07:00:00Z");
    expect([running.anchor.wall, running.number, running.boundary]).toEqual(["2026-02-08T10:00:00", 2, 1]);
  });

  test("of a try whose step was due within grace keeps the dates, however late the worker was", () => {
    // The step of day 5 is due on 6 February, and its worker comes on the 9th, after grace.
    const pastDue = after(...DUE, declined(B1), declined(plusMs(B1, DAY_MS)), declined(plusMs(B1, 3 * DAY_MS)));
    const late = plusMs(B1, 8 * DAY_MS);
    const { running } = inState(pastDue)
      .when(renewalPaid(late, { by: "schedule" }))
      .event("SubscriptionRenewed");
    expect(running.period.start).toBe(B1);
    for (const by of ["payer", "look_up"] as const) {
      expect(inState(pastDue).when(renewalPaid(late, { by })).event("SubscriptionRenewed").running.period.start).toBe(
        late,
      );
    }
  });

  test("of a try whose step was due within grace keeps the dates, though an outage of ours put it off beyond", () => {
    const steps = [0, 1, 3].map((days) => declined(plusMs(B1, days * DAY_MS)));
    const put = after(...DUE, ...steps, declined(plusMs(GRACE_END, -HOUR_MS), OUTAGE));
    expect(as(put, "past_due").dunning.nextTry?.at).toBe(GRACE_END);
    expect(inState(put).when(renewalPaid(GRACE_END)).event("SubscriptionRenewed").running.period.start).toBe(B1);
  });

  test("of the last step, which is due when grace is over, begins a period of its own", () => {
    const steps = [0, 1, 3, 5].map((days) => declined(plusMs(B1, days * DAY_MS)));
    const last = plusMs(B1, 7 * DAY_MS);
    const { running } = givenAfter(...DUE, ...steps)
      .when(renewalPaid(last))
      .event("SubscriptionRenewed");
    expect(running.period.start).toBe(last);
  });

  test("of a period that is already over buys one that begins at the payment", () => {
    const weekly = terms({ length: { unit: "week", count: 1 } });
    const boundary = plusMs(START, 7 * DAY_MS);
    const late = plusMs(boundary, 7 * DAY_MS);
    const due = after(start(START, { terms: weekly }), firstPaid(), passBoundary(boundary), declined(boundary));
    expect(inState(due).when(renewalPaid(late)).event("SubscriptionRenewed").running.period.start).toBe(late);
  });

  test("for an ended subscription goes back, once", () => {
    const ended = after(...DUE, stop(plusMs(B1, 1000)));
    inState(ended)
      .when(renewalPaid(plusMs(B1, 2000)))
      .yields({ type: "PaymentTurnedBack", invoiceId: RENEWAL, at: plusMs(B1, 2000) });
    const back = afterFrom(ended, renewalPaid(plusMs(B1, 2000)));
    inState(back)
      .when(renewalPaid(plusMs(B1, 3000)))
      .changesNothing();
  });

  test("and a late decline of the same invoice leaves the period paid", () => {
    givenAfter(...DUE, renewalPaid(plusMs(B1, HOUR_MS)))
      .when(declined(plusMs(B1, 2 * HOUR_MS)))
      .changesNothing();
  });
});

describe("a boundary that is found late", () => {
  test("but within grace is renewed with its own dates", () => {
    const { renewal } = givenAfter(...RUNNING)
      .when(passBoundary(plusMs(GRACE_END, -1)))
      .event("RenewalInvoiced");
    expect(renewal.period.start).toBe(B1);
  });

  test("after grace is renewed from the payment on, and no period that is over is charged", () => {
    const { renewal } = givenAfter(...RUNNING)
      .when(passBoundary(GRACE_END))
      .event("RenewalInvoiced");
    expect(renewal.period.start).toBe(GRACE_END);
    const found = msk("2026-04-10T12:00");
    const due = inState(after(...RUNNING)).when(passBoundary(found));
    expect(due.event("RenewalInvoiced").renewal.period.start).toBe(found);
    const paidAt = plusMs(found, 3 * DAY_MS);
    const { running } = inState(due.state).when(renewalPaid(paidAt)).event("SubscriptionRenewed");
    expect(dates(running.period)).toBe("2026-04-13T09:00:00Z..2026-05-13T09:00:00Z");
    expect(running.number).toBe(2);
  });
});

describe("a renewal that stays untried for as long as its period", () => {
  const due = after(...DUE);

  test("is looked at again when that is over, and then buys a period that begins there", () => {
    inState(due)
      .when(passBoundary(plusMs(B2, -1)))
      .changesNothing();
    const again = inState(due).when(passBoundary(B2, { invoiceId: invoice(9) }));
    const { renewal } = again.event("RenewalFellDue");
    expect([renewal.invoiceId, renewal.number, renewal.anchor.wall]).toEqual([RENEWAL, 2, "2026-03-01T10:00:00"]);
    expect(dates(renewal.period)).toBe("2026-03-01T07:00:00Z..2026-04-01T07:00:00Z");
    expect(accessOf(again.state)?.until).toBe(GRACE_END);
  });

  test("has a ladder of its own when it is declined then, and is charged for no time that is over", () => {
    const again = afterFrom(due, passBoundary(B2));
    const at = plusMs(B2, DAY_MS);
    const { dunning } = as(afterFrom(again, declined(at)), "past_due");
    expect([dunning.steps.length, dunning.closesAt]).toEqual([4, msk("2026-04-01T10:00")]);
    const { running } = inState(again).when(renewalPaid(at)).event("SubscriptionRenewed");
    expect(running.period.start).toBe(at);
  });

  test("ends when it may not be charged by then", () => {
    inState(due)
      .when(passBoundary(B2, { mayCharge: false }))
      .yields({
        type: "SubscriptionEnded",
        reason: "no_card_or_consent",
        leaves: { invoiceId: RENEWAL, as: "void" },
        at: B2,
      });
  });
});

describe("the next period, paid by hand", () => {
  const invoiced = after(...RUNNING, invoiceAhead(MID));

  test("begins at its boundary, with no charge for it", () => {
    const paid = inState(invoiced).when(aheadPaid(MID));
    expect(paid.event("SubscriptionRenewed").ahead).toBe(true);
    expect(as(paid.state, "active").running.period.end).toBe(B1);
    const began = as(afterFrom(paid.state, passBoundary(B1, { mayCharge: false })), "active");
    expect(dates(began.running.period)).toBe("2026-02-01T07:00:00Z..2026-03-01T07:00:00Z");
    expect([began.running.number, began.ahead]).toEqual([2, null]);
  });

  test("can be asked for until its boundary, and then no more", () => {
    givenAfter(...RUNNING)
      .when(invoiceAhead(plusMs(B1, -1)))
      .happens("RenewalInvoiced");
    givenAfter(...RUNNING)
      .when(invoiceAhead(B1))
      .refuses({ code: "boundary_passed", boundary: B1 });
  });

  test("is one ahead at most", () => {
    inState(afterFrom(invoiced, aheadPaid(MID)))
      .when(invoiceAhead(MID, invoice(9)))
      .refuses({ code: "period_paid_ahead" });
    inState(invoiced)
      .when(invoiceAhead(MID, invoice(9)))
      .refuses({ code: "renewal_in_progress", invoiceId: AHEAD });
  });

  test("counts for the intro price", () => {
    const intro = terms({ intro: { price: rub(99), periods: 2 } });
    const { renewal } = givenAfter(start(START, { terms: intro }), firstPaid())
      .when(invoiceAhead(MID))
      .event("RenewalInvoiced");
    expect(renewal.amount).toEqual(rub(99));
  });

  test("gives access to its end, and 'ends at period end' then means that end", () => {
    const stopped = afterFrom(invoiced, aheadPaid(MID), stop(MID));
    expect(accessOf(stopped)?.until).toBe(B2);
    const second = afterFrom(stopped, passBoundary(B1));
    inState(second)
      .when(undo(plusMs(B1, DAY_MS)))
      .happens("RenewalRestored");
    inState(second)
      .when(passBoundary(B2, { invoiceId: invoice(9) }))
      .happens("SubscriptionEnded");
  });

  test("that is still unpaid at the boundary becomes the renewal that the schedule charges", () => {
    const due = inState(invoiced).when(passBoundary(B1));
    expect(due.event("RenewalFellDue").renewal).toMatchObject({ invoiceId: AHEAD, askedBy: "schedule", number: 2 });
    inState(due.state)
      .when(declined(B1, undefined, { invoiceId: AHEAD }))
      .happens("RenewalDeclined", "SubscriptionFellPastDue");
    const { running } = inState(due.state)
      .when(aheadPaid(plusMs(B1, 1000)))
      .event("SubscriptionRenewed");
    expect(dates(running.period)).toBe("2026-02-01T07:00:00Z..2026-03-01T07:00:00Z");
  });

  test("that is unpaid when its boundary is found after grace is charged from the payment on", () => {
    for (const found of [GRACE_END, msk("2026-02-20T10:00")]) {
      const { renewal } = inState(invoiced).when(passBoundary(found)).event("RenewalFellDue");
      expect([renewal.period.start, renewal.number, renewal.paidPeriods]).toEqual([found, 2, 2]);
    }
  });

  test("ends with the subscription when there is no card at the boundary", () => {
    inState(invoiced)
      .when(passBoundary(B1, { mayCharge: false }))
      .yields({
        type: "SubscriptionEnded",
        reason: "no_card_or_consent",
        leaves: { invoiceId: AHEAD, as: "void" },
        at: B1,
      });
  });

  test("that is declined costs nothing but the try", () => {
    inState(invoiced)
      .when(declined(MID, undefined, { invoiceId: AHEAD, initiator: "payer" }))
      .happens("RenewalDeclined");
  });

  test("is withdrawn by a stop, and a payment on its way goes back", () => {
    const stopped = afterFrom(invoiced, stop(MID));
    inState(stopped).when(aheadPaid(MID)).happens("PaymentTurnedBack");
  });
});
