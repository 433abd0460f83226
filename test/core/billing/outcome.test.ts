import { describe, expect, test } from "bun:test";
import type { Actor } from "../../../src/core/actor.ts";
import type { Executed } from "../../../src/core/billing/billing.ts";
import type { Command } from "../../../src/core/billing/command.ts";
import { newIds } from "../../../src/core/billing/desk.ts";
import { encodeDerivedId } from "../../../src/core/ids.ts";
import { openStore } from "../../support/billing-store.ts";
import {
  AT_GATEWAY,
  answered,
  BASIC,
  commandNamed,
  GATEWAY,
  openCinema,
  PREMIUM,
  PRICE,
  payer,
  refusalOf,
  rub,
  SERVICE,
  SERVICE_LINE,
  START,
  SYSTEM,
  sha256,
  staff,
  told,
  transactionNamed,
} from "../../support/cinema.ts";
import { tellOf } from "../../support/due-work.ts";
import { openHouse, openHouseOfSubscriber } from "../../support/house.ts";
import { startOf } from "./situations.ts";

const repeated = (executed: Executed) => ({ ...executed, repeated: true }) as Executed;

describe("a command has one outcome", () => {
  test("asked again it answers the same, as repeated, and changes nothing", async () => {
    const { anna } = await openHouse();
    const start = startOf(anna.accountId);
    const first = await anna.asks(start, "one key");
    const facts = await anna.facts();
    expect(await anna.asks(start, "one key")).toEqual(repeated(first));
    expect(await anna.facts()).toEqual(facts);
  });

  test("also long after, when it would be decided otherwise", async () => {
    const { cinema, anna, playTo } = await openHouse();
    const received = cinema.received(payer(anna.accountId), startOf(anna.accountId));
    const first = await cinema.updater.execute(received);
    await anna.pays();
    await playTo("2026-04-01 12:00");
    expect(await anna.status()).toBe("ended");
    expect(await cinema.updater.execute(received)).toEqual(repeated(first));
  });

  test("also when what it made is in the way of making it again", async () => {
    const { cinema, anna, playTo } = await openHouseOfSubscriber();
    const ahead = { type: "subscription.pay_ahead", subscriptionId: await anna.subscriptionId() } as const;
    const received = cinema.received(payer(anna.accountId), ahead);
    const first = await cinema.updater.execute(received);
    await anna.pays();
    await playTo("2026-03-01 12:00");
    expect(await cinema.updater.execute(received)).toEqual(repeated(first));
  });

  test("the same id for another body is refused, and what was done stands", async () => {
    const { anna } = await openHouse();
    await anna.asks(startOf(anna.accountId), "one key");
    const other = await anna.asks(startOf(anna.accountId, BASIC), "one key");
    expect(other).toEqual({
      status: "done",
      outcome: { ok: false, refusal: { code: "command_id_reused", facts: {} } },
      repeated: false,
    });
    expect((await anna.subscription()).plan).toBe(PREMIUM);
  });

  test("the same id for another body is refused too where the new body would be refused without a record", async () => {
    const { cinema, anna, sleepTo } = await openHouseOfSubscriber();
    sleepTo("2026-02-28 12:00");
    const subscriptionId = await anna.subscriptionId();
    told(await cinema.ask(SYSTEM, { type: "subscription.pass_boundary", subscriptionId }, "one run"));
    const other = await cinema.ask(SYSTEM, { type: "subscription.close_dunning", subscriptionId }, "one run");
    expect(refusalOf(other)["code"]).toBe("command_id_reused");
  });
});

describe("refusals", () => {
  const NOBODY = "sub_00000000000000000000000000" as never;
  const OUTSIDE: readonly (readonly [string, Actor, Command])[] = [
    [
      "a payer",
      payer("acc_00000000000000000000000000" as never),
      { type: "subscription.stop", subscriptionId: NOBODY },
    ],
    ["staff", staff("owner"), { type: "subscription.stop", subscriptionId: NOBODY }],
    ["a service", SERVICE, { type: "subscription.stop", subscriptionId: NOBODY }],
  ];
  const OURS: readonly (readonly [string, Actor, Command])[] = [
    ["our sweeps", SYSTEM, { type: "subscription.pass_boundary", subscriptionId: NOBODY }],
    [
      "a gateway",
      AT_GATEWAY,
      { type: "payment.charge_back", gatewayAccount: GATEWAY, transactionId: transactionNamed("t1") },
    ],
  ];

  test.each(OUTSIDE)("of %s are recorded, and stand", async (_, actor, command) => {
    const { cinema, store } = await openHouse();
    const refused = await cinema.ask(actor, command, "one key");
    expect(refusalOf(refused)["code"]).toBe("not_found");
    expect(answered(await store.storage.outcome(commandNamed("one key")))?.outcome).toEqual({
      ok: false,
      refusal: { code: "not_found", facts: {} },
    });
    expect(await cinema.ask(actor, command, "one key")).toEqual(repeated(refused));
  });

  test.each(OURS)("of %s are not: they are asked again when things have changed", async (_, actor, command) => {
    const { cinema, store } = await openHouse();
    expect(refusalOf(await cinema.ask(actor, command, "one run"))["code"]).toBe("not_found");
    expect(answered(await store.storage.outcome(commandNamed("one run")))).toBeNull();
  });

  test("asked again under the same id a sweep is accepted once things have changed", async () => {
    const { cinema, anna, sleepTo } = await openHouseOfSubscriber();
    const pass = { type: "subscription.pass_boundary", subscriptionId: await anna.subscriptionId() } as const;
    expect(refusalOf(await cinema.ask(SYSTEM, pass, "one run"))["code"]).toBe("boundary_not_reached");
    sleepTo("2026-02-28 12:00");
    expect(refusalOf(await cinema.ask(SYSTEM, pass, "one run"))["code"]).toBe("accepted");
  });

  test("a gateway's fact that comes to nothing new is recorded: the row is done", async () => {
    const { cinema, store } = await openHouseOfSubscriber();
    const fact = {
      type: "payment.charge_back",
      gatewayAccount: GATEWAY,
      transactionId: transactionNamed("t1"),
    } as const;
    await cinema.byGateway(fact, "the callback");
    await cinema.byGateway(fact, "the callback, redelivered by another name");
    expect(
      answered(await store.storage.outcome(commandNamed("the callback, redelivered by another name")))?.outcome.ok,
    ).toBe(true);
  });
});

describe("ids derive from the command", () => {
  const run = async () => {
    const cinema = openCinema(await openStore());
    await cinema.sell();
    const { accountId } = (await openHouse()).anna;
    const { subscriptionId, invoiceId } = await cinema.start(accountId);
    const attemptId = await cinema.offer(accountId, invoiceId, "v1");
    await cinema.pay(attemptId, PRICE, "t1");
    const cancel = { type: "subscription.cancel", subscriptionId, refund: { by: "policy" } } as const;
    const cancelled = told(await cinema.byPayer(accountId, cancel));
    const refunds = answered(await cinema.store.queries.invoice(invoiceId))?.refunds.map(({ refundKey }) => refundKey);
    return { subscriptionId, invoiceId, attemptId, cancelled, refunds };
  };

  test("a second run on another store makes the very same things", async () => {
    const first = await run();
    expect(await run()).toEqual(first);
    expect(first.refunds).toHaveLength(1);
  });

  test("by its id, the kind and the name: the time in them is that of its acceptance", () => {
    const ids = newIds(sha256, { id: commandNamed("x"), receivedAt: START });
    const digest = sha256(`${commandNamed("x")}/invoice/first`);
    expect(ids.invoice("first")).toBe(encodeDerivedId("invoice", digest, START) as never);
    expect(
      new Set([ids.invoice("first"), ids.invoice("renewal"), ids.quote("first").replace("quo_", "inv_") as never]).size,
    ).toBe(3);
  });
});

describe("what is another payer's does not exist", () => {
  test("for any command that a payer may ask", async () => {
    const { anna, boris, cinema } = await openHouseOfSubscriber();
    await cinema.byStaff({ type: "invoice.issue", accountId: anna.accountId, lines: [SERVICE_LINE] });
    const [subscriptionId, invoiceId, accountId] = [
      await anna.subscriptionId(),
      await anna.invoiceId(),
      anna.accountId,
    ];
    const cardId = (await anna.customer())?.cards[0]?.cardId as never;
    const quoteId = await anna.quotes(BASIC);
    const asked: readonly Command[] = [
      startOf(accountId),
      { type: "subscription.stop", subscriptionId },
      { type: "subscription.undo_stop", subscriptionId },
      { type: "subscription.cancel", subscriptionId, refund: { by: "policy" } },
      { type: "subscription.quote_change", subscriptionId, plan: BASIC },
      { type: "subscription.change", subscriptionId, quoteId },
      { type: "subscription.drop_change", subscriptionId },
      { type: "subscription.pay_ahead", subscriptionId },
      { type: "subscription.pause", subscriptionId, when: "now", until: "2026-02-10" },
      { type: "subscription.resume", subscriptionId },
      { type: "invoice.offer", invoiceId, consent: null },
      { type: "invoice.charge", invoiceId, cardId: null },
      { type: "setup.offer", accountId, consent: "v1" },
      { type: "consent.withdraw", accountId },
      { type: "card.remove", accountId, cardId },
      { type: "card.prefer", accountId, cardId },
      { type: "account.erase", accountId },
    ];
    const facts = await anna.facts();
    for (const command of asked) {
      expect([command.type, refusalOf(await boris.asks(command))]).toEqual([command.type, { code: "not_found" }]);
    }
    expect(await anna.facts()).toEqual(facts);
  });

  test("another payer's card does not pay one's own invoice", async () => {
    const { anna, boris } = await openHouseOfSubscriber();
    await boris.starts();
    const cardId = (await anna.customer())?.cards[0]?.cardId as never;
    expect(
      refusalOf(await boris.asks({ type: "invoice.charge", invoiceId: await boris.invoiceId(), cardId }))["code"],
    ).toBe("card_unknown");
  });

  test("an account that a gateway names is compared with ours, never believed", async () => {
    const { anna, boris, gateway, cinema } = await openHouse();
    await anna.starts();
    const attemptId = await anna.opensWidget();
    const fact = tellOf(gateway.take(attemptId, PRICE));
    told(await cinema.byGateway({ ...fact, accountId: boris.accountId } as Command));
    expect([await anna.status(), await boris.subscriptions()]).toEqual(["incomplete", []]);
  });
});

describe("what the caller is told", () => {
  const WORDS =
    /^([a-z]{3}_[0-9a-z]{26}|[a-z][a-z0-9_-]*|[A-Z]{3}|-?\d+\.\d{2} [A-Z]{3}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/;

  test("are words: ids, codes, sums with their currency and instants in UTC; no name and no reason", async () => {
    const { anna, cinema, does, sleepTo } = await openHouseOfSubscriber();
    const subscriptionId = await anna.subscriptionId();
    const refund = { by: "staff", amount: rub(99_999_900), reason: "A Person's Name" } as const;
    const executed = [
      await anna.isRefunded("t1", rub(29_901)),
      await anna.isRefunded("t1", rub(1)),
      await cinema.byStaff({ type: "subscription.cancel", subscriptionId, refund }),
      await cinema.byStaff({
        type: "credit.add",
        accountId: anna.accountId,
        amount: rub(1),
        reason: "A Person's Name",
      }),
      await cinema.bySystem({ type: "subscription.pass_boundary", subscriptionId }),
      await anna.pauses("now", "2026-12-24"),
      await anna.starts({ plan: BASIC }),
      await anna.withdrawsConsent(),
      await does("send_refund"),
    ];
    sleepTo("2026-02-28 12:00");
    executed.push(await cinema.bySystem({ type: "subscription.pass_boundary", subscriptionId }));
    const values = executed.flatMap((one) => {
      if (one.status !== "done") throw new Error("each is done");
      return Object.values(one.outcome.ok ? one.outcome.value : one.outcome.refusal.facts);
    });
    expect(values.length).toBeGreaterThanOrEqual(9);
    for (const value of values) expect(value).toMatch(WORDS);
  });
});
