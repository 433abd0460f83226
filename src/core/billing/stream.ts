import type { AccountId, InvoiceId, PlanCode, SetupId, SubscriptionId } from "../ids.ts";

/**
 * The name of a stream: its kind and the id of what it tells about, as in "invoice/inv_01h…".
 * The customer's stream bears the account's id; a plan's bears its code.
 */
export type StreamName =
  | `plan/${PlanCode}`
  | `customer/${AccountId}`
  | `subscription/${SubscriptionId}`
  | `invoice/${InvoiceId}`
  | `setup/${SetupId}`;
export type StreamKind = "plan" | "customer" | "subscription" | "invoice" | "setup";

export const planStream = (code: PlanCode): StreamName => `plan/${code}`;
export const customerStream = (id: AccountId): StreamName => `customer/${id}`;
export const subscriptionStream = (id: SubscriptionId): StreamName => `subscription/${id}`;
export const invoiceStream = (id: InvoiceId): StreamName => `invoice/${id}`;
export const setupStream = (id: SetupId): StreamName => `setup/${id}`;

export const kindOf = (stream: StreamName): StreamKind => stream.slice(0, stream.indexOf("/")) as StreamKind;
/** Of an invoice's stream only. */
export const invoiceIdOf = (stream: string): InvoiceId => stream.slice("invoice/".length) as InvoiceId;
