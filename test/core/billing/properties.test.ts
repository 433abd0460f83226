import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import type { InvoiceStatus } from "../../../src/core/invoice/invoice.ts";
import type { Subscription } from "../../../src/core/subscription/subscription.ts";
import { EVENT_TYPES } from "../../support/event-types.ts";
import { LONG, rarestOf, SEED } from "../chance.ts";
import { COMMAND_TYPES } from "./commands.ts";
import { isDoneOnce, isKept, type Step, step, stories } from "./happenings.ts";
import { booksAgree, heal, nothingWaits, rowsFollowFromEvents, secondRunIsTheSame } from "./healing.ts";
import { openWorld, type World } from "./world.ts";

const RUNS = LONG ? 3000 : 300;
const STEPS = 160;

const totals = { stories: 0, commands: 0, events: 0 };
const seen = new Map<string, number>();

const live = async (story: readonly Step[]): Promise<World> => {
  const world = await openWorld();
  for (const [i, one] of story.entries()) {
    await step(world, one);
    if (i % 25 === 24) await rowsFollowFromEvents(world);
  }
  return world;
};
const count = ({ log, ledger }: World): void => {
  totals.stories += 1;
  totals.commands += log.length;
  totals.events += ledger.counted();
  for (const [what, times] of ledger.seen) seen.set(what, (seen.get(what) ?? 0) + times);
};

test(
  "whatever is asked and told in a cinema, in whatever order, its books are right and nothing hangs",
  async () => {
    const told = fc.asyncProperty(stories(STEPS), async (story) => {
      const world = await live(story);
      await rowsFollowFromEvents(world);
      await heal(world);
      await nothingWaits(world);
      await booksAgree(world);
      if (totals.stories % 5 === 0) await secondRunIsTheSame(world);
      for (const one of world.log.filter(isKept)) await isDoneOnce(world, one);
      await rowsFollowFromEvents(world);
      count(world);
    });
    await fc.assert(told, { numRuns: RUNS, seed: SEED });
    expect(totals.stories).toBeGreaterThanOrEqual(RUNS);
    expect(totals.commands).toBeGreaterThan(RUNS * 100);
  },
  { timeout: 6_000_000 },
);

test(
  "the stories are not dull: each command takes effect in some, each event and each status is met",
  async () => {
    const wanted = [
      ...COMMAND_TYPES.map((type) => `took effect: ${type}`),
      ...EVENT_TYPES,
      ...INVOICES.map((status) => `invoice ${status}`),
      ...SUBSCRIPTIONS.map((status) => `subscription ${status}`),
    ];
    const missing = () => wanted.filter((what) => !seen.has(what));
    for (const story of fc.sample(stories(STEPS), { numRuns: 400, seed: SEED + 1 })) {
      if (missing().length === 0) break;
      const world = await live(story);
      await heal(world);
      count(world);
    }
    expect(missing()).toEqual([]);
  },
  { timeout: 600_000 },
);

afterAll(() => {
  const told = `${totals.stories} stories, ${totals.commands} commands, ${totals.events} events`;
  console.log(`billing properties: ${told}, seed ${SEED}; rarest: ${rarestOf(seen, 4)}`);
});

const INVOICES = Object.keys({
  open: true,
  processing: true,
  paid: true,
  partly_refunded: true,
  refunded: true,
  void: true,
  expired: true,
  uncollectible: true,
} satisfies Record<InvoiceStatus, true>);
const SUBSCRIPTIONS = Object.keys({
  incomplete: true,
  trialing: true,
  active: true,
  past_due: true,
  paused: true,
  ended: true,
} satisfies Record<Exclude<Subscription["status"], "absent">, true>);
