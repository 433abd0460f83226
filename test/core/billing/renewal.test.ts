import { describe, expect, test } from "bun:test";
import { invoiceStream } from "../../../src/core/billing/stream.ts";
import {
  cardNamed,
  MONTHLY,
  msk,
  OTHER_GATEWAY,
  openCinema,
  PREMIUM,
  PRICE,
  refusalOf,
  rub,
  SERVICE_LINE,
  told,
} from "../../support/cinema.ts";
import { tellOf } from "../../support/due-work.ts";
import { OUTAGE } from "../../support/gateway.ts";
import { B1, B2, openHouseOfSubscriber } from "../../support/house.ts";
import { viewerOf } from "../../support/viewer.ts";
import { charged, invoiced, passesB1 } from "./situations.ts";

/** Three local days before the boundary, and an hour more for a sweep that is late. */
const NOTICE = msk("2026-02-25 11:00");

describe("a renewal", () => {
  test("is announced, invoiced at its boundary, charged and paid: the next period joins", async () => {
    const { anna, does, sleepTo, dueNow } = await openHouseOfSubscriber();
    expect(await anna.waitsFor()).toEqual({ give_notice: NOTICE, pass_boundary: B1 });
    sleepTo("2026-02-25 11:00");
    await does("give_notice");
    expect(await anna.waitsFor()).toEqual({ pass_boundary: B1 });
    sleepTo("2026-02-28 12:00");
    await does("pass_boundary");
    expect((await anna.invoiceRows()).invoice).toMatchObject({
      purpose: "renewal",
      sequence: "2",
      status: "open",
      expiresAt: null,
    });
    expect(await dueNow()).toEqual(["charge_renewal"]);
    await does("charge_renewal");
    expect(await anna.subscription()).toMatchObject({
      status: "active",
      periodNumber: 2,
      periodStart: B1,
      periodEnd: B2,
    });
    expect(await anna.waitsFor()).toEqual({ give_notice: msk("2026-03-28 11:00"), pass_boundary: B2 });
  });

  test("keeps its day through short months for a year, and is charged twelve times", async () => {
    const { anna, gateway, playTo } = await openHouseOfSubscriber();
    await playTo("2027-01-31 12:00");
    expect(gateway.books.filter(({ kind }) => kind === "payment")).toHaveLength(13);
    const starts = (await anna.invoices())
      .map(({ issuedAt }) => new Date(issuedAt).toISOString().slice(0, 10))
      .reverse();
    expect(starts.slice(0, 5)).toEqual(["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]);
    expect((await anna.subscription()).periodStart).toBe(msk("2027-01-31 12:00"));
  });

  test("with no notice is not charged: access stays, and the charge comes three days after a late one", async () => {
    const { anna, does, sleepTo, dueNow } = await openHouseOfSubscriber();
    sleepTo("2026-02-28 12:00");
    await does("pass_boundary");
    expect(await dueNow()).toEqual(["give_notice"]);
    await does("give_notice");
    expect(await anna.watchesUntil()).toBe(msk("2026-03-07 12:00"));
    expect(await anna.waitsFor()).toMatchObject({ charge_renewal: msk("2026-03-03 12:00") });
    sleepTo("2026-03-03 12:00");
    await does("charge_renewal");
    expect(await anna.subscription()).toMatchObject({ status: "active", periodStart: B1, periodEnd: B2 });
  });

  test("that the schedule asks for too early, or without a notice, is refused by name", async () => {
    const { cinema, anna, does, sleepTo } = await openHouseOfSubscriber();
    sleepTo("2026-02-28 12:00");
    await does("pass_boundary");
    const charge = { type: "invoice.charge", invoiceId: await anna.invoiceId(), cardId: null } as const;
    expect(refusalOf(await cinema.bySystem(charge))).toEqual({ code: "not_chargeable", because: "no_notice" });
    await does("give_notice");
    expect(refusalOf(await cinema.bySystem(charge))).toEqual({ code: "not_chargeable", because: "too_early" });
    expect(await cinema.chain(invoiceStream(await anna.invoiceId()))).toHaveLength(1);
  });

  test("a sweep that comes before the boundary is told when it is; one that comes twice gives one notice", async () => {
    const { cinema, anna, sleepTo } = await openHouseOfSubscriber();
    sleepTo("2026-02-28 11:59");
    const subscriptionId = await anna.subscriptionId();
    const early = await cinema.bySystem({ type: "subscription.pass_boundary", subscriptionId });
    expect(refusalOf(early)).toEqual({ code: "boundary_not_reached", boundary: "2026-02-28T09:00:00.000Z" });
    const notify = { type: "subscription.give_notice", subscriptionId } as const;
    expect(told(await cinema.bySystem(notify))).toEqual({ subscriptionId, noticeId: expect.any(String) });
    expect(told(await cinema.bySystem(notify))).toEqual({ subscriptionId });
    expect((await anna.facts()).filter((type) => type === "NoticeGiven")).toHaveLength(1);
  });

  test("two workers, one charge: the second claim is refused", async () => {
    const { cinema, anna } = await invoiced();
    const charge = { type: "invoice.charge", invoiceId: await anna.invoiceId(), cardId: null } as const;
    const first = told(await cinema.bySystem(charge));
    expect(refusalOf(await cinema.bySystem(charge))).toEqual({
      code: "charge_in_flight",
      attemptId: first["attemptId"] ?? "",
    });
  });

  test("by credit needs no card in the gateway's hands: it is born paid", async () => {
    const { cinema, anna, gateway, playTo } = await openHouseOfSubscriber();
    await cinema.byStaff({ type: "credit.add", accountId: anna.accountId, amount: PRICE, reason: "an outage" });
    await playTo("2026-02-28 12:00");
    expect(await anna.subscription()).toMatchObject({ status: "active", periodNumber: 2 });
    expect((await anna.invoiceRows()).invoice).toMatchObject({ status: "paid", dueMinor: 0n, creditMinor: 29_900n });
    expect(gateway.books).toHaveLength(1);
  });

  test("is charged with the card that the payer prefers", async () => {
    const house = await openHouseOfSubscriber();
    const { anna } = house;
    await anna.provesCard();
    await anna.prefersCard("visa");
    await passesB1(house);
    await house.does("charge_renewal");
    expect((await anna.invoiceRows()).attempts[0]?.cardId).toBe(cardNamed("visa"));
    expect((await anna.customer())?.cards).toHaveLength(2);
  });

  test("a card of another gateway account is charged by nobody, and renews nothing", async () => {
    const { anna, store, gateway, playTo } = await openHouseOfSubscriber();
    await playTo("2026-02-26 12:00");
    const moved = openCinema(store, { gatewayAccount: OTHER_GATEWAY });
    moved.moveTo(B1);
    const later = viewerOf(moved, gateway, "anna");
    const subscriptionId = await anna.subscriptionId();
    told(await moved.byStaff({ type: "invoice.issue", accountId: anna.accountId, lines: [SERVICE_LINE] }));
    expect(refusalOf(await later.charges("visa"))["code"]).toBe("card_unknown");
    expect(refusalOf(await later.charges())["code"]).toBe("card_required");
    told(await moved.bySystem({ type: "subscription.pass_boundary", subscriptionId }));
    expect((await later.subscription()).endReason).toBe("no_card_or_consent");
  });
});

describe("an answer that is lost", () => {
  test("nothing is charged anew until the gateway has been asked", async () => {
    const { cinema, anna, dueNow } = await charged("done_unheard");
    expect(await anna.invoiceStatus()).toBe("processing");
    expect(await dueNow()).toEqual(["charge_renewal", "look_up_payment"]);
    const charge = { type: "invoice.charge", invoiceId: await anna.invoiceId(), cardId: null } as const;
    expect(refusalOf(await cinema.bySystem(charge))["code"]).toBe("charge_in_flight");
  });

  test("a look-up that finds the money has paid the period", async () => {
    const { anna, does, gateway } = await charged("done_unheard");
    await does("look_up_payment");
    expect(await anna.subscription()).toMatchObject({ status: "active", periodNumber: 2, periodStart: B1 });
    expect(gateway.books.filter(({ kind }) => kind === "payment")).toHaveLength(2);
  });

  test("two look-ups five minutes apart and the list prove that it never happened; it is tried again at once", async () => {
    const { anna, does, sleepTo, dueNow, gateway } = await charged("never_arrives");
    await does("look_up_payment");
    expect((await anna.waitsFor())["look_up_payment"]).toBe(msk("2026-02-28 12:05"));
    sleepTo("2026-02-28 12:05");
    await does("look_up_payment");
    expect([await anna.invoiceStatus(), await dueNow()]).toEqual(["open", ["charge_renewal"]]);
    await does("charge_renewal");
    expect(await anna.subscription()).toMatchObject({ status: "active", periodNumber: 2 });
    expect(gateway.books.filter(({ kind }) => kind === "payment")).toHaveLength(2);
  });

  test("a worker that dies after its claim leaves a charge that is looked up after five minutes", async () => {
    const { anna, does, sleepTo, dueNow } = await charged("pending");
    expect((await anna.waitsFor())["look_up_payment"]).toBe(msk("2026-02-28 12:05"));
    sleepTo("2026-02-28 12:04");
    expect(await dueNow()).not.toContain("look_up_payment");
    sleepTo("2026-02-28 12:05");
    await does("look_up_payment");
    expect((await anna.subscription()).periodNumber).toBe(2);
  });

  test("unknown for 24 hours it counts as declined, and the look-up goes on", async () => {
    const { cinema, anna, does, sleepTo, gateway } = await charged("pending");
    const invoiceId = await anna.invoiceId();
    const give = { type: "invoice.give_up_waiting", invoiceId } as const;
    expect(refusalOf(await cinema.bySystem(give))).toEqual({ code: "not_chargeable", because: "too_early" });
    expect((await anna.waitsFor())["give_up_waiting"]).toBe(msk("2026-03-01 12:00"));
    sleepTo("2026-03-01 12:00");
    await does("give_up_waiting");
    expect(await anna.status()).toBe("past_due");
    expect(await anna.invoiceStatus()).toBe("processing");
    // What proves paid is paid at the instant of the answer, and within grace it keeps its dates.
    await cinema.byGateway(tellOf(gateway.untold[0] as never));
    expect(await anna.subscription()).toMatchObject({ status: "active", periodStart: B1, periodEnd: B2 });
    expect((await anna.waitsFor())["give_up_waiting"]).toBeUndefined();
  });

  test("found after grace, the period begins at the answer", async () => {
    const { anna, does, sleepTo } = await charged("done_unheard");
    sleepTo("2026-03-01 12:00");
    await does("give_up_waiting");
    sleepTo("2026-03-10 15:00"); // The gateway has been silent until now.
    await does("look_up_payment");
    expect(await anna.subscription()).toMatchObject({ status: "active", periodStart: msk("2026-03-10 15:00") });
  });

  test("that never happened, found past due, is tried again at once and uses no step", async () => {
    const { cinema, anna, does, sleepTo } = await charged("never_arrives");
    sleepTo("2026-03-01 12:00");
    await does("give_up_waiting");
    const next = (await anna.subscription()).nextTryAt;
    expect(next).toBe(msk("2026-03-02 12:00"));
    await does("look_up_payment");
    sleepTo("2026-03-01 12:05");
    await does("look_up_payment");
    expect((await anna.subscription()).nextTryAt).toBe(cinema.at());
    await does("charge_renewal");
    expect(await anna.status()).toBe("active");
  });

  test("an outage of ours is no decline: tried again after an hour", async () => {
    const { anna, does, sleepTo } = await charged(OUTAGE);
    expect(await anna.status()).toBe("active");
    expect((await anna.waitsFor())["charge_renewal"]).toBe(msk("2026-02-28 13:00"));
    sleepTo("2026-02-28 13:00");
    await does("charge_renewal");
    expect((await anna.subscription()).periodNumber).toBe(2);
  });
});

describe("late and missed", () => {
  test("paid after grace a new period starts at the payment, and its day is the new anchor", async () => {
    const { anna, sleepTo } = await invoiced();
    sleepTo("2026-03-10 15:00");
    expect(await anna.watchesUntil()).toBeNull();
    await anna.pays({ card: "mir" });
    expect(await anna.subscription()).toMatchObject({
      status: "active",
      periodStart: msk("2026-03-10 15:00"),
      periodEnd: msk("2026-04-10 15:00"),
    });
  });

  test("a period that is over is never charged: the one that its invoice now buys begins today", async () => {
    const { anna, cinema, playTo, sleepTo } = await invoiced();
    sleepTo("2026-03-31 12:00");
    const charge = { type: "invoice.charge", invoiceId: await anna.invoiceId(), cardId: null } as const;
    expect(refusalOf(await cinema.bySystem(charge))).toEqual({ code: "not_chargeable", because: "too_late" });
    await playTo("2026-04-05 12:00");
    expect(await anna.subscription()).toMatchObject({ status: "active", periodNumber: 2 });
    expect((await anna.subscription()).periodStart).toBeGreaterThanOrEqual(B2);
  });

  test("after a stop of the scheduler for two months one charge is made, not two", async () => {
    const { anna, gateway, playTo, sleepTo } = await openHouseOfSubscriber();
    sleepTo("2026-04-15 12:00");
    await playTo("2026-04-19 12:00");
    expect(gateway.books.filter(({ kind }) => kind === "payment")).toHaveLength(2);
    expect((await anna.subscription()).periodStart).toBe(msk("2026-04-18 12:00"));
  });

  test("a renewal that is due is not annulled or written off by hand: it ends with its subscription", async () => {
    const { cinema, anna, does, sleepTo } = await openHouseOfSubscriber();
    sleepTo("2026-02-28 12:00");
    await does("pass_boundary");
    const invoiceId = await anna.invoiceId();
    for (const type of ["invoice.annul", "invoice.write_off"] as const) {
      expect(refusalOf(await cinema.byStaff({ type, invoiceId }))).toEqual({ code: "renewal_in_progress", invoiceId });
    }
    told(
      await cinema.byStaff({
        type: "subscription.cancel",
        subscriptionId: await anna.subscriptionId(),
        refund: { by: "policy" },
      }),
    );
    expect([await anna.invoiceStatus(invoiceId), await anna.status()]).toEqual(["void", "ended"]);
  });
});

describe("the next period, paid by hand before its boundary", () => {
  test("joins, needs no notice and no charge, and then runs by itself", async () => {
    const { anna, gateway, playTo } = await openHouseOfSubscriber();
    told(await anna.paysAhead());
    await anna.pays();
    expect(await anna.subscription()).toMatchObject({ periodNumber: 1, openInvoice: null });
    expect(await anna.watchesUntil()).toBe(msk("2026-04-07 12:00"));
    expect(refusalOf(await anna.paysAhead())["code"]).toBe("period_paid_ahead");
    await playTo("2026-03-01 12:00");
    expect(await anna.subscription()).toMatchObject({ periodNumber: 2, periodStart: B1, periodEnd: B2 });
    expect(gateway.books.filter(({ kind }) => kind === "payment")).toHaveLength(2);
    expect(await anna.facts()).not.toContain("NoticeGiven");
  });

  test("unpaid at the boundary, the schedule takes it over", async () => {
    const house = await openHouseOfSubscriber();
    const { anna } = house;
    told(await anna.paysAhead());
    await passesB1(house);
    expect(await house.dueNow()).toEqual(["charge_renewal"]);
    await house.does("charge_renewal");
    expect(await anna.subscription()).toMatchObject({ periodNumber: 2, periodStart: B1 });
  });

  test("annulled by staff, the subscription goes on as before", async () => {
    const { cinema, anna, playTo } = await openHouseOfSubscriber();
    const { invoiceId } = told(await anna.paysAhead());
    told(await cinema.byStaff({ type: "invoice.annul", invoiceId: invoiceId as never }));
    expect(await anna.invoiceStatus(invoiceId as never)).toBe("void");
    expect((await anna.subscription()).openInvoice).toBeNull();
    await playTo("2026-03-01 12:00");
    expect((await anna.subscription()).periodNumber).toBe(2);
  });

  test("turned back because he had stopped meanwhile, the period is invoiced anew, whatever becomes of that money", async () => {
    const { cinema, anna, gateway, playTo } = await openHouseOfSubscriber();
    told(await anna.paysAhead());
    gateway.befall("pending");
    await anna.charges();
    await anna.stops();
    await anna.undoesStop();
    const [taken] = gateway.untold.splice(0);
    if (taken === undefined) throw new Error("the charge has been made");
    gateway.befall("refused");
    told(await cinema.byGateway(tellOf(taken)));
    await playTo("2026-03-01 12:00");
    expect(await anna.subscription()).toMatchObject({
      status: "active",
      periodNumber: 2,
      periodStart: B1,
      periodEnd: B2,
    });
    const renewals = (await anna.invoices()).filter(({ purpose }) => purpose === "renewal");
    expect(renewals.map(({ sequence, status }) => [sequence, status])).toEqual([
      ["2/2", "paid"],
      ["2", "paid"],
    ]);
    await playTo("2026-04-30 12:00");
    expect((await anna.invoices()).map(({ sequence }) => sequence).slice(0, 2)).toEqual(["4", "3"]);
  });
});

test("the price of a renewal is the one that was agreed to, not the newest", async () => {
  const { cinema, anna, playTo } = await openHouseOfSubscriber();
  told(await cinema.byStaff({ type: "plan.set_price", plan: PREMIUM, price: { ...MONTHLY, price: rub(99_900) } }));
  await playTo("2026-04-30 12:00");
  expect((await anna.invoices()).map(({ totalMinor }) => totalMinor)).toEqual([29_900n, 29_900n, 29_900n, 29_900n]);
});
