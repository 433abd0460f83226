import type { Actor } from "../actor.ts";
import type { PlanCode } from "../ids.ts";
import { type Currency, isPositive } from "../money.ts";
import { err, invariant, ok, type Result, unreachable } from "../result.ts";
import type { Instant } from "../time.ts";
import type { Entitlement, PriceVersion, Terms } from "./terms.ts";

/** A text in both languages of the product. */
export type LocalText = { readonly ru: string; readonly en: string };
export type PlanDescription = {
  readonly title: LocalText;
  readonly text: LocalText;
  readonly entitlement: Entitlement;
  /** The operator's order: changing to a higher rank is an upgrade. */
  readonly rank: number;
};

export type Plan =
  | { readonly status: "absent" }
  | {
      readonly status: "on_sale" | "archived";
      readonly code: PlanCode;
      readonly description: PlanDescription;
      /** By version, from 1; the last is what is sold. */
      readonly prices: readonly [PriceVersion, ...PriceVersion[]];
    };

type At = { readonly at: Instant; readonly actor: Actor };
/** A price as a manager gives it; its version number is the next one. */
export type NewPrice = Omit<PriceVersion, "version">;
export type PlanCommand =
  | (At & {
      readonly type: "CreatePlan";
      readonly code: PlanCode;
      readonly description: PlanDescription;
      readonly price: NewPrice;
    })
  | (At & { readonly type: "DescribePlan"; readonly description: PlanDescription })
  | (At & { readonly type: "SetPrice"; readonly price: NewPrice })
  | (At & { readonly type: "ArchivePlan" })
  | (At & { readonly type: "RestorePlan" });

export type PlanEvent =
  | (At & {
      readonly type: "PlanCreated";
      readonly code: PlanCode;
      readonly description: PlanDescription;
      readonly price: PriceVersion;
    })
  | (At & { readonly type: "PlanDescribed"; readonly description: PlanDescription })
  | (At & { readonly type: "PriceSet"; readonly price: PriceVersion })
  | (At & { readonly type: "PlanArchived" })
  | (At & { readonly type: "PlanRestored" });

export type PlanRefusal =
  | { readonly code: "plan_not_found" }
  | { readonly code: "plan_exists" }
  | { readonly code: "plan_archived" }
  | { readonly code: "price_invalid"; readonly reason: PriceFault }
  /** All versions of a plan are in one currency: another currency is another plan. */
  | { readonly code: "currency_differs"; readonly expected: Currency };
export type PriceFault =
  | "price_not_positive"
  | "length_not_positive"
  | "trial_without_days"
  | "trial_price_not_positive"
  | "intro_not_below_price"
  | "intro_without_periods"
  | "currencies_differ";

type Decision = Result<readonly PlanEvent[], PlanRefusal>;
export const initial: Plan = { status: "absent" };

/** What happens next to a plan, or why not. */
export const decide = (command: PlanCommand, state: Plan): Decision => {
  if (command.type === "CreatePlan") return create(command, state);
  if (state.status === "absent") return err({ code: "plan_not_found" });
  const { at, actor } = command;
  switch (command.type) {
    case "DescribePlan":
      return same(command.description, state.description)
        ? ok([])
        : ok([{ type: "PlanDescribed", description: command.description, at, actor }]);
    case "SetPrice":
      return setPrice(command, state);
    case "ArchivePlan":
      return state.status === "archived" ? ok([]) : ok([{ type: "PlanArchived", at, actor }]);
    case "RestorePlan":
      return state.status === "on_sale" ? ok([]) : ok([{ type: "PlanRestored", at, actor }]);
    default:
      return unreachable(command, "decide");
  }
};

/** Applies a fact. An event that does not fit means a corrupt stream. */
export const evolve = (state: Plan, event: PlanEvent): Plan => {
  if (event.type === "PlanCreated") {
    invariant(state.status === "absent", "a plan is created once");
    return { status: "on_sale", code: event.code, description: event.description, prices: [event.price] };
  }
  invariant(state.status !== "absent", "a plan is created before anything else");
  switch (event.type) {
    case "PlanDescribed":
      return { ...state, description: event.description };
    case "PriceSet":
      invariant(event.price.version === state.prices.length + 1, "price versions count up by one");
      return { ...state, prices: [...state.prices, event.price] };
    case "PlanArchived":
      return { ...state, status: "archived" };
    case "PlanRestored":
      return { ...state, status: "on_sale" };
    default:
      return unreachable(event, "evolve");
  }
};

type Existing = Exclude<Plan, { status: "absent" }>;
export const currentPrice = ({ prices }: Existing): PriceVersion => prices[prices.length - 1] ?? prices[0];

/** What a subscriber agrees to who buys the plan now. */
export const termsOf = (plan: Existing): Terms => {
  const { version, price, length, trial, intro } = currentPrice(plan);
  const { rank, entitlement } = plan.description;
  return { plan: plan.code, priceVersion: version, price, length, trial, intro, rank, entitlement };
};

type Of<Type> = Extract<PlanCommand, { type: Type }>;
const create = ({ code, description, price, at, actor }: Of<"CreatePlan">, state: Plan): Decision => {
  if (state.status !== "absent") return err({ code: "plan_exists" });
  const reason = faultOf(price);
  if (reason !== null) return err({ code: "price_invalid", reason });
  return ok([{ type: "PlanCreated", code, description, price: { ...price, version: 1 }, at, actor }]);
};

/** Also of an archived plan: a migration of its subscribers may need it. */
const setPrice = ({ price, at, actor }: Of<"SetPrice">, state: Existing): Decision => {
  const reason = faultOf(price);
  if (reason !== null) return err({ code: "price_invalid", reason });
  const current = currentPrice(state);
  if (price.price.currency !== current.price.currency)
    return err({ code: "currency_differs", expected: current.price.currency });
  const next: PriceVersion = { ...price, version: current.version + 1 };
  return same({ ...next, version: current.version }, current)
    ? ok([])
    : ok([{ type: "PriceSet", price: next, at, actor }]);
};

const faultOf = ({ price, length, trial, intro }: NewPrice): PriceFault | null => {
  if (!isPositive(price)) return "price_not_positive";
  if (!isCount(length.count)) return "length_not_positive";
  if (trial.kind !== "none" && !isCount(trial.days)) return "trial_without_days";
  if (trial.kind === "paid" && !isPositive(trial.price)) return "trial_price_not_positive";
  if (intro !== null && !isCount(intro.periods)) return "intro_without_periods";
  const others = [...(intro === null ? [] : [intro.price]), ...(trial.kind === "paid" ? [trial.price] : [])];
  if (others.some((other) => other.currency !== price.currency)) return "currencies_differ";
  return intro !== null && (intro.price.minor < 0n || intro.price.minor >= price.minor)
    ? "intro_not_below_price"
    : null;
};
const isCount = (n: number): boolean => Number.isSafeInteger(n) && n > 0;

/** Equality of plain values, whatever the order of their fields. */
const same = (a: unknown, b: unknown): boolean => {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))];
  return left.length === right.size && left.every(([name, value]) => right.has(name) && same(value, right.get(name)));
};
