import type { RowOf, TableName } from "../../core/billing/read-model.ts";

/** What the database holds of its rows, under the names that its migrations give. */
export type Constraint<R> =
  /** Of each row by itself. */
  | { readonly kind: "check"; readonly name: string; readonly holds: (row: R) => boolean }
  /** No two rows share these columns, also of two tables that have a constraint of this name. A null is shared by nobody. */
  | { readonly kind: "unique"; readonly name: string; readonly over: Columns<R>; readonly among: (row: R) => boolean }
  /** The stretches of a group never overlap. */
  | { readonly kind: "apart"; readonly name: string; readonly from: Column<R>; readonly until: Column<R> }
  /** A row never moves to another group. */
  | { readonly kind: "stays"; readonly name: string };
type Column<R> = keyof R & string;
type Columns<R> = readonly Column<R>[];

const check = <R>(name: string, holds: (row: R) => boolean): Constraint<R> => ({ kind: "check", name, holds });
const words = <Name extends string>(name: string, column: Name, all: string) => {
  const known = all.split(" ");
  return check<{ readonly [Column in Name]: string }>(name, (row) => known.includes(row[column]));
};
const unique = <R>(name: string, over: Columns<R>, among: (row: R) => boolean): Constraint<R> => ({
  kind: "unique",
  name,
  over,
  among,
});
const stays = (name: string) => ({ kind: "stays", name }) as const;

/** Each transaction of a gateway account stands once, among captures and mismatches together, and stays with its invoice. */
const TRANSACTION_ONCE = unique<Pick<RowOf<"captures">, "gatewayAccount" | "transactionId">>(
  "transactions_once",
  ["gatewayAccount", "transactionId"],
  () => true,
);
const TRANSACTION_STAYS = stays("transactions_once");

/** Of one table in the order in which PostgreSQL looks: checks, then the others as they were made. */
export const CONSTRAINTS: { readonly [Name in TableName]: readonly Constraint<RowOf<Name>>[] } = {
  plans: [words("plans_status", "status", "on_sale archived")],
  prices: [check("prices_positive", (price) => price.priceMinor > 0n)],
  customers: [words("customers_status", "status", "known erased")],
  credits: [
    check("credits_cover_reservations", ({ reservedMinor, balanceMinor }) => between(0n, reservedMinor, balanceMinor)),
  ],
  cards: [
    words("cards_status", "status", "active blocked removed"),
    unique("cards_one_preferred", ["accountId", "gatewayAccount"], (card) => card.preferred),
    stays("cards_stay"),
  ],
  setups: [],
  subscriptions: [
    words("subscriptions_status", "status", "incomplete trialing active past_due paused ended"),
    words("subscriptions_place", "place", "current queued"),
    unique("subscriptions_one_per_place", ["accountId", "place"], (subscription) => subscription.status !== "ended"),
  ],
  periods: [
    check("periods_last", (period) => period.startAt < period.endAt),
    { kind: "apart", name: "periods_never_overlap", from: "startAt", until: "endAt" },
  ],
  access: [check("access_lasts", (access) => access.fromAt < access.untilAt)],
  notices: [],
  invoices: [
    words("invoices_status", "status", "open processing paid partly_refunded refunded void uncollectible expired"),
    words("invoices_purpose", "purpose", "first renewal change gift staff"),
    check(
      "invoices_sums",
      ({ totalMinor, creditMinor, dueMinor }) =>
        totalMinor >= 0n && creditMinor >= 0n && dueMinor >= 0n && totalMinor === creditMinor + dueMinor,
    ),
    unique("invoices_one_per_sequence", ["subscriptionId", "purpose", "sequence"], (invoice) =>
      isNone(invoice.status, "void", "expired"),
    ),
    unique("invoices_one_open", ["subscriptionId", "purpose"], (invoice) =>
      isOne(invoice.status, "open", "processing"),
    ),
  ],
  attempts: [
    words("attempts_status", "status", "current in_flight unknown closed succeeded declined mismatched never_happened"),
    words("attempts_kind", "kind", "offer charge"),
    unique(
      "attempts_one_current_offer",
      ["invoiceId"],
      (attempt) => attempt.kind === "offer" && attempt.status === "current",
    ),
    unique(
      "attempts_one_charge_in_flight",
      ["invoiceId"],
      (attempt) => attempt.kind === "charge" && isOne(attempt.status, "in_flight", "unknown"),
    ),
    stays("attempts_stay"),
  ],
  captures: [
    words("captures_role", "role", "settling extra"),
    check(
      "captures_requests_covered",
      ({ reservedMinor, returnedMinor, capturedMinor }) =>
        reservedMinor >= 0n &&
        returnedMinor >= 0n &&
        (reservedMinor === 0n || reservedMinor + returnedMinor <= capturedMinor),
    ),
    unique("captures_one_settling", ["invoiceId"], (capture) => capture.role === "settling"),
    TRANSACTION_ONCE,
    TRANSACTION_STAYS,
  ],
  refunds: [
    check("refunds_positive", (refund) => refund.amountMinor > 0n),
    words("refunds_status", "status", "reserved in_flight unknown failed done reported"),
    unique("refunds_one_in_flight", ["gatewayAccount", "captureTransactionId"], (refund) =>
      isOne(refund.status, "reserved", "in_flight", "unknown"),
    ),
    unique("refunds_once", ["gatewayAccount", "transactionId"], () => true),
    stays("refunds_stay"),
  ],
  mismatches: [TRANSACTION_ONCE, TRANSACTION_STAYS],
  due: [],
};

/** The column by whose value the rows of a table are read together; stretches are kept apart within it, and a row may be kept to it. */
export const GROUPED_BY: { readonly [Name in TableName]: keyof RowOf<Name> & string } = {
  plans: "code",
  prices: "plan",
  customers: "accountId",
  credits: "accountId",
  cards: "accountId",
  setups: "setupId",
  subscriptions: "accountId",
  periods: "accountId",
  access: "accountId",
  notices: "subscriptionId",
  invoices: "accountId",
  attempts: "invoiceId",
  captures: "invoiceId",
  refunds: "invoiceId",
  mismatches: "invoiceId",
  due: "stream",
};

const between = (low: bigint, value: bigint, high: bigint): boolean => low <= value && value <= high;
const isOne = (status: string, ...words: readonly string[]): boolean => words.includes(status);
const isNone = (status: string, ...words: readonly string[]): boolean => !words.includes(status);
