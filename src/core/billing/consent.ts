import { type Customer, chargeableCard } from "../customer/customer.ts";
import type { GatewayAccount } from "../ids.ts";
import type { Subscription } from "../subscription/subscription.ts";

/**
 * Whether automatic charges are allowed: consent stands, and a card that they may use where new money is taken. An open
 * dispute takes neither away: it makes a charge wait until a person has decided.
 */
export const chargesAllowed = (customer: Customer, gatewayAccount: GatewayAccount): boolean =>
  customer.status === "known" &&
  customer.consent !== null &&
  customer.consent.withdrawnAt === null &&
  chargeableCard(customer, gatewayAccount) !== null;

/**
 * Whether a subscription may renew by itself: as above, by a consent that was given for this subscription. Each asks for it
 * anew, so one that was given before its start does not count. Source: billing rules, "Consent, trials, early payment".
 */
export const mayRenew = (customer: Customer, subscription: Subscription, gatewayAccount: GatewayAccount): boolean =>
  customer.status === "known" &&
  subscription.status !== "absent" &&
  chargesAllowed(customer, gatewayAccount) &&
  customer.consent !== null &&
  customer.consent.givenAt !== null &&
  customer.consent.givenAt >= subscription.startedAt;
