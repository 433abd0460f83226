import type { InvoiceEvent } from "../../../../src/core/invoice/invoice.ts";

/** Every fact of an invoice: one that is forgotten here does not compile. */
const INVOICE_EVENTS: Readonly<Record<InvoiceEvent["type"], true>> = {
  InvoiceIssued: true,
  OfferMade: true,
  CheckAccepted: true,
  OfferClosed: true,
  ChargeStarted: true,
  PaymentSucceeded: true,
  InvoicePaid: true,
  PaymentDeclined: true,
  PaymentUnknown: true,
  LookUpFoundNothing: true,
  PaymentNeverHappened: true,
  PaymentMismatched: true,
  MismatchSettled: true,
  InvoiceVoided: true,
  InvoiceExpired: true,
  InvoiceWrittenOff: true,
  RefundAsked: true,
  RefundStarted: true,
  RefundSucceeded: true,
  RefundFailed: true,
  RefundUnknown: true,
  RefundLookUpFoundNothing: true,
  RefundReported: true,
  CreditReturned: true,
  ChargebackRecorded: true,
  ChargebackDecided: true,
};
export const INVOICE_EVENT_TYPES = Object.keys(INVOICE_EVENTS) as readonly InvoiceEvent["type"][];
