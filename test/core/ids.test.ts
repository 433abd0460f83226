import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import * as ids from "../../src/core/ids.ts";
import { Bug, type Result } from "../../src/core/result.ts";
import { type Instant, instantOf } from "../../src/core/time.ts";
import { LONG, SEED, TIMEOUT_MS } from "./chance.ts";

setDefaultTimeout(TIMEOUT_MS);
const RUNS = LONG ? 100_000 : 2_000;
let derived = 0;
afterAll(() => {
  console.log(`ids: ${derived} derived, seed ${SEED}`);
  expect(derived).toBeGreaterThanOrEqual(4 * RUNS);
});
const always = <Args extends unknown[]>(property: fc.IPropertyWithHooks<Args>) =>
  fc.assert(property, { numRuns: RUNS, seed: SEED });

type Parse = (raw: string) => Result<string, { readonly code: "malformed_id" }>;
/** A kind that is forgotten here does not compile. */
const PARSE: Readonly<Record<ids.IdKind, Parse>> = {
  account: ids.parseAccountId,
  attempt: ids.parseAttemptId,
  card: ids.parseCardId,
  command: ids.parseCommandId,
  invoice: ids.parseInvoiceId,
  notice: ids.parseNoticeId,
  quote: ids.parseQuoteId,
  refund: ids.parseRefundId,
  session: ids.parseSessionId,
  setup: ids.parseSetupId,
  subscription: ids.parseSubscriptionId,
};
const KINDS = Object.keys(PARSE) as ids.IdKind[];
const MALFORMED = { ok: false, error: { code: "malformed_id" } } as const;
const EARLIEST = 0;
const LATEST = 253_402_300_799_999;

/** Crockford's base 32 read by hand: the bits of an id, without its prefix. */
const bitsOf = (id: string): bigint =>
  [...id.slice(id.indexOf("_") + 1)].reduce(
    (bits, letter) => bits * 32n + BigInt("0123456789abcdefghjkmnpqrstvwxyz".indexOf(letter)),
    0n,
  );
const uuidOf = (id: string): Uint8Array => Uint8Array.fromHex(bitsOf(id).toString(16).padStart(32, "0"));

type Cause = { readonly command: string; readonly kind: ids.IdKind; readonly name: string; readonly at: Instant };
/** As the core names a cause (README, decision 2). */
const idOf = ({ command, kind, name, at }: Cause): string => {
  derived += 1;
  const digest = new Bun.CryptoHasher("sha256").update(`${command}/${kind}/${name}`).digest();
  return ids.encodeDerivedId(kind, new Uint8Array(digest), at);
};
const kinds = fc.constantFrom(...KINDS);
const instants = fc.integer({ min: EARLIEST, max: LATEST }).map(instantOf);
const causes = fc.record({ command: fc.string(), kind: kinds, name: fc.string(), at: instants });

describe("an id", () => {
  test("is a prefix of its kind and 26 letters that hold a UUID, bit by bit", () => {
    always(
      fc.property(kinds, fc.uint8Array({ minLength: 16, maxLength: 16 }), (kind, uuid) => {
        const id = ids.encodeId(kind, uuid);
        expect(id).toMatch(/^[a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
        expect(id.slice(0, 4)).toBe(`${ids.ID_PREFIX[kind]}_`);
        expect(uuidOf(id)).toEqual(uuid);
        expect(PARSE[kind](id)).toEqual({ ok: true, value: id });
      }),
    );
  });

  test("spells the first and the last UUID that there are", () => {
    expect(ids.encodeId("invoice", new Uint8Array(16))).toBe(`inv_${"0".repeat(26)}`);
    expect(ids.encodeId("invoice", new Uint8Array(16).fill(255))).toBe(`inv_7${"z".repeat(25)}`);
    for (const length of [0, 15, 17]) expect(() => ids.encodeId("invoice", new Uint8Array(length))).toThrow(Bug);
  });

  test("of each kind has a prefix of its own", () => {
    expect(new Set(Object.values(ids.ID_PREFIX)).size).toBe(KINDS.length);
  });

  test("never passes for one of another kind", () => {
    for (const kind of KINDS)
      for (const other of KINDS) {
        const id = ids.encodeId(other, new Uint8Array(16));
        expect(PARSE[kind](id)).toEqual(kind === other ? { ok: true, value: id } : MALFORMED);
      }
  });

  const GOOD = "inv_0123456789abcdefghjkmnpqrs";
  const MISTYPED: Readonly<Record<string, readonly string[]>> = {
    "a letter that is taken for another": [..."ilou"].map((letter) => `${GOOD.slice(0, -1)}${letter}`),
    "capital letters": [GOOD.toUpperCase(), `INV_${GOOD.slice(4)}`, `${GOOD.slice(0, -1)}Z`],
    "a letter more or less": [`${GOOD}0`, GOOD.slice(0, -1), "inv_", ""],
    "more bits than a UUID has": ["8", "9", "a", "z"].map((first) => `inv_${first}${GOOD.slice(5)}`),
    "no prefix, or another one": [GOOD.slice(4), `_${GOOD.slice(4)}`, `inv-${GOOD.slice(4)}`, `xxx_${GOOD.slice(4)}`],
    "something around it": [` ${GOOD}`, `${GOOD} `, `${GOOD}\n`, `${GOOD}\0`, `x${GOOD}`],
    "the form of a UUID": ["0198c0de-7000-7000-8000-000000000000", "inv_0198c0de-7000-7000-8000-000000000000"],
    "letters of other alphabets": [`${GOOD.slice(0, -1)}с`, `${GOOD.slice(0, -1)}０`],
  };
  test.each(Object.entries(MISTYPED))("with %s is refused", (_, texts) => {
    expect(ids.parseInvoiceId(GOOD).ok).toBe(true);
    for (const raw of texts) expect([raw, ids.parseInvoiceId(raw)]).toEqual([raw, MALFORMED]);
  });
});

describe("an id that derives from its cause", () => {
  test("is a UUIDv7 of the cause's instant", () => {
    always(
      fc.property(causes, (cause) => {
        const uuid = uuidOf(idOf(cause));
        const milliseconds = uuid.slice(0, 6).reduce((ms, byte) => ms * 256 + byte, 0);
        expect(milliseconds).toBe(cause.at);
        expect((uuid[6] ?? 0) >> 4).toBe(7);
        expect((uuid[8] ?? 0) >> 6).toBe(2);
      }),
    );
  });

  test("is the same again for the same cause", () => {
    always(fc.property(causes, (cause) => expect(idOf({ ...cause })).toBe(idOf(cause))));
  });

  test("is another one as soon as anything of the cause is another", () => {
    always(
      fc.property(causes, causes, fc.constantFrom("command", "kind", "name", "at"), (cause, other, part) => {
        const changed = { ...cause, [part]: other[part] };
        if (changed[part] === cause[part]) expect(idOf(changed)).toBe(idOf(cause));
        else expect(idOf(changed)).not.toBe(idOf(cause));
      }),
    );
  });

  test("is another one for a cause whose words only run together", () => {
    const base = { kind: "invoice", at: instantOf(1) } as const;
    expect(idOf({ ...base, command: "a", name: "bc" })).not.toBe(idOf({ ...base, command: "ab", name: "c" }));
  });

  test("of a later instant sorts later, as text and as bits", () => {
    let compared = 0;
    always(
      fc.property(causes, causes, (one, other) => {
        const [a, b] = [idOf({ ...one, kind: "invoice" }), idOf({ ...other, kind: "invoice" })];
        if (one.at === other.at) return;
        compared += 1;
        expect(a < b).toBe(one.at < other.at);
        expect(bitsOf(a) < bitsOf(b)).toBe(one.at < other.at);
      }),
    );
    expect(compared).toBeGreaterThan(RUNS / 2);
  });

  test("never changes the digest that it was made of", () => {
    const digest = new Uint8Array(32).fill(255);
    ids.encodeDerivedId("invoice", digest, instantOf(1));
    expect(digest).toEqual(new Uint8Array(32).fill(255));
  });

  test("needs a digest, and an instant that a UUID can hold", () => {
    expect(() => ids.encodeDerivedId("invoice", new Uint8Array(15), instantOf(1))).toThrow(Bug);
    expect(() => ids.encodeDerivedId("invoice", new Uint8Array(32), instantOf(-1))).toThrow(Bug);
  });

  test("is what RFC 9562 gives as its example", () => {
    // Appendix A.6: 017F22E2-79B0-7CC3-98C4-DC0C0C07398F at 2022-02-22T19:22:22Z.
    const uuid = Uint8Array.fromHex("017f22e279b07cc398c4dc0c0c07398f");
    const id = ids.encodeDerivedId("command", uuid, instantOf(Date.UTC(2022, 1, 22, 19, 22, 22)));
    expect(uuidOf(id).toHex()).toBe("017f22e279b07cc398c4dc0c0c07398f");
  });
});

describe("words that others choose", () => {
  const WORDS: Readonly<Record<string, { parse: Parse; good: readonly string[]; bad: readonly string[] }>> = {
    "a plan": {
      parse: ids.parsePlanCode,
      good: ["premium", "hd", "family-2026", "a1", `a${"b".repeat(39)}`],
      bad: ["", "a", "Premium", "2hd", "-hd", "hd-", "hd_plus", "hd plus", "hd/plus", "премиум", `a${"b".repeat(40)}`],
    },
    "a gateway account": {
      parse: ids.parseGatewayAccount,
      good: ["sandbox:main", "acme_pay:pk_live_0.1-A", `a:${"b".repeat(64)}`],
      bad: ["", "acme", "acme:", ":main", "Acme:main", "1acme:main", "acme:a b", "acme:a:b", `a:${"b".repeat(65)}`],
    },
    "a transaction": {
      parse: ids.parseTransactionId,
      good: ["1", "897749645", "pi_3Nabc.0:1-x", "x".repeat(64)],
      bad: ["", " ", "a b", "a/b", "a\n", "№1", "x".repeat(65)],
    },
  };
  for (const [what, { parse, good, bad }] of Object.entries(WORDS)) {
    test(`${what} keeps to plain characters`, () => {
      for (const raw of good) expect(parse(raw)).toEqual({ ok: true, value: raw });
      for (const raw of bad) expect([raw, parse(raw)]).toEqual([raw, MALFORMED]);
    });
  }
});
