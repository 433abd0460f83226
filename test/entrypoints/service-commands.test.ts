import { afterAll, expect, test } from "bun:test";
import { jwtServiceTokens } from "../../src/adapters/crypto/service-tokens.ts";
import { DAY_MS, instantOf, plusMs } from "../../src/core/time.ts";
import { expectSentence, newFolder, runProgram } from "../support/program.ts";

const folder = newFolder();
afterAll(folder.remove);
const KEY = "0f".repeat(32);
const service = (...args: readonly string[]) =>
  runProgram("matinee", { DATA_DIR: folder.path, VAULT_KEY: KEY }, "service", ...args).ended();
const tokens = await jwtServiceTokens(new Uint8Array(32).fill(0x0f));

test("a token is printed alone, and is the service's for 90 days", async () => {
  const { out, err, exitCode } = await service("token", "shop");
  expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
  expect(out).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$/);
  const now = instantOf(Date.now());
  expect(await tokens.read(out.trim(), now)).toEqual({ service: "shop" });
  expect(await tokens.read(out.trim(), plusMs(now, 89 * DAY_MS))).toEqual({ service: "shop" });
  expect(await tokens.read(out.trim(), plusMs(now, 91 * DAY_MS))).toBeNull();
});

test("with --json it is told with its service and its end, which --days sets", async () => {
  const { out } = await service("token", "book-keeping", "--days", "7", "--json");
  const { token, expiresAt, ...rest } = JSON.parse(out);
  expect(rest).toEqual({ service: "book-keeping" });
  expect(await tokens.read(token, instantOf(Date.now()))).toEqual({ service: "book-keeping" });
  const days = (Date.parse(expiresAt) - Date.now()) / DAY_MS;
  expect(days).toBeGreaterThan(6.9);
  expect(days).toBeLessThanOrEqual(7);
});

test("a name that could not stand in a subject and a span that is none are refused in a sentence", async () => {
  const [bad, none, half] = await Promise.all([
    service("token", "Shop.>"),
    service("token", "shop", "--days", "0"),
    service("token", "shop", "--days", "1.5"),
  ]);
  expectSentence(bad, "small letters, digits and hyphens");
  for (const ended of [none, half]) expectSentence(ended, "--days is a whole number from 1 to 3650");
});

test("a key that is none ends it with 78; what it can do is listed", async () => {
  const wrong = await runProgram("matinee", { VAULT_KEY: "hunter2" }, "service", "token", "shop").ended();
  expectSentence(wrong, "VAULT_KEY: expected", 78);
  const { out, exitCode } = await service("token", "--help");
  expect(exitCode).toBe(0);
  for (const word of ["<name>", "--days", "--json", "VAULT_KEY"]) expect(out).toContain(word);
});
