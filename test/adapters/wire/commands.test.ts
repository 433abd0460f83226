import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { COMMAND_BODIES, COMMAND_TYPES, parseCommand, printCommand } from "../../../src/adapters/wire/commands.ts";
import { canonicalText, type Json, type JsonObject } from "../../../src/adapters/wire/json.ts";
import type { Command, CommandType } from "../../../src/core/billing/command.ts";
import { MAY_ASK } from "../../../src/core/billing/permissions.ts";
import { changed, fieldsOf, objectsOf, pointer } from "./bodies.ts";
import { arbitraryOf, examplesOf } from "./from-schema.ts";

const commandsOf = (type: CommandType) =>
  arbitraryOf(COMMAND_BODIES[type]).map((body) => ({ type, ...(body as object) }) as Command);
const printedOf = (type: CommandType): readonly JsonObject[] =>
  examplesOf(COMMAND_BODIES[type]).map((body) => printCommand({ type, ...(body as object) } as Command));
const anyCommand = fc.constantFrom(...COMMAND_TYPES).chain(commandsOf);
const errorsOf = (json: unknown) => {
  const parsed = parseCommand(json);
  return parsed.ok ? [] : parsed.error.errors;
};

const INVOICE = String(examplesOf(COMMAND_BODIES["invoice.annul"].shape.invoiceId)[0]);
const SUBSCRIPTION = String(examplesOf(COMMAND_BODIES["subscription.stop"].shape.subscriptionId)[0]);
const REFUND = "rfd_01h455vb4pex5vsknk084sn02q";
const ACCOUNT = String(examplesOf(COMMAND_BODIES["credit.add"].shape.accountId)[0]);

test("every command that somebody may ask for has its outside form", () => {
  expect([...COMMAND_TYPES].sort()).toEqual((Object.keys(MAY_ASK) as CommandType[]).sort());
});

describe.each([...COMMAND_TYPES])("%s", (type) => {
  test("is read back as it was printed", () => {
    fc.assert(
      fc.property(commandsOf(type), (command) => {
        const sent: unknown = JSON.parse(JSON.stringify(printCommand(command)));
        expect(parseCommand(sent)).toStrictEqual({ ok: true, value: command });
      }),
      { numRuns: 50 },
    );
  });

  test("is refused with a field too many at any depth, and told which", () => {
    for (const printed of printedOf(type))
      for (const path of objectsOf(printed))
        for (const name of ["actor", "causedBy", "constructor", "toString"]) {
          const wrong = changed(printed, path, (part) => ({ ...(part as JsonObject), [name]: "x" }));
          expect(errorsOf(wrong)).toContainEqual({ pointer: pointer([...path, name]), code: "unknown_field" });
        }
  });

  test("is refused with a key that reaches for a prototype", () => {
    for (const printed of printedOf(type))
      for (const path of objectsOf(printed)) {
        const marked = JSON.stringify(changed(printed, path, (part) => ({ ...(part as JsonObject), MARK: {} })));
        const wrong: unknown = JSON.parse(marked.replace('"MARK"', '"__proto__"'));
        expect(errorsOf(wrong)).toContainEqual({ pointer: pointer([...path, "__proto__"]), code: "unknown_field" });
      }
  });

  test("is refused with any field missing, and told which", () => {
    for (const printed of printedOf(type))
      for (const path of fieldsOf(printed))
        expect(errorsOf(changed(printed, path, () => undefined))).toContainEqual({
          pointer: pointer(path),
          code: "missing",
        });
  });

  test("is refused with any field of another kind, and told which", () => {
    for (const printed of printedOf(type))
      for (const path of fieldsOf(printed)) {
        const errors = errorsOf(changed(printed, path, (part) => (Array.isArray(part) ? "not this" : ["not this"])));
        expect(errors.map((error) => error.pointer)).toContain(pointer(path));
      }
  });
});

test("nothing but a command of a known name is read", () => {
  const wrong = (json: unknown) => errorsOf(json)[0];
  for (const json of [null, [], "invoice.annul", 7, true, undefined])
    expect(wrong(json)).toEqual({ pointer: "", code: "wrong_type" });
  expect(wrong({})).toEqual({ pointer: "/type", code: "missing" });
  expect(wrong({ type: 7 })).toEqual({ pointer: "/type", code: "wrong_type" });
  for (const type of ["invoice.steal", "constructor", "__proto__", "toString", ""])
    expect(wrong({ type })).toEqual({ pointer: "/type", code: "unknown_value" });
});

test("whatever arrives, the answer is a command or a list of what is wrong", () => {
  const body = fc.jsonValue({ maxDepth: 4 });
  fc.assert(
    fc.property(fc.constantFrom(...COMMAND_TYPES), body, (type, json) => {
      const parsed = parseCommand({ ...(json as object), type });
      expect(parsed.ok || parsed.error.errors.length > 0).toBe(true);
    }),
  );
});

test("what is wrong is told by the code of the rule that was broken", () => {
  const refund = {
    type: "payment.refund",
    invoiceId: INVOICE,
    gatewayAccount: "acme:shop_1",
    transactionId: "7",
    amount: { amount: "1.00", currency: "RUB" },
    access: "keep",
  };
  const codes = (over: object) => errorsOf({ ...refund, ...over });
  expect(codes({})).toEqual([]);
  expect(codes({ invoiceId: SUBSCRIPTION })).toEqual([{ pointer: "/invoiceId", code: "malformed_id" }]);
  expect(codes({ amount: { amount: 1, currency: "RUB" } })).toEqual([
    { pointer: "/amount/amount", code: "wrong_type" },
  ]);
  expect(codes({ amount: { amount: "1e2", currency: "RUB" } })).toEqual([
    { pointer: "/amount/amount", code: "malformed_amount" },
  ]);
  expect(codes({ amount: { amount: "-1.00", currency: "RUB" } })).toEqual([
    { pointer: "/amount/amount", code: "malformed_amount" },
  ]);
  expect(codes({ amount: { amount: "1", currency: "XXX" } })).toEqual([
    { pointer: "/amount/currency", code: "unknown_currency" },
  ]);
  expect(codes({ access: "both" })).toEqual([{ pointer: "/access", code: "unknown_value" }]);
});

test("a pause ends on a day that the calendar has", () => {
  const pause = (until: string) =>
    errorsOf({ type: "subscription.pause", subscriptionId: SUBSCRIPTION, when: "now", until });
  expect(pause("2028-02-29")).toEqual([]);
  for (const until of ["2027-02-29", "2026-12-24T00:00:00Z", "24.12.2026", "2026-1-1", ""])
    expect(pause(until)).toEqual([{ pointer: "/until", code: "malformed_date" }]);
});

describe("texts", () => {
  const add = (reason: string) =>
    errorsOf({ type: "credit.add", accountId: ACCOUNT, amount: { amount: "1.00", currency: "RUB" }, reason });

  test("may be in any language and of several lines", () => {
    for (const reason of ["Ночной показ сорвался", "one\ntwo\tthree", "🎬", "é"]) expect(add(reason)).toEqual([]);
  });

  test("are refused with what a database or a terminal would choke on", () => {
    for (const reason of ["a\u0000b", "\u001b[2J", "\r", "\u0085", "\ud83c", "a\udfac"])
      expect(add(reason)).toEqual([{ pointer: "/reason", code: "malformed_text" }]);
  });

  test("are neither empty nor endless", () => {
    expect(add("")).toEqual([{ pointer: "/reason", code: "too_short" }]);
    expect(add("x".repeat(1000))).toEqual([]);
    expect(add("x".repeat(1001))).toEqual([{ pointer: "/reason", code: "too_long" }]);
  });
});

test("counts are whole, not below nothing, and small enough for a calendar", () => {
  const [example] = printedOf("plan.set_price");
  const count = (value: Json) => errorsOf(changed(example ?? null, ["price", "length", "count"], () => value))[0]?.code;
  expect([12, 1.5, -1, 1001, "12"].map(count)).toEqual([
    undefined,
    "wrong_type",
    "too_small",
    "too_large",
    "wrong_type",
  ]);
});

test("an invoice has between one line and a hundred", () => {
  const [example] = printedOf("invoice.issue");
  const lines = (much: number) =>
    errorsOf(
      changed(example ?? null, ["lines"], (all) =>
        Array.from({ length: much }, () => (all as readonly Json[])[0] ?? null),
      ),
    );
  expect([0, 1, 100, 101].map((much) => lines(much)[0]?.code)).toEqual(["too_short", undefined, undefined, "too_long"]);
});

test("a pointer holds for any key that a caller may think of", () => {
  const errors = errorsOf({ type: "invoice.annul", invoiceId: INVOICE, "a/b~c": 1 });
  expect(errors).toEqual([{ pointer: "/a~1b~0c", code: "unknown_field" }]);
});

test("a body with a thousand wrong keys is answered with twenty of them", () => {
  const keys = Object.fromEntries(Array.from({ length: 1000 }, (_, nth) => [`key${nth}`, 1]));
  expect(errorsOf({ type: "invoice.annul", invoiceId: INVOICE, ...keys })).toHaveLength(20);
});

describe("the fingerprint", () => {
  const fingerprint = (command: Command): string => canonicalText(printCommand(command));
  const print = (json: JsonObject) => {
    const parsed = parseCommand(json);
    return parsed.ok ? fingerprint(parsed.value) : parsed.error;
  };
  const refund = {
    type: "refund.succeed",
    refundId: REFUND,
    transactionId: "504",
    amount: { amount: "299", currency: "RUB" },
  };

  test("is one for a command however it is spelt", () => {
    const other = {
      amount: { currency: "RUB", amount: "299.00" },
      transactionId: "504",
      refundId: REFUND,
      type: "refund.succeed",
    };
    expect(print(other)).toEqual(print(refund));
    expect(print(refund)).toBe(
      `{"amount":{"amount":"299.00","currency":"RUB"},"refundId":"${REFUND}","transactionId":"504","type":"refund.succeed"}`,
    );
  });

  test("is another for another command", () => {
    fc.assert(
      fc.property(anyCommand, anyCommand, (one, other) => {
        expect(fingerprint(one) === fingerprint(other)).toBe(Bun.deepEquals(one, other, true));
      }),
    );
    expect(print({ ...refund, transactionId: "505" })).not.toEqual(print(refund));
  });
});
