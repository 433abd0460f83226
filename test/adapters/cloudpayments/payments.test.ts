import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type AccountId, NOBODY, type TransactionId } from "../../../src/core/ids.ts";
import { type Currency, formatAmount, MAX_MINOR, MINOR_DIGITS, money, parseMoney } from "../../../src/core/money.ts";
import type { ChargeRequest, Movement, WidgetOffer } from "../../../src/core/ports/payments.ts";
import { Bug } from "../../../src/core/result.ts";
import { instantOf, parseInstant } from "../../../src/core/time.ts";
import { answered, transactionNamed } from "../../support/cinema.ts";
import { newAccount, newAttempt, newCard, newInvoice, newRefund } from "../../support/commits.ts";
import { ACCOUNT, answerIn, attemptNamed, CHARGES, LISTS, LOOK_UPS, REFUNDS, VOIDS } from "./answers.ts";
import { fixtureOf } from "./fixtures.ts";
import { clientOf, fakeGateway, saying } from "./gateway.ts";

const rub = (minor: bigint) => money(minor, "RUB");
const chargeOf = (over: Partial<ChargeRequest> = {}): ChargeRequest => ({
  attemptId: attemptNamed("1234567"),
  accountId: ACCOUNT,
  cardId: newCard(),
  token: "tk_1",
  amount: rub(5_900n),
  initiator: "schedule",
  description: "Подписка",
  ...over,
});
const refundOf = (over: { transactionId?: TransactionId; minor?: bigint } = {}) => ({
  refundId: newRefund(),
  transactionId: over.transactionId ?? transactionNamed("455"),
  amount: rub(over.minor ?? 10_000n),
});
const SETUP = "set_01kg9mfmm0fq8t765h93g2xk9g" as never;
const at = (text: string) => answered(parseInstant(text));
const DAY = { start: at("2021-03-09T00:00:00Z"), end: at("2021-03-10T00:00:00Z") };
const lost = { ok: false, error: { code: "answer_lost" } } as const;
const unavailable = { ok: false, error: { code: "gateway_unavailable", retryAfterMs: expect.any(Number) } } as const;

/** What the gateway says of one payment. */
const model = (over: Readonly<Record<string, unknown>> = {}) => ({
  TransactionId: 77,
  Amount: 59,
  Currency: "RUB",
  InvoiceId: "1234567",
  AccountId: ACCOUNT,
  CreatedDateIso: "2021-03-09T11:12:54",
  Status: "Completed",
  ReasonCode: 0,
  Type: 0,
  ...over,
});
const envelope = (Model: unknown, Success = true) => JSON.stringify({ Model, Success, Message: null });

const charging = async (body: string, request = chargeOf()) => {
  await using gateway = saying(body);
  return await clientOf(gateway.url).charge(request);
};
const finding = async (body: string, attempt = "1234567") => {
  await using gateway = saying(body);
  return await clientOf(gateway.url).find(attemptNamed(attempt));
};
const listing = async (body: string, period = DAY) => {
  await using gateway = saying(body);
  return await clientOf(gateway.url).list(period);
};

/** What was asked, beside what the fixture asks. Only the first is ours, only the second is not. */
const compared = (json: unknown, fixture: string, renamed: Readonly<Record<string, unknown>> = {}) => {
  const [ours, theirs] = [json, JSON.parse(fixtureOf(fixture).body)] as [
    Record<string, unknown>,
    Record<string, unknown>,
  ];
  const expected = { ...theirs, ...renamed };
  const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].sort();
  return names.filter((name) => !Bun.deepEquals(ours[name], expected[name]));
};

describe("a charge", () => {
  test.each(Object.entries(CHARGES))("answered with %s", async (name, expected) => {
    expect(answered(await charging(answerIn(name)))).toEqual(expected as never);
  });

  test("asks as the documentation's example does", async () => {
    await using gateway = saying(answerIn("tokens.charge.completed"));
    const theirs = JSON.parse(fixtureOf("tokens.charge.request").body);
    const request = chargeOf({
      token: theirs.Token,
      description: theirs.Description,
      accountId: theirs.AccountId as AccountId,
    });
    await clientOf(gateway.url).charge(request);
    const [asked] = gateway.heard;
    expect(asked?.path).toBe("/api/payments/tokens/charge");
    // The payer's name and address are not ours to give.
    expect(compared(asked?.json, "tokens.charge.request")).toEqual(["Payer"]);
    expect(asked?.text).toContain('"Amount":59.00,');
    expect(asked?.headers.get("x-request-id")).toBe("1234567");
    expect(asked?.headers.get("content-type")).toBe("application/json");
    const credentials = Buffer.from((asked?.headers.get("authorization") ?? "").slice("Basic ".length), "base64");
    expect(credentials.toString()).toBe("pk_1:secret:ü");
  });

  test("by the payer's own hand is marked as such", async () => {
    await using gateway = saying(answerIn("tokens.charge.completed"));
    await clientOf(gateway.url).charge(chargeOf({ initiator: "payer" }));
    expect(gateway.heard[0]?.json).toMatchObject({ TrInitiatorCode: 1 });
    expect(gateway.heard[0]?.json).not.toHaveProperty("PaymentScheduled");
  });

  test("passes on the sum and the account that the gateway tells, not what was asked", async () => {
    const account = newAccount();
    const told = envelope(model({ Amount: 60.5, Currency: "KZT", AccountId: account }));
    expect(answered(await charging(told))).toMatchObject({ amount: money(6_050n, "KZT"), accountId: account });
    expect(answered(await charging(envelope(model({ AccountId: null }))))).toMatchObject({ accountId: null });
  });

  test("keeps every digit of sums, on the way there and on the way back", async () => {
    const currencies = Object.keys(MINOR_DIGITS) as Currency[];
    const sums = fc.tuple(fc.bigInt({ min: 1n, max: MAX_MINOR }), fc.constantFrom(...currencies));
    await using gateway = fakeGateway(({ text }) => {
      const [, amount, currency] = /"Amount":([0-9.]+),"Currency":"([A-Z]+)"/.exec(text) ?? [];
      const told = `"TransactionId":9223372036854775807,"InvoiceId":"1234567","Amount":${amount},"Currency":"${currency}"`;
      return new Response(`{"Success":true,"Model":{${told},"Status":"Completed"}}`);
    });
    const client = clientOf(gateway.url);
    await fc.assert(
      fc.asyncProperty(sums, async ([minor, currency]) => {
        const amount = money(minor, currency);
        expect(parseMoney(formatAmount(amount), currency)).toEqual({ ok: true, value: amount });
        const answer = answered(await client.charge(chargeOf({ amount })));
        expect(answer).toMatchObject({ status: "captured", amount, transactionId: "9223372036854775807" });
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ["AwaitingAuthentication", { Status: "AwaitingAuthentication" }],
    ["in process", { TransactionIsInProcess: true }],
    ["of no status yet, as of SBP", { Status: null }],
  ])("that is %s is pending", async (_, over) => {
    expect(answered(await charging(envelope(model(over))))).toEqual({ status: "pending" });
  });

  test("is declined by what its reason code says", async () => {
    const declined = (ReasonCode: unknown, Status: string | null = "Declined") =>
      charging(envelope(model({ ReasonCode, Status }), false)).then((answer) => answered(answer));
    expect(await declined(5054)).toMatchObject({
      status: "declined",
      decline: { kind: "hard", reason: "card_expired" },
    });
    expect(await declined(3006)).toMatchObject({ status: "declined", decline: { kind: "our_outage" } });
    expect(await declined(5206, null)).toMatchObject({ status: "declined", decline: { kind: "ask_payer" } });
    expect(await declined(null)).toMatchObject({ status: "declined", decline: { kind: "hard", reason: "refused" } });
    expect(await declined(0, "Cancelled")).toMatchObject({ status: "declined", decline: { kind: "ask_payer" } });
  });

  test.each([
    ["another attempt", envelope(model({ InvoiceId: "1234568" }))],
    ["no attempt", envelope(model({ InvoiceId: null }))],
    ["a refund", envelope(model({ Type: 1 }))],
    ["no sum", envelope(model({ Amount: null }))],
    ["a sum with too many digits", envelope(model({ Amount: 59.005 }))],
    ["a currency that we do not know", envelope(model({ Currency: "XXX" }))],
    ["a success with a reason against it", envelope(model({ ReasonCode: 5051 }))],
    ["a success that its envelope denies", envelope(model(), false)],
    ["no transaction", envelope({ Status: "Completed" })],
    ["success and no model", '{"Success":true,"Message":null}'],
    ["neither success nor a model", '{"Success":false,"Message":null}'],
    ["nothing of it", "{}"],
    ["a list", "[]"],
    ["a success in words", '{"Success":"true"}'],
  ])("answered with %s has lost its answer", async (_, body) => {
    expect(await charging(body)).toEqual(lost);
  });
});

describe("a look-up", () => {
  test.each(Object.entries(LOOK_UPS))("answered with %s", async (name, [attempt, expected]) => {
    expect(answered(await finding(answerIn(name), attempt))).toEqual(expected);
  });

  test.each([
    "payments.find.not_found.request",
    "gem.payments.find.completed.request",
    "gem.payments.find.declined.request",
  ])("asks as %s does", async (name) => {
    await using gateway = saying(answerIn("payments.find.not_found.response"));
    await clientOf(gateway.url).find(attemptNamed(JSON.parse(fixtureOf(name).body).InvoiceId));
    expect(gateway.heard[0]?.path).toBe("/api/payments/find");
    expect(compared(gateway.heard[0]?.json, name)).toEqual([]);
    expect(gateway.heard[0]?.headers.has("x-request-id")).toBeFalse();
  });

  test("believes nothing that names another attempt", async () => {
    expect(await finding(envelope(model({ InvoiceId: "1" })))).toEqual(lost);
  });

  test("of a payer that is no account of ours tells that it is nobody's", async () => {
    const told = await finding(envelope(model({ AccountId: "user_x" })));
    expect(answered(told)).toMatchObject({ status: "captured", accountId: NOBODY });
  });

  test("of a hold that was let go of finds that the payer has to pay anew", async () => {
    const told = await finding(envelope(model({ Status: "Cancelled" })));
    expect(answered(told)).toMatchObject({ status: "declined", decline: { kind: "ask_payer", reason: "refused" } });
  });

  test.each(['{"Success":false,"Message":"Try later"}', '{"Success":true}', "{}", "[]", envelope({}), envelope([])])(
    "that is answered with %s can be asked again",
    async (body) => {
      expect(await finding(body)).toEqual(unavailable);
    },
  );
});

describe("the list", () => {
  test.each(LISTS)("of %s has the declined payment of that day", async (name) => {
    const declined: Movement = {
      kind: "decline",
      transactionId: transactionNamed("54"),
      attemptId: null,
      at: at("2021-03-09T11:12:54Z"),
      decline: { kind: "soft", reason: "gateway_unavailable" },
    };
    expect(answered(await listing(fixtureOf(name).body))).toEqual([declined]);
  });

  test("asks as the documentation's example does, for whole seconds in UTC", async () => {
    await using gateway = saying(answerIn("payments.list.v2.response"));
    await clientOf(gateway.url).list({ start: instantOf(DAY.start - 1), end: instantOf(DAY.end + 1) });
    const [asked] = gateway.heard;
    expect(asked?.path).toBe("/api/v2/payments/list");
    // All statuses are listed when none is named.
    const own = {
      CreatedDateGte: "2021-03-08T23:59:59+00:00",
      CreatedDateLte: "2021-03-10T00:00:01+00:00",
      TimeZone: "UTC",
    };
    expect(compared(asked?.json, "payments.list.v2.request", own)).toEqual(["Statuses"]);
  });

  test("tells payments, holds, declines and refunds apart, and passes over what moved nothing", async () => {
    const [attemptId, refundId] = [newAttempt(), newRefund()];
    const row = (TransactionId: number, over: Readonly<Record<string, unknown>>) =>
      model({ TransactionId, InvoiceId: attemptId, ...over });
    const rows = [
      row(1, {}),
      row(2, { Status: "Authorized" }),
      row(3, { Status: "Cancelled" }),
      row(4, { Status: "Declined", ReasonCode: 5041 }),
      row(5, { Type: 1, OriginalTransactionId: 1, JsonData: JSON.stringify({ refundId }), Amount: 10.1 }),
      row(6, { Type: null, OriginalTransactionId: 1 }),
      row(7, { Type: 2 }),
      row(8, { Status: "AwaitingAuthentication" }),
      row(9, { Type: 1, OriginalTransactionId: 1, Status: "Declined", ReasonCode: 5041 }),
      row(10, { InvoiceId: "theirs", AccountId: "theirs" }),
    ];
    const common = { attemptId, at: at("2021-03-09T11:12:54Z") };
    const of = transactionNamed("1");
    const payment = { ...common, kind: "payment", amount: rub(5_900n), accountId: ACCOUNT } as const;
    const movements: readonly Movement[] = [
      { ...payment, transactionId: of, status: "captured" },
      { ...payment, transactionId: transactionNamed("2"), status: "authorised" },
      { ...payment, transactionId: transactionNamed("3"), status: "voided" },
      {
        ...common,
        kind: "decline",
        transactionId: transactionNamed("4"),
        decline: { kind: "hard", reason: "card_lost_or_stolen" },
      },
      { ...common, kind: "refund", transactionId: transactionNamed("5"), of, amount: rub(1_010n), refundId },
      { ...common, kind: "refund", transactionId: transactionNamed("6"), of, amount: rub(5_900n), refundId: null },
      { ...payment, transactionId: transactionNamed("10"), status: "captured", attemptId: null, accountId: NOBODY },
    ];
    expect(answered(await listing(envelope(rows)))).toEqual(movements);
  });

  test("is read to its last page, and a row that slips to the next page counts once", async () => {
    const row = (id: number) => model({ TransactionId: id + 1 });
    const pages = [
      Array.from({ length: 100 }, (_, i) => row(i)),
      Array.from({ length: 100 }, (_, i) => row(i + 99)),
      [],
    ];
    await using gateway = fakeGateway(({ json }) => {
      const { PageNumber } = json as { PageNumber: number };
      return new Response(envelope(pages[PageNumber - 1]));
    });
    const movements = answered(await clientOf(gateway.url).list(DAY));
    expect([movements.length, gateway.heard.length]).toEqual([199, 3]);
  });

  test("that has no end is no list", async () => {
    await using gateway = saying(envelope(Array.from({ length: 100 }, (_, id) => ({ TransactionId: id + 1 }))));
    expect(await clientOf(gateway.url).list(DAY)).toEqual(unavailable);
    expect(gateway.heard.length).toBe(1000);
  });

  test("joins the lists of the stretches around it without gap or repeat", async () => {
    const told = envelope([model({ TransactionId: 1, CreatedDateIso: "2021-03-09T12:00:00" })]);
    const noon = at("2021-03-09T12:00:00Z");
    for (const border of [noon - 1, noon, noon + 1].map(instantOf)) {
      const before = answered(await listing(told, { start: DAY.start, end: border }));
      const after = answered(await listing(told, { start: border, end: DAY.end }));
      expect(before.length + after.length).toBe(1);
    }
  });

  test("is not read over a row that bears our name and makes no sense", async () => {
    for (const over of [{ Amount: null }, { Currency: "XXX" }, { CreatedDateIso: "yesterday" }]) {
      expect(await listing(envelope([model({ ...over, InvoiceId: newAttempt() })]))).toEqual(unavailable);
      expect(answered(await listing(envelope([model(over)])))).toEqual([]);
    }
    const refund = { Type: 1, OriginalTransactionId: null, InvoiceId: newAttempt() };
    expect(await listing(envelope([model(refund)]))).toEqual(unavailable);
  });

  test.each([
    '{"Success":false,"Message":"Invalid CreatedDateGte value"}',
    '{"Success":true}',
    "{}",
    envelope([{}]),
    envelope({}),
  ])("answered with %s can be asked again", async (body) => {
    expect(await listing(body)).toEqual(unavailable);
  });
});

describe("a refund", () => {
  const refunding = async (body: string) => {
    await using gateway = saying(body);
    return await clientOf(gateway.url).refund(refundOf());
  };

  test.each(Object.entries(REFUNDS))("answered with %s", async (name, expected) => {
    expect(answered(await refunding(fixtureOf(name).body))).toEqual(expected);
  });

  test.each(["payments.refund.request", "gem.payments.refund.no_model.request", "gem.payments.refund.error.request"])(
    "asks as %s does, and gives our id along",
    async (name) => {
      await using gateway = saying(fixtureOf("payments.refund.response").body);
      const theirs = JSON.parse(fixtureOf(name).body);
      const request = refundOf({
        transactionId: transactionNamed(`${theirs.TransactionId}`),
        minor: BigInt(theirs.Amount) * 100n,
      });
      await clientOf(gateway.url).refund(request);
      const [asked] = gateway.heard;
      expect(asked?.path).toBe("/api/payments/refund");
      expect(compared(asked?.json, name)).toEqual(["JsonData"]);
      expect(JSON.parse((asked?.json as { JsonData: string } | undefined)?.JsonData ?? "")).toEqual({
        refundId: request.refundId,
      });
      expect(asked?.headers.get("x-request-id")).toBe(request.refundId);
    },
  );

  test("names a 64-bit transaction by all of its digits", async () => {
    await using gateway = saying(fixtureOf("payments.refund.response").body);
    await clientOf(gateway.url).refund(refundOf({ transactionId: transactionNamed("9223372036854775807") }));
    expect(gateway.heard[0]?.text).toContain('"TransactionId":9223372036854775807,');
  });

  test("that is only begun, as through SBP, is pending", async () => {
    expect(answered(await refunding(envelope({ TransactionId: 568, Status: "Created" })))).toEqual({
      status: "pending",
    });
    expect(answered(await refunding(envelope({ TransactionId: null })))).toEqual({ status: "pending" });
  });

  test("is refused with a reason that fits a line", async () => {
    const refused = (body: string) => refunding(body).then((answer) => answered(answer));
    const declined = envelope({ TransactionId: 568, ReasonCode: 5204, Reason: "UnableToProcess" }, false);
    expect(await refused(declined)).toEqual({ status: "refused", reason: "UnableToProcess" });
    const long = JSON.stringify({ Success: false, Message: `a\u0000\n\ud800${"b".repeat(500)}` });
    expect(await refused(long)).toEqual({ status: "refused", reason: `a \ufffd${"b".repeat(197)}` });
  });

  test.each(["{}", '{"Success":false}', "[]", '{"Success":1}'])(
    "answered with %s has lost its answer",
    async (body) => {
      expect(await refunding(body)).toEqual(lost);
    },
  );

  test("of a transaction that is not this gateway's is a bug of ours", async () => {
    const asked = clientOf("http://127.0.0.1:1").refund(refundOf({ transactionId: transactionNamed("t1") }));
    expect(await asked.catch((error: unknown) => error)).toBeInstanceOf(Bug);
  });
});

describe("letting go of a hold", () => {
  test.each(Object.entries(VOIDS))("answered with %s", async (name, expected) => {
    await using gateway = saying(fixtureOf(name).body);
    expect(answered(await clientOf(gateway.url).void(SETUP, transactionNamed("455")))).toEqual(expected);
  });

  test.each(["payments.void.request", "gem.payments.void.error.request"])("asks as %s does", async (name) => {
    await using gateway = saying(fixtureOf("payments.void.response").body);
    await clientOf(gateway.url).void(SETUP, transactionNamed(`${JSON.parse(fixtureOf(name).body).TransactionId}`));
    expect(gateway.heard[0]?.path).toBe("/api/payments/void");
    expect(compared(gateway.heard[0]?.json, name)).toEqual([]);
    expect(gateway.heard[0]?.headers.get("x-request-id")).toBe(SETUP);
  });
});

describe("the widget", () => {
  const offerOf = (over: Partial<WidgetOffer> = {}): WidgetOffer => ({
    attemptId: newAttempt(),
    invoiceId: newInvoice(),
    accountId: newAccount(),
    amount: rub(49_900n),
    description: "Subscription example.com",
    language: "ru",
    saveCard: true,
    email: "user@example.com",
    ...over,
  });

  test("gets what the documentation's parameters are", () => {
    const theirs = JSON.parse(fixtureOf("widget.intent.single_tokenize").body);
    const offer = offerOf({
      attemptId: attemptNamed(theirs.externalId),
      accountId: theirs.userInfo.accountId as AccountId,
    });
    const client = clientOf("", { publicId: theirs.publicTerminalId, returnUrl: () => theirs.successRedirectUrl });
    const { parameters } = client.widget(offer);
    const own = { metadata: { invoiceId: offer.invoiceId }, failRedirectUrl: theirs.successRedirectUrl };
    // The looks of the widget are left to its own settings.
    expect(compared(JSON.parse(parameters), "widget.intent.single_tokenize", own)).toEqual(["skin"]);
    expect(parameters).toContain('"amount":499.00,');
  });

  test("shows no field for an address that is known, and asks for no token unless the payer agreed", () => {
    const parameters = (over: Partial<WidgetOffer>) => JSON.parse(clientOf("").widget(offerOf(over)).parameters);
    expect(parameters({ email: null, saveCard: false, language: "en" })).toMatchObject({
      emailBehavior: "Optional",
      culture: "en-US",
    });
    for (const absent of ["tokenize", "receiptEmail", "userInfo.email"]) {
      expect(parameters({ email: null, saveCard: false })).not.toHaveProperty(absent);
    }
  });

  test("has its sums exact, and its texts as they are", () => {
    const description = '"</script>\u2028 ё \ud83c';
    const { parameters } = clientOf("").widget(offerOf({ amount: rub(MAX_MINOR), description }));
    expect(parameters).toContain('"amount":9999999999999.99,');
    expect(JSON.parse(parameters).description).toBe(description);
  });

  test("comes with its script and with the sandbox's page, where there is one", () => {
    const shown = clientOf("", { widgetPage: (parameters) => `/page#${parameters.length}` }).widget(offerOf());
    expect(shown).toMatchObject({ gateway: "cloudpayments", script: "https://widget.example/cloudpayments.js" });
    expect(shown.page).toBe(`/page#${shown.parameters.length}`);
    expect(clientOf("").widget(offerOf()).page).toBeNull();
  });
});
