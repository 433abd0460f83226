import { expect, test } from "bun:test";
import { verifiedTokens } from "../../../src/adapters/crypto/verified-tokens.ts";
import { parseSessionId } from "../../../src/core/ids.ts";
import type { AccessClaims } from "../../../src/core/ports/tokens.ts";
import { MINUTE_MS, plusMs } from "../../../src/core/time.ts";
import { accountNamed, answered, instant } from "../../support/cinema.ts";

const NOON = instant("2026-03-02T12:00:00Z");
const END = plusMs(NOON, 10 * MINUTE_MS);
const ISSUER = "https://cinema.example";
const claimsOf = (name: string): AccessClaims => ({
  accountId: accountNamed(name),
  sessionId: answered(parseSessionId("ses_01h455vb4pex5vsknk084sn02q")),
  issuedAt: NOON,
  expiresAt: END,
});

test("what was kept is found until it is over, and under its own issuer alone", () => {
  const tokens = verifiedTokens();
  const anna = claimsOf("anna");
  expect(tokens.find("a.b.c", ISSUER, NOON)).toBeNull();
  tokens.keep("a.b.c", ISSUER, anna);
  expect(tokens.find("a.b.c", ISSUER, NOON)).toBe(anna);
  expect(tokens.find("a.b.c", ISSUER, plusMs(END, -1))).toBe(anna);
  expect(tokens.find("a.b.c", ISSUER, END)).toBeNull();
  expect(tokens.find("a.b.c", "https://cinema.example.org", NOON)).toBeNull();
  expect(tokens.find("a.b.d", ISSUER, NOON)).toBeNull();
});

test("no more than so many are kept: the first is forgotten first", () => {
  const tokens = verifiedTokens(3);
  for (const name of ["a", "b", "c", "d"]) tokens.keep(name, ISSUER, claimsOf(name));
  const found = ["a", "b", "c", "d"].map((name) => tokens.find(name, ISSUER, NOON));
  expect(found).toEqual([null, claimsOf("b"), claimsOf("c"), claimsOf("d")]);
});
