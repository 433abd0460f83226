import { commit } from "./commit.ts";
import { core } from "./core.ts";
import { p1b } from "./p1b.ts";
import { p2 } from "./p2.ts";
import { r1 } from "./r1.ts";
import { type Goal, judge, type Verdict } from "./support/goal.ts";
import { percent } from "./support/rounds.ts";

// All goals, or those named on the command line, one after another. Fails if one is below its floor or could not be measured.
const GOALS: readonly Goal[] = [core, commit, p1b, p2, r1];

const asked = process.argv.slice(2);
const unknown = asked.filter((id) => GOALS.every((goal) => goal.id !== id));
if (unknown.length > 0) {
  console.error(`There is no goal ${unknown.join(", ")}. There are ${GOALS.map(({ id }) => id).join(", ")}.`);
  process.exit(2);
}

const verdicts: Verdict[] = [];
const failures: string[] = [];
for (const goal of GOALS.filter(({ id }) => asked.length === 0 || asked.includes(id))) {
  console.log(`\n${goal.id}: ${goal.what}\n  divided by ${goal.dividedBy}`);
  try {
    verdicts.push(await judge(goal, (line) => console.log(`  ${line}`)));
  } catch (error) {
    failures.push(`${goal.id}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const lineOf = (verdict: Verdict): readonly string[] => [
  verdict.id,
  percent(verdict.floor),
  percent(verdict.median),
  `${percent(verdict.lowest)} to ${percent(verdict.highest)}`,
  `${verdict.pairs} (${verdict.voided} void)`,
  `${Math.round(verdict.perSecond).toLocaleString("en")}/s`,
  verdict.p50Ms === null ? "" : `${verdict.p50Ms.toFixed(1)} / ${verdict.p99Ms?.toFixed(1)} ms`,
  verdict.holds ? "holds" : "BELOW",
];
const table = [
  ["goal", "floor", "median", "min to max", "pairs", "ours", "p50 / p99", "verdict"],
  ...verdicts.map(lineOf),
];
const widths = table.reduce<readonly number[]>(
  (wide, line) => line.map((cell, i) => Math.max(cell.length, wide[i] ?? 0)),
  [],
);
console.log("");
for (const line of table)
  console.log(
    line
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
for (const { id, what, dividedBy, also } of verdicts)
  console.log([`${id}: ${what}`, `  / ${dividedBy}`, ...also.map((line) => `  ${line}`)].join("\n"));
for (const failure of failures) console.log(`NOT MEASURED ${failure}`);
process.exit(failures.length === 0 && verdicts.every(({ holds }) => holds) ? 0 : 1);
