import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Driver } from "../../src/adapters/postgres/driver.ts";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { postgresJs, type ServerOptions } from "../../src/adapters/postgres/postgres-js.ts";
import { DatabaseRefused, openPostgres, storeOver } from "../../src/adapters/postgres/store.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { answered } from "../support/cinema.ts";
import { dropDatabases, freshDatabase, hasPostgres } from "../support/services.ts";
import { MASTER_KEY } from "../support/stores.ts";
import { type TransactionPooler, transactionPooler } from "../support/transaction-pooler.ts";
import { intakeContract } from "./intake.ts";
import { leasesContract } from "./leases.ts";
import { storageContract } from "./storage.ts";
import { openedOnce } from "./subject.ts";

// The machine that runs this may be busy with much else.
setDefaultTimeout(60_000);
afterAll(dropDatabases, 60_000);

const BEHIND_A_POOLER = { prepare: false, pipeline: false, configure: false } as const;
const SESSIONS = 3;

describe.skipIf(!hasPostgres)("Behind a pooler that lends sessions for a transaction", () => {
  const open = openedOnce(async (): Promise<Store> => {
    const url = await freshDatabase();
    const owner = postgresJs({ url, max: 1, role: null });
    await migrate(owner);
    await owner.close();
    const pooler = await transactionPooler(url, SESSIONS);
    const driver = postgresJs({ url: pooler.url, max: 8, role: null, ...BEHIND_A_POOLER });
    const store = await storeOver(driver, { masterKey: MASTER_KEY });
    const close = async (): Promise<void> => {
      await store.close();
      pooler.close();
    };
    return { ...store, close };
  });

  storageContract("PostgreSQL behind a pooler", open);
  intakeContract("PostgreSQL behind a pooler", open);
  leasesContract("PostgreSQL behind a pooler", open);

  const through = async <T>(
    options: Partial<ServerOptions>,
    run: (driver: Driver, pooler: TransactionPooler) => Promise<T>,
  ): Promise<T> => {
    const pooler = await transactionPooler(await freshDatabase(), SESSIONS);
    const driver = postgresJs({ max: 2, role: null, ...BEHIND_A_POOLER, ...options, url: pooler.url });
    try {
      return await run(driver, pooler);
    } finally {
      await driver.close();
      pooler.close();
    }
  };
  const manyAtOnce = (driver: Driver) =>
    Promise.all(Array.from({ length: 40 }, (_, n) => driver.query("select $1::int as n", [n])));

  test("each transaction has another session, and within one it stays the same", () =>
    through({ max: 1 }, async (driver) => {
      const pid = "select pg_backend_pid() as pid";
      const apart = [await driver.query(pid), await driver.query(pid), await driver.query(pid)];
      expect(new Set(apart.map(([row]) => row?.["pid"])).size).toBe(SESSIONS);
      const together = await driver.transaction(async (query) => [await query(pid), await query(pid)]);
      expect(new Set(together.map(([row]) => row?.["pid"])).size).toBe(1);
    }));

  test("without pipelining one statement is under way on a connection; with it, several are", async () => {
    for (const pipeline of [false, true]) {
      const sent = await through({ pipeline }, async (driver, pooler) => {
        expect((await manyAtOnce(driver)).map(([row]) => row?.["n"])).toEqual(Array.from({ length: 40 }, (_, n) => n));
        // Also those of one caller, who does not wait for himself.
        await driver.transaction((query) => Promise.all([query("select 1"), query("select $1::int", [2])]));
        return pooler.pipelined();
      });
      if (pipeline) expect(sent).toBeGreaterThan(0);
      else expect(sent).toBe(0);
    }
  });

  test("without `prepare` no session keeps a statement; with it, a session keeps those that other clients will never ask for", async () => {
    for (const prepare of [false, true]) {
      const kept = await through({ prepare, max: 1 }, async (driver) => {
        for (let n = 0; n < SESSIONS; n += 1) await driver.query("select $1::int", [n]);
        const counts: unknown[] = [];
        for (let n = 0; n < SESSIONS; n += 1) {
          const [row] = await driver.query("select count(*)::int as statements from pg_prepared_statements");
          counts.push(row?.["statements"]);
        }
        return counts;
      });
      if (prepare) expect(kept).toEqual([1, 1, 1]);
      else expect(kept).toEqual([0, 0, 0]);
    }
  });

  test("settings that a pooler refuses are not sent without `configure`", async () => {
    const refused = through({ configure: true }, (driver) => driver.query("select 1"));
    expect(String(await refused.catch((error: unknown) => error))).toContain("unsupported startup parameter");
  });

  test("a login that lacks the settings is refused, with the statements that give them", async () => {
    const ownerUrl = await freshDatabase();
    const owner = postgresJs({ url: ownerUrl, max: 1, role: null });
    await migrate(owner);
    const login = `matinee_test_${crypto.randomUUID().replaceAll("-", "")}`;
    await owner.query(`create role ${login} login in role matinee_updater`);
    const opened = async (): Promise<unknown> => {
      const pooler = await transactionPooler(Object.assign(new URL(ownerUrl), { username: login }).href, SESSIONS);
      const options = { ...BEHIND_A_POOLER, masterKey: MASTER_KEY, role: "matinee_updater" as const, deadlineMs: 7000 };
      try {
        const store = await openPostgres({ ...options, url: pooler.url, ownerUrl });
        const held = answered(await store.leases.hold("work", "one", 1000));
        await store.close();
        return held;
      } catch (error) {
        return error;
      } finally {
        pooler.close();
      }
    };
    const refused = await opened();
    expect(refused).toBeInstanceOf(DatabaseRefused);
    const statements = String(refused).match(/alter role [^;]+;/g) ?? [];
    expect(statements.join()).toContain("statement_timeout = '7000'");
    expect(statements.join()).toContain("role = 'matinee_updater'");
    for (const statement of statements) await owner.query(statement);
    expect(await opened()).toBe(true);
    await owner.query(`drop role ${login}`);
    await owner.close();
  });
});
