import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { foldEmail } from "../../../src/core/accounts/email.ts";
import { LONG, SEED } from "../chance.ts";

const RUNS = LONG ? 100_000 : 2000;
const always = <Args extends unknown[]>(property: fc.IPropertyWithHooks<Args>) =>
  fc.assert(property, { numRuns: RUNS, seed: SEED });
const MALFORMED = { ok: false, error: { code: "malformed_email" } } as const;
const name = (length: number): string => "a".repeat(length);

describe("an e-mail is folded to one spelling", () => {
  test.each([
    ["as it is", "anna@example.com", "anna@example.com"],
    ["capitals", "Anna@Example.COM", "anna@example.com"],
    ["spaces around it", " \tanna@example.com\n", "anna@example.com"],
    ["letters of other alphabets", "Анна@Почта.РФ", "анна@почта.рф"],
    ["an accent written apart", "rene\u0301@example.com", "ren\u00e9@example.com"],
    ["a capital whose accent is written apart", "RENE\u0301@example.com", "ren\u00e9@example.com"],
    ["what mail servers tell apart", "anna.b+films@example.com", "anna.b+films@example.com"],
    ["the longest name", `${name(64)}@example.com`, `${name(64)}@example.com`],
    [
      "the longest of all",
      `a@${name(63)}.${name(63)}.${name(63)}.${name(60)}`,
      `a@${name(63)}.${name(63)}.${name(63)}.${name(60)}`,
    ],
  ])("%s", (_, raw, folded) => {
    expect(foldEmail(raw)).toEqual({ ok: true, value: folded });
  });
});

describe("is refused", () => {
  test.each([
    ["nothing", ""],
    ["spaces only", "   "],
    ["no sign", "anna.example.com"],
    ["two signs", "anna@home@example.com"],
    ["no name", "@example.com"],
    ["no domain", "anna@"],
    ["a domain of one label", "anna@localhost"],
    ["an empty label", "anna@example..com"],
    ["a dot at the end", "anna@example.com."],
    ["a dot at the domain's beginning", "anna@.example.com"],
    ["a space inside", "an na@example.com"],
    ["a line break inside", "anna@example.com\r\nBcc: all@example.com"],
    ["a NUL", "an\0na@example.com"],
    ["a character that cannot be seen", "an\u200bna@example.com"],
    ["a mark that turns the text round", "anna\u202e@example.com"],
    ["half a character", "an\ud83dna@example.com"],
    ["a name beside the address", "Anna <anna@example.com>"],
    ["two addresses", "anna@example.com,boris"],
    ["a name too long", `${name(65)}@example.com`],
    ["a label too long", `anna@${name(64)}.com`],
    ["too long on the whole", `a@${name(63)}.${name(63)}.${name(63)}.${name(61)}`],
    ["a megabyte", `${name(1_000_000)}@example.com`],
  ])("%s", (_, raw) => {
    expect(foldEmail(raw)).toEqual(MALFORMED);
  });
});

describe("whatever is typed", () => {
  const typed = fc.oneof(
    fc.emailAddress(),
    fc.string({ unit: "binary", maxLength: 300 }),
    fc
      .tuple(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), fc.domain())
      .map(([local, domain]) => `${local}@${domain}`),
  );

  test("what was folded once stays as it is", () => {
    let folded = 0;
    always(
      fc.property(typed, (raw) => {
        const once = foldEmail(raw);
        if (!once.ok) return;
        folded += 1;
        expect(foldEmail(once.value)).toEqual(once);
      }),
    );
    expect(folded).toBeGreaterThan(RUNS / 10);
  });

  test("case, composition and spaces around it make no difference", () => {
    let folds = 0;
    always(
      fc.property(fc.emailAddress({ size: "small" }), fc.constantFrom("", " ", "\t\n"), (raw, space) => {
        const folded = foldEmail(raw);
        folds += folded.ok ? 1 : 0;
        expect(foldEmail(`${space}${raw.toUpperCase().normalize("NFD")}${space}`)).toEqual(folded);
      }),
    );
    expect(folds).toBeGreaterThan(RUNS / 2);
  });

  test("what is accepted has one sign, nothing unseen, and fits into a mail", () => {
    let accepted = 0;
    always(
      fc.property(typed, (raw) => {
        const folded = foldEmail(raw);
        if (!folded.ok) return;
        accepted += 1;
        expect(folded.value.split("@")).toHaveLength(2);
        expect(folded.value).not.toMatch(/[\s\p{C}]/u);
        expect(folded.value.length).toBeLessThanOrEqual(254);
        expect(folded.value.isWellFormed()).toBe(true);
      }),
    );
    expect(accepted).toBeGreaterThan(RUNS / 10);
  });
});
