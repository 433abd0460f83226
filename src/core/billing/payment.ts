import type { IssuedInvoice } from "../invoice/invoice.ts";
import { attemptOf, keyOf } from "../invoice/reading.ts";
import { err, ok } from "../result.ts";
import { isWanted } from "./closing.ts";
import type { Command } from "./command.ts";
import type { Desk } from "./desk.ts";
import type { Handled } from "./refusal.ts";

type Of<Type> = Extract<Command, { type: Type }>;

/** Hands out widget JSON, and records the consent that the payer ticked with it. */
export const offer = (desk: Desk, invoice: IssuedInvoice, { consent: textVersion }: Of<"invoice.offer">): Handled => {
  const { work, at, newId, gatewayAccount } = desk;
  const { invoiceId, accountId } = invoice.terms;
  // What nobody waits for is only still open because a payment is under way: another one would just go back.
  if (invoice.status === "open" && !isWanted(desk, invoice))
    return err({ code: "not_chargeable", because: "not_wanted" });
  if (textVersion !== null) {
    const consented = work.onCustomer(accountId, { type: "GiveConsent", accountId, textVersion, at });
    if (!consented.ok) return consented;
  }
  const attemptId = newId.attempt("offer");
  const made = work.onInvoice(invoiceId, { type: "MakeOffer", attemptId, gatewayAccount, at });
  return made.ok ? ok({ invoiceId, attemptId }) : made;
};

export const succeed = (desk: Desk, invoice: IssuedInvoice, command: Of<"payment.succeed">): Handled => {
  const { work, at } = desk;
  const { invoiceId, accountId } = invoice.terms;
  const { attemptId, gatewayAccount, amount, onlyAuthorised, cardId } = command;
  const recorded = work.onInvoice(invoiceId, {
    type: "RecordSuccess",
    attemptId,
    capture: { ...keyOf(command), amount },
    accountId: command.accountId,
    onlyAuthorised,
    at,
  });
  if (!recorded.ok) return recorded;
  // A card is worth saving only when the payment that proved it was right; and once, when the payment is told again.
  const after = work.invoice(invoiceId);
  const proved = after !== invoice && after.status !== "absent" && attemptOf(after, attemptId)?.status === "succeeded";
  if (cardId !== null && proved) {
    const saved = work.onCustomer(accountId, { type: "SaveCard", accountId, cardId, gatewayAccount, at });
    if (!saved.ok && saved.error.code !== "customer_erased") return saved;
  }
  return ok({ invoiceId, attemptId });
};
