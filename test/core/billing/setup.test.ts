import { expect, test } from "bun:test";
import { setupStream } from "../../../src/core/billing/stream.ts";
import type { SetupId } from "../../../src/core/ids.ts";
import { answered, msk, refusalOf, rub, told } from "../../support/cinema.ts";
import { tellOf } from "../../support/due-work.ts";
import { SOFT } from "../../support/gateway.ts";
import { type House, openHouse, openHouseOfSubscriber } from "../../support/house.ts";

const offersSetup = async ({ anna }: House): Promise<SetupId> =>
  told(await anna.asks({ type: "setup.offer", accountId: anna.accountId, consent: "v1" }))["setupId"] as SetupId;
const factsOf = async ({ store }: House, setupId: SetupId) => {
  const rows = answered(await store.queries.events(setupStream(setupId), 0, 100));
  return rows.map(({ event }) => event.type);
};

test("a card is proved by a small sum that is held and let go; only then it counts", async () => {
  const house = await openHouse();
  const { cinema, gateway, anna } = house;
  const setupId = await offersSetup(house);
  expect((await anna.customer())?.cards).toEqual([]);
  expect((await anna.customer())?.customer.consentText).toBe("v1");
  await cinema.byGateway(tellOf(gateway.hold(setupId, rub(100))));
  expect((await anna.customer())?.cards).toMatchObject([{ status: "active", preferred: true }]);
  expect(await house.dueNow()).toEqual(["void_hold"]);
  await house.does("void_hold");
  expect(gateway.isHeld(setupId)).toBe(false);
  expect([await house.dueNow(), await factsOf(house, setupId)]).toEqual([
    [],
    ["SetupOffered", "CardProved", "VoidAsked", "HoldVoided"],
  ]);
});

test("a void whose answer is lost is looked up; still held, it is asked again", async () => {
  const house = await openHouse({ fates: ["never_arrives", "done_unheard"] });
  const { setupId } = await house.anna.provesCard();
  await house.does("void_hold");
  expect(await house.dueNow()).toEqual(["look_up_hold"]);
  await house.does("look_up_hold");
  expect(await house.dueNow()).toEqual(["void_hold"]);
  await house.does("void_hold");
  await house.does("look_up_hold");
  expect([await house.dueNow(), house.gateway.isHeld(setupId)]).toEqual([[], false]);
});

test("a worker that dies after its claim leaves a void that is looked up after five minutes", async () => {
  const { cinema, anna, dueNow, sleepTo } = await openHouse();
  const { setupId } = await anna.provesCard();
  told(await cinema.bySystem({ type: "setup.ask_void", setupId }));
  expect(refusalOf(await cinema.bySystem({ type: "setup.ask_void", setupId }))["code"]).toBe("void_in_flight");
  sleepTo("2026-01-31 12:04");
  expect(await dueNow()).toEqual([]);
  sleepTo("2026-01-31 12:05");
  expect(await dueNow()).toEqual(["look_up_hold"]);
});

test("declined or left alone for an hour, it is over and the card does not count", async () => {
  const house = await openHouse();
  const { cinema, anna, does, sleepTo, dueNow } = house;
  told(await cinema.byGateway({ type: "setup.decline", setupId: await offersSetup(house) }));
  await offersSetup(house);
  expect(await dueNow()).toEqual([]);
  sleepTo("2026-01-31 13:00");
  await does("expire_setup");
  expect([await dueNow(), (await anna.customer())?.cards]).toEqual([[], []]);
});

test("a wrong sum proves nothing and waits for a person", async () => {
  const house = await openHouse();
  const { cinema, gateway, anna, dueNow } = house;
  const setupId = await offersSetup(house);
  told(await cinema.byGateway(tellOf(gateway.hold(setupId, rub(101)))));
  expect([await dueNow(), (await anna.customer())?.cards]).toEqual([[], []]);
});

test("a new card past due is to be charged at once, and a card in a running subscription renews what lacked one", async () => {
  const pastDue = await openHouseOfSubscriber({ fates: [SOFT] });
  await pastDue.playTo("2026-02-28 13:00");
  await pastDue.anna.provesCard();
  expect((await pastDue.anna.subscription()).nextTryAt).toBe(msk("2026-02-28 13:00"));
  const without = await openHouseOfSubscriber({ card: null });
  await without.anna.provesCard();
  expect((await without.anna.subscription()).renews).toBe(true);
});

test("a hold that comes after the erasure is voided, and its card is kept nowhere", async () => {
  const house = await openHouse();
  const { cinema, gateway, anna, does } = house;
  const setupId = await offersSetup(house);
  await anna.erases();
  told(await cinema.byGateway(tellOf(gateway.hold(setupId, rub(100)))));
  await does("void_hold");
  expect([gateway.isHeld(setupId), (await anna.customer())?.cards]).toEqual([false, []]);
});
