import { describe, expect, test } from "bun:test";
import { idOfFact } from "../../../src/adapters/wire/cloud-events.ts";
import type { TransactionId } from "../../../src/core/ids.ts";
import type { Fact } from "../../../src/core/ports/outbox.ts";
import type { Report } from "../../../src/core/ports/reports.ts";
import { err, ok } from "../../../src/core/result.ts";
import { DAY_MS, HOUR_MS, type Instant, plusMs, SECOND_MS } from "../../../src/core/time.ts";
import { type RelayPorts, relaying } from "../../../src/core/work/relay.ts";
import { sweep } from "../../../src/core/work/sweep.ts";
import { WORK_KINDS } from "../../../src/core/work/work.ts";
import { answered, PRICE, rub } from "../../support/cinema.ts";
import { type Opened, openShop, paid, refunded, type Shop } from "../../support/shop.ts";

/** A relay of this shop's over a bus that writes down what it is brought. */
const relayOf = ({ store, now }: Pick<Shop, "store" | "now">, over: Partial<RelayPorts> = {}) => {
  const [heard, beats, reports]: [Fact[], Instant[], Report[]] = [[], [], []];
  const bus: RelayPorts["bus"] = {
    publish: async (facts) => {
      heard.push(...facts);
      return ok(null);
    },
    beat: async (at) => {
      beats.push(at);
      return ok(null);
    },
  };
  const report = (one: Report): void => void reports.push(one);
  const { step } = relaying({ outbox: store.outbox, bus, reports: report, now, ...over });
  return { heard, beats, reports, bus, step };
};
const unrelayed = async ({ store }: Shop) => answered(await store.outbox.unrelayed(1000)).length;
/** More than two batches. @returns their ids, in the order in which they are to be brought */
const leaveBacklog = async (shop: Shop): Promise<readonly string[]> => {
  for (let i = 0; ; i += 1) {
    await shop.opensWidget(`viewer ${i}`);
    const waiting = answered(await shop.store.outbox.unrelayed(2000));
    if (waiting.length > 1000) return waiting.map(idOfFact);
  }
};
const storageAway = async () => err({ code: "storage_unavailable", detail: "" } as const);
const busAway = async () => err({ code: "bus_unavailable", detail: "" } as const);

describe("The relay", () => {
  test("brings every committed fact to the bus, of one stream in its order, and marks it", async () => {
    const shop = await openShop();
    await shop.opensWidget();
    const { heard, step } = relayOf(shop);
    await step();
    for (const stream of new Set(heard.map((message) => message.stream))) {
      const versions = heard.filter((message) => message.stream === stream).map(({ version }) => version);
      expect(versions).toEqual(versions.map((_, i) => i + 1));
    }
    expect(heard.map(({ event }) => event.type)).toContain("OfferMade");
    expect(await unrelayed(shop)).toBe(0);
  });

  test("brings nothing twice when nothing went wrong", async () => {
    const shop = await openShop();
    await shop.opensWidget();
    const { heard, step } = relayOf(shop);
    await step();
    const first = heard.length;
    expect(first).toBeGreaterThan(0);
    await step();
    expect(heard).toHaveLength(first);
  });

  test("marks nothing that the bus did not take, and brings it again", async () => {
    const shop = await openShop();
    await shop.opensWidget();
    const before = await unrelayed(shop);
    expect(before).toBeGreaterThan(0);
    const { bus } = relayOf(shop);
    await relayOf(shop, { bus: { ...bus, publish: busAway } }).step();
    expect(await unrelayed(shop)).toBe(before);
    const { heard, step } = relayOf(shop);
    await step();
    expect(heard).toHaveLength(before);
  });

  test("brings a backlog in one step, the next batch when the one before has arrived, each fact once", async () => {
    const shop = await openShop();
    const backlog = await leaveBacklog(shop);
    const { heard, bus } = relayOf(shop);
    const open: number[] = [];
    const slow: RelayPorts["bus"]["publish"] = async (facts) => {
      open.push(facts.length);
      await Bun.sleep(1);
      const published = await bus.publish(facts);
      expect(open.splice(0)).toEqual([facts.length]);
      return published;
    };
    expect(await relayOf(shop, { bus: { ...bus, publish: slow } }).step()).toBe(false);
    expect(heard.map(idOfFact)).toEqual([...backlog]);
    expect(await unrelayed(shop)).toBe(0);
  });

  test("sends no batch behind one that the bus did not take, and marks those before it", async () => {
    const shop = await openShop();
    const backlog = await leaveBacklog(shop);
    const { heard, bus, step } = relayOf(shop);
    let left = 1;
    const once: RelayPorts["bus"]["publish"] = (facts) => (left-- > 0 ? bus.publish(facts) : busAway());
    expect(await relayOf(shop, { bus: { ...bus, publish: once } }).step()).toBe(false);
    const first = heard.length;
    expect(await unrelayed(shop)).toBe(backlog.length - first);
    await step();
    expect(heard.map(idOfFact)).toEqual([...backlog]);
  });

  test("that dies between bus and mark brings it again: lost is worse than twice", async () => {
    const shop = await openShop();
    await shop.opensWidget();
    const { heard, bus, step } = relayOf(shop);
    await relayOf(shop, { bus, outbox: { ...shop.store.outbox, relayed: storageAway } }).step();
    const first = heard.length;
    expect(first).toBeGreaterThan(0);
    await step();
    expect(heard).toHaveLength(2 * first);
  });
});

describe("The relay's beat", () => {
  test("says that all is brought that was committed before the outbox was read", async () => {
    const shop = await openShop();
    await shop.opensWidget();
    const began = shop.now();
    const { heard, beats, bus } = relayOf(shop);
    const order: string[] = [];
    const slow: RelayPorts = {
      outbox: {
        ...shop.store.outbox,
        unrelayed: async (limit) => {
          const read = await shop.store.outbox.unrelayed(limit);
          shop.wait(3 * SECOND_MS);
          return read;
        },
      },
      bus: {
        publish: (facts) => {
          order.push("facts");
          return bus.publish(facts);
        },
        beat: (at) => {
          order.push("beat");
          return bus.beat(at);
        },
      },
      reports: () => undefined,
      now: shop.now,
    };
    await relaying(slow).step();
    expect(heard.length).toBeGreaterThan(0);
    expect(beats).toEqual([began]);
    expect(order).toEqual(["facts", "beat"]);
  });

  test("comes each five seconds, also when there is nothing to bring", async () => {
    const shop = await openShop();
    const { beats, step } = relayOf(shop);
    const began = shop.now();
    for (let n = 0; n < 12; n += 1) {
      await step();
      shop.wait(SECOND_MS);
    }
    expect(beats).toEqual([0, 5, 10].map((seconds) => plusMs(began, seconds * SECOND_MS)));
  });

  test("does not come while there may be more, nor when it is not known what was brought", async () => {
    const shop = await openShop();
    await shop.opensWidget();
    const { beats, bus, step } = relayOf(shop);
    const { outbox } = shop.store;
    const [fact] = answered(await outbox.unrelayed(1));
    if (fact === undefined) throw new Error("something was committed");
    const endless: RelayPorts["outbox"] = {
      unrelayed: async (limit) => ok(Array.from({ length: limit }, () => fact)),
      relayed: async () => ok(null),
    };
    expect(await relayOf(shop, { bus, outbox: endless }).step()).toBe(true);
    await relayOf(shop, { bus, outbox: { ...outbox, unrelayed: storageAway } }).step();
    await relayOf(shop, { bus, outbox: { ...outbox, relayed: storageAway } }).step();
    await relayOf(shop, { bus: { ...bus, publish: busAway } }).step();
    expect(beats).toEqual([]);
    expect(await step()).toBe(false);
    expect(beats).toHaveLength(1);
  });

  test("is said again at once when the bus did not take it, and when the clock was set back", async () => {
    const shop = await openShop();
    const { bus } = relayOf(shop);
    const beats: Instant[] = [];
    let isAway = true;
    const beat: RelayPorts["bus"]["beat"] = (at) => {
      beats.push(at);
      return isAway ? busAway() : bus.beat(at);
    };
    const { step } = relayOf(shop, { bus: { ...bus, beat } });
    await step();
    await step();
    expect(beats).toHaveLength(2);
    isAway = false;
    await step();
    await step();
    expect(beats).toHaveLength(3);
    shop.wait(-HOUR_MS);
    await step();
    expect(beats).toHaveLength(4);
  });
});

describe("The sweep", () => {
  test("leaves a task for every due row, however many there are", async () => {
    const shop = await openShop();
    for (let i = 0; i < 600; i += 1) await shop.opensWidget(`viewer ${i}`);
    const added: string[] = [];
    const tasks = {
      add: async (rows: readonly { readonly subject: string }[]) => {
        added.push(...rows.map(({ subject }) => subject));
        return ok(null);
      },
    };
    const { queries } = shop.store;
    await sweep({ queries, tasks }, WORK_KINDS, shop.now());
    expect(added).toEqual([]);
    await sweep({ queries, tasks }, WORK_KINDS, plusMs(shop.now(), DAY_MS));
    expect(new Set(added).size).toBe(1200); // Of each viewer the offer and the invoice.
    expect(added).toHaveLength(1200);
  });

  test("ends when the database does not answer", async () => {
    const queries = { due: async () => err({ code: "storage_unavailable", detail: "" } as const) };
    const shop = await openShop();
    let added = 0;
    const tasks = {
      add: async () => {
        added += 1;
        return ok(null);
      },
    };
    await sweep({ queries, tasks }, WORK_KINDS, shop.now());
    expect(added).toBe(0);
  });
});

describe("A person is told of", () => {
  const afterStory = async (story: (shop: Shop, opened: Opened) => Promise<unknown>): Promise<Shop> => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await story(shop, opened);
    await shop.settle();
    return shop;
  };
  const alarmsAfter = async (story: (shop: Shop, opened: Opened) => Promise<unknown>): Promise<readonly string[]> => {
    const { reports, step } = relayOf(await afterStory(story));
    await step();
    await step();
    return reports.map(({ what }) => what);
  };
  const paysTooLittle = (shop: Shop, opened: Opened) => shop.tell(paid(opened, { amount: rub(1) }));

  test("a payment that does not fit, once", async () => {
    expect(await alarmsAfter(paysTooLittle)).toEqual(["payment_mismatched"]);
  });

  test("it again when the mark was lost, and not before the bus has it", async () => {
    const shop = await afterStory(paysTooLittle);
    const { reports, bus, step } = relayOf(shop);
    const report = (one: Report): void => void reports.push(one);
    await relayOf(shop, { reports: report, bus: { ...bus, publish: busAway } }).step();
    expect(reports).toEqual([]);
    await relayOf(shop, { reports: report, outbox: { ...shop.store.outbox, relayed: storageAway } }).step();
    expect(reports).toHaveLength(1);
    await step();
    expect(reports).toHaveLength(2);
  });

  test("a payment that we had been told was declined", async () => {
    const alarms = await alarmsAfter(async (shop, opened) => {
      const decline = { kind: "hard", reason: "refused" } as const;
      await shop.tell({ kind: "decline", reference: opened.attemptId, transactionId: "1" as TransactionId, decline });
      await shop.settle();
      await shop.tell(paid(opened));
    });
    expect(alarms).toEqual(["payment_contradicts"]);
  });

  test("more given back than was taken", async () => {
    const alarms = await alarmsAfter(async (shop, opened) => {
      await shop.tell(paid(opened));
      await shop.settle();
      for (const transactionId of ["r1", "r2"] as TransactionId[])
        await shop.tell(refunded({ transactionId, amount: "200.00" }));
    });
    expect(alarms).toEqual(["refund_overdrawn"]);
  });

  test("nothing when all went well", async () => {
    const alarms = await alarmsAfter(async (shop, opened) => {
      await shop.tell(paid(opened, { amount: PRICE }));
    });
    expect(alarms).toEqual([]);
  });
});
