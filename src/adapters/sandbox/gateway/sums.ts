/** Decimal text with two digits behind the point, as in "123.00". */
export type Decimal = `${number}`;

/**
 * The gateway's currencies; all of them are written with two decimals. The place is the code in `CurrencyCode`: only RUB's,
 * zero, is documented, the others are ours.
 */
const CURRENCIES = (
  "RUB EUR USD GBP UAH BYR BYN KZT AZN CHF CZK CAD PLN SEK TRY CNY INR BRL ZAR UZS BGN RON AUD HKD GEL KGS AMD AED" as const
).split(" ");

/** @returns minor units, positive; null when the text is no sum with at most two decimals */
export const minorOf = (text: string): number | null => {
  const [, whole, fraction = ""] = /^(\d{1,10})(?:\.(\d{1,2}))?$/.exec(text) ?? [];
  if (whole === undefined) return null;
  const minor = Number(whole) * 100 + Number(fraction.padEnd(2, "0"));
  return minor > 0 ? minor : null;
};

export const decimalOf = (minor: number): Decimal => {
  const digits = String(minor).padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}` as Decimal;
};

export const isCurrency = (code: string): boolean => CURRENCIES.includes(code);
export const currencyCodeOf = (code: string): number => CURRENCIES.indexOf(code);
