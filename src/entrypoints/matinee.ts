import { readFileSync } from "node:fs";
import { Command } from "commander";
import { z } from "zod";
import { fold } from "../core/billing/fold.ts";
import { rowsOf } from "../core/billing/rows.ts";
import { DEFAULT_POLICY } from "../core/policy.ts";
import { configured, opened, refuse } from "./boot.ts";
import { busCommands } from "./commands/bus.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { print, printJson, tell } from "./commands/output.ts";
import { serviceCommands } from "./commands/service.ts";
import { taskCommands } from "./commands/tasks.ts";
import { planOnFile } from "./operator.ts";
import { withOperator } from "./operator-access.ts";
import { applyPlans, FIRST_PLANS } from "./plans.ts";
import { progressOf } from "./progress.ts";

// The operator's command line. It works with the owner's rights: it changes tables.
const program = new Command("matinee").description("Subscription billing: the operator's command line");

program
  .command("migrate")
  .description("bring the database to the newest schema; safe to run again, and by two at once")
  .option("--json", "as JSON")
  .action(async (options: { readonly json?: true }) => {
    const { store } = await opened(configured(), null);
    await store.close();
    if (options.json) printJson({ schema: "up_to_date" });
    else print("The schema is up to date.");
  });

program
  .command("rebuild")
  .description("make every row that reads use again from events, and prove that it equals the live one")
  .option("--replace", "let the rebuilt rows take the place of the live ones")
  .option("--json", "print the report as JSON")
  .action(async (options: { readonly replace?: true; readonly json?: true }) => {
    const { store } = await opened(configured(), null);
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

const plans = program.command("plans").description("what is sold");
plans
  .command("ls")
  .description("all plans with their newest price")
  .option("--json", "as a file that `plans apply` takes")
  .action(async (options: { readonly json?: true }) => {
    const all = await withOperator((operator) => operator.plans());
    if (options.json) return print(JSON.stringify(all, null, 2));
    for (const { plan, status, price } of all) print(`${plan.padEnd(24)} ${status.padEnd(9)} ${JSON.stringify(price)}`);
  });
plans
  .command("example")
  .description("a file of plans to begin with")
  .action(() => print(JSON.stringify(FIRST_PLANS, null, 2)));
plans
  .command("apply <file>")
  .description("make the plans what the file says; plans that it does not name stay as they are")
  .action(async (file: string) => {
    const wanted = z.array(planOnFile).safeParse(JSON.parse(readFileSync(file, "utf8")));
    if (!wanted.success) return refuse(`${file} is no list of plans: ${z.prettifyError(wanted.error)}`);
    const { applied, refused } = await withOperator((operator) => applyPlans(operator, wanted.data));
    for (const { plan, did } of applied) print(`${plan}: ${did}`);
    if (refused !== null) return refuse(`Stopped at ${refused}`);
    if (applied.length === 0) print("Nothing to do: all is as the file says.");
  });

program
  .command("refund <invoice>")
  .description("give money of an invoice back: all that is left, or --amount")
  .option("--amount <amount>", "as in 100.00")
  .option("--end", "end the subscription that it paid for")
  .action(async (invoiceId: string, options: { readonly amount?: string; readonly end?: true }) =>
    withOperator(async (operator) => {
      const paid = (await operator.payments(invoiceId)).find(({ role }) => role === "settling");
      if (paid === undefined) return refuse(`Nothing was paid for ${invoiceId}.`);
      const { gatewayAccount, transactionId, left } = paid;
      const amount = { amount: options.amount ?? left.amount, currency: left.currency };
      const access = options.end ? "end" : "keep";
      tell(await operator.ask({ type: "payment.refund", invoiceId, gatewayAccount, transactionId, amount, access }));
    }),
  );

program
  .command("suspense")
  .description("money that waits for a person")
  .option("--json", "as JSON")
  .action(async (options: { readonly json?: true }) => {
    const waiting = await withOperator((operator) => operator.suspense());
    if (options.json) return print(JSON.stringify(waiting));
    for (const { since, kind, reason, transactionId, invoiceId, amount } of waiting)
      print([since, kind, reason, transactionId, invoiceId, amount].filter((cell) => cell !== null).join("  "));
    if (waiting.length === 0) print("Nothing waits.");
  });

program
  .command("sandbox")
  .description("what a client of the sandbox's gateway signs in with, as JSON")
  .action(async () => {
    const credentials = await withOperator((operator) => operator.sandbox());
    if (credentials === null) return refuse("There is no sandbox: the gateway is a real one.");
    print(JSON.stringify(credentials));
  });

program
  .command("do <command>")
  .description('any command, as JSON: {"type": "invoice.annul", "invoiceId": "inv_…"}')
  .action(async (text: string) => tell(await withOperator((operator) => operator.ask(JSON.parse(text)))));

busCommands(program);
taskCommands(program);
serviceCommands(program);
doctorCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  refuse(error instanceof Error ? error.message : String(error));
}
