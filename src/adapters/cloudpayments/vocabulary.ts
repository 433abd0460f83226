import { z } from "zod";
import { parseRefundId, parseTransactionId, type RefundId } from "../../core/ids.ts";
import { type Money, parseMoney } from "../../core/money.ts";
import { isJsonObject } from "../wire/json.ts";
import { readExactJson } from "./exact-json.ts";

// What fields of callbacks and of answers are made of, once they were read by `readExactJson` or from a form: numbers
// are digits, what is empty is absent.

const MAX_LONG = 2n ** 63n - 1n;

export const transactionId = z.string().transform((raw, ctx) => {
  const id = parseTransactionId(raw);
  const isLong = /^[1-9][0-9]{0,18}$/.test(raw) && BigInt(raw) <= MAX_LONG;
  if (id.ok && isLong) return id.value;
  ctx.addIssue("malformed_id");
  return z.NEVER;
});

/** No control characters and no half of a character: Postgres would refuse them. */
export const text = z.string().refine((raw) => raw.isWellFormed() && !/\p{Cc}/u.test(raw));

/** A field that must not cost us the message that it came with: what makes no sense is absent. */
export const lenient = <Schema extends z.ZodType>(schema: Schema) => schema.optional().catch(undefined);

export const amountText = z.string().regex(/^(0|[1-9][0-9]{0,14})(\.[0-9]+)?$/);

/** The sum of `Amount` and `Currency`; names the one that is wrong. */
export const sumOf = (raw: { readonly Amount: string; readonly Currency: string }, ctx: z.RefinementCtx): Money => {
  const sum = parseMoney(raw.Amount, raw.Currency);
  if (sum.ok) return sum.value;
  const field = sum.error.code === "unknown_currency" ? "Currency" : "Amount";
  ctx.addIssue({ code: "custom", message: sum.error.code, path: [field] });
  return z.NEVER;
};

/** Our refund's id in what the gateway has carried along for us, which is JSON in a text or JSON itself. */
export const refundIdIn = (carried: unknown): RefundId | null => {
  const data = typeof carried === "string" ? readExactJson(carried) : carried;
  const id = isJsonObject(data) ? data["refundId"] : undefined;
  const refundId = typeof id === "string" ? parseRefundId(id) : null;
  return refundId?.ok ? refundId.value : null;
};
