import type { Actor } from "../actor.ts";
import type { InvoiceId } from "../ids.ts";
import type { Capture, InvoiceEvent, IssuedInvoice, RefundReason } from "../invoice/invoice.ts";
import {
  captureOf,
  creditLeft,
  hasGoneBack,
  keyOf,
  refundable,
  refundOf,
  settlingCaptures,
} from "../invoice/reading.ts";
import { add, atLeastZero, isPositive, type Money, smaller, subtract, sum, zero } from "../money.ts";
import { invariant, ok } from "../result.ts";
import type { Command } from "./command.ts";
import { type Desk, may, must } from "./desk.ts";
import type { Handled } from "./refusal.ts";

type Of<Type> = Extract<InvoiceEvent, { type: Type }>;
export const SYSTEM: Actor = { kind: "system" };

/** Money back by a person: names its capture, and says whether the subscription goes on. */
export const refundByHand = (
  { work, at, received, newId }: Desk,
  { terms }: IssuedInvoice,
  command: Extract<Command, { type: "payment.refund" }>,
): Handled => {
  const { invoiceId, subscriptionId } = terms;
  const refundId = newId.refund("refund");
  const { actor } = received;
  const { amount, access } = command;
  const asked = work.onInvoice(invoiceId, {
    type: "AskRefund",
    refundId,
    capture: keyOf(command),
    amount,
    reason: "staff",
    actor,
    at,
  });
  if (!asked.ok) return asked;
  if (access === "end" && subscriptionId !== null) {
    const nothing = { by: "staff", amount: zero(amount.currency), reason: `refund ${refundId}` } as const;
    const ended = work.onSubscription(subscriptionId, { type: "CancelWithRefund", actor, refund: nothing, at });
    if (!ended.ok && ended.error.code !== "subscription_ended") return ended;
  }
  return ok({ invoiceId, refundId });
};

/**
 * Gives an amount back: to the captures of the invoices, in the order given (newest first), then to credit what credit had
 * paid. What no gateway takes back any more (over a year old, another refund under way) becomes credit as well: nothing
 * that is owed is forgotten. Nor is it paid twice: no more than is still there, and what a bank may be taking back waits
 * for the person who decides the dispute. Source: design, part 4, "Refunds belong to a capture" and the row "chargeback".
 */
export const giveBack = (
  desk: Desk,
  invoices: readonly InvoiceId[],
  amount: Money,
  reason: RefundReason,
  actor: Actor,
): void => {
  let left = smaller(amount, stillThere(desk, invoices, amount));
  for (const invoiceId of invoices) {
    for (const capture of settlingCaptures(issued(desk, invoiceId))) {
      const part = smaller(left, refundable(capture));
      if (!isPositive(part)) continue;
      if (capture.dispute === "open" || askRefund(desk, invoiceId, capture, part, reason, actor))
        left = subtract(left, part);
    }
  }
  for (const invoiceId of invoices) left = subtract(left, returnCredit(desk, invoiceId, left));
  if (!isPositive(left)) return;
  const { accountId, subscriptionId } = issued(desk, invoices[0]).terms;
  const source = { from: "refund", invoiceId: null, subscriptionId } as const;
  must(desk.work.onCustomer(accountId, { type: "AddCredit", accountId, amount: left, source, at: desk.at }));
};

/** Gives back all that an invoice was paid with. */
export const giveBackWhole = (desk: Desk, invoiceId: InvoiceId, reason: RefundReason, actor: Actor): void =>
  giveBack(desk, [invoiceId], stillThere(desk, [invoiceId], issued(desk, invoiceId).terms.total), reason, actor);

/** Money that came twice goes back by itself, all that is left of it. */
export const giveBackExtra = (desk: Desk, invoiceId: InvoiceId, capture: Capture): void => {
  const left = refundable(capture);
  if (capture.role === "extra" && isPositive(left)) askRefund(desk, invoiceId, capture, left, "extra_payment", SYSTEM);
};

/** A refund that never happened is asked anew, whoever wanted it; one that the gateway refused waits for a person. */
export const afterFailedRefund = (
  desk: Desk,
  invoice: IssuedInvoice,
  { refundId, reason }: Of<"RefundFailed">,
): void => {
  const asked = refundOf(invoice, refundId);
  if (asked === null || reason !== "never_happened") return;
  askRest(desk, invoice, asked.capture, asked.refund.amount, asked.refund.reason);
};

/** A reservation for which a refund told by the gateway left no room: the rest of what was owed is asked anew. */
export const afterDroppedRefund = (
  desk: Desk,
  invoice: IssuedInvoice,
  { dropped, amount }: Of<"RefundSucceeded" | "RefundReported">,
): void => {
  const asked = dropped === null ? null : refundOf(invoice, dropped);
  if (asked === null || asked.refund.reason === "staff") return;
  askRest(desk, invoice, asked.capture, atLeastZero(subtract(asked.refund.amount, amount)), asked.refund.reason);
};

/**
 * A person has decided. Lost: the bank has taken back all that was left, so what was reserved and not sent is not given
 * once more, and the running period is worth less by it. Won: what is owed and could not be asked for is asked now.
 */
export const afterDispute = (desk: Desk, invoice: IssuedInvoice, event: Of<"ChargebackDecided">): void => {
  const { work, at } = desk;
  const { invoiceId } = invoice.terms;
  const capture = captureOf(invoice, event.capture);
  invariant(capture !== null, "what was disputed had been taken");
  if (event.won) {
    const last = capture.refunds.filter((each) => each.status !== "reported").at(-1);
    if (last?.status === "failed" && last.reason !== "staff") askRest(desk, invoice, capture, last.amount, last.reason);
    return;
  }
  for (const refund of capture.refunds) {
    if (refund.status !== "reserved") continue;
    const failed = { type: "RecordFailedRefund", refundId: refund.id, reason: "chargeback_lost", at } as const;
    must(work.onInvoice(invoiceId, failed));
  }
  const made = capture.refunds.filter(hasGoneBack).map(({ amount }) => amount);
  lessForPeriod(desk, invoice, capture, atLeastZero(subtract(capture.amount, sum(made, capture.amount.currency))));
};

/** Money that went back makes the period that it paid for worth less, as long as that runs. */
export const countRefund = (
  desk: Desk,
  invoice: IssuedInvoice,
  event: Of<"RefundSucceeded" | "RefundReported">,
): void => {
  const capture =
    event.type === "RefundReported" ? captureOf(invoice, event.capture) : refundOf(invoice, event.refundId)?.capture;
  invariant(capture !== null && capture !== undefined, "money goes back from a capture that was taken");
  if (event.type === "RefundReported" || !wasReported(desk, invoice, event))
    lessForPeriod(desk, invoice, capture, event.amount);
};

export const askRefund = (
  desk: Desk,
  invoiceId: InvoiceId,
  capture: Capture,
  amount: Money,
  reason: RefundReason,
  actor: Actor,
): boolean => {
  const { gatewayAccount, transactionId } = capture;
  const refundId = desk.newId.refund(`${gatewayAccount}/${transactionId}`);
  const ran = desk.work.onInvoice(invoiceId, {
    type: "AskRefund",
    refundId,
    capture: { gatewayAccount, transactionId },
    amount,
    reason,
    actor,
    at: desk.at,
  });
  may(ran, "dispute_open", "refund_too_late", "refund_in_flight");
  return ran.ok;
};

const askRest = (desk: Desk, invoice: IssuedInvoice, capture: Capture, owed: Money, reason: RefundReason): void => {
  const part = smaller(owed, refundable(capture));
  if (isPositive(part)) askRefund(desk, invoice.terms.invoiceId, capture, part, reason, SYSTEM);
};

/** The same movement was told before without our id, and has been counted then. */
const wasReported = (
  { work }: Desk,
  { terms }: IssuedInvoice,
  { refundId, transactionId }: Of<"RefundSucceeded">,
): boolean => {
  const before = work.invoiceBefore(terms.invoiceId);
  const capture = before.status === "absent" ? undefined : refundOf(before, refundId)?.capture;
  return capture?.refunds.some((each) => each.status === "reported" && each.transactionId === transactionId) ?? false;
};

const lessForPeriod = ({ work, at }: Desk, { terms }: IssuedInvoice, { role }: Capture, amount: Money): void => {
  const { invoiceId, subscriptionId } = terms;
  if (subscriptionId === null || role !== "settling" || !isPositive(amount)) return;
  must(work.onSubscription(subscriptionId, { type: "RecordPeriodRefund", invoiceId, amount, at }));
};

/** What of the money that paid the invoices is neither gone nor on its way back. */
const stillThere = (desk: Desk, invoices: readonly InvoiceId[], { currency }: Money): Money => {
  const parts = invoices
    .map((invoiceId) => issued(desk, invoiceId))
    .flatMap((invoice) => [...settlingCaptures(invoice).map(refundable), creditLeft(invoice)]);
  return parts.reduce(add, zero(currency));
};

const returnCredit = (desk: Desk, invoiceId: InvoiceId, left: Money): Money => {
  const invoice = issued(desk, invoiceId);
  const amount = smaller(left, creditLeft(invoice));
  if (!isPositive(amount)) return zero(left.currency);
  const { accountId, subscriptionId } = invoice.terms;
  must(desk.work.onInvoice(invoiceId, { type: "ReturnCredit", amount, at: desk.at }));
  must(
    desk.work.onCustomer(accountId, {
      type: "AddCredit",
      accountId,
      amount,
      source: { from: "refund", invoiceId, subscriptionId },
      at: desk.at,
    }),
  );
  return amount;
};

const issued = (desk: Desk, invoiceId: InvoiceId | undefined): IssuedInvoice => {
  invariant(invoiceId !== undefined, "money goes back to the invoices that it paid");
  const invoice = desk.work.invoice(invoiceId);
  invariant(invoice.status !== "absent", "an invoice that paid for something was issued");
  return invoice;
};
