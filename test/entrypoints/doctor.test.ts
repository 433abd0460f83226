import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { inspectPostgres } from "../../src/adapters/postgres/inspect.ts";
import { hasOwnNats, type OwnNats, ownNats } from "../support/own-nats.ts";
import { hasOwnRedis, type OwnRedis, ownRedis } from "../support/own-redis.ts";
import { expectSentence, newFolder, runProgram } from "../support/program.ts";
import { dropDatabases, freshDatabase, hasPostgres } from "../support/services.ts";
import { openSeveral, type Several } from "../support/several.ts";

const findings = z.array(z.object({ check: z.string(), is: z.enum(["ok", "warn", "fail"]), detail: z.string() }));
type Finding = z.output<typeof findings>[number];
const failed = (all: readonly Finding[]): readonly string[] =>
  all.filter(({ is }) => is === "fail").map(({ check }) => check);

const folder = newFolder();
afterAll(folder.remove);

describe.skipIf(!hasPostgres || !hasOwnNats || !hasOwnRedis)("the doctor of several processes", () => {
  let nats: OwnNats;
  let redis: OwnRedis;
  let several: Several;
  beforeAll(async () => {
    [nats, redis] = await Promise.all([ownNats(), ownRedis()]);
    several = openSeveral({ databaseUrl: await freshDatabase(), natsUrl: nats.url, redisUrl: redis.url });
    await several.start("sandbox", "api", "consumer");
  });
  afterAll(async () => {
    await several.close();
    await Promise.all([nats.destroy(), redis.destroy()]);
    await dropDatabases();
  });
  const asks = async (over: Readonly<Record<string, string>>) => {
    const { out, err, exitCode } = await several.matinee(["doctor", "--json"], over);
    expect([err, out]).toEqual(["", expect.not.stringContaining("hunter2")]);
    return { found: findings.parse(JSON.parse(out)), exitCode };
  };

  test("finds nothing wrong with what is healthy, and ends with 0", async () => {
    const { found, exitCode } = await asks({});
    expect([exitCode, failed(found)]).toEqual([0, []]);
    const checks = ["settings", "database", "clock", "outbox", "letters", "bus", "tasks", "gateway", "address"];
    expect(new Set(found.map(({ check }) => check))).toEqual(new Set(checks));
    // One server alone is a warning: nothing is wrong as long as its disk is not.
    expect(found.filter(({ is }) => is === "warn").map(({ check }) => check)).toEqual(["bus", "bus"]);
    const { out } = await several.matinee(["doctor"]);
    expect(out).toMatch(/^ok {4}settings {3}all can be read\n/);
    expect(out.trimEnd().split("\n")).toHaveLength(found.length);
  });

  const WRONG: readonly {
    readonly over: Readonly<Record<string, string>>;
    readonly check: string;
    readonly says: string;
  }[] = [
    { over: { NATS_URL: "nats://app:hunter2@127.0.0.1:1" }, check: "bus", says: "correct NATS_URL" },
    { over: { REDIS_URL: "redis://app:hunter2@127.0.0.1:1" }, check: "tasks", says: "correct REDIS_URL" },
    {
      over: { DATABASE_URL: "postgres://app:hunter2@127.0.0.1:1/x" },
      check: "database",
      says: "correct DATABASE_URL and DATABASE_OWNER_URL",
    },
    // The sandbox signs in who has the key of its own.
    { over: { VAULT_KEY: "1e".repeat(32) }, check: "gateway", says: "it does not know us. Correct its settings" },
    { over: { SANDBOX_URL: "http://localhost:1" }, check: "gateway", says: "gateway_unavailable" },
  ];
  test("where one thing is wrong it names that and the setting, looks at all else, and ends with 1 within 10 s", async () => {
    const begun = performance.now();
    await Promise.all(
      WRONG.map(async ({ over, check, says }) => {
        const { found, exitCode } = await asks(over);
        expect([exitCode, failed(found)]).toEqual([1, [check]]);
        expect(found.find(({ is }) => is === "fail")?.detail).toContain(says);
        expect(found.at(-1)?.check).toBe("address");
      }),
    );
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  test("a wrong login is found though the owner's is right", async () => {
    const right = several.settings["DATABASE_URL"] ?? "";
    const { found } = await asks({ DATABASE_URL: `${right}_x`, DATABASE_OWNER_URL: right });
    expect(failed(found)).toEqual(["database"]);
  });

  test("an API that does not answer is a warning: it may be another machine's", async () => {
    const { found, exitCode } = await asks({ PUBLIC_URL: "http://localhost:1" });
    expect([exitCode, found.at(-1)]).toEqual([0, expect.objectContaining({ check: "address", is: "warn" })]);
  });

  test("a database that is not migrated is left as it is", async () => {
    const bare = await freshDatabase();
    const before = await inspectPostgres(bare);
    const { found, exitCode } = await asks({ DATABASE_URL: bare });
    expect([exitCode, failed(found)]).toEqual([0, []]);
    expect(found.find(({ check, is }) => check === "database" && is === "warn")?.detail).toContain("matinee migrate");
    const after = await inspectPostgres(bare);
    expect([before, after]).toEqual([expect.anything(), expect.objectContaining({ pending: pendingOf(before) })]);
  });
});

test("of an embedded Matinee it tells what the running process tells, and makes nothing where none runs", async () => {
  const dataDir = join(folder.path, "embedded");
  const bare = await runProgram("matinee", { DATA_DIR: dataDir }, "doctor").ended();
  expect([bare.exitCode, existsSync(dataDir)]).toEqual([0, false]);
  expect(bare.out).toContain(`ok    database   embedded, in ${dataDir}\n`);

  await using program = runProgram("standalone", { DATA_DIR: dataDir, PORT: "0", LOG_LEVEL: "error" });
  await program.says(/Ctrl-C/);
  const running = await runProgram("matinee", { DATA_DIR: dataDir }, "doctor", "--json").ended();
  expect([running.exitCode, failed(findings.parse(JSON.parse(running.out)))]).toEqual([0, []]);
  expect(running.out).toContain("in use by a running Matinee");
  expect(running.out).toContain("no dead letters");
  program.signal("SIGINT");
  await program.ended();
});

test("settings that cannot be read end it with 78, each by its name", async () => {
  const ended = await runProgram("matinee", { NATS_URL: "hunter2", REDIS_URL: "hunter2" }, "doctor").ended();
  expectSentence(ended, "NATS_URL: expected", 78);
  expectSentence(ended, "REDIS_URL: expected", 78);
});

const pendingOf = (state: Awaited<ReturnType<typeof inspectPostgres>>) =>
  typeof state === "string" ? state : state.pending;
