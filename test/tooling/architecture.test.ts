import { expect, test } from "bun:test";
import { complaints } from "./import-rules.ts";

const complainsOf = (path: string, text: string): readonly string[] => complaints({ [path]: text });

test.each([
  ["a package in the core", "src/core/money.ts", 'import { z } from "zod";'],
  ["a built-in module in the core", "src/core/ids.ts", 'import { createHash } from "node:crypto";'],
  [
    "an adapter in the core",
    "src/core/billing/billing.ts",
    'import { migrate } from "../../adapters/postgres/migrate.ts";',
  ],
  [
    "a type of an adapter in the core",
    "src/core/billing/billing.ts",
    'import type { Driver } from "../../adapters/postgres/driver.ts";',
  ],
  ["a re-export of an adapter in the core", "src/core/time.ts", 'export * from "../adapters/wire/json.ts";'],
  ["a dynamic import in the core", "src/core/time.ts", 'const x = await import("zod");'],
  ["a type by import() in the core", "src/core/time.ts", 'type X = import("zod").ZodType;'],
  ["a sibling adapter", "src/adapters/http/app.ts", 'import { openPglite } from "../postgres/store.ts";'],
  ["an adapter in the wire", "src/adapters/wire/events.ts", 'import { openPglite } from "../postgres/store.ts";'],
  [
    "an entrypoint in an adapter",
    "src/adapters/http/app.ts",
    'import { readConfig } from "../../entrypoints/config.ts";',
  ],
  ["a package that belongs to another adapter", "src/adapters/http/app.ts", 'import postgres from "postgres";'],
  ["a package without an owner", "src/adapters/http/app.ts", 'import pad from "left-pad";'],
  ["a test in the product", "src/adapters/http/app.ts", 'import { rub } from "../../../test/support/cinema.ts";'],
  ["the wall clock in the core", "src/core/billing/billing.ts", "const now = Date.now();"],
  ["the wall clock by Temporal", "src/core/time.ts", "const now = Temporal.Now.instant();"],
  ["randomness in the core", "src/core/ids.ts", "const id = Math.random();"],
  ["the network in the core", "src/core/work/work.ts", 'await fetch("http://localhost");'],
  ["the environment in the core", "src/core/policy.ts", "const days = process.env.DAYS;"],
  ["the runtime in the core", "src/core/ids.ts", "const id = Bun.randomUUIDv7();"],
  ["a gateway's name in the core", "src/core/ports/payments.ts", 'type Gateway = "cloudpayments";'],
])("refuses %s", (_, path, text) => {
  expect(complainsOf(path, text)).toHaveLength(1);
});

test.each([
  ["the core in the core", "src/core/billing/billing.ts", 'import { ok } from "../result.ts";'],
  ["the wire in an adapter", "src/adapters/postgres/storage.ts", 'import { encodeEvent } from "../wire/events.ts";'],
  [
    "an adapter in an entrypoint",
    "src/entrypoints/assemble.ts",
    'import { openPglite } from "../adapters/postgres/store.ts";',
  ],
  ["a forbidden word in a comment", "src/core/time.ts", "// never Date.now()\n/* nor fetch */"],
  [
    "a package in a program that is printed",
    "src/adapters/wire/texts.ts",
    "const lines = [\n  'import { x } from \"left-pad\";',\n];",
  ],
  ["a forbidden word in a text", "src/core/time.ts", 'const text = "Date and process";'],
])("allows %s", (_, path, text) => {
  expect(complainsOf(path, text)).toEqual([]);
});

test("the house keeps its rules", async () => {
  const root = new URL("../..", import.meta.url).pathname;
  const sources: Record<string, string> = {};
  for await (const path of new Bun.Glob("{src,bench}/**/*.ts").scan(root))
    sources[path] = await Bun.file(`${root}/${path}`).text();
  expect(Object.keys(sources).length).toBeGreaterThan(50);
  expect(complaints(sources)).toEqual([]);
});
