import type { TransactionId } from "../../core/ids.ts";
import { formatAmount, type Money } from "../../core/money.ts";
import { invariant } from "../../core/result.ts";

// The language has both since ES2026 and Bun has them; TypeScript's library does not tell of them yet.
type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
type ExactJson = { parse(text: string, reviver: Reviver): unknown; rawJSON(text: string): object };
const exact: ExactJson = JSON as typeof JSON & ExactJson;

/**
 * Reads JSON of the gateway, or null when it is none. Numbers come out as the digits that were sent, so that neither a
 * sum nor a 64-bit id passes through a float. A field that is null or "" is absent: to this gateway they are one thing.
 */
export const readExactJson = (text: string): unknown => {
  try {
    return (
      exact.parse(text, (_, value, { source }) => {
        if (value === null || value === "") return undefined;
        if (typeof value !== "number") return value;
        invariant(source !== undefined, "this runtime shows a reviver the digits of a number");
        return source;
      }) ?? null
    );
  } catch (error) {
    // A text can also be nested deeper than the stack is.
    if (error instanceof SyntaxError || error instanceof RangeError) return null;
    throw error;
  }
};

/** A number of JSON with exactly these digits: 49900n of RUB is printed as 499.00. */
export const amountNumber = (sum: Money): object => exact.rawJSON(formatAmount(sum));
export const idNumber = (id: TransactionId): object => {
  invariant(/^[1-9][0-9]*$/.test(id), "CloudPayments numbers its transactions");
  return exact.rawJSON(id);
};
