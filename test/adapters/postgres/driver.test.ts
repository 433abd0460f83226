import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { type Driver, SqlError } from "../../../src/adapters/postgres/driver.ts";
import { pglite } from "../../../src/adapters/postgres/pglite.ts";
import { postgresJs } from "../../../src/adapters/postgres/postgres-js.ts";
import { newPlace } from "../../crash/writing.ts";
import { dropDatabases, freshDatabase, hasPostgres } from "../../support/services.ts";

/** For what starts databases, on a machine that is busy. */
const SLOW_MS = 60_000;
afterAll(dropDatabases, SLOW_MS);

const TEXTS = [
  "plain",
  "",
  "with, comma",
  'with "quotes"',
  "with \\ and \\\\",
  "{braces}",
  "NULL",
  "null",
  "кино",
  "a\nb",
  " ",
];

/** What both drivers must answer alike. */
const driver = (open: () => Promise<Driver>): void => {
  let db: Driver;
  beforeAll(async () => {
    db = await open();
  }, SLOW_MS);
  afterAll(() => db.close(), SLOW_MS);
  const one = async (text: string, ...params: Parameters<Driver["query"]>[1] & object): Promise<unknown> =>
    Object.values((await db.query(text, params))[0] ?? {})[0];

  test("texts arrive as they were sent, one by one and in lists", async () => {
    for (const text of TEXTS) expect(await one("select $1::text", text)).toBe(text);
    const rows = await db.query("select unnest($1::text[]) as text", [TEXTS]);
    expect(rows.map(({ text }) => text)).toEqual(TEXTS);
    expect(await one("select cardinality($1::text[])::int", [])).toBe(0);
  });

  test("numbers, sums, flags, bytes, instants and nothing come back as what they are", async () => {
    expect(await one("select $1::int", 42)).toBe(42);
    expect(await one("select 9007199254740993::bigint")).toBe(9_007_199_254_740_993n);
    expect(await one("select $1::boolean", true)).toBe(true);
    expect(await one("select $1::text", null)).toBeNull();
    const bytes = new Uint8Array([0, 1, 127, 128, 255]);
    expect(Uint8Array.from((await one("select $1::bytea", bytes)) as Uint8Array)).toEqual(bytes);
    expect(await one("select '2026-01-31T09:00:00.123Z'::timestamptz")).toEqual(new Date("2026-01-31T09:00:00.123Z"));
    expect(await one(`select '{"sum": "1", "list": [1, null]}'::jsonb`)).toEqual({ sum: "1", list: [1, null] });
  });

  test("a refusal names its kind and its constraint, and the next statement is answered", async () => {
    await db.query("create table seats (number integer constraint seats_positive check (number > 0))");
    const refused = await db.query("insert into seats values (0)").catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(SqlError);
    expect(refused).toMatchObject({ sqlState: "23514", constraint: "seats_positive" });
    expect(await one("select count(*)::int from seats")).toBe(0);
  });

  test("times are told in UTC", async () => {
    expect(await one("select current_setting('TimeZone')")).toBe("UTC");
  });
};

describe("The driver for PGlite", () => {
  driver(() => pglite(null));

  test(
    "who asks again and again lets others have their turn, and the folder is for its owner alone",
    async () => {
      const place = newPlace();
      const db = await pglite(place.folder);
      let rang = false;
      setTimeout(() => {
        rang = true;
      }, 0);
      for (let n = 0; n < 5000 && !rang; n += 1) await db.query("select 1");
      expect(rang).toBe(true);
      expect(statSync(place.folder).mode & 0o777).toBe(0o700);
      await db.close();
      place.remove();
    },
    SLOW_MS,
  );
});
describe.skipIf(!hasPostgres)("The driver for a PostgreSQL server", () =>
  driver(async () => postgresJs({ url: await freshDatabase(), max: 2, role: null })),
);
