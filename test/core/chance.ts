import fc from "fast-check";

/** `LONG=1` draws ten to fifty times as often. */
export const LONG = process.env["LONG"] === "1";
/** How long one test may take. */
export const TIMEOUT_MS = LONG ? 600_000 : 60_000;
/** Printed by each suite that draws; the same one draws the same again. */
export const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
/** Each claim is held against stories of its own. */
export const seedOf = (fact: string): number => (SEED + Bun.hash.crc32(fact)) | 0;

export const weighted = <T>(...choices: readonly (readonly [weight: number, value: T])[]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));

/** What was met least often: where stories grow dull first. */
export const rarestOf = (seen: ReadonlyMap<string, number>, count: number): string =>
  [...seen]
    .sort(([, a], [, b]) => a - b)
    .slice(0, count)
    .map(([what, times]) => `${what} ${times}`)
    .join(", ");
