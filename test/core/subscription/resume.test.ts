import { describe, expect, test } from "bun:test";
import { accessOf } from "../../../src/core/subscription/access.ts";
import { chargeDue } from "../../../src/core/subscription/due.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, plusMs } from "../../../src/core/time.ts";
import {
  after,
  afterFrom,
  as,
  B1,
  dates,
  declined,
  FIRST,
  givenAfter,
  HARD,
  inState,
  invoice,
  MID,
  MOSCOW,
  msk,
  notice,
  OUTAGE,
  passBoundary,
  pause,
  RENEWAL,
  RUNNING,
  renewalPaid,
  resume,
  rub,
  START,
  stop,
  UNTIL,
  unknown24h,
} from "../../support/subscription.ts";
import { AT_END, HALF_MS, KEPT } from "./situations.ts";

describe("the resume of a pause now", () => {
  test("lets the kept rest run out, counted from the resume, and its end is the new anchor", () => {
    const { running } = givenAfter(...KEPT)
      .when(resume(plusMs(UNTIL, 900), { by: "schedule" }))
      .event("SubscriptionResumed");
    expect(dates(running.period)).toBe("2026-02-14T21:00:00Z..2026-03-02T09:00:00Z");
    expect(running).toMatchObject({
      number: 1,
      boundary: 0,
      anchor: { wall: "2026-03-02T12:00:00", zone: MOSCOW },
      stretch: running.period,
      value: rub(155),
      paid: rub(310),
      fullMs: 31 * DAY_MS,
      invoices: [FIRST],
      paidAt: START,
    });
  });

  test("joins the next periods to the new anchor, which survives short months", () => {
    // 29 and a half days of January are kept on the 2nd; resumed at noon of 1 March they run out on the 31st.
    const pausedAt = msk("2026-01-02T22:00");
    const resumedAt = msk("2026-03-02T00:00");
    const resumed = after(...RUNNING, pause(pausedAt, "now", resumedAt), resume(resumedAt));
    const { period } = as(resumed, "active").running;
    expect(dates(period)).toBe("2026-03-01T21:00:00Z..2026-03-31T09:00:00Z");
    const second = afterFrom(resumed, passBoundary(period.end), renewalPaid(period.end));
    expect(dates(as(second, "active").running.period)).toBe("2026-03-31T09:00:00Z..2026-04-30T09:00:00Z");
    const { end } = as(second, "active").running.period;
    const third = afterFrom(
      second,
      passBoundary(end, { invoiceId: invoice(8) }),
      renewalPaid(end, { invoiceId: invoice(8) }),
    );
    expect(dates(as(third, "active").running.period)).toBe("2026-04-30T09:00:00Z..2026-05-31T09:00:00Z");
  });

  test("by the payer is possible at any time, and needs no card", () => {
    givenAfter(...KEPT)
      .when(resume(plusMs(MID, MINUTE_MS), { mayCharge: false }))
      .happens("SubscriptionResumed");
  });

  test("by the schedule comes at its end, and not before", () => {
    givenAfter(...KEPT)
      .when(resume(plusMs(UNTIL, -1), { by: "schedule" }))
      .refuses({ code: "pause_not_over", until: UNTIL });
  });

  test("gives access again, and grace after the rest", () => {
    const resumed = after(...KEPT, resume(UNTIL));
    const { end } = as(resumed, "active").running.period;
    expect(accessOf(resumed)).toMatchObject({ from: UNTIL, until: plusMs(end, 7 * DAY_MS) });
  });

  test("can be paused again, and then keeps what is still left", () => {
    const again = after(...KEPT, resume(UNTIL), pause(plusMs(UNTIL, 7.75 * DAY_MS), "now", msk("2026-03-20T00:00")));
    expect(as(again, "paused").pause.kept).toMatchObject({ unusedMs: HALF_MS / 2, unused: rub(77.5) });
  });

  test("that came in the very second of the pause leaves the period's end where it was", () => {
    const resumed = after(...KEPT, resume(plusMs(MID, 999)));
    expect(as(resumed, "active").running.period.end).toBe(B1);
  });
});

describe("the resume of a pause at the period's end by the schedule", () => {
  const due = after(
    ...AT_END,
    notice(msk("2026-02-11T23:00"), { announcedAt: UNTIL }),
    resume(UNTIL, { by: "schedule" }),
  );

  test("invoices a period that begins there, with no grace and no access until it is paid", () => {
    const { renewal } = givenAfter(...AT_END)
      .when(resume(UNTIL, { by: "schedule" }))
      .event("RenewalInvoiced");
    expect(renewal).toMatchObject({ number: 2, paidPeriods: 2, amount: rub(310), askedBy: "schedule" });
    expect([dates(renewal.period), renewal.graceUntil]).toEqual(["2026-02-14T21:00:00Z..2026-03-14T21:00:00Z", UNTIL]);
    expect([as(due, "paused").renewal?.invoiceId, accessOf(due)]).toEqual([RENEWAL, null]);
    expect(chargeDue(due)).toEqual({ invoiceId: RENEWAL, from: UNTIL, before: renewal.period.end });
  });

  test("begins the period at the payment, whose day is the new anchor", () => {
    const at = plusMs(UNTIL, HOUR_MS);
    const { running } = inState(due).when(renewalPaid(at)).event("SubscriptionRenewed");
    expect([dates(running.period), running.anchor.wall, running.number]).toEqual([
      "2026-02-14T22:00:00Z..2026-03-14T22:00:00Z",
      "2026-02-15T01:00:00",
      2,
    ]);
  });

  test("that is declined falls past due, with no access; paid by hand it begins at the payment", () => {
    const at = plusMs(UNTIL, MINUTE_MS);
    for (const decline of [undefined, HARD]) {
      const fell = inState(due).when(declined(at, decline));
      fell.happens("RenewalDeclined", "SubscriptionFellPastDue");
      expect([as(fell.state, "past_due").last, accessOf(fell.state)]).toEqual([null, null]);
      const paidAt = plusMs(UNTIL, DAY_MS);
      const paid = inState(fell.state).when(renewalPaid(paidAt, { by: "payer" }));
      expect(paid.event("SubscriptionRenewed").running.period.start).toBe(paidAt);
    }
    const lost = inState(due).when(unknown24h(plusMs(UNTIL, DAY_MS)));
    expect([lost.event("SubscriptionFellPastDue").because, accessOf(lost.state)]).toEqual(["unknown", null]);
  });

  test("that met an outage is tried again after 60 minutes", () => {
    const put = afterFrom(due, declined(UNTIL, OUTAGE));
    expect([put.status, chargeDue(put)?.from]).toEqual(["paused", plusMs(UNTIL, HOUR_MS)]);
  });

  test("that stays untried for as long as its period then buys one that begins there, or ends without a card", () => {
    const over = msk("2026-03-15T00:00");
    inState(due)
      .when(resume(plusMs(over, -1), { by: "schedule", invoiceId: invoice(9) }))
      .refuses({ code: "renewal_in_progress", invoiceId: RENEWAL });
    const again = inState(due).when(resume(over, { by: "schedule", invoiceId: invoice(9) }));
    expect(dates(again.event("RenewalFellDue").renewal.period)).toBe("2026-03-14T21:00:00Z..2026-04-14T21:00:00Z");
    expect(again.state.status).toBe("paused");
    inState(due)
      .when(resume(over, { by: "schedule", invoiceId: invoice(9), mayCharge: false }))
      .happens("SubscriptionEnded");
  });

  test("renews with a card or consent that came back during the pause", () => {
    const back = givenAfter(...AT_END, stop(plusMs(B1, DAY_MS), "no_consent")).when(resume(UNTIL, { by: "schedule" }));
    back.happens("RenewalRestored", "RenewalInvoiced");
    expect(as(back.state, "paused").endsAtPeriodEnd).toBeNull();
  });

  test("ends the subscription without card or consent", () => {
    const over = { type: "SubscriptionEnded", reason: "no_card_or_consent", leaves: null, at: UNTIL } as const;
    givenAfter(...AT_END)
      .when(resume(UNTIL, { by: "schedule", mayCharge: false }))
      .yields(over);
    givenAfter(...AT_END, stop(plusMs(B1, DAY_MS), "no_consent"))
      .when(resume(UNTIL, { by: "schedule", mayCharge: false }))
      .yields(over);
    inState(due)
      .when(stop(UNTIL, "no_consent"))
      .yields({ ...over, leaves: { invoiceId: RENEWAL, as: "void" } });
  });
});

describe("the resume of a pause at the period's end by hand", () => {
  const at = plusMs(B1, DAY_MS);
  const resuming = after(...AT_END, resume(at));

  test("is charged at once, with no notice", () => {
    expect(chargeDue(resuming)).toEqual({ invoiceId: RENEWAL, from: at, before: msk("2026-03-02T10:00") });
    expect(accessOf(resuming)).toBeNull();
    const { running } = inState(resuming)
      .when(renewalPaid(plusMs(at, 5000)))
      .event("SubscriptionRenewed");
    expect(running.period.start).toBe(plusMs(at, 5000));
  });

  test("leaves the pause when it is declined, its invoice void", () => {
    for (const decline of [undefined, HARD, OUTAGE]) {
      const left = inState(resuming).when(declined(plusMs(at, 5000), decline));
      left.happens("RenewalDeclined", "RenewalWithdrawn");
      expect(as(left.state, "paused")).toMatchObject({ renewal: null, pause: { until: UNTIL } });
      inState(left.state)
        .when(renewalPaid(plusMs(at, 9000)))
        .happens("PaymentTurnedBack");
    }
  });

  test("needs card and consent; with them it renews again", () => {
    givenAfter(...AT_END)
      .when(resume(at, { mayCharge: false }))
      .refuses({ code: "card_or_consent_missing" });
    const again = givenAfter(...AT_END, stop(at, "no_consent")).when(resume(at));
    again.happens("RenewalRestored", "RenewalInvoiced");
    expect(as(again.state, "paused").endsAtPeriodEnd).toBeNull();
  });

  test("is taken back when consent goes, and a charge in flight goes back", () => {
    const without = inState(resuming).when(stop(plusMs(at, 1), "no_consent"));
    without.happens("RenewalWithdrawn", "RenewalStopped");
    inState(without.state)
      .when(renewalPaid(plusMs(at, 5000)))
      .happens("PaymentTurnedBack");
  });

  test("that stays untried for as long as its period is still the payer's, and taken back without a card", () => {
    const over = msk("2026-03-02T10:00");
    const schedule = { by: "schedule", invoiceId: invoice(9) } as const;
    const again = inState(resuming).when(resume(over, schedule)).event("RenewalFellDue");
    expect([again.renewal.askedBy, again.renewal.period.start]).toEqual(["payer", over]);
    inState(resuming)
      .when(resume(over, { ...schedule, mayCharge: false }))
      .happens("RenewalWithdrawn");
  });

  test("asked for twice is one resume", () => {
    inState(resuming).when(resume(at)).changesNothing();
    inState(resuming)
      .when(resume(at, { invoiceId: invoice(9) }))
      .refuses({ code: "renewal_in_progress", invoiceId: RENEWAL });
  });

  test("that lost its answer waits for it: 24 hours do not make it a decline", () => {
    inState(resuming)
      .when(unknown24h(plusMs(at, DAY_MS)))
      .changesNothing();
  });
});
