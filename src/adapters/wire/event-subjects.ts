import type { StreamKind } from "../../core/billing/stream.ts";
import type { PlanEvent } from "../../core/catalog/plan.ts";
import type { CustomerEvent } from "../../core/customer/customer.ts";
import type { SetupEvent } from "../../core/customer/setup.ts";
import type { InvoiceEvent } from "../../core/invoice/invoice.ts";
import type { SubscriptionEvent } from "../../core/subscription/subscription.ts";
import type { EventType } from "./event-bodies.ts";

// What facts are called on the bus: public, and so written down and not derived. A name of the core may change, one of these
// never does: others have it in their subscriptions.

type Names<Event extends { readonly type: string }> = Readonly<Record<Event["type"], string>>;

const PLAN = {
  PlanCreated: "created",
  PlanDescribed: "described",
  PriceSet: "price_set",
  PlanArchived: "archived",
  PlanRestored: "restored",
} as const satisfies Names<PlanEvent>;

const CUSTOMER = {
  SubscriptionTaken: "subscription_taken",
  TrialUsed: "trial_used",
  SubscriptionReleased: "subscription_released",
  ConsentGiven: "consent_given",
  ConsentWithdrawn: "consent_withdrawn",
  CardSaved: "card_saved",
  CardRemoved: "card_removed",
  CardPreferred: "card_preferred",
  CardBlocked: "card_blocked",
  CreditAdded: "credit_added",
  CreditReserved: "credit_reserved",
  CreditSpent: "credit_spent",
  CreditFreed: "credit_freed",
  DisputeOpened: "dispute_opened",
  DisputeClosed: "dispute_closed",
  CustomerErased: "erased",
} as const satisfies Names<CustomerEvent>;

const SETUP = {
  SetupOffered: "offered",
  CardProved: "card_proved",
  SetupDeclined: "declined",
  SetupMismatched: "mismatched",
  VoidAsked: "void_asked",
  VoidUnknown: "void_unknown",
  VoidFailed: "void_failed",
  HoldVoided: "hold_voided",
  SetupExpired: "expired",
} as const satisfies Names<SetupEvent>;

const SUBSCRIPTION = {
  SubscriptionStarted: "started",
  SubscriptionMovedUp: "moved_up",
  TrialStarted: "trial_started",
  SubscriptionActivated: "activated",
  RenewalStopped: "renewal_stopped",
  RenewalRestored: "renewal_restored",
  RenewalInvoiced: "renewal_invoiced",
  RenewalFellDue: "renewal_fell_due",
  RenewalWithdrawn: "renewal_withdrawn",
  SubscriptionRenewed: "renewed",
  PaidPeriodBegan: "paid_period_began",
  RenewalDeclined: "renewal_declined",
  RenewalPutOff: "renewal_put_off",
  SubscriptionFellPastDue: "fell_past_due",
  DunningMoved: "dunning_moved",
  ChangeQuoted: "change_quoted",
  ChangeInvoiced: "change_invoiced",
  ChangeAbandoned: "change_abandoned",
  PlanChanged: "plan_changed",
  ChangeScheduled: "change_scheduled",
  ChangeDropped: "change_dropped",
  PausePlanned: "pause_planned",
  PauseDropped: "pause_dropped",
  SubscriptionPaused: "paused",
  SubscriptionResumed: "resumed",
  SubscriptionCancelled: "cancelled",
  SubscriptionEnded: "ended",
  PaymentTurnedBack: "payment_turned_back",
  PeriodRefunded: "period_refunded",
  NoticeGiven: "notice_given",
} as const satisfies Names<SubscriptionEvent>;

const INVOICE = {
  InvoiceIssued: "issued",
  OfferMade: "offer_made",
  CheckAccepted: "check_accepted",
  OfferClosed: "offer_closed",
  ChargeStarted: "charge_started",
  PaymentSucceeded: "payment_succeeded",
  InvoicePaid: "paid",
  PaymentDeclined: "payment_declined",
  PaymentUnknown: "payment_unknown",
  LookUpFoundNothing: "look_up_found_nothing",
  PaymentNeverHappened: "payment_never_happened",
  PaymentMismatched: "payment_mismatched",
  MismatchSettled: "mismatch_settled",
  InvoiceVoided: "voided",
  InvoiceExpired: "expired",
  InvoiceWrittenOff: "written_off",
  RefundAsked: "refund_asked",
  RefundStarted: "refund_started",
  RefundSucceeded: "refund_succeeded",
  RefundFailed: "refund_failed",
  RefundUnknown: "refund_unknown",
  RefundLookUpFoundNothing: "refund_look_up_found_nothing",
  RefundReported: "refund_reported",
  CreditReturned: "credit_returned",
  ChargebackRecorded: "chargeback_recorded",
  ChargebackDecided: "chargeback_decided",
} as const satisfies Names<InvoiceEvent>;

const below = <Type extends EventType>(kind: StreamKind, names: Readonly<Record<Type, string>>) =>
  Object.fromEntries(
    Object.entries<string>(names).map(([type, name]) => [type, `billing.events.${kind}.${name}`]),
  ) as Readonly<Record<Type, string>>;

/** The subject of every fact there is, by the kind of stream that it stands in. */
export const SUBJECT_OF_EVENT: Readonly<Record<EventType, string>> = {
  ...below("plan", PLAN),
  ...below("customer", CUSTOMER),
  ...below("setup", SETUP),
  ...below("subscription", SUBSCRIPTION),
  ...below("invoice", INVOICE),
};
