import type { Money } from "./money.ts";

/** What an operator may set of billing's rules. The defaults are the rules of the design; all days are local days. */
export type BillingPolicy = {
  /** Days after the first decline on which the saved card is tried again. */
  readonly dunningDays: readonly number[];
  /** Access after the paid end while a renewal is on its way. Never past the end of the unpaid period. */
  readonly graceDays: number;
  /** Full refund before payment + this many days; then the unused value. */
  readonly refundWindowDays: number;
  readonly pauseMaxDays: number;
  /** How long before a charge its notice is given at the latest. */
  readonly noticeDays: number;
  /** How long after its notice a new price version moves existing subscribers, at the earliest. */
  readonly priceChangeDays: number;
  readonly quoteMinutes: number;
  readonly firstInvoiceHours: number;
  readonly changeInvoiceMinutes: number;
  readonly giftInvoiceHours: number;
  readonly staffInvoiceDays: number;
  /** Authorised to prove a card, then voided. */
  readonly cardProof: Money;
};

export const DEFAULT_POLICY: BillingPolicy = {
  dunningDays: [1, 3, 5, 7],
  graceDays: 7,
  refundWindowDays: 7,
  pauseMaxDays: 90,
  noticeDays: 3,
  priceChangeDays: 14,
  quoteMinutes: 15,
  firstInvoiceHours: 24,
  changeInvoiceMinutes: 60,
  giftInvoiceHours: 24,
  staffInvoiceDays: 14,
  cardProof: { minor: 100n, currency: "RUB" },
};
