import { describe, expect, test } from "bun:test";
import type { CardId, RefundId, TransactionId } from "../../../src/core/ids.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../src/core/time.ts";
import { accountNamed, answered, GATEWAY, PRICE, rub } from "../../support/cinema.ts";
import { checked, openShop, paid, refunded } from "../../support/shop.ts";

const CARD = { token: "tk_1", mask: "424242******4242", expires: "12/30" };
const SECOND = "9002" as TransactionId;

describe("What a gateway tells is kept and acts once:", () => {
  test("a right payment pays the invoice and starts the subscription", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    expect(await shop.tell(paid(opened))).toBe("accepted");
    await shop.settle();
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("paid");
    expect((await shop.subscription(opened.subscriptionId))?.status).toBe("active");
    expect(answered(await shop.store.queries.access(opened.accountId, shop.now()))?.tier).toBe(1);
  });

  test("told fifty times at once it pays once", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => shop.tell(paid(opened))));
    expect(new Set(verdicts)).toEqual(new Set(["accepted"]));
    await shop.settle();
    expect((await shop.invoice(opened.invoiceId)).captures).toHaveLength(1);
    expect((await shop.facts(opened)).filter((type) => type === "PaymentSucceeded")).toHaveLength(1);
  });

  test("a second payment is extra and goes back by itself, to the kopeck", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    const first = shop.payments.take(opened.attemptId, PRICE);
    const second = shop.payments.take(opened.attemptId, PRICE);
    await shop.tell(paid(opened, { transactionId: first.transactionId }));
    await shop.tell(paid(opened, { transactionId: second.transactionId }));
    await shop.settle();
    expect((await shop.works()).map(({ kind, status }) => [kind, status])).toEqual([["send_refund", "done"]]);
    const { captures, refunds } = await shop.invoice(opened.invoiceId);
    expect(Object.fromEntries(captures.map(({ role, returnedMinor }) => [role, returnedMinor]))).toEqual({
      extra: PRICE.minor,
      settling: 0n,
    });
    expect(refunds.map(({ status }) => status)).toEqual(["done"]);
  });

  test("a payment that comes after the invoice has expired goes back by itself", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    shop.wait(25 * HOUR_MS);
    while ((await shop.works()).some(({ status }) => status === "done") && (await shop.due()).length > 0);
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("expired");
    const late = shop.payments.take(opened.attemptId, PRICE);
    await shop.tell(paid(opened, { transactionId: late.transactionId }));
    await shop.settle();
    await shop.works();
    const { captures } = await shop.invoice(opened.invoiceId);
    expect(captures).toMatchObject([{ role: "extra", returnedMinor: PRICE.minor }]);
  });

  const WRONG = [
    ["a kopeck short", { amount: rub(29_899) }, "amount"],
    ["a kopeck more", { amount: rub(29_901) }, "amount"],
    ["another currency", { amount: { minor: PRICE.minor, currency: "USD" as const } }, "currency"],
    ["another account", { account: accountNamed("boris") }, "account"],
    ["an account that is none", { account: "user_x" }, "account"],
    ["only authorised", { onlyAuthorised: true }, "only_authorised"],
  ] as const;
  test.each(WRONG)("a payment with %s is no payment but waits for a person", async (_, over, reason) => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    expect(await shop.tell(paid(opened, { ...over, card: CARD }))).toBe("accepted");
    await shop.settle();
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("open");
    expect(answered(await shop.store.queries.mismatches(10))).toMatchObject([{ reason, settled: false }]);
    expect(answered(await shop.store.queries.customer(opened.accountId))?.cards).toEqual([]);
  });

  test("a payment for a foreign order goes to the suspense list, and a person is told", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    expect(await shop.tell(paid(opened, { reference: "1234567" }))).toBe("accepted");
    await shop.settle();
    expect(answered(await shop.store.intake.suspended(10))).toMatchObject([
      { transactionId: "9001", reason: "it can be nothing of ours" },
    ]);
    expect(shop.reports).toMatchObject([{ level: "alarm", what: "intake_suspended" }]);
  });

  test("a payment for an attempt that we do not know waits a day, then goes to the suspense list", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(paid(opened, { reference: `att_${"0".repeat(26)}` }));
    await shop.settle();
    expect(answered(await shop.store.intake.suspended(10))).toEqual([]);
    expect(answered(await shop.store.intake.due(shop.now(), 10))).toEqual([]);
    shop.wait(DAY_MS);
    await shop.settle();
    expect(answered(await shop.store.intake.suspended(10))).toMatchObject([{ reason: "not_found" }]);
  });

  test("a refund that overtakes its payment waits for it and then counts", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(refunded({ reference: opened.attemptId, amount: "100.00" }));
    await shop.settle();
    expect((await shop.invoice(opened.invoiceId)).refunds).toEqual([]);
    await shop.tell(paid(opened));
    await shop.settle();
    await shop.settle();
    expect((await shop.invoice(opened.invoiceId)).refunds).toMatchObject([
      { status: "reported", amountMinor: 10_000n },
    ]);
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("partly_refunded");
  });

  test("a refund whose payment only a look-up finds counts minutes later, though nothing has woken it", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(checked(opened, { transactionId: "1" as TransactionId }));
    await shop.tell(refunded({ reference: opened.attemptId, of: "1" as TransactionId, amount: "299.00" }));
    await shop.settle();
    shop.payments.take(opened.attemptId, PRICE, { accountId: opened.accountId });
    shop.wait(HOUR_MS);
    for (let i = 0; i < 3; i += 1) await shop.works();
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("paid");
    shop.wait(10 * MINUTE_MS);
    await shop.settle();
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("refunded");
  });

  test("a refund made at the gateway's desk is found by its payment, in that payment's currency", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(paid(opened));
    await shop.settle();
    expect(await shop.tell(refunded({ amount: "299.00" }))).toBe("accepted");
    await shop.settle();
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("refunded");
  });

  test.each([
    ["no payment of ours", refunded({ of: SECOND, amount: "1.00" })],
    ["another currency than the payment's", refunded({ amount: "1.00", currency: "USD" })],
    ["a sum that is none", refunded({ amount: "1,00" })],
  ])("a refund with %s goes to the suspense list", async (_, told) => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(paid(opened));
    await shop.settle();
    await shop.tell(told);
    await shop.settle();
    expect(answered(await shop.store.intake.suspended(10))).toHaveLength(1);
  });

  test("the token of a right payment is in the vault and nowhere else, and is the same card when it comes again", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(paid(opened, { card: CARD }), "pay:9001", "raw with tk_1");
    await shop.settle();
    const [card] = answered(await shop.store.queries.customer(opened.accountId))?.cards ?? [];
    const secret = answered(await shop.store.vault.open(opened.accountId, "card", card?.cardId ?? ""));
    expect(JSON.parse(secret ?? "null")).toEqual(CARD);
    const entries = answered(await shop.store.outbox.unrelayed(1000));
    expect(JSON.stringify(entries, (_, value) => (typeof value === "bigint" ? `${value}` : value))).not.toContain(
      "tk_1",
    );
    await shop.tell(paid(opened, { card: CARD, transactionId: SECOND }));
    await shop.settle();
    const again = answered(await shop.store.queries.customer(opened.accountId))?.cards ?? [];
    expect(again.map(({ cardId }) => cardId)).toEqual([card?.cardId as CardId]);
  });

  test("the raw body is kept under the payer's key, and under the shop's when nobody knows whose it is", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(paid(opened), "pay:9001", "known");
    await shop.tell({ kind: "other", what: "receipt" }, "receipt:1", "unknown");
    const [entry] = answered(await shop.store.intake.due(shop.now(), 10));
    expect(answered(await shop.store.vault.open(opened.accountId, "callback", entry?.id ?? ""))).toBe("known");
    expect(answered(await shop.store.intake.due(shop.now(), 10))).toHaveLength(1);
  });

  test("what is signed and cannot be read is kept for a person, once, however often it comes", async () => {
    const shop = await openShop();
    const again = () => shop.door.keepUnreadable("pay", "Amount", { raw: "Amount=much", requestId: "req-1" });
    expect([await again(), await again()]).toEqual(["unreadable", "unreadable"]);
    await shop.settle();
    const suspended = answered(await shop.store.intake.suspended(10));
    expect(suspended).toMatchObject([{ reason: "it can be nothing of ours" }]);
    expect(answered(await shop.store.vault.open(null, "callback", suspended[0]?.id ?? ""))).toBe("Amount=much");
  });

  test("the same event told with other values is kept beside the first", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(paid(opened), "pay:9001");
    await shop.settle();
    await shop.tell(paid(opened, { amount: rub(100) }), "pay:9001");
    expect(answered(await shop.store.intake.due(shop.now(), 10))).toHaveLength(1);
    await shop.settle();
    expect((await shop.invoice(opened.invoiceId)).captures).toMatchObject([{ capturedMinor: PRICE.minor }]);
  });

  test("a decline ends the attempt, and a payment that follows all the same is taken", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    const decline = { kind: "soft", reason: "insufficient_funds" } as const;
    await shop.tell({ kind: "decline", reference: opened.attemptId, transactionId: SECOND, decline });
    await shop.settle();
    expect((await shop.invoice(opened.invoiceId)).attempts).toMatchObject([{ status: "declined" }]);
    await shop.tell(paid(opened));
    await shop.settle();
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("paid");
  });

  test("a refund that bears our own id answers that refund", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    const first = shop.payments.take(opened.attemptId, PRICE);
    const second = shop.payments.take(opened.attemptId, PRICE);
    await shop.tell(paid(opened, { transactionId: first.transactionId }));
    await shop.tell(paid(opened, { transactionId: second.transactionId }));
    await shop.settle();
    const [asked] = (await shop.invoice(opened.invoiceId)).refunds;
    const refundId = asked?.refundKey as RefundId;
    await shop.tell(refunded({ of: second.transactionId, amount: "299.00", refundId }));
    await shop.settle();
    expect((await shop.invoice(opened.invoiceId)).refunds).toMatchObject([{ refundKey: refundId, status: "done" }]);
    expect(asked?.gatewayAccount).toBe(GATEWAY);
    expect(await shop.due()).toEqual([]);
  });
});
