import type { Actor } from "../actor.ts";
import type {
  AccountId,
  AttemptId,
  CardId,
  GatewayAccount,
  InvoiceId,
  PlanCode,
  RefundId,
  SubscriptionId,
  TransactionId,
} from "../ids.ts";
import type { Currency, Money } from "../money.ts";
import type { Result } from "../result.ts";
import type { Instant, Period } from "../time.ts";

export { decide } from "./decide.ts";
export { evolve } from "./evolve.ts";
export const initial: Invoice = { status: "absent" };

/** Why the invoice exists; decides how long it lives and what its payment brings about (design, part 4). */
export type Purpose = "first" | "renewal" | "change" | "gift" | "staff";

export type InvoiceStatus =
  | "open"
  | "processing"
  | "paid"
  | "partly_refunded"
  | "refunded"
  | "void"
  | "uncollectible"
  | "expired";

/** What the payer is charged for, line by line; the lines sum to the total. Negative: the unused value of an old plan. */
export type InvoiceLine = {
  readonly kind: "period" | "trial" | "rest" | "unused" | "gift" | "service";
  readonly plan: PlanCode | null;
  readonly priceVersion: number | null;
  readonly amount: Money;
  /** The stretch of time that the line pays for, where it is known at issue. */
  readonly period: Period | null;
};

/** What is fixed at issue and never changes. */
export type InvoiceTerms = {
  readonly invoiceId: InvoiceId;
  readonly accountId: AccountId;
  readonly subscriptionId: SubscriptionId | null;
  readonly purpose: Purpose;
  /** Number of the period, as "2/2" when an earlier payment for it was turned back; for a change its quote; for gift and staff the invoice itself. Unique with subscription and purpose. */
  readonly sequence: string;
  readonly lines: readonly InvoiceLine[];
  /** Never below zero. */
  readonly total: Money;
  /** Of the total, what the account's credit pays: reserved at issue, spent at payment, freed at void or expiry. */
  readonly credit: Money;
  /** `total - credit`: what the gateway is asked for. */
  readonly due: Money;
  /** Null: never expires; dunning decides. */
  readonly expiresAt: Instant | null;
};

/**
 * One try to take the money. An `offer` is widget JSON handed out; a `charge` is our own request with a saved card.
 * `unknown`: the answer was lost, the gateway is being asked. All others but `current` and `in_flight` are ends; a late
 * answer may still correct an end, because what the gateway reports is a fact.
 */
export type Attempt = {
  readonly id: AttemptId;
  readonly gatewayAccount: GatewayAccount;
  readonly madeAt: Instant;
  readonly status:
    | "current"
    | "in_flight"
    | "unknown"
    | "closed"
    | "succeeded"
    | "declined"
    | "mismatched"
    | "never_happened";
  /** When the status was reached. */
  readonly statusAt: Instant;
  /** Look-ups that found nothing, since the attempt became unknown or was made. */
  readonly emptyLookUps: readonly { readonly by: LookUp; readonly at: Instant }[];
} & (
  | {
      readonly kind: "offer";
      /** One hour after it was made. */
      readonly endsAt: Instant;
      /** The last `check` that was accepted: until its `pay` or `fail`, or 15 minutes, the offer cannot be closed. */
      readonly check: { readonly transactionId: TransactionId; readonly at: Instant } | null;
    }
  | { readonly kind: "charge"; readonly cardId: CardId; readonly initiator: Initiator }
);
/** Who set a charge going; the gateway and the card networks treat the two apart. */
export type Initiator = "schedule" | "payer";
/** `find` asks for the last operation of one attempt; `list` reads the gateway's list of the day. */
export type LookUp = "find" | "list";

/** Money taken: one transaction of the gateway. The first right one settles the invoice; any other is `extra`. */
export type Capture = {
  readonly gatewayAccount: GatewayAccount;
  readonly transactionId: TransactionId;
  readonly attemptId: AttemptId;
  readonly amount: Money;
  readonly capturedAt: Instant;
  readonly role: "settling" | "extra";
  readonly refunds: readonly Refund[];
  readonly dispute: "none" | "open" | "lost" | "won";
};
export type CaptureKey = { readonly gatewayAccount: GatewayAccount; readonly transactionId: TransactionId };

/**
 * A request for money back, or one that the gateway `reported`. `reserved`: to be sent; `in_flight`: a worker has claimed
 * it and asks the gateway; `unknown`: the answer was lost.
 */
export type Refund = {
  /** What was asked for; what went back, once that is known. */
  readonly amount: Money;
  /** When it was asked for, or first told of by the gateway. */
  readonly at: Instant;
  /** When the status was reached. */
  readonly statusAt: Instant;
} & (
  | {
      readonly status: "reserved" | "in_flight" | "unknown" | "failed";
      readonly id: RefundId;
      readonly reason: RefundReason;
      readonly emptyLookUps: readonly { readonly by: LookUp; readonly at: Instant }[];
    }
  | {
      readonly status: "done";
      readonly id: RefundId;
      readonly reason: RefundReason;
      readonly transactionId: TransactionId;
    }
  | { readonly status: "reported"; readonly transactionId: TransactionId }
);
export type RefundReason = "extra_payment" | "cancelled" | "ended" | "staff" | "paused";

/** Money that arrived and did not fit: kept in suspense until a person settles it. */
export type Mismatch = CaptureKey & {
  readonly attemptId: AttemptId;
  readonly reason: MismatchReason;
  readonly received: Money;
  readonly at: Instant;
  readonly settled: boolean;
};
export type MismatchReason = "amount" | "currency" | "account" | "gateway_account" | "only_authorised";

export type Invoice = { readonly status: "absent" } | IssuedInvoice;
export type IssuedInvoice = {
  readonly terms: InvoiceTerms;
  readonly issuedAt: Instant;
  readonly attempts: readonly Attempt[];
  readonly captures: readonly Capture[];
  readonly mismatches: readonly Mismatch[];
} & (
  | { readonly status: "open" }
  /** `charge` is in flight or unknown; only its answer, or another payment, ends this. */
  | { readonly status: "processing"; readonly charge: AttemptId }
  /** `creditReturned` of the part that credit paid. `refunded` when all that was paid has gone back. */
  | {
      readonly status: "paid" | "partly_refunded" | "refunded";
      readonly paidAt: Instant;
      readonly creditReturned: Money;
    }
  | { readonly status: "void" | "expired" | "uncollectible"; readonly closedAt: Instant }
);

type At = { readonly at: Instant };
/** Issues an invoice. With nothing due it must be settled in the same commit. */
export type IssueInvoice = At & { readonly type: "IssueInvoice"; readonly terms: InvoiceTerms };
/** Hands out widget JSON. Closes the offer before it. */
export type MakeOffer = At & {
  readonly type: "MakeOffer";
  readonly attemptId: AttemptId;
  readonly gatewayAccount: GatewayAccount;
};
/** The gateway asked whether this payment may go on, and was told yes. */
export type RecordCheck = At & {
  readonly type: "RecordCheck";
  readonly attemptId: AttemptId;
  readonly transactionId: TransactionId;
};
/** The hour of an offer is over. */
export type EndOffer = At & { readonly type: "EndOffer"; readonly attemptId: AttemptId };
/** The intent to charge a saved card: the last thing before the request, and the claim to it. */
export type StartCharge = At & {
  readonly type: "StartCharge";
  readonly attemptId: AttemptId;
  readonly gatewayAccount: GatewayAccount;
  readonly cardId: CardId;
  readonly initiator: Initiator;
};
export type RecordSuccess = At & {
  readonly type: "RecordSuccess";
  readonly attemptId: AttemptId;
  readonly capture: CaptureKey & { readonly amount: Money };
  /** As the gateway names the payer; null when it names none. */
  readonly accountId: AccountId | null;
  /** Authorised and not captured: no payment. */
  readonly onlyAuthorised: boolean;
};
export type RecordDecline = At & {
  readonly type: "RecordDecline";
  readonly attemptId: AttemptId;
  readonly transactionId: TransactionId | null;
  readonly decline: Decline;
};
/**
 * `soft`: a later try may do; `hard`: no automatic try with this card again; `ask_payer`: only the payer can go on (3-D
 * Secure); `our_outage`: ours or the gateway's fault, tried again soon and no step of the ladder used.
 */
export type Decline = { readonly kind: "soft" | "hard" | "ask_payer" | "our_outage"; readonly reason: DeclineReason };
export type DeclineReason =
  | "insufficient_funds"
  | "limit_exceeded"
  | "card_expired"
  | "card_invalid"
  | "card_lost_or_stolen"
  | "authentication_required"
  | "authentication_failed"
  | "suspected_fraud"
  | "gateway_unavailable"
  | "refused";
/** The answer to an attempt was lost. */
export type RecordLostAnswer = At & { readonly type: "RecordLostAnswer"; readonly attemptId: AttemptId };
/** A look-up found no such payment. Two `find` over 5 minutes apart and then a `list` make it certain. */
export type RecordEmptyLookUp = At & {
  readonly type: "RecordEmptyLookUp";
  readonly attemptId: AttemptId;
  readonly by: LookUp;
};
export type AnnulInvoice = At & { readonly type: "AnnulInvoice"; readonly actor: Actor; readonly reason: AnnulReason };
export type AnnulReason = "payer_cancelled" | "plan_replaced" | "newer_quote" | "pause_kept" | "staff";
export type ExpireInvoice = At & { readonly type: "ExpireInvoice" };
export type WriteOffInvoice = At & { readonly type: "WriteOffInvoice" };
/** Pays an invoice with nothing due. */
export type SettleWithNothingDue = At & { readonly type: "SettleWithNothingDue" };
export type AskRefund = At & {
  readonly type: "AskRefund";
  readonly refundId: RefundId;
  readonly capture: CaptureKey;
  readonly amount: Money;
  readonly reason: RefundReason;
  readonly actor: Actor;
};
/** The intent to send a refund that was asked for: the last thing before the request, and the claim to it. */
export type StartRefund = At & { readonly type: "StartRefund"; readonly refundId: RefundId };
export type RecordRefund = At & {
  readonly type: "RecordRefund";
  readonly refundId: RefundId;
  readonly transactionId: TransactionId;
  readonly amount: Money;
};
export type RecordFailedRefund = At & {
  readonly type: "RecordFailedRefund";
  readonly refundId: RefundId;
  readonly reason: string;
};
export type RecordLostRefundAnswer = At & { readonly type: "RecordLostRefundAnswer"; readonly refundId: RefundId };
export type RecordEmptyRefundLookUp = At & {
  readonly type: "RecordEmptyRefundLookUp";
  readonly refundId: RefundId;
  readonly by: LookUp;
};
/** A refund that the gateway tells of and we did not ask for, or cannot tell from one that we did. */
export type RecordReportedRefund = At & {
  readonly type: "RecordReportedRefund";
  readonly capture: CaptureKey;
  readonly transactionId: TransactionId;
  readonly amount: Money;
};
/** The part that credit paid goes back to credit. */
export type ReturnCredit = At & { readonly type: "ReturnCredit"; readonly amount: Money };
export type RecordChargeback = At & { readonly type: "RecordChargeback"; readonly capture: CaptureKey };
/** A person has decided what a chargeback came to. */
export type DecideChargeback = At & {
  readonly type: "DecideChargeback";
  readonly capture: CaptureKey;
  readonly won: boolean;
  readonly actor: Actor;
};
/** A person has settled what a mismatch was. */
export type SettleMismatch = At & {
  readonly type: "SettleMismatch";
  readonly payment: CaptureKey;
  readonly actor: Actor;
  readonly note: string;
};

export type InvoiceCommand =
  | IssueInvoice
  | MakeOffer
  | RecordCheck
  | EndOffer
  | StartCharge
  | RecordSuccess
  | RecordDecline
  | RecordLostAnswer
  | RecordEmptyLookUp
  | AnnulInvoice
  | ExpireInvoice
  | WriteOffInvoice
  | SettleWithNothingDue
  | AskRefund
  | StartRefund
  | RecordRefund
  | RecordFailedRefund
  | RecordLostRefundAnswer
  | RecordEmptyRefundLookUp
  | RecordReportedRefund
  | ReturnCredit
  | RecordChargeback
  | DecideChargeback
  | SettleMismatch;

export type InvoiceEvent =
  | (At & { readonly type: "InvoiceIssued"; readonly terms: InvoiceTerms })
  | (At & {
      readonly type: "OfferMade";
      readonly attemptId: AttemptId;
      readonly gatewayAccount: GatewayAccount;
      readonly endsAt: Instant;
    })
  | (At & { readonly type: "CheckAccepted"; readonly attemptId: AttemptId; readonly transactionId: TransactionId })
  | (At & { readonly type: "OfferClosed"; readonly attemptId: AttemptId; readonly reason: OfferClosing })
  | (At & {
      readonly type: "ChargeStarted";
      readonly attemptId: AttemptId;
      readonly gatewayAccount: GatewayAccount;
      readonly cardId: CardId;
      readonly initiator: Initiator;
    })
  /** `attemptWas`: what we held of the attempt before; "declined" or "never_happened" is a contradiction to look into. */
  | (At & {
      readonly type: "PaymentSucceeded";
      readonly attemptId: AttemptId;
      readonly capture: CaptureKey & { readonly amount: Money };
      readonly role: Capture["role"];
      readonly attemptWas: Attempt["status"];
    })
  | (At & {
      readonly type: "InvoicePaid";
      readonly by: "capture" | "credit";
      readonly paid: Money;
      readonly credit: Money;
    })
  | (At & {
      readonly type: "PaymentDeclined";
      readonly attemptId: AttemptId;
      readonly transactionId: TransactionId | null;
      readonly decline: Decline;
    })
  | (At & { readonly type: "PaymentUnknown"; readonly attemptId: AttemptId })
  | (At & { readonly type: "LookUpFoundNothing"; readonly attemptId: AttemptId; readonly by: LookUp })
  | (At & { readonly type: "PaymentNeverHappened"; readonly attemptId: AttemptId })
  | (At & {
      readonly type: "PaymentMismatched";
      readonly attemptId: AttemptId;
      readonly payment: CaptureKey;
      readonly reason: MismatchReason;
      readonly received: Money;
    })
  | (At & {
      readonly type: "MismatchSettled";
      readonly payment: CaptureKey;
      readonly actor: Actor;
      readonly note: string;
    })
  | (At & { readonly type: "InvoiceVoided"; readonly actor: Actor; readonly reason: AnnulReason })
  | (At & { readonly type: "InvoiceExpired" })
  | (At & { readonly type: "InvoiceWrittenOff" })
  | (At & {
      readonly type: "RefundAsked";
      readonly refundId: RefundId;
      readonly capture: CaptureKey;
      readonly amount: Money;
      readonly reason: RefundReason;
      readonly actor: Actor;
    })
  /** `dropped`: a reservation for which this leaves no room. `overdrawn`: more gone back than was captured, an alarm. */
  | (At & { readonly type: "RefundStarted"; readonly refundId: RefundId })
  | (At & {
      readonly type: "RefundSucceeded";
      readonly refundId: RefundId;
      readonly transactionId: TransactionId;
      readonly amount: Money;
      readonly dropped: RefundId | null;
      readonly overdrawn: boolean;
    })
  | (At & { readonly type: "RefundFailed"; readonly refundId: RefundId; readonly reason: string })
  | (At & { readonly type: "RefundUnknown"; readonly refundId: RefundId })
  | (At & { readonly type: "RefundLookUpFoundNothing"; readonly refundId: RefundId; readonly by: LookUp })
  /** Not asked for by us, or not to be told from one that was. `dropped` and `overdrawn` as above. */
  | (At & {
      readonly type: "RefundReported";
      readonly capture: CaptureKey;
      readonly transactionId: TransactionId;
      readonly amount: Money;
      readonly dropped: RefundId | null;
      readonly overdrawn: boolean;
    })
  | (At & { readonly type: "CreditReturned"; readonly amount: Money })
  | (At & { readonly type: "ChargebackRecorded"; readonly capture: CaptureKey })
  | (At & {
      readonly type: "ChargebackDecided";
      readonly capture: CaptureKey;
      readonly won: boolean;
      readonly actor: Actor;
    });
/** Superseded: by a newer offer or a charge. Ended: its hour is over. */
export type OfferClosing = "superseded" | "ended" | "annulled" | "expired" | "paid" | "written_off";

export type InvoiceRefusal =
  | { readonly code: "invoice_not_found" }
  | { readonly code: "invoice_exists" }
  | { readonly code: "invoice_paid"; readonly status: InvoiceStatus }
  | { readonly code: "invoice_closed"; readonly status: InvoiceStatus }
  /** A charge is on its way, and its answer is not known yet. */
  | { readonly code: "charge_in_flight"; readonly attemptId: AttemptId }
  /** A payer is paying right now; asked again at `until` at the latest. */
  | { readonly code: "payment_in_progress"; readonly until: Instant }
  /** The answer to an offer was lost and the gateway is being asked: until then a charge could take the money twice. */
  | { readonly code: "payment_unknown"; readonly attemptId: AttemptId }
  | { readonly code: "attempt_exists" }
  | { readonly code: "attempt_unknown" }
  | { readonly code: "offer_closed" }
  | { readonly code: "mismatch_unsettled" }
  | { readonly code: "mismatch_unknown" }
  | { readonly code: "nothing_due" }
  | { readonly code: "payment_due"; readonly due: Money }
  | { readonly code: "not_expired"; readonly expiresAt: Instant | null }
  | { readonly code: "capture_unknown" }
  | { readonly code: "refund_exists" }
  | { readonly code: "refund_unknown" }
  | { readonly code: "refund_in_flight" }
  /** It has been sent and answered already. */
  | { readonly code: "refund_closed" }
  | { readonly code: "refund_too_late"; readonly until: Instant }
  | { readonly code: "refund_above_captured"; readonly left: Money }
  /** `left` of the part that credit paid; nothing before the invoice is paid. */
  | { readonly code: "refund_above_credit"; readonly left: Money }
  | { readonly code: "amount_not_positive" }
  | { readonly code: "currency_differs"; readonly expected: Currency }
  | { readonly code: "dispute_open" }
  /** There is nothing to decide: no chargeback, or one that was decided the other way. */
  | { readonly code: "dispute_not_open"; readonly dispute: Capture["dispute"] };

/** What follows from a command, in the order in which it is recorded; none: old news. Or why nothing may follow. */
export type Decision = Result<readonly InvoiceEvent[], InvoiceRefusal>;
