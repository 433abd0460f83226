import { z } from "zod";
import type { RowOf } from "../../core/billing/read-model.ts";
import type { InvoiceStatus, Purpose } from "../../core/invoice/invoice.ts";
import type { InvoiceRows } from "../../core/ports/queries.ts";
import { formatInstant } from "../../core/time.ts";
import { invoiceStatus, purpose, refundReason } from "../wire/words.ts";
import { instantOrNull, instantView, moneyOf, moneyView } from "./schemas.ts";

// Invoices as their payer may see them: no gateway account, no name of ours, no reason that only staff may know.

const invoiceFields = {
  id: z.string(),
  status: invoiceStatus,
  purpose,
  subscriptionId: z.string().nullable(),
  plan: z.string().nullable(),
  total: moneyView,
  credit: moneyView.meta({ description: "Of the total, what the account's credit pays" }),
  due: moneyView.meta({ description: "Total less credit: what is paid by card" }),
  refunded: moneyView,
  issuedAt: instantView,
  expiresAt: instantView.nullable(),
  paidAt: instantView.nullable(),
  closedAt: instantView.nullable(),
};
const EXAMPLE = {
  id: "inv_01h455vb4pex5vsknk084sn02q",
  status: "open",
  purpose: "first",
  subscriptionId: "sub_01h455vb4pex5vsknk084sn02q",
  plan: "premium",
  total: { amount: "299.00", currency: "RUB" },
  credit: { amount: "0.00", currency: "RUB" },
  due: { amount: "299.00", currency: "RUB" },
  refunded: { amount: "0.00", currency: "RUB" },
  issuedAt: "2026-01-31T09:00:00.000Z",
  expiresAt: "2026-02-01T09:00:00.000Z",
  paidAt: null,
  closedAt: null,
} as const;

export const invoiceView = z.object(invoiceFields).meta({ id: "Invoice", examples: [EXAMPLE] });

const ATTEMPT_STATUSES = ["waiting", "being_checked", "over", "succeeded", "declined"] as const;
/** What a payer is told of an attempt: what we are still unsure of, and what needs a person, is "being checked". */
const ATTEMPT_STATUS: Readonly<Record<string, (typeof ATTEMPT_STATUSES)[number]>> = {
  current: "waiting",
  in_flight: "waiting",
  unknown: "being_checked",
  mismatched: "being_checked",
  closed: "over",
  never_happened: "over",
  succeeded: "succeeded",
  declined: "declined",
};

export const invoiceDetailView = z
  .object({
    ...invoiceFields,
    attempts: z.array(
      z.object({
        id: z.string(),
        kind: z.enum(["offer", "charge"]).meta({ description: "Paid by hand in the widget, or with the saved card" }),
        status: z.enum(ATTEMPT_STATUSES),
        madeAt: instantView,
        endsAt: instantView.nullable(),
      }),
    ),
    captures: z.array(
      z.object({
        transactionId: z.string().meta({ description: "The gateway's number: name it when you ask your bank" }),
        amount: moneyView,
        returned: moneyView,
        role: z.enum(["settling", "extra"]).meta({ description: "extra: was not due, and goes back" }),
        capturedAt: instantView,
      }),
    ),
    refunds: z.array(
      z.object({
        amount: moneyView,
        status: z.enum(["on_its_way", "done", "failed"]),
        reason: refundReason.nullable(),
        askedAt: instantView,
      }),
    ),
  })
  .meta({
    id: "InvoiceDetail",
    examples: [
      {
        ...EXAMPLE,
        status: "paid",
        paidAt: "2026-01-31T09:05:00.000Z",
        attempts: [
          {
            id: "att_01h455vb4pex5vsknk084sn02q",
            kind: "offer",
            status: "succeeded",
            madeAt: "2026-01-31T09:04:00.000Z",
            endsAt: "2026-01-31T10:04:00.000Z",
          },
        ],
        captures: [
          {
            transactionId: "2031456789",
            amount: { amount: "299.00", currency: "RUB" },
            returned: { amount: "0.00", currency: "RUB" },
            role: "settling",
            capturedAt: "2026-01-31T09:05:00.000Z",
          },
        ],
        refunds: [],
      },
    ],
  });

export const presentInvoice = (row: RowOf<"invoices">): z.output<typeof invoiceView> => ({
  id: row.invoiceId,
  status: row.status as InvoiceStatus,
  purpose: row.purpose as Purpose,
  subscriptionId: row.subscriptionId,
  plan: row.plan,
  total: moneyOf(row.totalMinor, row.currency),
  credit: moneyOf(row.creditMinor, row.currency),
  due: moneyOf(row.dueMinor, row.currency),
  refunded: moneyOf(row.refundedMinor, row.currency),
  issuedAt: formatInstant(row.issuedAt),
  expiresAt: instantOrNull(row.expiresAt),
  paidAt: instantOrNull(row.paidAt),
  closedAt: instantOrNull(row.closedAt),
});

export const presentInvoiceDetail = ({
  invoice,
  attempts,
  captures,
  refunds,
}: InvoiceRows): z.output<typeof invoiceDetailView> => ({
  ...presentInvoice(invoice),
  attempts: attempts.map((row) => ({
    id: row.attemptId,
    kind: row.kind as "offer" | "charge",
    status: ATTEMPT_STATUS[row.status] ?? "being_checked",
    madeAt: formatInstant(row.madeAt),
    endsAt: instantOrNull(row.endsAt),
  })),
  captures: captures.map((row) => ({
    transactionId: row.transactionId,
    amount: moneyOf(row.capturedMinor, row.currency),
    returned: moneyOf(row.returnedMinor, row.currency),
    role: row.role as "settling" | "extra",
    capturedAt: formatInstant(row.capturedAt),
  })),
  refunds: refunds.map((row) => ({
    amount: moneyOf(row.amountMinor, row.currency),
    status: row.status === "failed" ? "failed" : hasGoneBack(row.status) ? "done" : "on_its_way",
    reason: row.reason as z.output<typeof refundReason> | null,
    askedAt: formatInstant(row.askedAt),
  })),
});
const hasGoneBack = (status: string): boolean => status === "done" || status === "reported";
