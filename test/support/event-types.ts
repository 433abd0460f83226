import type { DomainEvent } from "../../src/core/billing/domain.ts";
import type { PlanEvent } from "../../src/core/catalog/plan.ts";
import type { CustomerEvent } from "../../src/core/customer/customer.ts";
import type { SetupEvent } from "../../src/core/customer/setup.ts";
import type { InvoiceEvent } from "../../src/core/invoice/invoice.ts";
import type { SubscriptionEvent } from "../../src/core/subscription/subscription.ts";

/** Every fact there is, by machine: one that is forgotten here does not compile. */
type Facts<Event extends { readonly type: string }> = Readonly<Record<Event["type"], true>>;

const PLAN: Facts<PlanEvent> = {
  PlanCreated: true,
  PlanDescribed: true,
  PriceSet: true,
  PlanArchived: true,
  PlanRestored: true,
};

const CUSTOMER: Facts<CustomerEvent> = {
  SubscriptionTaken: true,
  TrialUsed: true,
  SubscriptionReleased: true,
  ConsentGiven: true,
  ConsentWithdrawn: true,
  CardSaved: true,
  CardRemoved: true,
  CardPreferred: true,
  CardBlocked: true,
  CreditAdded: true,
  CreditReserved: true,
  CreditSpent: true,
  CreditFreed: true,
  DisputeOpened: true,
  DisputeClosed: true,
  CustomerErased: true,
};

const SETUP: Facts<SetupEvent> = {
  SetupOffered: true,
  CardProved: true,
  SetupDeclined: true,
  SetupMismatched: true,
  VoidAsked: true,
  VoidUnknown: true,
  VoidFailed: true,
  HoldVoided: true,
  SetupExpired: true,
};

const SUBSCRIPTION: Facts<SubscriptionEvent> = {
  SubscriptionStarted: true,
  SubscriptionMovedUp: true,
  TrialStarted: true,
  SubscriptionActivated: true,
  RenewalStopped: true,
  RenewalRestored: true,
  RenewalInvoiced: true,
  RenewalFellDue: true,
  RenewalWithdrawn: true,
  SubscriptionRenewed: true,
  PaidPeriodBegan: true,
  RenewalDeclined: true,
  RenewalPutOff: true,
  SubscriptionFellPastDue: true,
  DunningMoved: true,
  ChangeQuoted: true,
  ChangeInvoiced: true,
  ChangeAbandoned: true,
  PlanChanged: true,
  ChangeScheduled: true,
  ChangeDropped: true,
  PausePlanned: true,
  PauseDropped: true,
  SubscriptionPaused: true,
  SubscriptionResumed: true,
  SubscriptionCancelled: true,
  SubscriptionEnded: true,
  PaymentTurnedBack: true,
  PeriodRefunded: true,
  NoticeGiven: true,
};

const INVOICE: Facts<InvoiceEvent> = {
  InvoiceIssued: true,
  OfferMade: true,
  CheckAccepted: true,
  OfferClosed: true,
  ChargeStarted: true,
  PaymentSucceeded: true,
  InvoicePaid: true,
  PaymentDeclined: true,
  PaymentUnknown: true,
  LookUpFoundNothing: true,
  PaymentNeverHappened: true,
  PaymentMismatched: true,
  MismatchSettled: true,
  InvoiceVoided: true,
  InvoiceExpired: true,
  InvoiceWrittenOff: true,
  RefundAsked: true,
  RefundStarted: true,
  RefundSucceeded: true,
  RefundFailed: true,
  RefundUnknown: true,
  RefundLookUpFoundNothing: true,
  RefundReported: true,
  CreditReturned: true,
  ChargebackRecorded: true,
  ChargebackDecided: true,
};

export const CUSTOMER_EVENTS = Object.keys(CUSTOMER);
export const SUBSCRIPTION_EVENTS = Object.keys(SUBSCRIPTION);
export const INVOICE_EVENTS = Object.keys(INVOICE);
export const EVENT_TYPES = Object.keys({
  ...PLAN,
  ...CUSTOMER,
  ...SETUP,
  ...SUBSCRIPTION,
  ...INVOICE,
} satisfies Facts<DomainEvent>);
