import { DAY_MS, formatInstant, type Instant, plusMs } from "../../src/core/time.ts";
import { START } from "../support/cinema.ts";
import { openDice } from "../support/dice.ts";
import { allIsWell, heal, rowsFollowFromEvents } from "./healing.ts";
import { act, BEHAVIOURS, type Viewer } from "./people.ts";
import { openScheduler } from "./scheduler.ts";
import { drawSwarm, FAULT_NAMES, openFaults, type Swarm } from "./swarm.ts";
import { openWorld, type World } from "./world.ts";

/** All that a story depends on. */
export type Plan = {
  readonly seed: number;
  /** After these all faults heal. */
  readonly steps: number;
  /** Names of faults, behaviours and people that are left out. */
  readonly without: readonly string[];
};
export type Story = {
  readonly plan: Plan;
  /** The claim that does not hold; null: all went well. */
  readonly failure: string | null;
  /** With those of the healing. */
  readonly steps: number;
  /** SHA-256 over every line of the trace. */
  readonly hash: string;
  readonly lastLines: readonly string[];
  readonly faults: ReadonlyMap<string, number>;
  /** What happened how often: events by type, behaviours, answers, work. */
  readonly seen: ReadonlyMap<string, number>;
};

/** What a story may be told without. */
export const SWITCHES: readonly string[] = [...FAULT_NAMES, ...BEHAVIOURS, "others", "crowd", "staff", "desk"];

/** Periods last 28 days at least, and are announced 3 days before they end: renewals are another story. */
const LASTS_MS = 12 * DAY_MS;
const LINES_KEPT = 200;

export const tell = async (plan: Plan, hear: (line: string) => void = () => undefined): Promise<Story> => {
  const dice = openDice(plan.seed);
  const without = new Set(plan.without);
  const drawn = drawSwarm(dice, BEHAVIOURS, without);
  const swarm: Swarm = {
    ...drawn,
    viewers: without.has("others") ? 1 : drawn.viewers,
    crowd: without.has("crowd") ? 1 : drawn.crowd,
  };
  const trace = openTrace(hear);
  const seen = new Map<string, number>();
  const failures: unknown[] = [];
  const fail = (error: unknown): void => void failures.push(error);
  const scheduler = openScheduler(dice, START, (step, at, owner, what) =>
    trace.add(`${step} ${formatInstant(at)} ${owner}: ${what}`),
  );
  const faults = openFaults(dice, swarm);
  const world = await openWorld({ scheduler, dice, faults, fail }, swarm, {
    note: trace.add,
    count: (what) => void seen.set(what, (seen.get(what) ?? 0) + 1),
  });

  const isOver = (): boolean => scheduler.steps() >= plan.steps || scheduler.now() >= plusMs(START, LASTS_MS);
  /** Rows change by commits alone. */
  let checked = 0;
  const step = async (until: Instant): Promise<boolean> => {
    const isMore = await scheduler.step(until);
    await world.look();
    if (world.commits() !== checked) await rowsFollowFromEvents(world);
    checked = world.commits();
    if (failures.length > 0) throw failures[0];
    return isMore;
  };
  try {
    people(world, isOver, without);
    await world.look();
    while (!isOver()) if (!(await step(plusMs(START, LASTS_MS)))) break;
    await heal(world, step);
    await allIsWell(world);
  } catch (error) {
    failures.unshift(error);
  }
  for (const [what, times] of world.ledger.seen) seen.set(what, times);
  return {
    plan,
    failure: failures.length === 0 ? null : messageOf(failures[0]),
    steps: scheduler.steps(),
    hash: trace.hash(),
    lastLines: trace.lastLines,
    faults: faults.seen,
    seen,
  };
};

/** Everybody goes about their own business until the story is over. */
const people = (world: World, isOver: () => boolean, without: ReadonlySet<string>): void => {
  const { dice, swarm, viewers, fail } = world;
  const live = async (by: Parameters<typeof act>[1], whom: () => Viewer | null, slowness: number): Promise<void> => {
    while (!isOver()) {
      await world.pause(dice.about(swarm.paceMs / 10, swarm.paceMs * 10) * slowness);
      const viewer = whom();
      if (viewer !== null && !isOver()) await act(world, by, viewer);
    }
  };
  const anybody = (): Viewer | null => dice.pick(viewers);
  for (const viewer of viewers) live("viewer", () => viewer, 1).catch(fail);
  if (!without.has("staff")) live("staff", anybody, 3).catch(fail);
  if (!without.has("desk")) live("gateway", anybody, 6).catch(fail);
};

const openTrace = (hear: (line: string) => void) => {
  const hasher = new Bun.CryptoHasher("sha256");
  const lastLines: string[] = [];
  return {
    lastLines,
    add: (line: string): void => {
      hasher.update(`${line}\n`);
      lastLines.push(line);
      if (lastLines.length > LINES_KEPT) lastLines.shift();
      hear(line);
    },
    hash: () => hasher.digest("hex"),
  };
};

const messageOf = (error: unknown): string =>
  error instanceof Error ? (error.name === "Error" ? error.message : `${error.name}: ${error.message}`) : String(error);
