import { describe, expect, test } from "bun:test";
import type { Actor } from "../../../src/core/actor.ts";
import {
  currentPrice,
  decide,
  evolve,
  initial,
  type NewPrice,
  type Plan,
  type PlanCommand,
  type PlanDescription,
  type PlanEvent,
  type PlanRefusal,
  type PriceFault,
  termsOf,
} from "../../../src/core/catalog/plan.ts";
import { currencyOf, priceOfPeriod, sameLength } from "../../../src/core/catalog/terms.ts";
import type { PlanCode } from "../../../src/core/ids.ts";
import { type Money, money } from "../../../src/core/money.ts";
import { Bug } from "../../../src/core/result.ts";
import { HOUR_MS, instantOf, plusMs } from "../../../src/core/time.ts";

const rub = (roubles: number): Money => money(BigInt(Math.round(roubles * 100)), "RUB");
const usd = (dollars: number): Money => money(BigInt(Math.round(dollars * 100)), "USD");
const at = instantOf(Date.UTC(2026, 2, 2, 9));
const later = plusMs(at, HOUR_MS);
const MANAGER: Actor = { kind: "staff", name: "st-7", role: "manager" };
const by = { at, actor: MANAGER } as const;

const CODE = "premium" as PlanCode;
const DESCRIPTION: PlanDescription = {
  title: { ru: "Премиум", en: "Premium" },
  text: { ru: "Всё кино", en: "All films" },
  entitlement: { tier: 2, quality: "uhd", streams: 4 },
  rank: 3,
};
const price = (over: Partial<NewPrice> = {}): NewPrice => ({
  price: rub(299),
  length: { unit: "month", count: 1 },
  trial: { kind: "none" },
  intro: null,
  receipt: { vat: "20", object: 4, method: 4 },
  ...over,
});
const RAISED = price({ price: rub(399) });
const IN_DOLLARS = price({ price: usd(5) });
const DESCRIBED_ANEW: PlanDescription = { ...DESCRIPTION, rank: 4 };

const create = (own: NewPrice = price()): PlanCommand => ({
  type: "CreatePlan",
  code: CODE,
  description: DESCRIPTION,
  price: own,
  ...by,
});
const describeAs = (description: PlanDescription): PlanCommand => ({ type: "DescribePlan", description, ...by });
const setPrice = (own: NewPrice): PlanCommand => ({ type: "SetPrice", price: own, ...by });
const archive: PlanCommand = { type: "ArchivePlan", ...by };
const restore: PlanCommand = { type: "RestorePlan", ...by };

const played = (...commands: readonly PlanCommand[]): Plan =>
  commands.reduce<Plan>((state, command) => {
    const decision = decide(command, state);
    if (!decision.ok) throw new Bug(`${command.type} was refused on the way: ${decision.error.code}`);
    return decision.value.reduce(evolve, state);
  }, initial);
const known = (...commands: readonly PlanCommand[]): Exclude<Plan, { status: "absent" }> => {
  const plan = played(...commands);
  if (plan.status === "absent") throw new Bug("a test plays a plan that is there");
  return plan;
};

type Status = Plan["status"];
type Outcome = "nothing new" | `refused: ${PlanRefusal["code"]}` | PlanEvent["type"];
const STATES: Readonly<Record<Status, Plan>> = {
  absent: initial,
  on_sale: played(create()),
  archived: played(create(), archive),
};
const [NONE, EXISTS, INVALID, DIFFERS, NOTHING] = [
  "refused: plan_not_found",
  "refused: plan_exists",
  "refused: price_invalid",
  "refused: currency_differs",
  "nothing new",
] as const;

/** One order of a manager, and what each state of the plan answers. */
type Row = readonly [order: PlanCommand, absent: Outcome, onSale: Outcome, archived: Outcome];
// biome-ignore format: it is a table
const TABLE: Readonly<Record<string, Row>> = {
  //                                                                  absent         on sale          archived
  "create":                      [create(),                           "PlanCreated", EXISTS,          EXISTS],
  "create with a faulty price":  [create(price({ price: rub(0) })),   INVALID,       EXISTS,          EXISTS],
  "describe anew":               [describeAs(DESCRIBED_ANEW),         NONE,          "PlanDescribed", "PlanDescribed"],
  "describe as it is":           [describeAs(DESCRIPTION),            NONE,          NOTHING,         NOTHING],
  "another price":               [setPrice(RAISED),                   NONE,          "PriceSet",      "PriceSet"],
  "the same price":              [setPrice(price()),                  NONE,          NOTHING,         NOTHING],
  "a price in another currency": [setPrice(IN_DOLLARS),               NONE,          DIFFERS,         DIFFERS],
  "a faulty price":              [setPrice(price({ price: rub(0) })), NONE,          INVALID,         INVALID],
  "archive":                     [archive,                            NONE,          "PlanArchived",  NOTHING],
  "restore":                     [restore,                            NONE,          NOTHING,         "PlanRestored"],
};
/** Does not compile when a command is missing; a row for each is asked for below. */
const COMMANDS: Readonly<Record<PlanCommand["type"], true>> = {
  CreatePlan: true,
  DescribePlan: true,
  SetPrice: true,
  ArchivePlan: true,
  RestorePlan: true,
};

describe("the plan's table", () => {
  test.each(Object.entries(TABLE))("%s", (_, [order, ...cells]) => {
    const { absent, on_sale, archived } = STATES;
    expect([absent, on_sale, archived].map((state) => outcomeOf(order, state))).toEqual(cells);
  });

  test("has a row for each command", () => {
    const rows = new Set(Object.values(TABLE).map(([order]) => order.type));
    expect([...rows].sort()).toEqual((Object.keys(COMMANDS) as PlanCommand["type"][]).sort());
  });

  test("told again, each order changes nothing more", () => {
    for (const [order] of Object.values(TABLE)) {
      for (const state of Object.values(STATES)) {
        const decision = decide(order, state);
        if (!decision.ok || order.type === "CreatePlan") continue;
        expect(decide(order, decision.value.reduce(evolve, state))).toEqual({ ok: true, value: [] });
      }
    }
  });
});

const outcomeOf = (command: PlanCommand, state: Plan): Outcome => {
  const decision = decide(command, state);
  if (!decision.ok) return `refused: ${decision.error.code}`;
  expect(decision.value.length).toBeLessThanOrEqual(1);
  const [event] = decision.value;
  if (event === undefined) return "nothing new";
  expect([event.at, event.actor]).toEqual([command.at, command.actor]);
  return event.type;
};

describe("a price", () => {
  const free = (days: number): NewPrice["trial"] => ({ kind: "free", days, card: false });
  const paid = (own: Money, days = 14): NewPrice["trial"] => ({ kind: "paid", days, price: own });
  const intro = (own: Money, periods = 3): NewPrice["intro"] => ({ price: own, periods });
  const FAULTS: Readonly<Record<PriceFault, readonly Partial<NewPrice>[]>> = {
    price_not_positive: [{ price: rub(0) }, { price: rub(-1) }],
    length_not_positive: [0, -1, 0.5, Number.NaN].map((count) => ({ length: { unit: "month", count } })),
    trial_without_days: [{ trial: free(0) }, { trial: free(-1) }, { trial: free(1.5) }, { trial: paid(rub(1), 0) }],
    trial_price_not_positive: [{ trial: paid(rub(0)) }, { trial: paid(rub(-1)) }],
    intro_not_below_price: [{ intro: intro(rub(299)) }, { intro: intro(rub(300)) }, { intro: intro(rub(-1)) }],
    intro_without_periods: [
      { intro: intro(rub(99), 0) },
      { intro: intro(rub(99), -1) },
      { intro: intro(rub(99), 0.5) },
    ],
    currencies_differ: [{ intro: intro(usd(1)) }, { trial: paid(usd(1)) }],
  };
  test.each(Object.entries(FAULTS))("with the fault %s is refused, at the start and later", (reason, faulty) => {
    const error = { code: "price_invalid", reason: reason as PriceFault } as const;
    for (const over of faulty) {
      expect(decide(create(price(over)), initial)).toEqual({ ok: false, error });
      expect(decide(setPrice(price(over)), STATES.on_sale)).toEqual({ ok: false, error });
    }
  });

  test("at the edge of each fault is taken", () => {
    const sound: readonly Partial<NewPrice>[] = [
      { price: rub(0.01) },
      { length: { unit: "day", count: 1 } },
      { length: { unit: "year", count: 10 } },
      { trial: free(1) },
      { trial: paid(rub(0.01), 1) },
      { trial: paid(rub(1_000)) },
      { intro: intro(rub(298.99), 1) },
      { intro: intro(rub(0)) },
    ];
    for (const over of sound) expect(outcomeOf(create(price(over)), initial)).toBe("PlanCreated");
  });

  test("in another currency is another plan, and the refusal names the plan's own", () => {
    expect(decide(setPrice(IN_DOLLARS), STATES.on_sale)).toEqual({
      ok: false,
      error: { code: "currency_differs", expected: "RUB" },
    });
  });

  test("that differs in anything is a new version, and the same again is none", () => {
    const others: readonly Partial<NewPrice>[] = [
      { price: rub(298.99) },
      { length: { unit: "month", count: 2 } },
      { length: { unit: "week", count: 1 } },
      { trial: free(7) },
      { trial: { kind: "free", days: 7, card: true } },
      { intro: intro(rub(99)) },
      { receipt: { vat: "22", object: 4, method: 4 } },
      { receipt: { vat: "20", object: 4, method: 1 } },
    ];
    for (const over of others) {
      expect(outcomeOf(setPrice(price(over)), STATES.on_sale)).toBe("PriceSet");
      expect(outcomeOf(setPrice(price(over)), played(create(), setPrice(price(over))))).toBe("nothing new");
    }
    const sameInAnotherOrder = Object.fromEntries(Object.entries(price()).reverse()) as unknown as NewPrice;
    expect(outcomeOf(setPrice(sameInAnotherOrder), STATES.on_sale)).toBe("nothing new");
  });

  test("that was sold before is a new version again, for only the newest is sold", () => {
    const plan = known(create(), setPrice(RAISED), setPrice(price()));
    expect(plan.prices.map(({ version, price: own }) => [version, own])).toEqual([
      [1, rub(299)],
      [2, rub(399)],
      [3, rub(299)],
    ]);
    expect(currentPrice(plan).version).toBe(3);
  });

  test("of an archived plan may be set, for those who still have the plan, and sells nothing", () => {
    const plan = known(create(), archive, setPrice(RAISED));
    expect([plan.status, currentPrice(plan).version]).toEqual(["archived", 2]);
    expect(known(create(), archive, setPrice(RAISED), restore).status).toBe("on_sale");
  });
});

describe("terms", () => {
  test("are the newest price with the plan's rank and what it lets one watch", () => {
    const trial = { kind: "free", days: 7, card: true } as const;
    const own = price({ price: rub(399), trial, intro: { price: rub(99), periods: 2 } });
    expect(termsOf(known(create(), setPrice(own)))).toEqual({
      plan: CODE,
      priceVersion: 2,
      price: rub(399),
      length: { unit: "month", count: 1 },
      trial,
      intro: { price: rub(99), periods: 2 },
      rank: 3,
      entitlement: { tier: 2, quality: "uhd", streams: 4 },
    });
  });

  test("that were agreed to stay as they are, whatever becomes of the plan", () => {
    const agreed = termsOf(known(create()));
    const copy = structuredClone(agreed);
    const changed = known(create(), setPrice(RAISED), describeAs(DESCRIBED_ANEW), archive);
    expect(agreed).toEqual(copy);
    expect(termsOf(changed)).toEqual({ ...copy, priceVersion: 2, price: rub(399), rank: 4 });
  });

  test("say the price of each paid period: the first ones are cheaper, and then never again", () => {
    const agreed = termsOf(known(create(price({ intro: { price: rub(99), periods: 2 } }))));
    expect([1, 2, 3, 100].map((period) => priceOfPeriod(agreed, period))).toEqual([
      rub(99),
      rub(99),
      rub(299),
      rub(299),
    ]);
    expect(priceOfPeriod(termsOf(known(create())), 1)).toEqual(rub(299));
    expect(currencyOf(agreed)).toBe("RUB");
  });

  test("have the same length only when unit and count are the same: a year is not twelve months", () => {
    const [month, twelve, year] = [
      { unit: "month", count: 1 },
      { unit: "month", count: 12 },
      { unit: "year", count: 1 },
    ] as const;
    expect([sameLength(month, { ...month }), sameLength(month, twelve), sameLength(twelve, year)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe("a plan's log", () => {
  test("names who did what, and when", () => {
    const event: PlanEvent = { type: "PriceSet", price: { ...RAISED, version: 2 }, at: later, actor: MANAGER };
    expect(decide({ type: "SetPrice", price: RAISED, at: later, actor: MANAGER }, STATES.on_sale)).toEqual({
      ok: true,
      value: [event],
    });
  });

  test("that is corrupt is a bug, never a guess", () => {
    const created: PlanEvent = {
      type: "PlanCreated",
      code: CODE,
      description: DESCRIPTION,
      price: { ...price(), version: 1 },
      ...by,
    };
    const skipping: PlanEvent = { type: "PriceSet", price: { ...RAISED, version: 3 }, ...by };
    expect(() => evolve(STATES.on_sale, created)).toThrow(Bug);
    expect(() => evolve(STATES.on_sale, skipping)).toThrow(Bug);
    for (const type of ["PlanArchived", "PlanRestored"] as const)
      expect(() => evolve(initial, { type, ...by })).toThrow(Bug);
  });
});
