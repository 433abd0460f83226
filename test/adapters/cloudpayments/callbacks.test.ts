import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cloudPaymentsCallbacks } from "../../../src/adapters/cloudpayments/callbacks.ts";
import { type Currency, formatAmount, MAX_MINOR, MINOR_DIGITS, money } from "../../../src/core/money.ts";
import type { CallbackVerdict } from "../../../src/core/ports/callbacks.ts";
import { Bug } from "../../../src/core/result.ts";
import { answered } from "../../support/cinema.ts";
import { newRefund } from "../../support/commits.ts";
import {
  bytesOf,
  call,
  callbacks,
  FIXTURES,
  FORM,
  fixtureOf,
  GATEWAY_ACCOUNT,
  signatureOf,
  signed,
  VECTORS,
} from "./fixtures.ts";
import { NOTIFICATIONS } from "./notifications.ts";

const KINDS = ["check", "pay", "fail", "confirm", "refund", "cancel", "recurrent", "receipt"];
const JSON_TYPE = "application/json; charset=utf-8";
const under = (...apiSecrets: readonly string[]) =>
  cloudPaymentsCallbacks({ apiSecrets, gatewayAccount: GATEWAY_ACCOUNT });
const notSigned = { ok: false, error: { code: "not_signed" } } as const;
const malformed = (field: string) => ({ ok: false, error: { code: "malformed", field } }) as const;

/** A notification's fields as a form; null leaves one out. */
const form = (over: Readonly<Record<string, string | null>> = {}): string =>
  Object.entries({
    TransactionId: "77",
    PaymentTransactionId: "70",
    Amount: "499.00",
    Currency: "RUB",
    Status: "Completed",
    ReasonCode: "5051",
    InvoiceId: "att_1",
    AccountId: "acc_1",
    ...over,
  })
    .filter((field): field is [string, string] => field[1] !== null)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
const read = (kind: string, body: string, contentType?: string) => callbacks.read(kind, signed(body, contentType));
const told = (kind: string, body: string, contentType?: string) => answered(read(kind, body, contentType)).told;

describe.each(Object.entries(NOTIFICATIONS))("%s", (name, expected) => {
  const { kind, body, content_type, headers = { "Content-HMAC": "", "X-Content-HMAC": "" } } = fixtureOf(name);
  const word = kind.slice("notification.".length);
  const reading = (over: Readonly<Record<string, string>>) => callbacks.read(word, call(bytesOf(body), over));

  test("says what the gateway has told", () => {
    expect(answered(reading({ "Content-Type": content_type, ...headers }))).toEqual(expected);
  });

  test("is believed by either signature alone, and by none without one", () => {
    const [overRaw, overDecoded] = [headers["Content-HMAC"], headers["X-Content-HMAC"]];
    expect(answered(reading({ "Content-Type": content_type, "content-hmac": overRaw }))).toEqual(expected);
    expect(answered(reading({ "Content-Type": content_type, "x-content-hmac": overDecoded }))).toEqual(expected);
    expect(reading({ "Content-Type": content_type })).toEqual(notSigned);
  });

  test("is not believed by a right second signature beside a wrong first one", () => {
    expect(reading({ ...headers, "Content-Type": content_type, "Content-HMAC": signatureOf(bytesOf("x")) })).toEqual(
      notSigned,
    );
    expect(reading({ ...headers, "Content-Type": content_type, "Content-HMAC": "" })).toEqual(notSigned);
  });
});

test.each(Object.entries(NOTIFICATIONS).filter(([name]) => fixtureOf(name).content_type === FORM))(
  "%s says the same when it comes by GET",
  (name, expected) => {
    const { kind, body, headers = {} } = fixtureOf(name);
    const asked = call(new Uint8Array(), headers, { method: "GET", query: body });
    expect(answered(callbacks.read(kind.slice("notification.".length), asked))).toEqual(expected);
  },
);

describe("a signature", () => {
  test.each(VECTORS.map((vector) => [vector.name, vector] as const))("%s is what the gateway makes", (name, vector) => {
    const body = bytesOf(vector.wire_body ?? vector.message);
    const isTaken = !vector.must_not_match && !name.endsWith("percent_only");
    for (const header of vector.header.split(" and ")) {
      const contentType = name.endsWith(".json") ? "application/json" : FORM;
      const answer = under(vector.key).read(
        "cancel",
        call(body, { "Content-Type": contentType, [header]: vector.expected }),
      );
      expect([header, answer.ok || answer.error.code !== "not_signed"]).toEqual([header, isTaken]);
    }
  });

  test("of the old secret and of the new one is right while they are being changed", () => {
    const pay = bytesOf(form());
    const by = (secret: string) => call(pay, { "Content-Type": FORM, "Content-HMAC": signatureOf(pay, secret) });
    for (const secret of ["new", "old"]) expect(under("new", "old").read("pay", by(secret)).ok).toBeTrue();
    expect(under("new").read("pay", by("old"))).toEqual(notSigned);
    expect(under("new", "old").read("pay", by("older"))).toEqual(notSigned);
  });

  test("is never made under an empty secret", () => {
    expect(() => under()).toThrow(Bug);
    expect(() => under("new", "")).toThrow(Bug);
  });

  test("is wrong when any single bit of it is", () => {
    const body = bytesOf(form());
    const right = signatureOf(body);
    for (let bit = 0; bit < right.length * 8; bit += 1) {
      const at = bit >> 3;
      const flipped = String.fromCharCode(right.charCodeAt(at) ^ (1 << (bit & 7)));
      const signature = right.slice(0, at) + flipped + right.slice(at + 1);
      const header = (name: string) => (name === "Content-HMAC" ? signature : null);
      expect(callbacks.read("pay", { ...signed(body), header })).toEqual(notSigned);
    }
  });

  test("is wrong when any single bit of the message is", () => {
    for (const { body, headers = { "Content-HMAC": "" }, content_type } of FIXTURES.filter(
      ({ name }) => name in NOTIFICATIONS,
    )) {
      const right = bytesOf(body);
      fc.assert(
        fc.property(fc.nat(right.length * 8 - 1), (bit) => {
          const bent = right.slice();
          bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          const headersOfIt = { "Content-Type": content_type, "Content-HMAC": headers["Content-HMAC"] };
          expect(callbacks.read("pay", call(bent, headersOfIt))).toEqual(notSigned);
        }),
      );
    }
  });

  test("is asked for before anything is read, but not of a kind that does not exist", () => {
    expect(callbacks.read("pay", call(bytesOf("%%%"), { "Content-Type": FORM }))).toEqual(notSigned);
    for (const kind of ["", "Pay", "toString", "__proto__", "chargeback"]) {
      expect(callbacks.read(kind, signed(form()))).toEqual({ ok: false, error: { code: "unknown_kind" } });
    }
  });
});

describe("a byte-order mark before a signed body", () => {
  test.each([
    ["Content-HMAC", FORM],
    ["X-Content-HMAC", FORM],
    ["X-Content-HMAC", "application/json"],
  ])("is not signed with it: %s, %s", (header, contentType) => {
    const body = bytesOf(contentType === FORM ? "TransactionId=1&Amount=1.00" : '{"TransactionId":1}');
    const headers = { "Content-Type": contentType, [header]: signatureOf(body) };
    const marked = Uint8Array.of(0xef, 0xbb, 0xbf, ...body);
    expect(callbacks.read("pay", call(marked, headers))).toEqual({ ok: false, error: { code: "not_signed" } });
  });
});

describe("what is signed and makes no sense", () => {
  test.each([
    ["TransactionId", { TransactionId: null }],
    ["TransactionId", { TransactionId: "0" }],
    ["TransactionId", { TransactionId: "1.0" }],
    ["TransactionId", { TransactionId: "-5" }],
    ["TransactionId", { TransactionId: "9223372036854775808" }],
    ["TransactionId", { TransactionId: "t1" }],
    ["Amount", { Amount: null }],
    ["Amount", { Amount: "" }],
    ["Amount", { Amount: "1,00" }],
    ["Amount", { Amount: "1e2" }],
    ["Amount", { Amount: "-1" }],
    ["Amount", { Amount: "1.005" }],
    ["Amount", { Amount: "99999999999999999999" }],
    ["Currency", { Currency: null }],
    ["Currency", { Currency: "rub" }],
    ["Currency", { Currency: "XXX" }],
    ["Status", { Status: null }],
    ["Status", { Status: "Declined" }],
    ["InvoiceId", { InvoiceId: "att\u0000" }],
    ["AccountId", { AccountId: "a\nb" }],
  ])("names %s as the field: %j", (field, over) => {
    expect(read("pay", form(over))).toEqual(malformed(field));
  });

  test.each([
    ["fail", "ReasonCode", { ReasonCode: null }],
    ["fail", "ReasonCode", { ReasonCode: "0" }],
    ["fail", "ReasonCode", { ReasonCode: "soft" }],
    ["refund", "PaymentTransactionId", { PaymentTransactionId: null }],
    ["refund", "Amount", { Amount: "1.5.0" }],
    ["refund", "Currency", { Currency: "XXX" }],
    ["recurrent", "Id", {}],
    ["check", "Amount", { Amount: "0x10" }],
  ])("of the kind %s names %s: %j", (kind, field, over) => {
    expect(read(kind, form(over))).toEqual(malformed(field));
  });

  test("is refused when a field comes twice, with equal values as well", () => {
    expect(read("pay", `${form()}&Amount=1.00`)).toEqual(malformed("Amount"));
    expect(read("pay", `${form()}&%41mount=499.00`)).toEqual(malformed("Amount"));
  });

  test("is refused when its bytes are no text", () => {
    const latin = Uint8Array.from([...bytesOf(`${form()}&Name=`), 0xcf, 0xf0]);
    expect(callbacks.read("pay", signed(latin))).toEqual(malformed("body"));
    expect(read("pay", `${form()}&Name=%cf%f0`)).toEqual(malformed("Name"));
    expect(read("pay", `${form()}&%`)).toEqual(malformed("body"));
  });

  test.each(["", "null", "[]", '"pay"', "{", "[".repeat(60_000), `{"a":${"[".repeat(30_000)}${"]".repeat(30_000)}}`])(
    "is refused when it says JSON and is no object: %#",
    (body) => {
      const answer = read("pay", body, JSON_TYPE);
      expect(answer.ok ? "read" : answer.error.code).toBe("malformed");
    },
  );

  test("is refused for half a character in what we keep, and not for one in what we do not", () => {
    const body = (InvoiceId: string, Name: string) =>
      `{"TransactionId":77,"Amount":499,"Currency":"RUB","Status":"Completed","InvoiceId":"${InvoiceId}","Name":"${Name}"}`;
    expect(read("pay", body("\\ud800", "A"), JSON_TYPE)).toEqual(malformed("InvoiceId"));
    expect(read("pay", body("\\u0000", "A"), JSON_TYPE)).toEqual(malformed("InvoiceId"));
    expect(told("pay", body("att_1", "\\ud800"), JSON_TYPE)).toMatchObject({ kind: "payment", reference: "att_1" });
  });

  test("never throws, whatever the bytes are", () => {
    const kinds = fc.constantFrom(...KINDS);
    const types = fc.constantFrom(FORM, JSON_TYPE, "", "text/plain");
    const settles = (kind: string, body: string | Uint8Array, type: string) => {
      const answer = callbacks.read(kind, signed(body, type));
      expect(answer.ok || answer.error.code === "malformed").toBeTrue();
    };
    fc.assert(fc.property(kinds, fc.uint8Array({ maxLength: 300 }), types, settles));
    const value = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.jsonValue(),
      fc.bigInt().map(String),
      fc.double().map(String),
    );
    const names = fc.constantFrom(
      "TransactionId",
      "Amount",
      "Currency",
      "Status",
      "Data",
      "InvoiceId",
      "Id",
      "__proto__",
      "",
    );
    fc.assert(
      fc.property(kinds, fc.array(fc.tuple(names, value)), (kind, pairs) => {
        settles(kind, JSON.stringify(Object.fromEntries(pairs)), JSON_TYPE);
        settles(kind, pairs.map(([name, one]) => `${name}=${JSON.stringify(one)}`).join("&"), FORM);
      }),
    );
  });
});

describe("a sum", () => {
  const currencies = Object.keys(MINOR_DIGITS) as Currency[];
  const sums = fc
    .tuple(fc.bigInt({ min: 0n, max: MAX_MINOR }), fc.constantFrom(...currencies))
    .map(([minor, currency]) => money(minor, currency));

  test("is read exactly from a form and from a JSON number that no float can hold", () => {
    fc.assert(
      fc.property(sums, (amount) => {
        const printed = formatAmount(amount);
        const json = `{"TransactionId":9007199254740993,"Amount":${printed},"Currency":"${amount.currency}","Status":"Completed"}`;
        expect(told("pay", form({ Amount: printed, Currency: amount.currency }))).toMatchObject({ amount });
        expect(told("check", json, JSON_TYPE)).toMatchObject({ amount, transactionId: "9007199254740993" });
      }),
    );
  });

  test.each([
    ["123.00", 12_300n],
    ["5", 500n],
    ["10.5", 1_050n],
    ["0.07", 7n],
    ["9999999999999.99", MAX_MINOR],
  ])("may have fewer digits than its currency: %s", (Amount, minor) => {
    expect(told("confirm", form({ Amount }))).toMatchObject({ amount: money(minor, "RUB") });
    const json = `{"TransactionId":"9223372036854775807","Amount":${Amount},"Currency":"RUB"}`;
    expect(told("confirm", json, JSON_TYPE)).toMatchObject({ amount: money(minor, "RUB"), onlyAuthorised: false });
  });
});

describe("a payment", () => {
  test("may have a number for our id in JSON, and is then named by its digits", () => {
    const json = '{"TransactionId":1,"Amount":1,"Currency":"RUB","InvoiceId":12345678901234567890,"AccountId":42}';
    expect(told("check", json, JSON_TYPE)).toMatchObject({ reference: "12345678901234567890", account: "42" });
  });

  test("stands when what is told of its card makes no sense", () => {
    const card = { Token: "tk", CardFirstSix: "41111", CardLastFour: "x", CardExpDate: "13/30" };
    expect(told("pay", form(card))).toMatchObject({ card: { token: "tk", mask: "******", expires: null } });
    expect(told("pay", form({ ...card, Token: "t\u0000k" }))).toMatchObject({ kind: "payment", card: null });
    expect(told("pay", form({ CardFirstSix: "411111", CardLastFour: "1111" }))).toMatchObject({ card: null });
  });

  test("is not what a payout is", () => {
    for (const kind of ["pay", "fail", "confirm"]) {
      expect(told(kind, form({ OperationType: "CardPayout" }))).toEqual({ kind: "other", what: kind });
      expect(told(kind, form({ OperationType: "Payment" })).kind).not.toBe("other");
    }
  });
});

describe("a refund", () => {
  const refundId = newRefund();

  test("is known by the id that we gave along, as a text of JSON or as JSON, under either name", () => {
    const data = JSON.stringify({ refundId });
    for (const name of ["Data", "JsonData"]) {
      expect(told("refund", form({ [name]: data }))).toMatchObject({ kind: "refund", refundId });
    }
    const json = (carried: string) => `{"TransactionId":77,"PaymentTransactionId":70,"Amount":100.0,"Data":${carried}}`;
    expect(told("refund", json(data), JSON_TYPE)).toMatchObject({ refundId, amount: "100.0" });
    expect(told("refund", json(JSON.stringify(data)), JSON_TYPE)).toMatchObject({ refundId });
  });

  test.each([
    "",
    "{",
    "null",
    "[]",
    '{"refundId":1}',
    '{"refundId":"rfd_1"}',
    `{"refundId":"acc${refundId.slice(3)}"}`,
  ])("made at the gateway's own desk carries none: %j", (Data) => {
    expect(told("refund", form({ Data, Currency: null }))).toMatchObject({ refundId: null, currency: null });
  });

  test("has the currency that the gateway tells, if it tells one", () => {
    expect(told("refund", form({ Currency: "KZT" }))).toMatchObject({ currency: "KZT" });
  });
});

describe("an answer", () => {
  const codes: Readonly<Record<CallbackVerdict, string>> = {
    accepted: "answer.ok",
    no_such_attempt: "answer.check.reject_invoice",
    other_account: "answer.check.reject_account",
    other_amount: "answer.check.reject_amount",
    not_now: "answer.check.reject_generic",
    try_again: "answer.check.reject_generic",
    unreadable: "answer.check.reject_generic",
    closed: "answer.check.reject_expired",
  };
  test.each(Object.entries(codes) as [CallbackVerdict, string][])("to a check: %s is %s", (verdict, name) => {
    const { content_type, body } = fixtureOf(name);
    expect(callbacks.answer("check", verdict)).toEqual({ status: 200, contentType: content_type, body });
  });

  test("to all else is 0 once it is kept, and another code asks the gateway to call again", () => {
    for (const kind of KINDS.filter((one) => one !== "check")) {
      expect(callbacks.answer(kind, "accepted").body).toBe(fixtureOf("answer.ok").body);
      expect(callbacks.answer(kind, "unreadable").body).toBe(fixtureOf("answer.ok").body);
      const again: unknown = JSON.parse(callbacks.answer(kind, "try_again").body);
      expect(again).toEqual({ code: expect.any(Number) });
      expect(again).not.toEqual({ code: 0 });
    }
  });
});

test("the adapter says whose callbacks it reads", () => {
  expect([callbacks.gateway, callbacks.gatewayAccount]).toEqual(["cloudpayments", GATEWAY_ACCOUNT]);
});
