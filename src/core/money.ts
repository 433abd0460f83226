import { err, invariant, ok, type Result } from "./result.ts";

/** Digits after the point. Source: ISO 4217, list one. */
export const MINOR_DIGITS = { AMD: 2, BYN: 2, EUR: 2, JPY: 0, KGS: 2, KWD: 3, KZT: 2, RUB: 2, USD: 2, UZS: 2 } as const;
export type Currency = keyof typeof MINOR_DIGITS;

/** Exact money: `minor` counts the smallest unit, so RUB 10.50 is 1050n. On the wire it is a decimal string, "10.50". */
export type Money = { readonly minor: bigint; readonly currency: Currency };

/** The largest sum we take: 15 digits of minor units, which any decimal of the outside can hold exactly. */
export const MAX_MINOR = 999_999_999_999_999n;

export const isCurrency = (raw: string): raw is Currency => Object.hasOwn(MINOR_DIGITS, raw);
export const money = (minor: bigint, currency: Currency): Money => ({ minor, currency });
export const zero = (currency: Currency): Money => ({ minor: 0n, currency });

export const equal = (a: Money, b: Money): boolean => a.minor === b.minor && a.currency === b.currency;
export const isZero = (a: Money): boolean => a.minor === 0n;
export const isPositive = (a: Money): boolean => a.minor > 0n;

export const add = (a: Money, b: Money): Money => ({ minor: a.minor + b.minor, currency: same(a, b) });
export const subtract = (a: Money, b: Money): Money => ({ minor: a.minor - b.minor, currency: same(a, b) });
/** -1, 0 or 1. Sums of two currencies have no order: that is a Bug. */
export const compare = (a: Money, b: Money): -1 | 0 | 1 => {
  same(a, b);
  return a.minor < b.minor ? -1 : a.minor > b.minor ? 1 : 0;
};
export const smaller = (a: Money, b: Money): Money => (compare(a, b) <= 0 ? a : b);
export const sum = (parts: readonly Money[], currency: Currency): Money => parts.reduce(add, zero(currency));
/** Never below zero: what is left of a debt, never a claim the other way. */
export const atLeastZero = (a: Money): Money => (a.minor < 0n ? zero(a.currency) : a);

/**
 * The share `part / whole` of a sum, rounded down to a minor unit.
 * @param part 0 or more, at most `whole`; counts, usually seconds
 * @param whole above 0
 */
export const shareDown = (total: Money, part: bigint, whole: bigint): Money => {
  invariant(whole > 0n, "the whole is positive");
  invariant(part >= 0n && part <= whole, "a part lies within its whole");
  invariant(total.minor >= 0n, "only a sum that is not negative is shared");
  return { minor: (total.minor * part) / whole, currency: total.currency };
};

/**
 * Splits `total` by `weights`. The points between the parts are rounded, not the parts: so these sum to `total`, and each
 * is its exact share but for less than one minor unit. A total below zero is split as the same one above it.
 */
export const allocate = (total: Money, weights: readonly bigint[]): readonly Money[] => {
  const all = weights.reduce((sum, weight) => sum + weight, 0n);
  invariant(
    weights.every((weight) => weight >= 0n),
    "no weight is negative",
  );
  invariant(all > 0n, "some weight is positive");
  let weightBefore = 0n;
  let minorBefore = 0n;
  return weights.map((weight) => {
    weightBefore += weight;
    const minorUpTo = (total.minor * weightBefore) / all;
    const minor = minorUpTo - minorBefore;
    minorBefore = minorUpTo;
    return { minor, currency: total.currency };
  });
};

export type MoneyError = { readonly code: "malformed_amount" | "unknown_currency" | "amount_out_of_range" };

/**
 * Reads a decimal string with at most the currency's digits after the point: "299.00", "299", "0.05".
 * No sign, no exponent, no comma, no spaces, no leading zeros: what people mistype is refused, never guessed.
 */
export const parseMoney = (amount: string, currency: string): Result<Money, MoneyError> => {
  if (!isCurrency(currency)) return err({ code: "unknown_currency" });
  const match = /^(0|[1-9][0-9]*)(?:\.([0-9]+))?$/.exec(amount);
  if (match === null) return err({ code: "malformed_amount" });
  const digits = MINOR_DIGITS[currency];
  const fraction = match[2] ?? "";
  if (fraction.length > digits) return err({ code: "malformed_amount" });
  if ((match[1]?.length ?? 0) > 15) return err({ code: "amount_out_of_range" });
  const minor = BigInt(`${match[1]}${fraction.padEnd(digits, "0")}`);
  return minor > MAX_MINOR ? err({ code: "amount_out_of_range" }) : ok({ minor, currency });
};

/** The decimal string of the wire, with all of the currency's digits: 29900n of RUB is "299.00". */
export const formatAmount = ({ minor, currency }: Money): string => {
  const digits = MINOR_DIGITS[currency];
  const text = (minor < 0n ? -minor : minor).toString().padStart(digits + 1, "0");
  const whole = text.slice(0, text.length - digits);
  return `${minor < 0n ? "-" : ""}${whole}${digits === 0 ? "" : `.${text.slice(-digits)}`}`;
};

const same = (a: Money, b: Money): Currency => {
  invariant(a.currency === b.currency, `sums of one currency, not ${a.currency} and ${b.currency}`);
  return a.currency;
};
