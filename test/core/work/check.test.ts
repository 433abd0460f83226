import { describe, expect, test } from "bun:test";
import type { AttemptId, InvoiceId, TransactionId } from "../../../src/core/ids.ts";
import type { CallbackVerdict } from "../../../src/core/ports/callbacks.ts";
import { HOUR_MS, MINUTE_MS } from "../../../src/core/time.ts";
import { accountNamed, PRICE, rub } from "../../support/cinema.ts";
import { checked, type Opened, openShop, paid, type Shop, toldBy } from "../../support/shop.ts";

type Case = readonly [
  what: string,
  verdict: CallbackVerdict,
  over: Parameters<typeof checked>[1],
  before: ((shop: Shop, opened: Opened) => Promise<unknown>) | null,
];
const OTHER = "9002" as TransactionId;
const CASES: readonly Case[] = [
  ["all is right", "accepted", {}, null],
  ["the attempt is unknown", "no_such_attempt", { reference: `att_${"0".repeat(26)}` }, null],
  ["it names a foreign order", "no_such_attempt", { reference: "1234567" }, null],
  ["it names nothing", "no_such_attempt", { reference: null }, null],
  ["the payer is another account", "other_account", { account: accountNamed("boris") }, null],
  ["the payer is nobody", "other_account", { account: null }, null],
  ["the sum is a kopeck short", "other_amount", { amount: rub(29_899) }, null],
  ["the sum is a kopeck more", "other_amount", { amount: rub(29_901) }, null],
  ["the currency is another", "other_amount", { amount: { minor: PRICE.minor, currency: "USD" } }, null],
  ["the offer's hour is over", "closed", {}, async (shop) => shop.wait(HOUR_MS)],
  ["the offer is almost over", "accepted", {}, async (shop) => shop.wait(HOUR_MS - 1)],
  [
    "a newer offer was made",
    "closed",
    {},
    (shop, { accountId, invoiceId }) => shop.ask(accountId, { type: "invoice.offer", invoiceId, consent: null }),
  ],
  [
    "the invoice is void",
    "closed",
    {},
    (shop, { accountId, subscriptionId }) => shop.ask(accountId, { type: "subscription.stop", subscriptionId }),
  ],
  [
    "it has been paid",
    "not_now",
    { transactionId: OTHER },
    async (shop, opened) => {
      await shop.tell(paid(opened));
      await shop.settle();
    },
  ],
  [
    "another transaction was let through just now",
    "not_now",
    { transactionId: OTHER },
    (shop, opened) => shop.tell(checked(opened)),
  ],
  [
    "another was let through and recorded",
    "not_now",
    { transactionId: OTHER },
    async (shop, opened) => {
      await shop.tell(checked(opened));
      await shop.settle();
      shop.wait(15 * MINUTE_MS - 1);
    },
  ],
  [
    "another was let through fifteen minutes ago",
    "accepted",
    { transactionId: OTHER },
    async (shop, opened) => {
      await shop.tell(checked(opened));
      await shop.settle();
      shop.wait(15 * MINUTE_MS + 1);
    },
  ],
  ["the same was let through before", "accepted", {}, (shop, opened) => shop.tell(checked(opened))],
];

describe("Of a check whether the payment may go on is told by our own rows:", () => {
  test.each(CASES)("%s: %s", async (_, verdict, over, before) => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await before?.(shop, opened);
    expect(await shop.tell(checked(opened, over))).toBe(verdict);
  });

  test("our own charge on its way is let through, and no longer once it has an answer", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(paid(opened, { card: { token: "tk_1", mask: "424242******4242", expires: "12/30" } }));
    await shop.settle();
    const { accountId } = opened;
    const start = { type: "subscription.pay_ahead", subscriptionId: opened.subscriptionId } as const;
    const invoiceId = toldBy(await shop.ask(accountId, start))["invoiceId"] as InvoiceId;
    const { attemptId } = toldBy(await shop.ask(accountId, { type: "invoice.charge", invoiceId, cardId: null }));
    const charge = { ...opened, attemptId: attemptId as AttemptId };
    expect(await shop.tell(checked(charge, { transactionId: OTHER }))).toBe("accepted");
    await shop.tell({
      kind: "decline",
      reference: charge.attemptId,
      transactionId: OTHER,
      decline: { kind: "soft", reason: "insufficient_funds" },
    });
    await shop.settle();
    expect(await shop.tell(checked(charge, { transactionId: "9003" as TransactionId }))).toBe("closed");
  });

  test("of fifty at once for one offer exactly one is let through", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    const verdicts = await Promise.all(
      Array.from({ length: 50 }, (_, i) => shop.tell(checked(opened, { transactionId: `t${i}` as TransactionId }))),
    );
    expect(verdicts.filter((verdict) => verdict === "accepted")).toHaveLength(1);
    expect(verdicts.filter((verdict) => verdict === "not_now")).toHaveLength(49);
  });

  test("an accepted check keeps the offer from being replaced until its payment is told", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(checked(opened));
    await shop.settle();
    const again = { type: "invoice.offer", invoiceId: opened.invoiceId, consent: null } as const;
    const refused = await shop.ask(opened.accountId, again);
    expect(refused).toMatchObject({ outcome: { ok: false, refusal: { code: "payment_in_progress" } } });
  });

  test("one that comes too late to matter leaves nothing behind to be done", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell(checked(opened));
    await shop.tell(paid(opened));
    await shop.settle();
    expect(await shop.store.intake.due(shop.now(), 10)).toEqual({ ok: true, value: [] });
    expect(shop.reports).toEqual([]);
  });
});
