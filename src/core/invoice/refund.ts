import type { RefundId, TransactionId } from "../ids.ts";
import { add, compare, equal, isPositive, type Money } from "../money.ts";
import { err, ok } from "../result.ts";
import { type Instant, instantOf } from "../time.ts";
import type {
  AskRefund,
  Capture,
  DecideChargeback,
  Decision,
  InvoiceEvent,
  InvoiceRefusal,
  IssuedInvoice,
  RecordChargeback,
  RecordEmptyRefundLookUp,
  RecordFailedRefund,
  RecordLostRefundAnswer,
  RecordRefund,
  RecordReportedRefund,
  ReturnCredit,
  StartRefund,
} from "./invoice.ts";
import {
  type AskedRefund,
  captureOf,
  creditLeft,
  hasGoneBack,
  keyOf,
  lookUpDue,
  type MadeRefund,
  refundable,
  refundInFlight,
  refundOf,
  returned,
  samePayment,
} from "./reading.ts";

/**
 * Reserves money of a capture before the gateway is asked for it. A settling capture needs no further leave: only an
 * invoice that was paid has one (see `evolve`).
 */
export const askRefund = (command: AskRefund, state: IssuedInvoice): Decision => {
  const { refundId, amount, reason, actor, at } = command;
  const known = refundOf(state, refundId);
  if (known !== null) return isSameRequest(command, known) ? ok([]) : err({ code: "refund_exists" });
  const capture = captureOf(state, command.capture);
  if (capture === null) return err({ code: "capture_unknown" });
  const refusal = whyNotRefundable(capture, amount, at);
  if (refusal !== null) return err(refusal);
  return ok([{ type: "RefundAsked", refundId, capture: keyOf(capture), amount, reason, actor, at }]);
};

/** The claim to send it: of two workers one is refused, and after a dead one the gateway is asked before anything else. */
export const startRefund = ({ refundId, at }: StartRefund, state: IssuedInvoice): Decision => {
  const asked = refundOf(state, refundId);
  if (asked === null) return err({ code: "refund_unknown" });
  if (asked.refund.status === "done" || asked.refund.status === "failed") return err({ code: "refund_closed" });
  if (asked.refund.status !== "reserved") return err({ code: "refund_in_flight" });
  if (asked.capture.dispute === "open") return err({ code: "dispute_open" });
  return ok([{ type: "RefundStarted", refundId, at }]);
};

/** The money has gone back: a fact, also when we had given the refund up. */
export const recordRefund = (command: RecordRefund, state: IssuedInvoice): Decision => {
  const { refundId, transactionId, amount, at } = command;
  const asked = refundOf(state, refundId);
  if (asked === null) return err({ code: "refund_unknown" });
  const { capture, refund } = asked;
  const refusal = whyNotAmount(capture, amount);
  if (refusal !== null) return err(refusal);
  const known = refundByTransaction(capture, transactionId);
  if (known !== null) {
    if (known.status === "done" || refund.status === "done") return ok([]);
    // One movement told of twice, first without our id and now with it: it stays counted once, as it was first told.
    return ok([succeeded(refundId, transactionId, known.amount, { dropped: null, overdrawn: false }, at)]);
  }
  // Done already by another transaction: what was taken for this refund was not it, and money went back twice.
  if (refund.status === "done") return ok([reported(capture, transactionId, amount, at)]);
  return ok([succeeded(refundId, transactionId, amount, consequencesOf(capture, amount, refundId), at)]);
};

export const recordReportedRefund = (command: RecordReportedRefund, state: IssuedInvoice): Decision => {
  const { transactionId, amount, at } = command;
  const capture = captureOf(state, command.capture);
  if (capture === null) return err({ code: "capture_unknown" });
  if (refundByTransaction(capture, transactionId) !== null) return ok([]);
  const refusal = whyNotAmount(capture, amount);
  if (refusal !== null) return err(refusal);
  // The callback may overtake the answer to our request, and bears no id of ours: the same sum is taken for the same.
  const own = refundInFlight(capture);
  if (own === null || compare(own.amount, amount) !== 0) return ok([reported(capture, transactionId, amount, at)]);
  return ok([succeeded(own.id, transactionId, amount, consequencesOf(capture, amount, own.id), at)]);
};

export const recordFailedRefund = ({ refundId, reason, at }: RecordFailedRefund, state: IssuedInvoice): Decision => {
  const asked = refundOf(state, refundId);
  if (asked === null) return err({ code: "refund_unknown" });
  if (asked.refund.status === "done" || asked.refund.status === "failed") return ok([]);
  return ok([{ type: "RefundFailed", refundId, reason, at }]);
};

/** It stays reserved: nothing else is asked of the capture until the gateway has said what came of it. */
export const recordLostRefundAnswer = ({ refundId, at }: RecordLostRefundAnswer, state: IssuedInvoice): Decision => {
  const asked = refundOf(state, refundId);
  if (asked === null) return err({ code: "refund_unknown" });
  const { status } = asked.refund;
  return ok(status === "reserved" || status === "in_flight" ? [{ type: "RefundUnknown", refundId, at }] : []);
};

/** The rule of `lookUpDue`, as for payments; the last of the three look-ups releases the reservation. */
export const recordEmptyRefundLookUp = (command: RecordEmptyRefundLookUp, state: IssuedInvoice): Decision => {
  const { refundId, by, at } = command;
  const asked = refundOf(state, refundId);
  if (asked === null) return err({ code: "refund_unknown" });
  if (asked.refund.status === "done" || asked.refund.status === "failed") return ok([]);
  const due = lookUpDue(asked.refund);
  if (by !== due.by || (due.from !== null && at < due.from)) return ok([]);
  const found: InvoiceEvent = { type: "RefundLookUpFoundNothing", refundId, by, at };
  return ok(by === "list" ? [found, { type: "RefundFailed", refundId, reason: "never_happened", at }] : [found]);
};

export const returnCredit = ({ amount, at }: ReturnCredit, state: IssuedInvoice): Decision => {
  const left = creditLeft(state);
  if (amount.currency !== left.currency) return err({ code: "currency_differs", expected: left.currency });
  if (!isPositive(amount)) return err({ code: "amount_not_positive" });
  if (compare(amount, left) > 0) return err({ code: "refund_above_credit", left });
  return ok([{ type: "CreditReturned", amount, at }]);
};

export const recordChargeback = (command: RecordChargeback, state: IssuedInvoice): Decision => {
  const capture = captureOf(state, command.capture);
  if (capture === null) return err({ code: "capture_unknown" });
  if (capture.dispute !== "none") return ok([]);
  return ok([{ type: "ChargebackRecorded", capture: keyOf(capture), at: command.at }]);
};

/** Lost: the bank has taken back all that was left of the capture, which counts as gone back like a refund. */
export const decideChargeback = (command: DecideChargeback, state: IssuedInvoice): Decision => {
  const { won, actor, at } = command;
  const capture = captureOf(state, command.capture);
  if (capture === null) return err({ code: "capture_unknown" });
  if (capture.dispute === (won ? "won" : "lost")) return ok([]);
  if (capture.dispute !== "open") return err({ code: "dispute_not_open", dispute: capture.dispute });
  return ok([{ type: "ChargebackDecided", capture: keyOf(capture), won, actor, at }]);
};

const isSameRequest = (
  { capture: key, amount, reason }: AskRefund,
  { capture, refund }: { readonly capture: Capture; readonly refund: AskedRefund },
): boolean => samePayment(capture, key) && refund.reason === reason && equal(refund.amount, amount);

const whyNotRefundable = (capture: Capture, amount: Money, at: Instant): InvoiceRefusal | null => {
  const refusal = whyNotAmount(capture, amount);
  if (refusal !== null) return refusal;
  if (capture.dispute === "open") return { code: "dispute_open" };
  const until = aYearAfter(capture.capturedAt);
  if (at >= until) return { code: "refund_too_late", until };
  if (refundInFlight(capture) !== null) return { code: "refund_in_flight" };
  const left = refundable(capture);
  return compare(amount, left) > 0 ? { code: "refund_above_captured", left } : null;
};

const whyNotAmount = ({ amount: { currency } }: Capture, amount: Money): InvoiceRefusal | null => {
  if (amount.currency !== currency) return { code: "currency_differs", expected: currency };
  return isPositive(amount) ? null : { code: "amount_not_positive" };
};

/** Gateways give no money back from one calendar year after the capture on. */
const aYearAfter = (at: Instant): Instant =>
  instantOf(Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO("UTC").add({ years: 1 }).epochMilliseconds);

const refundByTransaction = ({ refunds }: Capture, id: TransactionId): MadeRefund | null =>
  refunds.filter(hasGoneBack).find(({ transactionId }) => transactionId === id) ?? null;

/** What a fact does to the sums: a reservation that no longer fits is dropped, and too much gone back is an alarm. */
type Consequences = { readonly dropped: RefundId | null; readonly overdrawn: boolean };
const consequencesOf = (capture: Capture, amount: Money, refundId: RefundId | null): Consequences => {
  const gone = add(returned(capture), amount);
  const pending = refundInFlight(capture);
  const rival = pending?.id === refundId ? null : pending;
  const fits = rival === null || compare(add(gone, rival.amount), capture.amount) <= 0;
  return { dropped: fits ? null : rival.id, overdrawn: compare(gone, capture.amount) > 0 };
};

const succeeded = (
  refundId: RefundId,
  transactionId: TransactionId,
  amount: Money,
  consequences: Consequences,
  at: Instant,
): InvoiceEvent => ({ type: "RefundSucceeded", refundId, transactionId, amount, ...consequences, at });

const reported = (capture: Capture, transactionId: TransactionId, amount: Money, at: Instant): InvoiceEvent => ({
  type: "RefundReported",
  capture: keyOf(capture),
  transactionId,
  amount,
  ...consequencesOf(capture, amount, null),
  at,
});
