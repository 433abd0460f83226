import fc from "fast-check";
import { z } from "zod";
import * as wire from "../../../src/adapters/wire/vocabulary.ts";
import { encodeId, type IdKind } from "../../../src/core/ids.ts";
import { isCurrency, MAX_MINOR, MINOR_DIGITS, type Money, money } from "../../../src/core/money.ts";
import { Bug } from "../../../src/core/result.ts";
import { instantOf } from "../../../src/core/time.ts";

// Values of the core made from the schemas themselves, so that a new event or command is tested without a new line here.
// That the schemas say what the core's types do is the compiler's to prove (`faithful`); that no value is lost is ours.

/** Any value that a schema's inner side can hold. */
export const arbitraryOf = (schema: z.core.$ZodType): fc.Arbitrary<unknown> => {
  const leaf = LEAVES.get(schema);
  if (leaf !== undefined) return leaf.any;
  if (schema instanceof z.ZodObject) return fc.record(mapFields(schema.shape, arbitraryOf));
  if (schema instanceof z.ZodArray) return fc.array(arbitraryOf(schema.element), lengthsOf(schema));
  if (schema instanceof z.ZodNullable) return fc.option(arbitraryOf(schema.unwrap()), { nil: null });
  if (schema instanceof z.ZodDiscriminatedUnion) return fc.oneof(...schema.options.map(arbitraryOf));
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options);
  if (schema instanceof z.ZodLiteral) return fc.constantFrom(...schema.values);
  if (schema instanceof z.ZodBoolean) return fc.boolean();
  if (schema instanceof z.ZodNumber) return fc.integer({ min: schema.minValue ?? 0, max: schema.maxValue ?? 0 });
  if (schema instanceof z.ZodISODate) return DATES;
  if (schema instanceof z.ZodString) return TEXTS.filter((text) => schema.safeParse(text).success);
  throw new Bug(`no values are known for a schema of ${schema._zod.def.type}`);
};

/**
 * A few plain values that between them show every variant, word, null and list of a schema: as many as its widest field
 * has, each field going round its own.
 */
export const examplesOf = (schema: z.core.$ZodType): readonly unknown[] => {
  const leaf = LEAVES.get(schema);
  if (leaf !== undefined) return leaf.examples;
  if (schema instanceof z.ZodObject) return zipped(mapFields(schema.shape, examplesOf));
  if (schema instanceof z.ZodArray)
    return [examplesOf(schema.element), ...(lengthsOf(schema).minLength === 0 ? [[]] : [])];
  if (schema instanceof z.ZodNullable) return [...examplesOf(schema.unwrap()), null];
  if (schema instanceof z.ZodDiscriminatedUnion) return schema.options.flatMap(examplesOf);
  if (schema instanceof z.ZodEnum) return schema.options;
  if (schema instanceof z.ZodLiteral) return [...schema.values];
  if (schema instanceof z.ZodBoolean) return [true, false];
  if (schema instanceof z.ZodNumber) return [1, 30];
  if (schema instanceof z.ZodISODate) return ["2026-12-24"];
  if (schema instanceof z.ZodString) return ["Ночной показ"];
  throw new Bug(`no examples are known for a schema of ${schema._zod.def.type}`);
};

type Leaf = { readonly any: fc.Arbitrary<unknown>; readonly examples: readonly unknown[] };

const DATES = fc
  .date({ noInvalidDate: true, min: new Date("1970-01-01"), max: new Date("9999-12-31") })
  .map((date) => date.toISOString().slice(0, 10));
const TEXTS = fc.string({ unit: "binary", maxLength: 30 });
const CURRENCIES = Object.keys(MINOR_DIGITS).filter(isCurrency);

const idLeaf = (kind: IdKind): Leaf => ({
  any: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => encodeId(kind, bytes)),
  examples: [encodeId(kind, Uint8Array.from([1, 152, 192, 222, 112, 0, 112, 0, 128, 0, 0, 0, 0, 0, 0, kind.length]))],
});
const sums = (least: bigint): fc.Arbitrary<Money> =>
  fc.record({ minor: fc.bigInt({ min: least, max: MAX_MINOR }), currency: fc.constantFrom(...CURRENCIES) });
const rub = (minor: bigint) => money(minor, "RUB");

const LEAVES: ReadonlyMap<z.core.$ZodType, Leaf> = new Map<z.core.$ZodType, Leaf>([
  [wire.accountId, idLeaf("account")],
  [wire.attemptId, idLeaf("attempt")],
  [wire.cardId, idLeaf("card")],
  [wire.commandId, idLeaf("command")],
  [wire.invoiceId, idLeaf("invoice")],
  [wire.noticeId, idLeaf("notice")],
  [wire.quoteId, idLeaf("quote")],
  [wire.refundId, idLeaf("refund")],
  [wire.setupId, idLeaf("setup")],
  [wire.subscriptionId, idLeaf("subscription")],
  [wire.planCode, { any: fc.stringMatching(/^[a-z][a-z0-9-]{0,38}[a-z0-9]$/), examples: ["premium", "family-4k"] }],
  [
    wire.gatewayAccount,
    { any: fc.stringMatching(/^[a-z][a-z0-9_]{0,23}:[A-Za-z0-9_.-]{1,64}$/), examples: ["acme:shop_1"] },
  ],
  [wire.transactionId, { any: fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/), examples: ["2031456789"] }],
  [
    wire.zone,
    { any: fc.constantFrom("UTC", "Europe/Moscow", "Asia/Kathmandu", "America/New_York"), examples: ["Europe/Moscow"] },
  ],
  [
    wire.instant,
    {
      any: fc
        .integer({ min: Date.parse("0001-01-01T00:00:00Z"), max: Date.parse("9999-12-31T23:59:59.999Z") })
        .map(instantOf),
      examples: [instantOf(Date.parse("2026-03-02T09:00:00Z")), instantOf(Date.parse("2028-02-29T20:59:59.999Z"))],
    },
  ],
  [wire.money, { any: sums(0n), examples: [rub(29_900n), rub(0n)] }],
  [wire.signedMoney, { any: sums(-MAX_MINOR), examples: [rub(29_900n), rub(-5n)] }],
  [
    wire.storedMoney,
    { any: sums(-MAX_MINOR), examples: [rub(29_900n), rub(0n), rub(-5n), money(1_050n, "KWD"), money(500n, "JPY")] },
  ],
]);

const mapFields = <To>(
  fields: Readonly<Record<string, z.core.$ZodType>>,
  to: (schema: z.core.$ZodType) => To,
): Record<string, To> => Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, to(schema)]));

const lengthsOf = (schema: z.ZodArray<z.core.SomeType>) =>
  schema.safeParse([]).success ? { minLength: 0, maxLength: 4 } : { minLength: 1, maxLength: 4 };

const zipped = (fields: Readonly<Record<string, readonly unknown[]>>): readonly unknown[] => {
  const most = Math.max(1, ...Object.values(fields).map((values) => values.length));
  return Array.from({ length: most }, (_, nth) =>
    Object.fromEntries(Object.entries(fields).map(([name, values]) => [name, values[nth % values.length]])),
  );
};
