import { SingleBar } from "cli-progress";
import { Command } from "commander";
import { fold } from "../core/billing/fold.ts";
import { rowsOf } from "../core/billing/rows.ts";
import { DEFAULT_POLICY } from "../core/policy.ts";
import { openStore } from "./assemble.ts";
import { type Config, describeComplaints, EXIT_CONFIG, readConfig } from "./config.ts";

// The operator's command line.
const configured = (): Config => {
  const read = readConfig(process.env);
  if (read.ok) return read.config;
  process.stderr.write(`${describeComplaints(read.complaints)}\n`);
  process.exit(EXIT_CONFIG);
};

const program = new Command("matinee").description("Subscription billing: the operator's command line");

program
  .command("migrate")
  .description("bring the database to the newest schema; safe to run again, and by two at once")
  .action(async () => {
    const store = await openStore(configured());
    await store.close();
    process.stdout.write("The schema is up to date.\n");
  });

program
  .command("rebuild")
  .description("make every row that reads use again from events, and prove that it equals the live one")
  .option("--replace", "let the rebuilt rows take the place of the live ones")
  .option("--json", "print the report as JSON")
  .action(async (options: { readonly replace?: true; readonly json?: true }) => {
    const store = await openStore(configured());
    const progress = progressOf("rebuild");
    const report = await store.rebuild(
      options.replace ? "replace" : "check",
      (stream, events) => rowsOf(fold(stream, events), DEFAULT_POLICY),
      progress.show,
    );
    progress.end();
    await store.close();
    if (!report.ok) throw new Error(`The database did not answer: ${report.error.code}`);
    const { events, streams, differences, identical } = report.value;
    if (options.json) process.stdout.write(`${JSON.stringify(report.value)}\n`);
    else {
      process.stdout.write(
        `${events} events of ${streams} streams: ${identical ? "all rows identical" : `${differences.length} rows differ`}.\n`,
      );
      for (const { table, key, how } of differences) process.stdout.write(`  ${table} ${key}: ${how}\n`);
    }
    process.exitCode = identical || options.replace ? 0 : 1;
  });

/** A bar on a terminal; elsewhere a line each 5 seconds. */
const progressOf = (name: string): { show(done: number, all: number): void; end(): void } => {
  if (process.stderr.isTTY) {
    const bar = new SingleBar({
      format: `${name} [{bar}] {percentage}% {value}/{total} streams, {eta_formatted} left`,
      stream: process.stderr,
    });
    let started = false;
    return {
      show: (done, all) => {
        if (!started) bar.start(all, done);
        started = true;
        bar.update(done);
      },
      end: () => bar.stop(),
    };
  }
  let printedAt = 0;
  return {
    show: (done, all) => {
      if (performance.now() - printedAt < 5000) return;
      printedAt = performance.now();
      process.stderr.write(`${name}: ${done} of ${all} streams\n`);
    },
    end: () => undefined,
  };
};

await program.parseAsync();
