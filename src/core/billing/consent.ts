import { type Customer, mayCharge } from "../customer/customer.ts";
import type { GatewayAccount } from "../ids.ts";
import type { Subscription } from "../subscription/subscription.ts";

/**
 * Whether a subscription may renew by itself: charges are allowed, by a consent that was given for this subscription. Each asks for it
 * anew, so one that was given before its start does not count. Source: billing rules, "Consent, trials, early payment".
 */
export const mayRenew = (customer: Customer, subscription: Subscription, gatewayAccount: GatewayAccount): boolean =>
  customer.status === "known" &&
  subscription.status !== "absent" &&
  mayCharge(customer, gatewayAccount) &&
  customer.consent !== null &&
  customer.consent.givenAt !== null &&
  customer.consent.givenAt >= subscription.startedAt;
