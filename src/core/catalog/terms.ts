import type { PlanCode } from "../ids.ts";
import type { Currency, Money } from "../money.ts";

/** How long a period is: `count` of a calendar unit. A month of 31 January ends on the last day of February. */
export type PeriodLength = { readonly unit: "day" | "week" | "month" | "year"; readonly count: number };

/** What a plan lets one watch. Of several that cover now the highest tier answers. */
export type Entitlement = { readonly tier: number; readonly quality: "sd" | "hd" | "uhd"; readonly streams: number };

export type Trial =
  | { readonly kind: "none" }
  /** `card`: a card set-up and consent come first; without it the trial begins at once and ends with no invoice. */
  | { readonly kind: "free"; readonly days: number; readonly card: boolean }
  | { readonly kind: "paid"; readonly days: number; readonly price: Money };

/** One version of a plan's price. Never edited: a change is a new version, and what runs keeps its own. */
export type PriceVersion = {
  /** 1 for the first; the newest is what is sold. */
  readonly version: number;
  /** With VAT, for one period. */
  readonly price: Money;
  readonly length: PeriodLength;
  readonly trial: Trial;
  /** A lower price for the first periods that are paid. */
  readonly intro: { readonly price: Money; readonly periods: number } | null;
  /** VAT and the codes of the fiscal receipt, as the operator's tax adviser gave them. */
  readonly receipt: {
    readonly vat: "none" | "0" | "5" | "7" | "10" | "20" | "22";
    readonly object: number;
    readonly method: number;
  };
};

/** What a subscriber has agreed to: a price version with its plan's rank and entitlement, frozen at that moment. */
export type Terms = {
  readonly plan: PlanCode;
  readonly priceVersion: number;
  readonly price: Money;
  readonly length: PeriodLength;
  readonly trial: Trial;
  readonly intro: { readonly price: Money; readonly periods: number } | null;
  /** The operator's order of plans: a higher rank is an upgrade. */
  readonly rank: number;
  readonly entitlement: Entitlement;
};

export const currencyOf = (terms: Terms): Currency => terms.price.currency;
export const sameLength = (a: PeriodLength, b: PeriodLength): boolean => a.unit === b.unit && a.count === b.count;
/** Price of the n-th paid period; the first is 1. */
export const priceOfPeriod = (terms: Terms, paidPeriod: number): Money =>
  terms.intro !== null && paidPeriod <= terms.intro.periods ? terms.intro.price : terms.price;
