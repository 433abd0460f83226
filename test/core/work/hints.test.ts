import { describe, expect, test } from "bun:test";
import type { RowOf } from "../../../src/core/billing/read-model.ts";
import { err, ok } from "../../../src/core/result.ts";
import { HOUR_MS } from "../../../src/core/time.ts";
import { hints } from "../../../src/core/work/hints.ts";
import { PRICE } from "../../support/cinema.ts";
import { checked, type Opened, openShop, paid, type Shop } from "../../support/shop.ts";

/** What a hint about an invoice has done, each piece of work at once. */
const hint = async (shop: Shop, { invoiceId }: Opened) => {
  const done: string[] = [];
  const { paid: said } = hints({
    tasks: {
      add: async (rows) => {
        for (const row of rows) done.push((await shop.work(row)).status);
        return ok(null);
      },
    },
  });
  expect(await said((await shop.invoice(invoiceId)).attempts)).toEqual(ok(done.length));
  return done;
};
const statusOf = async (shop: Shop, { invoiceId }: Opened) => (await shop.invoice(invoiceId)).invoice.status;

describe("A payer's word that a payment went through", () => {
  test("finds a payment whose callback is lost; the callback, should it come, says nothing new", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(checked(opened));
    await shop.settle();
    const { transactionId } = shop.payments.take(opened.attemptId, PRICE, { accountId: opened.accountId });
    expect(await hint(shop, opened)).toEqual(["done"]);
    expect(await statusOf(shop, opened)).toBe("paid");
    expect((await shop.subscription(opened.subscriptionId))?.status).toBe("active");
    const facts = await shop.facts(opened);
    await shop.tell(paid(opened, { transactionId }));
    await shop.settle();
    expect(await shop.facts(opened)).toEqual(facts);
  });

  test("that is not true changes nothing, however often it is said", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(checked(opened));
    await shop.settle();
    const facts = await shop.facts(opened);
    for (let times = 0; times < 3; times += 1) {
      expect(await hint(shop, opened)).toEqual(["done"]);
      shop.wait(HOUR_MS / 10);
    }
    expect(await shop.facts(opened)).toEqual(facts);
    expect(await statusOf(shop, opened)).toBe("open");
  });

  test("of a payment with another sum brings a mismatch, as its callback would", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    shop.payments.take(opened.attemptId, { ...PRICE, minor: 1n }, { accountId: opened.accountId });
    await hint(shop, opened);
    expect(await statusOf(shop, opened)).toBe("open");
    expect(await shop.facts(opened)).toContain("PaymentMismatched");
  });

  test("about what is settled asks nobody", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(paid(opened));
    await shop.settle();
    expect(await hint(shop, opened)).toEqual([]);
  });

  test("asks about the last three windows that may have been paid, once each however often it is told", async () => {
    const asked: string[] = [];
    const { paid: said } = hints({
      tasks: {
        add: async (rows) => {
          asked.push(...rows.map(({ kind, subject, dueAt }) => `${kind} ${subject} ${dueAt}`));
          return ok(null);
        },
      },
    });
    const shop = await openShop();
    const { attempts } = await shop.invoice((await shop.opensWidget()).invoiceId);
    const [first] = attempts;
    if (first === undefined) throw new Error("a window was opened");
    const made = (attemptId: string, madeAt: number, over: Partial<RowOf<"attempts">> = {}) =>
      ({ ...first, attemptId, madeAt, ...over }) as RowOf<"attempts">;
    const all = [
      made("att_1", 1),
      made("att_5", 5, { status: "declined" }),
      made("att_3", 3, { status: "closed" }),
      made("att_4", 4, { status: "unknown" }),
      made("att_6", 6, { status: "mismatched" }),
      made("att_7", 7, { kind: "charge", status: "in_flight" }),
    ];
    expect(await said(all)).toEqual(ok(3));
    const wanted = ["look_up_payment att_5 5", "look_up_payment att_4 4", "look_up_payment att_3 3"];
    expect(asked).toEqual(wanted);
    await said(all);
    expect(asked).toEqual([...wanted, ...wanted]);
  });

  test("that cannot be passed on is told so", async () => {
    const away = err({ code: "tasks_unavailable", detail: "away" } as const);
    const shop = await openShop();
    const { attempts } = await shop.invoice((await shop.opensWidget()).invoiceId);
    expect(await hints({ tasks: { add: async () => away } }).paid(attempts)).toEqual(away);
  });
});
