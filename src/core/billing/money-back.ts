import type { Actor } from "../actor.ts";
import type { InvoiceId } from "../ids.ts";
import type { Capture, IssuedInvoice, RefundReason } from "../invoice/invoice.ts";
import { creditLeft, refundable, settlingCaptures } from "../invoice/reading.ts";
import { isPositive, type Money, smaller, subtract, zero } from "../money.ts";
import { invariant } from "../result.ts";
import { type Desk, may, must } from "./desk.ts";

/**
 * Gives an amount back: to the captures of the invoices, in the order given (newest first), then to credit what credit had
 * paid. What no gateway takes back any more (disputed, over a year old, another refund under way) becomes credit as well:
 * nothing that is owed is forgotten. Source: design, part 4, "Refunds belong to a capture".
 */
export const giveBack = (
  desk: Desk,
  invoices: readonly InvoiceId[],
  amount: Money,
  reason: RefundReason,
  actor: Actor,
): void => {
  let left = amount;
  for (const invoiceId of invoices) {
    for (const capture of newestFirst(settlingCaptures(issued(desk, invoiceId)))) {
      const part = smaller(left, refundable(capture));
      if (isPositive(part) && askRefund(desk, invoiceId, capture, part, reason, actor)) left = subtract(left, part);
    }
  }
  for (const invoiceId of invoices) left = subtract(left, returnCredit(desk, invoiceId, left));
  if (!isPositive(left)) return;
  const { accountId, subscriptionId } = issued(desk, invoices[0]).terms;
  const source = { from: "refund", invoiceId: null, subscriptionId } as const;
  must(desk.work.onCustomer(accountId, { type: "AddCredit", accountId, amount: left, source, at: desk.at }));
};

/** Gives back all that an invoice was paid with. */
export const giveBackWhole = (desk: Desk, invoiceId: InvoiceId, reason: RefundReason, actor: Actor): void => {
  const invoice = issued(desk, invoiceId);
  const currency = invoice.terms.total.currency;
  const captured = settlingCaptures(invoice).reduce((all, capture) => all + refundable(capture).minor, 0n);
  const credit = creditLeft(invoice);
  giveBack(desk, [invoiceId], { minor: captured + credit.minor, currency }, reason, actor);
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

const newestFirst = (captures: readonly Capture[]): readonly Capture[] =>
  [...captures].sort((a, b) => b.capturedAt - a.capturedAt);
