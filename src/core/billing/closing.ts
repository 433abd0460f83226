import type { InvoiceId } from "../ids.ts";
import type { AnnulReason, IssuedInvoice } from "../invoice/invoice.ts";
import { ok } from "../result.ts";
import { type Desk, may } from "./desk.ts";
import { invoicesOf } from "./links.ts";
import type { Handled } from "./refusal.ts";

/** Whether its subscription still waits for the invoice, or has been paid by it. One without a subscription stands for itself. */
export const isWanted = ({ work }: Desk, { terms }: IssuedInvoice): boolean => {
  if (terms.subscriptionId === null) return true;
  const subscription = work.subscription(terms.subscriptionId);
  return subscription.status !== "absent" && invoicesOf(subscription).includes(terms.invoiceId);
};

/** An invoice that its subscription no longer waits for is closed as soon as the payment under way has come to nothing. */
export const closeIfUnwanted = (desk: Desk, invoice: IssuedInvoice): void => {
  const { invoiceId, subscriptionId } = invoice.terms;
  if (subscriptionId === null || invoice.status !== "open" || isWanted(desk, invoice)) return;
  const subscription = desk.work.subscription(subscriptionId);
  const unpaid = subscription.status === "ended" && subscription.reason === "unpaid";
  if (unpaid) writeOff(desk, invoiceId);
  else annul(desk, invoiceId, "payer_cancelled");
};

export const writeOff = ({ work, at }: Desk, invoiceId: InvoiceId): void =>
  may(work.onInvoice(invoiceId, { type: "WriteOffInvoice", at }), "charge_in_flight", "payment_in_progress");

/** Closes an invoice that nobody shall pay any more; one that is just being paid is closed when that has ended. */
export const annul = ({ work, at, received }: Desk, invoiceId: InvoiceId, reason: AnnulReason): void =>
  may(
    work.onInvoice(invoiceId, { type: "AnnulInvoice", actor: received.actor, reason, at }),
    "invoice_paid",
    "charge_in_flight",
    "payment_in_progress",
  );

/** By a person. A renewal that is due is refused: it ends with its subscription, by dunning or by a cancel. */
export const closeByHand = (
  { work, at, received }: Desk,
  { terms }: IssuedInvoice,
  command: "invoice.annul" | "invoice.write_off",
): Handled => {
  const { invoiceId, subscriptionId, purpose } = terms;
  const { actor } = received;
  const closed = work.onInvoice(
    invoiceId,
    command === "invoice.annul"
      ? { type: "AnnulInvoice", actor, reason: "staff", at }
      : { type: "WriteOffInvoice", at },
  );
  if (!closed.ok) return closed;
  if (purpose === "renewal" && subscriptionId !== null) {
    const withdrawn = work.onSubscription(subscriptionId, { type: "AbandonRenewal", invoiceId, at });
    if (!withdrawn.ok) return withdrawn;
  }
  return ok({ invoiceId });
};
