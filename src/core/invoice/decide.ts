import { isPositive } from "../money.ts";
import { err, ok, unreachable } from "../result.ts";
import type { Instant } from "../time.ts";
import type {
  AnnulInvoice,
  Decision,
  ExpireInvoice,
  Invoice,
  InvoiceCommand,
  InvoiceEvent,
  IssuedInvoice,
  IssueInvoice,
  OfferClosing,
  SettleWithNothingDue,
  WriteOffInvoice,
} from "./invoice.ts";
import {
  endCurrentOffer,
  endOffer,
  makeOffer,
  recordCheck,
  recordDecline,
  recordEmptyLookUp,
  recordLostAnswer,
  recordSuccess,
  settleMismatch,
  startCharge,
} from "./payment.ts";
import { heldUntil, isOver } from "./reading.ts";
import {
  askRefund,
  decideChargeback,
  recordChargeback,
  recordEmptyRefundLookUp,
  recordFailedRefund,
  recordLostRefundAnswer,
  recordRefund,
  recordReportedRefund,
  returnCredit,
  startRefund,
} from "./refund.ts";

/**
 * What happens next, or why not. Time and ids arrive inside the command. Money that comes in is decided in payment.ts,
 * money that goes back in refund.ts, the invoice's own birth and end below.
 */
export const decide = (command: InvoiceCommand, state: Invoice): Decision => {
  if (state.status === "absent")
    return command.type === "IssueInvoice" ? issue(command) : err({ code: "invoice_not_found" });
  switch (command.type) {
    case "IssueInvoice":
      return err({ code: "invoice_exists" });
    case "MakeOffer":
      return makeOffer(command, state);
    case "RecordCheck":
      return recordCheck(command, state);
    case "EndOffer":
      return endOffer(command, state);
    case "StartCharge":
      return startCharge(command, state);
    case "RecordSuccess":
      return recordSuccess(command, state);
    case "RecordDecline":
      return recordDecline(command, state);
    case "RecordLostAnswer":
      return recordLostAnswer(command, state);
    case "RecordEmptyLookUp":
      return recordEmptyLookUp(command, state);
    case "SettleMismatch":
      return settleMismatch(command, state);
    case "SettleWithNothingDue":
      return settleWithNothingDue(command, state);
    case "AnnulInvoice":
      return annul(command, state);
    case "ExpireInvoice":
      return expire(command, state);
    case "WriteOffInvoice":
      return writeOff(command, state);
    case "AskRefund":
      return askRefund(command, state);
    case "StartRefund":
      return startRefund(command, state);
    case "RecordRefund":
      return recordRefund(command, state);
    case "RecordFailedRefund":
      return recordFailedRefund(command, state);
    case "RecordLostRefundAnswer":
      return recordLostRefundAnswer(command, state);
    case "RecordEmptyRefundLookUp":
      return recordEmptyRefundLookUp(command, state);
    case "RecordReportedRefund":
      return recordReportedRefund(command, state);
    case "ReturnCredit":
      return returnCredit(command, state);
    case "RecordChargeback":
      return recordChargeback(command, state);
    case "DecideChargeback":
      return decideChargeback(command, state);
    default:
      return unreachable(command, "decide");
  }
};

const issue = ({ terms, at }: IssueInvoice): Decision => ok([{ type: "InvoiceIssued", terms, at }]);

const settleWithNothingDue = ({ at }: SettleWithNothingDue, state: IssuedInvoice): Decision => {
  const { due, credit } = state.terms;
  switch (state.status) {
    case "open":
    case "processing":
      if (isPositive(due)) return err({ code: "payment_due", due });
      return ok([{ type: "InvoicePaid", by: "credit", paid: due, credit, at }]);
    case "paid":
    case "partly_refunded":
    case "refunded":
      return ok([]);
    case "void":
    case "expired":
    case "uncollectible":
      return err({ code: "invoice_closed", status: state.status });
    default:
      return unreachable(state, "settleWithNothingDue");
  }
};

const annul = ({ actor, reason, at }: AnnulInvoice, state: IssuedInvoice): Decision => {
  const voided: InvoiceEvent = { type: "InvoiceVoided", actor, reason, at };
  switch (state.status) {
    case "open":
      return close(state, "annulled", voided, at);
    case "processing":
      return err({ code: "charge_in_flight", attemptId: state.charge });
    case "paid":
    case "partly_refunded":
    case "refunded":
      return err({ code: "invoice_paid", status: state.status });
    case "uncollectible":
      return ok([voided]);
    case "void":
    case "expired":
      return ok([]);
    default:
      return unreachable(state, "annul");
  }
};

const expire = ({ at }: ExpireInvoice, state: IssuedInvoice): Decision => {
  if (state.status !== "open" && state.status !== "processing") return ok([]);
  const { terms } = state;
  if (!isOver(terms, at)) return err({ code: "not_expired", expiresAt: terms.expiresAt });
  if (state.status === "processing") return err({ code: "charge_in_flight", attemptId: state.charge });
  return close(state, "expired", { type: "InvoiceExpired", at }, at);
};

const writeOff = ({ at }: WriteOffInvoice, state: IssuedInvoice): Decision => {
  switch (state.status) {
    case "open":
      return close(state, "written_off", { type: "InvoiceWrittenOff", at }, at);
    case "processing":
      return err({ code: "charge_in_flight", attemptId: state.charge });
    case "paid":
    case "partly_refunded":
    case "refunded":
      return err({ code: "invoice_paid", status: state.status });
    case "uncollectible":
      return ok([]);
    case "void":
    case "expired":
      return err({ code: "invoice_closed", status: state.status });
    default:
      return unreachable(state, "writeOff");
  }
};

/** Closes an open invoice and its offer with it. A payer who is paying right now is waited for. */
const close = (state: IssuedInvoice, reason: OfferClosing, closing: InvoiceEvent, at: Instant): Decision => {
  const until = heldUntil(state, at);
  if (until !== null) return err({ code: "payment_in_progress", until });
  return ok([...endCurrentOffer(state, reason, at), closing]);
};
