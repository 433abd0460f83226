import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { z } from "zod";
import { pointerOf } from "../../../src/adapters/wire/malformed.ts";
import * as wire from "../../../src/adapters/wire/vocabulary.ts";
import { isCurrency, MAX_MINOR, MINOR_DIGITS, money } from "../../../src/core/money.ts";
import { Bug } from "../../../src/core/result.ts";
import { instantOf } from "../../../src/core/time.ts";
import { arbitraryOf, examplesOf } from "./from-schema.ts";

const read = (schema: z.ZodType, raw: unknown) => {
  const parsed = schema.safeDecode(raw);
  return parsed.success
    ? parsed.data
    : parsed.error.issues.map(({ path, message }) => `${pointerOf(path)} ${message}`).join();
};
const rub = (minor: bigint) => money(minor, "RUB");

describe("money", () => {
  test("is a decimal string with all of the currency's digits", () => {
    expect(wire.money.encode(rub(29_900n))).toStrictEqual({ amount: "299.00", currency: "RUB" });
    expect(wire.money.encode(rub(5n))).toStrictEqual({ amount: "0.05", currency: "RUB" });
    expect(wire.money.encode(money(500n, "JPY"))).toStrictEqual({ amount: "500", currency: "JPY" });
    expect(wire.money.encode(money(1_050n, "KWD"))).toStrictEqual({ amount: "1.050", currency: "KWD" });
  });

  test("comes back exactly, up to the largest sum, where a float would not hold it", () => {
    const largest = { amount: "9999999999999.99", currency: "RUB" };
    expect(wire.money.decode(largest)).toStrictEqual(rub(MAX_MINOR));
    fc.assert(
      fc.property(arbitraryOf(wire.money), (sum) =>
        expect(read(wire.money, wire.money.encode(sum as never))).toStrictEqual(sum),
      ),
    );
  });

  test("may leave digits out, never add one", () => {
    expect(read(wire.money, { amount: "299", currency: "RUB" })).toStrictEqual(rub(29_900n));
    expect(read(wire.money, { amount: "299.5", currency: "RUB" })).toStrictEqual(rub(29_950n));
    expect(read(wire.money, { amount: "299.005", currency: "RUB" })).toBe("/amount malformed_amount");
    expect(read(wire.money, { amount: "1.0", currency: "JPY" })).toBe("/amount malformed_amount");
  });

  test("is refused in any other spelling", () => {
    const spellings = [
      "1e2",
      "1,00",
      " 1",
      "1 ",
      "+1",
      "-1",
      "01",
      ".5",
      "1.",
      "",
      "0x1",
      "1_000",
      "Infinity",
      "NaN",
      "１",
      "1\n",
    ];
    for (const amount of spellings)
      expect(read(wire.money, { amount, currency: "RUB" })).toBe("/amount malformed_amount");
  });

  test("is refused as a number, even a whole one", () => {
    for (const amount of [299, 299.5, 0])
      expect(read(wire.money, { amount, currency: "RUB" })).toStartWith("/amount Invalid input");
    expect(read(wire.money, 299)).toStartWith(" Invalid input");
    expect(read(wire.money, "299.00")).toStartWith(" Invalid input");
  });

  test("is refused above the largest sum and in a currency that is not ours", () => {
    expect(read(wire.money, { amount: "10000000000000.00", currency: "RUB" })).toBe("/amount amount_out_of_range");
    expect(read(wire.money, { amount: "9".repeat(100_000), currency: "RUB" })).toBe("/amount amount_out_of_range");
    for (const currency of ["rub", "XXX", "", "toString", "__proto__"])
      expect(read(wire.money, { amount: "1", currency })).toBe("/currency unknown_currency");
  });

  test("of a caller has no other keys; of an event it may", () => {
    const later = { amount: "299.00", currency: "RUB", rounded: true };
    expect(read(wire.money, later)).toContain("Unrecognized key");
    expect(read(wire.storedMoney, later)).toStrictEqual(rub(29_900n));
  });

  test("has a sign only in lines and events, and never at nothing", () => {
    const owed = { amount: "-299.00", currency: "RUB" };
    expect(read(wire.money, owed)).toBe("/amount malformed_amount");
    for (const schema of [wire.signedMoney, wire.storedMoney]) {
      expect(read(schema, owed)).toStrictEqual(rub(-29_900n));
      expect(schema.encode(rub(-29_900n))).toStrictEqual(owed);
      for (const amount of ["-0", "-0.00", "--1", "-", "-1e2"])
        expect(read(schema, { amount, currency: "RUB" })).toBe("/amount malformed_amount");
    }
  });

  test("that the wire could not read back is not printed", () => {
    for (const minor of [MAX_MINOR + 1n, -MAX_MINOR - 1n])
      expect(() => wire.storedMoney.encode(rub(minor))).toThrow(Bug);
  });

  test("is printed for every currency with as many digits as it has", () => {
    for (const currency of Object.keys(MINOR_DIGITS).filter(isCurrency)) {
      const { amount } = wire.money.encode(money(1n, currency));
      expect((amount.split(".")[1] ?? "").length).toBe(MINOR_DIGITS[currency]);
    }
  });
});

describe("instants", () => {
  test("come in with any offset and go out in UTC with milliseconds", () => {
    for (const raw of ["2026-03-02T09:00:00Z", "2026-03-02T12:00:00+03:00", "2026-03-02T04:00:00.000000000-05:00"]) {
      const at = wire.instant.decode(raw);
      expect(at).toBe(instantOf(Date.UTC(2026, 2, 2, 9)));
      expect(wire.instant.encode(at)).toBe("2026-03-02T09:00:00.000Z");
    }
  });

  test("without an offset, of a date that does not exist, or as a number are refused", () => {
    for (const raw of [
      "2026-03-02T09:00:00",
      "2026-03-02",
      "2026-02-30T09:00:00Z",
      "2026-03-02 09:00:00Z",
      "2026-03-02T24:00:00Z",
      "now",
      "",
    ])
      expect(read(wire.instant, raw)).toBe(" malformed_instant");
    expect(read(wire.instant, 1_772_442_000_000)).toStartWith(" Invalid input");
  });
});

test("an instant that could not be printed again is refused, at both ends of the calendar", () => {
  for (const raw of ["0000-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
    expect(read(wire.instant, raw)).toBe(" malformed_instant");
  for (const raw of ["0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"])
    expect(wire.instant.encode(wire.instant.decode(raw))).toBe(raw);
});

test("a zone is a name that this runtime knows", () => {
  expect(read(wire.zone, "Europe/Moscow")).toBe("Europe/Moscow");
  for (const raw of ["Europe/Atlantis", "", "__proto__"]) expect(read(wire.zone, raw)).toBe(" unknown_zone");
});

describe("ids", () => {
  const KINDS = {
    account: wire.accountId,
    attempt: wire.attemptId,
    card: wire.cardId,
    command: wire.commandId,
    invoice: wire.invoiceId,
    notice: wire.noticeId,
    quote: wire.quoteId,
    refund: wire.refundId,
    setup: wire.setupId,
    subscription: wire.subscriptionId,
  };

  test("of one kind are refused where another is meant", () => {
    for (const [kind, schema] of Object.entries(KINDS))
      for (const [other, otherSchema] of Object.entries(KINDS)) {
        const [raw] = examplesOf(otherSchema);
        expect(read(schema, raw)).toBe(kind === other ? raw : " malformed_id");
      }
  });

  test("in another case, with a letter more or less, or as a number are refused", () => {
    const raw = String(examplesOf(wire.invoiceId)[0]);
    for (const wrong of [raw.toUpperCase(), `${raw}0`, raw.slice(0, -1), ` ${raw}`, `${raw}\n`, raw.slice(4), ""])
      expect(read(wire.invoiceId, wrong)).toBe(" malformed_id");
    expect(read(wire.invoiceId, 7)).toStartWith(" Invalid input");
  });

  test("that operators and gateways choose keep to plain characters", () => {
    for (const wrong of ["Premium", "a", "premium/../x", "-a", "constructor_"])
      expect(read(wire.planCode, wrong)).toBe(" malformed_id");
    for (const wrong of ["acme", "acme:", "acme:a b", "ACME:x"])
      expect(read(wire.gatewayAccount, wrong)).toBe(" malformed_id");
    for (const wrong of ["", "a b", "a/b", "x".repeat(65)])
      expect(read(wire.transactionId, wrong)).toBe(" malformed_id");
  });
});
