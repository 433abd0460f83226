import type { Actor } from "../actor.ts";
import { type CustomerEvent, mayCharge } from "../customer/customer.ts";
import type { SetupEvent } from "../customer/setup.ts";
import type { AccountId, InvoiceId, SubscriptionId } from "../ids.ts";
import type { Initiator, Invoice, InvoiceEvent, InvoiceLine, IssuedInvoice } from "../invoice/invoice.ts";
import { attemptOf, captureOf, refundOf, settlingCaptures } from "../invoice/reading.ts";
import { add, isPositive, isZero, money, subtract } from "../money.ts";
import { invariant } from "../result.ts";
import type { EndReason, Subscription, SubscriptionEvent } from "../subscription/subscription.ts";
import { earlier, MINUTE_MS, plusMs } from "../time.ts";
import { consentStandsFor } from "./consent.ts";
import { type Desk, issueInvoice, may, must } from "./desk.ts";
import { invoicesOf } from "./links.ts";
import { askRefund, giveBack, giveBackWhole } from "./money-back.ts";
import type { Happened } from "./workspace.ts";

/**
 * What follows from which fact, in the same commit. Here and nowhere else does one machine learn of another.
 *
 * A follow-up is never a reason to refuse a fact: what the gateway reports has happened. So `must` throws a Bug where a
 * machine refuses what can only be accepted, and `may` names the refusals that are an answer too.
 */
export const follow = (desk: Desk, { stream, event, before }: Happened): void => {
  const id = stream.slice(stream.indexOf("/") + 1);
  if (before.kind === "invoice") followInvoice(desk, issued(desk.work.invoice(id as InvoiceId)), event as InvoiceEvent);
  if (before.kind === "subscription") followSubscription(desk, id as SubscriptionId, event as SubscriptionEvent);
  if (before.kind === "customer") followCustomer(desk, id as AccountId, event as CustomerEvent);
  if (before.kind === "setup") followSetup(desk, event as SetupEvent, desk.work.setup(id as never));
};

const SYSTEM: Actor = { kind: "system" };

const followInvoice = (desk: Desk, invoice: IssuedInvoice, event: InvoiceEvent): void => {
  const { work, at } = desk;
  const { invoiceId, accountId, credit, due } = invoice.terms;
  switch (event.type) {
    case "InvoiceIssued":
      if (isPositive(credit))
        must(work.onCustomer(accountId, { type: "ReserveCredit", accountId, invoiceId, amount: credit, at }));
      if (isZero(due)) must(work.onInvoice(invoiceId, { type: "SettleWithNothingDue", at }));
      return;
    case "InvoicePaid":
      if (isPositive(credit)) must(work.onCustomer(accountId, { type: "SpendCredit", invoiceId, at }));
      return deliver(desk, invoice, event);
    case "InvoiceVoided":
    case "InvoiceExpired":
    case "InvoiceWrittenOff":
      if (isPositive(credit)) must(work.onCustomer(accountId, { type: "FreeCredit", invoiceId, at }));
      return comeToNothing(desk, invoice, event);
    case "PaymentSucceeded": {
      const { gatewayAccount, transactionId } = event.capture;
      const capture = invoice.captures.find(
        (one) => one.gatewayAccount === gatewayAccount && one.transactionId === transactionId,
      );
      invariant(capture !== undefined, "a success leaves a capture");
      if (capture.role === "extra") askRefund(desk, invoiceId, capture, capture.amount, "extra_payment", SYSTEM);
      return;
    }
    case "PaymentDeclined":
      return afterDecline(desk, invoice, event);
    case "PaymentNeverHappened":
      return afterNothing(desk, invoice, event);
    case "PaymentMismatched":
    case "OfferClosed":
      return closeIfUnwanted(desk, invoice);
    case "RefundSucceeded":
    case "RefundReported":
      return countRefund(desk, invoice, event);
    case "ChargebackRecorded":
      return must(work.onCustomer(accountId, { type: "OpenDispute", accountId, invoiceId, at }));
    case "ChargebackDecided":
      if (invoice.captures.every((capture) => capture.dispute !== "open")) {
        must(work.onCustomer(accountId, { type: "CloseDispute", invoiceId, at }));
      }
      return;
    default: // The other facts concern the invoice alone.
  }
};

/** What a payment buys. */
const deliver = (
  desk: Desk,
  invoice: IssuedInvoice,
  { paid, credit }: Extract<InvoiceEvent, { type: "InvoicePaid" }>,
): void => {
  const { work, at } = desk;
  const { invoiceId, subscriptionId, accountId, purpose } = invoice.terms;
  if (subscriptionId === null) return;
  const value = add(paid, credit);
  switch (purpose) {
    case "first": {
      const consent = consentStandsFor(work.customer(accountId), work.subscription(subscriptionId));
      return must(work.onSubscription(subscriptionId, { type: "RecordFirstPayment", invoiceId, value, consent, at }));
    }
    case "renewal":
      return must(
        work.onSubscription(subscriptionId, {
          type: "RecordRenewalPayment",
          invoiceId,
          value,
          by: paidBy(desk, invoice),
          at,
        }),
      );
    case "change":
      return must(work.onSubscription(subscriptionId, { type: "RecordChangePayment", invoiceId, at }));
    case "gift":
    case "staff":
      return;
  }
};

/** Whose try has paid: the schedule's, the payer's, or one whose answer had been lost. */
const paidBy = ({ work, received }: Desk, invoice: IssuedInvoice): Initiator | "look_up" => {
  const [capture] = settlingCaptures(invoice);
  const before = work.invoiceBefore(invoice.terms.invoiceId);
  if (capture === undefined || before.status === "absent")
    return received.actor.kind === "payer" ? "payer" : "schedule";
  const attempt = attemptOf(before, capture.attemptId);
  if (attempt?.kind === "charge") return attempt.status === "unknown" ? "look_up" : attempt.initiator;
  return "payer";
};

type Closing = Extract<InvoiceEvent, { type: "InvoiceVoided" | "InvoiceExpired" | "InvoiceWrittenOff" }>;
const comeToNothing = ({ work, at }: Desk, { terms }: IssuedInvoice, event: Closing): void => {
  const { invoiceId, subscriptionId, purpose } = terms;
  if (subscriptionId === null) return;
  if (purpose === "first") {
    const reason: EndReason = event.type === "InvoiceVoided" ? ENDS_WITH[event.reason] : "never_paid";
    must(work.onSubscription(subscriptionId, { type: "AbandonStart", invoiceId, reason, at }));
  }
  if (purpose === "change") must(work.onSubscription(subscriptionId, { type: "AbandonChange", invoiceId, at }));
  if (purpose === "renewal") must(work.onSubscription(subscriptionId, { type: "AbandonRenewal", invoiceId, at }));
};
const ENDS_WITH = {
  payer_cancelled: "payer_cancelled",
  plan_replaced: "plan_replaced",
  newer_quote: "plan_replaced",
  pause_kept: "payer_cancelled",
  staff: "staff",
} as const satisfies Readonly<Record<Extract<InvoiceEvent, { type: "InvoiceVoided" }>["reason"], EndReason>>;

const afterDecline = (
  desk: Desk,
  invoice: IssuedInvoice,
  { attemptId, decline }: Extract<InvoiceEvent, { type: "PaymentDeclined" }>,
): void => {
  const { work, at } = desk;
  const { invoiceId, accountId, subscriptionId, purpose } = invoice.terms;
  const attempt = invoice.attempts.find((one) => one.id === attemptId);
  if (attempt?.kind === "charge" && decline.kind === "hard") {
    may(
      work.onCustomer(accountId, { type: "BlockCard", cardId: attempt.cardId, at }),
      "card_unknown",
      "card_removed",
      "customer_erased",
    );
  }
  if (attempt !== undefined && purpose === "renewal" && subscriptionId !== null && isWanted(desk, invoice)) {
    const { cardId, initiator } = attempt.kind === "charge" ? attempt : { cardId: null, initiator: "payer" as const };
    const triedAt = attempt.madeAt;
    must(
      work.onSubscription(subscriptionId, {
        type: "RecordRenewalDecline",
        invoiceId,
        attemptId,
        cardId,
        triedAt,
        decline,
        initiator,
        at,
      }),
    );
  }
  closeIfUnwanted(desk, invoice);
};

const afterNothing = (
  desk: Desk,
  invoice: IssuedInvoice,
  { attemptId }: Extract<InvoiceEvent, { type: "PaymentNeverHappened" }>,
): void => {
  const { invoiceId, subscriptionId, purpose } = invoice.terms;
  const charged = attemptOf(invoice, attemptId)?.kind === "charge";
  if (charged && purpose === "renewal" && subscriptionId !== null && isWanted(desk, invoice)) {
    must(desk.work.onSubscription(subscriptionId, { type: "RecordRenewalNeverHappened", invoiceId, at: desk.at }));
  }
  closeIfUnwanted(desk, invoice);
};

/** Money that went back without a cancel makes the running period worth less; a cancel has counted its own already. */
const countRefund = (
  { work, at }: Desk,
  invoice: IssuedInvoice,
  event: Extract<InvoiceEvent, { type: "RefundSucceeded" | "RefundReported" }>,
): void => {
  const { invoiceId, subscriptionId } = invoice.terms;
  if (subscriptionId === null) return;
  const capture =
    event.type === "RefundReported" ? captureOf(invoice, event.capture) : refundOf(invoice, event.refundId)?.capture;
  const asked = event.type === "RefundReported" ? null : refundOf(invoice, event.refundId)?.refund;
  if (capture?.role !== "settling" || (asked && asked.reason !== "staff")) return;
  must(work.onSubscription(subscriptionId, { type: "RecordPeriodRefund", invoiceId, amount: event.amount, at }));
};

/** An invoice that its subscription no longer waits for is closed as soon as the payment under way has come to nothing. */
const closeIfUnwanted = (desk: Desk, invoice: IssuedInvoice): void => {
  const { invoiceId, subscriptionId } = invoice.terms;
  if (subscriptionId === null || invoice.status !== "open" || isWanted(desk, invoice)) return;
  const subscription = desk.work.subscription(subscriptionId);
  const unpaid = subscription.status === "ended" && subscription.reason === "unpaid";
  if (unpaid) writeOff(desk, invoiceId);
  else annul(desk, invoiceId, "payer_cancelled");
};

const isWanted = ({ work }: Desk, { terms }: IssuedInvoice): boolean => {
  if (terms.subscriptionId === null) return true;
  const subscription = work.subscription(terms.subscriptionId);
  return subscription.status !== "absent" && invoicesOf(subscription).includes(terms.invoiceId);
};

const writeOff = ({ work, at }: Desk, invoiceId: InvoiceId): void =>
  may(work.onInvoice(invoiceId, { type: "WriteOffInvoice", at }), "charge_in_flight", "payment_in_progress");

/** Closes an invoice that nobody shall pay any more; one that is just being paid is closed when that has ended. */
const annul = (
  { work, at, received }: Desk,
  invoiceId: InvoiceId,
  reason: Extract<InvoiceEvent, { type: "InvoiceVoided" }>["reason"],
): void =>
  may(
    work.onInvoice(invoiceId, { type: "AnnulInvoice", actor: received.actor, reason, at }),
    "invoice_paid",
    "charge_in_flight",
    "payment_in_progress",
  );

const followSubscription = (desk: Desk, id: SubscriptionId, event: SubscriptionEvent): void => {
  const { work, at } = desk;
  switch (event.type) {
    case "TrialStarted":
      return must(work.onCustomer(accountOf(work.subscription(id)), { type: "UseTrial", at }));
    case "RenewalInvoiced":
      return invoiceRenewal(desk, id, event);
    case "ChangeInvoiced":
      return invoiceChange(desk, id, event);
    case "RenewalWithdrawn":
      return annul(desk, event.invoiceId, "payer_cancelled");
    case "ChangeAbandoned":
      return annul(desk, event.invoiceId, event.because === "newer_quote" ? "newer_quote" : "payer_cancelled");
    case "PlanChanged": {
      const accountId = accountOf(work.subscription(id));
      const source = { from: "change", invoiceId: event.invoiceId, subscriptionId: id } as const;
      if (isPositive(event.surplus))
        must(work.onCustomer(accountId, { type: "AddCredit", accountId, amount: event.surplus, source, at }));
      return;
    }
    case "SubscriptionCancelled":
      return isPositive(event.refund)
        ? giveBack(desk, event.invoices, event.refund, "cancelled", event.actor)
        : undefined;
    case "PaymentTurnedBack":
      return giveBackWhole(desk, event.invoiceId, "ended", SYSTEM);
    case "SubscriptionEnded":
      return windUp(desk, id, event);
    default: // The other facts concern the subscription alone.
  }
};

const invoiceRenewal = (
  desk: Desk,
  subscriptionId: SubscriptionId,
  { renewal, terms }: Extract<SubscriptionEvent, { type: "RenewalInvoiced" }>,
): void => {
  const { invoiceId, amount, period, number } = renewal;
  const accountId = accountOf(desk.work.subscription(subscriptionId));
  const line: InvoiceLine = { kind: "period", plan: terms.plan, priceVersion: terms.priceVersion, amount, period };
  issueInvoice(desk, {
    invoiceId,
    accountId,
    subscriptionId,
    purpose: "renewal",
    sequence: `${number}`,
    lines: [line],
    currency: amount.currency,
    expiresAt: null,
  });
};

const invoiceChange = (
  desk: Desk,
  subscriptionId: SubscriptionId,
  { quote, invoiceId }: Extract<SubscriptionEvent, { type: "ChangeInvoiced" }>,
): void => {
  const { terms, charge, due, period } = quote;
  const accountId = accountOf(desk.work.subscription(subscriptionId));
  const kind = quote.effect === "now_new_period" ? "period" : "rest";
  const lines: InvoiceLine[] = [{ kind, plan: terms.plan, priceVersion: terms.priceVersion, amount: charge, period }];
  const counted = subtract(charge, due);
  if (isPositive(counted))
    lines.push({
      kind: "unused",
      plan: null,
      priceVersion: null,
      amount: money(-counted.minor, counted.currency),
      period: null,
    });
  const expiresAt = plusMs(desk.at, desk.policy.changeInvoiceMinutes * MINUTE_MS);
  issueInvoice(desk, {
    invoiceId,
    accountId,
    subscriptionId,
    purpose: "change",
    sequence: quote.quoteId,
    lines,
    currency: due.currency,
    expiresAt: period === null ? expiresAt : earlier(expiresAt, period.end),
  });
};

/** The invoice that it leaves behind is closed, and the account's place is free. */
const windUp = (
  desk: Desk,
  subscriptionId: SubscriptionId,
  { leaves, reason }: Extract<SubscriptionEvent, { type: "SubscriptionEnded" }>,
): void => {
  if (leaves?.as === "uncollectible") writeOff(desk, leaves.invoiceId);
  if (leaves?.as === "void")
    annul(desk, leaves.invoiceId, reason === "plan_replaced" ? "plan_replaced" : "payer_cancelled");
  const accountId = accountOf(desk.work.subscription(subscriptionId));
  must(desk.work.onCustomer(accountId, { type: "ReleaseSubscription", subscriptionId, at: desk.at }));
};

const followCustomer = (desk: Desk, accountId: AccountId, event: CustomerEvent): void => {
  switch (event.type) {
    case "SubscriptionReleased":
      if (event.movesUp !== null) must(desk.work.onSubscription(event.movesUp, { type: "MoveUp", at: desk.at }));
      return;
    case "ConsentWithdrawn":
    case "CardRemoved":
    case "CustomerErased":
      return mayCharge(desk.work.customer(accountId)) ? undefined : haltCharges(desk, accountId);
    case "ConsentGiven":
    case "CardSaved":
      return mayCharge(desk.work.customer(accountId)) ? allowCharges(desk, accountId, event) : undefined;
    default: // The other facts concern the customer alone.
  }
};

/** Without card or consent nothing renews: every subscription of the account ends at its period's end. */
const haltCharges = ({ work, at }: Desk, accountId: AccountId): void => {
  for (const id of subscriptionsOf(work.customer(accountId))) {
    must(work.onSubscription(id, { type: "StopRenewing", by: "no_consent", at }));
  }
};

/** Card and consent stand again: what had been stopped for want of them goes on; what the payer stopped stays stopped. */
const allowCharges = ({ work, at }: Desk, accountId: AccountId, event: CustomerEvent): void => {
  for (const id of subscriptionsOf(work.customer(accountId))) {
    const subscription = work.subscription(id);
    if (subscription.status === "past_due" && event.type === "CardSaved") {
      must(work.onSubscription(id, { type: "TakeNewCard", cardId: event.cardId, at }));
    }
    if (
      (subscription.status === "active" || subscription.status === "trialing") &&
      subscription.endsAtPeriodEnd?.by === "no_consent"
    ) {
      may(work.onSubscription(id, { type: "UndoStop", mayCharge: true, at }), "boundary_passed");
    }
  }
};

const followSetup = ({ work, at }: Desk, event: SetupEvent, setup: ReturnType<Desk["work"]["setup"]>): void => {
  if (event.type !== "CardProved" || setup.status === "absent") return;
  const { accountId, cardId, gatewayAccount } = setup;
  may(work.onCustomer(accountId, { type: "SaveCard", accountId, cardId, gatewayAccount, at }), "customer_erased");
};

const subscriptionsOf = (customer: ReturnType<Desk["work"]["customer"]>): readonly SubscriptionId[] =>
  customer.status === "absent" ? [] : [customer.current, customer.queued].filter((id) => id !== null);

const accountOf = (subscription: Subscription): AccountId => {
  invariant(subscription.status !== "absent", "the subscription has begun");
  return subscription.accountId;
};

const issued = (invoice: Invoice): IssuedInvoice => {
  invariant(invoice.status !== "absent", "the invoice was issued");
  return invoice;
};
