import { describe, expect, test } from "bun:test";
import type { CardId } from "../../../src/core/ids.ts";
import { cardNamed, msk, PRICE, refusalOf, SERVICE_LINE, told } from "../../support/cinema.ts";
import { chargeBy, tellOf } from "../../support/due-work.ts";
import { ASK_PAYER, HARD, OUTAGE, SOFT } from "../../support/gateway.ts";
import { B1, B2, openHouseOfSubscriber } from "../../support/house.ts";
import { charged } from "./situations.ts";

describe("after a soft decline", () => {
  test("access stays for the days of grace, and the card is tried again after a day", async () => {
    const { anna } = await charged(SOFT);
    expect(await anna.subscription()).toMatchObject({ status: "past_due", nextTryAt: msk("2026-03-01 12:00") });
    expect(await anna.invoiceStatus()).toBe("open");
    expect(await anna.watchesUntil()).toBe(msk("2026-03-07 12:00"));
    expect(await anna.waitsFor()).toMatchObject({ charge_renewal: msk("2026-03-01 12:00"), close_dunning: B2 });
  });

  test("a try of the ladder that is paid keeps the period's dates", async () => {
    const { anna, playTo } = await charged(SOFT);
    await playTo("2026-03-01 12:00");
    expect(await anna.subscription()).toMatchObject({
      status: "active",
      periodNumber: 2,
      periodStart: B1,
      periodEnd: B2,
    });
  });

  test("the ladder's last step closes it: ended unpaid, the invoice uncollectible, the place free", async () => {
    const { anna, gateway, playTo } = await charged(SOFT, SOFT, SOFT, SOFT, SOFT);
    await playTo("2026-03-07 11:59");
    expect(await anna.status()).toBe("past_due");
    await playTo("2026-03-07 12:00");
    expect(await anna.subscription()).toMatchObject({ status: "ended", endReason: "unpaid" });
    expect([await anna.invoiceStatus(), await anna.watchesUntil()]).toEqual(["uncollectible", null]);
    expect((await anna.customer())?.customer.currentSubscription).toBeNull();
    expect(gateway.books.filter(({ kind }) => kind === "decline")).toHaveLength(5);
    expect(await anna.waitsFor()).toEqual({});
    expect(refusalOf(await anna.starts())["code"]).toBe("accepted");
  });

  test("a new card is charged at once", async () => {
    const { anna, does, dueNow } = await charged(SOFT);
    await anna.provesCard();
    expect(await dueNow()).toContain("charge_renewal");
    await does("charge_renewal");
    expect(await anna.subscription()).toMatchObject({ status: "active", periodStart: B1 });
  });

  test("the payer pays by hand in the widget, whenever he likes", async () => {
    const { anna, sleepTo } = await charged(SOFT);
    sleepTo("2026-03-01 10:00");
    await anna.pays({ card: "mir" });
    expect(await anna.subscription()).toMatchObject({ status: "active", periodStart: B1, renews: true });
  });

  test("the payer's own declined try uses up no step", async () => {
    const { anna, cinema, gateway, sleepTo } = await charged(SOFT);
    sleepTo("2026-02-28 18:00");
    const attemptId = await anna.opensWidget();
    await cinema.byGateway(tellOf(gateway.decline(attemptId, PRICE, SOFT)));
    expect((await anna.subscription()).nextTryAt).toBe(msk("2026-03-01 12:00"));
  });

  test("the payer's own declined try with the saved card uses up none either, but after two of one card the next waits a day", async () => {
    const { anna, gateway, sleepTo } = await charged(SOFT);
    sleepTo("2026-02-28 18:00");
    gateway.befall(SOFT);
    await anna.charges("visa");
    expect((await anna.subscription()).nextTryAt).toBe(msk("2026-03-01 18:00"));
  });

  test("an offer that came to nothing changes nothing for the ladder", async () => {
    const { anna, cinema, does, sleepTo } = await charged(SOFT);
    const attemptId = await anna.opensWidget();
    await cinema.byGateway({ type: "payment.check", attemptId, transactionId: "t7" as never });
    sleepTo("2026-02-28 13:00");
    await does("end_offer");
    await does("look_up_payment");
    sleepTo("2026-02-28 13:05");
    await does("look_up_payment");
    expect((await anna.invoiceRows()).attempts.map(({ status }) => status).sort()).toEqual([
      "declined",
      "never_happened",
    ]);
    expect((await anna.subscription()).nextTryAt).toBe(msk("2026-03-01 12:00"));
  });

  test("the old card's answer, long on its way, does not stop the new card's try", async () => {
    const { anna, cinema, gateway, does, sleepTo } = await charged("pending");
    sleepTo("2026-03-01 12:00");
    await does("give_up_waiting");
    await anna.provesCard();
    const [old] = gateway.untold;
    const attemptId = old?.kind === "payment" ? old.attemptId : null;
    sleepTo("2026-03-01 12:10");
    await cinema.byGateway({
      type: "payment.decline",
      attemptId: attemptId as never,
      transactionId: null,
      decline: SOFT,
    });
    expect((await anna.subscription()).nextTryAt).toBe(msk("2026-03-01 12:00"));
  });

  test("a card without consent is not tried", async () => {
    const { cinema, anna, gateway } = await charged(SOFT);
    await anna.withdrawsConsent();
    await cinema.byStaff({ type: "invoice.issue", accountId: anna.accountId, lines: [SERVICE_LINE] });
    const invoice = (await anna.invoices()).find(({ purpose }) => purpose === "staff")?.invoiceId as never;
    const attemptId = await anna.opensWidget(invoice);
    const { transactionId, amount } = gateway.take(attemptId, SERVICE_LINE.amount);
    told(await cinema.pay(attemptId, amount, transactionId, cardNamed("mir")));
    expect(await anna.subscription()).toMatchObject({ status: "past_due", nextTryAt: null });
  });

  test("an outage on the ladder uses up no step", async () => {
    const { anna, does, sleepTo } = await charged(SOFT, OUTAGE);
    sleepTo("2026-03-01 12:00");
    await does("charge_renewal");
    expect((await anna.subscription()).nextTryAt).toBe(msk("2026-03-01 13:00"));
  });

  test.each(["stops", "cancels"] as const)("a payer who %s is charged no more", async (verb) => {
    const { anna, dueNow, sleepTo } = await charged(SOFT);
    told(await anna[verb]());
    sleepTo("2026-03-20 12:00");
    expect([await anna.status(), await anna.invoiceStatus(), await dueNow()]).toEqual(["ended", "void", []]);
  });

  test("without card or consent the tries stop, and the invoice can be paid by hand until the end", async () => {
    const { anna, cinema, playTo } = await charged(SOFT);
    await anna.removesCard("visa");
    expect(await anna.subscription()).toMatchObject({ status: "past_due", nextTryAt: null });
    const charge = { type: "invoice.charge", invoiceId: await anna.invoiceId(), cardId: null } as const;
    expect(refusalOf(await cinema.bySystem(charge))["code"]).toBe("card_required");
    await playTo("2026-03-06 12:00");
    await anna.pays();
    expect(await anna.subscription()).toMatchObject({ status: "active", periodStart: B1, renews: false });
  });
});

describe("after a hard decline", () => {
  test.each([
    ["hard", HARD],
    ["ask the payer", ASK_PAYER],
  ])("%s: no automatic try until a new card comes", async (_, decline) => {
    const { anna, does, dueNow } = await charged(decline);
    expect(await anna.subscription()).toMatchObject({ status: "past_due", nextTryAt: null });
    expect(await anna.waitsFor()).toMatchObject({ close_dunning: msk("2026-03-07 12:00") });
    await anna.provesCard();
    expect(await dueNow()).toContain("charge_renewal");
    await does("charge_renewal");
    expect(await anna.status()).toBe("active");
  });

  test("a hard code blocks the card, one that asks the payer does not", async () => {
    const [hard, asked] = [await charged(HARD), await charged(ASK_PAYER)];
    const statuses = [await hard.anna.customer(), await asked.anna.customer()].map((rows) => rows?.cards[0]?.status);
    expect(statuses).toEqual(["blocked", "active"]);
  });

  test("of the payer's own try with the only card it is the same: the days of the ladder to find another one", async () => {
    const { anna, gateway, does, playTo, sleepTo } = await openHouseOfSubscriber();
    sleepTo("2026-02-28 12:00"); // With no notice given the charge has to wait.
    await does("pass_boundary");
    gateway.befall(HARD);
    await anna.charges("visa");
    expect(await anna.subscription()).toMatchObject({ status: "past_due", nextTryAt: null });
    expect(await anna.invoiceStatus()).toBe("open");
    await playTo("2026-03-05 12:00");
    await anna.pays({ card: "mir" });
    expect(await anna.subscription()).toMatchObject({ periodNumber: 2, renews: true });
  });

  test("of the payer's own try on the ladder stops it, for there is no card left to try", async () => {
    const { anna, gateway, playTo } = await charged(SOFT);
    gateway.befall(HARD);
    await anna.charges("visa");
    expect((await anna.subscription()).nextTryAt).toBeNull();
    await playTo("2026-03-07 12:00");
    expect(await anna.subscription()).toMatchObject({ status: "ended", endReason: "unpaid" });
  });

  test("of another saved card leaves the ladder to the one that is tried by itself", async () => {
    const { anna, cinema, gateway, playTo } = await openHouseOfSubscriber();
    await anna.provesCard();
    const other = (await anna.customer())?.cards.find(({ preferred }) => preferred)?.cardId as CardId;
    await anna.prefersCard("visa");
    await playTo("2026-02-28 11:59");
    gateway.befall(SOFT, HARD);
    await playTo("2026-02-28 12:00");
    const invoiceId = await anna.invoiceId();
    const claim = () => anna.asks({ type: "invoice.charge", invoiceId, cardId: other });
    await chargeBy(claim, cinema, gateway, invoiceId);
    expect((await anna.subscription()).nextTryAt).toBe(msk("2026-03-01 12:00"));
  });

  test("of another purchase blocks the card, but a renewal that is out can still be paid", async () => {
    const { cinema, anna, gateway, does, sleepTo } = await openHouseOfSubscriber();
    sleepTo("2026-02-28 12:00");
    await does("pass_boundary");
    await cinema.byStaff({ type: "invoice.issue", accountId: anna.accountId, lines: [SERVICE_LINE] });
    const staffs = (await anna.invoices()).find(({ purpose }) => purpose === "staff")?.invoiceId as never;
    gateway.befall(HARD);
    await anna.charges("visa", staffs);
    expect(await anna.status()).toBe("active");
    const renewal = (await anna.subscription()).openInvoice as never;
    await anna.pays({ card: "mir", invoice: renewal });
    expect(await anna.subscription()).toMatchObject({ periodNumber: 2, renews: true });
  });

  test("paid by hand without a new card the subscription runs, and ends with its period: there is no card for the next", async () => {
    const { anna, playTo } = await charged(HARD);
    await anna.pays();
    expect(await anna.subscription()).toMatchObject({ status: "active", renews: false });
    await playTo("2026-04-01 12:00");
    expect(await anna.subscription()).toMatchObject({ status: "ended", endReason: "no_card_or_consent" });
    const notices = (await anna.facts()).filter((type) => type === "NoticeGiven");
    expect(notices).toHaveLength(2); // The reminder before the charge, and that it ends.
  });

  test("paid by hand with a new card it goes on renewing", async () => {
    const { anna } = await charged(HARD);
    await anna.pays({ card: "mir" });
    expect(await anna.subscription()).toMatchObject({ status: "active", renews: true });
  });
});

describe("money that arrives after the ladder has closed", () => {
  test("goes back in full: the subscription has ended", async () => {
    const { anna, cinema, gateway, playTo } = await charged(SOFT, SOFT, SOFT, SOFT, SOFT);
    const attemptId = await anna.opensWidget();
    await playTo("2026-03-08 12:00");
    const late = gateway.take(attemptId, PRICE);
    await cinema.byGateway(tellOf(late));
    await playTo("2026-03-08 13:00");
    expect([gateway.left(late.transactionId), await anna.invoiceStatus(), await anna.status()]).toEqual([
      0n,
      "uncollectible",
      "ended",
    ]);
  });

  test("a ladder that closes while the payer is paying leaves the invoice to him; declined, it is written off", async () => {
    const { anna, cinema, gateway, sleepTo, does } = await charged(HARD);
    sleepTo("2026-03-07 11:55");
    const attemptId = await anna.opensWidget();
    await cinema.byGateway({ type: "payment.check", attemptId, transactionId: "t7" as never });
    sleepTo("2026-03-07 12:00");
    await does("close_dunning");
    expect([await anna.status(), await anna.invoiceStatus()]).toEqual(["ended", "open"]);
    const declined = gateway.decline(attemptId, PRICE, SOFT);
    await cinema.byGateway({ ...tellOf(declined), transactionId: "t7" as never } as never);
    expect(await anna.invoiceStatus()).toBe("uncollectible");
  });
});
