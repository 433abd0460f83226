import type { AttemptId, RefundId } from "../ids.ts";
import { add, atLeastZero, compare, equal, isPositive, isZero, subtract, sum, zero } from "../money.ts";
import { invariant, unreachable } from "../result.ts";
import type { Instant } from "../time.ts";
import type {
  Attempt,
  Capture,
  CaptureKey,
  Invoice,
  InvoiceEvent,
  InvoiceTerms,
  IssuedInvoice,
  Refund,
} from "./invoice.ts";
import {
  type AskedRefund,
  attemptOf,
  awaitsAnswer,
  captureOf,
  creditLeft,
  isPaid,
  isPendingRefund,
  openOffer,
  paidSum,
  refundable,
  refundInFlight,
  refundOf,
  returnedSum,
  samePayment,
  settlingCaptures,
} from "./reading.ts";

/** Applies a fact. It cannot refuse: an event that does not fit means a corrupt stream. */
export const evolve = (state: Invoice, event: InvoiceEvent): Invoice => {
  if (event.type === "InvoiceIssued") return issued(state, event);
  invariant(state.status !== "absent", `nothing happens to an invoice before it is issued, not ${event.type}`);
  switch (event.type) {
    case "OfferMade":
      return offerMade(state, event);
    case "CheckAccepted":
      return checkAccepted(state, event);
    case "OfferClosed":
      return moved(state, event, ["current"], "closed");
    case "ChargeStarted":
      return chargeStarted(state, event);
    case "PaymentSucceeded":
      return paymentSucceeded(state, event);
    case "InvoicePaid":
      return invoicePaid(state, event);
    case "PaymentDeclined":
      return ended(state, event, ["current", "in_flight", "unknown", "closed", "never_happened"], "declined");
    case "PaymentUnknown":
      return paymentUnknown(state, event);
    case "LookUpFoundNothing":
      return lookUpFoundNothing(state, event);
    case "PaymentNeverHappened":
      return ended(state, event, ["in_flight", "unknown"], "never_happened");
    case "PaymentMismatched":
      return paymentMismatched(state, event);
    case "MismatchSettled":
      return mismatchSettled(state, event);
    case "InvoiceVoided":
      return closed(state, ["open", "uncollectible"], "void", event.at);
    case "InvoiceExpired":
      return closed(state, ["open"], "expired", event.at);
    case "InvoiceWrittenOff":
      return closed(state, ["open"], "uncollectible", event.at);
    case "RefundAsked":
      return refundAsked(state, event);
    case "RefundStarted":
      return withRefund(state, event.refundId, (refund) => {
        invariant(refund.status === "reserved", "a refund is sent once");
        return { ...refund, status: "in_flight", statusAt: event.at };
      });
    case "RefundSucceeded":
      return refundSucceeded(state, event);
    case "RefundFailed":
      return withRefund(state, event.refundId, (refund) => failed(refund, event.at));
    case "RefundUnknown":
      return refundUnknown(state, event);
    case "RefundLookUpFoundNothing":
      return refundLookUpFoundNothing(state, event);
    case "RefundReported":
      return refundReported(state, event);
    case "CreditReturned":
      return creditReturned(state, event);
    case "ChargebackRecorded":
      return chargebackRecorded(state, event);
    case "ChargebackDecided":
      return chargebackDecided(state, event);
    default:
      return unreachable(event, "evolve");
  }
};

type Fact<Type extends InvoiceEvent["type"]> = Extract<InvoiceEvent, { readonly type: Type }>;

const issued = (state: Invoice, { terms, at }: Fact<"InvoiceIssued">): Invoice => {
  invariant(state.status === "absent", "an invoice is issued once");
  assertSums(terms);
  return { status: "open", terms, issuedAt: at, attempts: [], captures: [], mismatches: [] };
};

const assertSums = ({ lines, total, credit, due }: InvoiceTerms): void => {
  const lineSum = sum(
    lines.map(({ amount }) => amount),
    total.currency,
  );
  invariant(equal(total, atLeastZero(lineSum)), "an invoice's lines sum to its total, which is never below zero");
  invariant(credit.minor >= 0n && compare(credit, total) <= 0, "credit pays a part of the total");
  invariant(equal(due, subtract(total, credit)), "what credit does not pay is due");
};

const offerMade = (state: IssuedInvoice, { attemptId, gatewayAccount, endsAt, at }: Fact<"OfferMade">): Invoice => {
  invariant(state.status === "open", "only an open invoice is offered");
  return withNewAttempt(state, {
    kind: "offer",
    id: attemptId,
    gatewayAccount,
    madeAt: at,
    status: "current",
    statusAt: at,
    emptyLookUps: [],
    endsAt,
    check: null,
  });
};

const checkAccepted = (state: IssuedInvoice, { attemptId, transactionId, at }: Fact<"CheckAccepted">): Invoice =>
  withAttempt(state, attemptId, (attempt) => {
    // One may have been closed between the answer to the gateway and its record.
    const isUnanswered = attempt.status === "current" || attempt.status === "closed";
    invariant(attempt.kind === "offer" && isUnanswered, "an offer lets a payer through before it has its answer");
    return { ...attempt, check: { transactionId, at } };
  });

const chargeStarted = (state: IssuedInvoice, event: Fact<"ChargeStarted">): Invoice => {
  const { attemptId, gatewayAccount, cardId, initiator, at } = event;
  invariant(state.status === "open", "only an open invoice is charged");
  const { attempts } = withNewAttempt(state, {
    kind: "charge",
    id: attemptId,
    gatewayAccount,
    madeAt: at,
    status: "in_flight",
    statusAt: at,
    emptyLookUps: [],
    cardId,
    initiator,
  });
  return { ...state, attempts, status: "processing", charge: attemptId };
};

const paymentSucceeded = (state: IssuedInvoice, event: Fact<"PaymentSucceeded">): Invoice => {
  const { attemptId, capture, role, at } = event;
  assertNew(state, capture);
  const settles = isUnpaid(state) && settlingCaptures(state).length === 0;
  invariant(
    settles === (role === "settling"),
    "the first right payment of an unpaid invoice settles, any other is extra",
  );
  const taken: Capture = { ...capture, attemptId, capturedAt: at, role, refunds: [], dispute: "none" };
  const succeeded = withAttempt(state, attemptId, (attempt) => ({ ...attempt, status: "succeeded", statusAt: at }));
  return { ...succeeded, captures: [...state.captures, taken] };
};

/** Ends what `PaymentSucceeded` began: the two stand in one commit. A charge still in flight goes on to its own end. */
const invoicePaid = (state: IssuedInvoice, { by, paid, credit, at }: Fact<"InvoicePaid">): Invoice => {
  invariant(isUnpaid(state), "an invoice is paid once");
  invariant(openOffer(state) === null, "a paid invoice is offered no more");
  invariant(equal(paid, state.terms.due) && equal(credit, state.terms.credit), "an invoice is paid in full");
  const needed = by === "capture" ? 1 : 0;
  invariant(settlingCaptures(state).length === needed, "one capture pays, or credit alone");
  return { ...books(state), status: "paid", paidAt: at, creditReturned: zero(credit.currency) };
};

const paymentUnknown = (state: IssuedInvoice, event: Fact<"PaymentUnknown">): Invoice => {
  const unknown = moved(state, event, ["current", "in_flight", "closed"], "unknown");
  // What was looked up before the answer was lost proves nothing about it.
  return withAttempt(unknown, event.attemptId, (attempt) => ({ ...attempt, emptyLookUps: [] }));
};

const lookUpFoundNothing = (state: IssuedInvoice, { attemptId, by, at }: Fact<"LookUpFoundNothing">): Invoice =>
  withAttempt(state, attemptId, (attempt) => {
    invariant(awaitsAnswer(attempt), "only an attempt without an answer is looked up");
    return { ...attempt, emptyLookUps: [...attempt.emptyLookUps, { by, at }] };
  });

const paymentMismatched = (state: IssuedInvoice, event: Fact<"PaymentMismatched">): Invoice => {
  const { attemptId, payment, reason, received, at } = event;
  assertNew(state, payment);
  const mismatches = [...state.mismatches, { ...payment, attemptId, reason, received, at, settled: false }];
  // A second payment on an attempt that has paid: the one that was right stands.
  if (attemptOf(state, attemptId)?.status === "succeeded") return { ...state, mismatches };
  const from = ["current", "in_flight", "unknown", "closed", "declined", "mismatched", "never_happened"] as const;
  return { ...ended(state, event, from, "mismatched"), mismatches };
};

const mismatchSettled = (state: IssuedInvoice, { payment }: Fact<"MismatchSettled">): Invoice => {
  const open = state.mismatches.find((each) => samePayment(each, payment) && !each.settled);
  invariant(open !== undefined, "a mismatch is settled once");
  return { ...state, mismatches: state.mismatches.map((each) => (each === open ? { ...each, settled: true } : each)) };
};

const closed = (
  state: IssuedInvoice,
  from: readonly IssuedInvoice["status"][],
  status: "void" | "expired" | "uncollectible",
  at: Instant,
): Invoice => {
  invariant(from.includes(state.status), `an invoice becomes ${status} from ${from.join(" or ")}, not ${state.status}`);
  invariant(openOffer(state) === null, "a closed invoice is offered no more");
  return { ...books(state), status, closedAt: at };
};

const refundAsked = (state: IssuedInvoice, event: Fact<"RefundAsked">): Invoice => {
  const { refundId, amount, reason, at } = event;
  invariant(refundOf(state, refundId) === null, "a refund is asked for once");
  return withCapture(state, event.capture, (capture) => {
    invariant(refundInFlight(capture) === null, "a capture has one refund in flight");
    invariant(isPositive(amount) && compare(amount, refundable(capture)) <= 0, "no more is asked back than is there");
    const asked: Refund = { status: "reserved", id: refundId, reason, amount, emptyLookUps: [], at, statusAt: at };
    return { ...capture, refunds: [...capture.refunds, asked] };
  });
};

const refundSucceeded = (state: IssuedInvoice, event: Fact<"RefundSucceeded">): Invoice => {
  const { refundId, transactionId, amount, dropped, at } = event;
  const done = withRefund(state, refundId, (refund) => {
    invariant(refund.status !== "done", "a refund is done once");
    return { status: "done", id: refund.id, reason: refund.reason, transactionId, amount, at: refund.at, statusAt: at };
  });
  const key = refundOf(done, refundId)?.capture;
  invariant(key !== undefined, "a refund stays with its capture");
  const merged = withCapture(done, key, (capture) => ({
    ...capture,
    // The gateway's own word of this very movement: the two are one, and counted once.
    refunds: capture.refunds.filter((each) => each.status !== "reported" || each.transactionId !== transactionId),
  }));
  return restated(withDropped(merged, dropped, at));
};

const failed = (refund: AskedRefund, at: Instant): AskedRefund => {
  invariant(isPendingRefund(refund), "only a refund in flight fails");
  return { ...refund, status: "failed", statusAt: at };
};

const refundUnknown = (state: IssuedInvoice, { refundId, at }: Fact<"RefundUnknown">): Invoice =>
  withRefund(state, refundId, (refund) => {
    invariant(refund.status === "reserved" || refund.status === "in_flight", "the answer to a refund is lost once");
    return { ...refund, status: "unknown", emptyLookUps: [], statusAt: at };
  });

const refundLookUpFoundNothing = (state: IssuedInvoice, event: Fact<"RefundLookUpFoundNothing">): Invoice =>
  withRefund(state, event.refundId, (refund) => {
    invariant(isPendingRefund(refund), "only a refund in flight is looked up");
    return { ...refund, emptyLookUps: [...refund.emptyLookUps, { by: event.by, at: event.at }] };
  });

const refundReported = (state: IssuedInvoice, event: Fact<"RefundReported">): Invoice => {
  const { transactionId, amount, dropped, at } = event;
  const told = withCapture(state, event.capture, (capture) => {
    const known = capture.refunds.some((each) => "transactionId" in each && each.transactionId === transactionId);
    invariant(!known, "a movement of money is counted once");
    const reported: Refund = { status: "reported", transactionId, amount, at, statusAt: at };
    return { ...capture, refunds: [...capture.refunds, reported] };
  });
  return restated(withDropped(told, dropped, at));
};

const creditReturned = (state: IssuedInvoice, { amount }: Fact<"CreditReturned">): Invoice => {
  invariant(isPaid(state), "credit returns from a paid invoice");
  invariant(compare(amount, creditLeft(state)) <= 0, "no more credit returns than was spent");
  return restated({ ...state, creditReturned: add(state.creditReturned, amount) });
};

const chargebackRecorded = (state: IssuedInvoice, event: Fact<"ChargebackRecorded">): Invoice =>
  withCapture(state, event.capture, (capture) => {
    invariant(capture.dispute === "none", "a chargeback is recorded once");
    return { ...capture, dispute: "open" };
  });

const chargebackDecided = (state: IssuedInvoice, { capture: key, won }: Fact<"ChargebackDecided">): Invoice =>
  restated(
    withCapture(state, key, (capture) => {
      invariant(capture.dispute === "open", "a chargeback is decided once");
      return { ...capture, dispute: won ? "won" : "lost" };
    }),
  );

/** What an invoice keeps through all its states. A new status is written beside it, and no field of the old one stays. */
const books = ({ terms, issuedAt, attempts, captures, mismatches }: IssuedInvoice) => ({
  terms,
  issuedAt,
  attempts,
  captures,
  mismatches,
});

const isUnpaid = ({ status }: IssuedInvoice): boolean => status === "open" || status === "processing";

/** A transaction of the gateway is recorded once, as a capture or as a mismatch. */
const assertNew = (state: IssuedInvoice, key: CaptureKey): void => {
  const known = captureOf(state, key) !== null || state.mismatches.some((each) => samePayment(each, key));
  invariant(!known, "a transaction is recorded once");
};

const withNewAttempt = (state: IssuedInvoice, attempt: Attempt): IssuedInvoice => {
  invariant(attemptOf(state, attempt.id) === null, "an attempt is made once");
  invariant(openOffer(state) === null, "the offer before it is closed first");
  return { ...state, attempts: [...state.attempts, attempt] };
};

const withAttempt = (state: IssuedInvoice, id: AttemptId, change: (attempt: Attempt) => Attempt): IssuedInvoice => {
  invariant(attemptOf(state, id) !== null, "facts are about attempts that were made");
  return { ...state, attempts: state.attempts.map((each) => (each.id === id ? change(each) : each)) };
};

type AboutAttempt = { readonly attemptId: AttemptId; readonly at: Instant };
const moved = (
  state: IssuedInvoice,
  { attemptId, at }: AboutAttempt,
  from: readonly Attempt["status"][],
  status: Attempt["status"],
): IssuedInvoice =>
  withAttempt(state, attemptId, (attempt) => {
    invariant(from.includes(attempt.status), `no attempt goes from ${attempt.status} to ${status}`);
    return { ...attempt, status, statusAt: at };
  });

/** An attempt ends without paying. When it is the charge that the invoice waits for, the invoice is open again. */
const ended = (
  state: IssuedInvoice,
  event: AboutAttempt,
  from: readonly Attempt["status"][],
  status: Attempt["status"],
): IssuedInvoice => {
  const after = moved(state, event, from, status);
  const waitedFor = state.status === "processing" && state.charge === event.attemptId;
  return waitedFor ? { ...books(after), status: "open" } : after;
};

const withCapture = (state: IssuedInvoice, key: CaptureKey, change: (capture: Capture) => Capture): IssuedInvoice => {
  invariant(captureOf(state, key) !== null, "money goes back from a capture that was taken");
  return { ...state, captures: state.captures.map((each) => (samePayment(each, key) ? change(each) : each)) };
};

const withRefund = (state: IssuedInvoice, id: RefundId, change: (refund: AskedRefund) => Refund): IssuedInvoice => {
  const asked = refundOf(state, id);
  invariant(asked !== null, "facts are about refunds that were asked for");
  return withCapture(state, asked.capture, (capture) => ({
    ...capture,
    refunds: capture.refunds.map((each) => (each === asked.refund ? change(asked.refund) : each)),
  }));
};

const withDropped = (state: IssuedInvoice, dropped: RefundId | null, at: Instant): IssuedInvoice =>
  dropped === null ? state : withRefund(state, dropped, (refund) => failed(refund, at));

/** The status of a paid invoice says how much of what paid it has gone back. Extra money is no part of that. */
const restated = (state: IssuedInvoice): IssuedInvoice => {
  if (!isPaid(state)) return state;
  const gone = returnedSum(state);
  if (isZero(gone)) return { ...state, status: "paid" };
  return { ...state, status: compare(gone, paidSum(state)) < 0 ? "partly_refunded" : "refunded" };
};
