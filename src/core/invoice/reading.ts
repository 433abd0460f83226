import type { AttemptId, RefundId, TransactionId } from "../ids.ts";
import { add, atLeastZero, type Money, subtract, sum, zero } from "../money.ts";
import { type Instant, MINUTE_MS, plusMs } from "../time.ts";
import type { Attempt, Capture, CaptureKey, InvoiceTerms, IssuedInvoice, LookUp, Refund } from "./invoice.ts";

/** How long a payment that `check` let through keeps its offer from being closed. Source: design, part 4. */
export const CHECK_HOLD_MS = 15 * MINUTE_MS;
/** A gateway may not find at once what it has taken: two look-ups closer than this are worth one. */
const LOOK_UP_GAP_MS = 5 * MINUTE_MS;

type Offer = Extract<Attempt, { readonly kind: "offer" }>;
type Charge = Extract<Attempt, { readonly kind: "charge" }>;
export type AskedRefund = Extract<Refund, { readonly id: RefundId }>;
type PendingRefund = Extract<Refund, { readonly emptyLookUps: unknown }>;
/** A refund that has a transaction: the money has gone back. */
export type MadeRefund = Extract<Refund, { readonly transactionId: TransactionId }>;
type PaidInvoice = Extract<IssuedInvoice, { readonly paidAt: Instant }>;

/** Settled, whatever has gone back since. */
export const isPaid = (state: IssuedInvoice): state is PaidInvoice =>
  state.status === "paid" || state.status === "partly_refunded" || state.status === "refunded";
/** Its time is over, also while no sweep has come by to say so. */
export const isOver = ({ expiresAt }: InvoiceTerms, at: Instant): boolean => expiresAt !== null && at >= expiresAt;

export const attemptOf = (state: IssuedInvoice, id: AttemptId): Attempt | null =>
  state.attempts.find((attempt) => attempt.id === id) ?? null;
/** The one offer that a payer may act on. */
export const openOffer = (state: IssuedInvoice): Offer | null =>
  state.attempts.find((attempt): attempt is Offer => attempt.kind === "offer" && attempt.status === "current") ?? null;
/** The one charge whose answer is not known yet: in flight or unknown, also on an invoice that another attempt paid. */
export const chargeInFlight = (state: IssuedInvoice): Charge | null =>
  state.attempts.find((attempt): attempt is Charge => attempt.kind === "charge" && awaitsAnswer(attempt)) ?? null;
/** A request is out, or the gateway is being asked what came of it. */
export const awaitsAnswer = ({ status }: { readonly status: string }): boolean =>
  status === "in_flight" || status === "unknown";

/** Whether a payment that `check` let through is on its way: until its `pay` or `fail`, and 15 minutes at most. */
export const checkHolds = (attempt: Attempt, at: Instant): boolean => holdOf(attempt, at) !== null;
/** Until when that is; null: none is on its way. */
export const holdOf = (attempt: Attempt, at: Instant): Instant | null => {
  if (attempt.kind !== "offer" || attempt.check === null) return null;
  const isAnswered = attempt.status !== "current" && attempt.status !== "unknown";
  const until = plusMs(attempt.check.at, CHECK_HOLD_MS);
  return isAnswered || at >= until ? null : until;
};
/** Until when a payment on its way keeps the invoice from being closed or offered again; null when none does. */
export const heldUntil = (state: IssuedInvoice, at: Instant): Instant | null =>
  state.attempts.map((attempt) => holdOf(attempt, at)).find((until) => until !== null) ?? null;

/**
 * The look-up that would next prove something: a `find`, another at least 5 minutes later, then the gateway's `list`.
 * When that too finds nothing, it never happened.
 * @returns `from`: before it the look-up proves nothing; null when it may be made at once
 */
export const lookUpDue = ({
  emptyLookUps: [first, second],
}: Pick<Attempt, "emptyLookUps">): { readonly by: LookUp; readonly from: Instant | null } => {
  if (first === undefined) return { by: "find", from: null };
  if (second === undefined) return { by: "find", from: plusMs(first.at, LOOK_UP_GAP_MS) };
  return { by: "list", from: second.at };
};

/** Transactions are numbered within a gateway account. */
export const samePayment = (a: CaptureKey, b: CaptureKey): boolean =>
  a.transactionId === b.transactionId && a.gatewayAccount === b.gatewayAccount;
/** The name of a payment alone, as events hold it. */
export const keyOf = ({ gatewayAccount, transactionId }: CaptureKey): CaptureKey => ({ gatewayAccount, transactionId });
export const captureOf = (state: IssuedInvoice, key: CaptureKey): Capture | null =>
  state.captures.find((capture) => samePayment(capture, key)) ?? null;
/** The capture that paid the invoice; none while it is unpaid, or when credit paid all of it. */
export const settlingCaptures = (state: IssuedInvoice): readonly Capture[] =>
  state.captures.filter(({ role }) => role === "settling");

/** A refund that we asked for, and the capture that it belongs to. */
export const refundOf = (
  state: IssuedInvoice,
  id: RefundId,
): { readonly capture: Capture; readonly refund: AskedRefund } | null => {
  for (const capture of state.captures) {
    const refund = capture.refunds.find((each): each is AskedRefund => each.status !== "reported" && each.id === id);
    if (refund !== undefined) return { capture, refund };
  }
  return null;
};
/** Reserved, and neither gone back nor given up. */
export const isPendingRefund = (refund: Refund): refund is PendingRefund =>
  refund.status === "reserved" || refund.status === "in_flight" || refund.status === "unknown";
/** The one refund of a capture whose end is not known yet. */
export const refundInFlight = (capture: Capture): PendingRefund | null => capture.refunds.find(isPendingRefund) ?? null;
export const hasGoneBack = (refund: Refund): refund is MadeRefund =>
  refund.status === "done" || refund.status === "reported";

/** What has gone back of a capture. A lost dispute took all that was left of it. */
export const returned = (capture: Capture): Money => {
  const made = capture.refunds.filter(hasGoneBack).map(({ amount }) => amount);
  const refunded = sum(made, capture.amount.currency);
  const left = atLeastZero(subtract(capture.amount, refunded));
  return capture.dispute === "lost" ? add(refunded, left) : refunded;
};
/** What can still be asked back of a capture: neither gone nor reserved. Says nothing of time or an open dispute. */
export const refundable = (capture: Capture): Money => {
  const reserved = refundInFlight(capture)?.amount ?? zero(capture.amount.currency);
  return atLeastZero(subtract(subtract(capture.amount, returned(capture)), reserved));
};
/** What credit paid and has not become credit again; zero before the invoice is paid. */
export const creditLeft = (state: IssuedInvoice): Money =>
  isPaid(state) ? subtract(state.terms.credit, state.creditReturned) : zero(state.terms.credit.currency);

/** What paid the invoice: the settling capture and the credit spent. Zero before; extra money is no part of it. */
export const paidSum = (state: IssuedInvoice): Money =>
  isPaid(state)
    ? settlingCaptures(state).reduce((all, { amount }) => add(all, amount), state.terms.credit)
    : zero(state.terms.total.currency);
/** What of `paidSum` has gone back, to its capture or to credit. */
export const returnedSum = (state: IssuedInvoice): Money =>
  isPaid(state)
    ? settlingCaptures(state).map(returned).reduce(add, state.creditReturned)
    : zero(state.terms.total.currency);
