import { median, percent, type Rounds, ratios } from "./rounds.ts";

/** One line of performance.md, part 1: a rate of ours divided by a limit that is measured in the same run. */
export type Goal = {
  readonly id: string;
  readonly what: string;
  readonly dividedBy: string;
  /** The median ratio must not be below this. */
  readonly floor: number;
  measure(say: (line: string) => void): Promise<Measured>;
};
export type Measured = {
  readonly rounds: Rounds;
  /** The sides, in order: ours first, then the limit, then what is only printed. */
  readonly also?: readonly { readonly name: string; readonly ours: number; readonly limit: number }[];
  /** A floor beside the ratio, where the goal states one in plain numbers. */
  readonly leastPerSecond?: number;
};
export type Verdict = {
  readonly id: string;
  readonly what: string;
  readonly dividedBy: string;
  readonly floor: number;
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  readonly pairs: number;
  readonly voided: number;
  readonly perSecond: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly also: readonly string[];
  readonly holds: boolean;
};

export const judge = async (goal: Goal, say: (line: string) => void): Promise<Verdict> => {
  const { rounds, also = [], leastPerSecond = 0 } = await goal.measure(say);
  const measured = ratios(rounds, 0, 1);
  const ours = rounds.valid.map(([half]) => half).filter((half) => half !== undefined);
  const typical = (of: (half: (typeof ours)[number]) => number | null): number | null => {
    const values = ours.map(of).filter((value) => value !== null);
    return values.length === 0 ? null : median(values);
  };
  const perSecond = typical((half) => half.perSecond) ?? 0;
  const { id, what, dividedBy, floor } = goal;
  return {
    id,
    what,
    dividedBy,
    floor,
    median: median(measured),
    lowest: Math.min(...measured),
    highest: Math.max(...measured),
    pairs: measured.length,
    voided: rounds.voided,
    perSecond,
    p50Ms: typical((half) => half.p50Ms),
    p99Ms: typical((half) => half.p99Ms),
    also: [
      ...also.map(({ name, ours: over, limit }) => `${name}: ${spread(ratios(rounds, over, limit))}`),
      ...(leastPerSecond === 0 ? [] : [`at least ${leastPerSecond.toLocaleString("en")}/s`]),
    ],
    holds: median(measured) >= floor && perSecond >= leastPerSecond,
  };
};

const spread = (values: readonly number[]): string =>
  `${percent(median(values))} (${percent(Math.min(...values))} to ${percent(Math.max(...values))})`;

/** Runs one goal by itself. Its figure is the last line; below its floor the process fails. */
export const runAlone = async (goal: Goal): Promise<void> => {
  const verdict = await judge(goal, console.log);
  for (const line of verdict.also) console.log(line);
  console.log(toldVerdict(verdict));
  process.exit(verdict.holds ? 0 : 1);
};

export const toldVerdict = ({ id, median: middle, lowest, highest, floor, pairs, holds }: Verdict): string =>
  `${id}: ${percent(middle)} (${percent(lowest)} to ${percent(highest)} over ${pairs} pairs), floor ${percent(floor)}: ${holds ? "holds" : "BELOW"}`;
