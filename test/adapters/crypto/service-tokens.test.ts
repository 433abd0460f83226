import { describe, expect, test } from "bun:test";
import { createPrivateKey, hkdfSync, type KeyObject, sign } from "node:crypto";
import fc from "fast-check";
import { SignJWT } from "jose";
import { isServiceName, jwtServiceTokens } from "../../../src/adapters/crypto/service-tokens.ts";
import { jwtTokens } from "../../../src/adapters/crypto/tokens.ts";
import { DAY_MS, MINUTE_MS, plusMs } from "../../../src/core/time.ts";
import { accountNamed, instant } from "../../support/cinema.ts";

const MASTER_KEY = new Uint8Array(32).fill(7);
const NOON = instant("2026-03-02T12:00:00Z");
const END = plusMs(NOON, DAY_MS);
const tokens = await jwtServiceTokens(MASTER_KEY);
const access = await jwtTokens({ masterKey: MASTER_KEY, issuer: () => "matinee" });

type Part = Readonly<Record<string, unknown>>;
const encode = (part: Part): string => Buffer.from(JSON.stringify(part)).toString("base64url");
const decode = (part: string | undefined): Part => JSON.parse(Buffer.from(part ?? "", "base64url").toString());

/** The key as the docstring says it is derived, by another library. @param label of what is signed */
const keyOf = (label: string): KeyObject => {
  const seed = hkdfSync("sha256", MASTER_KEY, "", label, 32);
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.from(seed)]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
};
const signedBy = (key: KeyObject, header: Part, payload: Part): string => {
  const text = `${encode(header)}.${encode(payload)}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString("base64url")}`;
};
const OURS = keyOf("matinee service tokens 1");
const HEADER = { alg: "EdDSA", typ: "service+jwt" };
const PAYLOAD = { iss: "matinee", aud: "matinee bus", sub: "shop", iat: NOON / 1000, exp: END / 1000 };

describe("a service token", () => {
  test("says which service shows it and until when, and nothing else", async () => {
    const token = await tokens.sign("shop", NOON, END);
    const [header, payload] = token.split(".");
    expect(decode(header)).toEqual(HEADER);
    expect(decode(payload)).toEqual(PAYLOAD);
    expect(token).toBe(signedBy(OURS, HEADER, PAYLOAD));
    expect(await tokens.read(token, NOON)).toEqual({ service: "shop" });
  });

  test("is good until its end, to the second, and not at it", async () => {
    const token = await tokens.sign("shop", NOON, END);
    expect(await tokens.read(token, plusMs(END, -1))).toEqual({ service: "shop" });
    for (const lateMs of [0, 1, DAY_MS]) expect(await tokens.read(token, plusMs(END, lateMs))).toBeNull();
  });

  test("is read by every process of the same master key, and by none of another", async () => {
    const token = await tokens.sign("shop", NOON, END);
    expect(await (await jwtServiceTokens(MASTER_KEY)).read(token, NOON)).toEqual({ service: "shop" });
    expect(await (await jwtServiceTokens(new Uint8Array(32).fill(8))).read(token, NOON)).toBeNull();
  });

  test("is no access token, and an access token is none", async () => {
    const accessToken = await access.signAccess({
      accountId: accountNamed("anna"),
      sessionId: access.newSessionId(NOON),
      issuedAt: NOON,
      expiresAt: plusMs(NOON, 10 * MINUTE_MS),
    });
    expect(await access.readAccess(accessToken, NOON)).not.toBeNull();
    expect(await tokens.read(accessToken, NOON)).toBeNull();
    expect(await access.readAccess(await tokens.sign("shop", NOON, END), NOON)).toBeNull();
    // Not even one that says all that the other says: the keys differ as well.
    const other = keyOf("matinee access tokens 1");
    expect(await tokens.read(signedBy(other, HEADER, PAYLOAD), NOON)).toBeNull();
  });

  const SAYS_OTHERWISE: readonly (readonly [string, Part, Part])[] = [
    ["another issuer", HEADER, { ...PAYLOAD, iss: "somebody" }],
    ["another reader", HEADER, { ...PAYLOAD, aud: "matinee" }],
    ["another purpose", { ...HEADER, typ: "at+jwt" }, PAYLOAD],
    ["no purpose", { alg: "EdDSA" }, PAYLOAD],
    ["no service", HEADER, { ...PAYLOAD, sub: undefined }],
    ["a name that is none", HEADER, { ...PAYLOAD, sub: "shop.>" }],
    ["an end that is over", HEADER, { ...PAYLOAD, exp: NOON / 1000 - 1 }],
    ["a critical header that nobody knows", { ...HEADER, crit: ["x"], x: 1 }, PAYLOAD],
  ];
  for (const [what, header, payload] of SAYS_OTHERWISE)
    test(`is refused with ${what}, though our own key has signed it`, async () => {
      expect(await tokens.read(signedBy(OURS, HEADER, PAYLOAD), NOON)).toEqual({ service: "shop" });
      expect(await tokens.read(signedBy(OURS, header, payload), NOON)).toBeNull();
    });

  test("is refused without a signature, and with one of another kind", async () => {
    for (const alg of ["none", "None", "NONE"])
      for (const end of ["", "AA"])
        expect(await tokens.read(`${encode({ ...HEADER, alg })}.${encode(PAYLOAD)}.${end}`, NOON)).toBeNull();
    // The public key is no secret: it must not pass for one.
    const secret = OURS.export({ format: "der", type: "pkcs8" });
    const symmetric = await new SignJWT(PAYLOAD).setProtectedHeader({ ...HEADER, alg: "HS256" }).sign(secret);
    expect(await tokens.read(symmetric, NOON)).toBeNull();
  });

  test("is refused when any one character of it is another", async () => {
    const token = await tokens.sign("shop", NOON, END);
    const bent = fc.tuple(fc.nat({ max: token.length - 1 }), fc.constantFrom(..."AZaz09-_.!"));
    await fc.assert(
      fc.asyncProperty(bent, async ([at, character]) => {
        const other = `${token.slice(0, at)}${character}${token.slice(at + 1)}`;
        // The last character of a signature bears bits that mean nothing.
        fc.pre(other !== token && at < token.length - 1);
        expect(await tokens.read(other, NOON)).toBeNull();
      }),
    );
  });

  test("is what can be told from any other text", async () => {
    for (const text of ["", ".", "..", "a.b.c", "Bearer", "{}", "é", "x".repeat(100_000)])
      expect(await tokens.read(text, NOON)).toBeNull();
    await fc.assert(fc.asyncProperty(fc.string(), async (text) => expect(await tokens.read(text, NOON)).toBeNull()));
  });
});

test("a service's name can be a part of a subject and of a line", () => {
  for (const name of ["a", "shop", "shop-2", "x".repeat(40)]) expect(isServiceName(name)).toBe(true);
  for (const name of ["", "Shop", "2shop", "-shop", "shop.>", "shop*", "a b", "a\n", "é", "x".repeat(41)])
    expect(isServiceName(name)).toBe(false);
});
