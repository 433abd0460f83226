import { describe, expect, test } from "bun:test";
import type { InvoiceId, PlanCode, SubscriptionId } from "../../../src/core/ids.ts";
import { BASIC, MONTHLY, msk, PREMIUM, refusalOf, rub, START, told } from "../../support/cinema.ts";
import { SOFT } from "../../support/gateway.ts";
import { B1, type House, openHouse, openHouseOfSubscriber, subscribes } from "../../support/house.ts";

const FREE = { kind: "free", days: 14, card: false } as const;
const WITH_CARD = { kind: "free", days: 14, card: true } as const;
const PAID = { kind: "paid", days: 14, price: rub(100) } as const;

describe("start again", () => {
  /** What a viewer is told who starts once more, from each state. Source: design part 5, the first two rows of the table. */
  const TABLE: Readonly<
    Record<string, { readonly from: () => Promise<House>; readonly same: string; readonly other: string }>
  > = {
    "while the first invoice is open": {
      from: async () => {
        const house = await openHouse();
        await house.anna.starts();
        return house;
      },
      same: "accepted",
      other: "accepted",
    },
    "in a trial": {
      from: async () => {
        const house = await openHouse({ premium: { trial: FREE } });
        await house.anna.starts();
        return house;
      },
      same: "subscription_trialing",
      other: "change_of_plan",
    },
    "while it runs": { from: () => openHouseOfSubscriber(), same: "subscription_active", other: "change_of_plan" },
    "while it ends with its period for want of consent": {
      from: () => openHouseOfSubscriber({ card: null }),
      same: "subscription_active",
      other: "change_of_plan",
    },
    "after a stop": {
      from: async () => {
        const house = await openHouseOfSubscriber();
        await house.anna.stops();
        return house;
      },
      same: "accepted",
      other: "accepted",
    },
    "past due": {
      from: async () => {
        const house = await openHouseOfSubscriber({ fates: [SOFT, SOFT] });
        await house.playTo("2026-02-28 13:00");
        return house;
      },
      same: "invoice_outstanding",
      other: "invoice_outstanding",
    },
    paused: {
      from: async () => {
        const house = await openHouseOfSubscriber();
        await house.anna.pauses("now", "2026-02-10");
        return house;
      },
      same: "subscription_paused",
      other: "subscription_paused",
    },
    "after the end": {
      from: async () => {
        const house = await openHouseOfSubscriber();
        await house.anna.cancels();
        return house;
      },
      same: "accepted",
      other: "accepted",
    },
  };

  test.each(Object.entries(TABLE))("%s", async (_, { from, same, other }) => {
    expect(refusalOf(await (await from()).anna.starts())["code"]).toBe(same);
    expect(refusalOf(await (await from()).anna.starts({ plan: BASIC }))["code"]).toBe(other);
  });

  test("the same plan is answered with the same subscription and the same invoice", async () => {
    const { anna } = await openHouse();
    const first = told(await anna.starts());
    expect(told(await anna.starts())).toEqual(first);
    expect(await anna.invoices()).toHaveLength(1);
  });

  test("another plan ends the unpaid one, whose invoice is void", async () => {
    const { anna } = await openHouse();
    const first = told(await anna.starts());
    const second = told(await anna.starts({ plan: BASIC }));
    const statuses = Object.fromEntries(
      (await anna.subscriptions()).map((row) => [row.subscriptionId, [row.status, row.endReason]]),
    );
    expect(statuses).toEqual({
      [first["subscriptionId"] ?? ""]: ["ended", "plan_replaced"],
      [second["subscriptionId"] ?? ""]: ["incomplete", null],
    });
    expect(await anna.invoiceStatus(first["invoiceId"] as never)).toBe("void");
  });

  test("another plan waits while the payer is just paying for the first one", async () => {
    const { cinema, anna } = await openHouse();
    await anna.starts();
    const attemptId = await anna.opensWidget();
    await cinema.byGateway({ type: "payment.check", attemptId, transactionId: "t1" as never });
    expect(refusalOf(await anna.starts({ plan: BASIC }))["code"]).toBe("payment_in_progress");
    expect((await anna.subscription()).plan).toBe(PREMIUM);
  });

  test("after the end it is a new one", async () => {
    const { anna } = await openHouseOfSubscriber();
    const first = await anna.subscriptionId();
    await anna.cancels();
    expect(told(await anna.starts())["subscriptionId"]).not.toBe(first);
    expect(await anna.status()).toBe("incomplete");
  });
});

describe("plans", () => {
  test("an archived plan can't be bought", async () => {
    const { cinema, anna } = await openHouse();
    await cinema.byStaff({ type: "plan.archive", plan: PREMIUM });
    expect(refusalOf(await anna.starts())["code"]).toBe("plan_archived");
    await cinema.byStaff({ type: "plan.restore", plan: PREMIUM });
    expect(refusalOf(await anna.starts())["code"]).toBe("accepted");
  });

  test("an archived plan takes nothing away from a payer who turns to it: the old invoice stays", async () => {
    const { cinema, anna } = await openHouse();
    await anna.starts();
    await cinema.byStaff({ type: "plan.archive", plan: BASIC });
    expect(refusalOf(await anna.starts({ plan: BASIC }))["code"]).toBe("plan_archived");
    expect(await anna.invoiceStatus()).toBe("open");
  });

  test("a plan that was never there is not found", async () => {
    const { anna } = await openHouse();
    expect(refusalOf(await anna.starts({ plan: "platinum" as PlanCode }))["code"]).toBe("plan_not_found");
  });

  test("the invoice freezes the price that was shown; a new price is for the next buyer", async () => {
    const { cinema, anna, boris } = await openHouse();
    await anna.starts();
    await cinema.byStaff({ type: "plan.set_price", plan: PREMIUM, price: { ...MONTHLY, price: rub(39_900) } });
    await boris.starts();
    expect([(await anna.invoiceRows()).invoice.dueMinor, (await boris.invoiceRows()).invoice.dueMinor]).toEqual([
      29_900n,
      39_900n,
    ]);
    await anna.pays({ card: "visa" });
    expect(await anna.status()).toBe("active");
  });

  test("an intro price is that of the first periods", async () => {
    const house = await openHouseOfSubscriber({ premium: { intro: { price: rub(9900), periods: 2 } } });
    await house.playTo("2026-04-01 12:00");
    const totals = (await house.anna.invoices()).map(({ totalMinor }) => totalMinor);
    expect(totals.toReversed()).toEqual([9900n, 9900n, 29_900n]);
  });
});

describe("trials", () => {
  test("a free trial without card begins at once, with no invoice, and ends with none", async () => {
    const { anna, playTo } = await openHouse({ premium: { trial: FREE } });
    told(await anna.starts());
    expect(await anna.status()).toBe("trialing");
    expect(await anna.watchesUntil()).toBe(msk("2026-02-14 12:00"));
    await playTo("2026-02-14 12:00");
    expect([await anna.status(), (await anna.subscription()).endReason]).toEqual(["ended", "trial_over"]);
    expect(await anna.invoices()).toEqual([]);
  });

  test("a free trial with card asks for the card first", async () => {
    const { anna } = await openHouse({ premium: { trial: WITH_CARD } });
    expect(refusalOf(await anna.starts())["code"]).toBe("card_required");
    await anna.provesCard();
    expect(refusalOf(await anna.starts({ consent: null }))["code"]).toBe("card_required");
    expect(refusalOf(await anna.starts())["code"]).toBe("accepted");
    expect((await anna.subscription()).renews).toBe(true);
  });

  test("a free trial with card is followed by the first full charge, which has been announced", async () => {
    const { anna, playTo } = await openHouse({ premium: { trial: WITH_CARD } });
    await anna.provesCard();
    await anna.starts();
    await playTo("2026-02-14 13:00");
    expect(await anna.status()).toBe("active");
    expect((await anna.subscription()).periodStart).toBe(msk("2026-02-14 12:00"));
    expect((await anna.invoiceRows()).invoice).toMatchObject({ purpose: "renewal", status: "paid", dueMinor: 29_900n });
    expect(await anna.facts()).toContain("NoticeGiven");
  });

  test("a trial is had once: the next subscription is paid for at once", async () => {
    const { anna, playTo } = await openHouse({ premium: { trial: FREE } });
    await anna.starts();
    await playTo("2026-02-15 12:00");
    const { invoiceId } = told(await anna.starts());
    expect([await anna.status(), await anna.invoiceStatus(invoiceId as InvoiceId)]).toEqual(["incomplete", "open"]);
    await anna.pays({ card: "visa" });
    expect(await anna.status()).toBe("active");
  });

  test("a paid trial is a first invoice, and the trial begins with its payment", async () => {
    const { anna, sleepTo, playTo } = await openHouse({ premium: { trial: PAID } });
    await anna.starts();
    expect(await anna.status()).toBe("incomplete");
    expect((await anna.invoiceRows()).invoice.dueMinor).toBe(100n);
    sleepTo("2026-01-31 15:00");
    await anna.pays({ card: "visa" });
    expect(await anna.status()).toBe("trialing");
    await playTo("2026-02-14 15:00");
    expect([await anna.status(), (await anna.invoiceRows()).invoice.dueMinor]).toEqual(["active", 29_900n]);
  });

  test("a paid trial is had once as well", async () => {
    const { anna } = await openHouse({ premium: { trial: PAID } });
    await subscribes(anna);
    await anna.cancels();
    await anna.starts();
    expect((await anna.invoiceRows()).invoice.dueMinor).toBe(29_900n);
  });
});

describe("consent", () => {
  test("without it the subscription begins, and ends with its period", async () => {
    const { anna, playTo } = await openHouseOfSubscriber({ card: null });
    expect((await anna.subscription()).renews).toBe(false);
    expect(await anna.watchesUntil()).toBe(B1);
    await playTo("2026-03-01 12:00");
    expect([await anna.status(), (await anna.subscription()).endReason]).toEqual(["ended", "no_card_or_consent"]);
  });

  test("one that was given for an earlier subscription does not count for the next", async () => {
    const { anna, sleepTo } = await openHouseOfSubscriber();
    await anna.cancels();
    sleepTo("2026-01-31 13:00");
    await anna.starts({ consent: null });
    await anna.pays();
    expect((await anna.subscription()).renews).toBe(false);
    expect(refusalOf(await anna.undoesStop())["code"]).toBe("card_or_consent_missing");
  });

  test("a card that comes along without the tick does not renew by an old consent", async () => {
    const { cinema, gateway, anna, sleepTo } = await openHouseOfSubscriber();
    await anna.cancels();
    sleepTo("2026-01-31 13:00");
    await anna.starts({ consent: null });
    const attemptId = await anna.opensWidget();
    const { transactionId, amount } = gateway.take(attemptId, rub(29_900));
    await cinema.pay(attemptId, amount, transactionId, "crd_00000000000000000000000007" as never);
    expect([await anna.status(), (await anna.subscription()).renews]).toEqual(["active", false]);
  });

  test("the tick in the widget is the consent, dated", async () => {
    const { anna } = await openHouse();
    await anna.starts({ consent: null });
    await anna.pays({ card: "visa" });
    expect((await anna.subscription()).renews).toBe(true);
    expect((await anna.customer())?.customer).toMatchObject({
      consentText: "v1",
      consentGivenAt: START,
      consentWithdrawnAt: null,
    });
  });
});

describe("a queued subscription", () => {
  const queued = async () => {
    const house = await openHouseOfSubscriber();
    const running = await house.anna.subscriptionId();
    await house.anna.stops();
    const next = told(await house.anna.starts({ plan: BASIC }));
    return { ...house, running, next: next as { subscriptionId: SubscriptionId; invoiceId: InvoiceId } };
  };

  test("is paid now and begins where the running one ends", async () => {
    const { anna, next, playTo } = await queued();
    await anna.pays({ invoice: next.invoiceId, card: "visa" });
    const row = (await anna.subscriptions()).find(({ subscriptionId }) => subscriptionId === next.subscriptionId);
    expect(row).toMatchObject({ status: "active", place: "queued", periodStart: B1 });
    expect((await anna.subscription()).plan).toBe(PREMIUM);
    await playTo("2026-02-28 12:00");
    expect(await anna.subscription()).toMatchObject({
      subscriptionId: next.subscriptionId,
      place: "current",
      status: "active",
    });
    expect(await anna.watchesUntil(B1)).toBeGreaterThan(B1);
  });

  test("keeps its dates when the running one ends before its time", async () => {
    const { anna, next, running } = await queued();
    await anna.pays({ invoice: next.invoiceId, card: "visa" });
    await anna.cancels(running);
    expect(await anna.subscription()).toMatchObject({ plan: BASIC, place: "current", periodStart: B1 });
    expect(await anna.watchesUntil()).toBeNull();
  });

  test("that nobody has paid for moves up when the running one ends with its period", async () => {
    const { anna, next, does, sleepTo } = await queued();
    sleepTo("2026-02-28 12:00");
    await does("pass_boundary");
    expect(await anna.subscription()).toMatchObject({
      subscriptionId: next.subscriptionId,
      status: "incomplete",
      place: "current",
    });
  });

  test("that has moved up unpaid begins at its payment", async () => {
    const { anna, next, running, sleepTo } = await queued();
    await anna.cancels(running);
    expect(await anna.subscription()).toMatchObject({ status: "incomplete", place: "current" });
    sleepTo("2026-01-31 15:00");
    await anna.pays({ invoice: next.invoiceId, card: "visa" });
    expect(await anna.subscription()).toMatchObject({ status: "active", periodStart: msk("2026-01-31 15:00") });
  });

  test("has no trial", async () => {
    const house = await openHouseOfSubscriber();
    await house.cinema.byStaff({ type: "plan.set_price", plan: BASIC, price: { ...MONTHLY, trial: FREE } });
    await house.anna.stops();
    const { invoiceId } = told(await house.anna.starts({ plan: BASIC }));
    expect((await house.anna.invoiceRows(invoiceId as InvoiceId)).invoice).toMatchObject({
      status: "open",
      dueMinor: 29_900n,
    });
  });

  test("asked for again is answered with what is queued; another one finds the place taken", async () => {
    const { anna, next } = await queued();
    expect(told(await anna.starts({ plan: BASIC }))).toEqual(next);
    expect(refusalOf(await anna.starts())["code"]).toBe("place_taken");
  });

  test("keeps the end of the running one where it is: no undo, no pause, no period ahead", async () => {
    const { anna, next, running } = await queued();
    for (const asked of [
      { type: "subscription.undo_stop", subscriptionId: running },
      { type: "subscription.pause", subscriptionId: running, when: "now", until: "2026-02-10" },
      { type: "subscription.pay_ahead", subscriptionId: running },
    ] as const) {
      expect(refusalOf(await anna.asks(asked))).toEqual({ code: "place_taken", subscriptionId: next.subscriptionId });
    }
  });

  test("is not sold while the next period of the running one waits to be paid", async () => {
    const { anna } = await openHouseOfSubscriber();
    await anna.stops();
    const { invoiceId } = told(await anna.paysAhead());
    expect(refusalOf(await anna.starts({ plan: BASIC }))).toEqual({
      code: "invoice_outstanding",
      invoiceId: invoiceId ?? "",
    });
  });
});
