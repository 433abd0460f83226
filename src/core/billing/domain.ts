import type { Plan, PlanEvent } from "../catalog/plan.ts";
import type { Customer, CustomerEvent } from "../customer/customer.ts";
import type { Setup, SetupEvent } from "../customer/setup.ts";
import type { Invoice, InvoiceEvent } from "../invoice/invoice.ts";
import type { Subscription, SubscriptionEvent } from "../subscription/subscription.ts";

/** Every fact that a stream may hold. The names are unique over all machines. */
export type DomainEvent = PlanEvent | CustomerEvent | SetupEvent | SubscriptionEvent | InvoiceEvent;

/** The state of a stream, by its kind. */
export type State =
  | { readonly kind: "plan"; readonly state: Plan }
  | { readonly kind: "customer"; readonly state: Customer }
  | { readonly kind: "setup"; readonly state: Setup }
  | { readonly kind: "subscription"; readonly state: Subscription }
  | { readonly kind: "invoice"; readonly state: Invoice };
