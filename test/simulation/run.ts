import { parseArgs } from "node:util";
import { describe, replayOf, shrink } from "./shrink.ts";
import { type Story, tell } from "./story.ts";

// The simulation by hand: one seed, or fresh ones until one fails or the time is over.

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    steps: { type: "string", default: "2000" },
    without: { type: "string", default: "" },
    seconds: { type: "string", default: "10" },
    trace: { type: "boolean", default: false },
  },
});
const steps = Number(values.steps);
const without = values.without.split(",").filter((name) => name !== "");
const TOLD_EACH_MS = 10_000;

const tellOne = async (seed: number): Promise<Story> => {
  const story = await tell({ seed, steps, without }, values.trace ? console.log : undefined);
  if (story.failure === null) console.log(`${story.steps} steps, trace ${story.hash}`);
  return story;
};

const tellFresh = async (): Promise<Story> => {
  const end = performance.now() + Number(values.seconds) * 1000;
  let [seeds, done, nextAt] = [0, 0, performance.now() + TOLD_EACH_MS];
  for (;;) {
    const story = await tell({ seed: Math.floor(Math.random() * 2 ** 32), steps, without });
    [seeds, done] = [seeds + 1, done + story.steps];
    const now = performance.now();
    const isOver = story.failure !== null || now >= end;
    if (isOver || now >= nextAt) {
      console.log(`${seeds} seeds, ${done} steps; the last: ${replayOf(story.plan)}`);
      nextAt += TOLD_EACH_MS;
    }
    if (isOver) return story;
  }
};

const story = values.seed === undefined ? await tellFresh() : await tellOne(Number(values.seed));
if (story.failure !== null) {
  console.log(values.trace ? story.failure : describe(story, await shrink(story)));
  process.exitCode = 1;
}
