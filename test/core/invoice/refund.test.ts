import { describe, expect, test } from "bun:test";
import type { InvoiceEvent } from "../../../src/core/invoice/invoice.ts";
import {
  captureOf,
  creditLeft,
  paidSum,
  refundable,
  returnedSum,
  settlingCaptures,
} from "../../../src/core/invoice/reading.ts";
import { plusMs } from "../../../src/core/time.ts";
import {
  askRefund,
  BACK_1,
  BACK_2,
  chargebackDecided,
  chargebackRecorded,
  creditReturned,
  DUE,
  decideChargeback,
  given,
  instant,
  invoicePaid,
  issued,
  issuedStateOf,
  key,
  minute,
  offerMade,
  payment,
  paymentSucceeded,
  RFD_1,
  RFD_2,
  recordChargeback,
  recordEmptyRefundLookUp,
  recordFailedRefund,
  recordLostRefundAnswer,
  recordRefund,
  recordReportedRefund,
  refundAsked,
  refundFailed,
  refundLookUpFoundNothing,
  refundReported,
  refundSucceeded,
  refundUnknown,
  returnCredit,
  rub,
  TX_1,
  TX_2,
  terms,
  usd,
} from "../../support/invoice.ts";

/** 299.00 by capture TX_1. */
const paid = [issued(), offerMade(), paymentSucceeded(), invoicePaid()];
/** 299.00 by capture TX_1 and 100.00 by credit. */
const paidWithCredit = [
  issued({ terms: terms({ credit: rub(100) }) }),
  offerMade(),
  paymentSucceeded(),
  invoicePaid({ credit: rub(100) }),
];
const refundableOf = (...history: readonly InvoiceEvent[]) => {
  const capture = captureOf(issuedStateOf(...history), key(TX_1));
  return capture === null ? null : refundable(capture);
};

describe("asking", () => {
  test("a refund is reserved before the gateway is asked, and the invoice stays paid", () => {
    const decision = given(...paid).when(askRefund({ amount: rub(100), at: minute(1) }));
    decision.yields(refundAsked({ amount: rub(100), at: minute(1) }));
    decision.leaves("paid");
    expect(refundableOf(...paid, refundAsked({ amount: rub(100) }))).toEqual(rub(199));
  });

  test("no more can be asked back than is left of the capture", () => {
    const history = [...paid, refundAsked({ amount: rub(100) }), refundSucceeded({ amount: rub(100) })];
    given(...history)
      .when(askRefund({ refundId: RFD_2, amount: rub(199.01) }))
      .refuses({ code: "refund_above_captured", left: rub(199) });
    given(...history)
      .when(askRefund({ refundId: RFD_2, amount: rub(199) }))
      .yields(refundAsked({ refundId: RFD_2, amount: rub(199) }));
  });

  test("what the gateway has given back without being asked is not there to be asked for", () => {
    given(...paid, refundReported({ amount: rub(200) }))
      .when(askRefund({ amount: rub(100) }))
      .refuses({ code: "refund_above_captured", left: rub(99) });
  });

  test("a capture has one refund in flight", () => {
    for (const history of [[refundAsked({ amount: rub(1) })], [refundAsked({ amount: rub(1) }), refundUnknown()]]) {
      given(...paid, ...history)
        .when(askRefund({ refundId: RFD_2, amount: rub(1) }))
        .refuses({ code: "refund_in_flight" });
    }
  });

  test("a refund that failed leaves its money to be asked for again", () => {
    given(...paid, refundAsked(), refundFailed())
      .when(askRefund({ refundId: RFD_2 }))
      .yields(refundAsked({ refundId: RFD_2 }));
  });

  test("the same request twice is one refund; the same id for another is refused", () => {
    const history = [...paid, refundAsked({ amount: rub(100) })];
    given(...history)
      .when(askRefund({ amount: rub(100), at: minute(9) }))
      .yields();
    given(...history)
      .when(askRefund({ amount: rub(101) }))
      .refuses({ code: "refund_exists" });
    given(...history)
      .when(askRefund({ amount: rub(100), reason: "cancelled" }))
      .refuses({ code: "refund_exists" });
    given(...history)
      .when(askRefund({ amount: rub(100), capture: key(TX_2) }))
      .refuses({ code: "refund_exists" });
  });

  test("a sum of nothing, or of another currency, is no refund", () => {
    given(...paid)
      .when(askRefund({ amount: rub(0) }))
      .refuses({ code: "amount_not_positive" });
    given(...paid)
      .when(askRefund({ amount: rub(-1) }))
      .refuses({ code: "amount_not_positive" });
    given(...paid)
      .when(askRefund({ amount: usd(1) }))
      .refuses({ code: "currency_differs", expected: "RUB" });
  });

  test("from one calendar year after the capture on nothing is asked back", () => {
    const until = instant("2027-03-02T09:00:00Z");
    given(...paid)
      .when(askRefund({ at: plusMs(until, -1) }))
      .yields(refundAsked({ at: plusMs(until, -1) }));
    given(...paid)
      .when(askRefund({ at: until }))
      .refuses({ code: "refund_too_late", until });
  });

  test("a calendar year with a 29 February in it has 366 days", () => {
    const at = instant("2027-06-01T12:00:00Z");
    given(issued(), offerMade(), paymentSucceeded({ at }), invoicePaid({ at }))
      .when(askRefund({ at: instant("2028-06-01T11:59:59Z") }))
      .yields(refundAsked({ at: instant("2028-06-01T11:59:59Z") }));
  });

  test("a payment of 29 February can be asked back until 28 February", () => {
    const at = instant("2028-02-29T12:00:00Z");
    given(issued(), offerMade(), paymentSucceeded({ at }), invoicePaid({ at }))
      .when(askRefund({ at: instant("2029-02-28T12:00:00Z") }))
      .refuses({ code: "refund_too_late", until: instant("2029-02-28T12:00:00Z") });
  });

  test("nothing is asked back of a capture that its payer disputes", () => {
    given(...paid, chargebackRecorded())
      .when(askRefund())
      .refuses({ code: "dispute_open" });
    given(...paid, chargebackRecorded(), chargebackDecided({ won: true }))
      .when(askRefund())
      .yields(refundAsked());
    given(...paid, chargebackRecorded(), chargebackDecided({ won: false }))
      .when(askRefund({ amount: rub(1) }))
      .refuses({ code: "refund_above_captured", left: rub(0) });
  });

  test("each capture has a refund of its own", () => {
    const extra = paymentSucceeded({ capture: payment(TX_2), role: "extra", attemptWas: "succeeded" });
    given(...paid, extra, refundAsked())
      .when(askRefund({ refundId: RFD_2, capture: key(TX_2), reason: "extra_payment" }))
      .yields(refundAsked({ refundId: RFD_2, capture: key(TX_2), reason: "extra_payment" }));
  });
});

describe("answers", () => {
  test("a part that has gone back leaves the invoice partly refunded, all of it refunded", () => {
    given(...paid, refundAsked({ amount: rub(100) }))
      .when(recordRefund({ amount: rub(100) }))
      .leaves("partly_refunded");
    given(...paid, refundAsked())
      .when(recordRefund())
      .leaves("refunded");
  });

  test("an invoice that credit helped to pay is refunded when the credit is back as well", () => {
    given(...paidWithCredit, refundAsked())
      .when(recordRefund())
      .leaves("partly_refunded");
    given(...paidWithCredit, refundAsked(), refundSucceeded())
      .when(returnCredit({ amount: rub(100) }))
      .leaves("refunded");
  });

  test("a refund of extra money leaves the invoice as it was", () => {
    const extra = paymentSucceeded({ capture: payment(TX_2), role: "extra", attemptWas: "succeeded" });
    given(...paid, extra, refundAsked({ capture: key(TX_2) }))
      .when(recordRefund())
      .leaves("paid");
  });

  test("a refund done is told of once", () => {
    given(...paid, refundAsked(), refundSucceeded())
      .when(recordRefund())
      .yields();
  });

  test("a refund that we had given up and that went through all the same is a fact", () => {
    given(...paid, refundAsked(), refundFailed())
      .when(recordRefund())
      .yields(refundSucceeded());
  });

  test("when such a refund leaves no room for the one in flight, that one is dropped", () => {
    const history = [...paid, refundAsked(), refundFailed(), refundAsked({ refundId: RFD_2, amount: rub(100) })];
    given(...history)
      .when(recordRefund())
      .yields(refundSucceeded({ dropped: RFD_2 }));
    given(...history, refundSucceeded({ dropped: RFD_2 }))
      .when(recordFailedRefund({ refundId: RFD_2 }))
      .yields();
    given(...history, refundSucceeded({ dropped: RFD_2 }))
      .when(recordRefund({ refundId: RFD_2, transactionId: BACK_2, amount: rub(100) }))
      .yields(refundSucceeded({ refundId: RFD_2, transactionId: BACK_2, amount: rub(100), overdrawn: true }));
  });

  test("what went back counts, not what was asked for", () => {
    const history = [...paid, refundAsked({ amount: rub(100) }), refundSucceeded({ amount: rub(90) })];
    expect(refundableOf(...history)).toEqual(rub(209));
  });

  test("a refund that failed gives its reservation back, once", () => {
    given(...paid, refundAsked())
      .when(recordFailedRefund({ at: minute(1) }))
      .yields(refundFailed({ at: minute(1) }));
    given(...paid, refundAsked(), refundFailed())
      .when(recordFailedRefund())
      .yields();
    given(...paid, refundAsked(), refundSucceeded())
      .when(recordFailedRefund())
      .yields();
    expect(refundableOf(...paid, refundAsked(), refundFailed())).toEqual(DUE);
  });

  test("a refund without an answer stays reserved", () => {
    given(...paid, refundAsked())
      .when(recordLostRefundAnswer({ at: minute(1) }))
      .yields(refundUnknown({ at: minute(1) }));
    given(...paid, refundAsked(), refundUnknown())
      .when(recordLostRefundAnswer())
      .yields();
    expect(refundableOf(...paid, refundAsked(), refundUnknown())).toEqual(rub(0));
  });

  test("two look-ups five minutes apart and then the list release a refund that never happened", () => {
    const first = refundLookUpFoundNothing({ at: minute(1) });
    const second = refundLookUpFoundNothing({ at: minute(6) });
    const unknown = [...paid, refundAsked(), refundUnknown()];
    given(...unknown)
      .when(recordEmptyRefundLookUp({ at: minute(1) }))
      .yields(first);
    given(...unknown)
      .when(recordEmptyRefundLookUp({ by: "list", at: minute(9) }))
      .yields();
    given(...unknown, first)
      .when(recordEmptyRefundLookUp({ at: minute(5) }))
      .yields();
    given(...unknown, first)
      .when(recordEmptyRefundLookUp({ at: minute(6) }))
      .yields(second);
    given(...unknown, first, second)
      .when(recordEmptyRefundLookUp({ by: "list", at: minute(7) }))
      .yields(
        refundLookUpFoundNothing({ by: "list", at: minute(7) }),
        refundFailed({ reason: "never_happened", at: minute(7) }),
      );
    given(...paid, refundAsked(), refundSucceeded())
      .when(recordEmptyRefundLookUp({ at: minute(1) }))
      .yields();
  });

  test("what was looked up before the answer was lost proves nothing", () => {
    given(...paid, refundAsked(), refundLookUpFoundNothing(), refundUnknown({ at: minute(1) }))
      .when(recordEmptyRefundLookUp({ at: minute(2) }))
      .yields(refundLookUpFoundNothing({ at: minute(2) }));
  });

  test("answers to a refund that we never asked for, and sums that are none, are refused", () => {
    const answers = [recordRefund(), recordFailedRefund(), recordLostRefundAnswer(), recordEmptyRefundLookUp()];
    for (const answer of answers) {
      given(...paid)
        .when(answer)
        .refuses({ code: "refund_unknown" });
    }
    given(...paid, refundAsked())
      .when(recordRefund({ amount: usd(1) }))
      .refuses({ code: "currency_differs", expected: "RUB" });
    given(...paid, refundAsked())
      .when(recordRefund({ amount: rub(0) }))
      .refuses({ code: "amount_not_positive" });
  });
});

describe("refunds that the gateway tells of", () => {
  test("a refund made in the gateway's own console is recorded", () => {
    const decision = given(...paid).when(recordReportedRefund({ amount: rub(100) }));
    decision.yields(refundReported({ amount: rub(100) }));
    decision.leaves("partly_refunded");
  });

  test("a callback that overtakes the answer to our own request is that answer", () => {
    for (const asked of [[refundAsked()], [refundAsked(), refundUnknown()]]) {
      given(...paid, ...asked)
        .when(recordReportedRefund())
        .yields(refundSucceeded());
    }
    given(...paid, refundAsked(), refundSucceeded())
      .when(recordReportedRefund())
      .yields();
    given(...paid, refundAsked(), refundSucceeded())
      .when(recordRefund())
      .yields();
  });

  test("another sum than the one in flight is another refund, and both are counted while there is room", () => {
    given(...paid, refundAsked({ amount: rub(100) }))
      .when(recordReportedRefund({ amount: rub(199) }))
      .yields(refundReported({ amount: rub(199) }));
  });

  test("a reservation that no longer fits is dropped, because what has gone back is a fact", () => {
    const history = [...paid, refundAsked({ amount: rub(100) })];
    given(...history)
      .when(recordReportedRefund({ amount: rub(199.01) }))
      .yields(refundReported({ amount: rub(199.01), dropped: RFD_1 }));
    expect(refundableOf(...history, refundReported({ amount: rub(199.01), dropped: RFD_1 }))).toEqual(rub(99.99));
  });

  test("more gone back than was captured is recorded and raises an alarm", () => {
    given(...paid, refundReported())
      .when(recordReportedRefund({ transactionId: BACK_2, amount: rub(1) }))
      .yields(refundReported({ transactionId: BACK_2, amount: rub(1), overdrawn: true }));
    given(...paid, chargebackRecorded(), chargebackDecided({ won: false }))
      .when(recordReportedRefund({ amount: rub(1) }))
      .yields(refundReported({ amount: rub(1), overdrawn: true }));
  });

  test("one movement told of twice is recorded once", () => {
    given(...paid, refundReported())
      .when(recordReportedRefund())
      .yields();
  });

  test("a movement first told of without our id, then with it, is counted once, as it was first told", () => {
    const history = [...paid, refundAsked({ amount: rub(100) }), refundReported({ amount: rub(90) })];
    given(...history)
      .when(recordRefund({ amount: rub(100) }))
      .yields(refundSucceeded({ amount: rub(90) }));
    expect(refundableOf(...history, refundSucceeded({ amount: rub(90) }))).toEqual(rub(209));
  });

  test("when our refund turns out to be another movement than the one taken for it, both are counted", () => {
    const history = [...paid, refundAsked({ amount: rub(100) }), refundSucceeded({ amount: rub(100) })];
    given(...history)
      .when(recordRefund({ transactionId: BACK_2, amount: rub(100) }))
      .yields(refundReported({ transactionId: BACK_2, amount: rub(100) }));
    given(...history, refundReported({ transactionId: BACK_2, amount: rub(100) }))
      .when(recordRefund({ transactionId: BACK_2, amount: rub(100) }))
      .yields();
  });

  test("an answer that names a movement already counted for another refund settles nothing", () => {
    const history = [...paid, refundAsked({ amount: rub(100) }), refundSucceeded({ amount: rub(100) })];
    given(...history, refundAsked({ refundId: RFD_2, amount: rub(100) }))
      .when(recordRefund({ refundId: RFD_2, amount: rub(100) }))
      .yields();
  });

  test("a refund of a payment that we do not know is for the suspense list", () => {
    given(...paid)
      .when(recordReportedRefund({ capture: key(TX_2) }))
      .refuses({ code: "capture_unknown" });
    given(...paid)
      .when(recordReportedRefund({ amount: usd(1) }))
      .refuses({ code: "currency_differs", expected: "RUB" });
  });
});

describe("credit", () => {
  test("the part that credit paid returns to credit, up to what was spent", () => {
    given(...paidWithCredit)
      .when(returnCredit({ amount: rub(60) }))
      .yields(creditReturned({ amount: rub(60) }));
    given(...paidWithCredit, creditReturned({ amount: rub(60) }))
      .when(returnCredit({ amount: rub(40.01) }))
      .refuses({ code: "refund_above_credit", left: rub(40) });
    given(...paidWithCredit, creditReturned({ amount: rub(60) }))
      .when(returnCredit({ amount: rub(40) }))
      .yields(creditReturned({ amount: rub(40) }));
  });

  test("credit that is only reserved does not return: it is freed when the invoice closes", () => {
    given(issued({ terms: terms({ credit: rub(100) }) }))
      .when(returnCredit({ amount: rub(1) }))
      .refuses({ code: "refund_above_credit", left: rub(0) });
  });

  test("a sum of nothing, or of another currency, does not return", () => {
    given(...paidWithCredit)
      .when(returnCredit({ amount: rub(0) }))
      .refuses({ code: "amount_not_positive" });
    given(...paidWithCredit)
      .when(returnCredit({ amount: usd(1) }))
      .refuses({ code: "currency_differs", expected: "RUB" });
  });
});

describe("chargebacks", () => {
  test("a chargeback is recorded once and decided by a person", () => {
    given(...paid)
      .when(recordChargeback())
      .yields(chargebackRecorded());
    given(...paid, chargebackRecorded())
      .when(recordChargeback())
      .yields();
    given(...paid, chargebackRecorded())
      .when(decideChargeback({ won: true }))
      .yields(chargebackDecided({ won: true }));
  });

  test("what has been decided stays decided", () => {
    const won = [...paid, chargebackRecorded(), chargebackDecided({ won: true })];
    given(...won)
      .when(recordChargeback())
      .yields();
    given(...won)
      .when(decideChargeback({ won: true }))
      .yields();
    given(...won)
      .when(decideChargeback({ won: false }))
      .refuses({ code: "dispute_not_open", dispute: "won" });
    given(...paid)
      .when(decideChargeback())
      .refuses({ code: "dispute_not_open", dispute: "none" });
  });

  test("a chargeback lost took back all that was left: the invoice is refunded", () => {
    const part = [refundAsked({ amount: rub(100) }), refundSucceeded({ amount: rub(100) })];
    const decision = given(...paid, ...part, chargebackRecorded()).when(decideChargeback());
    decision.leaves("refunded");
    expect(returnedSum(issuedStateOf(...paid, ...part, chargebackRecorded(), chargebackDecided()))).toEqual(DUE);
  });

  test("a chargeback won leaves the invoice paid", () => {
    given(...paid, chargebackRecorded())
      .when(decideChargeback({ won: true }))
      .leaves("paid");
  });

  test("a refund that was under way when the payer disputed is still recorded", () => {
    given(...paid, refundAsked(), chargebackRecorded())
      .when(recordRefund())
      .yields(refundSucceeded());
  });
});

test("the sums of an invoice: what paid it, what went back, what is left of its credit", () => {
  const part = [refundAsked({ amount: rub(100) }), refundSucceeded({ amount: rub(100) })];
  const extra = paymentSucceeded({ capture: payment(TX_2), role: "extra", attemptWas: "succeeded" });
  const state = issuedStateOf(...paidWithCredit, extra, ...part, creditReturned({ amount: rub(30) }));
  expect(paidSum(state)).toEqual(rub(399));
  expect(returnedSum(state)).toEqual(rub(130));
  expect(creditLeft(state)).toEqual(rub(70));
  expect(settlingCaptures(state).map(({ transactionId }) => transactionId)).toEqual([TX_1]);
  const open = issuedStateOf(issued({ terms: terms({ credit: rub(100) }) }));
  expect([paidSum(open), returnedSum(open), creditLeft(open)]).toEqual([rub(0), rub(0), rub(0)]);
});

test("each refund remembers when it was asked for and when that changed", () => {
  const state = issuedStateOf(...paid, refundAsked({ at: minute(1) }), refundSucceeded({ at: minute(2) }));
  expect(captureOf(state, key(TX_1))?.refunds).toEqual([
    {
      status: "done",
      id: RFD_1,
      reason: "staff",
      amount: DUE,
      transactionId: BACK_1,
      at: minute(1),
      statusAt: minute(2),
    },
  ]);
});
