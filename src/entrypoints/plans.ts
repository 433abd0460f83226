import { canonicalText, type Json, type JsonObject } from "../adapters/wire/json.ts";
import type { Operator, PlanOnFile } from "./operator.ts";

const monthly = (amount: string, trial: JsonObject): JsonObject => ({
  price: { amount, currency: "RUB" },
  length: { unit: "month", count: 1 },
  trial,
  intro: null,
  receipt: { vat: "22", object: 4, method: 4 },
});
const NO_TRIAL: JsonObject = { kind: "none" };

/** What a sandbox sells at its first start, and an example for everybody. */
export const FIRST_PLANS: readonly PlanOnFile[] = [
  {
    plan: "basic",
    status: "on_sale",
    description: {
      title: { ru: "Базовый", en: "Basic" },
      text: { ru: "Весь каталог на одном экране, HD.", en: "The whole catalogue on one screen, HD." },
      entitlement: { tier: 1, quality: "hd", streams: 1 },
      rank: 1,
    },
    price: monthly("299.00", NO_TRIAL),
  },
  {
    plan: "premium",
    status: "on_sale",
    description: {
      title: { ru: "Премиум", en: "Premium" },
      text: {
        ru: "Премьеры и весь каталог на четырёх экранах, 4K.",
        en: "Premieres and the whole catalogue on four screens, 4K.",
      },
      entitlement: { tier: 2, quality: "uhd", streams: 4 },
      rank: 2,
    },
    price: monthly("499.00", NO_TRIAL),
  },
  {
    plan: "premium-year",
    status: "on_sale",
    description: {
      title: { ru: "Премиум на год", en: "Premium, yearly" },
      text: { ru: "Премиум на год: два месяца в подарок.", en: "Premium for a year, two months of it for nothing." },
      entitlement: { tier: 2, quality: "uhd", streams: 4 },
      rank: 3,
    },
    price: {
      price: { amount: "4990.00", currency: "RUB" },
      length: { unit: "year", count: 1 },
      trial: NO_TRIAL,
      intro: null,
      receipt: { vat: "22", object: 4, method: 4 },
    },
  },
];

/** A sandbox begins with something to sell. Two processes that start at once may both try: one of them is refused. */
export const sellFirstPlans = async (operator: Operator): Promise<void> => {
  if ((await operator.plans()).length === 0) await applyPlans(operator, FIRST_PLANS);
};

export type Applied = { readonly plan: string; readonly did: string };

/**
 * Makes the plans what a file says: creates, describes, prices, archives, restores. What the file does not name stays as it is.
 * A new price is a new version; running periods keep theirs.
 * @returns what was done, in order; at a refusal the rest is not done
 */
export const applyPlans = async (
  operator: Pick<Operator, "ask" | "plans">,
  wanted: readonly PlanOnFile[],
): Promise<{ readonly applied: readonly Applied[]; readonly refused: string | null }> => {
  const known = new Map((await operator.plans()).map((plan) => [plan.plan, plan]));
  const applied: Applied[] = [];
  for (const plan of wanted) {
    for (const [did, command] of stepsTo(plan, known.get(plan.plan) ?? null)) {
      const came = await operator.ask(command);
      if (!came.ok) return { applied, refused: `${plan.plan}: ${came.code} ${came.detail}` };
      applied.push({ plan: plan.plan, did });
    }
  }
  return { applied, refused: null };
};

type Step = readonly [did: string, command: JsonObject];

const stepsTo = ({ plan, status, description, price }: PlanOnFile, known: PlanOnFile | null): readonly Step[] => {
  const archive: Step = ["archived", { type: "plan.archive", plan }];
  const body = { plan, description: description as Json, price: price as Json };
  if (known === null) {
    const created: Step = ["created", { type: "plan.create", ...body }];
    return status === "archived" ? [created, archive] : [created];
  }
  const steps: Step[] = [];
  if (differs(description, known.description))
    steps.push(["described", { type: "plan.describe", plan, description: body.description }]);
  if (differs(price, known.price)) steps.push(["priced", { type: "plan.set_price", plan, price: body.price }]);
  if (status !== known.status)
    steps.push(status === "archived" ? archive : ["restored", { type: "plan.restore", plan }]);
  return steps;
};

const differs = (a: unknown, b: unknown): boolean => canonicalText(a as Json) !== canonicalText(b as Json);
