import { describe, expect, test } from "bun:test";
import type { TransactionId } from "../../../src/core/ids.ts";
import { err, ok } from "../../../src/core/result.ts";
import { HOUR_MS, MINUTE_MS, plusMs } from "../../../src/core/time.ts";
import { accountNamed, PRICE, rub } from "../../support/cinema.ts";
import { checked, type Opened, openShop, type Shop, toldBy } from "../../support/shop.ts";

/** A payer was let through by `check`, and nothing was told since; the offer's hour is over. */
const silence = async (before: (shop: Shop, opened: Opened) => void = () => undefined) => {
  const shop = await openShop();
  const opened = await shop.opensWidget();
  await shop.tell(checked(opened));
  await shop.settle();
  before(shop, opened);
  shop.wait(HOUR_MS);
  return { shop, opened };
};
const minutes = async (shop: Shop, count: number) => {
  for (let minute = 0; minute < count; minute += 1) {
    await shop.works();
    shop.wait(MINUTE_MS);
  }
};
const attemptOf = async (shop: Shop, { invoiceId }: Opened) => (await shop.invoice(invoiceId)).attempts[0]?.status;

describe("An offer that was let through and never told of again is looked up:", () => {
  test("it was paid", async () => {
    const { shop, opened } = await silence((at, { attemptId, accountId }) =>
      at.payments.take(attemptId, PRICE, { accountId }),
    );
    await minutes(shop, 2);
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("paid");
    expect((await shop.subscription(opened.subscriptionId))?.status).toBe("active");
  });

  test("it never happened, which takes two look-ups five minutes apart and the list", async () => {
    const { shop, opened } = await silence();
    await minutes(shop, 5);
    expect(await attemptOf(shop, opened)).toBe("unknown");
    await minutes(shop, 8);
    expect(await attemptOf(shop, opened)).toBe("never_happened");
    expect(await shop.facts(opened)).toContain("PaymentNeverHappened");
  });

  test.each([
    ["before the offer's end", (shop: Shop) => shop.settle()],
    ["after it", (shop: Shop) => shop.works()],
  ])("it was paid, and the check was executed only an hour later, %s", async (_, first) => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    expect(await shop.tell(checked(opened))).toBe("accepted");
    shop.payments.take(opened.attemptId, PRICE, { accountId: opened.accountId });
    shop.wait(HOUR_MS);
    await first(shop);
    await shop.settle();
    await minutes(shop, 20);
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("paid");
  });

  test("it was paid while we were asking", async () => {
    const { shop, opened } = await silence();
    await minutes(shop, 4);
    shop.payments.take(opened.attemptId, PRICE, { accountId: opened.accountId });
    await minutes(shop, 8);
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("paid");
  });

  test.each([
    ["another sum", { amount: rub(1) }, "captured"],
    ["another account", { accountId: accountNamed("boris") }, "captured"],
    ["money only held", {}, "authorised"],
  ] as const)("it was paid with %s: a mismatch, not a payment", async (_, over, status) => {
    const { shop, opened } = await silence((at, { attemptId, accountId }) =>
      at.payments.take(attemptId, "amount" in over ? over.amount : PRICE, { accountId, ...over, status }),
    );
    await minutes(shop, 2);
    expect(await attemptOf(shop, opened)).toBe("mismatched");
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("open");
  });

  test("a second card's decline, which is all that a find tells, hides no payment that was let through before it", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(checked(opened, { transactionId: "1" as TransactionId }));
    await shop.settle();
    expect(`${shop.payments.take(opened.attemptId, PRICE, { accountId: opened.accountId }).transactionId}`).toBe("1");
    const decline = { kind: "ask_payer", reason: "refused" } as const;
    Object.assign(shop.payments, { find: async () => ok({ status: "declined", transactionId: "2", decline }) });
    const hint = { kind: "look_up_payment", subject: opened.attemptId, stream: "", accountId: null, dueAt: shop.now() };
    shop.wait(5 * MINUTE_MS);
    expect(await shop.work(hint)).toMatchObject({ status: "later", afterMs: 10 * MINUTE_MS });
    expect(await attemptOf(shop, opened)).toBe("current");
    shop.wait(HOUR_MS);
    await minutes(shop, 2);
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("paid");
  });

  test("a second card's decline is the end of it when the gateway has nothing else", async () => {
    const { shop, opened } = await silence();
    const decline = { kind: "ask_payer", reason: "refused" } as const;
    const told = { transactionId: "2" as TransactionId, decline };
    Object.assign(shop.payments, {
      find: async () => ok({ status: "declined", ...told }),
      list: async () =>
        ok([{ kind: "decline", attemptId: opened.attemptId, at: plusMs(shop.now(), -MINUTE_MS), ...told }]),
    });
    await minutes(shop, 2);
    expect(await attemptOf(shop, opened)).toBe("declined");
  });

  test("what was held and let go of took no money", async () => {
    const { shop, opened } = await silence();
    shop.payments.take(opened.attemptId, PRICE, { status: "voided" });
    Object.assign(shop.payments, { find: async () => ok({ status: "nothing" }) });
    await minutes(shop, 3);
    expect(await attemptOf(shop, opened)).toBe("declined");
  });

  test("of one that the gateway itself waits for it is asked each minute, and then ever more rarely", async () => {
    const { shop, opened } = await silence();
    Object.assign(shop.payments, { find: async () => ok({ status: "pending" }) });
    const looks = async () => (await shop.works()).find(({ kind }) => kind === "look_up_payment");
    await shop.works();
    expect(await looks()).toMatchObject({ status: "later", afterMs: MINUTE_MS });
    shop.wait(10 * HOUR_MS);
    expect(await looks()).toMatchObject({ status: "later", afterMs: HOUR_MS });
    expect(await attemptOf(shop, opened)).toBe("unknown");
  });

  test("while the gateway is away the attempt stays unknown and is asked again", async () => {
    const { shop, opened } = await silence();
    Object.assign(shop.payments, {
      find: async () => err({ code: "gateway_unavailable", retryAfterMs: 7000 }),
    });
    await shop.works();
    const [looked] = await shop.works();
    expect(looked).toMatchObject({ kind: "look_up_payment", status: "later", afterMs: 7000 });
    expect(await attemptOf(shop, opened)).toBe("unknown");
  });
});

describe("What nobody pays ends by itself:", () => {
  test("an offer that nobody acted on closes after its hour, the invoice after its day", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    shop.wait(HOUR_MS);
    await shop.works();
    expect(await attemptOf(shop, opened)).toBe("closed");
    shop.wait(23 * HOUR_MS);
    await shop.works();
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("expired");
    expect((await shop.subscription(opened.subscriptionId))?.status).toBe("ended");
  });

  test("an invoice whose payer is just paying waits for that", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    shop.wait(24 * HOUR_MS - 10 * MINUTE_MS);
    await shop.works();
    const offer = { type: "invoice.offer", invoiceId: opened.invoiceId, consent: null } as const;
    const { attemptId = "" } = toldBy(await shop.ask(opened.accountId, offer));
    await shop.tell(checked(opened, { reference: attemptId }));
    await shop.settle();
    shop.wait(10 * MINUTE_MS);
    expect(await shop.works()).toMatchObject([
      { kind: "expire_invoice", status: "later", because: "payment_in_progress" },
    ]);
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("open");
  });
});
