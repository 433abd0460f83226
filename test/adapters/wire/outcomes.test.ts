import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeOutcome, encodeOutcome, recordedOutcome } from "../../../src/adapters/wire/outcomes.ts";
import { commandId, instant } from "../../../src/adapters/wire/vocabulary.ts";
import type { Outcome } from "../../../src/core/ports/storage.ts";
import { Bug } from "../../../src/core/result.ts";
import { arbitraryOf } from "./from-schema.ts";

const words = fc.dictionary(fc.stringMatching(/^[a-z][a-zA-Z]{0,20}$/), fc.string());
const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
  words.map((value) => ({ ok: true as const, value })),
  fc.record({ code: fc.string(), facts: words }).map((refusal) => ({ ok: false as const, refusal })),
);
const viaJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("an outcome is told again as it was recorded", () => {
  fc.assert(
    fc.property(outcomes, (outcome) => expect(decodeOutcome(viaJson(encodeOutcome(outcome)))).toEqual(outcome)),
  );
});

test("the record of an outcome travels whole", () => {
  const records = fc.record({
    commandId: arbitraryOf(commandId),
    fingerprint: fc.string(),
    outcome: outcomes,
    recordedAt: arbitraryOf(instant),
  });
  fc.assert(
    fc.property(records, (record) => {
      const sent = viaJson(recordedOutcome.encode(record as Parameters<typeof recordedOutcome.encode>[0]));
      expect(recordedOutcome.decode(sent as Parameters<typeof recordedOutcome.decode>[0])).toEqual(record as never);
    }),
  );
});

test("a recorded outcome that does not fit is a Bug that says where", () => {
  expect(() => decodeOutcome({ ok: true, value: { invoiceId: 7 } })).toThrow(
    new Bug("a recorded outcome does not fit at /value/invoiceId"),
  );
  expect(() => decodeOutcome({ ok: false, refusal: { code: "invoice_paid" } })).toThrow("/refusal/facts");
  expect(() => decodeOutcome({})).toThrow("/ok");
  expect(() => decodeOutcome(null)).toThrow(Bug);
});
