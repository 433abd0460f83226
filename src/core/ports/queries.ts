import type { DomainEvent } from "../billing/domain.ts";
import type { DueKind, RowOf } from "../billing/read-model.ts";
import type { StreamName } from "../billing/stream.ts";
import type {
  AccountId,
  AttemptId,
  GatewayAccount,
  InvoiceId,
  PlanCode,
  SubscriptionId,
  TransactionId,
} from "../ids.ts";
import type { Result } from "../result.ts";
import type { Instant } from "../time.ts";
import type { StorageFault } from "./storage.ts";

type Answer<T> = Promise<Result<T, StorageFault>>;

/** What routes, sweeps and workers read. Rows of the read model as they were committed last; nothing here writes. */
export interface Queries {
  /** Plans with their prices, by rank, then code. */
  plans(which: "on_sale" | "all"): Answer<readonly PlanWithPrices[]>;
  plan(code: PlanCode): Answer<PlanWithPrices | null>;
  customer(account: AccountId): Answer<CustomerRows | null>;
  subscription(id: SubscriptionId): Answer<RowOf<"subscriptions"> | null>;
  /** Newest first. */
  subscriptionsOf(account: AccountId, page: Page): Answer<readonly RowOf<"subscriptions">[]>;
  invoice(id: InvoiceId): Answer<InvoiceRows | null>;
  /** Newest first. */
  invoicesOf(account: AccountId, page: Page): Answer<readonly RowOf<"invoices">[]>;
  /** An attempt with its invoice: what `check` and a worker need, in one read. */
  attempt(id: AttemptId): Answer<{ readonly attempt: RowOf<"attempts">; readonly invoice: RowOf<"invoices"> } | null>;
  /** Money that a gateway has taken, by its own number; null: none of ours. */
  capture(gatewayAccount: GatewayAccount, transactionId: TransactionId): Answer<RowOf<"captures"> | null>;
  /** The row of the highest tier that covers `at`; null: may not watch. Of equal tiers the one that lasts longest. */
  access(account: AccountId, at: Instant): Answer<RowOf<"access"> | null>;
  /** All that an account may watch at any time, in the order in which it counts: `bestAccess` finds what `access` answers. */
  accessRows(account: AccountId): Answer<readonly RowOf<"access">[]>;
  /** The chain of facts of one stream, oldest first. */
  events(stream: StreamName, afterVersion: number, limit: number): Answer<readonly RecordedEvent[]>;
  /**
   * Work that is due at `at`, by (due instant, kind, subject). Cost grows with what is due, not with what exists.
   * @param after the last row of the batch before: carry it forward within one run of a sweep
   */
  due(
    at: Instant,
    kinds: readonly DueKind[],
    after: RowOf<"due"> | null,
    limit: number,
  ): Answer<readonly RowOf<"due">[]>;
  /** Money that did not fit and that no person has settled, oldest first. */
  mismatches(limit: number): Answer<readonly RowOf<"mismatches">[]>;
}

/** Keyset page: `after` is the id of the last row seen, null for the first page; `limit` 1 to 200. */
export type Page = { readonly after: string | null; readonly limit: number };
export type PlanWithPrices = { readonly plan: RowOf<"plans">; readonly prices: readonly RowOf<"prices">[] };
export type CustomerRows = {
  readonly customer: RowOf<"customers">;
  readonly credits: readonly RowOf<"credits">[];
  readonly cards: readonly RowOf<"cards">[];
};
export type InvoiceRows = {
  readonly invoice: RowOf<"invoices">;
  readonly attempts: readonly RowOf<"attempts">[];
  readonly captures: readonly RowOf<"captures">[];
  readonly refunds: readonly RowOf<"refunds">[];
};
export type RecordedEvent = {
  readonly version: number;
  readonly event: DomainEvent;
  readonly causedBy: string;
  readonly recordedAt: Instant;
};
