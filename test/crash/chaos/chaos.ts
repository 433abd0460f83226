import { openDice } from "../../support/dice.ts";
import { type Blow, blowsOf } from "./blows.ts";
import { type Cluster, openCluster } from "./cluster.ts";
import { accessDiffers, becomesQuiet, booksDiffer, hearsAll, hoursGoBy, rebuildDiffers } from "./end.ts";
import { type Load, startLoad } from "./load.ts";
import type { Told } from "./payer.ts";

export type Course = {
  /** Orders the blows and chooses whom they hit. What runs at that moment the machine decides. */
  readonly seed: number;
  /** After each blow has been dealt once they are dealt again, in another order, until so much time has gone by… */
  readonly atLeastMs: number;
  /** …and so many have paid. */
  readonly atLeastPaid?: number;
  readonly isLong: boolean;
  /** Who are there at once. */
  readonly viewers?: number;
  readonly print: (line: string) => void;
};
/** What went wrong; nothing did where it is empty. */
export type Complaints = readonly string[];

const VIEWERS = 8;
const CALM_MS = 300;
/** Some load after the last blow: there has to be something to hear. */
const AFTERMATH_MS = 6000;
const DRAINED_MS = 25_000;

/** Under steady load every process and every server is struck in turn. Then all is healed, and has to add up. */
export const chaos = async (course: Course): Promise<Complaints> => {
  const { seed, isLong, viewers = VIEWERS, print } = course;
  print(`seed ${seed}`);
  const cluster = await openCluster();
  try {
    const load = await startLoad(cluster, seed, viewers);
    const blows = blowsOf(cluster, openDice(seed), isLong);
    const dealt = await dealAll(blows.all, course, () => paidOf(load.told));
    await Bun.sleep(AFTERMATH_MS);
    await load.stop();
    const told = [...load.told, ...blows.told];
    const quietMs = await becomesQuiet(cluster);
    const ended = cluster.nodes.filter((node) => !node.isAlive()).map(({ name }) => `${name} is not there any more`);
    const access = await accessDiffers(cluster, told);
    const heard = await hearsAll(cluster, blows.lostAt());
    const drained = await drain(cluster);
    const later = [...(await hoursGoBy(cluster)), ...(await rebuildDiffers(cluster))];
    const differences = await booksDiffer(cluster, told);
    print(summary(load, dealt.count, heard, quietMs));
    const unexcused = cluster.nodes.flatMap((node) => node.complaints()).filter(isBug);
    const paid = paidOf(told);
    const idle = paid < dealt.count ? [`${paid} have paid during ${dealt.count} blows: this proves nothing`] : [];
    return [
      ...idle,
      ...dealt.complaints,
      ...load.surprises,
      ...ended,
      ...access,
      ...drained,
      ...later,
      ...differences,
      ...unexcused,
    ];
  } finally {
    await cluster.close();
  }
};

type Dealt = { readonly count: number; readonly complaints: Complaints };
const dealAll = async (
  all: readonly Blow[],
  { seed, atLeastMs, atLeastPaid = 0, print }: Course,
  paid: () => number,
): Promise<Dealt> => {
  const dice = openDice(seed + 1);
  const begun = performance.now();
  const complaints: string[] = [];
  let count = 0;
  do {
    const left = [...all];
    while (left.length > 0) {
      const [blow] = left.splice(dice.below(left.length), 1);
      if (blow === undefined) break;
      const atMs = performance.now() - begun;
      const complaint = await dealOne(blow);
      if (complaint !== null) complaints.push(complaint);
      print(`${seconds(atMs)} ${blow.name}, healed after ${seconds(performance.now() - begun - atMs)}, ${paid()} paid`);
      count += 1;
      await Bun.sleep(CALM_MS);
    }
  } while (performance.now() - begun < atLeastMs || paid() < atLeastPaid);
  return { count, complaints };
};

/** What did not hold meanwhile is told, and all goes on: it has to be healed in any case. */
const dealOne = async ({ name, deal, meanwhile, heal }: Blow): Promise<string | null> => {
  try {
    await deal();
    await meanwhile();
    return null;
  } catch (error) {
    return `${name}: ${String(error)}`;
  } finally {
    await heal();
  }
};

/** All but the gateway end in good order. */
const drain = async (cluster: Cluster): Promise<readonly string[]> => {
  const own = cluster.nodes.filter(({ kind }) => kind !== "sandbox");
  for (const node of own) node.signal("SIGTERM");
  const begun = performance.now();
  const exits = await Promise.all(own.map((node) => node.exited()));
  const tookMs = performance.now() - begun;
  return [
    ...own.flatMap(({ name }, i) => (exits[i] === 0 ? [] : [`${name} ended with ${exits[i]} when told to stop`])),
    ...(tookMs > DRAINED_MS ? [`they took ${tookMs} ms to end`] : []),
  ];
};

const paidOf = (told: readonly Told[]): number => told.filter(({ hasPaid }) => hasPaid).length;

/** A server that is away is what was dealt. What is thrown by our own code is never excused. */
const isBug = (complaint: string): boolean => !EXCUSED.some((words) => words.test(complaint));
const EXCUSED: readonly RegExp[] = [
  /"what":"nats_unavailable"/,
  /"what":"bus","err":\{"type":"Error","message":"the subscription of \S+ has ended"/,
  // Streams were deleted while a consumer of one of them was being made.
  /"what":"bus","err":\{"type":"NatsError","message":"(error creating store for consumer|stream not found)"/,
  /"what":"task redis matinee"/,
  /"what":"clock_off"/,
  // Who presses once more before the gateway has told of the first card's decline pays in the attempt that then failed.
  /"what":"payment_contradicts"/,
];

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

const summary = ({ told, counts, weather }: Load, dealt: number, heard: number, quietMs: number): string =>
  [
    `${dealt} blows, ${told.length} viewers: ${paidOf(told)} paid, ` +
      `${told.filter(({ hasWatched }) => hasWatched).length} watched, ${counts.declined} declined first, ` +
      `${counts.abandoned} left, ${counts.gaveUp} gave up, ${counts.stopped} stopped, ${counts.refundsAsked} refunds`,
    `calls: ${weather.cutOff} cut off, ${weather.unavailable} told to come again, ${weather.running} still running, ` +
      `${weather.limited} too many`,
    `quiet after ${seconds(quietMs)}, ${heard} facts heard`,
  ].join("\n");
