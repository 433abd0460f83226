import { describe, expect, test } from "bun:test";
import { gatewayLadder, LADDER_MS } from "../../../src/adapters/sandbox/gateway/courier.ts";
import { openGatewaySimulator } from "../../../src/adapters/sandbox/gateway/simulator.ts";
import { FORM_FIELDS } from "./documented-fields.ts";
import { CARD, CODE, encodeIntent, freshFolder, openMerchant, openWorld, vectors } from "./merchant.ts";

const DAY = Date.UTC(2026, 10, 25, 12, 30, 5);

describe("the merchant of these tests", () => {
  // Facts of the gateway's documentation and of its clients' tests, so that two wrongs of ours don't make a right.
  test("signs as the gateway's clients know it", () => {
    expect(vectors.hmac("supersecret", '{"TransactionId":77,"Amount":42}')).toBe(
      "MvJEOKcKumMVd3V9fqc0NS7740O3zexPdQGr8dZXQIE=",
    );
    const decoded = vectors.decoded("AccountId=user%2B42&Description=Hello+World");
    expect(decoded).toBe("AccountId=user+42&Description=Hello World");
    expect(vectors.hmac("supersecret", decoded)).toBe("dO4Ux8cM9DA9buV8MfAHON8x9SfbYFprxDmOsG04v/0=");
  });
});

test("a payment is asked about, then told", async () => {
  await using world = await openWorld({ now: () => DAY });
  const { transaction } = await world.pay(CARD.good, { intent: { metadata: { note: "a+b & c", n: 1 } } });
  await world.gateway.idle();
  expect(world.merchant.kinds()).toEqual(["check", "pay"]);
  expect(world.merchant.heard().every(({ isSigned }) => isSigned)).toBe(true);
  const [pay] = world.merchant.heard("pay");
  expect(pay?.fields).toMatchObject({
    TransactionId: String(transaction.id),
    Amount: "499.00",
    PaymentAmount: "499.00",
    Currency: "RUB",
    DateTime: "2026-11-25 12:30:05",
    CardFirstSix: "400000",
    CardLastFour: "3055",
    CardExpDate: "12/39",
    TestMode: "1",
    Status: "Completed",
    OperationType: "Payment",
    InvoiceId: "att_1",
    AccountId: "acc_1",
    Email: "payer@example.com",
    Description: "Подписка",
    Token: transaction.token ?? "",
    SubscriptionId: "",
    Data: '{"note":"a+b & c","n":1}',
  });
  expect(world.merchant.heard("check")[0]?.fields).toMatchObject({
    TransactionId: String(transaction.id),
    Amount: "499.00",
    InvoiceId: "att_1",
    Status: "Completed",
  });
});

test("a form is written as the gateway writes it", async () => {
  await using world = await openWorld();
  await world.pay(CARD.good, { intent: { description: "Ждун's ~ 1/2 + 3" } });
  await world.gateway.idle();
  const raw = world.merchant.heard("pay")[0]?.raw ?? "";
  expect(raw).toContain("Description=%d0%96%d0%b4%d1%83%d0%bd%27s+%7e+1%2f2+%2b+3&");
  expect(raw).toContain("&SubscriptionId=&");
});

test("each kind carries the fields of the gateway's own", async () => {
  await using world = await openWorld();
  const { transaction } = await world.pay(CARD.good);
  await world.pay(CARD.poor);
  await world.call("/payments/refund", { TransactionId: transaction.id, Amount: 100 });
  const held = async () => (await world.pay(CARD.good, { intent: { paymentSchema: "Dual" } })).transaction.id;
  await world.call("/payments/confirm", { TransactionId: await held(), Amount: 499 });
  await world.call("/payments/void", { TransactionId: await held() });
  await world.gateway.idle();
  for (const [kind, names] of Object.entries(FORM_FIELDS)) {
    const [one] = world.merchant.heard(kind);
    expect([kind, Object.keys(one?.fields ?? {})]).toEqual([kind, expect.arrayContaining([...names])]);
    expect([kind, one?.isSigned]).toEqual([kind, true]);
  }
});

test("a refund names itself and its payment, and no currency", async () => {
  await using world = await openWorld();
  const { transaction } = await world.pay(CARD.good);
  const fields = { TransactionId: transaction.id, Amount: 100, JsonData: { refund: "rfd_1" } };
  const { Model } = await world.call("/payments/refund", fields);
  await world.gateway.idle();
  const told = world.merchant.heard("refund")[0]?.fields ?? {};
  expect(told).toMatchObject({
    TransactionId: String(Model.TransactionId),
    PaymentTransactionId: String(transaction.id),
    Amount: "100.00",
    OperationType: "Refund",
    Data: '{"refund":"rfd_1"}',
  });
  expect(told).not.toHaveProperty("Currency");
});

test("bodies can be JSON, with numbers as numbers and without what is empty", async () => {
  await using world = await openWorld();
  world.gateway.cabinet.write("json");
  const { transaction } = await world.pay(CARD.good, { intent: { metadata: { order: 1 } } });
  await world.gateway.idle();
  const [pay] = world.merchant.heard("pay");
  expect(pay).toMatchObject({ isSigned: true, contentType: "application/json" });
  expect(JSON.parse(pay?.raw ?? "")).toMatchObject({
    TransactionId: transaction.id,
    Amount: 499,
    PaymentAmount: "499.00",
    TestMode: 1,
    Data: '{"order":1}',
  });
  expect(pay?.fields).not.toHaveProperty("SubscriptionId");
});

test("an address can be changed, by GET too, and a kind switched off", async () => {
  await using world = await openWorld();
  const Address = `${world.merchant.url}/elsewhere`;
  expect(await world.call("/site/notifications/pay/update", { IsEnabled: true, Address })).toMatchObject({
    Success: true,
  });
  expect((await world.call("/site/notifications/pay/get")).Model).toEqual({
    IsEnabled: true,
    Address,
    HttpMethod: "GET",
    Encoding: "UTF8",
    Format: "CloudPayments",
  });
  await world.call("/site/notifications/refund/update", { IsEnabled: false });
  const { transaction } = await world.pay(CARD.good);
  await world.call("/payments/refund", { TransactionId: transaction.id, Amount: 1 });
  await world.gateway.idle();
  expect(world.merchant.kinds()).toEqual(["check", "elsewhere"]);
  expect(world.merchant.heard("elsewhere")[0]).toMatchObject({ method: "GET", isSigned: true });
});

test.each([
  ["check", { IsEnabled: false }, "Check cannot be changed by this method"],
  ["pay", { IsEnabled: true }, "Address is required"],
  ["pay", { IsEnabled: true, Address: "ftp://x" }, "Invalid Address value"],
  ["pay", { IsEnabled: true, Address: "https://x", HttpMethod: "PUT" }, "Invalid HttpMethod value"],
  ["pay", { IsEnabled: true, Address: "https://x", Encoding: "Windows1251" }, "Invalid Encoding value"],
])("settings of %s with %j are refused", async (kind, fields, message) => {
  await using world = await openWorld();
  expect((await world.call(`/site/notifications/${kind}/update`, fields)).Message).toBe(message);
});

test("by default each kind goes to the merchant's address and its name", async () => {
  await using world = await openWorld();
  const { Model } = await world.call("/site/notifications/fail/get");
  expect(Model).toMatchObject({ IsEnabled: true, HttpMethod: "POST", Address: `${world.merchant.url}/fail` });
});

describe("a check", () => {
  const garbage = (): Response => new Response("<html>");
  test.each([
    ["wrong order number", () => CODE(10), 3001],
    ["wrong account", () => CODE(11), 3002],
    ["wrong amount", () => CODE(12), 3003],
    ["expired", () => CODE(20), 3004],
    ["cannot be accepted", () => CODE(13), 3008],
    ["an unknown code", () => CODE(99), 3005],
    ["no JSON", garbage, 3005],
    ["no code", () => Response.json({ ok: true }), 3005],
    ["a code that is text", () => Response.json({ code: "0" }), 3005],
    ["service unavailable", () => new Response(null, { status: 503 }), 3006],
    ["an error of the merchant", () => new Response(null, { status: 500 }), 3006],
    ["not found", () => new Response(null, { status: 404 }), 3007],
    ["a redirect", () => new Response(null, { status: 302, headers: { Location: "/pay" } }), 3007],
  ])("answered with %s declines a charge by token", async (_, answer, reason) => {
    await using world = await openWorld();
    const token = await world.token();
    await world.gateway.idle();
    world.merchant.answers((heard) => (heard.kind === "check" ? answer() : CODE(0)));
    const charged = await world.charge(token);
    expect(charged).toMatchObject({ Success: false, Model: { Status: "Declined", ReasonCode: reason } });
    await world.gateway.idle();
    expect(world.merchant.kinds()).toEqual(["check", "pay", "check", "fail"]);
  });

  test("that nobody hears declines the payment", async () => {
    await using world = await openWorld({ notify: () => "http://127.0.0.1:1" });
    const { transaction, shown } = await world.pay(CARD.threeDs);
    expect(transaction).toMatchObject({ status: "Declined", reasonCode: 3007 });
    expect(shown).toContain("Повторите попытку позже");
  });

  test("comes before the bank's page", async () => {
    await using world = await openWorld();
    await world.press(CARD.threeDs);
    expect(world.merchant.kinds()).toEqual(["check"]);
  });

  test("can be switched off in the cabinet, across restarts", async () => {
    await using world = await openWorld({ folder: await freshFolder(), askBefore: false });
    await world.restart();
    await world.pay(CARD.good);
    await world.gateway.idle();
    expect(world.merchant.kinds()).toEqual(["pay"]);
  });

  test("knows of nothing that is written before it is answered", async () => {
    await using world = await openWorld();
    let seen = -1;
    world.merchant.answers(() => {
      seen = Math.max(seen, world.gateway.ledger.transactions().length);
      return CODE(13);
    });
    await world.press(CARD.good);
    expect(seen).toBe(0);
  });
});

describe("a notification that is not accepted", () => {
  test.each([
    ["another code", () => CODE(13)],
    ["an error", () => new Response(null, { status: 500 })],
    ["no code", () => new Response("ok")],
    ["code 0 with another status", () => Response.json({ code: 0 }, { status: 202 })],
  ])("because of %s is told again until it is, the same to the byte", async (_, refusal) => {
    await using world = await openWorld({ askBefore: false });
    let left = 3;
    world.merchant.answers(() => (left-- > 0 ? refusal() : CODE(0)));
    await world.pay(CARD.good);
    await world.gateway.idle();
    const raws = world.merchant.heard("pay").map(({ raw }) => raw);
    expect(raws).toHaveLength(4);
    expect(new Set(raws).size).toBe(1);
    expect(world.gateway.ledger.notifications()).toMatchObject([{ state: "delivered", attempts: 4 }]);
  });

  test("waits a second before its second try, two before its third", async () => {
    await using world = await openWorld({ askBefore: false, ladderMs: LADDER_MS });
    expect(LADDER_MS).toEqual([1000, 2000, 5000, 10_000, 30_000]);
    world.merchant.answers(() => CODE(1));
    for (const [tries, waitMs] of [
      [1, 1000],
      [2, 2000],
    ] as const) {
      const sinceMs = Date.now();
      if (tries === 1) await world.pay(CARD.good);
      const told = () => world.gateway.ledger.notifications()[0];
      while (told()?.attempts !== tries) await Bun.sleep(1);
      expect(told()?.dueAt).toBeGreaterThanOrEqual(sinceMs + waitMs);
      expect(told()?.dueAt).toBeLessThanOrEqual(Date.now() + waitMs);
    }
  });

  test("on the gateway's own ladder waits 1, 2, 5, 10 and 30 minutes, then 30 each, a hundred tries in all", async () => {
    const MINUTE_MS = 60_000;
    expect(gatewayLadder()).toEqual([1, 2, 5, 10, 30].map((minutes) => minutes * MINUTE_MS));
    // A minute is a millisecond here, and each wait is read from the books before the next try.
    const scale = 1 / MINUTE_MS;
    await using world = await openWorld({ askBefore: false, ladderMs: gatewayLadder(scale) });
    const waits: number[] = [];
    let lastMs = 0;
    world.merchant.answers(() => {
      const [told] = world.gateway.ledger.notifications();
      if (told !== undefined && told.attempts > 0) waits.push(told.dueAt - lastMs);
      lastMs = Date.now();
      return CODE(1);
    });
    await world.pay(CARD.good);
    await world.gateway.idle();
    expect(world.merchant.heard("pay")).toHaveLength(100);
    expect(world.gateway.ledger.notifications()).toMatchObject([{ state: "given_up", attempts: 100 }]);
    const atLeast = [1, 2, 5, 10, ...Array.from({ length: 95 }, () => 30)];
    expect(waits).toHaveLength(99);
    expect(waits.map((ms, i) => ms >= (atLeast[i] ?? 0))).toEqual(atLeast.map(() => true));
    // In real time that is two days.
    const wholeMs = atLeast.reduce((all, minutes) => all + minutes, 0) * MINUTE_MS;
    expect(Math.round(wholeMs / (24 * 60 * MINUTE_MS))).toBe(2);
  });

  test("is given up after a hundred tries", async () => {
    await using world = await openWorld({ askBefore: false, ladderMs: [0] });
    world.merchant.answers(() => CODE(1));
    await world.pay(CARD.good);
    await world.gateway.idle();
    expect(world.merchant.heard("pay")).toHaveLength(100);
    expect(world.gateway.ledger.notifications()).toMatchObject([{ state: "given_up", attempts: 100 }]);
  });

  test("holds up no other", async () => {
    await using world = await openWorld({ askBefore: false });
    let open = false;
    world.merchant.answers((heard) => CODE(heard.kind === "pay" && !open ? 1 : 0));
    const { transaction } = await world.pay(CARD.good);
    await world.call("/payments/refund", { TransactionId: transaction.id, Amount: 1 });
    const refundCame = () =>
      world.gateway.ledger.notifications().some(({ kind, state }) => kind === "refund" && state === "delivered");
    while (!refundCame()) await Bun.sleep(1);
    open = true;
    await world.gateway.idle();
    expect(world.gateway.ledger.notifications().map(({ state }) => state)).toEqual(["delivered", "delivered"]);
  });

  test("goes on after a restart", async () => {
    await using world = await openWorld({ folder: await freshFolder(), askBefore: false, ladderMs: [50] });
    world.merchant.answers(() => CODE(1));
    await world.pay(CARD.good);
    await world.restart();
    const [pending] = world.gateway.ledger.notifications();
    expect(pending?.state).toBe("pending");
    world.merchant.answers(() => CODE(0));
    await world.gateway.idle();
    expect(world.gateway.ledger.notifications()[0]?.state).toBe("delivered");
    expect(world.merchant.heard("pay").at(-1)).toMatchObject({ isSigned: true });
  });

  test("goes on after the process was killed, and the payment is there", async () => {
    const folder = await freshFolder();
    let secret = "";
    const merchant = openMerchant(() => secret);
    merchant.answers(({ kind }) => CODE(kind === "check" ? 0 : 1));
    const program = new URL("gateway-process.ts", import.meta.url).pathname;
    const child = Bun.spawn([process.execPath, program, folder, merchant.url], { stdout: "pipe", stderr: "inherit" });
    const { value } = await child.stdout.getReader().read();
    const url = `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`;
    const shown = await (await fetch(`${url}/`)).text();
    const intent = encodeIntent({
      publicTerminalId: /test_api_[0-9a-f]{23}/.exec(shown)?.[0],
      paymentSchema: "Single",
      amount: 499,
      currency: "RUB",
    });
    const key = "0".repeat(32);
    const form = { intent, key, number: CARD.good, expiry: "12/39", cvc: "123", holder: "" };
    await fetch(`${url}/widget/pay`, { method: "POST", body: new URLSearchParams(form) });
    while (merchant.heard("pay").length === 0) await Bun.sleep(1);
    child.kill("SIGKILL");
    await child.exited;
    merchant.answers(() => CODE(0));
    const gateway = openGatewaySimulator({ folder, notify: () => merchant.url, baseUrl: () => url });
    secret = gateway.apiSecret;
    await gateway.idle();
    expect(gateway.ledger.transactions()).toMatchObject([{ status: "Completed", minor: 49_900 }]);
    expect(gateway.ledger.notifications()).toMatchObject([{ kind: "pay", state: "delivered" }]);
    expect(merchant.heard("pay").at(-1)?.isSigned).toBe(true);
    await gateway.stop();
    await merchant.close();
  });
});

test("what is sent can be looked at beforehand", async () => {
  await using world = await openWorld({ askBefore: false });
  await world.pay(CARD.good);
  await world.gateway.idle();
  const [notification] = world.gateway.ledger.notifications();
  if (notification === undefined) throw new Error("nothing was told");
  const call = world.gateway.ledger.signed(notification);
  await fetch(call.url, { method: call.method, headers: call.headers, body: call.body });
  const [first, second] = world.merchant.heard("pay");
  expect(second).toEqual(first);
  expect(second?.isSigned).toBe(true);
});

test("a stop in the middle of a check records nothing", async () => {
  const world = await openWorld({ folder: await freshFolder() });
  const asked = Promise.withResolvers<void>();
  world.merchant.answers(async () => {
    asked.resolve();
    await Bun.sleep(200);
    return CODE(0);
  });
  const pressed = world.press(CARD.good);
  await asked.promise;
  await world.restart();
  expect((await pressed).pressed.status).toBe(503);
  expect(world.gateway.ledger.transactions()).toEqual([]);
  await world[Symbol.asyncDispose]();
});
