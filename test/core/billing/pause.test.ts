import { describe, expect, test } from "bun:test";
import { BASIC, msk, refusalOf, SERVICE_LINE, told } from "../../support/cinema.ts";
import { HARD, SOFT } from "../../support/gateway.ts";
import { B1, openHouseOfSubscriber } from "../../support/house.ts";

describe("a pause now", () => {
  const paused = async () => {
    const house = await openHouseOfSubscriber();
    house.sleepTo("2026-02-14 12:00"); // 14 days are left.
    told(await house.anna.pauses("now", "2026-03-01"));
    return house;
  };

  test("stops access, notices and charges", async () => {
    const { anna, gateway, playTo } = await paused();
    expect([await anna.status(), await anna.watchesUntil()]).toEqual(["paused", null]);
    expect(await anna.waitsFor()).toEqual({ resume: msk("2026-03-01 00:00") });
    await playTo("2026-02-28 23:59");
    expect(gateway.books).toHaveLength(1);
    expect(await anna.facts()).not.toContain("NoticeGiven");
  });

  test("resumes by itself: the kept days run out first, and then it renews on a new day", async () => {
    const { anna, playTo } = await paused();
    await playTo("2026-03-01 00:00");
    expect(await anna.subscription()).toMatchObject({
      status: "active",
      periodNumber: 1,
      periodEnd: msk("2026-03-15 00:00"),
    });
    await playTo("2026-03-15 12:00");
    expect(await anna.subscription()).toMatchObject({
      periodNumber: 2,
      periodStart: msk("2026-03-15 00:00"),
      periodEnd: msk("2026-04-15 00:00"),
    });
  });

  test("resumed by hand at any time", async () => {
    const { anna, sleepTo } = await paused();
    sleepTo("2026-02-20 09:00");
    told(await anna.resumes());
    expect(await anna.subscription()).toMatchObject({ status: "active", periodEnd: msk("2026-03-06 09:00") });
    expect(refusalOf(await anna.resumes())["code"]).toBe("subscription_active");
  });

  test("a schedule that comes too early is told until when it lasts", async () => {
    const { cinema, anna } = await paused();
    const early = await cinema.bySystem({ type: "subscription.resume", subscriptionId: await anna.subscriptionId() });
    expect(refusalOf(early)).toEqual({ code: "pause_not_over", until: "2026-02-28T21:00:00.000Z" });
  });

  test("a stop in the pause forfeits nothing: the rest runs out, then it ends", async () => {
    const { anna, playTo } = await paused();
    told(await anna.stops());
    expect(await anna.subscription()).toMatchObject({ status: "active", renews: false, periodEnd: B1 });
    await playTo("2026-02-28 12:00");
    expect(await anna.subscription()).toMatchObject({ status: "ended", endReason: "payer_stopped" });
  });

  test("a cancel gives the unused time back", async () => {
    const { anna, gateway, playTo } = await paused();
    await anna.cancels();
    await playTo("2026-02-15 12:00");
    expect([await anna.status(), gateway.left("t1" as never)]).toEqual(["ended", 14_950n]);
  });

  test("consent taken back and given again in the pause leaves the renewal as it was", async () => {
    const { anna, sleepTo, does } = await paused();
    await anna.withdrawsConsent();
    await anna.provesCard();
    sleepTo("2026-03-01 00:00");
    await does("resume");
    expect(await anna.subscription()).toMatchObject({ status: "active", renews: true });
  });

  test("a card that was blocked in the pause renews nothing after it", async () => {
    const { anna, gateway, cinema, playTo } = await paused();
    await cinema.byStaff({ type: "invoice.issue", accountId: anna.accountId, lines: [SERVICE_LINE] });
    gateway.befall(HARD);
    await anna.charges("visa");
    await playTo("2026-03-01 12:00");
    expect(await anna.subscription()).toMatchObject({ status: "active", renews: false });
  });
});

describe("a pause at the period's end", () => {
  const planned = async () => {
    const house = await openHouseOfSubscriber();
    told(await house.anna.pauses("at_period_end", "2026-04-01"));
    return house;
  };

  test("begins there, keeps nothing, and gives no grace", async () => {
    const { anna, gateway, playTo } = await planned();
    expect(await anna.watchesUntil()).toBe(B1);
    await playTo("2026-02-28 12:00");
    expect([await anna.status(), await anna.watchesUntil(), gateway.books.length]).toEqual(["paused", null, 1]);
  });

  test("can be taken back before it begins", async () => {
    const { anna, playTo } = await planned();
    told(await anna.resumes());
    await playTo("2026-03-01 12:00");
    expect(await anna.subscription()).toMatchObject({ status: "active", periodNumber: 2 });
  });

  test("ends with a payment that was announced three days before", async () => {
    const { anna, playTo } = await planned();
    await playTo("2026-03-29 12:00");
    expect((await anna.facts()).filter((type) => type === "NoticeGiven")).toHaveLength(1);
    await playTo("2026-04-01 01:00");
    expect(await anna.subscription()).toMatchObject({
      status: "active",
      periodNumber: 2,
      periodStart: msk("2026-04-01 00:00"),
    });
  });

  test("resumed by hand it is charged at once; a decline leaves the pause, the invoice void", async () => {
    const { anna, gateway, does, playTo } = await planned();
    await playTo("2026-03-05 12:00");
    gateway.befall(SOFT);
    told(await anna.resumes());
    await does("charge_renewal");
    expect([await anna.status(), await anna.invoiceStatus()]).toEqual(["paused", "void"]);
    told(await anna.resumes());
    await does("charge_renewal");
    expect(await anna.subscription()).toMatchObject({ status: "active", periodStart: msk("2026-03-05 12:00") });
  });

  test("without card or consent it is not resumed by hand, and ends by itself", async () => {
    const { anna, playTo } = await planned();
    await playTo("2026-03-05 12:00");
    await anna.removesCard("visa");
    expect(refusalOf(await anna.resumes())["code"]).toBe("card_or_consent_missing");
    await playTo("2026-04-01 01:00");
    expect(await anna.subscription()).toMatchObject({ status: "ended", endReason: "no_card_or_consent" });
  });

  test("by itself declined, a ladder follows and no access with it", async () => {
    const { anna, playTo, gateway } = await planned();
    await playTo("2026-03-31 12:00");
    gateway.befall(SOFT);
    await playTo("2026-04-01 00:30");
    expect([await anna.status(), await anna.watchesUntil()]).toEqual(["past_due", null]);
  });

  test("with a change that waits, the pause is of the new plan", async () => {
    const { anna, playTo } = await planned();
    await anna.changes(await anna.quotes(BASIC));
    await playTo("2026-04-01 01:00");
    expect(await anna.subscription()).toMatchObject({ status: "active", plan: BASIC });
    expect((await anna.invoiceRows()).invoice.totalMinor).toBe(19_900n);
  });
});

describe("no pause", () => {
  test.each([
    ["longer than 90 days", "2026-06-01", "pause_too_long"],
    ["that would be over already", "2026-01-31", "pause_not_ahead"],
    ["until a day that is none", "2026-02-31", "malformed_date"],
  ])("%s", async (_, until, code) => {
    const { anna } = await openHouseOfSubscriber();
    expect(refusalOf(await anna.pauses("now", until))["code"]).toBe(code);
  });
});
