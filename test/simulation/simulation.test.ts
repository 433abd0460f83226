import { afterAll, expect, test } from "bun:test";
import { Glob } from "bun";
import { MAY_ASK } from "../../src/core/billing/permissions.ts";
import { FACTS_HERE, WORK } from "./coverage.ts";
import { ASKS, BEHAVIOURS } from "./people.ts";
import { describe as descriptionOf, shrink } from "./shrink.ts";
import { type Story, tell } from "./story.ts";
import { FAULT_NAMES } from "./swarm.ts";

const LONG = process.env["LONG"] === "1";
const STEPS = Number(process.env["SIM_STEPS"] ?? (LONG ? 1_000_000 : 200_000));
/** Fresh seeds go on until then, also when the steps are done. */
const SECONDS = Number(process.env["SIM_SECONDS"] ?? (LONG ? 300 : 0));
/** The seeds that are told are this one and those behind it. */
const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const STEPS_OF_A_STORY = 2000;
/** One in a hundred is told twice, and three at the least. */
const TOLD_TWICE = 3;

const seen = new Map<string, number>();
const faults = new Map<string, number>();
const totals = { seeds: 0, steps: 0 };

const add = (to: Map<string, number>, counts: ReadonlyMap<string, number>): void => {
  for (const [what, times] of counts) to.set(what, (to.get(what) ?? 0) + times);
};
const commandsIn = (source: string): readonly string[] =>
  [...source.matchAll(/type: "([a-z]+\.[a-z_]+)"/g)]
    .map(([, type = ""]) => type)
    .filter((type) => Object.hasOwn(MAY_ASK, type));
/** Plans are set up before a story begins. */
const unasked = (given: readonly string[]): readonly string[] =>
  given.filter((type) => !type.startsWith("plan.") && !Object.hasOwn(ASKS, type));
const tellNext = async (seed: number): Promise<Story> => {
  const story = await tell({ seed, steps: STEPS_OF_A_STORY, without: [] });
  if (story.failure !== null) throw new Error(descriptionOf(story, await shrink(story)));
  totals.seeds += 1;
  totals.steps += story.steps;
  add(seen, story.seen);
  add(faults, story.faults);
  return story;
};

test(
  "whatever fails, in whatever order, all comes to rest with the gateway's books and ours equal to the kopeck",
  async () => {
    const began = performance.now();
    let [seeds, steps, twice] = [0, 0, 0];
    while (steps < STEPS || performance.now() - began < SECONDS * 1000) {
      const story = await tellNext(SEED + seeds);
      seeds += 1;
      steps += story.steps;
      if (twice >= Math.max(TOLD_TWICE, seeds / 100)) continue;
      const again = await tell(story.plan);
      expect({ plan: story.plan, hash: again.hash }).toEqual({ plan: story.plan, hash: story.hash });
      twice += 1;
    }
    expect(steps).toBeGreaterThanOrEqual(STEPS);
    expect(twice).toBeGreaterThanOrEqual(TOLD_TWICE);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`simulation: ${steps} steps of ${seeds} seeds in ${seconds} s, ${twice} of them told twice`);
  },
  { timeout: 7_200_000 },
);

test(
  "the stories are not dull: each fact, fault, behaviour and kind of work is met",
  async () => {
    const wanted = [
      ...FACTS_HERE,
      ...BEHAVIOURS.map((name) => `does ${name}`),
      ...Object.keys(WORK).map((kind) => `work ${kind} done`),
      ...["accepted", "not_now", "closed", "other_account", "other_amount"].map((verdict) => `check ${verdict}`),
      ...["intake_suspended", "payment_mismatched", "payment_contradicts", "refund_refused"].map(
        (what) => `reports ${what}`,
      ),
      ...[true, false].flatMap((may) => ["read", "remembered"].map((how) => `may watch: ${may}, ${how}`)),
      "may watch: remembered, as it was a moment ago",
      "hears of a gap",
    ];
    const missing = () => [
      ...wanted.filter((what) => !seen.has(what)),
      ...Object.values(WORK).flatMap((facts) => facts.filter((fact) => !seen.has(fact))),
      ...FAULT_NAMES.filter((name) => !faults.has(name)),
    ];
    // The rarest things may be missing from a few stories: then some more are told.
    for (let seed = SEED + 1_000_000; missing().length > 0 && seed < SEED + 1_000_500; seed += 1) await tellNext(seed);
    expect(missing()).toEqual([]);
  },
  { timeout: 600_000 },
);

test("a seed tells one story and another seed another", async () => {
  const [one, same, other] = [
    await tell({ seed: 7, steps: 500, without: [] }),
    await tell({ seed: 7, steps: 500, without: [] }),
    await tell({ seed: 8, steps: 500, without: [] }),
  ];
  expect(one.hash).toBe(same.hash);
  expect(one.hash).not.toBe(other.hash);
});

test("every command that a route or the command line gives is asked by somebody", async () => {
  const given: string[] = [];
  for (const room of ["adapters/http", "entrypoints"]) {
    const path = new URL(`../../src/${room}/`, import.meta.url).pathname;
    for await (const file of new Glob("**/*.ts").scan(path))
      given.push(...commandsIn(await Bun.file(path + file).text()));
  }
  expect(given.length).toBeGreaterThan(0);
  expect(unasked(given)).toEqual([]);
});

test("a command that nobody asks is noticed", () => {
  expect(unasked(commandsIn('ask({ type: "invoice.offer" }); ask({ type: "invoice.charge" })'))).toEqual([
    "invoice.charge",
  ]);
});

afterAll(() => {
  const list = (counts: ReadonlyMap<string, number>) =>
    [...counts]
      .sort(([, a], [, b]) => b - a)
      .map(([what, times]) => `${what} ${times}`)
      .join(", ");
  const facts = new Map([...seen].filter(([what]) => FACTS_HERE.includes(what)));
  console.log(
    [
      `simulation: ${totals.steps} steps of ${totals.seeds} seeds from ${SEED} on, in all`,
      `faults: ${list(faults)}`,
      `facts, ${facts.size} of ${FACTS_HERE.length} types: ${list(facts)}`,
    ].join("\n"),
  );
});
