import { dropAllMade } from "./database.ts";
import { type Goal, holds, lineOf } from "./goal.ts";

/** Runs one goal by itself. Its figures are the last lines; if one does not hold the process fails. */
export const runAlone = async (goal: Goal): Promise<void> => {
  try {
    const { figures, also = [] } = await goal.measure(console.log);
    for (const line of also) console.log(line);
    for (const one of figures) {
      const line = lineOf(goal, one);
      console.log(
        `${line.goal}: ${line.median} (${line.spread} of ${line.pairs}), must be ${line.bound}: ${line.verdict}`,
      );
    }
    process.exitCode = figures.every(holds) ? 0 : 1;
  } finally {
    await dropAllMade();
  }
  process.exit();
};
