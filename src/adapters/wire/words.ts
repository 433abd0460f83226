import { z } from "zod";
import type { InvoiceStatus, Refund } from "../../core/invoice/invoice.ts";
import type { Subscription } from "../../core/subscription/subscription.ts";

// The closed sets of words that events, commands and what callers are shown share. Each must name exactly what its type in the core does.

export const lengthUnit = z.enum(["day", "week", "month", "year"]);
export const quality = z.enum(["sd", "hd", "uhd"]);
export const vat = z.enum(["none", "0", "5", "7", "10", "20", "22"]);
export const declineKind = z.enum(["soft", "hard", "ask_payer", "our_outage"]);
export const declineReason = z.enum([
  "insufficient_funds",
  "limit_exceeded",
  "card_expired",
  "card_invalid",
  "card_lost_or_stolen",
  "authentication_required",
  "authentication_failed",
  "suspected_fraud",
  "gateway_unavailable",
  "refused",
]);
export const invoiceStatus = z.enum([
  "open",
  "processing",
  "paid",
  "partly_refunded",
  "refunded",
  "void",
  "uncollectible",
  "expired",
]) satisfies z.ZodType<InvoiceStatus>;
export const refundStatus = z.enum([
  "reserved",
  "in_flight",
  "unknown",
  "failed",
  "done",
  "reported",
]) satisfies z.ZodType<Refund["status"]>;
export const subscriptionStatus = z.enum([
  "incomplete",
  "trialing",
  "active",
  "past_due",
  "paused",
  "ended",
]) satisfies z.ZodType<Exclude<Subscription["status"], "absent">>;
export const purpose = z.enum(["first", "renewal", "change", "gift", "staff"]);
export const lineKind = z.enum(["period", "trial", "rest", "unused", "gift", "service"]);
export const initiator = z.enum(["schedule", "payer"]);
export const lookUp = z.enum(["find", "list"]);
export const offerClosing = z.enum(["superseded", "ended", "annulled", "expired", "paid", "written_off"]);
export const captureRole = z.enum(["settling", "extra"]);
export const attemptStatus = z.enum([
  "current",
  "in_flight",
  "unknown",
  "closed",
  "succeeded",
  "declined",
  "mismatched",
  "never_happened",
]);
export const mismatchReason = z.enum(["amount", "currency", "account", "gateway_account", "only_authorised"]);
export const annulReason = z.enum(["payer_cancelled", "plan_replaced", "newer_quote", "pause_kept", "staff"]);
export const refundReason = z.enum(["extra_payment", "cancelled", "ended", "staff", "paused"]);
export const place = z.enum(["current", "queued"]);
export const changeEffect = z.enum(["at_once", "now_same_period", "now_new_period", "at_period_end"]);
export const noticeKind = z.enum([
  "renewal_reminder",
  "trial_ending",
  "ending",
  "declined",
  "receipt",
  "refunded",
  "cancelled",
  "price_change",
  "card_expiring",
]);
export const stopper = z.enum(["payer", "no_consent"]);
export const endReason = z.enum([
  "payer_stopped",
  "payer_cancelled",
  "never_paid",
  "plan_replaced",
  "trial_over",
  "no_card_or_consent",
  "unpaid",
  "staff",
]);
