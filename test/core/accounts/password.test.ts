import { describe, expect, test } from "bun:test";
import { checkPassword, couldBePassword } from "../../../src/core/accounts/password.ts";

const GOOD = { ok: true, value: null } as const;
const SHORT = { ok: false, error: { code: "password_too_short", atLeast: 15 } } as const;
const LONG = { ok: false, error: { code: "password_too_long", atMost: 128 } } as const;

describe("a new password", () => {
  test.each([
    ["nothing", "", SHORT],
    ["14 letters", "a".repeat(14), SHORT],
    ["15 letters", "a".repeat(15), GOOD],
    ["14 films", "🎬".repeat(14), SHORT],
    ["15 films", "🎬".repeat(15), GOOD],
    ["15 spaces", " ".repeat(15), GOOD],
    ["NUL, line breaks and halves of characters", "\0\n\r\ud83d\u202e0123456789", GOOD],
    ["128 letters", "a".repeat(128), GOOD],
    ["129 letters", "a".repeat(129), LONG],
    ["128 films", "🎬".repeat(128), GOOD],
    ["129 films", "🎬".repeat(129), LONG],
    ["a megabyte", "a".repeat(1_000_000), LONG],
  ])("of %s is judged by its code points alone", (_, password, judged) => {
    expect(checkPassword(password)).toEqual(judged);
  });
});

test.each([
  ["", false],
  ["a", true],
  ["🎬".repeat(128), true],
  ["a".repeat(129), false],
])("at sign-in only what is empty or too long is not worth hashing: case %#", (password, is) => {
  expect(couldBePassword(password)).toBe(is);
});
