import { type Customer, mayCharge } from "../customer/customer.ts";
import type { Subscription } from "../subscription/subscription.ts";

/**
 * Whether a subscription may renew by itself: a card, and a consent that was given for this subscription. Each asks for it
 * anew, so one that was given before its start does not count. Source: billing rules, "Consent, trials, early payment".
 */
export const consentStandsFor = (customer: Customer, subscription: Subscription): boolean =>
  customer.status === "known" &&
  subscription.status !== "absent" &&
  mayCharge(customer) &&
  customer.consent !== null &&
  customer.consent.givenAt >= subscription.startedAt;
