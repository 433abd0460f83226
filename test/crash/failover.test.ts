import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { postgresJs } from "../../src/adapters/postgres/postgres-js.ts";
import { storeOver } from "../../src/adapters/postgres/store.ts";
import { hasOwnPostgres, type OwnPostgres, ownPostgres } from "../support/own-postgres.ts";
import { until } from "../support/until.ts";
import { allTogether, nothingLostOrDoubled, putToWork } from "./under-load.ts";

const MASTER_KEY = new Uint8Array(32).fill(7);
/** For what starts and stops servers, on a machine that is busy. */
const SLOW_MS = 120_000;
const MAX = 4;
const BETWEEN = 60;

describe.skipIf(!hasOwnPostgres)("A failover", () => {
  let primary: OwnPostgres;
  let standby: OwnPostgres;
  /** Both, the primary first. */
  let url: string;
  beforeEach(async () => {
    primary = await ownPostgres();
    await primary.database("cinema");
    standby = await primary.standby();
    url = `postgres://postgres@127.0.0.1:${primary.port},127.0.0.1:${standby.port}/cinema`;
  }, SLOW_MS);
  afterEach(async () => {
    await standby.destroy();
    await primary.destroy();
  }, SLOW_MS);

  for (const grouped of [false, true]) {
    test(
      `commits go on at the new primary by themselves, and nothing acknowledged is lost or doubled${grouped ? ", in groups as well" : ""}`,
      async () => {
        const driver = postgresJs({ url, max: MAX, role: null });
        await migrate(driver);
        await waitForStandby(primary);
        const store = await storeOver(driver, { masterKey: MASTER_KEY, groupCommit: grouped });
        const work = await putToWork(store);
        await work.goesOn(BETWEEN);

        // What is committed now has reached the standby, and nobody is told of it: the answers get lost with the primary.
        standby.freeze();
        const held = await commitsHeld(primary);
        await primary.kill();
        standby.thaw();
        await standby.promote();
        await work.goesOn(BETWEEN);
        const { told, faults, repeated } = await work.stop();

        await allTogether(driver, standby.url("cinema"), MAX);
        await nothingLostOrDoubled(driver, store, told);
        await store.close();
        process.stdout.write(
          `failover${grouped ? " on groups" : ""}: ${told.size} commands acknowledged, ${faults.length} faults told, ${held} commits held, ${repeated} found by their outcome\n`,
        );
        expect(faults.length).toBeGreaterThan(0);
        expect(repeated).toBeGreaterThan(0);
      },
      SLOW_MS,
    );
  }

  test(
    "a primary that takes no more writes is left, and nobody is told that it was a bug",
    async () => {
      const driver = postgresJs({ url, max: 1, role: null });
      await driver.query("create table seats (number integer)");
      await setting(primary, "default_transaction_read_only = on");
      await until("new sessions there are read-only", async () => {
        const [row] = await asked(primary, "select current_setting('transaction_read_only') as it");
        return row?.["it"] === "on";
      });
      await standby.promote();
      const refused = await driver.query("insert into seats values (1)").catch((error: unknown) => error);
      expect(refused).toMatchObject({ sqlState: "25006" });
      await driver.query("insert into seats values (1)");
      expect(await asked(standby, "select * from seats")).toEqual([{ number: 1 }]);
      await driver.close();
    },
    SLOW_MS,
  );

  test(
    "while no host takes writes a caller is told so of each, and that nothing was sent",
    async () => {
      const driver = postgresJs({ url, max: 1, role: null });
      await primary.kill();
      const refused = await driver.query("select 1").catch((error: unknown) => error);
      expect(refused).toMatchObject({ name: "ConnectionLost", sent: false });
      expect(String(refused)).toContain(`127.0.0.1:${primary.port} ECONNREFUSED`);
      expect(String(refused)).toContain(`127.0.0.1:${standby.port} takes no writes`);
      await driver.close();
    },
    SLOW_MS,
  );

  test(
    "a first host that never answers costs the first connection time, and no other",
    async () => {
      const mute = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
      const driver = postgresJs({
        url: `postgres://postgres@127.0.0.1:${mute.port},127.0.0.1:${primary.port}/cinema`,
        max: 3,
        role: null,
      });
      const timeOf = async (): Promise<number> => {
        const before = performance.now();
        await driver.transaction((query) => query("select 1"));
        return performance.now() - before;
      };
      expect(await timeOf()).toBeGreaterThan(2000);
      const others = await driver.transaction(async (query) => {
        await query("select 1");
        return Promise.all([timeOf(), timeOf()]);
      });
      expect(Math.max(...others)).toBeLessThan(2000);
      await driver.close();
      mute.stop(true);
    },
    SLOW_MS,
  );
});

const asked = async (server: OwnPostgres, statement: string) => {
  const driver = postgresJs({ url: server.url("cinema"), max: 1, role: null });
  try {
    return await driver.query(statement);
  } finally {
    await driver.close();
  }
};
const setting = async (server: OwnPostgres, is: string): Promise<void> => {
  await asked(server, `alter system set ${is}`);
  await asked(server, "select pg_reload_conf()");
};

/** From now on a commit is acknowledged once the standby has it. */
const waitForStandby = async (primary: OwnPostgres): Promise<void> => {
  await setting(primary, "synchronous_standby_names = '*'");
  await until("the standby is waited for", async () => {
    const [row] = await asked(primary, "select sync_state from pg_stat_replication");
    return row?.["sync_state"] === "sync";
  });
};

/** How many commits wait for a standby that does not say that it has them; each has been sent to it. */
const commitsHeld = async (primary: OwnPostgres): Promise<number> => {
  let held = 0;
  await until("commits wait for the standby", async () => {
    const [row] = await asked(
      primary,
      `select (select count(*)::int from pg_stat_activity where wait_event = 'SyncRep') as held,
        (select sent_lsn = pg_current_wal_flush_lsn() from pg_stat_replication) as sent`,
    );
    held = row?.["held"] as number;
    return held > 0 && row?.["sent"] === true;
  });
  return held;
};
