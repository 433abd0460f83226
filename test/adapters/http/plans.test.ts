import { expect, test } from "bun:test";
import { openMemory } from "../../../src/adapters/memory/store.ts";
import type { PlanCode } from "../../../src/core/ids.ts";
import { err } from "../../../src/core/result.ts";
import { MONTHLY, PREMIUM, rub } from "../../support/cinema.ts";
import { openBoxOffice, problemIn } from "./support/box-office.ts";

const PLANS = "/subscriptions/api/v1/plans";

test("what is on sale is shown to everybody, by rank, in the language asked for", async () => {
  const office = await openBoxOffice();
  const { json } = await office.ask("GET", PLANS, { headers: { "accept-language": "ru" } });
  expect(json.plans.map(({ code }: { code: string }) => code)).toEqual(["basic", "premium"]);
  expect(json.plans[1]).toEqual({
    code: "premium",
    title: "Премиум",
    text: "Всё кино",
    rank: 2,
    tier: 2,
    quality: "uhd",
    streams: 2,
    price: { amount: "299.00", currency: "RUB" },
    priceVersion: 1,
    period: { unit: "month", count: 1 },
    trial: { kind: "none" },
    intro: null,
  });
  expect(json.renewalConsent).toEqual({ version: "v1", text: expect.stringContaining("автоматическое продление") });
});

test.each([
  [
    { kind: "free", days: 7, card: false },
    { kind: "free", days: 7, card: false },
  ],
  [
    { kind: "free", days: 7, card: true },
    { kind: "free", days: 7, card: true },
  ],
  [
    { kind: "paid", days: 3, price: rub(100) },
    { kind: "paid", days: 3, price: { amount: "1.00", currency: "RUB" } },
  ],
] as const)("a plan shows its trial %p", async (trial, shown) => {
  const office = await openBoxOffice();
  await office.cinema.sell("trial" as PlanCode, { ...MONTHLY, trial, intro: { price: rub(9_900), periods: 2 } }, 3);
  const { json } = await office.ask("GET", `${PLANS}/trial`);
  expect(json).toMatchObject({ trial: shown, intro: { price: { amount: "99.00", currency: "RUB" }, periods: 2 } });
});

test("the newest price is the one that is shown", async () => {
  const office = await openBoxOffice();
  await office.cinema.byStaff({ type: "plan.set_price", plan: PREMIUM, price: { ...MONTHLY, price: rub(39_900) } });
  expect((await office.ask("GET", `${PLANS}/premium`)).json).toMatchObject({
    priceVersion: 2,
    price: { amount: "399.00" },
  });
});

test("a plan that is not on sale, or is none, is not found", async () => {
  const office = await openBoxOffice();
  await office.cinema.byStaff({ type: "plan.archive", plan: PREMIUM });
  expect((await office.ask("GET", PLANS)).json.plans).toHaveLength(1);
  expect(problemIn(await office.ask("GET", `${PLANS}/premium`)).code).toBe("plan_not_found");
  expect(problemIn(await office.ask("GET", `${PLANS}/nothing`)).code).toBe("plan_not_found");
  expect(problemIn(await office.ask("GET", `${PLANS}/%00`)).code).toBe("not_found");
});

test("while the database is away one is told to come back", async () => {
  const fault = async () => err({ code: "storage_unavailable", detail: "hunter2 was refused" } as const);
  const office = await openBoxOffice({ queries: { ...openMemory().queries, plans: fault, plan: fault } });
  for (const path of [PLANS, `${PLANS}/premium`]) {
    const answer = await office.ask("GET", path);
    expect([problemIn(answer).code, answer.headers.get("retry-after")]).toEqual(["storage_unavailable", "1"]);
    expect(answer.text).not.toContain("hunter2");
  }
});
