import { parseArgs } from "node:util";
import { chaos } from "./chaos.ts";

// A free run: bun test/crash/chaos/run.ts --seed=1 --seconds=600
const { values } = parseArgs({ options: { seed: { type: "string" }, seconds: { type: "string" } } });
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const seconds = Number(values.seconds ?? 0);
const complaints = await chaos({ seed, atLeastMs: seconds * 1000, isLong: seconds > 0, print });
for (const complaint of complaints) print(`FAILED: ${complaint}`);
print(complaints.length === 0 ? "All adds up." : `${complaints.length} complaints, seed ${seed}`);
process.exit(complaints.length === 0 ? 0 : 1);
