import { describe, test } from "bun:test";
import {
  annulInvoice,
  CHARGE,
  chargeStarted,
  checkAccepted,
  expireInvoice,
  given,
  invoiceExpired,
  invoicePaid,
  invoiceVoided,
  invoiceWrittenOff,
  issued,
  issueInvoice,
  makeOffer,
  minute,
  offerClosed,
  offerMade,
  paymentSucceeded,
  paymentUnknown,
  refundAsked,
  refundSucceeded,
  rub,
  settleWithNothingDue,
  startCharge,
  terms,
  writeOffInvoice,
} from "../../support/invoice.ts";

describe("issue", () => {
  test("an invoice is issued once", () => {
    given().when(issueInvoice()).yields(issued());
    given(issued()).when(issueInvoice()).refuses({ code: "invoice_exists" });
  });

  test("an invoice that credit pays in full is paid without a gateway", () => {
    const free = terms({ due: rub(0), credit: rub(399) });
    const decision = given(issued({ terms: free })).when(settleWithNothingDue());
    decision.yields(invoicePaid({ by: "credit", paid: rub(0), credit: rub(399) }));
    decision.leaves("paid");
    given(issued({ terms: free }))
      .when(makeOffer())
      .refuses({ code: "nothing_due" });
    given(issued({ terms: free }))
      .when(startCharge())
      .refuses({ code: "nothing_due" });
  });

  test("an invoice of nothing at all is paid, and stays so", () => {
    const nothing = terms({ due: rub(0) });
    given(issued({ terms: nothing }))
      .when(settleWithNothingDue())
      .leaves("paid");
  });

  test("an invoice with something due is not settled for nothing", () => {
    given(issued())
      .when(settleWithNothingDue())
      .refuses({ code: "payment_due", due: rub(299) });
  });
});

describe("the end of an unpaid invoice", () => {
  const at = minute(5);
  const expiring = [issued({ terms: terms({ expiresAt: at }) })];

  test("annulling, expiring and writing off close the offer with the invoice", () => {
    given(issued(), offerMade())
      .when(annulInvoice({ at }))
      .yields(offerClosed({ reason: "annulled", at }), invoiceVoided({ at }));
    given(...expiring, offerMade())
      .when(expireInvoice({ at }))
      .yields(offerClosed({ reason: "expired", at }), invoiceExpired({ at }));
    given(issued(), offerMade())
      .when(writeOffInvoice({ at }))
      .yields(offerClosed({ reason: "written_off", at }), invoiceWrittenOff({ at }));
  });

  test("none of them overtakes a payer who is paying right now", () => {
    for (const command of [annulInvoice({ at }), expireInvoice({ at }), writeOffInvoice({ at })]) {
      given(...expiring, offerMade(), checkAccepted({ at: minute(4) }))
        .when(command)
        .refuses({ code: "payment_in_progress", until: minute(19) });
    }
  });

  test("none of them overtakes a charge whose answer is not known", () => {
    for (const answer of [[], [paymentUnknown()]]) {
      for (const command of [annulInvoice({ at }), expireInvoice({ at }), writeOffInvoice({ at })]) {
        given(...expiring, chargeStarted(), ...answer)
          .when(command)
          .refuses({ code: "charge_in_flight", attemptId: CHARGE });
      }
    }
  });

  test("an invoice expires at its instant, not before", () => {
    given(...expiring)
      .when(expireInvoice({ at: minute(4) }))
      .refuses({ code: "not_expired", expiresAt: minute(5) });
  });

  test("a renewal never expires: dunning decides", () => {
    given(issued({ terms: terms({ expiresAt: null }) }))
      .when(expireInvoice({ at }))
      .refuses({ code: "not_expired", expiresAt: null });
  });

  test("an invoice that was written off can still be annulled", () => {
    given(issued(), invoiceWrittenOff()).when(annulInvoice({ at })).yields(invoiceVoided({ at }));
  });

  test("what is closed stays as it was closed", () => {
    for (const command of [annulInvoice(), expireInvoice()]) {
      given(issued(), invoiceVoided()).when(command).yields();
    }
    given(issued(), invoiceWrittenOff()).when(writeOffInvoice()).yields();
    given(issued(), invoiceExpired()).when(writeOffInvoice()).refuses({ code: "invoice_closed", status: "expired" });
  });

  test("a paid invoice is refunded, not annulled", () => {
    const paid = [issued(), offerMade(), paymentSucceeded(), invoicePaid()];
    given(...paid)
      .when(annulInvoice())
      .refuses({ code: "invoice_paid", status: "paid" });
    given(...paid, refundAsked(), refundSucceeded())
      .when(writeOffInvoice())
      .refuses({ code: "invoice_paid", status: "refunded" });
  });
});
