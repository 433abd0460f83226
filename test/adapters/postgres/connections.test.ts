import { expect, test } from "bun:test";
import { defaultConnections, postgresJs } from "../../../src/adapters/postgres/postgres-js.ts";

test("a pool has two connections for each core, four at least and twenty at most", () => {
  expect([1, 2, 4, 10, 64].map(defaultConnections)).toEqual([4, 4, 8, 20, 20]);
});

test.each([
  ["a name and a number", "postgres://127.0.0.1:1,localhost:2/cinema", ["127.0.0.1:1 ", "localhost:2 "]],
  [
    "after a password",
    "postgres://matinee:p%40ss,word@127.0.0.1:1,127.0.0.1:2/cinema",
    ["127.0.0.1:1 ", "127.0.0.1:2 "],
  ],
  ["in brackets", "postgres://matinee@[::1]:1,127.0.0.1:2/cinema?sslmode=disable", ["::1:1 ", "127.0.0.1:2 "]],
])("several hosts of one URL are each tried: %s", async (_, url, hosts) => {
  const driver = postgresJs({ url, max: 1, role: null });
  const refused = await driver.query("select 1").catch((error: unknown) => error);
  expect(refused).toMatchObject({ name: "ConnectionLost", sent: false });
  for (const host of hosts) expect(String(refused)).toContain(host);
  expect(String(refused)).not.toContain("word");
  await driver.close();
});
