import { invoiceIdOf } from "../billing/stream.ts";
import type { AttemptId, InvoiceId } from "../ids.ts";
import { ended, openRun } from "./run.ts";
import type { WorkFunction } from "./work.ts";

/** The hour of an offer is over. One that `check` let through is looked up first: it becomes unknown. */
export const endOffer: WorkFunction = async (ports, row) => {
  const command = {
    type: "invoice.end_offer",
    invoiceId: invoiceIdOf(row.stream),
    attemptId: row.subject as AttemptId,
  } as const;
  return ended(await openRun(ports, row).bySystem(command), ["not_found", "attempt_unknown"]);
};

/** Nobody has paid in time. While a payment is on its way the invoice waits for it. */
export const expireInvoice: WorkFunction = async (ports, row) =>
  ended(await openRun(ports, row).bySystem({ type: "invoice.expire", invoiceId: row.subject as InvoiceId }), [
    "not_found",
  ]);
