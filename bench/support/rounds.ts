import { IS_TRIAL } from "./scale.ts";
import { openSpin } from "./spin.ts";

/** One half of a pair: how much was done in a second, and how long the callers waited. */
export type Half = { readonly perSecond: number; readonly p50Ms: number | null; readonly p99Ms: number | null };
export type Side = { readonly name: string; run(): Promise<Half> };
/** One half of each side, in the order of the sides. */
export type Round = readonly Half[];
export type Rounds = { readonly valid: readonly Round[]; readonly voided: number };

const PAIRS = IS_TRIAL ? 1 : 5;
/** A spin loop that moved more than this between the halves of a round says that the machine had other work: void. */
const MOVED = IS_TRIAL ? Number.POSITIVE_INFINITY : 1.2;
/** So many rounds may be void before the machine is called too busy to measure on. */
const VOID_AT_MOST = 15;

/** Runs the sides one after another, A B A B ..., until there are enough rounds during which the machine was quiet. */
export const interleaved = async (sides: readonly Side[], say: (line: string) => void): Promise<Rounds> => {
  const spin = openSpin();
  const valid: Round[] = [];
  let voided = 0;
  try {
    await spin.run();
    while (valid.length < PAIRS) {
      const round: Half[] = [];
      const spins = [await spin.run()];
      for (const side of sides) {
        round.push(await side.run());
        spins.push(await spin.run());
      }
      const moved = Math.max(...spins) / Math.min(...spins);
      const told = sides.map(({ name }, i) => `${name} ${toldHalf(round[i])}`).join("; ");
      if (moved <= MOVED) valid.push(round);
      else voided += 1;
      say(`${moved <= MOVED ? `pair ${valid.length}` : "void  "}  ${told}; spin moved ${percent(moved - 1)}`);
      if (voided > VOID_AT_MOST) throw new Error(`the machine is too busy: ${voided} pairs were void`);
    }
  } finally {
    await spin.close();
  }
  return { valid, voided };
};

/** Something that several sides use one after another: the first opens it, the last closes it. */
export type Stage = { close(): Promise<void> };
export const inTurn = <S extends Stage>(
  open: () => Promise<S>,
  sides: readonly { readonly name: string; readonly run: (stage: S) => Promise<Half> }[],
): readonly Side[] => {
  let stage: S | null = null;
  return sides.map(({ name, run }, i) => ({
    name,
    run: async () => {
      stage ??= await open();
      const half = await run(stage);
      if (i < sides.length - 1) return half;
      await stage.close();
      stage = null;
      return half;
    },
  }));
};

/** The rates of one side divided by those of another, pair by pair. */
export const ratios = ({ valid }: Rounds, ours: number, limit: number): readonly number[] =>
  valid.map((round) => (round[ours]?.perSecond ?? 0) / (round[limit]?.perSecond ?? Number.NaN));

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
};

export const percent = (ratio: number): string =>
  `${ratio < 0.1 ? (ratio * 100).toFixed(1) : Math.round(ratio * 100)} %`;

const toldHalf = (half: Half | undefined): string => {
  if (half === undefined) return "nothing";
  const rate =
    half.perSecond < 10 ? `${half.perSecond.toFixed(1)}/s` : `${Math.round(half.perSecond).toLocaleString("en")}/s`;
  return half.p50Ms === null ? rate : `${rate} p50 ${half.p50Ms.toFixed(1)} p99 ${half.p99Ms?.toFixed(1)} ms`;
};

/** Half and 99 of 100 callers waited no longer than this. */
export const waits = (latenciesMs: Float64Array): Pick<Half, "p50Ms" | "p99Ms"> => {
  const sorted = latenciesMs.toSorted();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
};
