import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { bullmqTasks } from "../../src/adapters/bullmq/tasks.ts";
import { postgresJs } from "../../src/adapters/postgres/postgres-js.ts";
import { formatInstant } from "../../src/core/time.ts";
import { START } from "../support/cinema.ts";
import { hasOwnRedis, type OwnRedis, ownRedis } from "../support/own-redis.ts";
import { type Ended, expectSentence, runProgram } from "../support/program.ts";
import { dropDatabases, freshDatabase, hasPostgres } from "../support/services.ts";
import { until } from "../support/until.ts";

const KEY = "0f".repeat(32);
const AWAY = "127.0.0.1:1";
const ROW = { kind: "send_refund", subject: "rfd_1", stream: "invoice/x", accountId: null, dueAt: START };
const ID = `send_refund.rfd_1.${START}`;
type Settings = Readonly<Record<string, string>>;
const matinee = (settings: Settings, ...args: readonly string[]): Promise<Ended> =>
  runProgram("matinee", settings, ...args).ended();
const listed = z.object({
  due: z.array(z.object({ kind: z.string(), subject: z.string(), dueAt: z.string() })),
  tasks: z.array(z.object({ id: z.string(), state: z.string(), throws: z.number(), runsAt: z.number().nullable() })),
});

describe.skipIf(!hasPostgres || !hasOwnRedis)("timed work on PostgreSQL and Redis", () => {
  let server: OwnRedis;
  let settings: Settings;
  beforeAll(async () => {
    server = await ownRedis();
    const url = await freshDatabase();
    settings = { DATABASE_URL: url, REDIS_URL: server.url, VAULT_KEY: KEY, SANDBOX_URL: `http://${AWAY}` };
    await matinee(settings, "migrate");
    const driver = postgresJs({ url, max: 1, role: null });
    await driver.query(
      "insert into billing.due (kind, subject, stream, due_at) values ('send_refund', 'rfd_1', 'invoice/x', $1::timestamptz)",
      [formatInstant(START)],
    );
    await driver.close();
  });
  afterAll(async () => {
    await server.destroy();
    await dropDatabases();
  });
  const tasks = (...args: readonly string[]): Promise<Ended> => matinee(settings, "tasks", ...args);
  const list = async () => listed.parse(JSON.parse((await tasks("ls", "--json")).out));

  test("ls shows what is due and what is queued for it, and retry has what is put off taken at once", async () => {
    const due = { kind: "send_refund", subject: "rfd_1", dueAt: formatInstant(START) };
    expect(await list()).toEqual({ due: [due], tasks: [] });
    const worker = bullmqTasks({ url: server.url, onError: () => undefined });
    let runs = 0;
    await worker.add([ROW]);
    await worker.work(["send_refund"], async () => {
      runs += 1;
      return runs === 1 ? { status: "later", afterMs: 3_600_000, because: "the gateway is away" } : { status: "done" };
    });
    try {
      await until("it is put off", async () => (await list()).tasks[0]?.state === "delayed");
      const [put] = (await list()).tasks;
      expect(put).toMatchObject({ id: ID, state: "delayed", throws: 0 });
      expect((put?.runsAt ?? 0) - Date.now()).toBeGreaterThan(3_500_000);
      const { out } = await tasks("ls");
      expect(out).toMatch(/^DUE +SUBJECT +SINCE\nsend_refund +rfd_1 +2026/);
      expect(out).toMatch(new RegExp(`\nTASK +STATE +THROWN +RUNS\n${ID} +delayed +0 +\\d{4}-`));

      expect(await tasks("retry", ID)).toEqual({ out: `${ID} is taken now.\n`, err: "", exitCode: 0 });
      await until("it is taken", () => runs === 2);
      // It is done: there is nothing to be taken any more.
      expectSentence(await tasks("retry", ID), `${ID} is no task that is put off; tasks ls tells which there are.`);
    } finally {
      await worker.close();
    }
  });

  test("an unknown task and a number that is none are refused in a sentence", async () => {
    const [unknown, strange, count] = await Promise.all([
      tasks("retry", "send_refund.rfd_9.1"),
      tasks("retry", "nothing"),
      tasks("ls", "--most", "many"),
    ]);
    for (const ended of [unknown, strange]) expectSentence(ended, "tasks ls tells which there are.");
    expectSentence(count, "--most is a whole number");
  });

  test("with Redis away each says so within 10 s and names the setting, without its password", async () => {
    const away = { ...settings, REDIS_URL: `redis://app:hunter2@${AWAY}` };
    const begun = performance.now();
    const all = [["ls"], ["ls", "--json"], ["retry", ID]];
    for (const ended of await Promise.all(all.map((args) => matinee(away, "tasks", ...args))))
      expectSentence(ended, "Start it, or correct REDIS_URL.");
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  test("where tasks are embedded each says so, and JSON is JSON", async () => {
    const { REDIS_URL: _, ...embedded } = settings;
    const [ls, list, retry] = await Promise.all([
      matinee(embedded, "tasks", "ls"),
      matinee(embedded, "tasks", "ls", "--json"),
      matinee(embedded, "tasks", "retry", ID),
    ]);
    expect(ls).toEqual({ out: expect.stringContaining("Tasks are embedded"), err: "", exitCode: 0 });
    expect(JSON.parse(list.out)).toMatchObject({ due: [{ subject: "rfd_1" }], tasks: [] });
    expectSentence(retry, "Tasks are embedded");
  });
});

test("with the database away it is said, and wrong settings end it with 78", async () => {
  const away = { DATABASE_URL: `postgres://app:hunter2@${AWAY}/matinee`, VAULT_KEY: KEY };
  expectSentence(await matinee(away, "tasks", "ls"), "correct DATABASE_URL");
  expectSentence(await matinee({ REDIS_URL: "hunter2" }, "tasks", "ls"), "REDIS_URL: expected", 78);
});

test("help lists all that there is", async () => {
  const { out, exitCode } = await matinee({}, "tasks", "--help");
  for (const word of ["ls", "retry"]) expect(out).toMatch(new RegExp(`^  ${word}\\b`, "m"));
  expect(exitCode).toBe(0);
});
