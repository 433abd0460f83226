import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ConnectionLost } from "../../src/adapters/postgres/driver.ts";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { postgresJs } from "../../src/adapters/postgres/postgres-js.ts";
import { DatabaseRefused, openPostgres, storeOver } from "../../src/adapters/postgres/store.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { appending, commitOf, newStream } from "../support/commits.ts";
import { cuttingProxy } from "../support/cutting-proxy.ts";
import { hasOwnPostgres, type OwnPostgres, ownPostgres } from "../support/own-postgres.ts";
import { until } from "../support/until.ts";
import { allTogether, nothingLostOrDoubled, putToWork, terminateAll } from "./under-load.ts";

const MASTER_KEY = new Uint8Array(32).fill(7);
/** For what starts and stops servers, on a machine that is busy. */
const SLOW_MS = 60_000;
const MAX = 4;
/** Blows that the server gets while it works, and commands that must go through between two of them. */
const BLOWS = ["immediate", "terminate", "fast", "terminate", "immediate", "terminate", "terminate", "fast"] as const;
const BETWEEN = 40;
/** Of a server that stands still so much longer that whoever waited for it would show. */
const STILL_DEADLINE_MS = 1000;
const FREEZE_MS = 5 * STILL_DEADLINE_MS;
/** Of so many pieces of answers one is lost. */
const CUT_EVERY = 23;
const ROUNDS = process.env["LONG"] === "1" ? 10 : 1;

describe.skipIf(!hasOwnPostgres)("The pool heals", () => {
  let server: OwnPostgres;
  beforeAll(async () => {
    server = await ownPostgres();
  }, SLOW_MS);
  afterAll(() => server.destroy(), SLOW_MS);

  for (const grouped of [false, true]) {
    test(
      `after restarts and lost connections all that was acknowledged is there once${grouped ? ", in groups as well" : ""}`,
      async () => {
        const url = await server.database(grouped ? "grouped" : "singly");
        const driver = postgresJs({ url, max: MAX, role: null });
        await migrate(driver);
        const store = await storeOver(driver, { masterKey: MASTER_KEY, groupCommit: grouped });
        const work = await putToWork(store);
        for (const blow of Array.from({ length: ROUNDS }, () => BLOWS).flat()) {
          await work.goesOn(BETWEEN);
          if (blow === "terminate") await terminateAll(url);
          else await server.restart(blow);
        }
        await work.goesOn(BETWEEN);
        const { told, faults } = await work.stop();

        await allTogether(driver, url, MAX);
        await nothingLostOrDoubled(driver, store, told);
        await store.close();
        const kinds = [...new Set(faults)].join(", ");
        process.stdout.write(
          `${BLOWS.length * ROUNDS} blows${grouped ? " on groups" : ""}: ${told.size} commands acknowledged, ${faults.length} faults told (${kinds})\n`,
        );
        expect(told.size).toBeGreaterThan(BLOWS.length * BETWEEN);
        expect(faults.length).toBeGreaterThan(0);
      },
      120_000 * ROUNDS,
    );

    test(
      `a commit whose answer was lost is found by its outcome and not made again${grouped ? ", in groups as well" : ""}`,
      async () => {
        const url = await server.database(grouped ? "cut_grouped" : "cut");
        const direct = postgresJs({ url, max: 1, role: null });
        await migrate(direct);
        const proxy = await cuttingProxy(server.port, CUT_EVERY);
        const driver = postgresJs({ url: url.replace(`:${server.port}/`, `:${proxy.port}/`), max: MAX, role: null });
        const store = await storeOver(driver, { masterKey: MASTER_KEY, groupCommit: grouped });
        const work = await putToWork(store);
        await work.goesOn(BETWEEN * 40 * ROUNDS);
        proxy.heal();
        const { told, repeated } = await work.stop();
        await nothingLostOrDoubled(direct, store, told);
        await store.close();
        await direct.close();
        proxy.close();
        process.stdout.write(
          `${proxy.cuts()} answers lost${grouped ? " on groups" : ""}: ${told.size} commands acknowledged, ${repeated} of them found by their outcome\n`,
        );
        expect(proxy.cuts()).toBeGreaterThan(10);
        expect(repeated).toBeGreaterThan(2);
      },
      120_000 * ROUNDS,
    );
  }

  test(
    "a server that stands still is given up in time, and is used again when it goes on",
    async () => {
      const url = await server.database("frozen");
      const driver = postgresJs({ url, max: MAX, role: null, deadlineMs: 200 });
      await allTogether(driver, url, MAX);
      server.freeze();
      const asked = performance.now();
      // So many that connections are shared, and some must wait for one.
      const asking = Promise.allSettled(Array.from({ length: MAX * 20 }, () => driver.query("select 1")));
      const all = await asking.finally(server.thaw);
      expect(performance.now() - asked).toBeLessThan(15_000);
      for (const one of all) expect(one.status === "rejected" && one.reason).toBeInstanceOf(ConnectionLost);
      await allTogether(driver, url, MAX);
      await driver.close();
    },
    SLOW_MS,
  );

  for (const grouped of [false, true]) {
    test(
      `under load a server that stands still makes nobody wait longer than the deadline and two seconds${grouped ? ", in groups as well" : ""}`,
      async () => {
        const url = await server.database(grouped ? "still_grouped" : "still");
        const driver = postgresJs({ url, max: MAX, role: null, deadlineMs: STILL_DEADLINE_MS });
        await migrate(driver);
        const store = await storeOver(driver, { masterKey: MASTER_KEY, groupCommit: grouped });
        const timed = timedStore(store);
        const work = await putToWork(timed.store);
        await work.goesOn(BETWEEN);
        const callers = manyCallers(timed.store);

        server.freeze();
        await Bun.sleep(FREEZE_MS);
        server.thaw();
        const whileFrozen = timed.longestMs();
        await work.goesOn(BETWEEN);
        await callers.stop();
        const { told, faults } = await work.stop();

        await allTogether(driver, url, MAX);
        await nothingLostOrDoubled(driver, store, told);
        await store.close();
        process.stdout.write(
          `a freeze of ${FREEZE_MS} ms${grouped ? " on groups" : ""}: the longest call took ${Math.round(whileFrozen)} ms, ${faults.length} faults told\n`,
        );
        expect(whileFrozen).toBeGreaterThan(STILL_DEADLINE_MS);
        expect(whileFrozen).toBeLessThan(STILL_DEADLINE_MS + 2000);
        expect(faults.length).toBeGreaterThan(0);
      },
      SLOW_MS,
    );
  }

  test(
    "who has waited for a connection waits so much less for an answer",
    async () => {
      const url = await server.database("waited");
      const driver = postgresJs({ url, max: 1, role: null, deadlineMs: STILL_DEADLINE_MS });
      let asked = 0;
      let asking: Promise<unknown> = Promise.resolve();
      await driver.transaction(async (query) => {
        await query("select 1");
        asked = performance.now();
        asking = driver.query("select pg_sleep(0.2)").catch((error: unknown) => error);
        await Bun.sleep(0.7 * STILL_DEADLINE_MS);
      });
      server.freeze();
      const lost = await asking.finally(server.thaw);
      expect(lost).toMatchObject({ name: "ConnectionLost", sent: true });
      expect(performance.now() - asked).toBeLessThan(STILL_DEADLINE_MS + 1500);
      await driver.close();
    },
    SLOW_MS,
  );

  test(
    "a server that becomes read-only goes on to be read, and commits go on when it takes writes again",
    async () => {
      const url = await server.database("read_only");
      const driver = postgresJs({ url, max: MAX, role: null });
      await migrate(driver);
      const store = await storeOver(driver, { masterKey: MASTER_KEY });
      const work = await putToWork(store);
      await work.goesOn(BETWEEN);
      const commit = commitOf({ appends: [appending(newStream(), 0)] });
      await readOnly(url, "on");
      const [refused] = await store.storage.commit([commit]);
      const read = await store.storage.outcome(commit.command.id);
      await readOnly(url, "off");
      expect(refused).toMatchObject({ ok: false, error: { code: "storage_unavailable" } });
      expect(JSON.stringify(refused)).toContain("25006");
      expect(read).toEqual({ ok: true, value: null });
      await work.goesOn(BETWEEN);
      const { told, faults } = await work.stop();
      await nothingLostOrDoubled(driver, store, told);
      await store.close();
      expect(faults).toContain("storage_unavailable");
    },
    SLOW_MS,
  );

  test(
    "of sixty callers at once each is answered, over no more connections than allowed",
    async () => {
      const url = await server.database("storm");
      const driver = postgresJs({ url, max: MAX, role: null });
      const seen = new Set<number>();
      const callers = Array.from({ length: 60 }, async (_, caller) => {
        for (let n = 0; n < 50; n += 1) {
          const [row] = await driver.query("select $1::int as caller, pg_backend_pid() as pid", [caller]);
          expect(row?.["caller"]).toBe(caller);
          seen.add(row?.["pid"] as number);
        }
      });
      await Promise.all(callers);
      expect(seen.size).toBe(MAX);
      await driver.close();
    },
    SLOW_MS,
  );

  test(
    "a statement that takes too long is ended by the server, which says that nothing was done",
    async () => {
      const driver = postgresJs({ url: await server.database("slow"), max: 1, role: null, deadlineMs: 200 });
      const slow = await driver.query("select count(*) from generate_series(1, 1000000000)").catch((e: unknown) => e);
      expect(slow).toMatchObject({ name: "SqlError", sqlState: "57014" });
      // In a transaction, which only rebuilds and migrations open, it may take its time.
      const sum = await driver.transaction((query) =>
        query("select count(*)::int as n from generate_series(1, 4000000), pg_sleep(0.3)"),
      );
      expect(sum).toEqual([{ n: 4_000_000 }]);
      await driver.close();
    },
    SLOW_MS,
  );

  test(
    "who waits longer than the deadline for a connection is told that nothing was sent",
    async () => {
      const driver = postgresJs({ url: await server.database("busy"), max: 1, role: null, deadlineMs: 100 });
      await driver.transaction(async (query) => {
        await query("select 1");
        const refused = await driver.query("select 1").catch((error: unknown) => error);
        expect(refused).toBeInstanceOf(ConnectionLost);
        expect(refused).toMatchObject({ sent: false });
      });
      expect(await driver.query("select 1 as one")).toEqual([{ one: 1 }]);
      await driver.close();
    },
    SLOW_MS,
  );

  describe("what cannot be reached is told in a sentence at the start", () => {
    const refusal = async (url: string, role: "matinee_api" | null = null): Promise<string> => {
      const error = await openPostgres({ url, masterKey: MASTER_KEY, role, deadlineMs: 200 }).then(
        () => null,
        (refused: unknown) => refused,
      );
      expect(error).toBeInstanceOf(DatabaseRefused);
      expect(String(error)).toContain("DATABASE_URL");
      expect(String(error)).not.toContain("s3cret");
      return String(error);
    };

    test("a server that is down", async () => {
      expect(await refusal("postgres://matinee:s3cret@127.0.0.1:1/cinema")).toContain(
        "127.0.0.1:1/cinema does not answer (ECONNREFUSED)",
      );
    });
    test(
      "a server that takes the call and says nothing, or hangs up",
      async () => {
        for (const hangsUp of [false, true]) {
          const mute = Bun.listen({
            hostname: "127.0.0.1",
            port: 0,
            socket: { data: (socket) => (hangsUp ? void socket.end() : undefined) },
          });
          expect(await refusal(`postgres://matinee:s3cret@127.0.0.1:${mute.port}/cinema`)).toContain("does not answer");
          mute.stop(true);
        }
      },
      SLOW_MS,
    );
    test("a database that is not there, and a login that is not known", async () => {
      const place = `127.0.0.1:${server.port}`;
      expect(await refusal(`postgres://postgres:s3cret@${place}/nowhere`)).toContain('"nowhere" does not exist');
      expect(await refusal(`postgres://nobody:s3cret@${place}/postgres`)).toContain('role "nobody" does not exist');
    });
    test("a login that may not act as its role", async () => {
      const ownerUrl = await server.database("strict");
      const owner = postgresJs({ url: ownerUrl, max: 1, role: null });
      await owner.query("create role clerk login");
      await owner.close();
      const url = ownerUrl.replace("postgres@", "clerk:s3cret@");
      const opening = openPostgres({ url, ownerUrl, masterKey: MASTER_KEY, role: "matinee_api" });
      expect(String(await opening.catch((error: unknown) => error))).toContain(
        'permission denied to set role "matinee_api"',
      );
    });
  });
});

const readOnly = async (url: string, is: "on" | "off"): Promise<void> => {
  const admin = postgresJs({ url, max: 1, role: null });
  // A session that cannot write changes the settings of the server all the same.
  await admin.query(`alter system set default_transaction_read_only = ${is}`);
  await admin.query("select pg_reload_conf()");
  await until(`the server is read-only: ${is}`, async () => {
    const [row] = await admin.query("select current_setting('transaction_read_only') as it");
    return row?.["it"] === is;
  });
  await admin.close();
};

/** How long the store keeps its callers waiting. */
const timedStore = (store: Store) => {
  let longestMs = 0;
  const timed =
    <Args extends readonly unknown[], Answer>(ask: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      const before = performance.now();
      try {
        return await ask(...args);
      } finally {
        longestMs = Math.max(longestMs, performance.now() - before);
      }
    };
  const { load, commit, outcome } = store.storage;
  const storage = { load: timed(load), commit: timed(commit), outcome: timed(outcome) };
  return {
    store: {
      ...store,
      storage,
      wallTime: timed(store.wallTime),
      leases: { ...store.leases, hold: timed(store.leases.hold) },
    },
    longestMs: () => longestMs,
  };
};

/** So many that connections are shared, and some must wait for one. */
const manyCallers = (store: Store) => {
  let open = true;
  const call = async (caller: number): Promise<void> => {
    while (open) {
      const answers = [await store.wallTime(), await store.leases.hold(`lease ${caller}`, "caller", 1000)];
      if (answers.some(({ ok }) => !ok)) await Bun.sleep(20);
    }
  };
  const callers = Promise.all(Array.from({ length: MAX * 25 }, (_, caller) => call(caller)));
  return {
    stop: async () => {
      open = false;
      await callers;
    },
  };
};
