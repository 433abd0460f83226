import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  answerQuery,
  QUERIES,
  QUERY_NAMES,
  type QueryName,
  querySubject,
} from "../../../src/adapters/wire/service-queries.ts";
import type { TransactionId } from "../../../src/core/ids.ts";
import type { ServiceQueries } from "../../../src/core/ports/services.ts";
import { err } from "../../../src/core/result.ts";
import { DAY_MS } from "../../../src/core/time.ts";
import { commandNamed, PRICE, rub, SERVICE } from "../../support/cinema.ts";
import { openShop, paid, type Shop } from "../../support/shop.ts";

const queriesOf = (shop: Shop): ServiceQueries => ({ ...shop.store.queries, now: async () => shop.now() });
const ask = async (shop: Shop, name: QueryName, asked: unknown) =>
  JSON.parse(await answerQuery(name, JSON.stringify(asked), queriesOf(shop)));
const told = async (shop: Shop, name: QueryName, asked: unknown) => {
  const { ok, value } = await ask(shop, name, asked);
  expect(ok).toBe(true);
  // What is told fits what the bus's document promises.
  expect(QUERIES[name].value.safeDecode(value)).toMatchObject({ success: true });
  return value;
};

/** A viewer who has paid the first month. */
const subscribed = async () => {
  const shop = await openShop();
  const opened = await shop.opensWidget();
  const { transactionId } = shop.payments.take(opened.attemptId, PRICE, { accountId: opened.accountId });
  await shop.tell(paid(opened, { transactionId }));
  await shop.settle();
  return { shop, ...opened, transactionId };
};

describe("services are told", () => {
  test("whether an account may watch, what, until when, and of which instant that is true", async () => {
    const shop = await openShop();
    const { accountId } = await shop.opensWidget();
    expect(await told(shop, "access", { accountId })).toEqual({
      allowed: false,
      tier: null,
      quality: null,
      streams: null,
      until: null,
      at: "2026-01-31T09:00:00.000Z",
    });
    const payer = await subscribed();
    expect(await told(payer.shop, "access", { accountId: payer.accountId })).toEqual({
      allowed: true,
      tier: 1,
      quality: "uhd",
      streams: 2,
      until: "2026-02-28T09:00:00.000Z",
      at: "2026-01-31T09:00:00.000Z",
    });
    payer.shop.wait(60 * DAY_MS);
    expect((await told(payer.shop, "access", { accountId: payer.accountId })).allowed).toBe(false);
  });

  test("all of an invoice that a refund must name, and what is left of it then", async () => {
    const { shop, invoiceId, accountId, transactionId } = await subscribed();
    const invoice = await told(shop, "invoice", { invoiceId });
    expect(invoice).toMatchObject({ invoiceId, accountId, status: "paid", purpose: "first" });
    const [capture] = invoice.captures;
    expect(capture).toMatchObject({ gatewayAccount: "sandbox:main", transactionId, role: "settling", dispute: "none" });
    expect(capture.left).toEqual({ amount: "299.00", currency: "RUB" });
    await shop.state.execute({
      id: commandNamed("refund"),
      fingerprint: "refund",
      actor: SERVICE,
      receivedAt: shop.now(),
      command: {
        type: "payment.refund",
        invoiceId,
        gatewayAccount: capture.gatewayAccount,
        transactionId: capture.transactionId as TransactionId,
        amount: rub(10_000),
        access: "keep",
      },
    });
    const after = await told(shop, "invoice", { invoiceId });
    expect(after.captures[0]).toMatchObject({
      captured: { amount: "299.00" },
      asked: { amount: "100.00" },
      returned: { amount: "0.00" },
      left: { amount: "199.00" },
    });
    expect(after.refunds).toMatchObject([{ status: "reserved", reason: "staff", amount: { amount: "100.00" } }]);
    await shop.works();
    const done = await told(shop, "invoice", { invoiceId });
    expect(done.captures[0]).toMatchObject({ asked: { amount: "0.00" }, returned: { amount: "100.00" } });
    expect(done).toMatchObject({ status: "partly_refunded", refunded: { amount: "100.00" } });
  });

  test("a subscription, and the account that it belongs to", async () => {
    const { shop, subscriptionId, accountId } = await subscribed();
    expect(await told(shop, "subscription", { subscriptionId })).toMatchObject({
      subscriptionId,
      accountId,
      status: "active",
      plan: "premium",
      price: { amount: "299.00", currency: "RUB" },
      period: { number: 1, start: "2026-01-31T09:00:00.000Z", end: "2026-02-28T09:00:00.000Z" },
      endedAt: null,
    });
    expect(await told(shop, "customer", { accountId })).toMatchObject({
      status: "known",
      currentSubscriptionId: subscriptionId,
      queuedSubscriptionId: null,
      credits: [],
    });
  });

  test("what is on sale, in both languages, asked with nothing at all", async () => {
    const shop = await openShop();
    const plans = await told(shop, "plans", {});
    expect(plans.plans).toMatchObject([
      { plan: "premium", title: { ru: "Премиум", en: "Premium" }, price: { amount: "299.00", currency: "RUB" } },
    ]);
    expect(JSON.parse(await answerQuery("plans", "", queriesOf(shop))).value).toEqual(plans);
  });
});

describe("services are told why not", () => {
  test("when there is no such thing", async () => {
    const shop = await openShop();
    for (const [name, id] of [
      ["invoice", "inv"],
      ["subscription", "sub"],
      ["customer", "acc"],
    ] as const) {
      const field = name === "customer" ? "accountId" : `${name}Id`;
      expect(await ask(shop, name, { [field]: `${id}_01h455vb4pex5vsknk084sn02q` })).toEqual({
        ok: false,
        error: { code: "not_found", detail: "there is none" },
      });
    }
  });

  test("when a question cannot be read", async () => {
    const shop = await openShop();
    const detail = async (name: QueryName, payload: string) =>
      JSON.parse(await answerQuery(name, payload, queriesOf(shop))).error;
    const wrong = (text: string) => ({ code: "malformed", detail: text });
    expect(await detail("access", "")).toEqual(wrong("/accountId missing"));
    expect(await detail("access", '{"accountId":"anna"}')).toEqual(wrong("/accountId malformed_id"));
    expect(await detail("invoice", '{"invoiceId":"inv_01h455vb4pex5vsknk084sn02q","at":1}')).toEqual(
      wrong("/at unknown_field"),
    );
    expect(await detail("plans", "[]")).toEqual(wrong("/ wrong_type"));
    expect(await detail("plans", "{")).toEqual(wrong("/ malformed_json"));
    expect(await detail("plans", `{}${" ".repeat(65_536)}`)).toEqual(wrong("/ too_long"));
  });

  test("when the database is away, without what it said", async () => {
    const shop = await openShop();
    const away = async () => err({ code: "storage_unavailable", detail: "password of 10.0.0.7" } as const);
    const queries = {
      access: away,
      customer: away,
      invoice: away,
      plans: away,
      subscription: away,
      now: async () => shop.now(),
    };
    const ids = { accountId: "acc", invoiceId: "inv", subscriptionId: "sub" };
    for (const name of QUERY_NAMES) {
      const asked = Object.keys((QUERIES[name].asked as { readonly shape?: object }).shape ?? {}).map(
        (field) => [field, `${ids[field as keyof typeof ids]}_01h455vb4pex5vsknk084sn02q`] as const,
      );
      expect(JSON.parse(await answerQuery(name, JSON.stringify(Object.fromEntries(asked)), queries))).toEqual({
        ok: false,
        error: { code: "unavailable", detail: "storage_unavailable" },
      });
    }
  });

  test("whatever they send", async () => {
    const shop = await openShop();
    const payloads = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc.constantFrom("[".repeat(60_000), '{"__proto__":1}'),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...QUERY_NAMES), payloads, async (name, payload) => {
        const answer = JSON.parse(await answerQuery(name, payload, queriesOf(shop)));
        expect(answer.ok || answer.error.code).toBeOneOf([true, "malformed", "not_found"]);
      }),
    );
  });
});

test("each question has a subject of its own", () => {
  expect(QUERY_NAMES.map(querySubject)).toEqual([
    "billing.queries.access",
    "billing.queries.customer",
    "billing.queries.invoice",
    "billing.queries.plans",
    "billing.queries.subscription",
  ]);
});
