import { describe, expect, test } from "bun:test";
import type { TransactionId } from "../../../src/core/ids.ts";
import type { OutboxMessage } from "../../../src/core/ports/outbox.ts";
import type { Report } from "../../../src/core/ports/reports.ts";
import { err, ok } from "../../../src/core/result.ts";
import { DAY_MS, plusMs } from "../../../src/core/time.ts";
import { alarmOf } from "../../../src/core/work/alarms.ts";
import { relay } from "../../../src/core/work/relay.ts";
import { sweep } from "../../../src/core/work/sweep.ts";
import { WORK_KINDS } from "../../../src/core/work/work.ts";
import { answered, PRICE, rub } from "../../support/cinema.ts";
import { type Opened, openShop, paid, refunded, type Shop } from "../../support/shop.ts";

const hear = () => {
  const heard: OutboxMessage[] = [];
  return {
    heard,
    bus: {
      publish: async (messages: readonly OutboxMessage[]) => {
        heard.push(...messages);
        return ok(null);
      },
    },
  };
};

describe("The relay", () => {
  test("brings every committed fact to the bus, of one stream in its order, and marks it", async () => {
    const shop = await openShop();
    await shop.opensWidget();
    const { heard, bus } = hear();
    await relay(shop.store.outbox, bus);
    for (const stream of new Set(heard.map((message) => message.stream))) {
      const versions = heard.filter((message) => message.stream === stream).map(({ version }) => version);
      expect(versions).toEqual(versions.map((_, i) => i + 1));
    }
    expect(heard.map(({ event }) => event.type)).toContain("OfferMade");
    expect(answered(await shop.store.outbox.unrelayed(10))).toEqual([]);
  });

  test("brings nothing twice when nothing went wrong", async () => {
    const shop = await openShop();
    await shop.opensWidget();
    const { heard, bus } = hear();
    await relay(shop.store.outbox, bus);
    const first = heard.length;
    expect(first).toBeGreaterThan(0);
    await relay(shop.store.outbox, bus);
    expect(heard).toHaveLength(first);
  });

  test("marks nothing that the bus did not take, and brings it again", async () => {
    const shop = await openShop();
    await shop.opensWidget();
    const before = answered(await shop.store.outbox.unrelayed(100)).length;
    expect(before).toBeGreaterThan(0);
    await relay(shop.store.outbox, { publish: async () => err({ code: "bus_unavailable", detail: "" }) });
    expect(answered(await shop.store.outbox.unrelayed(100))).toHaveLength(before);
    const { heard, bus } = hear();
    await relay(shop.store.outbox, bus);
    expect(heard).toHaveLength(before);
  });

  test("that dies between bus and mark brings it again: lost is worse than twice", async () => {
    const shop = await openShop();
    await shop.opensWidget();
    const { heard, bus } = hear();
    const { outbox } = shop.store;
    await relay({ ...outbox, relayed: async () => err({ code: "storage_unavailable", detail: "" }) }, bus);
    const first = heard.length;
    expect(first).toBeGreaterThan(0);
    await relay(outbox, bus);
    expect(heard).toHaveLength(2 * first);
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
  const alarmsAfter = async (story: (shop: Shop, opened: Opened) => Promise<unknown>): Promise<readonly string[]> => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await story(shop, opened);
    await shop.settle();
    const { heard, bus } = hear();
    await relay(shop.store.outbox, bus);
    return heard
      .map(alarmOf)
      .filter((alarm): alarm is Report => alarm !== null)
      .map(({ what }) => what);
  };

  test("a payment that does not fit", async () => {
    const alarms = await alarmsAfter(async (shop, opened) => {
      await shop.tell(paid(opened, { amount: rub(1) }));
    });
    expect(alarms).toEqual(["payment_mismatched"]);
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
