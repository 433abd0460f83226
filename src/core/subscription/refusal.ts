import type { InvoiceId } from "../ids.ts";
import { err, ok } from "../result.ts";
import type { Instant } from "../time.ts";
import type { Decision, Subscription, SubscriptionEvent } from "./subscription.ts";

/** The command does not fit the state; the code names the state. */
export const doesNotFit = ({ status }: Subscription): Decision =>
  status === "absent" ? err({ code: "subscription_not_found" }) : err({ code: `subscription_${status}` });

/** A payment that can buy nothing any more goes back. Source: design part 5, the table (money back), and Cancel. */
export const turnBack = (invoiceId: InvoiceId, at: Instant): SubscriptionEvent => ({
  type: "PaymentTurnedBack",
  invoiceId,
  at,
});

export const nothingNew: Decision = ok([]);
