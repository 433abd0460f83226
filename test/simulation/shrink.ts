import { type Plan, type Story, SWITCHES, tell } from "./story.ts";

/** Words of a claim before its facts: what makes two failures the same. */
const claimOf = ({ failure }: Story): string => failure?.split(": ").slice(0, 2).join(": ") ?? "";

/**
 * The same failure with less in it: faults, behaviours and people are left out one by one, then steps. What is kept fails
 * in the same way.
 */
export const shrink = async (failed: Story, tries = 200): Promise<Story> => {
  let least = failed;
  let left = tries;
  const isKept = async (plan: Plan): Promise<boolean> => {
    if (left <= 0) return false;
    left -= 1;
    const story = await tell(plan);
    const isSame = story.failure !== null && claimOf(story) === claimOf(failed);
    if (isSame) least = story;
    return isSame;
  };
  const cut = (steps: number): Promise<boolean> => isKept({ ...least.plan, steps });
  if (least.steps < least.plan.steps) await cut(least.steps);
  for (const name of SWITCHES)
    if (!least.plan.without.includes(name)) await isKept({ ...least.plan, without: [...least.plan.without, name] });
  for (let part = Math.floor(least.plan.steps / 2); part >= 1 && left > 0; part = Math.floor(part / 2))
    while (least.plan.steps > part && (await cut(least.plan.steps - part))) if (left <= 0) break;
  return least;
};

export const replayOf = ({ seed, steps, without }: Plan): string => {
  const less = without.length === 0 ? "" : ` --without=${without.join(",")}`;
  return `bun run simulate --seed=${seed} --steps=${steps}${less}`;
};

/** What a person needs who was not there. */
export const describe = (failed: Story, least: Story): string =>
  [
    `the story of seed ${failed.plan.seed} fails after ${failed.steps} steps: ${failed.failure}`,
    `replay it: ${replayOf(failed.plan)}`,
    `with less in it, after ${least.steps} steps: ${replayOf(least.plan)}`,
    ...least.lastLines.slice(-60),
    `${least.failure}`,
  ].join("\n");
