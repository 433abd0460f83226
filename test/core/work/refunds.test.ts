import { describe, expect, test } from "bun:test";
import type { Fate } from "../../../src/adapters/memory/payments.ts";
import { type InvoiceId, NOBODY, type TransactionId } from "../../../src/core/ids.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../src/core/time.ts";
import { workOn } from "../../../src/core/work/work.ts";
import { commandNamed, GATEWAY, PRICE, rub, sha256, staff } from "../../support/cinema.ts";
import { type Opened, openShop, paid, type Shop } from "../../support/shop.ts";

/** A subscriber whose payment is asked back by staff. */
const asked = async (...fates: readonly Fate[]) => {
  const shop = await openShop();
  const opened = await shop.opensWidget();
  const { transactionId } = shop.payments.take(opened.attemptId, PRICE, { accountId: opened.accountId });
  await shop.tell(paid(opened, { transactionId }));
  await shop.settle();
  const refund = { type: "payment.refund", invoiceId: opened.invoiceId, gatewayAccount: GATEWAY } as const;
  await shop.state.execute({
    id: commandNamed("refund"),
    fingerprint: "refund",
    actor: staff("owner"),
    receivedAt: shop.now(),
    command: { ...refund, transactionId, amount: PRICE, access: "end" },
  });
  shop.befall(...fates);
  return { shop, opened, transactionId };
};
const stateOf = async (shop: Shop, { invoiceId }: Opened) => {
  const { refunds } = await shop.invoice(invoiceId);
  return refunds.map(({ status }) => status).sort();
};
/** What has gone back in the gateway's own books. */
const returned = ({ payments }: Shop) =>
  payments.books.reduce((all, one) => (one.kind === "refund" ? all + one.amount.minor : all), 0n);
/** Half an hour in which all that falls due is done. */
const halfAnHour = async (shop: Shop) => {
  for (let minute = 0; minute < 30; minute += 1) {
    shop.wait(MINUTE_MS);
    await shop.works();
  }
};

describe("A refund that was asked for", () => {
  test("goes back, and the subscription ends as it was told", async () => {
    const { shop, opened } = await asked();
    await shop.works();
    expect(await stateOf(shop, opened)).toEqual(["done"]);
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("refunded");
    expect((await shop.subscription(opened.subscriptionId))?.status).toBe("ended");
    expect(returned(shop)).toBe(PRICE.minor);
  });

  const FATES: readonly (readonly [string, readonly Fate[]])[] = [
    ["whose answer was lost", ["lost"]],
    ["that never arrived", ["never_arrives"]],
    ["that never arrived twice", ["never_arrives", "never_arrives"]],
    ["that the gateway was too busy for", ["unavailable", "unavailable"]],
    ["while the gateway was away", ["unavailable", "unavailable", "unavailable"]],
    ["that is pending and never told of", ["pending"]],
    ["that was lost on the second try", ["never_arrives", "lost"]],
  ];
  test.each(FATES)("%s goes back once and no more, by itself", async (_, fates) => {
    const { shop, opened } = await asked(...fates);
    await shop.works();
    await halfAnHour(shop);
    expect(returned(shop)).toBe(PRICE.minor);
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("refunded");
    expect((await stateOf(shop, opened)).filter((status) => status === "done")).toHaveLength(1);
    expect(await shop.due()).toEqual([]);
  });

  test("that the gateway refuses waits for a person, who is told", async () => {
    const { shop, opened } = await asked({ refused: "too old" });
    await shop.works();
    await halfAnHour(shop);
    expect(await stateOf(shop, opened)).toEqual(["failed"]);
    expect(shop.reports).toMatchObject([{ level: "alarm", what: "refund_refused", facts: { reason: "too old" } }]);
    expect(returned(shop)).toBe(0n);
  });

  test("is sent by one of three workers that come at once", async () => {
    const { shop } = await asked();
    const [row] = await shop.due();
    if (row === undefined) throw new Error("a refund is due");
    await Promise.all([shop.work(row), shop.work(row), shop.work(row)]);
    expect(returned(shop)).toBe(PRICE.minor);
    expect(shop.payments.books.filter(({ kind }) => kind === "refund")).toHaveLength(1);
  });

  test("whose worker died after the claim is looked up and asked anew, not sent by another at once", async () => {
    const { shop, opened } = await asked();
    const [row] = await shop.due();
    await shop.state.execute({
      id: commandNamed("claim of a worker that dies"),
      fingerprint: "claim",
      actor: { kind: "system" },
      receivedAt: shop.now(),
      command: { type: "refund.start", refundId: row?.subject as never },
    });
    await shop.works();
    expect(returned(shop)).toBe(0n);
    await halfAnHour(shop);
    expect(returned(shop)).toBe(PRICE.minor);
    expect((await shop.invoice(opened.invoiceId)).invoice.status).toBe("refunded");
  });

  test("is found in the gateway's list days later, also without our id", async () => {
    const { shop, opened, transactionId } = await asked("never_arrives");
    await shop.works();
    shop.wait(3 * DAY_MS);
    (shop.payments.books as unknown[]).push({
      kind: "refund",
      transactionId: "77" as TransactionId,
      attemptId: null,
      at: shop.now(),
      of: transactionId,
      amount: PRICE,
      refundId: null,
    });
    await shop.works();
    expect(await stateOf(shop, opened)).toEqual(["done"]);
    expect((await shop.invoice(opened.invoiceId)).refunds).toMatchObject([{ transactionId: "77" }]);
  });

  test.each([
    ["send_refund", "reserved"],
    ["look_up_refund", "unknown"],
  ])("of a gateway account that we have left waits: %s", async (kind, status) => {
    const { shop, opened } = await asked("lost");
    if (kind === "look_up_refund") {
      await shop.works();
      shop.wait(5 * MINUTE_MS);
    }
    const work = workOn({
      billing: shop.state,
      queries: shop.store.queries,
      paymentsOf: () => null,
      digest: sha256,
      reports: () => undefined,
      now: shop.now,
      newRun: () => "of a gateway that we have left",
      pause: async () => undefined,
    });
    const [row] = await shop.due();
    if (row?.kind !== kind) throw new Error(`${kind} is due`);
    expect(await work(row)).toEqual({ status: "later", afterMs: HOUR_MS, because: `no contract with ${GATEWAY}` });
    expect(await stateOf(shop, opened)).toEqual([status]);
  });

  test("that is in no book leaves nothing to look up", async () => {
    const shop = await openShop();
    const row = {
      kind: "look_up_refund",
      subject: "rfd_none",
      stream: "invoice/none",
      accountId: NOBODY,
      dueAt: shop.now(),
    };
    expect(await shop.work(row)).toEqual({ status: "done" });
  });
});

describe("Refunds of one payment", () => {
  test("are refused when the first has given all of it back", async () => {
    const { shop, opened, transactionId } = await asked();
    await shop.works();
    const again = await shop.state.execute({
      id: commandNamed("again"),
      fingerprint: "again",
      actor: staff("owner"),
      receivedAt: shop.now(),
      command: {
        type: "payment.refund",
        invoiceId: opened.invoiceId as InvoiceId,
        gatewayAccount: GATEWAY,
        transactionId,
        amount: rub(1),
        access: "keep",
      },
    });
    expect(again).toMatchObject({ outcome: { ok: false, refusal: { code: "refund_above_captured" } } });
  });
});
