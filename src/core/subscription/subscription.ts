import type { Actor } from "../actor.ts";
import type { Terms } from "../catalog/terms.ts";
import type { AccountId, AttemptId, CardId, InvoiceId, NoticeId, QuoteId, SubscriptionId } from "../ids.ts";
import type { Decline, Initiator } from "../invoice/invoice.ts";
import type { Money } from "../money.ts";
import type { Result } from "../result.ts";
import type { Instant, Period, Zone } from "../time.ts";

/** From which boundaries are counted: a wall clock in the subscription's zone, whole seconds, as in "2026-01-31T10:00:00". */
export type Anchor = { readonly wall: string; readonly zone: Zone };

/** A period that has been paid for. Its end is `boundary` lengths after its anchor, never chained. */
export type RunningPeriod = {
  /** Counts the periods of the subscription, from 1: the sequence of its invoice. A trial is 0. */
  readonly number: number;
  /** After a pause now: the rest that runs since the resume. */
  readonly period: Period;
  readonly anchor: Anchor;
  /** Index of `period.end` from the anchor; 0 after a pause, when the end is itself the anchor. */
  readonly boundary: number;
  /** Counts the periods that were paid for, from 1, for the intro price. */
  readonly paidPeriods: number;
  /** Length of the whole period: what a charge for a rest is a share of, also after a change or a pause. */
  readonly fullMs: number;
  /** Time whose value counts when it is cut short: the period, or what was left of it at a change or a resume. */
  readonly stretch: Period;
  /** Captures plus credit used, less refunds, of the stretch. */
  readonly value: Money;
  /** All that was paid for the period, upgrades of the same length included: what a refund in full gives back. */
  readonly paid: Money;
  /** Invoices that paid for the period, newest first: where a refund goes. */
  readonly invoices: readonly InvoiceId[];
  /** Payment of the period's own invoice: the refund window counts from here. */
  readonly paidAt: Instant;
  /** Until when access goes on after the end while a renewal is on its way. */
  readonly graceUntil: Instant;
};

/** A trial. One that is free cost zero, and no invoice paid for it. */
export type TrialPeriod = {
  readonly kind: "free" | "paid";
  readonly period: Period;
  readonly value: Money;
  readonly invoices: readonly InvoiceId[];
  readonly paidAt: Instant | null;
  readonly graceUntil: Instant;
};

/** The invoice for the next period is out. */
export type Renewal = {
  readonly invoiceId: InvoiceId;
  readonly number: number;
  readonly paidPeriods: number;
  /** What is bought when it is paid within grace; a later payment begins a period of its own. */
  readonly period: Period;
  readonly anchor: Anchor;
  readonly boundary: number;
  readonly amount: Money;
  readonly issuedAt: Instant;
  /** `payer`: the next period ahead of its boundary, or the resume of a pause by hand. No ladder follows its decline. */
  readonly askedBy: Initiator;
  /** Until when a payment keeps the period's dates and access goes on; the start of the period where there is no grace. */
  readonly graceUntil: Instant;
  /** After an outage of ours: no automatic try before. */
  readonly putOffUntil: Instant | null;
  /** The newest ones, oldest first: what the wait between two tries of one card needs, and to know one that is told again. */
  readonly declines: readonly DeclinedTry[];
};
export type DeclinedTry = {
  readonly attemptId: AttemptId;
  /** Null: a card that we have not saved. */
  readonly cardId: CardId | null;
  readonly kind: Decline["kind"];
  readonly at: Instant;
};

/** The ladder of tries after a declined renewal. */
export type Dunning = {
  /** The first decline, or the instant at which an unknown answer counted as one. */
  readonly declinedAt: Instant;
  /** Fixed at the first decline; those at or after the end of the unpaid period are not made. */
  readonly steps: readonly Instant[];
  /** The last step, or the end of the unpaid period when steps would go past it. */
  readonly endsAt: Instant;
  /** Null: no automatic try until a new card comes, or none is left. */
  readonly nextTry: NextTry | null;
  /** When the subscription ends unpaid: `endsAt` without a next try, else the end of the unpaid period. */
  readonly closesAt: Instant;
  /** Until when a payment keeps the period's dates and access goes on, but never past `closesAt`. */
  readonly graceUntil: Instant;
  /** The card of the last automatic try, or the new one that waits for its first; null when it is not known. */
  readonly cardId: CardId | null;
};
export type NextTry = {
  readonly at: Instant;
  /** When its step was due, before an outage or a wait between declines put it off. */
  readonly dueAt: Instant;
  /** The first try of a new card: the answer to a try that was made before it does not move the ladder. */
  readonly newCard: boolean;
};

/** A change that waits for the end of the period. */
export type WaitingChange = { readonly terms: Terms; readonly askedAt: Instant };

/** What a change would cost: sums frozen for 15 minutes. `charge - unused = due - surplus`, and one of these two is zero. */
export type Quote = {
  readonly quoteId: QuoteId;
  /** Without trial and intro price: these do not carry over. */
  readonly terms: Terms;
  readonly quotedAt: Instant;
  readonly expiresAt: Instant;
  readonly effect: ChangeEffect;
  /** Unused value of the running stretch. Zero in a trial and at a period's end. */
  readonly unused: Money;
  /** For the rest of the period, or for the new period. Zero in a trial and at a period's end. */
  readonly charge: Money;
  /** Never below zero. */
  readonly due: Money;
  /** Unused value above the charge: becomes credit. */
  readonly surplus: Money;
  /** The time that the charge would pay for, seen from the quote; null when there is no charge. */
  readonly period: Period | null;
};
/** `at_once`: in a trial, no charge. `now_same_period`: the difference. `now_new_period`: another length. */
export type ChangeEffect = "at_once" | "now_same_period" | "now_new_period" | "at_period_end";

export type NoticeKind =
  | "renewal_reminder"
  | "trial_ending"
  | "ending"
  | "declined"
  | "receipt"
  | "refunded"
  | "cancelled"
  | "price_change"
  | "card_expiring";
/** A notice given to the payer. */
export type Notice = {
  readonly noticeId: NoticeId;
  readonly kind: NoticeKind;
  readonly givenAt: Instant;
  /** The charge or end that it announces. */
  readonly announcedAt: Instant | null;
  /** The sum that it announces; it serves for this sum or less. */
  readonly amount: Money | null;
};

export type EndReason =
  | "payer_stopped"
  | "payer_cancelled"
  | "never_paid"
  | "plan_replaced"
  | "trial_over"
  | "no_card_or_consent"
  | "unpaid"
  | "staff";

export type Subscription = { readonly status: "absent" } | Incomplete | Trialing | Active | PastDue | Paused | Ended;

/** The first invoice is out; null only until the free trial that begins in the same commit. `beginsAt`: of a queued one. */
export type Incomplete = Identity & {
  readonly status: "incomplete";
  readonly invoiceId: InvoiceId | null;
  readonly beginsAt: Instant | null;
};
export type Trialing = Identity &
  Course & {
    readonly status: "trialing";
    readonly trial: TrialPeriod;
    readonly ahead: RunningPeriod | null;
    readonly renewal: Renewal | null;
    readonly quote: Quote | null;
  };
export type Active = Identity &
  Course & {
    readonly status: "active";
    readonly running: RunningPeriod;
    /** The next period, when it has been paid before its boundary. */
    readonly ahead: RunningPeriod | null;
    readonly renewal: Renewal | null;
    readonly quote: Quote | null;
    /** A change whose invoice is out. At most one of `ahead`, `renewal` and `change` is there. */
    readonly change: OpenChange | null;
    readonly waitingChange: WaitingChange | null;
    /** A pause planned for the end of the period. */
    readonly plannedPause: { readonly until: Instant } | null;
  };
/** `last`: the period or trial that grace prolongs; null after a pause, which has no grace. */
export type PastDue = Identity &
  Course & {
    readonly status: "past_due";
    readonly last: Period | null;
    readonly renewal: Renewal;
    readonly dunning: Dunning;
  };
/** `renewal`: the resume of a pause that kept nothing waits for its payment. */
export type Paused = Identity &
  Course & {
    readonly status: "paused";
    readonly pause: Pause;
    readonly waitingChange: WaitingChange | null;
    readonly renewal: Renewal | null;
  };
export type Ended = Identity & { readonly status: "ended"; readonly endedAt: Instant; readonly reason: EndReason };

export type Identity = {
  readonly subscriptionId: SubscriptionId;
  readonly accountId: AccountId;
  readonly zone: Zone;
  readonly terms: Terms;
  readonly startedAt: Instant;
  /** `queued`: begins where the account's current subscription ends. */
  readonly place: "current" | "queued";
  /** The newest ones, oldest first; the chain of events has them all. */
  readonly notices: readonly Notice[];
  /** Invoices whose payment has been recorded, to whatever end: told again it changes nothing. */
  readonly payments: readonly InvoiceId[];
  /** Payments that bought nothing since a period was last renewed: the invoice that takes their place is another one. */
  readonly turnedBack: number;
};
/** What a subscription under way has besides its time. */
type Course = {
  /** Null: renews. Else who stopped it, and when. */
  readonly endsAtPeriodEnd: { readonly by: Stopper; readonly at: Instant } | null;
};
/** `no_consent`: consent or the last card is missing, which is no stop by the payer. */
export type Stopper = "payer" | "no_consent";
export type OpenChange = { readonly quote: Quote; readonly invoiceId: InvoiceId };
export type Pause = {
  readonly since: Instant;
  readonly until: Instant;
  /** The unused part of the paid period, of a pause now; null for one that began at a period's end. */
  readonly kept: { readonly running: RunningPeriod; readonly unusedMs: number; readonly unused: Money } | null;
  /** Of the last period before the pause. */
  readonly number: number;
  readonly paidPeriods: number;
};

type At = { readonly at: Instant };
/** Begins with a first invoice, or at once with a free trial. */
export type StartSubscription = At & {
  readonly type: "StartSubscription";
  readonly subscriptionId: SubscriptionId;
  readonly accountId: AccountId;
  readonly zone: Zone;
  /** With the trial that this start really has: "none" for an account that has used its trial. */
  readonly terms: Terms;
  /** Queued: where its first period begins, the end of the running subscription. Null: at the first payment. */
  readonly beginsAt: Instant | null;
  /** `renews`: consent and a card stand already (a free trial after a card set-up). */
  readonly first:
    | { readonly kind: "invoice"; readonly invoiceId: InvoiceId }
    | { readonly kind: "free_trial"; readonly renews: boolean };
};
/** The first invoice is paid: a period, or a paid trial, begins at the recording. `consent`: to automatic renewal. */
export type RecordFirstPayment = At & {
  readonly type: "RecordFirstPayment";
  readonly invoiceId: InvoiceId;
  readonly value: Money;
  readonly consent: boolean;
};
/** The subscription before this queued one has ended. */
export type MoveUp = At & { readonly type: "MoveUp" };
/** The first invoice is void or expired: nothing began. */
export type AbandonStart = At & {
  readonly type: "AbandonStart";
  readonly invoiceId: InvoiceId;
  readonly reason: EndReason;
};
/** By `no_consent` when consent is withdrawn or the last card is gone, in any state; past due it stops the tries. */
export type StopRenewing = At & { readonly type: "StopRenewing"; readonly by: Stopper };
/** `mayCharge`: card and consent stand. */
export type UndoStop = At & { readonly type: "UndoStop"; readonly mayCharge: boolean };
/** Ends now; how much goes back is by policy, or by a staff's override with a reason. */
export type CancelWithRefund = At & {
  readonly type: "CancelWithRefund";
  readonly actor: Actor;
  readonly refund:
    | { readonly by: "policy" }
    | { readonly by: "staff"; readonly amount: Money; readonly reason: string };
};
/**
 * The boundary has come: renew, begin the period paid ahead, end, pause, or change the plan. `mayCharge`: consent stands,
 * and a card too unless nothing will be due.
 */
export type PassBoundary = At & {
  readonly type: "PassBoundary";
  readonly invoiceId: InvoiceId;
  readonly mayCharge: boolean;
};
/** The payer pays the next period by hand before its boundary; one ahead at most. */
export type InvoiceAhead = At & { readonly type: "InvoiceAhead"; readonly invoiceId: InvoiceId };
/** The invoice that the payer had asked for, of a period ahead or of a resume, is void. */
export type AbandonRenewal = At & { readonly type: "AbandonRenewal"; readonly invoiceId: InvoiceId };
/** `by`: `schedule` or `payer` whose try was answered, `look_up` for an answer that had been lost. */
export type RecordRenewalPayment = At & {
  readonly type: "RecordRenewalPayment";
  readonly invoiceId: InvoiceId;
  readonly value: Money;
  readonly by: Initiator | "look_up";
};
export type RecordRenewalDecline = At & {
  readonly type: "RecordRenewalDecline";
  readonly invoiceId: InvoiceId;
  readonly attemptId: AttemptId;
  readonly cardId: CardId | null;
  /** When the attempt was made: a decline that was long on its way must not stop a newer card. */
  readonly triedAt: Instant;
  readonly decline: Decline;
  /** The payer's own tries use up no step. */
  readonly initiator: Initiator;
};
/** The answer to a renewal's charge has been unknown for 24 hours. */
export type RecordRenewalUnknown = At & { readonly type: "RecordRenewalUnknown"; readonly invoiceId: InvoiceId };
/** A charge whose answer was lost never happened: tried again at once, no step used. */
export type RecordRenewalNeverHappened = At & {
  readonly type: "RecordRenewalNeverHappened";
  readonly invoiceId: InvoiceId;
};
/** A new card, with consent: while past due it is tried at once. */
export type TakeNewCard = At & { readonly type: "TakeNewCard"; readonly cardId: CardId };
export type CloseDunning = At & { readonly type: "CloseDunning" };
export type QuoteChange = At & { readonly type: "QuoteChange"; readonly quoteId: QuoteId; readonly terms: Terms };
/** `invoiceId`: for a change that must be paid, also one with nothing due. */
export type ChangePlan = At & { readonly type: "ChangePlan"; readonly quoteId: QuoteId; readonly invoiceId: InvoiceId };
export type RecordChangePayment = At & { readonly type: "RecordChangePayment"; readonly invoiceId: InvoiceId };
/** The invoice of the change is void or expired: the old plan goes on untouched. */
export type AbandonChange = At & { readonly type: "AbandonChange"; readonly invoiceId: InvoiceId };
export type DropWaitingChange = At & { readonly type: "DropWaitingChange" };
/** Until D: local 00:00 of D; 90 local days at most. `at_period_end` needs no card, but its resume does. */
export type PauseSubscription = At & {
  readonly type: "PauseSubscription";
  readonly when: "now" | "at_period_end";
  readonly until: Instant;
};
/**
 * By the payer at any time, also of a pause that is only planned; by the schedule at `until`. `invoiceId`: for the resume
 * of a pause that kept nothing, which must be paid.
 */
export type ResumeSubscription = At & {
  readonly type: "ResumeSubscription";
  readonly by: Initiator;
  readonly invoiceId: InvoiceId;
  readonly mayCharge: boolean;
};
/** Money of a running or paid-ahead period went back without a cancel: its value is less by that. */
export type RecordPeriodRefund = At & {
  readonly type: "RecordPeriodRefund";
  readonly invoiceId: InvoiceId;
  readonly amount: Money;
};
export type GiveNotice = At & { readonly type: "GiveNotice"; readonly notice: Notice };

export type SubscriptionCommand =
  | StartSubscription
  | RecordFirstPayment
  | MoveUp
  | AbandonStart
  | StopRenewing
  | UndoStop
  | CancelWithRefund
  | PassBoundary
  | InvoiceAhead
  | AbandonRenewal
  | RecordRenewalPayment
  | RecordRenewalDecline
  | RecordRenewalUnknown
  | RecordRenewalNeverHappened
  | TakeNewCard
  | CloseDunning
  | QuoteChange
  | ChangePlan
  | RecordChangePayment
  | AbandonChange
  | DropWaitingChange
  | PauseSubscription
  | ResumeSubscription
  | RecordPeriodRefund
  | GiveNotice;

export type SubscriptionEvent =
  | (At & {
      readonly type: "SubscriptionStarted";
      readonly subscriptionId: SubscriptionId;
      readonly accountId: AccountId;
      readonly zone: Zone;
      readonly terms: Terms;
      readonly beginsAt: Instant | null;
      readonly invoiceId: InvoiceId | null;
    })
  /** A queued subscription has taken the place of the one that ended. */
  | (At & { readonly type: "SubscriptionMovedUp" })
  /** Free at once, or paid by the first invoice. */
  | (At & { readonly type: "TrialStarted"; readonly trial: TrialPeriod; readonly renews: boolean })
  | (At & { readonly type: "SubscriptionActivated"; readonly running: RunningPeriod; readonly renews: boolean })
  | (At & { readonly type: "RenewalStopped"; readonly by: Stopper })
  | (At & { readonly type: "RenewalRestored" })
  /** An invoice for the period after the boundary: at the boundary, at a resume, or (asked by the payer) before it. */
  | (At & { readonly type: "RenewalInvoiced"; readonly renewal: Renewal; readonly terms: Terms })
  /**
   * An unpaid invoice is due for what it now buys: the boundary has passed over one that the payer had asked for, which the
   * schedule charges from now on; or the period that it was for is over, and the next would begin today.
   */
  | (At & { readonly type: "RenewalFellDue"; readonly renewal: Renewal })
  /** The invoice is void and the subscription goes on without it. */
  | (At & { readonly type: "RenewalWithdrawn"; readonly invoiceId: InvoiceId })
  /** The period is paid. `ahead`: it begins at its boundary. */
  | (At & { readonly type: "SubscriptionRenewed"; readonly running: RunningPeriod; readonly ahead: boolean })
  /** The boundary passed into a period that had been paid ahead. */
  | (At & { readonly type: "PaidPeriodBegan" })
  | (At & {
      readonly type: "RenewalDeclined";
      readonly invoiceId: InvoiceId;
      readonly attemptId: AttemptId;
      readonly cardId: CardId | null;
      readonly decline: Decline;
      readonly initiator: Initiator;
    })
  /** The first charge met an outage of ours: nothing counts as declined, and it is tried again. */
  | (At & { readonly type: "RenewalPutOff"; readonly until: Instant })
  | (At & {
      readonly type: "SubscriptionFellPastDue";
      readonly dunning: Dunning;
      readonly because: "declined" | "unknown";
    })
  | (At & {
      readonly type: "DunningMoved";
      readonly dunning: Dunning;
      readonly because: "declined" | "new_card" | "halted" | "outage" | "never_happened";
    })
  | (At & { readonly type: "ChangeQuoted"; readonly quote: Quote })
  | (At & { readonly type: "ChangeInvoiced"; readonly quote: Quote; readonly invoiceId: InvoiceId })
  | (At & {
      readonly type: "ChangeAbandoned";
      readonly invoiceId: InvoiceId;
      readonly because: "unpaid" | "newer_quote" | "stopped" | "period_over" | "refunded";
    })
  /** The old plan ended and the new one began. `running` is null in a trial, which goes on, and at a boundary. */
  | (At & {
      readonly type: "PlanChanged";
      readonly terms: Terms;
      readonly effect: ChangeEffect;
      readonly running: RunningPeriod | null;
      readonly surplus: Money;
      readonly invoiceId: InvoiceId | null;
    })
  | (At & { readonly type: "ChangeScheduled"; readonly change: WaitingChange })
  | (At & { readonly type: "ChangeDropped" })
  | (At & { readonly type: "PausePlanned"; readonly until: Instant })
  | (At & { readonly type: "PauseDropped" })
  | (At & { readonly type: "SubscriptionPaused"; readonly pause: Pause })
  /** The kept rest runs; at its end the renewal falls due, and that day is the new anchor. */
  | (At & { readonly type: "SubscriptionResumed"; readonly running: RunningPeriod })
  /** `refund`: what goes back to the captures of `invoices`, newest first, and to credit for the part that credit paid. */
  | (At & {
      readonly type: "SubscriptionCancelled";
      readonly actor: Actor;
      readonly refund: Money;
      readonly invoices: readonly InvoiceId[];
      readonly rule: RefundRule;
      readonly reason: string | null;
    })
  /** `leaves`: the unpaid invoice that it leaves behind, and what becomes of it. */
  | (At & {
      readonly type: "SubscriptionEnded";
      readonly reason: EndReason;
      readonly leaves: { readonly invoiceId: InvoiceId; readonly as: "void" | "uncollectible" } | null;
    })
  /** A payment that came for nothing it could buy any more: it goes back in full. */
  | (At & { readonly type: "PaymentTurnedBack"; readonly invoiceId: InvoiceId })
  | (At & { readonly type: "PeriodRefunded"; readonly invoiceId: InvoiceId; readonly amount: Money })
  | (At & { readonly type: "NoticeGiven"; readonly notice: Notice });
/** By which rule a cancel gives money back for the running period. A period paid ahead goes back whole under each. */
export type RefundRule = "full" | "unused" | "nothing" | "staff";

export type SubscriptionRefusal =
  | { readonly code: "subscription_not_found" }
  | { readonly code: "subscription_exists" }
  /** The command does not fit the state that the code names. */
  | {
      readonly code:
        | "subscription_incomplete"
        | "subscription_trialing"
        | "subscription_active"
        | "subscription_past_due"
        | "subscription_paused"
        | "subscription_ended";
    }
  /** It waits behind another one and cannot be changed or paused before it begins. */
  | { readonly code: "subscription_queued" }
  | { readonly code: "renewal_stopped" }
  | { readonly code: "renewal_not_stopped" }
  | { readonly code: "card_or_consent_missing" }
  | { readonly code: "boundary_not_reached"; readonly boundary: Instant }
  | { readonly code: "boundary_passed"; readonly boundary: Instant }
  | { readonly code: "period_paid_ahead" }
  | { readonly code: "same_plan" }
  | { readonly code: "currency_differs" }
  | { readonly code: "quote_unknown" }
  | { readonly code: "quote_expired"; readonly expiresAt: Instant }
  | { readonly code: "change_in_progress"; readonly invoiceId: InvoiceId }
  | { readonly code: "change_waiting" }
  | { readonly code: "renewal_in_progress"; readonly invoiceId: InvoiceId }
  | { readonly code: "no_waiting_change" }
  | { readonly code: "pause_planned"; readonly until: Instant }
  | { readonly code: "pause_too_long"; readonly latest: Instant }
  | { readonly code: "pause_not_ahead" }
  | { readonly code: "pause_not_over"; readonly until: Instant }
  | { readonly code: "refund_above_paid"; readonly most: Money }
  | { readonly code: "dunning_not_over"; readonly closesAt: Instant };

export type Decision = Result<readonly SubscriptionEvent[], SubscriptionRefusal>;
