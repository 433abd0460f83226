import type { Executed } from "../../src/core/billing/billing.ts";
import type { DueKind } from "../../src/core/billing/read-model.ts";
import type { NewPrice } from "../../src/core/catalog/plan.ts";
import type { PlanCode } from "../../src/core/ids.ts";
import { openStore } from "./billing-store.ts";
import { BASIC, MONTHLY, msk, openCinema, PREMIUM, rub } from "./cinema.ts";
import { doWork, playTo } from "./due-work.ts";
import { type Fate, openGateway } from "./gateway.ts";
import { type Viewer, viewerOf } from "./viewer.ts";

export const YEARLY = "yearly" as PlanCode;
export const BASIC_PRICE = rub(19_900);
export const YEARLY_PRICE = rub(299_000);

/** Stories begin on 31 January at noon in Moscow; these are the boundaries of a monthly plan. */
export const B1 = msk("2026-02-28 12:00");
export const B2 = msk("2026-03-31 12:00");

/**
 * A cinema with three plans (basic and premium by the month, yearly above both), a gateway and two viewers.
 * @param premium what differs in the price of premium
 * @param fates what befalls the first requests to the gateway; the rest go well
 */
export const openHouse = async ({
  premium = {},
  fates = [],
}: {
  readonly premium?: Partial<NewPrice>;
  readonly fates?: readonly Fate[];
} = {}) => {
  const store = await openStore();
  const cinema = openCinema(store);
  const gateway = openGateway([...fates]);
  await cinema.sell(BASIC, { ...MONTHLY, price: BASIC_PRICE }, 1);
  await cinema.sell(PREMIUM, { ...MONTHLY, ...premium }, 2);
  await cinema.sell(YEARLY, { ...MONTHLY, price: YEARLY_PRICE, length: { unit: "year", count: 1 } }, 3);
  return {
    cinema,
    gateway,
    store,
    anna: viewerOf(cinema, gateway, "anna"),
    boris: viewerOf(cinema, gateway, "boris"),
    /** Time goes on to a wall clock in Moscow, and all that falls due meanwhile is done. */
    playTo: (wall: string) => playTo(cinema, gateway, msk(wall)),
    /** Time goes on, and the sweeps stand still. */
    sleepTo: (wall: string) => cinema.moveTo(msk(wall)),
    /** Does the work of a kind that is due now, once. */
    does: async (kind: DueKind): Promise<Executed> => {
      const row = (await cinema.dueNow()).find((one) => one.kind === kind);
      if (row === undefined) throw new Error(`no ${kind} is due`);
      return doWork(cinema, gateway, row);
    },
    /** Kinds of the work that is due now. */
    dueNow: async () => (await cinema.dueNow()).map(({ kind }) => kind),
  };
};
export type House = Awaited<ReturnType<typeof openHouse>>;

/** A viewer who has subscribed to premium and paid; with a card, as a rule, and consent to automatic renewal. */
export const openHouseOfSubscriber = async (
  options: Parameters<typeof openHouse>[0] & { readonly card?: string | null } = {},
): Promise<House> => {
  const { card = "visa", ...rest } = options;
  const house = await openHouse(rest);
  await subscribes(house.anna, card);
  return house;
};
export const subscribes = async (
  viewer: Viewer,
  card: string | null = "visa",
  plan: PlanCode = PREMIUM,
): Promise<void> => {
  await viewer.starts({ plan, consent: card === null ? null : "v1" });
  if ((await viewer.status()) === "incomplete") await viewer.pays(card === null ? {} : { card });
};
