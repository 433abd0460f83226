import type { Command } from "commander";
import { bullmqTaskList, type TaskList } from "../../adapters/bullmq/task-list.ts";
import { formatInstant } from "../../core/time.ts";
import { WORK_KINDS } from "../../core/work/work.ts";
import { configured } from "../boot.ts";
import { withOperator } from "../operator-access.ts";
import { fail, print, printJson, printTable, wholeNumber } from "./output.ts";

/** `matinee tasks …`: what is due, and what the queue makes of it. */
export const taskCommands = (program: Command): void => {
  const tasks = program.command("tasks").description("timed work: what is due, and what is queued for it");

  tasks
    .command("ls")
    .description("what is due, and with REDIS_URL the tasks that run, wait or are put off")
    .option("-n, --most <count>", "of each kind and state", wholeNumber("--most"), 50)
    .option("--json", "as JSON")
    .action(async (options: { readonly most: number; readonly json?: true }) => {
      const due = await withOperator((operator) => operator.due());
      const queued = configured().redis === null ? null : await onQueues((list) => list.tasks(options.most));
      if (queued !== null && !queued.ok) return fail(away(queued.error.detail));
      const listed = queued?.value ?? [];
      if (options.json) return printJson({ due, tasks: listed });
      printTable(
        ["DUE", "SUBJECT", "SINCE"],
        due.map(({ kind, subject, dueAt }) => [kind, subject, dueAt]),
        "Nothing is due.",
      );
      if (queued === null) return print("Tasks are embedded: they are kept in the process that works on them.");
      printTable(
        ["TASK", "STATE", "THROWN", "RUNS"],
        listed.map(({ id, state, throws, runsAt }) => [
          id,
          state,
          throws,
          runsAt === null ? null : formatInstant(runsAt),
        ]),
        "No task is queued.",
      );
    });

  tasks
    .command("retry <id>")
    .description("have a task that is put off taken at once")
    .option("--json", "as JSON")
    .action(async (id: string, options: { readonly json?: true }) => {
      if (configured().redis === null) return fail("Tasks are embedded: what is due is taken by the next sweep.");
      const retried = await onQueues((list) => list.retry(id));
      if (retried.ok) return options.json ? printJson({ retried: id }) : print(`${id} is taken now.`);
      return retried.error.code === "task_not_put_off"
        ? fail(`${id} is no task that is put off; tasks ls tells which there are.`)
        : fail(away(retried.error.detail));
    });
};

const onQueues = async <T>(ask: (list: TaskList) => Promise<T>): Promise<T> => {
  const { redis } = configured();
  if (redis === null) throw new Error("REDIS_URL is not set");
  const list = bullmqTaskList({ url: redis.url }, WORK_KINDS);
  try {
    return await ask(list);
  } finally {
    await list.close();
  }
};
const away = (detail: string): string => `Redis does not answer (${detail}). Start it, or correct REDIS_URL.`;
