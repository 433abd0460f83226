import { Elysia } from "elysia";
import { z } from "zod";
import type { RowOf } from "../../core/billing/read-model.ts";
import type { PlanWithPrices } from "../../core/ports/queries.ts";
import { invariant } from "../../core/result.ts";
import { planCode } from "../wire/vocabulary.ts";
import { consentOf, consentView } from "./consent.ts";
import { visitors } from "./guards.ts";
import type { HttpPorts } from "./ports.ts";
import { type Language, Refused, refusedByFault } from "./problems.ts";
import { entitlementOf, entitlementView, inLanguage, moneyOf, moneyView, periodLength, problems } from "./schemas.ts";

const trialView = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("none") }),
  z.object({
    kind: z.literal("free"),
    days: z.int(),
    card: z.boolean().meta({ description: "Whether a saved card is needed first" }),
  }),
  z.object({ kind: z.literal("paid"), days: z.int(), price: moneyView }),
]);
const planView = z
  .object({
    code: z.string(),
    title: z.string(),
    text: z.string(),
    rank: z.int().meta({ description: "A change to a higher rank is an upgrade" }),
    ...entitlementView,
    price: moneyView.meta({ description: "For one period, with VAT" }),
    priceVersion: z.int(),
    period: periodLength,
    trial: trialView,
    intro: z
      .object({ price: moneyView, periods: z.int() })
      .nullable()
      .meta({ description: "A lower price for the first periods that are paid" }),
  })
  .meta({
    id: "Plan",
    examples: [
      {
        code: "premium",
        title: "Premium",
        text: "All films, on two screens",
        rank: 2,
        tier: 2,
        quality: "uhd",
        streams: 2,
        price: { amount: "299.00", currency: "RUB" },
        priceVersion: 1,
        period: { unit: "month", count: 1 },
        trial: { kind: "none" },
        intro: null,
      },
    ],
  });
const plansView = z.object({ plans: z.array(planView), renewalConsent: consentView }).meta({ id: "Plans" });

const described = (operationId: string, summary: string) => ({ operationId, summary, tags: ["Plans"] });

/** Open to everybody: what is on sale now. */
export const planRoutes = ({ queries, limits }: Pick<HttpPorts, "queries" | "limits">) =>
  new Elysia()
    .use(visitors({ limits }))
    .get(
      "/plans",
      async ({ visit, status }) => {
        const plans = await queries.plans("on_sale");
        if (!plans.ok) throw refusedByFault(plans.error);
        return status(200, {
          plans: plans.value.map((plan) => present(plan, visit.language)),
          renewalConsent: consentOf(visit.language),
        });
      },
      { response: { 200: plansView, ...problems(503) }, detail: described("listPlans", "What is on sale") },
    )
    .get(
      "/plans/:code",
      async ({ params, visit, status }) => {
        const plan = await queries.plan(params.code);
        if (!plan.ok) throw refusedByFault(plan.error);
        if (plan.value?.plan.status !== "on_sale") throw new Refused("plan_not_found");
        return status(200, present(plan.value, visit.language));
      },
      {
        params: z.object({ code: planCode.meta({ examples: ["premium"] }) }),
        response: { 200: planView, ...problems(404, 503) },
        detail: described("getPlan", "One plan on sale"),
      },
    );

const present = ({ plan, prices }: PlanWithPrices, language: Language) => {
  const price = prices.find(({ version }) => version === plan.priceVersion);
  invariant(price !== undefined, "a plan has the price that it names");
  const { currency } = price;
  return {
    code: plan.code,
    title: inLanguage(language, plan.titleRu, plan.titleEn),
    text: inLanguage(language, plan.textRu, plan.textEn),
    rank: plan.rank,
    ...entitlementOf(plan),
    price: moneyOf(price.priceMinor, currency),
    priceVersion: price.version,
    period: { unit: price.lengthUnit as z.output<typeof periodLength>["unit"], count: price.lengthCount },
    trial: presentTrial(price),
    intro:
      price.introMinor === null || price.introPeriods === null
        ? null
        : { price: moneyOf(price.introMinor, currency), periods: price.introPeriods },
  };
};

const presentTrial = ({
  trialKind,
  trialDays,
  trialCard,
  trialMinor,
  currency,
}: RowOf<"prices">): z.output<typeof trialView> => {
  if (trialDays === null) return { kind: "none" };
  if (trialKind === "paid" && trialMinor !== null)
    return { kind: "paid", days: trialDays, price: moneyOf(trialMinor, currency) };
  return { kind: "free", days: trialDays, card: trialCard === true };
};
