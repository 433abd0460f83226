import { describe, expect, test } from "bun:test";
import { invoiceStream } from "../../../src/core/billing/stream.ts";
import type { InvoiceId } from "../../../src/core/ids.ts";
import { answered, BASIC, cardNamed, msk, PRICE, refusalOf, rub, SERVICE_LINE, told } from "../../support/cinema.ts";
import { tellOf } from "../../support/due-work.ts";
import { HARD, SOFT } from "../../support/gateway.ts";
import { B1, type House, openHouse, openHouseOfSubscriber } from "../../support/house.ts";
import { charged, passesB1 } from "./situations.ts";

/** All ways to say that no more shall be charged. Each is always accepted. */
const REFUSALS = {
  stop: ({ anna }: House) => anna.stops(),
  cancel: ({ anna }: House) => anna.cancels(),
  "withdrawal of consent": ({ anna }: House) => anna.withdrawsConsent(),
  "removal of the card": ({ anna }: House) => anna.removesCard("visa"),
  erasure: ({ anna }: House) => anna.erases(),
} as const;

describe("stop renewing", () => {
  test("access stays to the paid end, nothing is announced or charged, then it ends", async () => {
    const { anna, gateway, playTo } = await openHouseOfSubscriber();
    told(await anna.stops());
    expect(await anna.subscription()).toMatchObject({ status: "active", renews: false });
    expect(await anna.watchesUntil()).toBe(B1);
    expect(await anna.waitsFor()).toEqual({ pass_boundary: B1 });
    await playTo("2026-02-28 12:00");
    expect(await anna.subscription()).toMatchObject({ status: "ended", endReason: "payer_stopped" });
    expect(gateway.books).toHaveLength(1);
  });

  test("can be undone until the boundary", async () => {
    const { anna, playTo } = await openHouseOfSubscriber();
    expect(refusalOf(await anna.undoesStop())["code"]).toBe("renewal_not_stopped");
    await anna.stops();
    told(await anna.undoesStop());
    expect(await anna.watchesUntil()).toBe(msk("2026-03-07 12:00"));
    await playTo("2026-03-01 12:00");
    expect(await anna.subscription()).toMatchObject({ status: "active", periodNumber: 2 });
  });

  test("takes back the next period that was to be paid by hand: its invoice is void", async () => {
    const { anna } = await openHouseOfSubscriber();
    const { invoiceId } = told(await anna.paysAhead());
    await anna.stops();
    expect([await anna.invoiceStatus(invoiceId as InvoiceId), (await anna.subscription()).openInvoice]).toEqual([
      "void",
      null,
    ]);
  });

  test("an undo needs card and consent", async () => {
    const { anna } = await openHouseOfSubscriber();
    await anna.stops();
    await anna.removesCard("visa");
    expect(refusalOf(await anna.undoesStop())["code"]).toBe("card_or_consent_missing");
  });

  test("of the unpaid start ends it, its invoice void", async () => {
    const { anna } = await openHouse();
    await anna.starts();
    await anna.stops();
    expect([await anna.status(), await anna.invoiceStatus()]).toEqual(["ended", "void"]);
  });

  test("twice is nothing new", async () => {
    const { anna } = await openHouseOfSubscriber();
    await anna.stops();
    const before = await anna.facts();
    told(await anna.stops());
    expect(await anna.facts()).toEqual(before);
  });
});

describe("cancel with refund", () => {
  test("within seven days all goes back, and access ends at once", async () => {
    const { anna, gateway, playTo, sleepTo } = await openHouseOfSubscriber();
    sleepTo("2026-02-07 11:59");
    told(await anna.cancels());
    expect([await anna.status(), await anna.watchesUntil()]).toEqual(["ended", null]);
    await playTo("2026-02-07 13:00");
    expect([await anna.invoiceStatus(), gateway.left("t1" as never)]).toEqual(["refunded", 0n]);
  });

  test("later the unused value goes back", async () => {
    const { anna, gateway, playTo, sleepTo } = await openHouseOfSubscriber();
    sleepTo("2026-02-14 12:00"); // Half of 28 days.
    await anna.cancels();
    await playTo("2026-02-14 13:00");
    expect([await anna.invoiceStatus(), gateway.left("t1" as never)]).toEqual(["partly_refunded", 14_950n]);
  });

  test("what credit had paid returns as credit", async () => {
    const { cinema, anna, gateway, playTo } = await openHouse();
    await cinema.byStaff({ type: "credit.add", accountId: anna.accountId, amount: rub(10_000), reason: "an outage" });
    await anna.starts();
    await anna.pays({ card: "visa" });
    await anna.cancels();
    await playTo("2026-01-31 13:00");
    expect([gateway.left("t1" as never), await anna.credit()]).toEqual([0n, { balance: 10_000n, reserved: 0n }]);
    expect(await anna.invoiceStatus()).toBe("refunded");
  });

  test("a period paid ahead goes back whole beside the running one", async () => {
    const { anna, gateway, sleepTo, playTo } = await openHouseOfSubscriber();
    await anna.paysAhead();
    await anna.pays();
    sleepTo("2026-02-14 12:00");
    await anna.cancels();
    await playTo("2026-02-14 13:00");
    expect([gateway.left("t1" as never), gateway.left("t2" as never)]).toEqual([14_950n, 0n]);
  });

  test("staff may give more or less, with a reason; nobody else may", async () => {
    const { cinema, anna, gateway, sleepTo, playTo } = await openHouseOfSubscriber();
    const subscriptionId = await anna.subscriptionId();
    const refund = { by: "staff", amount: rub(20_000), reason: "sorry" } as const;
    expect(refusalOf(await anna.asks({ type: "subscription.cancel", subscriptionId, refund }))["code"]).toBe(
      "forbidden",
    );
    sleepTo("2026-02-27 12:00");
    const tooMuch = { ...refund, amount: rub(29_901) };
    expect(refusalOf(await cinema.byStaff({ type: "subscription.cancel", subscriptionId, refund: tooMuch }))).toEqual({
      code: "refund_above_paid",
      most: "299.00 RUB",
    });
    told(await cinema.byStaff({ type: "subscription.cancel", subscriptionId, refund }));
    await playTo("2026-02-27 13:00");
    expect([gateway.left("t1" as never), (await anna.subscription()).endReason]).toEqual([9900n, "staff"]);
  });

  test("beside a refund of staff that is under way no more goes back than was paid", async () => {
    const { anna, gateway, playTo } = await openHouseOfSubscriber();
    told(await anna.isRefunded("t1", rub(5000)));
    await anna.cancels();
    await playTo("2026-01-31 13:00");
    const credit = (await anna.credit())?.balance ?? 0n;
    expect([29_900n - gateway.left("t1" as never), credit]).toEqual([5000n, 24_900n]);
  });

  test("a refund that the gateway loses is looked up, and asked anew when it never happened", async () => {
    const { anna, gateway, playTo } = await openHouseOfSubscriber();
    gateway.befall("never_arrives", "done_unheard");
    await anna.cancels();
    await playTo("2026-01-31 14:00");
    expect([gateway.left("t1" as never), await anna.invoiceStatus()]).toEqual([0n, "refunded"]);
    expect(gateway.books.filter(({ kind }) => kind === "refund")).toHaveLength(1);
  });

  test("of an unpaid start, or past due, closes the invoice and gives nothing back", async () => {
    const unpaid = await openHouse();
    await unpaid.anna.starts();
    await unpaid.anna.cancels();
    const pastDue = await openHouseOfSubscriber({ fates: [SOFT, SOFT, SOFT] });
    await pastDue.playTo("2026-02-28 13:00");
    await pastDue.anna.cancels();
    for (const { anna } of [unpaid, pastDue]) {
      expect([await anna.status(), await anna.invoiceStatus(), (await anna.invoiceRows()).refunds]).toEqual([
        "ended",
        "void",
        [],
      ]);
    }
  });
});

describe("with a charge in flight", () => {
  const inFlight = async () => {
    const house = await charged("pending");
    return { ...house, invoiceId: await house.anna.invoiceId() };
  };
  const started = async ({ cinema }: House, invoiceId: InvoiceId) =>
    (await cinema.chain(invoiceStream(invoiceId))).filter(({ type }) => type === "ChargeStarted").length;

  test.each(Object.entries(REFUSALS))("%s is accepted, and no new request is sent from then on", async (_, refuses) => {
    const house = await inFlight();
    expect(refusalOf(await refuses(house))["code"]).toBe("accepted");
    const charge = { type: "invoice.charge", invoiceId: house.invoiceId, cardId: null } as const;
    expect(refusalOf(await house.cinema.bySystem(charge))["code"]).not.toBe("accepted");
    await house.playTo("2026-03-20 12:00");
    expect(await started(house, house.invoiceId)).toBe(1);
  });

  test.each(Object.entries(REFUSALS))(
    "%s: if it turns out to have succeeded, the money goes back in full by itself and the subscription has ended",
    async (_, refuses) => {
      const house = await inFlight();
      await refuses(house);
      const [late] = house.gateway.untold;
      await house.playTo("2026-02-28 13:00"); // The look-up finds the money.
      expect(house.gateway.left(late?.transactionId as never)).toBe(0n);
      expect([await house.anna.invoiceStatus(house.invoiceId), await house.anna.status()]).toEqual([
        "refunded",
        "ended",
      ]);
      expect((await house.anna.customer())?.customer.currentSubscription).toBeNull();
    },
  );

  test.each(Object.entries(REFUSALS))(
    "%s: if it is declined, the invoice is closed and nothing goes on",
    async (_, refuses) => {
      const house = await inFlight();
      await refuses(house);
      const attemptId = house.gateway.untold[0]?.kind === "payment" ? house.gateway.untold[0].attemptId : undefined;
      const decline = {
        type: "payment.decline",
        attemptId: attemptId as never,
        transactionId: null,
        decline: HARD,
      } as const;
      await house.cinema.byGateway(decline);
      expect([await house.anna.invoiceStatus(house.invoiceId), await house.anna.status()]).toEqual(["void", "ended"]);
    },
  );

  test.each(Object.entries(REFUSALS))("%s: if it never happened, the invoice is closed", async (_, refuses) => {
    const house = await charged("never_arrives");
    await refuses(house);
    await house.playTo("2026-02-28 13:00");
    expect([await house.anna.invoiceStatus(), await house.anna.status()]).toEqual(["void", "ended"]);
  });

  test("if it turns out to be a wrong sum, the money is in suspense and the invoice is closed", async () => {
    const { anna, cinema, gateway, invoiceId } = await inFlight();
    await anna.cancels();
    const [taken] = gateway.untold;
    if (taken?.kind !== "payment") throw new Error("a payment is under way");
    await cinema.byGateway({ ...tellOf(taken), amount: rub(1) } as never);
    expect(await anna.invoiceStatus(invoiceId)).toBe("void");
    expect(answered(await cinema.store.queries.mismatches(9))).toMatchObject([{ reason: "amount", settled: false }]);
  });

  test("an invoice that nobody waits for any more is offered to nobody", async () => {
    const { anna, cinema, playTo, sleepTo } = await openHouse();
    await anna.starts();
    const attemptId = await anna.opensWidget();
    await cinema.byGateway({ type: "payment.check", attemptId, transactionId: "t7" as never });
    await anna.stops();
    expect([await anna.status(), await anna.invoiceStatus()]).toEqual(["ended", "open"]);
    sleepTo("2026-01-31 12:16");
    const offer = { type: "invoice.offer", invoiceId: await anna.invoiceId(), consent: null } as const;
    expect(refusalOf(await anna.asks(offer))).toEqual({ code: "not_chargeable", because: "not_wanted" });
    await playTo("2026-01-31 13:06");
    expect(await anna.invoiceStatus()).toBe("void");
    const charging = await inFlight();
    await charging.anna.stops();
    const { invoiceId } = charging;
    expect(refusalOf(await charging.anna.asks({ ...offer, invoiceId }))["code"]).toBe("charge_in_flight");
  });

  test("nor is it charged, by the payer's own hand either", async () => {
    const { cinema, anna, sleepTo } = await openHouseOfSubscriber();
    const invoiceId = told(await anna.paysAhead())["invoiceId"] as InvoiceId;
    const attemptId = await anna.opensWidget(invoiceId);
    await cinema.byGateway({ type: "payment.check", attemptId, transactionId: "t7" as never });
    await anna.stops();
    sleepTo("2026-01-31 12:16");
    expect(refusalOf(await anna.charges("visa", invoiceId))).toEqual({ code: "not_chargeable", because: "not_wanted" });
  });

  test("money that arrives for it after all, within the hour of the widget, goes back", async () => {
    const { anna, cinema, gateway, playTo } = await openHouse();
    await anna.starts();
    const attemptId = await anna.opensWidget();
    await cinema.byGateway({ type: "payment.check", attemptId, transactionId: "t7" as never });
    await anna.cancels();
    const taken = gateway.take(attemptId, PRICE);
    await cinema.byGateway(tellOf(taken));
    await playTo("2026-01-31 13:00");
    expect([gateway.left(taken.transactionId), await anna.invoiceStatus(), await anna.status()]).toEqual([
      0n,
      "refunded",
      "ended",
    ]);
  });
});

describe("consent and cards, with nothing in flight", () => {
  test("a withdrawal leaves a dated record and ends the renewal, not the access", async () => {
    const { anna, sleepTo, playTo } = await openHouseOfSubscriber();
    sleepTo("2026-02-10 12:00");
    told(await anna.withdrawsConsent());
    expect((await anna.customer())?.customer.consentWithdrawnAt).toBe(msk("2026-02-10 12:00"));
    expect([(await anna.subscription()).renews, await anna.watchesUntil()]).toEqual([false, B1]);
    await playTo("2026-02-28 12:00");
    expect((await anna.subscription()).endReason).toBe("no_card_or_consent");
    expect(await anna.facts()).toContain("NoticeGiven"); // That it ends: it is no stop by the payer.
  });

  test("a withdrawal before any yes leaves a dated record as well", async () => {
    const { anna } = await openHouse();
    told(await anna.withdrawsConsent());
    expect((await anna.customer())?.customer.consentWithdrawnAt).not.toBeNull();
  });

  test("counts for all subscriptions of the account, also a queued one", async () => {
    const { anna } = await openHouseOfSubscriber();
    await anna.stops();
    const { invoiceId } = told(await anna.starts({ plan: BASIC }));
    await anna.pays({ invoice: invoiceId as InvoiceId, card: "mir" });
    expect(new Set((await anna.subscriptions()).map(({ renews }) => renews))).toEqual(new Set([false, true]));
    await anna.withdrawsConsent();
    expect((await anna.subscriptions()).map(({ renews }) => renews)).toEqual([false, false]);
  });

  test("given again with a card it goes on; what the payer himself stopped stays stopped", async () => {
    const { anna } = await openHouseOfSubscriber();
    await anna.withdrawsConsent();
    await anna.provesCard();
    expect((await anna.subscription()).renews).toBe(true);
    await anna.stops();
    await anna.removesCard("visa");
    await anna.provesCard();
    expect((await anna.subscription()).renews).toBe(false);
  });

  test("given again with the tick in any widget, it goes on with the card that is saved", async () => {
    const { cinema, anna } = await openHouseOfSubscriber();
    await anna.withdrawsConsent();
    const { invoiceId } = told(
      await cinema.byStaff({ type: "invoice.issue", accountId: anna.accountId, lines: [SERVICE_LINE] }),
    );
    await anna.opensWidget(invoiceId as InvoiceId, "v2");
    expect((await anna.subscription()).renews).toBe(true);
  });

  test("with the preferred card blocked, another one that the payer prefers renews again", async () => {
    const { cinema, anna, gateway } = await openHouseOfSubscriber();
    await anna.provesCard();
    await anna.prefersCard("visa");
    await cinema.byStaff({ type: "invoice.issue", accountId: anna.accountId, lines: [SERVICE_LINE] });
    gateway.befall(HARD);
    await anna.charges("visa");
    expect((await anna.subscription()).renews).toBe(false);
    const other = (await anna.customer())?.cards.find(({ status }) => status === "active")?.cardId;
    told(await anna.asks({ type: "card.prefer", accountId: anna.accountId, cardId: other as never }));
    expect((await anna.subscription()).renews).toBe(true);
  });

  test("a removed card leaves the renewal to another one that is saved", async () => {
    const house = await openHouseOfSubscriber();
    const { anna } = house;
    await anna.provesCard();
    const newer = (await anna.customer())?.cards.find(({ preferred }) => preferred)?.cardId;
    await anna.asks({ type: "card.remove", accountId: anna.accountId, cardId: newer as never });
    expect((await anna.subscription()).renews).toBe(true);
    await passesB1(house);
    await house.does("charge_renewal");
    expect((await anna.subscription()).periodNumber).toBe(2);
  });

  test("of two cards the older can be preferred, and the newer again", async () => {
    const { anna } = await openHouseOfSubscriber();
    await anna.provesCard();
    const preferred = async () =>
      (await anna.customer())?.cards.filter((card) => card.preferred).map(({ cardId }) => cardId);
    const newer = await preferred();
    told(await anna.prefersCard("visa"));
    expect(await preferred()).toEqual([cardNamed("visa")]);
    told(await anna.asks({ type: "card.prefer", accountId: anna.accountId, cardId: newer?.[0] as never }));
    expect(await preferred()).toEqual(newer);
    expect(newer).toHaveLength(1);
  });

  test("a removed card is neither charged nor preferred, and removing it again is nothing new", async () => {
    const { cinema, anna } = await openHouseOfSubscriber();
    await anna.removesCard("visa");
    told(await anna.removesCard("visa"));
    expect(refusalOf(await anna.prefersCard("visa"))["code"]).toBe("card_removed");
    expect(refusalOf(await anna.removesCard("never saved"))["code"]).toBe("card_unknown");
    await cinema.byStaff({ type: "invoice.issue", accountId: anna.accountId, lines: [SERVICE_LINE] });
    expect(refusalOf(await anna.charges("visa"))["code"]).toBe("card_removed");
  });
});
