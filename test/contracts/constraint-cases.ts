import type { Row } from "../../src/core/billing/read-model.ts";
import { OTHER_GATEWAY } from "../support/cinema.ts";
import { day, newAccount, newInvoice, newSubscription, newTransaction, row } from "../support/commits.ts";

/** One row that stands, one that its constraint then refuses, and others that it has nothing against. */
export type Sharing = {
  readonly says: string;
  readonly rows: () => { readonly stands: Row; readonly refused: Row; readonly allowed: readonly Row[] };
};

export const SHARED: Readonly<Record<string, Sharing>> = {
  subscriptions_one_per_place: {
    says: "an account has one subscription in each place",
    rows: () => {
      const accountId = newAccount();
      return {
        stands: row("subscriptions", { accountId }),
        refused: row("subscriptions", { accountId, status: "past_due" }),
        allowed: [
          row("subscriptions", { accountId, place: "queued" }),
          row("subscriptions", { accountId, status: "ended" }),
          row("subscriptions", { accountId, status: "ended" }),
          row("subscriptions"),
        ],
      };
    },
  },
  periods_never_overlap: {
    says: "periods of an account never overlap, and may join",
    rows: () => {
      const accountId = newAccount();
      return {
        stands: row("periods", { accountId, startAt: day(10), endAt: day(20) }),
        refused: row("periods", { accountId, startAt: day(19), endAt: day(30) }),
        allowed: [
          row("periods", { accountId, startAt: day(20), endAt: day(30) }),
          row("periods", { accountId, startAt: day(0), endAt: day(10) }),
          row("periods", { startAt: day(10), endAt: day(20) }),
        ],
      };
    },
  },
  invoices_one_per_sequence: {
    says: "a subscription is invoiced once for each purpose and period",
    rows: () => {
      const subscriptionId = newSubscription();
      return {
        stands: row("invoices", { subscriptionId, status: "paid" }),
        refused: row("invoices", { subscriptionId, status: "uncollectible" }),
        allowed: [
          row("invoices", { subscriptionId, status: "void" }),
          row("invoices", { subscriptionId, status: "expired" }),
          row("invoices", { subscriptionId, status: "paid", sequence: "2" }),
          row("invoices", { subscriptionId, status: "paid", purpose: "change" }),
          row("invoices", { subscriptionId: null, status: "paid" }),
          row("invoices", { subscriptionId: null, status: "paid" }),
        ],
      };
    },
  },
  invoices_one_open: {
    says: "a subscription has one open invoice for each purpose",
    rows: () => {
      const subscriptionId = newSubscription();
      return {
        stands: row("invoices", { subscriptionId, status: "processing" }),
        refused: row("invoices", { subscriptionId, status: "open", sequence: "2" }),
        allowed: [
          row("invoices", { subscriptionId, purpose: "change" }),
          row("invoices", { subscriptionId, status: "paid", sequence: "3" }),
          row("invoices", { subscriptionId: null }),
          row("invoices", { subscriptionId: null }),
        ],
      };
    },
  },
  attempts_one_charge_in_flight: {
    says: "an invoice has one charge in flight",
    rows: () => {
      const invoiceId = newInvoice();
      return {
        stands: row("attempts", { invoiceId, status: "unknown" }),
        refused: row("attempts", { invoiceId, status: "in_flight" }),
        allowed: [
          row("attempts", { invoiceId, status: "declined" }),
          row("attempts", { invoiceId, kind: "offer", status: "current" }),
          row("attempts", { invoiceId, kind: "offer", status: "unknown" }),
          row("attempts"),
        ],
      };
    },
  },
  attempts_one_current_offer: {
    says: "an invoice has one current offer",
    rows: () => {
      const invoiceId = newInvoice();
      return {
        stands: row("attempts", { invoiceId, kind: "offer", status: "current" }),
        refused: row("attempts", { invoiceId, kind: "offer", status: "current" }),
        allowed: [
          row("attempts", { invoiceId, kind: "offer", status: "closed" }),
          row("attempts", { invoiceId, kind: "offer", status: "unknown" }),
          row("attempts", { invoiceId, kind: "charge", status: "in_flight" }),
          row("attempts", { kind: "offer", status: "current" }),
        ],
      };
    },
  },
  captures_one_settling: {
    says: "an invoice is settled by one capture",
    rows: () => {
      const invoiceId = newInvoice();
      return {
        stands: row("captures", { invoiceId }),
        refused: row("captures", { invoiceId }),
        allowed: [row("captures", { invoiceId, role: "extra" }), row("captures", { invoiceId, role: "extra" })],
      };
    },
  },
  refunds_one_in_flight: {
    says: "of a capture one refund is in flight",
    rows: () => {
      const captureTransactionId = newTransaction();
      return {
        stands: row("refunds", { captureTransactionId, status: "unknown" }),
        refused: row("refunds", { captureTransactionId, status: "reserved" }),
        allowed: [
          ...["done", "failed", "reported"].map((status) => row("refunds", { captureTransactionId, status })),
          row("refunds", { captureTransactionId, gatewayAccount: OTHER_GATEWAY }),
          row("refunds"),
        ],
      };
    },
  },
  refunds_once: {
    says: "a refund's transaction stands once",
    rows: () => {
      const transactionId = newTransaction();
      return {
        stands: row("refunds", { transactionId, status: "done" }),
        refused: row("refunds", { transactionId, status: "reported" }),
        allowed: [
          row("refunds", { transactionId, status: "done", gatewayAccount: OTHER_GATEWAY }),
          row("refunds", { transactionId: newTransaction(), status: "done" }),
          row("refunds", { status: "done" }),
          row("refunds", { status: "done" }),
        ],
      };
    },
  },
  cards_one_preferred: {
    says: "an account prefers one card at each gateway account",
    rows: () => {
      const accountId = newAccount();
      return {
        stands: row("cards", { accountId }),
        refused: row("cards", { accountId }),
        allowed: [
          row("cards", { accountId, preferred: false }),
          row("cards", { accountId, gatewayAccount: OTHER_GATEWAY }),
          row("cards"),
        ],
      };
    },
  },
};

/** A row that stands, itself in the hands of somebody else, and itself changed in other ways, to which nothing objects. */
export type Staying = {
  readonly says: string;
  readonly rows: () => { readonly stands: Row; readonly moved: Row; readonly changed: Row };
};

export const STAYING: Readonly<Record<string, Staying>> = {
  cards_stay: {
    says: "a card stays with its account",
    rows: () => {
      const stands = row("cards");
      return {
        stands,
        moved: row("cards", { ...stands.row, accountId: newAccount() }),
        changed: row("cards", { ...stands.row, status: "removed", preferred: false }),
      };
    },
  },
  attempts_stay: {
    says: "an attempt stays with its invoice",
    rows: () => {
      const stands = row("attempts");
      return {
        stands,
        moved: row("attempts", { ...stands.row, invoiceId: newInvoice() }),
        changed: row("attempts", { ...stands.row, status: "declined" }),
      };
    },
  },
  refunds_stay: {
    says: "a refund, also one that a gateway reports, stays with its invoice",
    rows: () => {
      const stands = row("refunds", { status: "reported", reason: null, transactionId: newTransaction() });
      return {
        stands,
        moved: row("refunds", { ...stands.row, invoiceId: newInvoice() }),
        changed: row("refunds", { ...stands.row, amountMinor: 50n }),
      };
    },
  },
};

/** Rows that no state may ever hold, and their neighbours that it may. */
export const CHECKED: Readonly<
  Record<string, { readonly says: string; readonly refused: readonly Row[]; readonly allowed: readonly Row[] }>
> = {
  plans_status: { says: "a plan is on sale or archived", refused: [row("plans", { status: "sold" })], allowed: [] },
  prices_positive: {
    says: "a price is above zero",
    refused: [row("prices", { priceMinor: 0n }), row("prices", { priceMinor: -1n })],
    allowed: [row("prices", { priceMinor: 1n })],
  },
  customers_status: {
    says: "a customer is known or erased",
    refused: [row("customers", { status: "absent" })],
    allowed: [row("customers", { status: "erased" })],
  },
  credits_cover_reservations: {
    says: "credit is never below zero, nor below what is reserved of it",
    refused: [
      row("credits", { balanceMinor: 99n, reservedMinor: 100n }),
      row("credits", { balanceMinor: 0n, reservedMinor: -1n }),
      row("credits", { balanceMinor: -1n, reservedMinor: -1n }),
    ],
    allowed: [
      row("credits", { balanceMinor: 100n, reservedMinor: 100n }),
      row("credits", { balanceMinor: 0n, reservedMinor: 0n }),
    ],
  },
  cards_status: { says: "a card's status is known", refused: [row("cards", { status: "lost" })], allowed: [] },
  subscriptions_status: {
    says: "a subscription's status is known",
    refused: [row("subscriptions", { status: "absent" })],
    allowed: [row("subscriptions", { status: "incomplete" })],
  },
  subscriptions_place: {
    says: "a subscription is current or queued",
    refused: [row("subscriptions", { place: "past" })],
    allowed: [row("subscriptions", { place: "queued" })],
  },
  invoices_purpose: {
    says: "an invoice's purpose is known",
    refused: [row("invoices", { purpose: "upgrade" })],
    allowed: [row("invoices", { purpose: "gift" })],
  },
  attempts_kind: {
    says: "an attempt is an offer or a charge",
    refused: [row("attempts", { kind: "setup" })],
    allowed: [row("attempts", { kind: "offer", status: "current" })],
  },
  captures_role: {
    says: "a capture settles or is extra",
    refused: [row("captures", { role: "held" })],
    allowed: [row("captures", { role: "extra" })],
  },
  refunds_status: {
    says: "a refund's status is known",
    refused: [row("refunds", { status: "asked" })],
    allowed: [row("refunds", { status: "reported" })],
  },
  periods_last: {
    says: "a period ends after it starts",
    refused: [row("periods", { startAt: day(1), endAt: day(1) }), row("periods", { startAt: day(2), endAt: day(1) })],
    allowed: [],
  },
  access_lasts: {
    says: "access ends after it starts",
    refused: [row("access", { fromAt: day(1), untilAt: day(1) }), row("access", { fromAt: day(2), untilAt: day(1) })],
    allowed: [],
  },
  invoices_status: {
    says: "an invoice's status is known",
    refused: [row("invoices", { status: "absent" })],
    allowed: [row("invoices", { status: "partly_refunded" })],
  },
  invoices_sums: {
    says: "credit and what is due make an invoice's total, none below zero",
    refused: [
      row("invoices", { totalMinor: 100n, creditMinor: 0n, dueMinor: 99n }),
      row("invoices", { totalMinor: 100n, creditMinor: -1n, dueMinor: 101n }),
      row("invoices", { totalMinor: 100n, creditMinor: 101n, dueMinor: -1n }),
      row("invoices", { totalMinor: -2n, creditMinor: -1n, dueMinor: -1n }),
    ],
    allowed: [
      row("invoices", { totalMinor: 0n, creditMinor: 0n, dueMinor: 0n }),
      row("invoices", { totalMinor: 100n, creditMinor: 100n, dueMinor: 0n }),
    ],
  },
  attempts_status: {
    says: "an attempt's status is known",
    refused: [row("attempts", { status: "lost" })],
    allowed: [row("attempts", { status: "never_happened" })],
  },
  captures_requests_covered: {
    says: "of a capture no more is asked back than is left of it, and what has gone back is recorded whatever it is",
    refused: [
      row("captures", { capturedMinor: 100n, reservedMinor: 101n }),
      row("captures", { capturedMinor: 100n, reservedMinor: 41n, returnedMinor: 60n }),
      row("captures", { capturedMinor: 100n, reservedMinor: -1n }),
      row("captures", { capturedMinor: 100n, returnedMinor: -1n }),
    ],
    allowed: [
      row("captures", { capturedMinor: 100n, reservedMinor: 100n }),
      row("captures", { capturedMinor: 100n, reservedMinor: 40n, returnedMinor: 60n }),
      row("captures", { capturedMinor: 100n, returnedMinor: 101n }),
    ],
  },
  refunds_positive: {
    says: "a refund is above zero",
    refused: [row("refunds", { amountMinor: 0n }), row("refunds", { amountMinor: -1n })],
    allowed: [row("refunds", { amountMinor: 1n })],
  },
};
