import { isZero } from "../money.ts";
import { err, ok, unreachable } from "../result.ts";
import { HOUR_MS, type Instant, plusMs } from "../time.ts";
import type {
  Attempt,
  CaptureKey,
  Decision,
  EndOffer,
  InvoiceEvent,
  InvoiceRefusal,
  IssuedInvoice,
  MakeOffer,
  MismatchReason,
  OfferClosing,
  RecordCheck,
  RecordDecline,
  RecordEmptyLookUp,
  RecordLostAnswer,
  RecordSuccess,
  SettleMismatch,
  StartCharge,
} from "./invoice.ts";
import {
  attemptOf,
  awaitsAnswer,
  captureOf,
  checkHolds,
  heldUntil,
  holdOf,
  isOver,
  keyOf,
  lookUpDue,
  openOffer,
  samePayment,
} from "./reading.ts";

/** How long widget JSON may be paid with. */
const OFFER_MS = HOUR_MS;

export const makeOffer = ({ attemptId, gatewayAccount, at }: MakeOffer, state: IssuedInvoice): Decision => {
  if (attemptOf(state, attemptId) !== null) return err({ code: "attempt_exists" });
  const refusal = whyNotPayable(state, at) ?? whyHeld(state, at);
  if (refusal !== null) return err(refusal);
  const endsAt = plusMs(at, OFFER_MS);
  return ok([
    ...endCurrentOffer(state, "superseded", at),
    { type: "OfferMade", attemptId, gatewayAccount, endsAt, at },
  ]);
};

export const startCharge = (command: StartCharge, state: IssuedInvoice): Decision => {
  const { attemptId, gatewayAccount, cardId, initiator, at } = command;
  if (attemptOf(state, attemptId) !== null) return err({ code: "attempt_exists" });
  const refusal = whyNotPayable(state, at) ?? whyHeld(state, at) ?? whyNotChargeable(state);
  if (refusal !== null) return err(refusal);
  return ok([
    ...endCurrentOffer(state, "superseded", at),
    { type: "ChargeStarted", attemptId, gatewayAccount, cardId, initiator, at },
  ]);
};

/** Records that a payer was let through: the gateway had its answer when it asked (`whyNotPay`), however long ago that is. */
export const recordCheck = ({ attemptId, transactionId, at }: RecordCheck, state: IssuedInvoice): Decision => {
  const attempt = attemptOf(state, attemptId);
  if (attempt === null) return err({ code: "attempt_unknown" });
  // The gateway asks about our own charges too: the claim to charge was the yes. And what is looked up needs no other reason.
  if (awaitsAnswer(attempt)) return ok([]);
  if (attempt.kind === "charge") return err(whyNotPayable(state, at) ?? { code: "offer_closed" });
  if (attempt.check?.transactionId === transactionId) return ok([]);
  const accepted = { type: "CheckAccepted", attemptId, transactionId, at } as const;
  // Closed before this was on record: whether money moves all the same is for the gateway to say.
  if (attempt.status === "closed") return ok([accepted, { type: "PaymentUnknown", attemptId, at }]);
  if (attempt.status !== "current") return err(whyNotPayable(state, at) ?? { code: "offer_closed" });
  const until = holdOf(attempt, at);
  return until === null ? ok([accepted]) : err({ code: "payment_in_progress", until });
};

/** A sweep that comes too early is told when to come again; one that comes late finds nothing to do. */
export const endOffer = ({ attemptId, at }: EndOffer, state: IssuedInvoice): Decision => {
  const offer = attemptOf(state, attemptId);
  if (offer?.kind !== "offer") return err({ code: "attempt_unknown" });
  if (offer.status !== "current") return ok([]);
  if (at < offer.endsAt) return err({ code: "not_expired", expiresAt: offer.endsAt });
  return ok(endCurrentOffer(state, "ended", at));
};

export const recordSuccess = (command: RecordSuccess, state: IssuedInvoice): Decision => {
  const { attemptId, capture, at } = command;
  // Gateways redeliver, and a charge is told of by its answer and by a callback: the same transaction is old news.
  if (isRecorded(state, capture)) return ok([]);
  const attempt = attemptOf(state, attemptId);
  if (attempt === null) return err({ code: "attempt_unknown" });
  const reason = mismatchOf(command, state, attempt);
  if (reason !== null) {
    const payment = keyOf(capture);
    return ok([{ type: "PaymentMismatched", attemptId, payment, reason, received: capture.amount, at }]);
  }
  const attemptWas = attempt.status;
  if (state.status !== "open" && state.status !== "processing")
    return ok([{ type: "PaymentSucceeded", attemptId, capture, role: "extra", attemptWas, at }]);
  return ok([
    { type: "PaymentSucceeded", attemptId, capture, role: "settling", attemptWas, at },
    ...(attemptWas === "current" ? [] : endCurrentOffer(state, "paid", at)),
    { type: "InvoicePaid", by: "capture", paid: capture.amount, credit: state.terms.credit, at },
  ]);
};

export const recordDecline = (command: RecordDecline, state: IssuedInvoice): Decision => {
  const { attemptId, transactionId, decline, at } = command;
  const attempt = attemptOf(state, attemptId);
  if (attempt === null) return err({ code: "attempt_unknown" });
  // Money that has arrived wins over a "no" of the same attempt, in whatever order the two are told.
  const { status } = attempt;
  if (status === "succeeded" || status === "mismatched" || status === "declined") return ok([]);
  // The "no" to a second transaction, whose check we refused, says nothing of the first, which is still on its way.
  if (checkHolds(attempt, at) && isOtherTransaction(attempt, transactionId)) return ok([]);
  return ok([{ type: "PaymentDeclined", attemptId, transactionId, decline, at }]);
};

export const recordLostAnswer = ({ attemptId, at }: RecordLostAnswer, state: IssuedInvoice): Decision => {
  const attempt = attemptOf(state, attemptId);
  if (attempt === null) return err({ code: "attempt_unknown" });
  // An answer that is known is not unlearned.
  if (attempt.status !== "current" && attempt.status !== "in_flight") return ok([]);
  return ok([{ type: "PaymentUnknown", attemptId, at }]);
};

/** Records only a look-up that proves something (see `lookUpDue`); the last of the three ends the attempt. */
export const recordEmptyLookUp = ({ attemptId, by, at }: RecordEmptyLookUp, state: IssuedInvoice): Decision => {
  const attempt = attemptOf(state, attemptId);
  if (attempt === null) return err({ code: "attempt_unknown" });
  // Of a current offer it says no more than that the payer has not paid yet.
  if (!awaitsAnswer(attempt)) return ok([]);
  const due = lookUpDue(attempt);
  if (by !== due.by || (due.from !== null && at < due.from)) return ok([]);
  const found: InvoiceEvent = { type: "LookUpFoundNothing", attemptId, by, at };
  return ok(by === "list" ? [found, { type: "PaymentNeverHappened", attemptId, at }] : [found]);
};

export const settleMismatch = ({ payment, actor, note, at }: SettleMismatch, state: IssuedInvoice): Decision => {
  const mismatch = state.mismatches.find((each) => samePayment(each, payment));
  if (mismatch === undefined) return err({ code: "mismatch_unknown" });
  return ok(mismatch.settled ? [] : [{ type: "MismatchSettled", payment, actor, note, at }]);
};

/**
 * The end of the current offer, if there is one: from then on `check` refuses it. Where a payer was let through and no answer
 * came, the gateway is asked before the offer is taken for unused.
 */
export const endCurrentOffer = (state: IssuedInvoice, reason: OfferClosing, at: Instant): readonly InvoiceEvent[] => {
  const offer = openOffer(state);
  if (offer === null) return [];
  const attemptId = offer.id;
  if (offer.check !== null) return [{ type: "PaymentUnknown", attemptId, at }];
  return [{ type: "OfferClosed", attemptId, reason, at }];
};

const whyNotPayable = (state: IssuedInvoice, at: Instant): InvoiceRefusal | null => {
  switch (state.status) {
    case "open":
      // The payer is told the same before and after the sweep that expires the invoice.
      if (isOver(state.terms, at)) return { code: "invoice_closed", status: "expired" };
      return isZero(state.terms.due) ? { code: "nothing_due" } : null;
    case "processing":
      return { code: "charge_in_flight", attemptId: state.charge };
    case "paid":
    case "partly_refunded":
    case "refunded":
      return { code: "invoice_paid", status: state.status };
    case "void":
    case "expired":
    case "uncollectible":
      return { code: "invoice_closed", status: state.status };
    default:
      return unreachable(state, "whyNotPayable");
  }
};

const whyHeld = (state: IssuedInvoice, at: Instant): InvoiceRefusal | null => {
  const until = heldUntil(state, at);
  return until === null ? null : { code: "payment_in_progress", until };
};

/** No dispute stands in the way: an open invoice has no capture (see `evolve`), and other disputes are the customer's. */
const whyNotChargeable = (state: IssuedInvoice): InvoiceRefusal | null => {
  if (state.mismatches.some(({ settled }) => !settled)) return { code: "mismatch_unsettled" };
  const unknown = state.attempts.find(({ status }) => status === "unknown") ?? letThrough(state);
  return unknown === undefined ? null : { code: "payment_unknown", attemptId: unknown.id };
};

/** A payer was let through, and what came of it is not known yet. */
const letThrough = (state: IssuedInvoice): Attempt | undefined => {
  const offer = openOffer(state);
  return offer === null || offer.check === null ? undefined : offer;
};

const isRecorded = (state: IssuedInvoice, key: CaptureKey): boolean =>
  captureOf(state, key) !== null || state.mismatches.some((mismatch) => samePayment(mismatch, key));

/** The first thing about a payment that is not as our invoice and attempt have it. */
const mismatchOf = (
  { capture, accountId, onlyAuthorised }: RecordSuccess,
  { terms }: IssuedInvoice,
  attempt: Attempt,
): MismatchReason | null => {
  if (capture.gatewayAccount !== attempt.gatewayAccount) return "gateway_account";
  if (capture.amount.currency !== terms.due.currency) return "currency";
  if (capture.amount.minor !== terms.due.minor) return "amount";
  if (accountId !== null && accountId !== terms.accountId) return "account";
  return onlyAuthorised ? "only_authorised" : null;
};

const isOtherTransaction = (attempt: Attempt, transactionId: RecordDecline["transactionId"]): boolean =>
  attempt.kind === "offer" && transactionId !== null && attempt.check?.transactionId !== transactionId;
