import { Command } from "commander";
import { fold } from "../core/billing/fold.ts";
import { rowsOf } from "../core/billing/rows.ts";
import { DEFAULT_POLICY } from "../core/policy.ts";
import { configured, opened } from "./boot.ts";
import { progressOf } from "./progress.ts";

// The operator's command line. It works with the owner's rights: it changes tables.
const program = new Command("matinee").description("Subscription billing: the operator's command line");

program
  .command("migrate")
  .description("bring the database to the newest schema; safe to run again, and by two at once")
  .action(async () => {
    const store = await opened(configured(), null);
    await store.close();
    process.stdout.write("The schema is up to date.\n");
  });

program
  .command("rebuild")
  .description("make every row that reads use again from events, and prove that it equals the live one")
  .option("--replace", "let the rebuilt rows take the place of the live ones")
  .option("--json", "print the report as JSON")
  .action(async (options: { readonly replace?: true; readonly json?: true }) => {
    const store = await opened(configured(), null);
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

await program.parseAsync();
