import type { InvoiceStatus } from "../../../src/core/invoice/invoice.ts";
import type { Instant, Zone } from "../../../src/core/time.ts";

// What the claims of failures.md part 1 need to know, kept from the events alone: nothing here asks the core.

/** A rule is broken. */
export class Broken extends Error {}

export const printed = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}` : part));
export const demand = (holds: boolean, claim: string, facts: unknown = ""): void => {
  if (!holds) throw new Broken(`${claim}: ${printed(facts)}`);
};

export type Capture = {
  readonly invoice: string;
  readonly minor: bigint;
  readonly role: "settling" | "extra";
  /** By our id, in the order of asking. */
  readonly refunds: Map<string, "asked" | "failed" | "done">;
  back: bigint;
  /** A person or the gateway gave some of it back, for reasons of their own. */
  byHand: boolean;
  /** A gateway would not take it back: a matter for a person, who finds the refund failed. */
  refused: boolean;
  overdrawn: boolean;
  dispute: "none" | "open" | "lost" | "won";
};
export type Invoice = {
  status: InvoiceStatus;
  readonly account: string;
  readonly subscription: string | null;
  /** Subscription, purpose and number: the place that one kept charge may have. */
  readonly slot: string;
  readonly due: bigint;
  readonly attempts: Map<string, "waits" | "in_flight" | "unknown" | "over">;
  paid: bigint;
  creditBack: bigint;
};
export type Account = {
  consent: boolean;
  erased: boolean;
  readonly removed: Set<string>;
  readonly disputes: Set<string>;
  added: bigint;
  /** Of what was added, what came of payments and not of a staff's kindness. */
  owed: bigint;
  spent: bigint;
  readonly reserved: Map<string, bigint>;
};
export type SubscriptionStatus = "incomplete" | "trialing" | "active" | "past_due" | "paused" | "ended";
export type Subscription = {
  status: SubscriptionStatus;
  readonly account: string;
  readonly zone: Zone;
  stopped: boolean;
  pausePlanned: boolean;
  freeTrial: boolean;
  /** What is paid for or on trial, and not given up. */
  times: { readonly start: Instant; readonly end: Instant }[];
  lastEnd: Instant;
  /** Until when access goes on after `lastEnd`; null: not at all. */
  grace: Instant | null;
  closesAt: Instant | null;
  /** What may be charged, until when, and whether the payer himself had asked for it. */
  renewal: {
    readonly invoice: string;
    readonly minor: bigint;
    readonly end: Instant;
    readonly byPayer: boolean;
  } | null;
  notices: { readonly on: Instant | null; readonly minor: bigint | null }[];
};

export const openBooks = () => ({
  captures: new Map<string, Capture>(),
  invoices: new Map<string, Invoice>(),
  accounts: new Map<string, Account>(),
  subscriptions: new Map<string, Subscription>(),
  /** Money that did not fit. */
  suspense: new Set<string>(),
  /** Movements of refunds by their transaction. */
  refunds: new Map<string, "reported" | "done">(),
  charges: new Set<string>(),
});
export type Books = ReturnType<typeof openBooks>;

export const known = <T>(map: ReadonlyMap<string, T>, id: string): T => {
  const one = map.get(id);
  if (one === undefined) throw new Broken(`nothing was told of ${id} before`);
  return one;
};
export const accountIn = ({ accounts }: Books, id: string): Account => {
  const open = accounts.get(id);
  if (open !== undefined) return open;
  const none = { consent: false, erased: false, added: 0n, owed: 0n, spent: 0n };
  const made: Account = { ...none, removed: new Set(), disputes: new Set(), reserved: new Map() };
  accounts.set(id, made);
  return made;
};
