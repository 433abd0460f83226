import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ANSWER_MODELS } from "./documented-fields.ts";
import { CARD, freshFolder, openWorld } from "./merchant.ts";

const DAY = Date.UTC(2026, 10, 25, 12);
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

test("the door wants the terminal's name and secret", async () => {
  await using world = await openWorld();
  expect((await fetch(`${world.url}/test`, { method: "POST" })).status).toBe(401);
  expect((await world.request("/test", {}, { secret: "guess" })).status).toBe(401);
  expect(await world.call("/test")).toEqual({ Success: true, Message: expect.stringMatching(/^[0-9a-f-]{36}$/) });
});

test.each(["/payments/nothing", "/", "/toString", "/payments/tokens/charge/"])(
  "nothing answers at %s",
  async (path) => {
    await using world = await openWorld();
    expect((await world.request(path)).status).toBe(404);
  },
);

test("another path of the same server is not the gateway's", async () => {
  await using world = await openWorld();
  expect((await fetch(new URL("/sandbox/cloudpaymentsx", world.url))).status).toBe(404);
});

test("a method is asked by POST alone", async () => {
  await using world = await openWorld();
  expect((await fetch(`${world.url}/test`)).status).toBe(405);
});

test("it can be mounted at the root", async () => {
  await using world = await openWorld({ mount: "" });
  expect((await world.charge(await world.token())).Success).toBe(true);
});

test("a terminal is made once for a ledger and differs from any other", async () => {
  await using one = await openWorld();
  await using two = await openWorld();
  expect(one.gateway.publicId).toMatch(/^test_api_[0-9a-f]{23}$/);
  expect(one.gateway.publicId).not.toBe(two.gateway.publicId);
  expect(one.gateway.apiSecret).not.toBe(two.gateway.apiSecret);
});

describe("a charge by token", () => {
  test.each([
    [{ Amount: undefined }, "Amount is required"],
    [{ Amount: 0 }, "Invalid Amount value"],
    [{ Amount: -5 }, "Invalid Amount value"],
    [{ Amount: 1.005 }, "Invalid Amount value"],
    [{ Amount: "ten" }, "Invalid Amount value"],
    [{ Currency: "XXX" }, "Invalid Currency value"],
    [{ AccountId: undefined }, "AccountId is required"],
    [{ AccountId: "acc_2" }, "Token not found"],
    [{ Token: undefined }, "Token is required"],
    [{ Token: "tk_unknown" }, "Token not found"],
    [{ TrInitiatorCode: undefined }, "TrInitiatorCode is required"],
    [{ TrInitiatorCode: 7 }, "Invalid TrInitiatorCode value"],
    [{ PaymentScheduled: 2 }, "Invalid PaymentScheduled value"],
  ])("with %j is refused and makes no transaction", async (over, message) => {
    await using world = await openWorld();
    const token = await world.token();
    expect(await world.charge(token, over)).toEqual({ Success: false, Message: message });
    expect(world.gateway.ledger.transactions()).toHaveLength(1);
  });

  test("says the same for a form as for JSON, in any case of names", async () => {
    await using world = await openWorld();
    const token = await world.token();
    const form = { amount: "59.90", accountid: "acc_1", TOKEN: token, trinitiatorcode: "0", InvoiceId: "att_2" };
    const answer = await world.call("/payments/tokens/charge", form, { form: true });
    expect(answer).toMatchObject({ Success: true, Model: { Amount: 59.9, InvoiceId: "att_2", Status: "Completed" } });
  });

  test("keeps every kopeck of a sum that a float would lose", async () => {
    await using world = await openWorld({ askBefore: false });
    const token = await world.token();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 99_999_999 }), async (minor) => {
        const text = `${Math.floor(minor / 100)}.${String(minor % 100).padStart(2, "0")}`;
        await world.charge(token, { Amount: Number(text) });
        expect(world.gateway.ledger.transactions()[0]?.minor).toBe(minor);
      }),
      { numRuns: 30 },
    );
  });

  test("carries the order's data through, numbers and all", async () => {
    await using world = await openWorld();
    const JsonData = { order: "att_2", count: 2, rate: 1.5 };
    const { Model } = await world.charge(await world.token(), { JsonData, Email: "a@b.c", Description: "Июнь" });
    expect(JSON.parse(Model.JsonData)).toEqual(JsonData);
    expect(Model).toMatchObject({ Email: "a@b.c", Description: "Июнь", TrInitiatorCode: 0 });
  });

  test("in two stages only holds the money", async () => {
    await using world = await openWorld();
    const fields = { Amount: 10, AccountId: "acc_1", Token: await world.token(), TrInitiatorCode: 1 };
    const { Success, Model } = await world.call("/payments/tokens/auth", fields);
    expect({ Success, Status: Model.Status }).toEqual({ Success: true, Status: "Authorized" });
    expect(Object.keys(Model)).toEqual(expect.arrayContaining([...(ANSWER_MODELS["authorised"] ?? [])]));
  });
});

test("what can't be read is refused as such", async () => {
  await using world = await openWorld();
  const authorization = `Basic ${btoa(`${world.gateway.publicId}:${world.gateway.apiSecret}`)}`;
  for (const body of ["{", "[]", "null", '"text"', "1"]) {
    const answer = await fetch(`${world.url}/payments/refund`, { method: "POST", headers: { authorization }, body });
    expect(await answer.json()).toEqual({ Success: false, Message: "Invalid request" });
  }
});

describe("X-Request-ID", () => {
  test("five at once under one id are one charge, answered alike", async () => {
    await using world = await openWorld();
    const token = await world.token();
    const same = Array.from({ length: 5 }, () => world.charge(token, {}, { requestId: "att_2" }));
    const answers = await Promise.all(same);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(world.gateway.ledger.transactions()).toHaveLength(2);
  });

  test("answers a later request from memory, a decline too, and for an hour only", async () => {
    let now = DAY;
    await using world = await openWorld({ now: () => now });
    const token = await world.token(CARD.renewalFails);
    const first = await world.charge(token, {}, { requestId: "att_2" });
    now += HOUR_MS - 1;
    expect(await world.charge(token, {}, { requestId: "att_2" })).toEqual(first);
    now += 1;
    const later = await world.charge(token, {}, { requestId: "att_2" });
    expect(later.Model.TransactionId).not.toBe(first.Model.TransactionId);
  });

  test("is forgotten after an hour: the same id is a new operation then, and money moves once more", async () => {
    let now = DAY;
    await using world = await openWorld({ now: () => now });
    const token = await world.token();
    const charges = () => world.gateway.ledger.transactions().filter(({ initiator }) => initiator !== null);
    const charged = async () => (await world.charge(token, {}, { requestId: "att_2" })).Model.TransactionId;
    const first = await charged();
    now += HOUR_MS - 1;
    expect([await charged(), charges().length]).toEqual([first, 1]);
    now += 1;
    const second = await charged();
    expect(second).not.toBe(first);
    expect(charges()).toMatchObject([{ status: "Completed" }, { status: "Completed" }]);
    // The hour of the new operation begins with it.
    now += HOUR_MS - 1;
    expect([await charged(), charges().length]).toEqual([second, 2]);
    const fields = { TransactionId: first, Amount: 100 };
    const refunded = async () =>
      (await world.call("/payments/refund", fields, { requestId: "rfd_1" })).Model.TransactionId;
    const back = await refunded();
    now += HOUR_MS;
    expect(await refunded()).not.toBe(back);
  });

  test("survives a restart", async () => {
    await using world = await openWorld({ folder: await freshFolder() });
    const token = await world.token();
    const first = await world.charge(token, {}, { requestId: "att_2" });
    await world.restart();
    expect(await world.charge(token, {}, { requestId: "att_2" })).toEqual(first);
    expect(world.gateway.ledger.transactions()).toHaveLength(2);
  });

  test("a refused request may be put right under its id", async () => {
    await using world = await openWorld();
    const token = await world.token();
    expect((await world.charge(token, { Amount: 0 }, { requestId: "att_2" })).Success).toBe(false);
    expect((await world.charge(token, {}, { requestId: "att_2" })).Success).toBe(true);
  });

  test("a refund told twice goes back once", async () => {
    await using world = await openWorld();
    const { transaction } = await world.pay(CARD.good);
    const refund = () =>
      world.call("/payments/refund", { TransactionId: transaction.id, Amount: 100 }, { requestId: "rfd_1" });
    expect(await refund()).toEqual(await refund());
    expect(world.gateway.ledger.transactions()).toHaveLength(2);
  });
});

test("the sixth request at once is turned away, and the next one is not", async () => {
  await using world = await openWorld();
  world.gateway.faults.switchOn({ fault: "slow", times: 5, ms: 100 });
  const statuses = await Promise.all(Array.from({ length: 7 }, async () => (await world.request("/test")).status));
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 200, 200, 200, 429, 429]);
  expect((await world.request("/test")).status).toBe(200);
});

test("a live terminal takes thirty at once, and turns the next one away", async () => {
  await using world = await openWorld({ mostInFlight: 30 });
  world.gateway.faults.switchOn({ fault: "slow", times: 30, ms: 200 });
  const statuses = await Promise.all(Array.from({ length: 32 }, async () => (await world.request("/test")).status));
  expect(statuses.filter((status) => status === 200)).toHaveLength(30);
  expect(statuses.filter((status) => status === 429)).toHaveLength(2);
});

describe("money held", () => {
  const held = async (world: Awaited<ReturnType<typeof openWorld>>) =>
    (await world.pay(CARD.good, { intent: { paymentSchema: "Dual" } })).transaction.id;

  test("is confirmed for less and never for more", async () => {
    await using world = await openWorld();
    const TransactionId = await held(world);
    const confirm = (Amount: number) => world.call("/payments/confirm", { TransactionId, Amount });
    expect(await confirm(499.01)).toEqual({ Success: false, Message: "Amount is greater than the authorized amount" });
    expect(await confirm(400)).toEqual({ Success: true, Message: null });
    expect((await confirm(400)).Success).toBe(false);
    expect(world.gateway.ledger.transactions()).toMatchObject([{ status: "Completed", minor: 40_000 }]);
  });

  test("is let go of once", async () => {
    await using world = await openWorld();
    const TransactionId = await held(world);
    const letGo = () => world.call("/payments/void", { TransactionId });
    expect(await letGo()).toEqual({ Success: true, Message: null });
    expect((await letGo()).Success).toBe(false);
    expect((await world.call("/payments/refund", { TransactionId, Amount: 1 })).Success).toBe(false);
    expect(world.gateway.ledger.transactions()).toMatchObject([{ status: "Cancelled" }]);
  });

  test("a payment that was taken can't be voided", async () => {
    await using world = await openWorld();
    const { transaction } = await world.pay(CARD.good);
    expect((await world.call("/payments/void", { TransactionId: transaction.id })).Success).toBe(false);
  });
});

describe("a refund", () => {
  test("in any parts, at once or one by one, never exceeds the payment", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 30_000 }), { maxLength: 5 }), async (parts) => {
        await using world = await openWorld({ askBefore: false });
        const { transaction } = await world.pay(CARD.good);
        const answers = await Promise.all(
          parts.map((minor) => world.call("/payments/refund", { TransactionId: transaction.id, Amount: minor / 100 })),
        );
        const back = parts.filter((_, place) => answers[place]?.Success).reduce((sum, minor) => sum + minor, 0);
        expect(back).toBeLessThanOrEqual(transaction.minor);
        const refunds = world.gateway.ledger.transactions().filter(({ originalId }) => originalId === transaction.id);
        expect(refunds.reduce((sum, { minor }) => sum + minor, 0)).toBe(back);
      }),
      { numRuns: 15 },
    );
  });

  test("of the whole leaves nothing to give back", async () => {
    await using world = await openWorld();
    const { transaction } = await world.pay(CARD.good);
    const refund = (Amount: number) => world.call("/payments/refund", { TransactionId: transaction.id, Amount });
    expect((await refund(499)).Model).toEqual({ TransactionId: expect.any(Number) });
    expect(await refund(0.01)).toEqual({ Success: false, Message: "Amount is greater than the rest of the payment" });
    const { Model } = await world.call("/payments/get", { TransactionId: transaction.id });
    expect(Model).toMatchObject({ Status: "Completed", Refunded: true });
  });

  test("is possible for a year and not a moment longer", async () => {
    let now = DAY;
    await using world = await openWorld({ now: () => now });
    const { transaction } = await world.pay(CARD.good);
    now = DAY + YEAR_MS;
    expect((await world.call("/payments/refund", { TransactionId: transaction.id, Amount: 1 })).Success).toBe(true);
    now += 1;
    expect((await world.call("/payments/refund", { TransactionId: transaction.id, Amount: 1 })).Success).toBe(false);
  });

  test.each([
    [{ TransactionId: 1, Amount: 1 }, "Transaction not found"],
    [{ Amount: 1 }, "TransactionId is required"],
    [{ TransactionId: "x", Amount: 1 }, "Invalid TransactionId value"],
  ])("of %j is refused", async (fields, message) => {
    await using world = await openWorld();
    expect((await world.call("/payments/refund", fields)).Message).toBe(message);
  });

  test("can't be refunded itself, and a declined payment can't be either", async () => {
    await using world = await openWorld();
    const { transaction } = await world.pay(CARD.good);
    const { Model } = await world.call("/payments/refund", { TransactionId: transaction.id, Amount: 1 });
    expect((await world.call("/payments/refund", { ...Model, Amount: 1 })).Message).toBe("Transaction not found");
    const poor = await world.pay(CARD.poor);
    const again = await world.call("/payments/refund", { TransactionId: poor.transaction.id, Amount: 1 });
    expect(again.Message).toBe("Transaction is Declined");
  });
});

describe("looking up", () => {
  test("a decline is told with all it is, and is no success", async () => {
    await using world = await openWorld();
    const { transaction } = await world.pay(CARD.poor);
    for (const path of ["/payments/find", "/v2/payments/find"])
      expect(await world.call(path, { InvoiceId: "att_1" })).toMatchObject({
        Success: false,
        Message: null,
        Model: { TransactionId: transaction.id, Status: "Declined", ReasonCode: 5051, Reason: "InsufficientFunds" },
      });
  });

  test("a payment whose holder is at the bank is there, undecided, and no success", async () => {
    await using world = await openWorld();
    await world.press(CARD.threeDs);
    const found = await world.call("/v2/payments/find", { InvoiceId: "att_1" });
    expect(found).toMatchObject({ Success: false, Model: { Status: "AwaitingAuthentication", Reason: null } });
  });

  test("what is not there is not found", async () => {
    await using world = await openWorld();
    const nothing = { Success: false, Message: "Not found" };
    expect(await world.call("/payments/find", { InvoiceId: "att_9" })).toEqual(nothing);
    expect(await world.call("/payments/get", { TransactionId: 9 })).toEqual(nothing);
  });

  test("the last operation is found; the older method sees no refunds", async () => {
    await using world = await openWorld();
    await world.pay(CARD.poor);
    const { transaction } = await world.pay(CARD.good);
    const refunded = await world.call("/payments/refund", { TransactionId: transaction.id, Amount: 9 });
    const find = async (path: string) => (await world.call(path, { InvoiceId: "att_1" })).Model;
    expect((await find("/payments/find")).TransactionId).toBe(transaction.id);
    expect(await find("/v2/payments/find")).toMatchObject({
      TransactionId: refunded.Model.TransactionId,
      OriginalTransactionId: transaction.id,
      Type: 1,
      Amount: 9,
    });
  });
});

describe("lists", () => {
  test("250 rows come in three pages, each row once, in order of creation", async () => {
    let now = DAY;
    await using world = await openWorld({ askBefore: false, now: () => now });
    const token = await world.token();
    now += 1000;
    for (let place = 0; place < 250; place += 1) {
      if (place % 3 === 0) now += 1000; // Several rows of one instant, too.
      await world.charge(token, { InvoiceId: `att_${place}` });
    }
    const page = async (PageNumber: number) => {
      const window = { CreatedDateGte: iso(DAY + 1), CreatedDateLte: iso(now) };
      return (await world.call("/v2/payments/list", { ...window, PageNumber })).Model;
    };
    const pages = [await page(1), await page(2), await page(3), await page(4)];
    expect(pages.map((rows) => rows.length)).toEqual([100, 100, 50, 0]);
    expect(pages.flat().map((row) => row.InvoiceId)).toEqual(Array.from({ length: 250 }, (_, place) => `att_${place}`));
  });

  test("a window is by creation, both ends included, and may name statuses", async () => {
    let now = DAY;
    await using world = await openWorld({ now: () => now });
    const { transaction } = await world.pay(CARD.good);
    now += 1000;
    await world.pay(CARD.poor);
    const list = async (from: number, until: number, Statuses?: readonly string[]) => {
      const fields = { CreatedDateGte: iso(from), CreatedDateLte: iso(until), PageNumber: 1, Statuses };
      return (await world.call("/v2/payments/list", fields)).Model.map((row: { Status: string }) => row.Status);
    };
    expect(await list(DAY, now)).toEqual(["Completed", "Declined"]);
    expect(await list(DAY, DAY)).toEqual(["Completed"]);
    expect(await list(DAY + 1, now)).toEqual(["Declined"]);
    expect(await list(DAY, now, ["Declined", "Cancelled"])).toEqual(["Declined"]);
    now += 1000;
    await world.call("/payments/refund", { TransactionId: transaction.id, Amount: 1 });
    expect(await list(now, now)).toEqual(["Completed"]);
  });

  test("a window is told with its zone, and its page from one", async () => {
    await using world = await openWorld();
    const good = { CreatedDateGte: "2026-11-25T00:00:00+03:00", CreatedDateLte: "2026-11-26T00:00:00Z", PageNumber: 1 };
    const message = async (over: object) => (await world.call("/v2/payments/list", { ...good, ...over })).Message;
    expect(await message({})).toBeNull();
    expect(await message({ CreatedDateGte: "2026-11-25T00:00:00" })).toBe("Invalid CreatedDateGte value");
    expect(await message({ CreatedDateLte: undefined })).toBe("CreatedDateLte is required");
    expect(await message({ PageNumber: 0 })).toBe("Invalid PageNumber value");
    expect(await message({ TimeZone: "MARS" })).toBe("Invalid TimeZone value");
  });

  test("a day is the zone's own", async () => {
    let now = Date.UTC(2026, 10, 24, 21);
    await using world = await openWorld({ now: () => now });
    await world.pay(CARD.good);
    now -= 1;
    await world.pay(CARD.poor);
    const day = async (date: string, TimeZone?: string) =>
      (await world.call("/payments/list", { Date: date, TimeZone })).Model?.map(
        (row: { Status: string }) => row.Status,
      );
    expect(await day("2026-11-25", "MSK")).toEqual(["Completed"]);
    expect(await day("2026-11-24", "MSK")).toEqual(["Declined"]);
    expect(await day("2026-11-24")).toEqual(["Declined", "Completed"]);
    expect(await day("2026-02-30")).toBeUndefined();
  });

  test("saved cards are listed without their numbers", async () => {
    await using world = await openWorld();
    const Token = await world.token(CARD.threeDs);
    const { Model } = await world.call("/payments/tokens/list", { PageNumber: 1 });
    expect(Model).toEqual([
      { Token, AccountId: "acc_1", CardMask: "4242 42****** 4242", ExpirationDateMonth: 12, ExpirationDateYear: 2039 },
    ]);
  });
});

test("each answer carries the fields of the gateway's own", async () => {
  await using world = await openWorld();
  const token = await world.token();
  const poor = await world.token(CARD.renewalFails);
  const charged = await world.charge(token, { InvoiceId: "att_2" });
  const today = new Date().toISOString().slice(0, 10);
  const window = { CreatedDateGte: iso(0), CreatedDateLte: iso(Date.now()), PageNumber: 1 };
  const answers: Readonly<Record<string, unknown>> = {
    "charged by token": charged.Model,
    "charge by token declined": (await world.charge(poor)).Model,
    refund: (await world.call("/payments/refund", { ...charged.Model, Amount: 1 })).Model,
    found: (await world.call("/payments/find", { InvoiceId: "att_2" })).Model,
    "list of a day": (await world.call("/payments/list", { Date: today })).Model[0],
    list: (await world.call("/v2/payments/list", window)).Model[0],
    tokens: (await world.call("/payments/tokens/list", { PageNumber: 1 })).Model[0],
    "notification settings": (await world.call("/site/notifications/pay/get")).Model,
  };
  for (const [name, model] of Object.entries(answers))
    expect([name, Object.keys(model ?? {})]).toEqual([name, expect.arrayContaining([...(ANSWER_MODELS[name] ?? [])])]);
});

test("ids go beyond 32 bits, dates are UTC without a zone", async () => {
  await using world = await openWorld({ now: () => DAY });
  const { Model } = await world.charge(await world.token());
  expect(Model.TransactionId).toBeGreaterThan(2 ** 31);
  expect(Model).toMatchObject({
    CreatedDate: `/Date(${DAY})/`,
    CreatedDateIso: "2026-11-25T12:00:00",
    ConfirmDateIso: "2026-11-25T12:00:00",
    TestMode: true,
    GatewayName: "Test",
  });
});

const iso = (ms: number): string => new Date(ms).toISOString();
