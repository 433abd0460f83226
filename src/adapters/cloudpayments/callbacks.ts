import { z } from "zod";
import type { GatewayAccount } from "../../core/ids.ts";
import { type Currency, isCurrency } from "../../core/money.ts";
import type { CallbackRead, Callbacks, CallbackVerdict, SavedCard, Told } from "../../core/ports/callbacks.ts";
import { err, invariant, ok } from "../../core/result.ts";
import { declineOf } from "./declines.ts";
import { readFields } from "./message.ts";
import { isSigned } from "./signature.ts";
import { amountText, lenient, refundIdIn, sumOf, text, transactionId } from "./vocabulary.ts";

export type CloudPaymentsCallbacksConfig = {
  /** The new one and the old one while they are being changed. */
  readonly apiSecrets: readonly string[];
  readonly gatewayAccount: GatewayAccount;
};

/** CloudPayments' notifications: one address for each kind, for the body does not name it. */
export const cloudPaymentsCallbacks = ({ apiSecrets, gatewayAccount }: CloudPaymentsCallbacksConfig): Callbacks => {
  // Under an empty secret anybody could sign.
  const usable = apiSecrets.length > 0 && apiSecrets.every((secret) => secret !== "");
  invariant(usable, "CloudPayments has an API secret, and none is empty");
  return {
    gateway: "cloudpayments",
    gatewayAccount,
    read: (kind, call) => {
      if (!isKind(kind)) return err({ code: "unknown_kind" });
      if (!isSigned(call, apiSecrets)) return err({ code: "not_signed" });
      const fields = readFields(call);
      if (!fields.ok) return fields;
      const read = KINDS[kind].safeParse(fields.value);
      if (read.success) return ok(read.data);
      return err({ code: "malformed", field: String(read.error.issues[0]?.path[0] ?? "body") });
    },
    answer: (kind, verdict) => {
      const code = kind === "check" ? CHECK_CODES[verdict] : IS_TAKEN.has(verdict) ? REGISTERED : CALL_AGAIN;
      return { status: 200, contentType: "application/json", body: JSON.stringify({ code }) };
    },
  };
};

const REGISTERED = 0;
const IS_TAKEN: ReadonlySet<CallbackVerdict> = new Set(["accepted", "unreadable"]);
/**
 * Any code but 0 makes the gateway call again, up to 100 times in two days. It goes with HTTP 200: a code is what the
 * documentation names as the sign, and an error status may be answered by a proxy's own page on the way.
 */
const CALL_AGAIN = 13;

/** Check is never sent again: what could not be looked up is "cannot be accepted", and the payer may try once more. */
const CHECK_CODES = {
  accepted: 0,
  no_such_attempt: 10,
  other_account: 11,
  other_amount: 12,
  not_now: 13,
  unreadable: 13,
  try_again: 13,
  closed: 20,
} as const satisfies Record<CallbackVerdict, number>;

const operation = z.object({
  TransactionId: transactionId,
  InvoiceId: text.optional(),
  AccountId: text.optional(),
  OperationType: text.optional(),
});
const sum = operation.extend({ Amount: z.string(), Currency: z.string() });
/** Card data may be empty (SBP) or odd; the payment stands whatever they are. */
const card = {
  Token: lenient(text),
  CardFirstSix: lenient(z.string().regex(/^[0-9]{6}$/)),
  CardLastFour: lenient(z.string().regex(/^[0-9]{4}$/)),
  CardExpDate: lenient(z.string().regex(/^(0[1-9]|1[0-2])\/[0-9]{2}$/)),
};

const check = sum.transform(
  (raw, ctx): CallbackRead => ({
    eventKey: `check:${raw.TransactionId}`,
    told: { kind: "check", ...named(raw), amount: sumOf(raw, ctx), account: raw.AccountId ?? null },
  }),
);

const pay = sum
  .extend({ ...card, Status: z.enum(["Authorized", "Completed"]) })
  .transform((raw, ctx) => paymentRead("pay", raw, raw.Status === "Authorized", ctx));
/** What is confirmed is taken, so `Status` is not asked. */
const confirm = sum.extend(card).transform((raw, ctx) => paymentRead("confirm", raw, false, ctx));

const fail = operation.extend({ ReasonCode: z.string().regex(/^[1-9][0-9]{0,9}$/) }).transform(
  (raw): CallbackRead => ({
    eventKey: `fail:${raw.TransactionId}`,
    told: isPayment(raw) ? { kind: "decline", ...named(raw), decline: declineOf(raw.ReasonCode) } : other("fail"),
  }),
);

/** The documentation tells of no currency here; where one comes all the same, it must be one that we know. */
const refund = operation
  .extend({
    PaymentTransactionId: transactionId,
    Amount: amountText,
    Currency: z.custom<Currency>((raw) => typeof raw === "string" && isCurrency(raw)).optional(),
    Data: z.unknown().optional(),
    JsonData: z.unknown().optional(),
  })
  .transform(
    (raw): CallbackRead => ({
      eventKey: `refund:${raw.TransactionId}`,
      told: {
        kind: "refund",
        ...named(raw),
        of: raw.PaymentTransactionId,
        amount: raw.Amount,
        currency: raw.Currency ?? null,
        refundId: refundIdIn(raw.Data) ?? refundIdIn(raw.JsonData),
      },
    }),
  );

const otherBy = (kind: "cancel" | "receipt") =>
  operation.transform((raw): CallbackRead => ({ eventKey: `${kind}:${raw.TransactionId}`, told: other(kind) }));

/** A subscription that the gateway itself runs has no transaction: its state is what tells two notifications apart. */
const recurrent = z
  .object({
    Id: text,
    Status: text,
    SuccessfulTransactionsNumber: text.default(""),
    FailedTransactionsNumber: text.default(""),
    NextTransactionDate: text.default(""),
  })
  .transform((raw): CallbackRead => {
    const counts = `${raw.SuccessfulTransactionsNumber}:${raw.FailedTransactionsNumber}`;
    return {
      eventKey: `recurrent:${raw.Id}:${raw.Status}:${counts}:${raw.NextTransactionDate}`,
      told: other("recurrent"),
    };
  });

/** The words in the paths of the addresses that are set in the gateway's cabinet. */
const KINDS = {
  check,
  pay,
  fail,
  confirm,
  refund,
  cancel: otherBy("cancel"),
  recurrent,
  receipt: otherBy("receipt"),
} as const satisfies Readonly<Record<string, z.ZodType<CallbackRead>>>;
const isKind = (raw: string): raw is keyof typeof KINDS => Object.hasOwn(KINDS, raw);

const named = (raw: z.output<typeof operation>) => ({
  reference: raw.InvoiceId ?? null,
  transactionId: raw.TransactionId,
});
/** Pay and Fail tell of payouts as well, which are money that goes the other way. */
const isPayment = (raw: z.output<typeof operation>): boolean => (raw.OperationType ?? "Payment") === "Payment";
const other = (what: string): Told => ({ kind: "other", what });

type Paid = z.output<typeof sum> & z.output<z.ZodObject<typeof card>>;
const paymentRead = (
  kind: "pay" | "confirm",
  raw: Paid,
  onlyAuthorised: boolean,
  ctx: z.RefinementCtx,
): CallbackRead => {
  const paid = { ...named(raw), amount: sumOf(raw, ctx), account: raw.AccountId ?? null };
  return {
    eventKey: `${kind}:${raw.TransactionId}`,
    told: isPayment(raw) ? { kind: "payment", ...paid, onlyAuthorised, card: cardOf(raw) } : other(kind),
  };
};

const cardOf = ({ Token, CardFirstSix = "", CardLastFour = "", CardExpDate }: Paid): SavedCard | null =>
  Token === undefined
    ? null
    : { token: Token, mask: `${CardFirstSix}******${CardLastFour}`, expires: CardExpDate ?? null };
