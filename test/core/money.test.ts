import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import {
  add,
  allocate,
  atLeastZero,
  type Currency,
  compare,
  equal,
  formatAmount,
  isCurrency,
  isPositive,
  isZero,
  MAX_MINOR,
  MINOR_DIGITS,
  type Money,
  money,
  parseMoney,
  shareDown,
  smaller,
  subtract,
  sum,
  zero,
} from "../../src/core/money.ts";
import { Bug } from "../../src/core/result.ts";
import { LONG, SEED, TIMEOUT_MS } from "./chance.ts";

setDefaultTimeout(TIMEOUT_MS);
const RUNS = LONG ? 50_000 : 2_000;
let sumsTried = 0;
let movesBooked = 0;
afterAll(() => {
  console.log(`money: ${sumsTried} sums divided or printed, ${movesBooked} moves in the books, seed ${SEED}`);
  expect(sumsTried).toBeGreaterThanOrEqual(4 * RUNS);
  expect(movesBooked).toBeGreaterThanOrEqual(LEDGERS * MOVES);
});
const always = <Args extends unknown[]>(property: fc.IPropertyWithHooks<Args>, numRuns = RUNS) =>
  fc.assert(
    property.beforeEach(() => {
      sumsTried += 1;
    }),
    { numRuns, seed: SEED },
  );

const rub = (minor: bigint): Money => money(minor, "RUB");
const CURRENCIES = Object.keys(MINOR_DIGITS).filter(isCurrency);
const currencies = fc.constantFrom(...CURRENCIES);
/** Small sums, where rounding shows, as often as sums at the edge of what we take. */
const sums = fc.oneof(
  fc.bigInt(0n, 200n),
  fc.bigInt(0n, 10_000_000n),
  fc.bigInt(MAX_MINOR - 1000n, MAX_MINOR),
  fc.bigInt(0n, MAX_MINOR),
);
const signed = fc.tuple(sums, fc.boolean()).map(([minor, owed]) => (owed ? -minor : minor));

describe("sums", () => {
  test("add up exactly, also where a float would not", () => {
    const dime = rub(10n);
    expect(sum([dime, dime, dime], "RUB")).toEqual(rub(30n));
    expect(add(rub(MAX_MINOR), rub(1n))).toEqual(rub(MAX_MINOR + 1n));
    expect(subtract(rub(9_007_199_254_740_993n), rub(1n))).toEqual(rub(9_007_199_254_740_992n));
    expect(sum([], "KWD")).toEqual(zero("KWD"));
  });

  test("have an order, and one that is not positive is no debt", () => {
    expect([compare(rub(1n), rub(2n)), compare(rub(2n), rub(2n)), compare(rub(3n), rub(2n))]).toEqual([-1, 0, 1]);
    expect([smaller(rub(1n), rub(2n)), smaller(rub(2n), rub(1n))]).toEqual([rub(1n), rub(1n)]);
    expect([atLeastZero(rub(-1n)), atLeastZero(rub(0n)), atLeastZero(rub(1n))]).toEqual([rub(0n), rub(0n), rub(1n)]);
    expect([-1n, 0n, 1n].map((minor) => isPositive(rub(minor)))).toEqual([false, false, true]);
    expect([-1n, 0n, 1n].map((minor) => isZero(rub(minor)))).toEqual([false, true, false]);
  });

  test("of two currencies are never equal, and never meet in one sum", () => {
    const [roubles, dollars] = [rub(100n), money(100n, "USD")];
    expect(equal(roubles, dollars)).toBe(false);
    expect(equal(roubles, rub(100n))).toBe(true);
    for (const mixed of [add, subtract, compare, smaller]) expect(() => mixed(roubles, dollars)).toThrow(Bug);
    expect(() => sum([dollars], "RUB")).toThrow(Bug);
  });
});

describe("a share of a sum", () => {
  test("is rounded down by less than one minor unit", () => {
    always(
      fc.property(sums, fc.bigInt(1n, 40_000_000n), fc.nat(1_000_000), (minor, whole, millionths) => {
        const part = (whole * BigInt(millionths)) / 1_000_000n;
        const share = shareDown(rub(minor), part, whole).minor;
        // share <= minor * part / whole < share + 1, without a division.
        expect(share * whole <= minor * part && minor * part < (share + 1n) * whole).toBe(true);
      }),
    );
  });

  test("of nothing used is nothing, and of the whole is the whole", () => {
    always(
      fc.property(sums, fc.bigInt(1n, 40_000_000n), (minor, whole) => {
        expect(shareDown(rub(minor), 0n, whole)).toEqual(rub(0n));
        expect(shareDown(rub(minor), whole, whole)).toEqual(rub(minor));
      }),
    );
  });

  test("beyond the whole, of a whole of nothing, or of a debt is a bug", () => {
    expect(() => shareDown(rub(100n), 3n, 2n)).toThrow(Bug);
    expect(() => shareDown(rub(100n), -1n, 2n)).toThrow(Bug);
    expect(() => shareDown(rub(100n), 0n, 0n)).toThrow(Bug);
    expect(() => shareDown(rub(-100n), 1n, 2n)).toThrow(Bug);
  });
});

describe("a sum that is split", () => {
  const weights = fc
    .array(fc.oneof(fc.constant(0n), fc.bigInt(1n, 9n), fc.bigInt(1n, 1_000n), fc.bigInt(1n, 10n ** 12n)), {
      minLength: 1,
      maxLength: 40,
    })
    .filter((all) => all.some((weight) => weight > 0n));
  const split = (minor: bigint, by: readonly bigint[]): readonly bigint[] =>
    allocate(rub(minor), by).map((part) => part.minor);
  const whole = (by: readonly bigint[]): bigint => by.reduce((all, weight) => all + weight, 0n);
  const abs = (n: bigint): bigint => (n < 0n ? -n : n);

  test("loses nothing: its parts sum to the whole", () => {
    always(fc.property(signed, weights, (minor, by) => expect(whole(split(minor, by))).toBe(minor)));
  });

  test("gives each part its exact share, but for less than one minor unit", () => {
    always(
      fc.property(signed, weights, (minor, by) => {
        for (const [i, part] of split(minor, by).entries())
          expect(abs(part * whole(by) - minor * (by[i] ?? 0n))).toBeLessThan(whole(by));
      }),
    );
  });

  test("does not leave to the last what many small parts did not get", () => {
    // Each of the ten has a share of 0.99, the last one 990.10.
    const [last, ...ten] = [...split(1000n, [...Array(10).fill(99n), 99_010n])].reverse();
    expect(last).toBe(990n + 1n);
    expect(whole(ten)).toBe(9n);
  });

  test("gives nothing to a weight of zero, and to nobody a part of the other sign", () => {
    always(
      fc.property(signed, weights, (minor, by) => {
        for (const [i, part] of split(minor, by).entries()) {
          if (by[i] === 0n) expect(part).toBe(0n);
          expect(part * minor >= 0n).toBe(true);
        }
      }),
    );
  });

  test("equally differs by one minor unit at most between any two parts", () => {
    always(
      fc.property(sums, fc.integer({ min: 1, max: 100 }), (minor, count) => {
        const parts = split(minor, Array(count).fill(1n));
        const [least, most] = [Math.min, Math.max].map((pick) => pick(...parts.map((part) => Number(part))));
        expect((most ?? 0) - (least ?? 0)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("below zero is split as the same sum above it", () => {
    always(
      fc.property(sums, weights, (minor, by) => expect(split(-minor, by)).toEqual(split(minor, by).map((n) => -n))),
    );
  });

  test("by no weight, by nothing but zeros or by a weight below zero is a bug", () => {
    for (const by of [[], [0n], [0n, 0n], [2n, -1n]]) expect(() => allocate(rub(100n), by)).toThrow(Bug);
  });
});

describe("a decimal amount", () => {
  test("is printed and read back as the same sum, in every currency", () => {
    always(
      fc.property(sums, currencies, (minor, currency) => {
        const printed = formatAmount(money(minor, currency));
        expect(parseMoney(printed, currency)).toEqual({ ok: true, value: money(minor, currency) });
      }),
    );
  });

  test("means the decimal number that it spells", () => {
    always(
      fc.property(sums, currencies, (minor, currency) => {
        const printed = formatAmount(money(minor, currency));
        expect(printed).toMatch(/^(0|[1-9]\d*)(\.\d+)?$/);
        const [whole = "", fraction = ""] = printed.split(".");
        expect(fraction).toHaveLength(MINOR_DIGITS[currency]);
        expect(BigInt(whole + fraction)).toBe(minor);
      }),
    );
  });

  test("may leave zeros at its end out", () => {
    always(
      fc.property(sums, currencies, (minor, currency) => {
        const short = formatAmount(money(minor, currency))
          .replace(/(\.\d*?)0+$/, "$1")
          .replace(/\.$/, "");
        expect(parseMoney(short, currency)).toEqual({ ok: true, value: money(minor, currency) });
      }),
    );
  });

  test("below zero is printed with a sign, for lines and events", () => {
    expect(formatAmount(rub(-5n))).toBe("-0.05");
    expect(formatAmount(rub(-12_345n))).toBe("-123.45");
    expect(formatAmount(money(-7n, "JPY"))).toBe("-7");
    expect(formatAmount(money(-1n, "KWD"))).toBe("-0.001");
  });

  // What a person mistypes, or a program writes that is none of ours.
  const MISTYPED: Readonly<Record<string, readonly string[]>> = {
    "a comma for the point": ["1,00", "1,000.00", "1.000,00"],
    spaces: [" 1", "1 ", "1 000", "1\u00a0000", "\t1", "1\n", "1.\n00", "", " "],
    "a sign": ["-1", "+1", "-0", "\u22121", "1-", "--1"],
    "an exponent": ["1e2", "1E2", "1e-2", "1.5e3"],
    "another base": ["0x10", "0b1", "0o7", "1f", "1n"],
    "zeros in front": ["01", "00", "00.50", "-01"],
    "a point without digits": [".5", "1.", ".", "..", "1..0", "1.0.0"],
    "words of computers": ["NaN", "Infinity", "null", "undefined", "true", "1_000", "[1]"],
    "a currency": ["1 RUB", "₽1", "$1", "1р", "1%"],
    "other digits": ["１", "١", "²", "1٫5", "Ⅷ"],
    "a digit too many": ["1.005", "0.000", "299.001"],
    "what cannot be seen": ["\u200b1", "1\u200b", "\ufeff1", "1\u0000"],
  };
  test.each(Object.entries(MISTYPED))("with %s is refused, never guessed", (_, amounts) => {
    for (const amount of amounts)
      expect([amount, parseMoney(amount, "RUB")]).toEqual([amount, { ok: false, error: { code: "malformed_amount" } }]);
  });

  test("never has more digits than its currency", () => {
    for (const currency of CURRENCIES) {
      const digits = MINOR_DIGITS[currency];
      expect(parseMoney(`1.${"0".repeat(digits + 1)}`, currency)).toEqual(refused("malformed_amount"));
      if (digits > 0) expect(parseMoney(`1.${"0".repeat(digits)}`, currency).ok).toBe(true);
    }
  });

  test("is taken up to 15 digits, in every currency, and not one more", () => {
    for (const currency of CURRENCIES) {
      const largest = formatAmount(money(MAX_MINOR, currency));
      expect(parseMoney(largest, currency)).toEqual({ ok: true, value: money(MAX_MINOR, currency) });
      const above = formatAmount(money(MAX_MINOR + 1n, currency));
      expect(parseMoney(above, currency)).toEqual(refused("amount_out_of_range"));
      expect(parseMoney("9".repeat(15), currency).ok).toBe(MINOR_DIGITS[currency] === 0);
    }
    expect(parseMoney("9".repeat(100_000), "RUB")).toEqual(refused("amount_out_of_range"));
  });

  test("is of a currency that we know, by its ISO name", () => {
    for (const currency of ["rub", "RUR", "BTC", "", " RUB", "643", "toString", "__proto__", "constructor"]) {
      expect(isCurrency(currency)).toBe(false);
      expect(parseMoney("1", currency)).toEqual(refused("unknown_currency"));
    }
  });

  test("has the digits that ISO 4217 gives its currency", () => {
    const iso = (currency: Currency) =>
      new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
    expect(Object.fromEntries(CURRENCIES.map((currency) => [currency, iso(currency)]))).toEqual(MINOR_DIGITS);
  });
});

const refused = (code: string) => ({ ok: false, error: { code } }) as never;

// Books that are kept for years. Beside each account stands a second one, in fractions that are never rounded.

const LEDGERS = LONG ? 2_000 : 60;
const MOVES = 500;
type Fraction = { readonly over: bigint; readonly under: bigint };
const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b));
const fraction = (over: bigint, under: bigint): Fraction => {
  const common = gcd(over < 0n ? -over : over, under);
  return { over: over / common, under: under / common };
};
const units = (n: bigint): Fraction => ({ over: n, under: 1n });
const plus = (a: Fraction, b: Fraction): Fraction => fraction(a.over * b.under + b.over * a.under, a.under * b.under);
const minus = (a: Fraction, b: Fraction): Fraction => plus(a, { over: -b.over, under: b.under });
/** Whether two values are less than `by` minor units apart. */
const near = (a: Fraction, b: Fraction, by: number): boolean => {
  const { over, under } = minus(a, b);
  return (over < 0n ? -over : over) < BigInt(by) * under;
};

/** What leaves an account and where it goes: in money, and in fractions. */
type Piece = { readonly to: number; readonly minor: bigint; readonly exact: Fraction };
const moves = fc.record({
  kind: fc.constantFrom("share" as const, "split" as const, "whole" as const),
  from: fc.nat(3),
  to: fc.nat(3),
  part: fc.bigInt(0n, 2_678_400n),
  whole: fc.constantFrom(2_419_200n, 2_592_000n, 2_678_400n, 86_400n, 7n),
  weights: fc.tuple(fc.bigInt(0n, 15n), fc.bigInt(0n, 15n), fc.bigInt(0n, 15n), fc.bigInt(1n, 15n)),
});
type Move = typeof moves extends fc.Arbitrary<infer T> ? T : never;
const piecesOf = ({ kind, to, part, whole, weights }: Move, held: Money): readonly Piece[] => {
  const portion = part % (whole + 1n);
  switch (kind) {
    case "whole": {
      const { minor } = smaller(held, money(portion, held.currency));
      return [{ to, minor, exact: units(minor) }];
    }
    case "share": {
      const { minor } = shareDown(held, portion, whole);
      return [{ to, minor, exact: fraction(held.minor * portion, whole) }];
    }
    case "split": {
      const all = weights.reduce((total, weight) => total + weight, 0n);
      return allocate(held, weights).map(({ minor }, i) => {
        return { to: i, minor, exact: fraction(held.minor * (weights[i] ?? 0n), all) };
      });
    }
  }
};

test("money never drifts: after any moves the books hold what they held, each account within its roundings", () => {
  const ledger = fc.property(
    fc.tuple(sums, sums, sums, sums),
    currencies,
    fc.array(moves, { minLength: MOVES, maxLength: MOVES, size: "max" }),
    (opening, currency, all) => {
      const held = opening.reduce((total, minor) => total + minor, 0n);
      const accounts = opening.map((minor) => ({ money: money(minor, currency), exact: units(minor), rounded: 1 }));
      for (const move of all) {
        movesBooked += 1;
        const from = accounts[move.from];
        if (from === undefined) throw new Error("there are four accounts");
        for (const { to, minor, exact } of piecesOf(move, from.money)) {
          const target = accounts[to] ?? from;
          from.money = subtract(from.money, money(minor, currency));
          from.exact = minus(from.exact, exact);
          target.money = add(target.money, money(minor, currency));
          target.exact = plus(target.exact, exact);
          for (const account of [from, target]) account.rounded += move.kind === "whole" ? 0 : 1;
        }
      }
      expect(accounts.map((account) => near(account.exact, units(account.money.minor), account.rounded))).toEqual(
        accounts.map(() => true),
      );
      expect(accounts.map((account) => account.exact).reduce(plus, units(0n))).toEqual(units(held));
      expect(
        sum(
          accounts.map((account) => account.money),
          currency,
        ).minor,
      ).toBe(held);
      expect(accounts.every((account) => account.money.minor >= 0n)).toBe(true);
    },
  );
  fc.assert(ledger, { numRuns: LEDGERS, seed: SEED });
});
