import { describe, expect, test } from "bun:test";
import type { DueKind } from "../../../src/core/billing/read-model.ts";
import { plusMs } from "../../../src/core/time.ts";
import { DUE_KINDS, msk, rub, told } from "../../support/cinema.ts";
import { tellOf } from "../../support/due-work.ts";
import { type Fate, SOFT } from "../../support/gateway.ts";
import { type House, openHouse, openHouseOfSubscriber } from "../../support/house.ts";
import { charged, invoiced } from "./situations.ts";

/** An offer that a payer has opened. */
const offered = async (): Promise<House> => {
  const house = await openHouse();
  await house.anna.starts();
  await house.anna.opensWidget();
  return house;
};
const refunding = async (...fates: readonly Fate[]): Promise<House> => {
  const house = await openHouseOfSubscriber({ fates });
  told(await house.anna.isRefunded("t1", rub(100)));
  return house;
};

/** For each kind of work: what brings it about, and the wall clock at which it falls due. */
const STORIES: Readonly<
  Record<Exclude<DueKind, "give_up_waiting">, { readonly story: () => Promise<House>; readonly at: string }>
> = {
  end_offer: { story: offered, at: "2026-01-31 13:00" },
  expire_invoice: { story: offered, at: "2026-02-01 12:00" },
  look_up_payment: { story: () => charged("pending"), at: "2026-02-28 12:05" },
  send_refund: { story: () => refunding(), at: "2026-01-31 12:00" },
  look_up_refund: {
    story: async () => {
      const house = await refunding("pending");
      await house.does("send_refund");
      return house;
    },
    at: "2026-01-31 12:05",
  },
  pass_boundary: { story: () => openHouseOfSubscriber(), at: "2026-02-28 12:00" },
  charge_renewal: { story: () => charged(SOFT), at: "2026-03-01 12:00" },
  close_dunning: { story: () => charged({ kind: "hard", reason: "card_expired" }), at: "2026-03-07 12:00" },
  resume: {
    story: async () => {
      const house = await openHouseOfSubscriber();
      told(await house.anna.pauses("now", "2026-02-10"));
      return house;
    },
    at: "2026-02-10 00:00",
  },
  give_notice: { story: () => openHouseOfSubscriber(), at: "2026-02-25 11:00" },
  void_hold: {
    story: async () => {
      const house = await openHouse();
      await house.anna.provesCard();
      return house;
    },
    at: "2026-01-31 12:00",
  },
  look_up_hold: {
    story: async () => {
      const house = await openHouse();
      const { setupId } = await house.anna.provesCard();
      told(await house.cinema.bySystem({ type: "setup.ask_void", setupId }));
      house.gateway.void(setupId);
      return house;
    },
    at: "2026-01-31 12:05",
  },
  expire_setup: {
    story: async () => {
      const house = await openHouse();
      told(await house.anna.asks({ type: "setup.offer", accountId: house.anna.accountId, consent: "v1" }));
      return house;
    },
    at: "2026-01-31 13:00",
  },
};

describe("work falls due at its instant and is gone when it is done", () => {
  test.each(Object.entries(STORIES))("%s", async (kind, { story, at }) => {
    const house = await story();
    const isDue = async () => (await house.dueNow()).includes(kind);
    if (house.cinema.at() < msk(at)) {
      house.cinema.moveTo(plusMs(msk(at), -1));
      expect(await isDue()).toBe(false);
      house.sleepTo(at);
    }
    expect(await isDue()).toBe(true);
    await house.does(kind as DueKind);
    expect(await isDue()).toBe(false);
  });

  test("give_up_waiting falls due after 24 hours, and is gone when the answer is known", async () => {
    const house = await charged("pending");
    expect((await house.anna.waitsFor())["give_up_waiting"]).toBe(msk("2026-03-01 12:00"));
    house.sleepTo("2026-03-01 12:00");
    await house.does("give_up_waiting");
    await house.does("look_up_payment");
    expect((await house.anna.waitsFor())["give_up_waiting"]).toBeUndefined();
  });

  test("nobody gives up waiting for a charge whose invoice another attempt has paid; it is looked up to its end", async () => {
    const house = await invoiced("pending");
    const offer = await house.anna.opensWidget();
    const taken = house.gateway.take(offer, await house.anna.dueOf(await house.anna.invoiceId()));
    await house.does("charge_renewal");
    expect(await house.anna.waitsFor()).toHaveProperty("give_up_waiting");
    told(await house.cinema.byGateway(tellOf(taken)));
    const waits = await house.anna.waitsFor();
    expect(waits).not.toHaveProperty("give_up_waiting");
    expect(waits).toHaveProperty("look_up_payment");
  });

  test("each kind has its story", () => {
    expect([...Object.keys(STORIES), "give_up_waiting"].sort()).toEqual([...DUE_KINDS].sort());
  });
});

test("work names what it is about, the stream that it belongs to and whose it is", async () => {
  const { cinema, anna } = await openHouseOfSubscriber();
  const subscriptionId = await anna.subscriptionId();
  const stream = `subscription/${subscriptionId}` as const;
  const about = { subject: subscriptionId, stream, accountId: anna.accountId };
  expect(await cinema.waiting()).toMatchObject([
    { kind: "give_notice", ...about },
    { kind: "pass_boundary", ...about },
  ]);
});

test("who has ended waits for nothing", async () => {
  const { anna, playTo } = await openHouseOfSubscriber();
  await anna.cancels();
  await playTo("2026-01-31 13:00");
  expect(await anna.waitsFor()).toEqual({});
});
