import { describe, expect, test } from "bun:test";
import type { InvoiceEvent } from "../../../src/core/invoice/invoice.ts";
import { chargeInFlight, heldUntil, lookUpDue, openOffer } from "../../../src/core/invoice/reading.ts";
import {
  annulInvoice,
  CHARGE,
  chargeStarted,
  checkAccepted,
  DUE,
  endOffer,
  GATEWAY,
  given,
  hour,
  invoicePaid,
  invoiceVoided,
  issued,
  issuedStateOf,
  key,
  lookUpFoundNothing,
  makeOffer,
  minute,
  mismatchSettled,
  NEXT,
  OFFER,
  OTHER_GATEWAY,
  offerClosed,
  offerMade,
  payment,
  paymentDeclined,
  paymentMismatched,
  paymentNeverHappened,
  paymentSucceeded,
  paymentUnknown,
  recordCheck,
  recordDecline,
  recordEmptyLookUp,
  recordLostAnswer,
  recordSuccess,
  rub,
  STRANGER,
  settleMismatch,
  startCharge,
  TX_1,
  TX_2,
  terms,
  usd,
} from "../../support/invoice.ts";

describe("offers", () => {
  test("an offer may be paid with for one hour", () => {
    given(issued())
      .when(makeOffer({ at: minute(5) }))
      .yields(offerMade({ at: minute(5), endsAt: minute(65) }));
  });

  test("a newer offer takes the place of the one before", () => {
    given(issued(), offerMade())
      .when(makeOffer({ attemptId: NEXT, at: minute(5) }))
      .yields(offerClosed({ at: minute(5) }), offerMade({ attemptId: NEXT, at: minute(5), endsAt: minute(65) }));
  });

  test("an attempt id is used once", () => {
    given(issued(), offerMade()).when(makeOffer()).refuses({ code: "attempt_exists" });
    given(issued(), offerMade())
      .when(startCharge({ attemptId: OFFER }))
      .refuses({ code: "attempt_exists" });
  });

  test("an invoice whose time is over is not offered, though no sweep has expired it yet", () => {
    const history = [issued({ terms: terms({ expiresAt: minute(30) }) })];
    given(...history)
      .when(makeOffer({ at: minute(30) }))
      .refuses({ code: "invoice_closed", status: "expired" });
    given(...history)
      .when(startCharge({ at: minute(30) }))
      .refuses({ code: "invoice_closed", status: "expired" });
    given(...history)
      .when(makeOffer({ at: minute(29) }))
      .yields(offerMade({ at: minute(29), endsAt: minute(89) }));
  });

  test("a renewal has no time that could be over", () => {
    given(issued({ terms: terms({ expiresAt: null }) }))
      .when(makeOffer({ at: hour(9000) }))
      .yields(offerMade({ at: hour(9000), endsAt: hour(9001) }));
  });

  test("an offer nobody used ends after its hour", () => {
    given(issued(), offerMade({ endsAt: hour(1) }))
      .when(endOffer({ at: hour(1) }))
      .yields(offerClosed({ reason: "ended", at: hour(1) }));
  });

  test("an offer whose payer was let through is looked up before it ends", () => {
    given(issued(), offerMade({ endsAt: hour(1) }), checkAccepted({ at: minute(20) }))
      .when(endOffer({ at: hour(1) }))
      .yields(paymentUnknown({ attemptId: OFFER, at: hour(1) }));
  });

  test("a sweep that comes too early is told when the offer ends", () => {
    given(issued(), offerMade({ endsAt: hour(1) }))
      .when(endOffer({ at: minute(59) }))
      .refuses({ code: "not_expired", expiresAt: hour(1) });
  });

  test("a charge has no hour to end", () => {
    given(issued(), chargeStarted())
      .when(endOffer({ attemptId: CHARGE, at: hour(2) }))
      .refuses({ code: "attempt_unknown" });
  });
});

describe("check", () => {
  const checked = [issued(), offerMade(), checkAccepted({ at: minute(10) })];

  test("for 15 minutes a payer who is paying is not disturbed", () => {
    for (const command of [makeOffer({ attemptId: NEXT, at: minute(24) }), startCharge({ at: minute(24) })]) {
      given(...checked)
        .when(command)
        .refuses({ code: "payment_in_progress", until: minute(25) });
    }
  });

  test("after 15 minutes without an answer the payer may try anew, and what became of the first try is asked", () => {
    given(...checked)
      .when(makeOffer({ attemptId: NEXT, at: minute(25) }))
      .yields(
        paymentUnknown({ attemptId: OFFER, at: minute(25) }),
        offerMade({ attemptId: NEXT, endsAt: minute(85), at: minute(25) }),
      );
    given(...checked)
      .when(annulInvoice({ at: minute(25) }))
      .yields(paymentUnknown({ attemptId: OFFER, at: minute(25) }), invoiceVoided({ at: minute(25) }));
  });

  test("we charge nothing before it is known what became of a payment that was let through", () => {
    given(...checked)
      .when(startCharge({ at: minute(25) }))
      .refuses({ code: "payment_unknown", attemptId: OFFER });
  });

  test("the offer gives way as soon as the payment has failed", () => {
    given(...checked, paymentDeclined({ at: minute(12) }))
      .when(startCharge({ at: minute(12) }))
      .yields(chargeStarted({ at: minute(12) }));
  });

  test("a payer is waited for also when the offer's hour ends meanwhile", () => {
    given(
      issued(),
      offerMade(),
      checkAccepted({ at: minute(55) }),
      paymentUnknown({ attemptId: OFFER, at: minute(60) }),
    )
      .when(makeOffer({ attemptId: NEXT, at: minute(69) }))
      .refuses({ code: "payment_in_progress", until: minute(70) });
  });

  test("the same transaction may ask again", () => {
    given(...checked)
      .when(recordCheck({ at: minute(11) }))
      .yields();
  });

  test("a second card waits until the first has had its 15 minutes", () => {
    given(...checked)
      .when(recordCheck({ transactionId: TX_2, at: minute(24) }))
      .refuses({ code: "payment_in_progress", until: minute(25) });
    given(...checked)
      .when(recordCheck({ transactionId: TX_2, at: minute(25) }))
      .yields(checkAccepted({ transactionId: TX_2, at: minute(25) }));
  });

  test("a payer was let through when the gateway asked, however late that is recorded", () => {
    given(issued(), offerMade({ endsAt: hour(1) }))
      .when(recordCheck({ at: hour(2) }))
      .yields(checkAccepted({ at: hour(2) }));
    given(issued({ terms: terms({ expiresAt: minute(30) }) }), offerMade())
      .when(recordCheck({ at: minute(30) }))
      .yields(checkAccepted({ at: minute(30) }));
  });

  test("an offer that was closed before is looked up; once it is, another check says nothing new", () => {
    for (const close of [[offerClosed()], [offerClosed(), invoiceVoided()]]) {
      given(issued(), offerMade(), ...close)
        .when(recordCheck({ at: minute(20) }))
        .yields(checkAccepted({ at: minute(20) }), paymentUnknown({ attemptId: OFFER, at: minute(20) }));
      given(issued(), offerMade(), ...close, paymentUnknown({ attemptId: OFFER }))
        .when(recordCheck({ transactionId: TX_2, at: minute(20) }))
        .yields();
    }
  });

  test("who was let through by the older window keeps nobody from being recorded for the newer one", () => {
    given(
      issued(),
      offerMade(),
      offerClosed(),
      offerMade({ attemptId: NEXT }),
      checkAccepted({ at: minute(20) }),
      paymentUnknown({ attemptId: OFFER, at: minute(20) }),
    )
      .when(recordCheck({ attemptId: NEXT, transactionId: TX_2, at: minute(21) }))
      .yields(checkAccepted({ attemptId: NEXT, transactionId: TX_2, at: minute(21) }));
  });

  test("an offer that ended with an answer stays as it is", () => {
    given(issued(), offerMade(), paymentDeclined({ attemptId: OFFER }))
      .when(recordCheck({ transactionId: TX_2 }))
      .refuses({ code: "offer_closed" });
  });

  test("a check of our own charge is answered yes and adds nothing", () => {
    given(issued(), chargeStarted())
      .when(recordCheck({ attemptId: CHARGE }))
      .yields();
    given(issued(), chargeStarted(), paymentDeclined({ attemptId: CHARGE }))
      .when(recordCheck({ attemptId: CHARGE }))
      .refuses({ code: "offer_closed" });
  });

  test("a check of another card, refused by us, fails without ending the payment under way", () => {
    given(...checked)
      .when(recordDecline({ transactionId: TX_2, at: minute(12) }))
      .yields();
    given(...checked)
      .when(recordDecline({ transactionId: TX_1, at: minute(12) }))
      .yields(paymentDeclined({ at: minute(12) }));
    given(...checked)
      .when(recordDecline({ transactionId: null, at: minute(12) }))
      .yields(paymentDeclined({ transactionId: null, at: minute(12) }));
    given(...checked)
      .when(recordDecline({ transactionId: TX_2, at: minute(25) }))
      .yields(paymentDeclined({ transactionId: TX_2, at: minute(25) }));
  });
});

describe("charges", () => {
  test("a charge closes the offer and then waits for its answer", () => {
    const decision = given(issued(), offerMade()).when(startCharge({ at: minute(1) }));
    decision.yields(offerClosed({ at: minute(1) }), chargeStarted({ at: minute(1) }));
    decision.leaves("processing");
  });

  test("one charge is in flight at a time", () => {
    given(issued(), chargeStarted())
      .when(startCharge({ attemptId: NEXT }))
      .refuses({ code: "charge_in_flight", attemptId: CHARGE });
    given(issued(), chargeStarted(), paymentUnknown())
      .when(startCharge({ attemptId: NEXT }))
      .refuses({ code: "charge_in_flight", attemptId: CHARGE });
  });

  test("while a mismatch is unsettled the payer may pay again, and we do not charge", () => {
    const mismatched = [issued(), offerMade(), paymentMismatched()];
    given(...mismatched)
      .when(startCharge())
      .refuses({ code: "mismatch_unsettled" });
    given(...mismatched)
      .when(makeOffer({ attemptId: NEXT }))
      .yields(offerMade({ attemptId: NEXT }));
    given(...mismatched, mismatchSettled())
      .when(startCharge())
      .yields(chargeStarted());
  });

  test("nothing is charged while the gateway is being asked what became of an offer", () => {
    const unknown = [issued(), offerMade(), paymentUnknown({ attemptId: OFFER })];
    given(...unknown)
      .when(startCharge())
      .refuses({ code: "payment_unknown", attemptId: OFFER });
    given(...unknown, paymentNeverHappened({ attemptId: OFFER }))
      .when(startCharge())
      .yields(chargeStarted());
    given(...unknown)
      .when(makeOffer({ attemptId: NEXT }))
      .yields(offerMade({ attemptId: NEXT }));
  });
});

describe("success", () => {
  test("the first right payment settles the invoice", () => {
    const decision = given(issued({ terms: terms({ credit: rub(100) }) }), offerMade()).when(
      recordSuccess({ at: minute(3) }),
    );
    decision.yields(paymentSucceeded({ at: minute(3) }), invoicePaid({ credit: rub(100), at: minute(3) }));
    decision.leaves("paid");
  });

  test("a payment of an older offer closes the offer that is current", () => {
    given(issued(), offerMade(), offerClosed(), offerMade({ attemptId: NEXT }))
      .when(recordSuccess({ at: minute(3) }))
      .yields(
        paymentSucceeded({ attemptWas: "closed", at: minute(3) }),
        offerClosed({ attemptId: NEXT, reason: "paid", at: minute(3) }),
        invoicePaid({ at: minute(3) }),
      );
  });

  test("money is taken without an account's name, and when the invoice's time is over but not swept", () => {
    given(issued({ terms: terms({ expiresAt: minute(30) }) }), offerMade())
      .when(recordSuccess({ accountId: null, at: minute(31) }))
      .leaves("paid");
  });

  test("a second right payment is extra, also on the attempt that has paid", () => {
    const paid = [issued(), offerMade(), paymentSucceeded(), invoicePaid()];
    given(...paid)
      .when(recordSuccess({ capture: payment(TX_2) }))
      .yields(paymentSucceeded({ capture: payment(TX_2), role: "extra", attemptWas: "succeeded" }));
  });

  test("money that comes for an annulled invoice is extra", () => {
    given(issued(), offerMade(), offerClosed({ reason: "annulled" }), invoiceVoided())
      .when(recordSuccess())
      .yields(paymentSucceeded({ role: "extra", attemptWas: "closed" }));
  });

  test("the same transaction is recorded once, whatever is said of it the second time", () => {
    given(issued(), offerMade(), paymentSucceeded(), invoicePaid())
      .when(recordSuccess({ attemptId: NEXT, capture: payment(TX_1, rub(1)) }))
      .yields();
    given(issued(), offerMade(), paymentMismatched()).when(recordSuccess()).yields();
  });

  test("the same number at another gateway account is another transaction", () => {
    const attempts = [offerMade(), offerClosed(), offerMade({ attemptId: NEXT, gatewayAccount: OTHER_GATEWAY })];
    given(
      issued(),
      ...attempts,
      paymentSucceeded({ attemptWas: "closed" }),
      offerClosed({ attemptId: NEXT }),
      invoicePaid(),
    )
      .when(recordSuccess({ attemptId: NEXT, capture: payment(TX_1, DUE, OTHER_GATEWAY) }))
      .yields(
        paymentSucceeded({
          attemptId: NEXT,
          capture: payment(TX_1, DUE, OTHER_GATEWAY),
          role: "extra",
          attemptWas: "closed",
        }),
      );
  });

  test("a payment after a decline still counts, and says that it contradicts it", () => {
    const decision = given(issued(), chargeStarted(), paymentDeclined({ attemptId: CHARGE })).when(
      recordSuccess({ attemptId: CHARGE }),
    );
    decision.yields(paymentSucceeded({ attemptId: CHARGE, attemptWas: "declined" }), invoicePaid());
  });

  test("a payment that had never happened still counts", () => {
    given(issued(), chargeStarted(), paymentUnknown(), paymentNeverHappened())
      .when(recordSuccess({ attemptId: CHARGE }))
      .yields(paymentSucceeded({ attemptId: CHARGE, attemptWas: "never_happened" }), invoicePaid());
  });

  test("a charge still in flight when another payment has paid goes on to its own end", () => {
    const paid = [
      issued(),
      offerMade(),
      offerClosed(),
      chargeStarted(),
      paymentSucceeded({ attemptWas: "closed" }),
      invoicePaid(),
    ];
    expect(chargeInFlight(issuedStateOf(...paid))?.id).toBe(CHARGE);
    given(...paid)
      .when(recordLostAnswer())
      .yields(paymentUnknown());
    given(...paid)
      .when(recordDecline({ attemptId: CHARGE }))
      .leaves("paid");
    given(...paid)
      .when(recordSuccess({ attemptId: CHARGE, capture: payment(TX_2) }))
      .yields(paymentSucceeded({ attemptId: CHARGE, capture: payment(TX_2), role: "extra", attemptWas: "in_flight" }));
    expect(chargeInFlight(issuedStateOf(...paid, paymentUnknown(), paymentNeverHappened()))).toBeNull();
  });

  test("money for an attempt that we never made is for the suspense list", () => {
    given(issued(), offerMade())
      .when(recordSuccess({ attemptId: NEXT }))
      .refuses({ code: "attempt_unknown" });
  });
});

describe("mismatches", () => {
  const open = [issued(), offerMade()];
  const mismatch = (over: Parameters<typeof paymentMismatched>[0]) => paymentMismatched({ received: DUE, ...over });

  test("another sum, higher or lower, is no payment", () => {
    for (const received of [rub(298.99), rub(299.01)]) {
      const decision = given(...open).when(recordSuccess({ capture: payment(TX_1, received) }));
      decision.yields(mismatch({ reason: "amount", received }));
      decision.leaves("open");
    }
  });

  test("another currency is no payment", () => {
    given(...open)
      .when(recordSuccess({ capture: payment(TX_1, usd(299)) }))
      .yields(mismatch({ reason: "currency", received: usd(299) }));
  });

  test("another payer's name is no payment", () => {
    given(...open)
      .when(recordSuccess({ accountId: STRANGER }))
      .yields(mismatch({ reason: "account" }));
  });

  test("money at another gateway account than the attempt's is no payment", () => {
    given(...open)
      .when(recordSuccess({ capture: payment(TX_1, DUE, OTHER_GATEWAY) }))
      .yields(mismatch({ reason: "gateway_account", payment: key(TX_1, OTHER_GATEWAY) }));
  });

  test("money that is only held is no payment", () => {
    given(...open)
      .when(recordSuccess({ onlyAuthorised: true }))
      .yields(mismatch({ reason: "only_authorised" }));
  });

  test("after a wrong payment of the charge the invoice is open again", () => {
    given(issued(), chargeStarted())
      .when(recordSuccess({ attemptId: CHARGE, capture: payment(TX_1, rub(1)) }))
      .leaves("open");
  });

  test("a wrong payment ends its offer", () => {
    expect(openOffer(issuedStateOf(...open, mismatch({})))).toBeNull();
  });

  test("a wrong payment beside a right one leaves the right one standing", () => {
    const state = issuedStateOf(...open, paymentSucceeded(), invoicePaid(), paymentMismatched({ payment: key(TX_2) }));
    expect(state.attempts.map(({ status }) => status)).toEqual(["succeeded"]);
    expect(state.mismatches).toHaveLength(1);
  });

  test("each mismatch is settled for itself", () => {
    const both = [...open, paymentMismatched(), paymentMismatched({ payment: key(TX_2) })];
    given(...both, mismatchSettled())
      .when(startCharge())
      .refuses({ code: "mismatch_unsettled" });
    given(...both, mismatchSettled(), mismatchSettled({ payment: key(TX_2) }))
      .when(startCharge())
      .yields(chargeStarted());
  });

  test("a person settles a mismatch once", () => {
    const mismatched = [...open, paymentMismatched()];
    given(...mismatched)
      .when(settleMismatch())
      .yields(mismatchSettled());
    given(...mismatched, mismatchSettled())
      .when(settleMismatch())
      .yields();
    given(...mismatched)
      .when(settleMismatch({ payment: key(TX_2) }))
      .refuses({ code: "mismatch_unknown" });
  });
});

describe("declines and lost answers", () => {
  test("a declined charge leaves the invoice open for the next try", () => {
    const decision = given(issued(), chargeStarted()).when(recordDecline({ attemptId: CHARGE }));
    decision.yields(paymentDeclined({ attemptId: CHARGE }));
    decision.leaves("open");
  });

  test("a decline told twice is one decline", () => {
    given(issued(), offerMade(), paymentDeclined()).when(recordDecline()).yields();
  });

  test("money that has arrived wins over a decline of the same attempt", () => {
    given(issued(), offerMade(), paymentSucceeded(), invoicePaid()).when(recordDecline()).yields();
    given(issued(), offerMade(), paymentMismatched()).when(recordDecline()).yields();
  });

  test("a late decline corrects an offer that was only closed", () => {
    given(issued(), offerMade(), offerClosed({ reason: "annulled" }), invoiceVoided())
      .when(recordDecline())
      .yields(paymentDeclined());
    given(issued(), chargeStarted(), paymentUnknown(), paymentNeverHappened())
      .when(recordDecline({ attemptId: CHARGE }))
      .yields(paymentDeclined({ attemptId: CHARGE }));
  });

  test("a charge whose answer is lost keeps the invoice waiting", () => {
    const decision = given(issued(), chargeStarted()).when(recordLostAnswer({ at: minute(1) }));
    decision.yields(paymentUnknown({ at: minute(1) }));
    decision.leaves("processing");
  });

  test("an answer that is known is not unlearned", () => {
    given(issued(), chargeStarted(), paymentUnknown()).when(recordLostAnswer()).yields();
    given(issued(), chargeStarted(), paymentDeclined({ attemptId: CHARGE }))
      .when(recordLostAnswer())
      .yields();
    given(issued(), offerMade(), offerClosed())
      .when(recordLostAnswer({ attemptId: OFFER }))
      .yields();
  });

  test("facts about an attempt that we never made are refused", () => {
    for (const command of [recordCheck(), recordDecline(), recordLostAnswer(), recordEmptyLookUp(), endOffer()]) {
      given(issued()).when(command).refuses({ code: "attempt_unknown" });
    }
  });
});

describe("look-ups that find nothing", () => {
  const unknown = [issued(), chargeStarted(), paymentUnknown()];
  const foundOnce = [...unknown, lookUpFoundNothing({ at: minute(1) })];
  const foundTwice = [...foundOnce, lookUpFoundNothing({ at: minute(6) })];

  test("one look-up proves nothing", () => {
    const decision = given(...unknown).when(recordEmptyLookUp({ at: minute(1) }));
    decision.yields(lookUpFoundNothing({ at: minute(1) }));
    decision.leaves("processing");
  });

  test("two look-ups less than five minutes apart are worth one", () => {
    given(...foundOnce)
      .when(recordEmptyLookUp({ at: minute(5) }))
      .yields();
    given(...foundOnce)
      .when(recordEmptyLookUp({ at: minute(6) }))
      .yields(lookUpFoundNothing({ at: minute(6) }));
  });

  test("the gateway's list counts only after both look-ups", () => {
    for (const history of [unknown, foundOnce]) {
      given(...history)
        .when(recordEmptyLookUp({ by: "list", at: minute(30) }))
        .yields();
    }
    given(...foundTwice)
      .when(recordEmptyLookUp({ by: "list", at: minute(5) }))
      .yields();
  });

  test("two look-ups and then the list are certain: it never happened", () => {
    const decision = given(...foundTwice).when(recordEmptyLookUp({ by: "list", at: minute(7) }));
    decision.yields(lookUpFoundNothing({ by: "list", at: minute(7) }), paymentNeverHappened({ at: minute(7) }));
    decision.leaves("open");
  });

  test("a third look-up adds nothing to two", () => {
    given(...foundTwice)
      .when(recordEmptyLookUp({ at: minute(30) }))
      .yields();
  });

  test("what was looked up before the answer was lost proves nothing", () => {
    given(issued(), chargeStarted(), lookUpFoundNothing({ at: minute(1) }), paymentUnknown({ at: minute(2) }))
      .when(recordEmptyLookUp({ at: minute(3) }))
      .yields(lookUpFoundNothing({ at: minute(3) }));
  });

  test("a charge whose worker died without a word is looked up as well", () => {
    given(issued(), chargeStarted())
      .when(recordEmptyLookUp({ at: minute(10) }))
      .yields(lookUpFoundNothing({ at: minute(10) }));
  });

  test("of a current offer an empty look-up says only that nobody has paid yet", () => {
    given(issued(), offerMade())
      .when(recordEmptyLookUp({ attemptId: OFFER }))
      .yields();
  });

  test("the worker is told which look-up comes next, and from when", () => {
    const due = (...history: readonly InvoiceEvent[]) => {
      const charge = chargeInFlight(issuedStateOf(...history));
      return charge === null ? null : lookUpDue(charge);
    };
    expect(due(...unknown)).toEqual({ by: "find", from: null });
    expect(due(...foundOnce)).toEqual({ by: "find", from: minute(6) });
    expect(due(...foundTwice)).toEqual({ by: "list", from: minute(6) });
  });
});

test("the check route reads from the invoice which offer is open, and until when a payer holds it", () => {
  const state = issuedStateOf(issued(), offerMade(), checkAccepted({ at: minute(10) }));
  expect(openOffer(state)).toMatchObject({ id: OFFER, gatewayAccount: GATEWAY });
  expect(heldUntil(state, minute(24))).toBe(minute(25));
  expect(heldUntil(state, minute(25))).toBeNull();
});
