import { describe, expect, test } from "bun:test";
import type { InvoiceId } from "../../../src/core/ids.ts";
import { money } from "../../../src/core/money.ts";
import { DEFAULT_POLICY } from "../../../src/core/policy.ts";
import { accessOf } from "../../../src/core/subscription/access.ts";
import { dueOf } from "../../../src/core/subscription/due.ts";
import type { RefundRule, Subscription } from "../../../src/core/subscription/subscription.ts";
import { DAY_MS, HOUR_MS, type Instant, plusMs } from "../../../src/core/time.ts";
import {
  AHEAD,
  after,
  afterFrom,
  aheadPaid,
  as,
  B1,
  B2,
  CHANGE,
  cancel,
  change,
  changePaid,
  declined,
  FIRST,
  firstPaid,
  givenAfter,
  inState,
  instant,
  invoice,
  invoiceAhead,
  MID,
  msk,
  PAID,
  PAYER,
  PREMIUM,
  PREMIUM_WEEK,
  passBoundary,
  pause,
  quote,
  quoteId,
  RENEWAL,
  RUNNING,
  renewalPaid,
  resume,
  rub,
  STAFF,
  STANDARD_YEAR,
  START,
  start,
  stop,
  TRIAL_END,
  UNTIL,
  zone,
} from "../../support/subscription.ts";
import { AT_END, DUE, KEPT, TRIALS } from "./situations.ts";

/** 7 local days after the payment of January. */
const WINDOW_END = msk("2026-01-08T10:00");
const running = after(...RUNNING);

const refundAt = (state: Subscription, at: Instant) => {
  const { refund, rule, invoices } = inState(state).when(cancel(at)).event("SubscriptionCancelled");
  return { refund, rule, invoices };
};
const expected = (rule: RefundRule, roubles: number, ...invoices: readonly InvoiceId[]) => ({
  refund: rub(roubles),
  rule,
  invoices,
});

describe("a cancel with refund", () => {
  test("ends the subscription at once, and access with it", () => {
    const cancelled = inState(running).when(cancel(MID));
    cancelled.yields(
      {
        type: "SubscriptionCancelled",
        actor: PAYER,
        refund: rub(155),
        invoices: [FIRST],
        rule: "unused",
        reason: null,
        at: MID,
      },
      { type: "SubscriptionEnded", reason: "payer_cancelled", leaves: null, at: MID },
    );
    expect([accessOf(cancelled.state), dueOf(cancelled.state, DEFAULT_POLICY)]).toEqual([null, []]);
    inState(cancelled.state).when(cancel(MID)).refuses({ code: "subscription_ended" });
  });

  test("gives all back within 7 local days of the payment, and at that instant no more", () => {
    expect(refundAt(running, START)).toEqual(expected("full", 310, FIRST));
    expect(refundAt(running, plusMs(WINDOW_END, -1))).toEqual(expected("full", 310, FIRST));
    // A second short of a seventh day is not counted as used: 24 of 31 days are left.
    expect(refundAt(running, WINDOW_END)).toEqual(expected("unused", 240, FIRST));
  });

  test("counts the window in local days, over a DST change too", () => {
    const berlin = zone("Europe/Berlin");
    const began = instant("2026-03-25T10:00:00+01:00");
    const state = after(start(began, { zone: berlin }), firstPaid(began));
    expect(refundAt(state, instant("2026-04-01T09:59:59+02:00")).rule).toBe("full");
    expect(refundAt(state, instant("2026-04-01T10:00:00+02:00")).rule).toBe("unused");
  });

  test("follows the operator's window", () => {
    for (const [refundWindowDays, rule] of [
      [0, "unused"],
      [14, "full"],
    ] as const) {
      const cancelled = inState(running).when(cancel(WINDOW_END), { ...DEFAULT_POLICY, refundWindowDays });
      expect(cancelled.event("SubscriptionCancelled").rule).toBe(rule);
    }
  });

  test("gives nothing back from the boundary on", () => {
    expect(refundAt(running, plusMs(B1, -1000))).toEqual(expected("unused", 0.01, FIRST));
    expect(refundAt(running, B1)).toEqual(expected("nothing", 0));
    expect(refundAt(after(...DUE), plusMs(B1, HOUR_MS))).toEqual(expected("nothing", 0));
  });

  test("opens a window for every period", () => {
    const second = after(...DUE, renewalPaid(B1));
    expect(refundAt(second, plusMs(B1, 7 * DAY_MS - 1))).toEqual(expected("full", 310, RENEWAL));
    expect(refundAt(second, plusMs(B1, 7 * DAY_MS))).toEqual(expected("unused", 232.5, RENEWAL));
  });

  test("counts the window from the payment, not from the period: paid late it is open later", () => {
    const paidAt = plusMs(B1, 5 * DAY_MS);
    const late = after(...DUE, declined(B1), renewalPaid(paidAt, { by: "payer" }));
    expect(refundAt(late, plusMs(paidAt, 7 * DAY_MS - 1)).rule).toBe("full");
    expect(refundAt(late, plusMs(paidAt, 7 * DAY_MS)).rule).toBe("unused");
  });

  test("leaves what is unpaid void: the renewal, the ladder's invoice, the first one, a change, the next period", () => {
    const voided: readonly (readonly [Subscription, Instant, string])[] = [
      [after(start()), START, FIRST],
      [after(...DUE), B1, RENEWAL],
      [after(...DUE, declined(B1)), plusMs(B1, DAY_MS), RENEWAL],
      [after(...RUNNING, quote(MID), change(MID)), MID, CHANGE],
      [after(...RUNNING, invoiceAhead(MID)), MID, AHEAD],
      [after(...AT_END, resume(plusMs(B1, DAY_MS))), plusMs(B1, DAY_MS), RENEWAL],
    ];
    for (const [state, at, invoiceId] of voided) {
      const { leaves, reason } = inState(state).when(cancel(at)).event("SubscriptionEnded");
      expect<unknown>([leaves, reason]).toEqual([{ invoiceId, as: "void" }, "payer_cancelled"]);
    }
  });

  test("with a charge in flight sends it back in full when it turns out to have succeeded", () => {
    const cancelled = after(...DUE, cancel(plusMs(B1, 1000)));
    inState(cancelled)
      .when(renewalPaid(plusMs(B1, 2000)))
      .yields({ type: "PaymentTurnedBack", invoiceId: RENEWAL, at: plusMs(B1, 2000) });
  });

  test("before anything is paid, and while past due, has nothing to give back", () => {
    expect(refundAt(after(start()), START)).toEqual(expected("nothing", 0));
    expect(refundAt(after(...DUE, declined(B1)), plusMs(B1, DAY_MS))).toEqual(expected("nothing", 0));
  });

  test("is as good after a stop, and for a queued one in full", () => {
    expect(refundAt(after(...RUNNING, stop(MID)), MID)).toEqual(expected("unused", 155, FIRST));
    const queued = after(start(START, { beginsAt: B1 }), firstPaid());
    expect(refundAt(queued, MID)).toEqual(expected("unused", 310, FIRST));
  });
});

describe("a cancel in a trial", () => {
  const { free, paid } = TRIALS;

  test("that was paid follows the policy on its price", () => {
    expect(refundAt(paid, plusMs(WINDOW_END, -1))).toEqual(expected("full", 14, FIRST));
    expect(refundAt(paid, plusMs(START, 10 * DAY_MS))).toEqual(expected("unused", 4, FIRST));
    expect(refundAt(paid, TRIAL_END)).toEqual(expected("nothing", 0));
  });

  test("that was free gives nothing back, but a period paid ahead whole", () => {
    expect(refundAt(free, START)).toEqual(expected("nothing", 0));
    const ahead = afterFrom(free, invoiceAhead(START), aheadPaid(START));
    expect(refundAt(ahead, plusMs(START, 10 * DAY_MS))).toEqual(expected("nothing", 310, AHEAD));
  });
});

describe("a cancel after an upgrade of the same length", () => {
  const upgraded = (at: Instant) => after(...RUNNING, quote(at), change(at), changePaid(at));

  test("inside the window gives back all that was paid for the period, newest first", () => {
    // On the 4th 28 of 31 days are left: 560 for the new plan's rest less 280 unused.
    const inside = upgraded(msk("2026-01-04T10:00"));
    expect(as(inside, "active").running.paid).toEqual(rub(590));
    expect(refundAt(inside, plusMs(WINDOW_END, -1))).toEqual(expected("full", 590, CHANGE, FIRST));
  });

  test("has its window from the period's own payment: the upgrade does not open it again", () => {
    expect(refundAt(upgraded(msk("2026-01-04T10:00")), WINDOW_END)).toEqual(expected("unused", 480, CHANGE, FIRST));
    expect(refundAt(upgraded(MID), MID)).toEqual(expected("unused", 310, CHANGE, FIRST));
  });

  test("counts the new plan's rest: half of the stretch of 310 roubles", () => {
    expect(refundAt(upgraded(MID), msk("2026-01-24T16:00"))).toEqual(expected("unused", 155, CHANGE, FIRST));
  });

  test("gives back no more than what stayed of the payments when the change was worth less than the rest", () => {
    const cheaper = { ...PREMIUM, price: rub(124) };
    const at = msk("2026-01-04T10:00"); // 112 for the rest, 280 unused: 168 became credit.
    const inside = after(...RUNNING, quote(at, cheaper), change(at), changePaid(at));
    expect(refundAt(inside, at)).toEqual(expected("full", 142, CHANGE, FIRST));
  });
});

describe("a cancel of a period that a change of length has begun", () => {
  const begun = (to = STANDARD_YEAR) => after(...RUNNING, quote(MID, to), change(MID), changePaid(MID));

  test("has its own window, and gives back the new price: what was carried over goes to the older payment", () => {
    const end = plusMs(MID, 7 * DAY_MS);
    expect(refundAt(begun(), plusMs(end, -1))).toEqual(expected("full", 3100, CHANGE, FIRST));
    expect(refundAt(begun(), end)).toEqual(expected("unused", 3040.55, CHANGE, FIRST));
  });

  test("of which a surplus had become credit gives back its price alone", () => {
    expect(refundAt(begun({ ...PREMIUM_WEEK, price: rub(70) }), plusMs(MID, DAY_MS))).toEqual(
      expected("full", 70, CHANGE, FIRST),
    );
  });
});

describe("a cancel with a period paid ahead", () => {
  const ahead = after(...RUNNING, invoiceAhead(MID), aheadPaid(MID));

  test("gives that period back whole beside what the running one is worth, its payment first", () => {
    expect(refundAt(ahead, MID)).toEqual(expected("unused", 465, AHEAD, FIRST));
    const early = after(...RUNNING, invoiceAhead(START), aheadPaid(START));
    expect(refundAt(early, plusMs(START, DAY_MS))).toEqual(expected("full", 620, AHEAD, FIRST));
  });

  test("after the boundary follows the policy on that period, also before its passing is recorded", () => {
    const paidAt = msk("2026-01-30T10:00");
    const late = after(...RUNNING, invoiceAhead(paidAt), aheadPaid(paidAt));
    for (const state of [late, afterFrom(late, passBoundary(B1))]) {
      expect(refundAt(state, B1)).toEqual(expected("full", 310, AHEAD, ...(state === late ? [FIRST] : [])));
      expect(refundAt(state, plusMs(paidAt, 7 * DAY_MS - 1)).rule).toBe("full");
      expect(refundAt(state, msk("2026-02-15T10:00"))).toMatchObject({ rule: "unused", refund: rub(155) });
      expect(refundAt(state, B2)).toEqual(expected("nothing", 0));
    }
  });
});

describe("a cancel while paused", () => {
  test("gives back the unused time, within the window as well", () => {
    const early = plusMs(START, DAY_MS);
    expect(refundAt(after(...RUNNING, pause(early, "now", UNTIL)), plusMs(early, HOUR_MS))).toEqual(
      expected("unused", 300, FIRST),
    );
    expect(refundAt(after(...KEPT), UNTIL)).toEqual(expected("unused", 155, FIRST));
  });

  test("that kept nothing gives nothing back", () => {
    const paused = after(...AT_END);
    expect(refundAt(paused, plusMs(B1, DAY_MS))).toEqual(expected("nothing", 0));
  });

  test("and after the resume what is left of the rest", () => {
    const resumed = after(...KEPT, resume(UNTIL));
    expect(refundAt(resumed, plusMs(UNTIL, 7.75 * DAY_MS))).toEqual(expected("unused", 77.5, FIRST));
  });
});

describe("a cancel by staff", () => {
  const override = (roubles: number, reason = "a long outage") =>
    cancel(MID, { actor: STAFF, refund: { by: "staff", amount: rub(roubles), reason } });

  test("may override the sum, with a reason", () => {
    const cancelled = inState(running).when(override(300));
    cancelled.yields(
      {
        type: "SubscriptionCancelled",
        actor: STAFF,
        refund: rub(300),
        invoices: [FIRST],
        rule: "staff",
        reason: "a long outage",
        at: MID,
      },
      { type: "SubscriptionEnded", reason: "staff", leaves: null, at: MID },
    );
    expect(inState(running).when(override(0)).event("SubscriptionCancelled")).toMatchObject({
      refund: rub(0),
      invoices: [],
    });
  });

  test("gives back all that was paid at the most, in the currency of the plan", () => {
    inState(running).when(override(310)).happens("SubscriptionCancelled", "SubscriptionEnded");
    inState(running)
      .when(override(310.01))
      .refuses({ code: "refund_above_paid", most: rub(310) });
    const ahead = inState(after(...RUNNING, invoiceAhead(MID), aheadPaid(MID)));
    ahead.when(override(620)).happens("SubscriptionCancelled", "SubscriptionEnded");
    ahead.when(override(621)).refuses({ code: "refund_above_paid", most: rub(620) });
    inState(after(start()))
      .when(override(1))
      .refuses({ code: "refund_above_paid", most: rub(0) });
    inState(running)
      .when(cancel(MID, { actor: STAFF, refund: { by: "staff", amount: money(1n, "USD"), reason: "" } }))
      .refuses({ code: "currency_differs" });
  });

  test("without an override follows the policy", () => {
    expect(
      inState(running)
        .when(cancel(MID, { actor: STAFF }))
        .event("SubscriptionCancelled"),
    ).toMatchObject({
      rule: "unused",
      refund: rub(155),
    });
  });
});

describe("money of a period that went back without a cancel", () => {
  const back = (roubles: number, invoiceId = FIRST) =>
    ({ type: "RecordPeriodRefund", invoiceId, amount: rub(roubles), at: MID }) as const;

  test("makes the period worth less, and a later refund too", () => {
    const less = afterFrom(running, back(110));
    expect(as(less, "active").running).toMatchObject({ value: rub(200), paid: rub(200) });
    expect(refundAt(less, MID)).toEqual(expected("unused", 100, FIRST));
    expect(refundAt(less, START)).toEqual(expected("full", 200, FIRST));
    expect(refundAt(afterFrom(running, back(310)), START)).toEqual(expected("nothing", 0));
  });

  test("makes a period paid ahead worth less, and leaves the running one", () => {
    const less = as(after(...RUNNING, invoiceAhead(MID), aheadPaid(MID), back(10, AHEAD)), "active");
    expect([less.running.value, less.ahead?.value, less.ahead?.paid]).toEqual([rub(310), rub(300), rub(300)]);
  });

  test("makes a trial worth less", () => {
    const trialing = after(start(START, { terms: PAID }), firstPaid(START, { value: rub(14) }), back(4));
    expect(as(trialing, "trialing").trial.value).toEqual(rub(10));
  });

  test("never makes it worth less than nothing", () => {
    expect(as(afterFrom(running, back(500)), "active").running).toMatchObject({ value: rub(0), paid: rub(0) });
  });

  test("voids a change whose sums were taken of the old value, and its quote", () => {
    const open = after(...RUNNING, quote(MID), change(MID));
    inState(open)
      .when(back(10))
      .yields(
        { type: "ChangeAbandoned", invoiceId: CHANGE, because: "refunded", at: MID },
        { type: "PeriodRefunded", invoiceId: FIRST, amount: rub(10), at: MID },
      );
    inState(afterFrom(after(...RUNNING, quote(MID)), back(10)))
      .when(change(MID))
      .refuses({ code: "quote_unknown" });
  });

  test("for a period that is over, or an invoice of another, changes nothing", () => {
    givenAfter(...DUE, renewalPaid(B1))
      .when(back(10))
      .changesNothing();
    inState(running)
      .when(back(10, invoice(77)))
      .changesNothing();
    inState(after(...RUNNING, cancel(MID)))
      .when(back(10))
      .changesNothing();
  });
});

test("a change to a shorter length and back never gives back more than came in", () => {
  const week = { ...PREMIUM_WEEK, price: rub(200) };
  const first = after(...RUNNING, quote(MID, week), change(MID), changePaid(MID)); // 45 paid.
  const at = plusMs(MID, DAY_MS);
  const year = { ...STANDARD_YEAR, rank: 4 };
  const second = afterFrom(
    first,
    quote(at, year, quoteId(2)),
    change(at, quoteId(2), invoice(9)),
    changePaid(at, invoice(9)),
  );
  // 3100 less six sevenths of 200, which round up to the payer's 171.43: 2928.57 paid.
  const cameIn = 310 + 45 + 2928.57;
  const { refund, invoices } = refundAt(second, at);
  expect<unknown>(invoices).toEqual([invoice(9), CHANGE, FIRST]);
  expect(refund).toEqual(rub(3100));
  expect(Number(refund.minor) / 100).toBeLessThanOrEqual(cameIn);
});
