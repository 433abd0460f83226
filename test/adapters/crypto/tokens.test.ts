import { describe, expect, test } from "bun:test";
import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign } from "node:crypto";
import fc from "fast-check";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { jwtTokens } from "../../../src/adapters/crypto/tokens.ts";
import { parseAccountId, parseSessionId } from "../../../src/core/ids.ts";
import type { AccessClaims } from "../../../src/core/ports/tokens.ts";
import { MINUTE_MS, plusMs } from "../../../src/core/time.ts";
import { accountNamed, instant } from "../../support/cinema.ts";

const MASTER_KEY = new Uint8Array(32).fill(7);
const ISSUER = "https://cinema.example";
const NOON = instant("2026-03-02T12:00:00Z");
const END = plusMs(NOON, 10 * MINUTE_MS);
const open = (over: { readonly masterKey?: Uint8Array; readonly issuer?: () => string } = {}) =>
  jwtTokens({ masterKey: MASTER_KEY, issuer: () => ISSUER, ...over });
const tokens = await open();
const CLAIMS: AccessClaims = {
  accountId: accountNamed("anna"),
  sessionId: tokens.newSessionId(NOON),
  issuedAt: NOON,
  expiresAt: END,
};

type Part = Readonly<Record<string, unknown>>;
const encode = (part: Part): string =>
  new TextEncoder().encode(JSON.stringify(part)).toBase64({ alphabet: "base64url", omitPadding: true });
const decode = (part: string | undefined): Part =>
  JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(part ?? "", { alphabet: "base64url" })));
const sha256 = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");

/** The key as the docstring says it is derived, by another library. */
const ourKey = (): KeyObject => {
  const seed = hkdfSync("sha256", MASTER_KEY, "", "matinee access tokens 1", 32);
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.from(seed)]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
};
/** A token of any shape, signed with it. */
const signed = (header: Part, payload: Part): string => {
  const text = `${encode(header)}.${encode(payload)}`;
  return `${text}.${sign(null, Buffer.from(text), ourKey()).toString("base64url")}`;
};
const HEADER = { alg: "EdDSA", typ: "at+jwt" };
const PAYLOAD = {
  iss: ISSUER,
  aud: "matinee",
  sub: CLAIMS.accountId,
  sid: CLAIMS.sessionId,
  iat: NOON / 1000,
  exp: END / 1000,
};

describe("an access token", () => {
  test("says whose it is, of which session and until when, and nothing else", async () => {
    const token = await tokens.signAccess(CLAIMS);
    const [header, payload] = token.split(".");
    expect(decode(header)).toEqual(HEADER);
    expect(decode(payload)).toEqual(PAYLOAD);
    expect(await tokens.readAccess(token, NOON)).toEqual(CLAIMS);
  });

  test("is good to the end of its time, and not from then on", async () => {
    const token = await tokens.signAccess(CLAIMS);
    expect(await tokens.readAccess(token, plusMs(END, -1))).toEqual(CLAIMS);
    expect(await tokens.readAccess(token, END)).toBeNull();
    expect(await tokens.readAccess(token, plusMs(END, MINUTE_MS))).toBeNull();
  });

  test("that was read once is verified anew when its time is over, or our address another", async () => {
    let issuer = ISSUER;
    const reader = await open({ issuer: () => issuer });
    const token = await tokens.signAccess(CLAIMS);
    for (let times = 0; times < 3; times += 1) expect(await reader.readAccess(token, plusMs(END, -1))).toEqual(CLAIMS);
    expect(await reader.readAccess(token, END)).toBeNull();
    issuer = "https://cinema.example.org";
    expect(await reader.readAccess(token, NOON)).toBeNull();
    issuer = ISSUER;
    expect(await reader.readAccess(token, NOON)).toEqual(CLAIMS);
  });

  test("that was read once vouches for none without its signature", async () => {
    const reader = await open();
    const token = await tokens.signAccess(CLAIMS);
    expect(await reader.readAccess(token, NOON)).toEqual(CLAIMS);
    const [header = "", payload = ""] = token.split(".");
    for (const other of [`${header}.${payload}.`, `${header}.${payload}.${"A".repeat(86)}`])
      expect(await reader.readAccess(other, NOON)).toBeNull();
  });

  test("is read by every process with the same master key, and by none with another", async () => {
    const token = await tokens.signAccess(CLAIMS);
    expect(await (await open()).readAccess(token, NOON)).toEqual(CLAIMS);
    expect(await (await open({ masterKey: new Uint8Array(32).fill(8) })).readAccess(token, NOON)).toBeNull();
    expect(await open({ masterKey: new Uint8Array(16) }).catch((error: unknown) => error)).toBeInstanceOf(Error);
  });

  test("of another installation is worth nothing, though the key were the same", async () => {
    const other = await open({ issuer: () => "https://cinema.example.org" });
    expect(await tokens.readAccess(await other.signAccess(CLAIMS), NOON)).toBeNull();
  });

  test("is signed in the name of the address that the process has by then", async () => {
    let issuer = "http://127.0.0.1:0";
    const early = await open({ issuer: () => issuer });
    issuer = ISSUER;
    expect(await tokens.readAccess(await early.signAccess(CLAIMS), NOON)).toEqual(CLAIMS);
  });

  test("with any bit of it changed is refused", async () => {
    const token = await tokens.signAccess(CLAIMS);
    const [header = "", payload = "", signature = ""] = token.split(".");
    const parts = [header, payload, signature].map((part) => Uint8Array.fromBase64(part, { alphabet: "base64url" }));
    let refused = 0;
    for (const [place, bytes] of parts.entries()) {
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const bent = bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
        const written = parts.map((part, i) =>
          (i === place ? bent : part).toBase64({ alphabet: "base64url", omitPadding: true }),
        );
        expect(await tokens.readAccess(written.join("."), NOON)).toBeNull();
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(1500);
  });
});

describe("signed with our own key", () => {
  test("a token of the right shape is accepted: what is refused below is refused for its shape", async () => {
    expect(await tokens.readAccess(signed(HEADER, PAYLOAD), NOON)).toEqual(CLAIMS);
  });

  test.each([
    ["another audience", HEADER, { ...PAYLOAD, aud: "another" }],
    ["no audience", HEADER, { ...PAYLOAD, aud: undefined }],
    ["another issuer", HEADER, { ...PAYLOAD, iss: "https://evil.example" }],
    ["no issuer", HEADER, { ...PAYLOAD, iss: undefined }],
    ["another type", { ...HEADER, typ: "JWT" }, PAYLOAD],
    ["no type", { alg: "EdDSA" }, PAYLOAD],
    ["no end", HEADER, { ...PAYLOAD, exp: undefined }],
    ["an end that is a text", HEADER, { ...PAYLOAD, exp: "never" }],
    ["an end of no date", HEADER, { ...PAYLOAD, exp: 1e300 }],
    ["half a second", HEADER, { ...PAYLOAD, exp: END / 1000 + 0.0001 }],
    ["no beginning", HEADER, { ...PAYLOAD, iat: undefined }],
    ["no account", HEADER, { ...PAYLOAD, sub: undefined }],
    ["a subject that is no account", HEADER, { ...PAYLOAD, sub: CLAIMS.sessionId }],
    ["no session", HEADER, { ...PAYLOAD, sid: undefined }],
    ["a session that is none", HEADER, { ...PAYLOAD, sid: 7 }],
    ["a name of an algorithm that we do not use", { ...HEADER, alg: "HS256" }, PAYLOAD],
    ["an extension that we do not know", { ...HEADER, crit: ["b64"], b64: false }, PAYLOAD],
  ] as const)("a token with %s is refused", async (_, header, payload) => {
    expect(await tokens.readAccess(signed(header, payload), NOON)).toBeNull();
  });
});

describe("is refused as an access token", () => {
  test("one that says it needs no signature", async () => {
    for (const alg of ["none", "None", "NONE", ""]) {
      const text = `${encode({ ...HEADER, alg })}.${encode(PAYLOAD)}`;
      for (const signature of ["", "AAAA"]) expect(await tokens.readAccess(`${text}.${signature}`, NOON)).toBeNull();
    }
  });

  test("one signed with a secret that everybody knows: our public key", async () => {
    const known = createPublicKey(ourKey());
    const text = `${encode({ ...HEADER, alg: "HS256" })}.${encode(PAYLOAD)}`;
    for (const secret of [
      known.export({ format: "pem", type: "spki" }),
      known.export({ format: "der", type: "spki" }),
    ]) {
      const signature = new Bun.CryptoHasher("sha256", secret).update(text).digest("base64url");
      expect(await tokens.readAccess(`${text}.${signature}`, NOON)).toBeNull();
    }
  });

  test("one that brings its own key", async () => {
    const { privateKey, publicKey } = await generateKeyPair("EdDSA");
    const jwk = await exportJWK(publicKey);
    for (const header of [{ jwk }, { kid: "1", jku: "https://evil.example/jwks" }, { x5u: "https://evil.example/x" }]) {
      const token = await new SignJWT(PAYLOAD).setProtectedHeader({ ...HEADER, ...header }).sign(privateKey);
      expect(await tokens.readAccess(token, NOON)).toBeNull();
    }
  });

  test("a refresh token, a piece of one, and any other text", async () => {
    const [whole, token] = [await tokens.signAccess(CLAIMS), tokens.newRefresh().token];
    const [header = "", payload = ""] = whole.split(".");
    for (const text of [
      token,
      `${token}.${token}.${token}`,
      "",
      ".",
      "..",
      "a.b.c",
      header,
      `${header}.${payload}`,
      `${whole}.`,
      `${whole}.${whole}`,
      ` ${whole}`,
    ])
      expect(await tokens.readAccess(text, NOON)).toBeNull();
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.json()), async (text) => {
        expect(await tokens.readAccess(text, NOON)).toBeNull();
        expect(await tokens.readAccess(`${header}.${text}`, NOON)).toBeNull();
        expect(await tokens.readAccess(`${text}.${payload}.${text}`, NOON)).toBeNull();
      }),
      { numRuns: 300 },
    );
  });
});

describe("a refresh token", () => {
  test("is 256 random bits, of which the SHA-256 is kept", () => {
    const { token, hash } = tokens.newRefresh();
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(hash).toBe(sha256(token));
    expect(tokens.hashRefresh(token)).toBe(hash);
    expect(new Set(Array.from({ length: 10_000 }, () => tokens.newRefresh().token)).size).toBe(10_000);
  });

  test("that nobody has given out has a hash like any other", () => {
    for (const text of ["", "Имя", "\ud83d", "x".repeat(10_000)])
      expect(tokens.hashRefresh(text)).toMatch(/^[0-9a-f]{64}$/);
  });
});

test("ids of accounts and sessions are well formed, never twice the same, and in the order of time", () => {
  for (const [make, parse] of [
    [tokens.newAccountId, parseAccountId],
    [tokens.newSessionId, parseSessionId],
  ] as const) {
    const ids = Array.from({ length: 1000 }, () => make(NOON));
    for (const id of ids) expect(parse(id)).toEqual({ ok: true, value: id } as never);
    expect(new Set(ids).size).toBe(1000);
    expect(make(plusMs(NOON, 1)) > make(NOON)).toBe(true);
  }
});
