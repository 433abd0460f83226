import fc from "fast-check";
import type { NewPrice } from "../../../src/core/catalog/plan.ts";
import type { PlanCode } from "../../../src/core/ids.ts";
import { MINUTE_MS } from "../../../src/core/time.ts";
import { MONTHLY, rub } from "../../support/cinema.ts";
import { ASK_PAYER, type Fate, HARD, OUTAGE, SOFT } from "../../support/gateway.ts";
import { zone } from "../../support/subscription.ts";
import { weighted } from "../chance.ts";

export const ZONES = ["Europe/Moscow", "Europe/Berlin", "Asia/Vladivostok"].map(zone);
const plan = (code: string, rank: number, over: Partial<NewPrice>) => ({
  code: code as PlanCode,
  rank,
  price: { ...MONTHLY, ...over },
});
const WEEK = { unit: "week", count: 1 } as const;
const YEAR = { unit: "year", count: 1 } as const;
export const PLANS = [
  plan("basic", 1, { price: rub(19_900) }),
  plan("premium", 2, { price: rub(29_900), intro: { price: rub(9900), periods: 2 } }),
  plan("weekly", 1, { price: rub(7000), length: WEEK }),
  plan("gold", 3, { price: rub(12_000), length: WEEK, trial: { kind: "free", days: 3, card: false } }),
  plan("yearly", 2, { price: rub(299_000), length: YEAR }),
  plan("proved", 2, { price: rub(9000), length: WEEK, trial: { kind: "free", days: 7, card: true } }),
  plan("tasted", 2, { price: rub(9000), length: WEEK, trial: { kind: "paid", days: 3, price: rub(100) } }),
  plan("gratis", 1, { price: rub(5000), length: WEEK, intro: { price: rub(0), periods: 1 } }),
] as const;

/** In minutes. */
const DAY = 24 * 60;
const FATES: fc.Arbitrary<Fate> = weighted<Fate>(
  [10, "done"],
  [3, SOFT],
  [2, HARD],
  [1, ASK_PAYER],
  [1, OUTAGE],
  [3, "done_unheard"],
  [3, "never_arrives"],
  [4, "pending"],
  [1, "refused"],
  [1, { unheard: SOFT }],
  [1, { takes: rub(100) }],
  [1, "only_authorised"],
);
/** What chance decides about one step. Small numbers pick among what there is, newest first. */
export const DICE = fc.record({
  who: weighted([5, 0], [2, 1], [1, 2]),
  nth: weighted([6, 0], [3, 1], [1, 2], [1, 5]),
  plan: fc.nat(PLANS.length - 1),
  zone: fc.nat(ZONES.length - 1),
  yes: fc.boolean(),
  sure: weighted([7, true], [1, false]),
  fates: fc.array(FATES, { maxLength: 3 }),
  amount: fc.constantFrom(100, 2500, 10_000, 29_900, 60_000),
  crowd: fc.array(fc.nat(1_000_000), { minLength: 2, maxLength: 6 }),
  days: fc.constantFrom(1, 3, 10, 40, 100),
  waitsMs: fc.constantFrom(
    ...[0, 1, 6, 20, 2 * 60, DAY, DAY, 2 * DAY, 3 * DAY, 7 * DAY, 15 * DAY].map((minutes) => minutes * MINUTE_MS),
  ),
});
export type Dice = typeof DICE extends fc.Arbitrary<infer T> ? T : never;
