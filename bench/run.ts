import { b1 } from "./b1.ts";
import { b2 } from "./b2.ts";
import { b3 } from "./b3.ts";
import { c1 } from "./c1.ts";
import { commit } from "./commit.ts";
import { core } from "./core.ts";
import { e1 } from "./e1.ts";
import { e2 } from "./e2.ts";
import { e3 } from "./e3.ts";
import { m1 } from "./m1.ts";
import { o1 } from "./o1.ts";
import { p1 } from "./p1.ts";
import { p1b } from "./p1b.ts";
import { p1s } from "./p1s.ts";
import { p2 } from "./p2.ts";
import { p2s } from "./p2s.ts";
import { p3 } from "./p3.ts";
import { p4 } from "./p4.ts";
import { p4s } from "./p4s.ts";
import { p5 } from "./p5.ts";
import { q1 } from "./q1.ts";
import { r1 } from "./r1.ts";
import { dropAllMade } from "./support/database.ts";
import { type Goal, holds, type Line, lineOf } from "./support/goal.ts";
import { endAllStarted } from "./support/processes.ts";
import { endAllServers } from "./support/servers.ts";

// All goals, or those named on the command line, one after another. Fails if one does not hold or could not be measured.
const GOALS: readonly Goal[] = [
  core,
  commit,
  p1,
  p1s,
  p1b,
  p2,
  p2s,
  p3,
  p4,
  p4s,
  p5,
  e1,
  e2,
  e3,
  b1,
  b2,
  b3,
  q1,
  r1,
  c1,
  m1,
  o1,
];

const asked = process.argv.slice(2);
const unknown = asked.filter((id) => GOALS.every((goal) => goal.id !== id));
if (unknown.length > 0) {
  console.error(`There is no goal ${unknown.join(", ")}. There are ${GOALS.map(({ id }) => id).join(", ")}.`);
  process.exit(2);
}

const lines: Line[] = [];
const notes: string[] = [];
const failures: string[] = [];
let allHold = true;
for (const goal of GOALS.filter(({ id }) => asked.length === 0 || asked.includes(id))) {
  const { id, what, dividedBy } = goal;
  const told = dividedBy === null ? `${id}: ${what}` : `${id}: ${what}\n  / ${dividedBy}`;
  console.log(`\n${told}`);
  const startedAt = performance.now();
  try {
    const { figures, also = [] } = await goal.measure((line) => console.log(`  ${line}`));
    lines.push(...figures.map((one) => lineOf(goal, one)));
    notes.push([told, ...also.map((line) => `  ${line}`)].join("\n"));
    allHold &&= figures.every(holds);
  } catch (error) {
    failures.push(`NOT MEASURED ${id}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    endAllStarted();
    await endAllServers();
  }
  console.log(`  took ${Math.round((performance.now() - startedAt) / 1000)} s`);
}
await dropAllMade();

const table = [
  ["goal", "bound", "median", "min to max", "pairs", "ours", "p50 / p99", "verdict"],
  ...lines.map((line) => [
    line.goal,
    line.bound,
    line.median,
    line.spread,
    line.pairs,
    line.ours,
    line.waits,
    line.verdict,
  ]),
];
const widths = table.reduce<readonly number[]>(
  (wide, cells) => cells.map((cell, i) => Math.max(cell.length, wide[i] ?? 0)),
  [],
);
const printed = table.map((cells) =>
  cells
    .map((cell, i) => cell.padEnd(widths[i] ?? 0))
    .join("  ")
    .trimEnd(),
);
console.log(["", ...notes, "", ...printed, ...failures].join("\n"));
process.exit(allHold && failures.length === 0 ? 0 : 1);
