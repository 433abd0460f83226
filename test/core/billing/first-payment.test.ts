import { describe, expect, test } from "bun:test";
import type { Command } from "../../../src/core/billing/command.ts";
import {
  accountNamed,
  answered,
  cardNamed,
  GATEWAY,
  msk,
  OTHER_GATEWAY,
  PREMIUM,
  PRICE,
  refusalOf,
  rub,
  SERVICE_LINE,
  START,
  told,
} from "../../support/cinema.ts";
import { tellOf } from "../../support/due-work.ts";
import { HARD, SOFT } from "../../support/gateway.ts";
import { B1, openHouse, openHouseOfSubscriber } from "../../support/house.ts";
import { paysTwice } from "./situations.ts";

describe("the first payment", () => {
  test("begins the period, gives access and saves the card, all at once", async () => {
    const { anna } = await openHouse();
    await anna.starts();
    expect(await anna.watchesUntil()).toBeNull();
    told(await anna.pays({ card: "visa" }));
    expect(await anna.subscription()).toMatchObject({
      status: "active",
      periodNumber: 1,
      periodStart: START,
      periodEnd: B1,
    });
    expect((await anna.invoiceRows()).invoice).toMatchObject({ status: "paid", paidAt: START });
    expect(await anna.watchesUntil(B1)).toBe(msk("2026-03-07 12:00")); // Grace, while the renewal is on its way.
    expect((await anna.customer())?.cards).toMatchObject([
      { cardId: cardNamed("visa"), status: "active", preferred: true },
    ]);
  });

  test("told a hundred times has happened once", async () => {
    const { cinema, gateway, anna } = await openHouse();
    await anna.starts();
    const attemptId = await anna.opensWidget();
    const fact = tellOf(gateway.take(attemptId, PRICE));
    for (let n = 0; n < 100; n += 1) told(await cinema.byGateway(fact));
    const { captures, refunds } = await anna.invoiceRows();
    expect([captures.length, refunds.length]).toEqual([1, 0]);
  });

  test("begins at its recording, not at the order", async () => {
    const { anna, sleepTo } = await openHouse();
    await anna.starts();
    sleepTo("2026-02-01 09:30");
    await anna.pays();
    expect((await anna.subscription()).periodStart).toBe(msk("2026-02-01 09:30"));
  });

  test("by a saved card in the payer's own hand settles as well", async () => {
    const { anna } = await openHouseOfSubscriber();
    await anna.cancels();
    await anna.starts();
    await anna.charges("visa");
    expect(await anna.status()).toBe("active");
  });

  test("declined leaves the invoice open for the next try", async () => {
    const { cinema, gateway, anna } = await openHouse();
    await anna.starts();
    const attemptId = await anna.opensWidget();
    await cinema.byGateway(tellOf(gateway.decline(attemptId, PRICE, SOFT)));
    expect([await anna.status(), await anna.invoiceStatus()]).toEqual(["incomplete", "open"]);
    await anna.pays();
    expect(await anna.status()).toBe("active");
  });

  test("that never comes: after 24 hours the invoice expires, and nothing has begun", async () => {
    const { anna, does, sleepTo, dueNow } = await openHouse();
    await anna.starts();
    sleepTo("2026-02-01 11:59");
    expect(await dueNow()).toEqual([]);
    sleepTo("2026-02-01 12:00");
    await does("expire_invoice");
    expect(await anna.invoiceStatus()).toBe("expired");
    expect([await anna.status(), (await anna.subscription()).endReason]).toEqual(["ended", "never_paid"]);
    expect((await anna.customer())?.customer.currentSubscription).toBeNull();
  });

  test("of an invoice that staff annuls: the subscription ends by staff", async () => {
    const { cinema, anna } = await openHouse();
    await anna.starts();
    told(await cinema.byStaff({ type: "invoice.annul", invoiceId: await anna.invoiceId() }));
    expect([await anna.invoiceStatus(), (await anna.subscription()).endReason]).toEqual(["void", "staff"]);
  });

  test("of an invoice that staff writes off: nothing began", async () => {
    const { cinema, anna } = await openHouse();
    await anna.starts();
    told(await cinema.byStaff({ type: "invoice.write_off", invoiceId: await anna.invoiceId() }));
    expect([await anna.invoiceStatus(), (await anna.subscription()).endReason]).toEqual([
      "uncollectible",
      "never_paid",
    ]);
  });
});

describe("offers", () => {
  test("one is current: a newer one takes its place, and what was let through by the older is looked up", async () => {
    const { cinema, anna } = await openHouse();
    await anna.starts();
    const older = await anna.opensWidget();
    const newer = await anna.opensWidget();
    const check = (attemptId: typeof older) =>
      cinema.byGateway({ type: "payment.check", attemptId, transactionId: "t9" as never });
    for (const attemptId of [older, newer]) told(await check(attemptId));
    const { attempts } = await anna.invoiceRows();
    expect(new Map(attempts.map((one) => [one.attemptId, [one.status, one.checkTransactionId]]))).toEqual(
      new Map([
        [older, ["unknown", "t9"]],
        [newer, ["current", "t9"]],
      ]),
    );
    expect((await anna.waitsFor())["look_up_payment"]).toBeDefined();
  });

  test("money that comes by a superseded offer is right money all the same", async () => {
    const { cinema, gateway, anna } = await openHouse();
    await anna.starts();
    const older = await anna.opensWidget();
    await anna.opensWidget();
    await cinema.byGateway(tellOf(gateway.take(older, PRICE)));
    expect(await anna.status()).toBe("active");
  });

  test("while a payer is just paying, nothing closes the invoice: new offer, annulment and expiry wait", async () => {
    const { cinema, anna, sleepTo } = await openHouse();
    await anna.starts();
    const invoiceId = await anna.invoiceId();
    sleepTo("2026-02-01 11:50");
    const attemptId = await anna.opensWidget();
    await cinema.byGateway({ type: "payment.check", attemptId, transactionId: "t9" as never });
    const offer = { type: "invoice.offer", invoiceId, consent: null } as const;
    expect(refusalOf(await anna.asks(offer))).toEqual({
      code: "payment_in_progress",
      until: "2026-02-01T09:05:00.000Z",
    });
    expect(refusalOf(await cinema.byStaff({ type: "invoice.annul", invoiceId }))["code"]).toBe("payment_in_progress");
    sleepTo("2026-02-01 12:01");
    const expire = { type: "invoice.expire", invoiceId } as const;
    expect(refusalOf(await cinema.bySystem(expire))["code"]).toBe("payment_in_progress");
    sleepTo("2026-02-01 12:05");
    expect(refusalOf(await cinema.bySystem(expire))["code"]).toBe("accepted");
  });

  test("a consent is not taken for an offer that was refused", async () => {
    const { cinema, anna } = await openHouse();
    await anna.starts({ consent: null });
    const attemptId = await anna.opensWidget();
    await cinema.byGateway({ type: "payment.check", attemptId, transactionId: "t9" as never });
    const invoiceId = await anna.invoiceId();
    expect(refusalOf(await anna.asks({ type: "invoice.offer", invoiceId, consent: "v2" }))["code"]).toBe(
      "payment_in_progress",
    );
    expect((await anna.customer())?.customer.consentText).toBeNull();
  });

  test("an offer that nobody used ends after its hour; one that was let through is looked up first", async () => {
    const { cinema, anna, does, sleepTo, dueNow } = await openHouse();
    await anna.starts();
    await anna.opensWidget();
    sleepTo("2026-01-31 13:00");
    await does("end_offer");
    expect((await anna.invoiceRows()).attempts[0]?.status).toBe("closed");
    const attemptId = await anna.opensWidget();
    await cinema.byGateway({ type: "payment.check", attemptId, transactionId: "t9" as never });
    sleepTo("2026-01-31 14:00");
    await does("end_offer");
    expect((await anna.invoiceRows()).attempts[1]?.status).toBe("unknown");
    expect(await dueNow()).toEqual(["look_up_payment"]);
  });
});

describe("money that comes twice", () => {
  test("is recorded and goes back by itself; the first stays", async () => {
    const house = await openHouse();
    const { gateway, anna, does } = house;
    await anna.starts();
    const second = await paysTwice(house);
    const rows = await anna.invoiceRows();
    expect(rows.captures.map(({ role }) => role)).toEqual(["settling", "extra"]);
    expect(rows.refunds).toMatchObject([
      { captureTransactionId: second.transactionId, amountMinor: 29_900n, reason: "extra_payment" },
    ]);
    await does("send_refund");
    expect(gateway.left(second.transactionId)).toBe(0n);
    expect([await anna.invoiceStatus(), await anna.status()]).toEqual(["paid", "active"]);
  });

  test("a refund of it that never happened is asked anew", async () => {
    const house = await openHouse({ fates: ["never_arrives", "never_arrives"] });
    const { gateway, anna, playTo } = house;
    await anna.starts();
    const second = await paysTwice(house);
    await playTo("2026-01-31 13:00");
    expect((await anna.invoiceRows()).refunds.map(({ status }) => status).sort()).toEqual(["done", "failed", "failed"]);
    expect(gateway.left(second.transactionId)).toBe(0n);
  });

  test("one that the gateway refuses to take back waits for a person, who can still give it back", async () => {
    const house = await openHouse({ fates: ["refused"] });
    const { gateway, anna, playTo } = house;
    await anna.starts();
    const second = await paysTwice(house);
    await playTo("2026-02-01 13:00");
    expect((await anna.invoiceRows()).refunds.map(({ status }) => status)).toEqual(["failed"]);
    told(await anna.isRefunded(second.transactionId, PRICE));
    await playTo("2026-02-01 14:00");
    expect([gateway.left(second.transactionId), await anna.status()]).toEqual([0n, "active"]);
  });

  test("what a person at the gateway's desk gave back in part leaves the rest to be given", async () => {
    const house = await openHouse();
    const { cinema, gateway, anna, playTo } = house;
    await anna.starts();
    const second = await paysTwice(house);
    await cinema.byGateway(tellOf(gateway.giveBack(second.transactionId, rub(10_000))));
    await playTo("2026-01-31 13:00");
    expect(gateway.left(second.transactionId)).toBe(0n);
    expect(
      (await anna.invoiceRows()).refunds.map(({ status, amountMinor }) => `${status} ${amountMinor}`).sort(),
    ).toEqual(["done 19900", "failed 29900", "reported 10000"]);
  });

  test("late money, after the invoice has expired, goes back and begins nothing", async () => {
    const { cinema, gateway, anna, playTo } = await openHouse();
    await anna.starts();
    const attemptId = await anna.opensWidget();
    await playTo("2026-02-02 12:00");
    const late = gateway.take(attemptId, PRICE);
    await cinema.byGateway(tellOf(late));
    await playTo("2026-02-02 13:00");
    expect([await anna.invoiceStatus(), await anna.status(), gateway.left(late.transactionId)]).toEqual([
      "expired",
      "ended",
      0n,
    ]);
    expect(await anna.watchesUntil()).toBeNull();
  });
});

describe("money that does not fit", () => {
  const WRONG: Readonly<Record<string, Partial<Extract<Command, { type: "payment.succeed" }>>>> = {
    amount: { amount: rub(29_899) },
    currency: { amount: { minor: 29_900n, currency: "USD" } },
    account: { accountId: accountNamed("somebody else") },
    gateway_account: { gatewayAccount: OTHER_GATEWAY },
    only_authorised: { onlyAuthorised: true },
  };

  test.each(Object.entries(WRONG))("a wrong %s goes to suspense and begins nothing", async (reason, over) => {
    const { cinema, gateway, anna } = await openHouse();
    await anna.starts();
    const attemptId = await anna.opensWidget();
    const fact = tellOf(gateway.take(attemptId, PRICE));
    const executed = await cinema.byGateway({ ...fact, cardId: cardNamed("visa"), ...over } as Command);
    expect(refusalOf(executed)["code"]).toBe("accepted");
    const suspense = answered(await cinema.store.queries.mismatches(10));
    expect(suspense).toMatchObject([{ reason, attemptId, settled: false }]);
    expect([await anna.status(), await anna.invoiceStatus(), (await anna.customer())?.cards]).toEqual([
      "incomplete",
      "open",
      [],
    ]);
  });

  test("the payer may pay again; we do not charge until a person has looked", async () => {
    const { cinema, gateway, anna } = await openHouseOfSubscriber();
    await anna.cancels();
    await anna.starts();
    const attemptId = await anna.opensWidget();
    const wrong = gateway.take(attemptId, rub(1));
    await cinema.byGateway(tellOf(wrong));
    expect(refusalOf(await anna.charges("visa"))["code"]).toBe("mismatch_unsettled");
    const { transactionId } = wrong;
    const invoiceId = await anna.invoiceId();
    told(
      await cinema.byStaff({
        type: "payment.settle_mismatch",
        invoiceId,
        gatewayAccount: GATEWAY,
        transactionId,
        note: "given back",
      }),
    );
    expect(answered(await cinema.store.queries.mismatches(10))).toEqual([]);
    await anna.charges("visa");
    expect(await anna.status()).toBe("active");
  });

  test("money for an attempt that we do not know is not taken for anything: the caller hears not_found and waits", async () => {
    const { cinema } = await openHouse();
    expect(await cinema.pay("att_00000000000000000000000001" as never, PRICE, "t1")).toEqual({
      status: "done",
      outcome: { ok: false, refusal: { code: "not_found", facts: {} } },
      repeated: false,
    });
  });
});

describe("credit", () => {
  test("pays its share first; with all of it paid the invoice is born paid", async () => {
    const { cinema, anna, boris } = await openHouse();
    const credit = (viewer: typeof anna, amount: number) =>
      cinema.byStaff({ type: "credit.add", accountId: viewer.accountId, amount: rub(amount), reason: "an outage" });
    await credit(anna, 50_000);
    await credit(boris, 10_000);
    told(await anna.starts());
    expect((await anna.invoiceRows()).invoice).toMatchObject({ status: "paid", creditMinor: 29_900n, dueMinor: 0n });
    expect([await anna.status(), await anna.credit()]).toEqual(["active", { balance: 20_100n, reserved: 0n }]);
    await boris.starts();
    expect((await boris.invoiceRows()).invoice).toMatchObject({
      status: "open",
      creditMinor: 10_000n,
      dueMinor: 19_900n,
    });
    expect(await boris.credit()).toEqual({ balance: 10_000n, reserved: 10_000n });
    await boris.pays();
    expect([await boris.status(), await boris.credit()]).toEqual(["active", { balance: 0n, reserved: 0n }]);
  });

  test("an invoice that is born paid is offered to nobody", async () => {
    const { cinema, anna } = await openHouse();
    await cinema.byStaff({ type: "credit.add", accountId: anna.accountId, amount: PRICE, reason: "an outage" });
    await anna.starts();
    const invoiceId = await anna.invoiceId();
    expect(refusalOf(await anna.asks({ type: "invoice.offer", invoiceId, consent: null }))["code"]).toBe(
      "invoice_paid",
    );
  });

  test.each(["invoice.annul", "invoice.write_off"] as const)("is free again after %s", async (type) => {
    const { cinema, anna } = await openHouse();
    await cinema.byStaff({ type: "credit.add", accountId: anna.accountId, amount: rub(10_000), reason: "an outage" });
    await anna.starts();
    await cinema.byStaff({ type, invoiceId: await anna.invoiceId() });
    expect(await anna.credit()).toEqual({ balance: 10_000n, reserved: 0n });
  });

  test("is free again when the invoice expires", async () => {
    const { cinema, anna, playTo } = await openHouse();
    await cinema.byStaff({ type: "credit.add", accountId: anna.accountId, amount: rub(10_000), reason: "an outage" });
    await anna.starts();
    await playTo("2026-02-02 12:00");
    expect([await anna.invoiceStatus(), await anna.credit()]).toEqual(["expired", { balance: 10_000n, reserved: 0n }]);
  });
});

describe("an invoice of staff", () => {
  const issue = (accountId: ReturnType<typeof accountNamed>, ...amounts: readonly number[]): Command => ({
    type: "invoice.issue",
    accountId,
    lines: amounts.map((amount) => ({
      kind: "service",
      plan: PREMIUM,
      priceVersion: null,
      amount: rub(amount),
      period: null,
    })),
  });

  test("is paid like any other, lives for 14 days and buys nothing by itself", async () => {
    const { cinema, anna, boris, playTo } = await openHouse();
    told(await cinema.byStaff(issue(anna.accountId, 5000, 2000)));
    told(await cinema.byStaff(issue(boris.accountId, 5000)));
    await anna.pays();
    await playTo("2026-02-14 12:00");
    expect((await anna.invoiceRows()).invoice).toMatchObject({ status: "paid", totalMinor: 7000n, purpose: "staff" });
    expect([await boris.invoiceStatus(), (await anna.subscriptions()).length]).toEqual(["expired", 0]);
  });

  test("names sums above zero, all in one currency", async () => {
    const { cinema, anna } = await openHouse();
    expect(refusalOf(await cinema.byStaff(issue(anna.accountId)))["code"]).toBe("nothing_due");
    expect(refusalOf(await cinema.byStaff(issue(anna.accountId, 100, 0)))["code"]).toBe("amount_not_positive");
    const mixed = issue(anna.accountId, 100, 100) as Extract<Command, { type: "invoice.issue" }>;
    const [first, second] = mixed.lines;
    if (first === undefined || second === undefined) throw new Error("two lines");
    const lines = [first, { ...second, amount: { minor: 1n, currency: "USD" as const } }];
    expect(refusalOf(await cinema.byStaff({ ...mixed, lines }))).toEqual({ code: "currency_differs", expected: "RUB" });
  });
});

test("a hard decline of a payer's own try blocks the card for automatic charges, and what would renew with it ends in time", async () => {
  const { cinema, anna, gateway } = await openHouseOfSubscriber();
  await cinema.byStaff({ type: "invoice.issue", accountId: anna.accountId, lines: [SERVICE_LINE] });
  gateway.befall(HARD);
  await anna.charges("visa");
  expect((await anna.customer())?.cards[0]?.status).toBe("blocked");
  expect(await anna.subscription()).toMatchObject({ status: "active", renews: false });
  await anna.provesCard();
  expect((await anna.subscription()).renews).toBe(true);
});
