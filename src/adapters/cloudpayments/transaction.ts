import { z } from "zod";
import { type AttemptId, parseAttemptId, payerNamed } from "../../core/ids.ts";
import { type Money, parseMoney } from "../../core/money.ts";
import type { Captured, ChargeAnswer, Movement } from "../../core/ports/payments.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { type Instant, parseInstant } from "../../core/time.ts";
import { CHALLENGED, declineOf, REFUSED, VOIDED } from "./declines.ts";
import { refundIdIn, transactionId } from "./vocabulary.ts";

/** What the gateway tells of one operation. Old answers lack most of it, new ones have more: only the id is certain. */
export const transaction = z.object({
  TransactionId: transactionId,
  InvoiceId: z.string().optional(),
  AccountId: z.string().optional(),
  Amount: z.string().optional(),
  Currency: z.string().optional(),
  Status: z.string().optional(),
  ReasonCode: z.string().optional(),
  /** 0 payment, 1 refund, 2 payout. */
  Type: z.string().optional(),
  OriginalTransactionId: transactionId.optional(),
  TransactionIsInProcess: z.boolean().optional(),
  JsonData: z.unknown().optional(),
  CreatedDateIso: z.string().optional(),
  /** Both only when the payer has to prove who he is. */
  AcsUrl: z.string().optional(),
  PaReq: z.string().optional(),
});
export type Transaction = z.output<typeof transaction>;
/** It is not what we have asked about, or contradicts itself. */
type Unclear = { readonly code: "unclear" };
const UNCLEAR = err({ code: "unclear" });

/** What became of one attempt. The state is the transaction's own; the envelope's `Success` is about the request. */
export const answerOf = (told: Transaction, attemptId: AttemptId): Result<ChargeAnswer, Unclear> => {
  const { TransactionId: transactionId } = told;
  // A challenge names nothing but the transaction.
  if (told.AcsUrl !== undefined && told.PaReq !== undefined) {
    return ok({ status: "declined", transactionId, decline: CHALLENGED });
  }
  if (told.InvoiceId !== attemptId || (told.Type ?? "0") !== "0") return UNCLEAR;
  if (told.TransactionIsInProcess) return ok({ status: "pending" });
  switch (told.Status) {
    case "Completed":
    case "Authorized":
      return capturedBy(told);
    case "Declined":
      return ok({ status: "declined", transactionId, decline: isRefusal(told) ? declineOf(told.ReasonCode) : REFUSED });
    case "Cancelled":
      return ok({ status: "declined", transactionId, decline: VOIDED });
    default:
      return isRefusal(told)
        ? ok({ status: "declined", transactionId, decline: declineOf(told.ReasonCode) })
        : ok({ status: "pending" });
  }
};

type Refusal = Transaction & { readonly ReasonCode: string };
const isRefusal = (told: Transaction): told is Refusal => told.ReasonCode !== undefined && told.ReasonCode !== "0";

/** The sum and the account are the gateway's word, never what we have asked for. */
const capturedBy = (told: Transaction): Result<{ readonly status: "captured" } & Captured, Unclear> => {
  const amount = amountOf(told);
  if (amount === null || isRefusal(told)) return UNCLEAR;
  const accountId = payerNamed(told.AccountId);
  const onlyAuthorised = told.Status === "Authorized";
  return ok({ status: "captured", transactionId: told.TransactionId, amount, accountId, onlyAuthorised });
};

const amountOf = ({ Amount = "", Currency = "" }: Transaction): Money | null => {
  const amount = parseMoney(Amount, Currency);
  return amount.ok ? amount.value : null;
};

/** One row of the gateway's list as a movement; null: nothing has moved by it, or nothing that concerns us. */
export const movementOf = (told: Transaction): Result<Movement | null, Unclear> => {
  const isRefund = told.Type === "1" || (told.Type === undefined && told.OriginalTransactionId !== undefined);
  const movement = isRefund ? refundOf(told) : told.Type === "2" ? ok(null) : paymentOf(told);
  // A terminal may serve other shops as well, in currencies that we do not know. What bears our name must be read.
  return movement.ok || attemptOf(told) !== null ? movement : ok(null);
};

const refundOf = (told: Transaction): Result<Movement | null, Unclear> => {
  if (told.Status !== "Completed") return ok(null);
  const [amount, at, of] = [amountOf(told), createdAt(told), told.OriginalTransactionId];
  if (amount === null || at === null || of === undefined) return UNCLEAR;
  return ok({ ...placed(told, at), kind: "refund", of, amount, refundId: refundIdIn(told.JsonData) });
};

const PAYMENT_STATUSES = { Completed: "captured", Authorized: "authorised", Cancelled: "voided" } as const;

const paymentOf = (told: Transaction): Result<Movement | null, Unclear> => {
  const at = createdAt(told);
  if (told.Status === "Declined") {
    const decline = isRefusal(told) ? declineOf(told.ReasonCode) : REFUSED;
    return at === null ? UNCLEAR : ok({ ...placed(told, at), kind: "decline", decline });
  }
  const status = isPaymentStatus(told.Status) ? PAYMENT_STATUSES[told.Status] : null;
  if (status === null) return ok(null);
  const amount = amountOf(told);
  if (amount === null || at === null) return UNCLEAR;
  const accountId = payerNamed(told.AccountId);
  return ok({ ...placed(told, at), kind: "payment", status, amount, accountId });
};
const isPaymentStatus = (raw: string | undefined): raw is keyof typeof PAYMENT_STATUSES =>
  raw !== undefined && Object.hasOwn(PAYMENT_STATUSES, raw);

const placed = (told: Transaction, at: Instant) => ({
  transactionId: told.TransactionId,
  attemptId: attemptOf(told),
  at,
});
const attemptOf = ({ InvoiceId = "" }: Transaction): AttemptId | null => {
  const id = parseAttemptId(InvoiceId);
  return id.ok ? id.value : null;
};
/** The gateway writes UTC and no zone. */
const createdAt = ({ CreatedDateIso = "" }: Transaction): Instant | null => {
  const at = parseInstant(`${CreatedDateIso}Z`);
  return at.ok ? at.value : null;
};
