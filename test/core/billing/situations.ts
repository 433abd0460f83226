import type { Command } from "../../../src/core/billing/command.ts";
import type { AccountId, PlanCode } from "../../../src/core/ids.ts";
import { MOSCOW, PREMIUM, PRICE, told } from "../../support/cinema.ts";
import { tellOf } from "../../support/due-work.ts";
import type { Fate, Movement } from "../../support/gateway.ts";
import { type House, openHouseOfSubscriber } from "../../support/house.ts";

type Start = Extract<Command, { readonly type: "subscription.start" }>;
export const startOf = (accountId: AccountId, plan: PlanCode = PREMIUM): Start => ({
  type: "subscription.start",
  accountId,
  plan,
  zone: MOSCOW,
  consent: null,
});

/** Anna, who has started, pays twice in one widget, and the gateway tells of both. The second, which is extra. */
export const paysTwice = async ({ cinema, gateway, anna }: House): Promise<Movement> => {
  const attemptId = await anna.opensWidget();
  const [first, second] = [gateway.take(attemptId, PRICE), gateway.take(attemptId, PRICE)];
  for (const taken of [first, second]) told(await cinema.byGateway(tellOf(taken)));
  return second;
};

/** Anna's first boundary comes, on 28 February at noon, and her renewal is invoiced; the notice of it was given in time. */
export const passesB1 = async (house: House): Promise<void> => {
  await house.playTo("2026-02-28 11:59");
  house.sleepTo("2026-02-28 12:00");
  await house.does("pass_boundary");
};
/**
 * A subscriber whose renewal has just been invoiced.
 * @param fates what befalls the first requests to the gateway; the rest go well
 */
export const invoiced = async (...fates: readonly Fate[]): Promise<House> => {
  const house = await openHouseOfSubscriber({ fates });
  await passesB1(house);
  return house;
};
/** A subscriber whose renewal has just been charged, at the boundary, with what befell the request. */
export const charged = async (...fates: readonly Fate[]): Promise<House> => {
  const house = await invoiced(...fates);
  await house.does("charge_renewal");
  return house;
};
