import { describe, expect, test } from "bun:test";
import type { InvoiceId, PlanCode } from "../../../src/core/ids.ts";
import { BASIC, MONTHLY, msk, PREMIUM, refusalOf, rub, told } from "../../support/cinema.ts";
import { tellOf } from "../../support/due-work.ts";
import { SOFT } from "../../support/gateway.ts";
import { B1, B2, openHouse, subscribes, YEARLY } from "../../support/house.ts";

/** A subscriber of basic (199.00 a month) who looks at other plans in the middle of February. */
const subscriber = async (card: string | null = "visa") => {
  const house = await openHouse();
  await subscribes(house.anna, card, BASIC);
  house.sleepTo("2026-02-14 12:00"); // Half of 28 days: 99.50 unused, 149.50 of premium to come.
  return house;
};

describe("an upgrade", () => {
  test("costs the difference for the rest of the period, frozen in a quote", async () => {
    const { anna, sleepTo } = await subscriber();
    const quoteId = await anna.quotes(PREMIUM);
    sleepTo("2026-02-14 12:14");
    told(await anna.changes(quoteId));
    expect((await anna.invoiceRows()).invoice).toMatchObject({
      purpose: "change",
      dueMinor: 5000n,
      plan: PREMIUM,
      status: "open",
    });
    expect((await anna.subscription()).plan).toBe(BASIC);
  });

  test("paid, the old plan ends and the new one begins in the same period", async () => {
    const { anna, playTo } = await subscriber();
    await anna.changes(await anna.quotes(PREMIUM));
    await anna.charges("visa");
    expect(await anna.subscription()).toMatchObject({ plan: PREMIUM, periodNumber: 1, periodEnd: B1 });
    await playTo("2026-03-01 12:00");
    expect((await anna.invoiceRows()).invoice).toMatchObject({ purpose: "renewal", totalMinor: 29_900n });
  });

  test("declined leaves the old plan untouched, and the invoice expires after its hour", async () => {
    const { anna, gateway, playTo } = await subscriber();
    gateway.befall(SOFT);
    await anna.changes(await anna.quotes(PREMIUM));
    await anna.charges("visa");
    await playTo("2026-02-14 12:59");
    expect([await anna.invoiceStatus(), (await anna.subscription()).openInvoice]).toEqual([
      "open",
      await anna.invoiceId(),
    ]);
    await playTo("2026-02-14 13:00");
    expect([
      await anna.invoiceStatus(),
      (await anna.subscription()).plan,
      (await anna.subscription()).openInvoice,
    ]).toEqual(["expired", BASIC, null]);
  });

  test("lives an hour, and never past the end of the running period", async () => {
    const { anna, sleepTo } = await subscriber();
    sleepTo("2026-02-28 11:40");
    await anna.changes(await anna.quotes(YEARLY));
    expect((await anna.invoiceRows()).invoice.expiresAt).toBe(B1);
  });

  test("a newer quote voids the invoice of the older change", async () => {
    const { anna } = await subscriber();
    await anna.changes(await anna.quotes(PREMIUM));
    const older = await anna.invoiceId();
    await anna.changes(await anna.quotes(YEARLY));
    expect([await anna.invoiceStatus(older), (await anna.invoiceRows()).invoice.plan]).toEqual(["void", YEARLY]);
  });

  test("a newer quote waits while the older change is just being paid", async () => {
    const { anna, gateway } = await subscriber();
    await anna.changes(await anna.quotes(PREMIUM));
    gateway.befall("pending");
    await anna.charges("visa");
    const asked = {
      type: "subscription.quote_change",
      subscriptionId: await anna.subscriptionId(),
      plan: YEARLY,
    } as const;
    expect(refusalOf(await anna.asks(asked))["code"]).toBe("charge_in_flight");
    expect((await anna.subscription()).openInvoice).toBe(await anna.invoiceId());
  });

  test("a quote is worth 15 minutes, and only the newest one", async () => {
    const { anna, sleepTo } = await subscriber();
    const older = await anna.quotes(PREMIUM);
    const newer = await anna.quotes(PREMIUM);
    expect(refusalOf(await anna.changes(older))["code"]).toBe("quote_unknown");
    sleepTo("2026-02-14 12:15");
    expect(refusalOf(await anna.changes(newer))).toEqual({
      code: "quote_expired",
      expiresAt: "2026-02-14T09:15:00.000Z",
    });
  });

  test("without a saved card it is paid in the widget", async () => {
    const { anna } = await subscriber(null);
    await anna.changes(await anna.quotes(PREMIUM));
    expect(refusalOf(await anna.charges())["code"]).toBe("card_required");
    await anna.pays();
    expect((await anna.subscription()).plan).toBe(PREMIUM);
  });

  test("by credit it takes effect at once", async () => {
    const { cinema, anna, gateway } = await subscriber();
    await cinema.byStaff({ type: "credit.add", accountId: anna.accountId, amount: rub(10_000), reason: "an outage" });
    await anna.changes(await anna.quotes(PREMIUM));
    expect([(await anna.subscription()).plan, await anna.credit()]).toEqual([
      PREMIUM,
      { balance: 5000n, reserved: 0n },
    ]);
    expect(gateway.books).toHaveLength(1);
  });

  test("paid after the boundary has come for nothing: the money goes back and the renewal goes on", async () => {
    const { cinema, anna, gateway, playTo, sleepTo } = await subscriber();
    await playTo("2026-02-28 11:50");
    sleepTo("2026-02-28 11:50");
    await anna.changes(await anna.quotes(PREMIUM));
    const change = await anna.invoiceId();
    const attemptId = await anna.opensWidget(change);
    await cinema.byGateway({ type: "payment.check", attemptId, transactionId: "t7" as never });
    await playTo("2026-02-28 12:00");
    const taken = gateway.take(attemptId, await anna.dueOf(change));
    await cinema.byGateway(tellOf(taken));
    await playTo("2026-02-28 12:30");
    expect([gateway.left(taken.transactionId), await anna.invoiceStatus(change)]).toEqual([0n, "refunded"]);
    expect(await anna.subscription()).toMatchObject({ plan: BASIC, periodNumber: 2, periodStart: B1 });
  });

  test.each(["stops", "cancels"] as const)(
    "a payer who %s with the change in flight gets its money back",
    async (verb) => {
      const { anna, gateway, playTo } = await subscriber();
      gateway.befall("pending");
      await anna.changes(await anna.quotes(PREMIUM));
      const change = await anna.invoiceId();
      await anna.charges("visa");
      told(await anna[verb]());
      await playTo("2026-02-14 13:00");
      expect([await anna.invoiceStatus(change), gateway.left("t2" as never)]).toEqual(["refunded", 0n]);
      expect((await anna.subscription()).plan).toBe(BASIC);
    },
  );

  test("annulled by staff, the old plan goes on and another change may be asked for", async () => {
    const { cinema, anna } = await subscriber();
    await anna.changes(await anna.quotes(PREMIUM));
    told(await cinema.byStaff({ type: "invoice.annul", invoiceId: await anna.invoiceId() }));
    expect((await anna.subscription()).openInvoice).toBeNull();
    await anna.changes(await anna.quotes(PREMIUM));
    await anna.pays();
    expect((await anna.subscription()).plan).toBe(PREMIUM);
  });

  test("sums of an open change fall with a refund of the period that they were taken of", async () => {
    const { anna, playTo } = await subscriber();
    await anna.changes(await anna.quotes(PREMIUM));
    const change = await anna.invoiceId();
    const first = (await anna.invoices()).find(({ purpose }) => purpose === "first")?.invoiceId as InvoiceId;
    told(await anna.isRefunded("t1", rub(9900), "keep", first));
    await playTo("2026-02-14 12:01");
    expect([await anna.invoiceStatus(change), (await anna.subscription()).openInvoice]).toEqual(["void", null]);
    await anna.changes(await anna.quotes(PREMIUM));
    // Of the 100.00 that are left half is unused: 149.49 - 50.00, a minute later.
    expect((await anna.invoiceRows()).invoice.dueMinor).toBe(9949n);
  });
});

describe("a change to another length", () => {
  test("begins a period now, and what is unused counts against its price", async () => {
    const { anna } = await subscriber();
    await anna.changes(await anna.quotes(YEARLY));
    expect((await anna.invoiceRows()).invoice.dueMinor).toBe(299_000n - 9950n);
    await anna.pays();
    expect(await anna.subscription()).toMatchObject({
      plan: YEARLY,
      periodStart: msk("2026-02-14 12:00"),
      periodEnd: msk("2027-02-14 12:00"),
    });
  });

  test("a surplus becomes credit when the change takes effect, and the change is born paid", async () => {
    const { cinema, anna } = await openHouse();
    const WEEKLY = "weekly" as PlanCode;
    await cinema.sell(WEEKLY, { ...MONTHLY, price: rub(1000), length: { unit: "week", count: 1 } }, 9);
    await subscribes(anna, "visa", PREMIUM);
    await anna.changes(await anna.quotes(WEEKLY));
    expect(await anna.subscription()).toMatchObject({ plan: WEEKLY, periodEnd: msk("2026-02-07 12:00") });
    expect(await anna.credit()).toEqual({ balance: 28_900n, reserved: 0n });
  });

  test("cancelled in full its own price goes back, the part carried over to the older capture", async () => {
    const { anna, gateway, playTo } = await subscriber();
    await anna.changes(await anna.quotes(YEARLY));
    await anna.pays();
    await anna.cancels();
    await playTo("2026-02-14 13:00");
    expect([gateway.left("t1" as never), gateway.left("t2" as never)]).toEqual([9950n, 0n]);
  });
});

describe("a downgrade", () => {
  const downgrades = async () => {
    const house = await openHouse();
    await subscribes(house.anna);
    house.sleepTo("2026-02-14 12:00");
    await house.anna.changes(await house.anna.quotes(BASIC));
    return house;
  };

  test("takes effect at the period's end, with no charge now", async () => {
    const { anna, playTo } = await downgrades();
    expect(await anna.subscription()).toMatchObject({ plan: PREMIUM, waitingPlan: BASIC, openInvoice: null });
    await playTo("2026-03-01 12:00");
    expect(await anna.subscription()).toMatchObject({ plan: BASIC, periodNumber: 2, periodStart: B1, periodEnd: B2 });
    expect((await anna.invoiceRows()).invoice.totalMinor).toBe(19_900n);
  });

  test("can be dropped until then, and a stop drops it", async () => {
    const { anna, playTo } = await downgrades();
    told(await anna.asks({ type: "subscription.drop_change", subscriptionId: await anna.subscriptionId() }));
    await playTo("2026-03-01 12:00");
    expect((await anna.subscription()).plan).toBe(PREMIUM);
    const stopped = await downgrades();
    await stopped.anna.stops();
    await stopped.anna.undoesStop();
    expect((await stopped.anna.subscription()).waitingPlan).toBeNull();
  });
});

describe("a change in a trial", () => {
  test("takes effect at once with no charge, and the trial goes on", async () => {
    const { anna } = await openHouse({ premium: { trial: { kind: "free", days: 14, card: false } } });
    await anna.starts();
    await anna.changes(await anna.quotes(BASIC));
    expect(await anna.subscription()).toMatchObject({
      status: "trialing",
      plan: BASIC,
      periodEnd: msk("2026-02-14 12:00"),
    });
    expect(await anna.invoices()).toEqual([]);
  });
});

describe("no change", () => {
  test("to the same plan, to one that is archived or unknown, or after a stop", async () => {
    const { cinema, anna } = await subscriber();
    const subscriptionId = await anna.subscriptionId();
    const quote = async (plan: typeof BASIC) =>
      refusalOf(await anna.asks({ type: "subscription.quote_change", subscriptionId, plan }))["code"];
    expect(await quote(BASIC)).toBe("same_plan");
    expect(await quote("platinum" as never)).toBe("plan_not_found");
    await cinema.byStaff({ type: "plan.archive", plan: YEARLY });
    expect(await quote(YEARLY)).toBe("plan_archived");
    await anna.stops();
    expect(await quote(PREMIUM)).toBe("renewal_stopped");
  });
});
