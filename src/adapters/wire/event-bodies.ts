import { z } from "zod";
import type { DomainEvent } from "../../core/billing/domain.ts";
import type { PlanEvent } from "../../core/catalog/plan.ts";
import type { CustomerEvent } from "../../core/customer/customer.ts";
import type { SetupEvent } from "../../core/customer/setup.ts";
import type { InvoiceEvent } from "../../core/invoice/invoice.ts";
import type { SubscriptionEvent } from "../../core/subscription/subscription.ts";
import { faithful } from "./faithful.ts";
import * as part from "./stored-values.ts";
import {
  accountId,
  actor,
  attemptId,
  cardId,
  gatewayAccount,
  instant,
  invoiceId,
  planCode,
  refundId,
  setupId,
  storedMoney,
  subscriptionId,
  transactionId,
  zone,
} from "./vocabulary.ts";
import * as word from "./words.ts";

export type EventType = DomainEvent["type"];

const body = <Fields extends z.ZodRawShape>(fields: Fields) => z.object({ at: instant, ...fields });

const PLAN = faithful<PlanEvent>()({
  PlanCreated: body({ actor, code: planCode, description: part.planDescription, price: part.priceVersion }),
  PlanDescribed: body({ actor, description: part.planDescription }),
  PriceSet: body({ actor, price: part.priceVersion }),
  PlanArchived: body({ actor }),
  PlanRestored: body({ actor }),
});

const CUSTOMER = faithful<CustomerEvent>()({
  SubscriptionTaken: body({ accountId, subscriptionId, place: word.place }),
  TrialUsed: body({}),
  SubscriptionReleased: body({ subscriptionId, movesUp: subscriptionId.nullable() }),
  ConsentGiven: body({ accountId, textVersion: z.string() }),
  ConsentWithdrawn: body({ accountId }),
  CardSaved: body({ accountId, cardId, gatewayAccount }),
  CardRemoved: body({ cardId }),
  CardPreferred: body({ cardId }),
  CardBlocked: body({ cardId }),
  CreditAdded: body({
    accountId,
    amount: storedMoney,
    source: z.discriminatedUnion("from", [
      z.object({
        from: z.enum(["change", "refund"]),
        invoiceId: invoiceId.nullable(),
        subscriptionId: subscriptionId.nullable(),
      }),
      z.object({ from: z.literal("staff"), actor, reason: z.string() }),
    ]),
  }),
  CreditReserved: body({ accountId, invoiceId, amount: storedMoney }),
  CreditSpent: body({ invoiceId, amount: storedMoney }),
  CreditFreed: body({ invoiceId, amount: storedMoney }),
  DisputeOpened: body({ accountId, invoiceId }),
  DisputeClosed: body({ invoiceId }),
  CustomerErased: body({ accountId, actor }),
});

const SETUP = faithful<SetupEvent>()({
  SetupOffered: body({ setupId, accountId, gatewayAccount, cardId, amount: storedMoney, endsAt: instant }),
  CardProved: body({ transactionId, captured: z.boolean() }),
  SetupDeclined: body({}),
  SetupMismatched: body({ transactionId, received: storedMoney }),
  VoidAsked: body({}),
  VoidUnknown: body({}),
  VoidFailed: body({}),
  HoldVoided: body({}),
  SetupExpired: body({}),
});

const SUBSCRIPTION = faithful<SubscriptionEvent>()({
  SubscriptionStarted: body({
    subscriptionId,
    accountId,
    zone,
    terms: part.terms,
    beginsAt: instant.nullable(),
    invoiceId: invoiceId.nullable(),
  }),
  SubscriptionMovedUp: body({}),
  TrialStarted: body({ trial: part.trialPeriod, renews: z.boolean() }),
  SubscriptionActivated: body({ running: part.runningPeriod, renews: z.boolean() }),
  RenewalStopped: body({ by: word.stopper }),
  RenewalRestored: body({}),
  RenewalInvoiced: body({ renewal: part.renewal, terms: part.terms }),
  RenewalFellDue: body({ renewal: part.renewal }),
  RenewalWithdrawn: body({ invoiceId }),
  SubscriptionRenewed: body({ running: part.runningPeriod, ahead: z.boolean() }),
  PaidPeriodBegan: body({}),
  RenewalDeclined: body({
    invoiceId,
    attemptId,
    cardId: cardId.nullable(),
    decline: part.decline,
    initiator: word.initiator,
  }),
  RenewalPutOff: body({ until: instant }),
  SubscriptionFellPastDue: body({ dunning: part.dunning, because: z.enum(["declined", "unknown"]) }),
  DunningMoved: body({
    dunning: part.dunning,
    because: z.enum(["declined", "new_card", "halted", "outage", "never_happened"]),
  }),
  ChangeQuoted: body({ quote: part.quote }),
  ChangeInvoiced: body({ quote: part.quote, invoiceId }),
  ChangeAbandoned: body({
    invoiceId,
    because: z.enum(["unpaid", "newer_quote", "stopped", "period_over", "refunded"]),
  }),
  PlanChanged: body({
    terms: part.terms,
    effect: word.changeEffect,
    running: part.runningPeriod.nullable(),
    surplus: storedMoney,
    invoiceId: invoiceId.nullable(),
  }),
  ChangeScheduled: body({ change: part.waitingChange }),
  ChangeDropped: body({}),
  PausePlanned: body({ until: instant }),
  PauseDropped: body({}),
  SubscriptionPaused: body({ pause: part.pause }),
  SubscriptionResumed: body({ running: part.runningPeriod }),
  SubscriptionCancelled: body({
    actor,
    refund: storedMoney,
    invoices: z.array(invoiceId),
    rule: z.enum(["full", "unused", "nothing", "staff"]),
    reason: z.string().nullable(),
  }),
  SubscriptionEnded: body({
    reason: word.endReason,
    leaves: z.object({ invoiceId, as: z.enum(["void", "uncollectible"]) }).nullable(),
  }),
  PaymentTurnedBack: body({ invoiceId }),
  PeriodRefunded: body({ invoiceId, amount: storedMoney }),
  NoticeGiven: body({ notice: part.notice }),
});

const INVOICE = faithful<InvoiceEvent>()({
  InvoiceIssued: body({ terms: part.invoiceTerms }),
  OfferMade: body({ attemptId, gatewayAccount, endsAt: instant }),
  CheckAccepted: body({ attemptId, transactionId }),
  OfferClosed: body({ attemptId, reason: word.offerClosing }),
  ChargeStarted: body({ attemptId, gatewayAccount, cardId, initiator: word.initiator }),
  PaymentSucceeded: body({
    attemptId,
    capture: part.captured,
    role: word.captureRole,
    attemptWas: word.attemptStatus,
  }),
  InvoicePaid: body({ by: z.enum(["capture", "credit"]), paid: storedMoney, credit: storedMoney }),
  PaymentDeclined: body({ attemptId, transactionId: transactionId.nullable(), decline: part.decline }),
  PaymentUnknown: body({ attemptId }),
  LookUpFoundNothing: body({ attemptId, by: word.lookUp }),
  PaymentNeverHappened: body({ attemptId }),
  PaymentMismatched: body({ attemptId, payment: part.captureKey, reason: word.mismatchReason, received: storedMoney }),
  MismatchSettled: body({ payment: part.captureKey, actor, note: z.string() }),
  InvoiceVoided: body({ actor, reason: word.annulReason }),
  InvoiceExpired: body({}),
  InvoiceWrittenOff: body({}),
  RefundStarted: body({ refundId }),
  RefundAsked: body({ refundId, capture: part.captureKey, amount: storedMoney, reason: word.refundReason, actor }),
  RefundSucceeded: body({
    refundId,
    transactionId,
    amount: storedMoney,
    dropped: refundId.nullable(),
    overdrawn: z.boolean(),
  }),
  RefundFailed: body({ refundId, reason: z.string() }),
  RefundUnknown: body({ refundId }),
  RefundLookUpFoundNothing: body({ refundId, by: word.lookUp }),
  RefundReported: body({
    capture: part.captureKey,
    transactionId,
    amount: storedMoney,
    dropped: refundId.nullable(),
    overdrawn: z.boolean(),
  }),
  CreditReturned: body({ amount: storedMoney }),
  ChargebackRecorded: body({ capture: part.captureKey }),
  ChargebackDecided: body({ capture: part.captureKey, won: z.boolean(), actor }),
});

/** The body of each event as its newest schema has it; `type` is told beside it. */
export const EVENT_BODIES = { ...PLAN, ...CUSTOMER, ...SETUP, ...SUBSCRIPTION, ...INVOICE };
