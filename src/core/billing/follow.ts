import { type CustomerEvent, mayCharge } from "../customer/customer.ts";
import type { SetupEvent } from "../customer/setup.ts";
import type { AccountId, CardId, InvoiceId, SubscriptionId } from "../ids.ts";
import type { Initiator, Invoice, InvoiceEvent, InvoiceLine, IssuedInvoice } from "../invoice/invoice.ts";
import { attemptOf, captureOf, settlingCaptures } from "../invoice/reading.ts";
import { add, isPositive, isZero, money, subtract } from "../money.ts";
import { invariant } from "../result.ts";
import { currentEnd } from "../subscription/periods.ts";
import type { EndReason, Subscription, SubscriptionEvent } from "../subscription/subscription.ts";
import { earlier, MINUTE_MS, plusMs } from "../time.ts";
import { annul, closeIfUnwanted, writeOff } from "./closing.ts";
import { mayRenew } from "./consent.ts";
import { type Desk, issueInvoice, may, must } from "./desk.ts";
import {
  afterDispute,
  afterDroppedRefund,
  afterFailedRefund,
  countRefund,
  giveBack,
  giveBackExtra,
  giveBackWhole,
  SYSTEM,
} from "./money-back.ts";
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
      const capture = captureOf(invoice, event.capture);
      invariant(capture !== null, "a success leaves a capture");
      return giveBackExtra(desk, invoiceId, capture);
    }
    case "PaymentDeclined":
      return afterDecline(desk, invoice, event);
    case "PaymentNeverHappened":
      return afterNothing(desk, invoice, event);
    case "PaymentMismatched":
      return closeIfUnwanted(desk, invoice);
    case "RefundSucceeded":
    case "RefundReported":
      countRefund(desk, invoice, event);
      return afterDroppedRefund(desk, invoice, event);
    case "RefundFailed":
      return afterFailedRefund(desk, invoice, event);
    case "ChargebackRecorded":
      return must(work.onCustomer(accountId, { type: "OpenDispute", accountId, invoiceId, at }));
    case "ChargebackDecided":
      if (invoice.captures.every((capture) => capture.dispute !== "open")) {
        must(work.onCustomer(accountId, { type: "CloseDispute", invoiceId, at }));
      }
      return afterDispute(desk, invoice, event);
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
      const consent = mayRenew(work.customer(accountId), work.subscription(subscriptionId), desk.gatewayAccount);
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
  if (attempt !== undefined && purpose === "renewal" && subscriptionId !== null) {
    const { cardId, initiator: asked } =
      attempt.kind === "charge" ? attempt : { cardId: null, initiator: "payer" as const };
    // With the last card forbidden no automatic try is left, whoever tried it: the ladder stops and waits for a new one.
    const isLast = attempt.kind === "charge" && decline.kind === "hard" && !areAllowed(desk, accountId);
    const initiator = isLast ? "schedule" : asked;
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
  if (charged && purpose === "renewal" && subscriptionId !== null) {
    must(desk.work.onSubscription(subscriptionId, { type: "RecordRenewalNeverHappened", invoiceId, at: desk.at }));
  }
  closeIfUnwanted(desk, invoice);
};

const followSubscription = (desk: Desk, id: SubscriptionId, event: SubscriptionEvent): void => {
  const { work, at } = desk;
  switch (event.type) {
    case "TrialStarted":
      return must(work.onCustomer(accountOf(work.subscription(id)), { type: "UseTrial", at }));
    case "SubscriptionRenewed":
    case "SubscriptionResumed":
      return bringIntoLine(desk, id);
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
  const subscription = desk.work.subscription(subscriptionId);
  const accountId = accountOf(subscription);
  const line: InvoiceLine = { kind: "period", plan: terms.plan, priceVersion: terms.priceVersion, amount, period };
  issueInvoice(desk, {
    invoiceId,
    accountId,
    subscriptionId,
    purpose: "renewal",
    sequence: sequenceOf(number, subscription),
    lines: [line],
    currency: amount.currency,
    expiresAt: null,
  });
};

/** The period's number; as "2/2" when an invoice for it was paid and turned back: that one stays in its place. */
const sequenceOf = (number: number, subscription: Subscription): string => {
  const before = subscription.status === "absent" ? 0 : subscription.turnedBack;
  return before === 0 ? `${number}` : `${number}/${before + 1}`;
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
  const subscription = desk.work.subscription(subscriptionId);
  invariant(subscription.status === "active", "only what runs is changed for money");
  issueInvoice(desk, {
    invoiceId,
    accountId,
    subscriptionId,
    purpose: "change",
    sequence: quote.quoteId,
    lines,
    currency: due.currency,
    expiresAt: earlier(expiresAt, currentEnd(subscription)),
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
      return areAllowed(desk, accountId) ? undefined : haltCharges(desk, accountId);
    case "CardBlocked":
      return areAllowed(desk, accountId) ? undefined : haltWhatIsToCome(desk, accountId);
    case "CardSaved":
      if (areAllowed(desk, accountId)) tryNewCard(desk, accountId, event.cardId);
      return allowCharges(desk, accountId);
    case "ConsentGiven":
    case "CardPreferred":
      return allowCharges(desk, accountId);
    default: // The other facts concern the customer alone.
  }
};

const areAllowed = ({ work, gatewayAccount }: Desk, accountId: AccountId): boolean =>
  mayCharge(work.customer(accountId), gatewayAccount);

/** Without card or consent nothing renews: every subscription of the account ends at its period's end. */
const haltCharges = ({ work, at }: Desk, accountId: AccountId): void => {
  for (const id of subscriptionsOf(work.customer(accountId))) {
    must(work.onSubscription(id, { type: "StopRenewing", by: "no_consent", at }));
  }
};

/**
 * A bank has forbidden the card: what would renew with it later ends at its period's end, and says so in time. A renewal
 * that is out has its ladder, which waits for a new card.
 */
const haltWhatIsToCome = (desk: Desk, accountId: AccountId): void => {
  for (const id of subscriptionsOf(desk.work.customer(accountId))) {
    const subscription = desk.work.subscription(id);
    const isOut = "renewal" in subscription && subscription.renewal?.askedBy === "schedule";
    if (!isOut) must(desk.work.onSubscription(id, { type: "StopRenewing", by: "no_consent", at: desk.at }));
  }
};

/** Past due, a new card is charged at once. Source: design, part 5, Dunning. */
const tryNewCard = ({ work, at }: Desk, accountId: AccountId, cardId: CardId): void => {
  for (const id of subscriptionsOf(work.customer(accountId))) {
    if (work.subscription(id).status === "past_due") must(work.onSubscription(id, { type: "TakeNewCard", cardId, at }));
  }
};

const allowCharges = (desk: Desk, accountId: AccountId): void => {
  for (const id of subscriptionsOf(desk.work.customer(accountId))) allowRenewal(desk, id);
};

/** Card and consent stand again: what had been stopped for want of them goes on; what the payer stopped stays stopped. */
const allowRenewal = ({ work, at, gatewayAccount }: Desk, id: SubscriptionId): void => {
  const subscription = work.subscription(id);
  if (subscription.status !== "active" && subscription.status !== "trialing") return;
  if (subscription.endsAtPeriodEnd?.by !== "no_consent") return;
  if (mayRenew(work.customer(subscription.accountId), subscription, gatewayAccount))
    may(work.onSubscription(id, { type: "UndoStop", mayCharge: true, at }), "boundary_passed");
};

/** Time begins to run after a ladder or a pause: what became of card and consent meanwhile counts from now on. */
const bringIntoLine = (desk: Desk, id: SubscriptionId): void => {
  const { work, at } = desk;
  const subscription = work.subscription(id);
  if (subscription.status !== "active") return;
  if (subscription.endsAtPeriodEnd !== null) return allowRenewal(desk, id);
  if (!areAllowed(desk, subscription.accountId))
    must(work.onSubscription(id, { type: "StopRenewing", by: "no_consent", at }));
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
