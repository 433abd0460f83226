import { chargeableCard } from "../customer/customer.ts";
import type { IssuedInvoice } from "../invoice/invoice.ts";
import { chargeInFlight } from "../invoice/reading.ts";
import { err, ok } from "../result.ts";
import { chargeDue } from "../subscription/due.ts";
import { DAY_MS, plusMs } from "../time.ts";
import { isWanted } from "./closing.ts";
import type { Command } from "./command.ts";
import type { Desk } from "./desk.ts";
import type { Handled, NotChargeable } from "./refusal.ts";

/**
 * The intent to charge a saved card: the last thing before the request, and the claim to it. All that may forbid the charge
 * is asked here, in the transaction that records the intent, so that whoever commits first wins: a withdrawal of consent,
 * a cancel, another worker. Source: design, 1.4.
 */
export const charge = (
  desk: Desk,
  invoice: IssuedInvoice,
  command: Extract<Command, { type: "invoice.charge" }>,
): Handled => {
  const { work, at, received, newId, gatewayAccount } = desk;
  const { invoiceId, accountId } = invoice.terms;
  const byPayer = received.actor.kind === "payer";
  const customer = work.customer(accountId);
  const cardId = command.cardId ?? chargeableCard(customer, gatewayAccount)?.cardId ?? null;
  if (cardId === null) return err({ code: "card_required" });
  const card = customer.status === "absent" ? undefined : customer.cards.find((one) => one.cardId === cardId);
  // A token of another gateway account means nothing where the money is taken now.
  if (card !== undefined && card.gatewayAccount !== gatewayAccount) return err({ code: "card_unknown" });
  const claimed = work.onCustomer(accountId, { type: "ClaimCharge", invoiceId, cardId, byPayer, at });
  if (!claimed.ok) return claimed;
  const because = byPayer ? (isWanted(desk, invoice) ? null : "not_wanted") : notDue(desk, invoice);
  if (because !== null) return err({ code: "not_chargeable", because });

  const attemptId = newId.attempt("charge");
  const initiator = byPayer ? "payer" : "schedule";
  const started = work.onInvoice(invoiceId, { type: "StartCharge", attemptId, gatewayAccount, cardId, initiator, at });
  return started.ok ? ok({ invoiceId, attemptId, cardId }) : started;
};

/** Why the schedule may not charge this invoice now: a period that is over is never charged, and a notice comes first. */
const notDue = (desk: Desk, invoice: IssuedInvoice): NotChargeable | null => {
  const { invoiceId, subscriptionId } = invoice.terms;
  const subscription = subscriptionId === null ? null : desk.work.subscription(subscriptionId);
  if (subscription === null || !("renewal" in subscription) || subscription.renewal?.invoiceId !== invoiceId)
    return "not_wanted";
  if (subscription.endsAtPeriodEnd !== null) return "not_wanted";
  if (desk.at >= subscription.renewal.period.end) return "too_late";
  const due = chargeDue(subscription);
  if (due === null) return subscription.status === "past_due" ? "not_wanted" : "no_notice";
  if (desk.at < due.from) return "too_early";
  return due.before !== null && desk.at >= due.before ? "no_notice" : null;
};

/** A renewal's charge whose answer has been unknown for 24 hours counts as declined; the look-up goes on. */
export const giveUpWaiting = ({ work, at }: Desk, invoice: IssuedInvoice): Handled => {
  const { invoiceId, subscriptionId, purpose } = invoice.terms;
  const charge = chargeInFlight(invoice);
  if (charge === null || purpose !== "renewal" || subscriptionId === null) return ok({ invoiceId });
  if (at < plusMs(charge.madeAt, DAY_MS)) return err({ code: "not_chargeable", because: "too_early" });
  const recorded = work.onSubscription(subscriptionId, { type: "RecordRenewalUnknown", invoiceId, at });
  return recorded.ok ? ok({ invoiceId }) : recorded;
};
