import { describe, expect, test } from "bun:test";
import type { Command } from "../../../src/core/billing/command.ts";
import type { InvoiceId, TransactionId } from "../../../src/core/ids.ts";
import {
  BASIC,
  cardNamed,
  GATEWAY,
  msk,
  PREMIUM,
  PRICE,
  refusalOf,
  rub,
  SERVICE_LINE,
  told,
  transactionNamed,
} from "../../support/cinema.ts";
import { tellOf } from "../../support/due-work.ts";
import { B1, type House, openHouse, openHouseOfSubscriber, subscribes, YEARLY } from "../../support/house.ts";
import { paysTwice } from "./situations.ts";

const T1 = transactionNamed("t1");
/** The payer's bank takes a payment into question, and a person decides: lost, the bank keeps the money. */
const disputes = ({ cinema }: House, transactionId = T1) =>
  cinema.byGateway({ type: "payment.charge_back", gatewayAccount: GATEWAY, transactionId });
const decides = (
  { cinema, gateway }: House,
  invoiceId: InvoiceId,
  { won, transactionId = T1 }: { readonly won: boolean; readonly transactionId?: TransactionId },
) => {
  if (!won) gateway.lose(transactionId);
  return cinema.byStaff({
    type: "payment.decide_chargeback",
    invoiceId,
    gatewayAccount: GATEWAY,
    transactionId,
    won,
  });
};

describe("a refund by staff", () => {
  test("is reserved when it is asked, claimed before it is sent, and done when the gateway says so", async () => {
    const { anna, does, dueNow } = await openHouseOfSubscriber();
    told(await anna.isRefunded("t1", rub(5000)));
    expect((await anna.invoiceRows()).captures[0]).toMatchObject({ reservedMinor: 5000n, returnedMinor: 0n });
    expect(await dueNow()).toEqual(["send_refund"]);
    await does("send_refund");
    expect((await anna.invoiceRows()).captures[0]).toMatchObject({ reservedMinor: 0n, returnedMinor: 5000n });
    expect((await anna.invoiceRows()).invoice).toMatchObject({ status: "partly_refunded", refundedMinor: 5000n });
    expect(await dueNow()).toEqual([]);
  });

  test("access is kept, or ends with it, as the command says", async () => {
    const keeps = await openHouseOfSubscriber();
    told(await keeps.anna.isRefunded("t1", PRICE, "keep"));
    await keeps.playTo("2026-01-31 13:00");
    expect([await keeps.anna.status(), await keeps.anna.invoiceStatus()]).toEqual(["active", "refunded"]);
    const ends = await openHouseOfSubscriber();
    told(await ends.anna.isRefunded("t1", PRICE, "end"));
    await ends.playTo("2026-01-31 13:00");
    expect([await ends.anna.status(), await ends.anna.invoiceStatus()]).toEqual(["ended", "refunded"]);
    expect(ends.gateway.books.filter(({ kind }) => kind === "refund")).toHaveLength(1);
  });

  test("is given for a subscription that has ended already, too", async () => {
    const { anna, gateway, playTo } = await openHouseOfSubscriber();
    await anna.stops();
    await playTo("2026-03-01 12:00");
    expect(await anna.status()).toBe("ended");
    told(await anna.isRefunded("t1", rub(100), "end"));
    await playTo("2026-03-01 13:00");
    expect(gateway.left(T1)).toBe(29_800n);
  });

  test("of money that came twice leaves the period its worth", async () => {
    const house = await openHouse();
    const { gateway, anna, playTo, sleepTo } = house;
    await anna.starts();
    await paysTwice(house);
    await playTo("2026-02-14 12:00");
    sleepTo("2026-02-14 12:00");
    await anna.cancels();
    await playTo("2026-02-14 13:00");
    expect([gateway.left(T1), gateway.left(transactionNamed("t2"))]).toEqual([14_950n, 0n]);
  });

  test("never exceeds what was captured, one at a time, above zero, in its currency", async () => {
    const { anna, playTo } = await openHouseOfSubscriber();
    expect(refusalOf(await anna.isRefunded("t1", rub(29_901)))).toEqual({
      code: "refund_above_captured",
      left: "299.00 RUB",
    });
    expect(refusalOf(await anna.isRefunded("t1", rub(0)))["code"]).toBe("amount_not_positive");
    expect(refusalOf(await anna.isRefunded("t1", { minor: 1n, currency: "USD" }))["code"]).toBe("currency_differs");
    expect(refusalOf(await anna.isRefunded("t9", rub(1)))["code"]).toBe("capture_unknown");
    told(await anna.isRefunded("t1", rub(20_000)));
    expect(refusalOf(await anna.isRefunded("t1", rub(1)))["code"]).toBe("refund_in_flight");
    await playTo("2026-01-31 13:00");
    expect(refusalOf(await anna.isRefunded("t1", rub(9901)))).toEqual({
      code: "refund_above_captured",
      left: "99.00 RUB",
    });
    told(await anna.isRefunded("t1", rub(9900)));
  });

  test("is refused from one calendar year after the capture on", async () => {
    const { anna, sleepTo } = await openHouseOfSubscriber();
    sleepTo("2027-01-31 11:59");
    const invoice = (await anna.invoices()).find(({ purpose }) => purpose === "first")?.invoiceId as never;
    told(await anna.isRefunded("t1", rub(1), "keep", invoice));
    sleepTo("2027-01-31 12:00");
    expect(refusalOf(await anna.isRefunded("t1", rub(1), "keep", invoice))["code"]).toBe("refund_too_late");
  });

  test("that the gateway refuses is released, and is a person's to ask again", async () => {
    const { anna, gateway, playTo } = await openHouseOfSubscriber();
    gateway.befall("refused");
    told(await anna.isRefunded("t1", PRICE));
    await playTo("2026-01-31 13:00");
    expect((await anna.invoiceRows()).refunds.map(({ status }) => status)).toEqual(["failed"]);
    expect((await anna.invoiceRows()).captures[0]?.reservedMinor).toBe(0n);
    told(await anna.isRefunded("t1", PRICE));
    await playTo("2026-01-31 14:00");
    expect(await anna.invoiceStatus()).toBe("refunded");
  });

  test("that never happened is asked anew by itself", async () => {
    const { anna, gateway, playTo } = await openHouseOfSubscriber();
    gateway.befall("never_arrives");
    told(await anna.isRefunded("t1", PRICE));
    await playTo("2026-01-31 13:00");
    expect((await anna.invoiceRows()).refunds.map(({ status }) => status).sort()).toEqual(["done", "failed"]);
    expect(gateway.left(T1)).toBe(0n);
  });

  test("whose answer is lost stays reserved until a look-up finds it", async () => {
    const { anna, gateway, does, dueNow } = await openHouseOfSubscriber();
    gateway.befall("done_unheard");
    told(await anna.isRefunded("t1", rub(5000)));
    await does("send_refund");
    expect((await anna.invoiceRows()).refunds[0]?.status).toBe("unknown");
    expect(refusalOf(await anna.isRefunded("t1", rub(1)))["code"]).toBe("refund_in_flight");
    expect(await dueNow()).toEqual(["look_up_refund"]);
    await does("look_up_refund");
    expect((await anna.invoiceRows()).refunds[0]).toMatchObject({ status: "done", amountMinor: 5000n });
  });

  test("of two workers one sends it", async () => {
    const { cinema, anna } = await openHouseOfSubscriber();
    const refundId = told(await anna.isRefunded("t1", rub(5000)))["refundId"] as never;
    told(await cinema.bySystem({ type: "refund.start", refundId }));
    expect(refusalOf(await cinema.bySystem({ type: "refund.start", refundId }))["code"]).toBe("refund_in_flight");
  });

  test("of more than was captured is a fact when the gateway tells of it: recorded, and no more is asked back", async () => {
    const { cinema, anna } = await openHouseOfSubscriber();
    const refundId = told(await anna.isRefunded("t1", PRICE))["refundId"] as never;
    told(await cinema.bySystem({ type: "refund.start", refundId }));
    const transactionId = transactionNamed("r1");
    told(await cinema.byGateway({ type: "refund.succeed", refundId, transactionId, amount: rub(30_000) }));
    const { captures, invoice } = await anna.invoiceRows();
    expect(captures[0]).toMatchObject({ capturedMinor: 29_900n, reservedMinor: 0n, returnedMinor: 30_000n });
    expect(invoice).toMatchObject({ status: "refunded", refundedMinor: 30_000n });
    expect(refusalOf(await anna.isRefunded("t1", rub(1)))).toEqual({ code: "refund_above_captured", left: "0.00 RUB" });
  });

  test("makes the running period worth less", async () => {
    const { anna, gateway, playTo, sleepTo } = await openHouseOfSubscriber();
    told(await anna.isRefunded("t1", rub(9900)));
    await playTo("2026-02-14 12:00");
    sleepTo("2026-02-14 12:00");
    await anna.cancels();
    await playTo("2026-02-14 13:00");
    expect(gateway.left(T1)).toBe(10_000n); // Half of the 200.00 that were left.
  });
});

describe("a refund that the gateway tells of", () => {
  const reported = async (amount: number) => {
    const house = await openHouseOfSubscriber();
    const movement = house.gateway.giveBack(T1, rub(amount));
    return { ...house, movement };
  };

  test("is recorded once, and makes the running period worth less", async () => {
    const { cinema, anna, gateway, movement, playTo, sleepTo } = await reported(9900);
    for (let n = 0; n < 3; n += 1) told(await cinema.byGateway(tellOf(movement)));
    expect((await anna.invoiceRows()).refunds).toMatchObject([
      { status: "reported", amountMinor: 9900n, reason: null },
    ]);
    sleepTo("2026-02-14 12:00");
    await anna.cancels();
    await playTo("2026-02-14 13:00");
    expect(gateway.left(T1)).toBe(10_000n);
  });

  test("before the payment itself is known, the caller hears not_found and waits", async () => {
    const { cinema, anna, gateway } = await openHouse();
    await anna.starts();
    const attemptId = await anna.opensWidget();
    const taken = gateway.take(attemptId, PRICE);
    const back = tellOf(gateway.giveBack(taken.transactionId, rub(100)));
    expect(refusalOf(await cinema.byGateway(back, "the callback"))["code"]).toBe("not_found");
    await cinema.byGateway(tellOf(taken));
    expect(refusalOf(await cinema.byGateway(back, "the callback"))["code"]).toBe("accepted");
    expect((await anna.invoiceRows()).invoice.refundedMinor).toBe(100n);
  });

  test("by our id after it was told without it is one movement, counted once", async () => {
    const { cinema, anna, gateway, playTo, sleepTo } = await openHouseOfSubscriber();
    gateway.befall("never_arrives", "refused");
    const refundId = told(await anna.isRefunded("t1", rub(10_000)))["refundId"] as never;
    await playTo("2026-01-31 13:00"); // Three look-ups say that it never happened, the next try is refused, and yet:
    const movement = gateway.giveBack(T1, rub(10_000));
    await cinema.byGateway(tellOf(movement));
    await cinema.byGateway({
      type: "refund.succeed",
      refundId,
      transactionId: movement.transactionId,
      amount: rub(10_000),
    });
    expect((await anna.invoiceRows()).invoice.refundedMinor).toBe(10_000n);
    sleepTo("2026-02-14 12:00");
    await anna.cancels();
    await playTo("2026-02-14 13:00");
    expect(gateway.left(T1)).toBe(9950n); // Half of 199.00, not of 99.00.
  });
});

describe("a chargeback", () => {
  const disputed = async () => {
    const house = await openHouseOfSubscriber();
    told(await disputes(house));
    const first = await house.anna.invoiceId();
    return { ...house, first, decide: async (won: boolean) => told(await decides(house, first, { won })) };
  };

  test("stops charges of the account and refunds of the capture until a person decides", async () => {
    const { cinema, anna, decide, first } = await disputed();
    expect((await anna.customer())?.customer.disputes).toBe(1);
    expect(refusalOf(await anna.isRefunded("t1", rub(1), "keep", first))["code"]).toBe("dispute_open");
    await cinema.byStaff({ type: "invoice.issue", accountId: anna.accountId, lines: [SERVICE_LINE] });
    expect(refusalOf(await anna.charges("visa"))["code"]).toBe("dispute_open");
    await decide(true);
    expect((await anna.customer())?.customer.disputes).toBe(0);
    told(await anna.isRefunded("t1", rub(1), "keep", first));
    expect(refusalOf(await anna.charges("visa"))["code"]).toBe("accepted");
  });

  test("the renewal waits for the decision, and access stays within grace", async () => {
    const { anna, decide, playTo } = await disputed();
    await playTo("2026-03-01 12:00");
    expect(await anna.subscription()).toMatchObject({ status: "active", periodNumber: 1 });
    expect(await anna.watchesUntil()).toBe(msk("2026-03-07 12:00"));
    await decide(true);
    await playTo("2026-03-02 12:00");
    expect(await anna.subscription()).toMatchObject({ status: "active", periodNumber: 2, periodStart: B1 });
  });

  test("a card that goes while it is open, and another stays, ends nothing", async () => {
    const { anna } = await disputed();
    await anna.provesCard();
    await anna.removesCard("visa");
    expect((await anna.subscription()).renews).toBe(true);
  });

  test("lost, the bank has taken all: the invoice is refunded, and a cancel gives nothing a second time", async () => {
    const { anna, decide, first, gateway, playTo } = await disputed();
    await decide(false);
    expect(await anna.invoiceStatus(first)).toBe("refunded");
    await anna.cancels();
    await playTo("2026-01-31 13:00");
    expect([gateway.books.filter(({ kind }) => kind === "refund"), await anna.credit()]).toEqual([[], null]);
  });

  test("lost, a refund that was reserved and not sent is not sent any more", async () => {
    const house = await openHouseOfSubscriber();
    const { cinema, anna, gateway, playTo } = house;
    told(await anna.isRefunded("t1", PRICE));
    const invoiceId = await anna.invoiceId();
    told(await disputes(house));
    const [due] = await cinema.dueNow();
    expect(refusalOf(await cinema.bySystem({ type: "refund.start", refundId: due?.subject as never }))["code"]).toBe(
      "dispute_open",
    );
    told(await decides(house, invoiceId, { won: false }));
    await playTo("2026-01-31 13:00");
    expect(gateway.books.filter(({ kind }) => kind === "refund")).toEqual([]);
    expect((await anna.invoiceRows()).refunds[0]?.status).toBe("failed");
    expect(await anna.facts()).not.toContain("RefundStarted");
  });

  test("lost, the running period is worth nothing any more: an upgrade pays for all of its rest", async () => {
    const house = await openHouse();
    const { anna, sleepTo } = house;
    await subscribes(anna, "visa", BASIC);
    told(await disputes(house));
    told(await decides(house, await anna.invoiceId(), { won: false }));
    sleepTo("2026-02-14 12:00");
    await anna.changes(await anna.quotes(PREMIUM));
    expect((await anna.invoiceRows()).invoice.dueMinor).toBe(14_950n);
  });

  test("open at a cancel, what is disputed is neither refunded nor credited: the person who decides sees to it", async () => {
    const { anna, decide, gateway, first, playTo } = await disputed();
    await anna.cancels();
    await playTo("2026-01-31 13:00");
    expect([gateway.left(T1), await anna.credit(), await anna.status()]).toEqual([29_900n, null, "ended"]);
    await decide(true);
    told(await anna.isRefunded("t1", PRICE, "keep", first));
    await playTo("2026-01-31 14:00");
    expect(gateway.left(T1)).toBe(0n);
  });

  test("of money that came twice: won, what had not gone back is asked for again", async () => {
    const house = await openHouse({ fates: ["never_arrives"] });
    const { cinema, gateway, anna, playTo } = house;
    await anna.starts();
    const { transactionId } = await paysTwice(house);
    const [row] = await cinema.dueNow();
    // The refund is under way when the bank takes the money into question.
    await cinema.bySystem({ type: "refund.start", refundId: row?.subject as never });
    told(await disputes(house, transactionId));
    await playTo("2026-01-31 13:00");
    expect((await anna.invoiceRows()).refunds.map(({ status }) => status)).toEqual(["failed"]);
    told(await decides(house, await anna.invoiceId(), { won: true, transactionId }));
    gateway.heal();
    await playTo("2026-01-31 14:00");
    expect(gateway.left(transactionId)).toBe(0n);
  });

  test("of two captures of one invoice keeps the account closed until both are decided", async () => {
    const house = await openHouse();
    const { anna } = house;
    await anna.starts();
    const taken = [T1, (await paysTwice(house)).transactionId];
    for (const transactionId of taken) told(await disputes(house, transactionId));
    const invoiceId = await anna.invoiceId();
    const open: (number | undefined)[] = [];
    for (const transactionId of taken) {
      told(await decides(house, invoiceId, { won: true, transactionId }));
      open.push((await anna.customer())?.customer.disputes);
    }
    expect(open).toEqual([1, 0]);
  });
});

describe("erasure", () => {
  test("ends the renewal and forgets the cards; money goes on", async () => {
    const { anna, playTo } = await openHouseOfSubscriber();
    told(await anna.erases());
    expect((await anna.customer())?.customer.status).toBe("erased");
    expect((await anna.customer())?.cards.map(({ status }) => status)).toEqual(["removed"]);
    expect(await anna.subscription()).toMatchObject({ status: "active", renews: false });
    told(await anna.isRefunded("t1", rub(100)));
    await playTo("2026-03-01 12:00");
    expect([await anna.status(), (await anna.invoiceRows()).invoice.refundedMinor]).toEqual(["ended", 100n]);
    expect(refusalOf(await anna.starts())["code"]).toBe("customer_erased");
  });

  test("binds the account to nothing new, also with credit in its books", async () => {
    const { cinema, anna } = await openHouseOfSubscriber();
    await cinema.byStaff({ type: "credit.add", accountId: anna.accountId, amount: rub(100_000), reason: "an outage" });
    const quoteId = await anna.quotes(YEARLY);
    await cinema.byStaff({
      type: "invoice.issue",
      accountId: anna.accountId,
      lines: [{ ...SERVICE_LINE, amount: rub(200_000) }],
    });
    const open = await anna.invoiceId();
    await anna.erases();
    const [subscriptionId, accountId] = [await anna.subscriptionId(), anna.accountId];
    const asked: readonly Command[] = [
      { type: "subscription.change", subscriptionId, quoteId },
      { type: "subscription.quote_change", subscriptionId, plan: PREMIUM },
      { type: "subscription.pay_ahead", subscriptionId },
      { type: "invoice.offer", invoiceId: open, consent: null },
      { type: "setup.offer", accountId, consent: "v1" },
      { type: "invoice.charge", invoiceId: open, cardId: null },
    ];
    const codes = [];
    for (const command of asked) codes.push(refusalOf(await anna.asks(command))["code"]);
    expect(codes).toEqual([...Array.from({ length: 5 }, () => "customer_erased"), "card_required"]);
    const issue = { type: "invoice.issue", accountId, lines: [SERVICE_LINE] } as const;
    expect(refusalOf(await cinema.byStaff(issue))["code"]).toBe("customer_erased");
  });

  test("a payment that was under way is a fact: a trial that it buys begins for nobody", async () => {
    const { cinema, gateway, anna } = await openHouse({
      premium: { trial: { kind: "paid", days: 3, price: rub(100) } },
    });
    await anna.starts();
    const attemptId = await anna.opensWidget();
    await anna.erases();
    const { transactionId, amount } = gateway.take(attemptId, rub(100));
    told(await cinema.pay(attemptId, amount, transactionId, cardNamed("visa")));
    expect((await anna.customer())?.cards).toEqual([]);
    expect([await anna.invoiceStatus(), (await anna.subscription()).renews]).toEqual(["paid", false]);
  });
});

test("a refund by policy goes to all that paid for the period, newest first, and the rest to credit", async () => {
  const { cinema, anna, gateway, playTo } = await openHouse();
  await subscribes(anna, "visa", BASIC);
  await cinema.byStaff({ type: "credit.add", accountId: anna.accountId, amount: rub(4000), reason: "an outage" });
  await anna.changes(await anna.quotes(PREMIUM));
  await anna.pays(); // 100.00 more for the whole period, 40.00 of it by credit.
  await anna.cancels();
  await playTo("2026-01-31 13:00");
  expect([gateway.left(T1), gateway.left(transactionNamed("t2")), await anna.credit()]).toEqual([
    0n,
    0n,
    { balance: 4000n, reserved: 0n },
  ]);
});
