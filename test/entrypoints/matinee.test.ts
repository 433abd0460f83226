import { afterAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openPglite } from "../../src/adapters/postgres/store.ts";
import { accountNamed, openCinema } from "../support/cinema.ts";
import { newFolder, runProgram } from "../support/program.ts";

const folder = newFolder();
afterAll(folder.remove);
const KEY = "0f".repeat(32);
const env = (name: string): Record<string, string> => ({ DATA_DIR: join(folder.path, name), VAULT_KEY: KEY });

test("migrate brings a bare database up to date, and again changes nothing", async () => {
  for (let time = 0; time < 2; time += 1) {
    expect(await runProgram("matinee", env("migrated"), "migrate").ended()).toMatchObject({
      out: "The schema is up to date.\n",
      exitCode: 0,
    });
  }
});

test("rebuild proves that every row follows from the events", async () => {
  const dataDir = join(folder.path, "rebuilt");
  mkdirSync(dataDir);
  const store = await openPglite({ folder: join(dataDir, "postgres"), masterKey: new Uint8Array(32).fill(0x0f) });
  const cinema = openCinema(store);
  await cinema.sell();
  await cinema.start(accountNamed("viewer"));
  await store.close();

  const { out, err, exitCode } = await runProgram("matinee", env("rebuilt"), "rebuild").ended();
  expect(out).toMatch(/^\d+ events of 4 streams: all rows identical\.\n$/);
  expect(err).toContain("4 of 4 streams");
  expect(exitCode).toBe(0);
  const report = await runProgram("matinee", env("rebuilt"), "rebuild", "--replace", "--json").ended();
  expect(JSON.parse(report.out)).toMatchObject({ streams: 4, differences: [], identical: true });
});

test("an unknown command is refused with the nearest known one", async () => {
  const { exitCode, err } = await runProgram("matinee", env("unknown"), "rebild").ended();
  expect(exitCode).toBe(1);
  expect(err).toContain("Did you mean rebuild?");
});
