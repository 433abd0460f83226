import { type Half, median, percent, type Rounds, ratios } from "./rounds.ts";

/** One line of performance.md, part 1. */
export type Goal = {
  readonly id: string;
  readonly what: string;
  /** The limit, measured in the same run. Null: the figures stand for themselves, under a ceiling. */
  readonly dividedBy: string | null;
  measure(say: (line: string) => void): Promise<Measured>;
};
export type Measured = {
  readonly figures: readonly Figure[];
  /** Beside the figures, and judged by nobody. */
  readonly also?: readonly string[];
};
export type Figure = {
  /** What tells it from its goal's others; empty where there is but one. */
  readonly name: string;
  readonly unit: keyof typeof PRINTED;
  /** One of each valid pair; the median is judged. */
  readonly values: readonly number[];
  readonly bound: Bound;
  readonly voided: number;
  /** What ours did in each pair; empty where that is no rate. */
  readonly ours: readonly Half[];
};
export type Bound = { readonly least: number } | { readonly most: number };

const PRINTED = {
  ratio: percent,
  per_second: (value: number) => `${Math.round(value).toLocaleString("en")}/s`,
  ms: (value: number) => `${value.toFixed(1)} ms`,
  s: (value: number) => `${value.toFixed(2)} s`,
  MB: (value: number) => `${Math.round(value)} MB`,
  rows: (value: number) => `${value} rows`,
} as const;

/** The rate of one side divided by that of another. */
export const ratio = (
  rounds: Rounds,
  bound: Bound,
  { name = "", ours = 0, limit = 1 }: { readonly name?: string; readonly ours?: number; readonly limit?: number } = {},
): Figure => ({
  name,
  unit: "ratio",
  values: ratios(rounds, ours, limit),
  bound,
  voided: rounds.voided,
  ours: halvesOf(rounds, ours),
});

/** What was told of each half of one side. */
export const figure = (
  rounds: Rounds,
  side: number,
  {
    of,
    ...told
  }: Pick<Figure, "name" | "unit" | "bound"> & { readonly of: (half: Half) => number | null; readonly rate: boolean },
): Figure => {
  const halves = halvesOf(rounds, side);
  const { name, unit, bound, rate } = told;
  const values = halves.map((half) => of(half) ?? Number.NaN);
  return { name, unit, bound, values, voided: rounds.voided, ours: rate ? halves : [] };
};

/** A ratio that is only told. */
export const alsoRatio = (name: string, rounds: Rounds, ours: number, limit: number): string => {
  const values = ratios(rounds, ours, limit);
  return `${name}: ${percent(median(values))} (${percent(Math.min(...values))} to ${percent(Math.max(...values))})`;
};

const halvesOf = ({ valid }: Rounds, side: number): readonly Half[] =>
  valid.map((round) => round[side]).filter((half) => half !== undefined);

/** What is not a number holds nothing. */
export const holds = ({ values, bound }: Figure): boolean =>
  "least" in bound ? median(values) >= bound.least : median(values) <= bound.most;

export type Line = {
  readonly goal: string;
  readonly bound: string;
  readonly median: string;
  readonly spread: string;
  readonly pairs: string;
  readonly ours: string;
  readonly waits: string;
  readonly verdict: string;
};

export const lineOf = ({ id }: Goal, judged: Figure): Line => {
  const { name, unit, values, bound, voided, ours } = judged;
  const print = PRINTED[unit];
  const typical = (of: (half: Half) => number | null): number | null => {
    const found = ours.map(of).filter((value) => value !== null);
    return found.length === 0 ? null : median(found);
  };
  const [perSecond, p50, p99] = [
    typical((half) => half.perSecond),
    typical((half) => half.p50Ms),
    typical((half) => half.p99Ms),
  ];
  return {
    goal: name === "" ? id : `${id} ${name}`,
    bound: "least" in bound ? `>= ${print(bound.least)}` : `<= ${print(bound.most)}`,
    median: print(median(values)),
    spread: `${print(Math.min(...values))} to ${print(Math.max(...values))}`,
    pairs: voided === 0 ? `${values.length}` : `${values.length} (${voided} void)`,
    ours: perSecond === null ? "" : PRINTED.per_second(perSecond),
    waits: p50 === null || p99 === null ? "" : `${p50.toFixed(1)} / ${p99.toFixed(1)} ms`,
    verdict: holds(judged) ? "holds" : "BROKEN",
  };
};
