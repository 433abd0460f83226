import { termsOf } from "../catalog/plan.ts";
import type { SubscriptionId } from "../ids.ts";
import { keyOf } from "../invoice/reading.ts";
import { err, ok, type Result, unreachable } from "../result.ts";
import { noticeToGive } from "../subscription/notices.ts";
import { DAY_MS, plusMs, startOfDate } from "../time.ts";
import { charge, giveUpWaiting } from "./charge.ts";
import { closeByHand } from "./closing.ts";
import type { Command } from "./command.ts";
import { mayRenew } from "./consent.ts";
import { type Desk, issueInvoice } from "./desk.ts";
import { refundByHand } from "./money-back.ts";
import { offer, succeed } from "./payment.ts";
import type { Handled, Told } from "./refusal.ts";
import { start } from "./start.ts";
import { invoiceOf } from "./subject.ts";
import type { MachineRefusal } from "./workspace.ts";

/**
 * Carries out one command at a desk: the commands of the machines that it comes down to. What follows from their facts is
 * not here but in `follow`. Whether the actor may ask it has been checked before.
 */
export const handle = (desk: Desk, command: Command): Handled => {
  switch (command.type) {
    case "plan.create":
    case "plan.describe":
    case "plan.set_price":
    case "plan.archive":
    case "plan.restore":
      return onPlan(desk, command);
    case "subscription.start":
      return start(desk, command);
    case "consent.withdraw":
    case "card.remove":
    case "card.prefer":
    case "credit.add":
    case "account.erase":
    case "setup.offer":
    case "invoice.issue":
      return onAccount(desk, command);
    case "setup.hold":
    case "setup.decline":
    case "setup.void":
    case "setup.lose_void_answer":
    case "setup.find_held":
    case "setup.ask_void":
    case "setup.expire":
      return onSetup(desk, command);
    default:
      return "subscriptionId" in command ? onSubscription(desk, command) : onInvoice(desk, command);
  }
};

type Named<Prefix extends string> = Extract<Command, { type: `${Prefix}.${string}` }>;

const onPlan = (desk: Desk, command: Named<"plan">): Handled => {
  const { work, at, received } = desk;
  const base = { actor: received.actor, at };
  const on = (asked: Parameters<typeof work.onPlan>[1]) =>
    told(work.onPlan(command.plan, asked), { plan: command.plan });
  switch (command.type) {
    case "plan.create":
      return on({
        type: "CreatePlan",
        code: command.plan,
        description: command.description,
        price: command.price,
        ...base,
      });
    case "plan.describe":
      return on({ type: "DescribePlan", description: command.description, ...base });
    case "plan.set_price":
      return on({ type: "SetPrice", price: command.price, ...base });
    case "plan.archive":
      return on({ type: "ArchivePlan", ...base });
    case "plan.restore":
      return on({ type: "RestorePlan", ...base });
    default:
      return unreachable(command, "onPlan");
  }
};

type AccountCommand = Extract<
  Command,
  {
    type:
      | "consent.withdraw"
      | "card.remove"
      | "card.prefer"
      | "credit.add"
      | "account.erase"
      | "setup.offer"
      | "invoice.issue";
  }
>;
const onAccount = (desk: Desk, command: AccountCommand): Handled => {
  const { work, at, received, newId } = desk;
  const { accountId } = command;
  switch (command.type) {
    case "consent.withdraw":
      return told(work.onCustomer(accountId, { type: "WithdrawConsent", accountId, at }), {});
    case "card.remove":
      return told(work.onCustomer(accountId, { type: "RemoveCard", cardId: command.cardId, at }), {
        cardId: command.cardId,
      });
    case "card.prefer":
      return told(work.onCustomer(accountId, { type: "PreferCard", cardId: command.cardId, at }), {
        cardId: command.cardId,
      });
    case "credit.add": {
      const source = { from: "staff", actor: received.actor, reason: command.reason } as const;
      return told(work.onCustomer(accountId, { type: "AddCredit", accountId, amount: command.amount, source, at }), {});
    }
    case "account.erase":
      return told(work.onCustomer(accountId, { type: "EraseCustomer", accountId, actor: received.actor, at }), {});
    case "setup.offer": {
      const setupId = newId.setup("setup");
      const cardId = newId.card("card");
      const consented = work.onCustomer(accountId, {
        type: "GiveConsent",
        accountId,
        textVersion: command.consent,
        at,
      });
      if (!consented.ok) return consented;
      const { gatewayAccount, policy } = desk;
      const asked = {
        type: "OfferSetup",
        setupId,
        accountId,
        gatewayAccount,
        cardId,
        amount: policy.cardProof,
        at,
      } as const;
      return told(work.onSetup(setupId, asked), { setupId });
    }
    case "invoice.issue":
      return issueByHand(desk, command);
    default:
      return unreachable(command, "onAccount");
  }
};

const issueByHand = (desk: Desk, { accountId, lines }: Extract<Command, { type: "invoice.issue" }>): Handled => {
  const [first] = lines;
  if (first === undefined) return err({ code: "nothing_due" });
  const { currency } = first.amount;
  if (lines.some((line) => line.amount.currency !== currency))
    return err({ code: "currency_differs", expected: currency });
  if (lines.some((line) => line.amount.minor <= 0n)) return err({ code: "amount_not_positive" });
  const invoiceId = desk.newId.invoice("staff");
  issueInvoice(desk, {
    invoiceId,
    accountId,
    subscriptionId: null,
    purpose: "staff",
    sequence: invoiceId,
    lines,
    currency,
    expiresAt: plusMs(desk.at, desk.policy.staffInvoiceDays * DAY_MS),
  });
  return ok({ invoiceId });
};

const onSetup = (desk: Desk, command: Extract<Command, { setupId: unknown }>): Handled => {
  const { work, at } = desk;
  const { setupId } = command;
  const on = (asked: Parameters<typeof work.onSetup>[1]) => told(work.onSetup(setupId, asked), { setupId });
  switch (command.type) {
    case "setup.hold": {
      const { transactionId, amount, accountId, captured } = command;
      return on({ type: "RecordHold", transactionId, amount, accountId, captured, at });
    }
    case "setup.decline":
      return on({ type: "RecordSetupDecline", at });
    case "setup.ask_void":
      return on({ type: "AskVoid", at });
    case "setup.void":
      return on({ type: "RecordVoid", at });
    case "setup.lose_void_answer":
      return on({ type: "RecordLostVoidAnswer", at });
    case "setup.find_held":
      return on({ type: "RecordStillHeld", at });
    case "setup.expire":
      return on({ type: "ExpireSetup", at });
    default:
      return unreachable(command, "onSetup");
  }
};

const onSubscription = (desk: Desk, command: Extract<Command, { subscriptionId: unknown }>): Handled => {
  const { work, at, received, newId } = desk;
  const { subscriptionId } = command;
  const subscription = work.subscription(subscriptionId);
  if (subscription.status === "absent") return err({ code: "not_found" });
  const may = mayRenew(work.customer(subscription.accountId), subscription, desk.gatewayAccount);
  const on = (asked: Parameters<typeof work.onSubscription>[1], more: Told = {}) =>
    told(work.onSubscription(subscriptionId, asked), { subscriptionId, ...more });
  switch (command.type) {
    case "subscription.stop":
      return on({ type: "StopRenewing", by: "payer", at });
    case "subscription.undo_stop":
      return followed(desk, subscriptionId) ?? on({ type: "UndoStop", mayCharge: may, at });
    case "subscription.cancel":
      if (command.refund.by === "staff" && received.actor.kind !== "staff") return err({ code: "forbidden" });
      return on({ type: "CancelWithRefund", actor: received.actor, refund: command.refund, at });
    case "subscription.quote_change":
      return quoteChange(desk, command);
    case "subscription.change":
      return on({ type: "ChangePlan", quoteId: command.quoteId, invoiceId: newId.invoice("change"), at });
    case "subscription.drop_change":
      return on({ type: "DropWaitingChange", at });
    case "subscription.pay_ahead": {
      const invoiceId = newId.invoice("ahead");
      return followed(desk, subscriptionId) ?? on({ type: "InvoiceAhead", invoiceId, at }, { invoiceId });
    }
    case "subscription.pause": {
      const until = startOfDate(command.until, subscription.zone);
      if (!until.ok) return until;
      const asked = { type: "PauseSubscription", when: command.when, until: until.value, at } as const;
      return followed(desk, subscriptionId) ?? on(asked);
    }
    case "subscription.resume": {
      const by = received.actor.kind === "system" ? "schedule" : "payer";
      return on({ type: "ResumeSubscription", by, invoiceId: newId.invoice("resume"), mayCharge: may, at });
    }
    case "subscription.pass_boundary":
      return on({ type: "PassBoundary", invoiceId: newId.invoice("renewal"), mayCharge: may, at });
    case "subscription.close_dunning":
      return on({ type: "CloseDunning", at });
    case "subscription.give_notice": {
      const wanted = noticeToGive(subscription, desk.policy, at);
      if (wanted === null) return ok({ subscriptionId });
      const noticeId = newId.notice("notice");
      return on({ type: "GiveNotice", notice: { noticeId, ...wanted }, at }, { noticeId });
    }
    default:
      return unreachable(command, "onSubscription");
  }
};

/** While another subscription waits to begin where this one ends, its end must not move. Null: none does. */
const followed = ({ work }: Desk, subscriptionId: SubscriptionId): Handled | null => {
  const subscription = work.subscription(subscriptionId);
  const customer = subscription.status === "absent" ? null : work.customer(subscription.accountId);
  const queued = customer === null || customer.status === "absent" ? null : customer.queued;
  return queued === null || queued === subscriptionId ? null : err({ code: "place_taken", subscriptionId: queued });
};

/** A newer quote voids the invoice of an older change, unless that is just being paid. */
const quoteChange = (
  { work, at, received, newId }: Desk,
  { subscriptionId, plan: code }: Extract<Command, { type: "subscription.quote_change" }>,
): Handled => {
  const plan = work.plan(code);
  if (plan.status === "absent") return err({ code: "plan_not_found" });
  if (plan.status === "archived") return err({ code: "plan_archived" });
  const subscription = work.subscription(subscriptionId);
  const older = subscription.status === "active" ? subscription.change : null;
  if (older !== null) {
    const annul = { type: "AnnulInvoice", actor: received.actor, reason: "newer_quote", at } as const;
    const voided = work.onInvoice(older.invoiceId, annul);
    if (!voided.ok) return voided;
  }
  const quoteId = newId.quote("quote");
  const asked = { type: "QuoteChange", quoteId, terms: termsOf(plan), at } as const;
  return told(work.onSubscription(subscriptionId, asked), { subscriptionId, quoteId });
};

type InvoiceCommandType = Exclude<
  Command,
  Named<"plan"> | Named<"setup"> | AccountCommand | { subscriptionId: unknown } | { type: "subscription.start" }
>;
const onInvoice = (desk: Desk, command: InvoiceCommandType): Handled => {
  const { work, at, received } = desk;
  const invoiceId = invoiceOf(command, desk.index);
  const invoice = invoiceId === null ? null : work.invoice(invoiceId);
  if (invoiceId === null || invoice === null || invoice.status === "absent") return err({ code: "not_found" });
  const on = (asked: Parameters<typeof work.onInvoice>[1], more: Told = {}) =>
    told(work.onInvoice(invoiceId, asked), { invoiceId, ...more });
  switch (command.type) {
    case "invoice.offer":
      return offer(desk, invoice, command);
    case "invoice.charge":
      return charge(desk, invoice, command);
    case "invoice.give_up_waiting":
      return giveUpWaiting(desk, invoice);
    case "invoice.annul":
    case "invoice.write_off":
      return closeByHand(desk, invoice, command.type);
    case "invoice.expire":
      return on({ type: "ExpireInvoice", at });
    case "invoice.end_offer":
      return on({ type: "EndOffer", attemptId: command.attemptId, at });
    case "payment.check":
      return on({ type: "RecordCheck", attemptId: command.attemptId, transactionId: command.transactionId, at });
    case "payment.succeed":
      return succeed(desk, invoice, command);
    case "payment.decline": {
      const { attemptId, transactionId, decline } = command;
      return on({ type: "RecordDecline", attemptId, transactionId, decline, at });
    }
    case "payment.lose_answer":
      return on({ type: "RecordLostAnswer", attemptId: command.attemptId, at });
    case "payment.find_nothing":
      return on({ type: "RecordEmptyLookUp", attemptId: command.attemptId, by: command.by, at });
    case "payment.charge_back":
      return on({ type: "RecordChargeback", capture: keyOf(command), at });
    case "payment.decide_chargeback":
      return on({ type: "DecideChargeback", capture: keyOf(command), won: command.won, actor: received.actor, at });
    case "payment.settle_mismatch":
      return on({ type: "SettleMismatch", payment: keyOf(command), actor: received.actor, note: command.note, at });
    case "payment.refund":
      return refundByHand(desk, invoice, command);
    case "refund.start":
      return on({ type: "StartRefund", refundId: command.refundId, at }, { refundId: command.refundId });
    case "refund.succeed": {
      const { refundId, transactionId, amount } = command;
      return on({ type: "RecordRefund", refundId, transactionId, amount, at });
    }
    case "refund.fail":
      return on({ type: "RecordFailedRefund", refundId: command.refundId, reason: command.reason, at });
    case "refund.lose_answer":
      return on({ type: "RecordLostRefundAnswer", refundId: command.refundId, at });
    case "refund.find_nothing":
      return on({ type: "RecordEmptyRefundLookUp", refundId: command.refundId, by: command.by, at });
    case "refund.report": {
      const { gatewayAccount: account, captureTransactionId, transactionId, amount } = command;
      const capture = { gatewayAccount: account, transactionId: captureTransactionId };
      return on({ type: "RecordReportedRefund", capture, transactionId, amount, at });
    }
    default:
      return unreachable(command, "onInvoice");
  }
};

const told = (ran: Result<null, MachineRefusal>, value: Told): Handled => (ran.ok ? ok(value) : ran);
