/** All chance of a story. The same seed throws the same numbers. */
export type Dice = {
  /** Draws in any case, so that a story keeps its course when a rate becomes 0. */
  chance(rate: number): boolean;
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number;
  /** A whole number; small ones as likely as large ones, by their number of digits. */
  about(low: number, high: number): number;
  /** Null when there is nothing to pick from. */
  pick<T>(all: readonly T[]): T | null;
  /** One of the names, as often as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name;
};

/** xoshiro128**, filled by splitmix32. */
export const openDice = (seed: number): Dice => {
  let filling = seed >>> 0;
  const fill = (): number => {
    filling = (filling + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(filling ^ (filling >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  let [a, b, c, d] = [fill(), fill(), fill(), fill()];
  const roll = (): number => {
    const result = Math.imul(turnLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = turnLeft(d, 11);
    return result / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(roll() * limit);
  return {
    chance: (rate) => roll() < rate,
    below,
    about: (low, high) => Math.round(Math.exp(Math.log(low) + roll() * (Math.log(high) - Math.log(low)))),
    pick: (all) => all[below(all.length)] ?? null,
    weighted: <Name extends string>(weights: Readonly<Record<Name, number>>): Name => {
      const names = Object.keys(weights) as Name[];
      let left = roll() * names.reduce((all, name) => all + weights[name], 0);
      for (const name of names) {
        left -= weights[name];
        if (left < 0) return name;
      }
      throw new Error("some name has a weight");
    },
  };
};

const turnLeft = (bits: number, by: number): number => (bits << by) | (bits >>> (32 - by));
