import { afterAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { newFolder, runProgram } from "../support/program.ts";

const folder = newFolder();
afterAll(folder.remove);
const env = (name: string): Record<string, string> => ({
  DATA_DIR: join(folder.path, name),
  PORT: "0",
  LOG_LEVEL: "warn",
});
const LISTENS = /health\s+(http:\S+)\/health\/ready/;

test("starts on a bare folder, says where to go and what is embedded, is ready, and stops when it is told to", async () => {
  const program = runProgram("standalone", env("bare"));
  const [, origin] = await program.says(LISTENS);
  await program.says(
    /set DATABASE_URL and VAULT_KEY for a PostgreSQL server[\s\S]+CLOUDPAYMENTS_API_SECRET for a real gateway/,
  );
  const ready = await fetch(`${origin}/health/ready`);
  expect([ready.status, await ready.json()]).toEqual([
    200,
    { status: "ready", parts: { storage: "ready", clock: "ready", bus: "embedded", tasks: "embedded" } },
  ]);
  expect((await fetch(`${origin}/health/live`)).status).toBe(200);
  const unknown = await fetch(`${origin}/nowhere`);
  expect([unknown.status, unknown.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
  program.signal("SIGTERM");
  expect(await program.ended()).toMatchObject({ exitCode: 0, err: "" });
});

test("a second process on the same folder is refused by name, and the first goes on", async () => {
  const first = runProgram("standalone", env("shared"));
  const [, origin] = await first.says(LISTENS);
  const second = await runProgram("standalone", env("shared")).ended();
  expect(second.exitCode).toBe(1);
  expect(second.err).toMatch(/shared\/postgres is in use by process \d+\. Stop it first, or set DATA_DIR/);
  expect((await fetch(`${origin}/health/ready`)).status).toBe(200);
  first.signal("SIGTERM");
  expect((await first.ended()).exitCode).toBe(0);
});

test("a port that is taken is told in a sentence", async () => {
  using taken = Bun.serve({ port: 0, fetch: () => new Response() });
  const { exitCode, err } = await runProgram("standalone", { ...env("port"), PORT: `${taken.port}` }).ended();
  expect(exitCode).toBe(1);
  expect(err).toBe(`Port ${taken.port} is in use. Stop what listens there, or set PORT to another one.\n`);
});

test("wrong settings end it with 78 and all complaints at once", async () => {
  const { exitCode, err } = await runProgram("standalone", { PORT: "x", VAULT_KEY: "y" }).ended();
  expect(exitCode).toBe(78);
  expect(err).toContain("2 settings are wrong");
});

test("a database that does not answer is told in a sentence, without its password", async () => {
  const { exitCode, err } = await runProgram("standalone", {
    DATABASE_URL: "postgres://app:hunter2@127.0.0.1:1/matinee",
    VAULT_KEY: "0f".repeat(32),
  }).ended();
  expect(exitCode).toBe(1);
  expect(err).toContain("correct DATABASE_URL");
  expect(err).not.toContain("hunter2");
});

test("data whose key is gone is not opened with a new one", async () => {
  const first = runProgram("standalone", env("keyless"));
  await first.says(LISTENS);
  first.signal("SIGTERM");
  await first.ended();
  rmSync(join(folder.path, "keyless/vault.key"));
  const { exitCode, err } = await runProgram("standalone", env("keyless")).ended();
  expect(exitCode).toBe(1);
  expect(err).toContain("Put the file back, or set VAULT_KEY");
});
