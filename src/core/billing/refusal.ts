import type { InvoiceId, SubscriptionId } from "../ids.ts";
import { formatAmount, type Money } from "../money.ts";
import type { Outcome } from "../ports/storage.ts";
import type { Result } from "../result.ts";
import { formatInstant, instantOf } from "../time.ts";
import type { MachineRefusal } from "./workspace.ts";

/** Why billing will not do what it was asked. Codes are public and stable. */
export type BillingRefusal =
  | MachineRefusal
  /** The actor's kind or role may not ask this. */
  | { readonly code: "forbidden" }
  /** No such thing, or not this payer's. */
  | { readonly code: "not_found" }
  /** The command's id was used before for another body. */
  | { readonly code: "command_id_reused" }
  /** Another plan, while one runs, is a change of plan: ask for a quote. */
  | { readonly code: "change_of_plan"; readonly subscriptionId: SubscriptionId }
  /** Something else is queued, or is to be paid first. */
  | { readonly code: "invoice_outstanding"; readonly invoiceId: InvoiceId }
  /** A free trial with card needs a card set-up and consent first. */
  | { readonly code: "card_required" }
  | { readonly code: "malformed_date" }
  | { readonly code: "not_chargeable"; readonly because: NotChargeable };
/** `not_wanted`: ended or stopped. `too_early`: a try is not due yet. `too_late`: the period is over already. */
export type NotChargeable = "not_wanted" | "too_early" | "too_late" | "no_notice";

/** What the caller may be told: words by name. */
export type Told = Readonly<Record<string, string>>;
export type Handled = Result<Told, BillingRefusal>;

export const outcomeOf = (handled: Handled): Outcome =>
  handled.ok ? handled : { ok: false, refusal: { code: handled.error.code, facts: factsOf(handled.error) } };

/** The facts of a refusal as text: money with its currency, instants in RFC 3339. */
const factsOf = (refusal: BillingRefusal): Told => {
  const facts: Record<string, string> = {};
  for (const [name, value] of Object.entries(refusal)) {
    if (name !== "code" && value !== null) facts[name] = printed(value as string | number | Money);
  }
  return facts;
};

const printed = (value: string | number | Money): string => {
  if (typeof value === "string") return value;
  // The only numbers in refusals are instants.
  return typeof value === "number" ? formatInstant(instantOf(value)) : `${formatAmount(value)} ${value.currency}`;
};
