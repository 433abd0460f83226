import { afterAll, expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { FolderInUse, pglite } from "../../src/adapters/postgres/pglite.ts";
import { newPlace, writing } from "./writing.ts";

/** For what starts databases and drops them, on a machine that is busy. */
const SLOW_MS = 60_000;
const place = newPlace();
const { folder } = place;
afterAll(place.remove, SLOW_MS);

test(
  "a second process on the folder is refused by name, and the first goes on unharmed",
  async () => {
    const first = writing(folder);
    await first.until(({ signed }) => signed.length > 0);
    const alias = join(dirname(folder), "alias");
    symlinkSync(folder, alias);
    for (const name of [folder, alias]) {
      const second = await writing(name).finish();
      expect(second).toMatchObject({ open: false });
      expect(second.exitCode).toBeGreaterThan(0);
      expect(second.complaints).toContain(`${name} is in use by process ${first.pid}. Stop it first`);
    }
    const before = (await first.until(() => true)).signed.length;
    await first.until(({ signed }) => signed.length > before);
    const { signed, exitCode } = await first.finish();
    expect(exitCode).toBe(0);

    const to = Math.max(...signed) + 1;
    const next = writing(folder, 0, to);
    const { found } = await next.until(({ open }) => open);
    expect(signed.filter((n) => found.get(n) !== "whole")).toEqual([]);

    // The number of a process that is gone keeps nobody out.
    await next.kill();
    const third = writing(folder);
    await third.until(({ open }) => open);
    await third.finish();
  },
  SLOW_MS,
);

test(
  "one process does not open a folder twice, and may open it again after it has closed it",
  async () => {
    const own = newPlace();
    const driver = await pglite(own.folder);
    await driver.query("create table one (n integer)");
    const second = await pglite(own.folder).catch((error: unknown) => error);
    expect(second).toBeInstanceOf(FolderInUse);
    expect(String(second)).toContain(`process ${process.pid}`);
    expect(await driver.query("select count(*)::int as rows from one")).toEqual([{ rows: 0 }]);
    await driver.close();
    const again = await pglite(own.folder);
    expect(await again.query("select count(*)::int as rows from one")).toEqual([{ rows: 0 }]);
    await again.close();
    own.remove();
  },
  SLOW_MS,
);

test("what keeps the lock from being taken is told as it is, not as a second process", async () => {
  const error = await pglite("/proc/nobody/may/write/here").catch((refused: unknown) => refused);
  expect(error).toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(FolderInUse);
});
