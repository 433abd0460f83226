import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readFields } from "../../../src/adapters/cloudpayments/message.ts";
import { bytesOf, call } from "./fixtures.ts";

const read = (form: string) => readFields(call(bytesOf(form), { "Content-Type": "application/x-www-form-urlencoded" }));

describe("a form", () => {
  test("of any names and values is read as another library has written it; what is empty is left out", () => {
    const text = fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9.]{1,8}$/),
      fc.constantFrom("", "50% +1", "a+b", "a=b&c", "%41", "=", "Имя"),
      fc.string({ unit: "grapheme" }),
    );
    const fields = fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 8 });
    fc.assert(
      fc.property(fields, (given) => {
        const told = Object.fromEntries(given.filter(([, value]) => value !== ""));
        expect(read(new URLSearchParams(given).toString())).toEqual({ ok: true, value: told });
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["a name without a sign", "Flag&A=1", { A: "1" }],
    ["a sign without a name", "=1&A=1", { "": "1", A: "1" }],
    ["signs in the value, not encoded", "A=b=c==", { A: "b=c==" }],
    ["nothing between two ampersands", "&&A=1&", { A: "1" }],
    ["a plus in a value that has no percent sign", "A=b+c", { A: "b c" }],
    ["a plus in a name", "A+B=1", { "A B": "1" }],
    ["the name of what every object has", "__proto__=1", JSON.parse('{"__proto__":"1"}')],
  ] as const)("with %s", (_, form, fields) => {
    expect(read(form)).toEqual({ ok: true, value: fields });
  });

  test.each([
    ["a percent sign alone in a value", "A=5%", "A"],
    ["a percent sign alone in a name", "A%=5", "body"],
    ["bytes that are no UTF-8", "A=%ff", "A"],
    ["a name twice, once in percent signs", "A=1&%41=2", "A"],
  ] as const)("with %s is malformed", (_, form, field) => {
    expect(read(form)).toEqual({ ok: false, error: { code: "malformed", field } });
  });
});
