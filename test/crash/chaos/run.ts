import { parseArgs } from "node:util";
import { chaos } from "./chaos.ts";

// A free run: bun test/crash/chaos/run.ts --seed=1 --seconds=600 --payments=1000 --viewers=24
const text = { type: "string" } as const;
const { values } = parseArgs({ options: { seed: text, seconds: text, payments: text, viewers: text } });
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const [seconds, payments] = [Number(values.seconds ?? 0), Number(values.payments ?? 0)];
const complaints = await chaos({
  seed,
  atLeastMs: seconds * 1000,
  atLeastPaid: payments,
  isLong: seconds > 0 || payments > 0,
  ...(values.viewers === undefined ? {} : { viewers: Number(values.viewers) }),
  print,
});
for (const complaint of complaints) print(`FAILED: ${complaint}`);
print(complaints.length === 0 ? "All adds up." : `${complaints.length} complaints, seed ${seed}`);
process.exit(complaints.length === 0 ? 0 : 1);
