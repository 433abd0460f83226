import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ConnectionLost, type Driver } from "../../src/adapters/postgres/driver.ts";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { postgresJs } from "../../src/adapters/postgres/postgres-js.ts";
import { DatabaseRefused, openPostgres, storeOver } from "../../src/adapters/postgres/store.ts";
import type { Received } from "../../src/core/billing/command.ts";
import { fold } from "../../src/core/billing/fold.ts";
import { rowsOf } from "../../src/core/billing/rows.ts";
import { DEFAULT_POLICY } from "../../src/core/policy.ts";
import type { Outcome } from "../../src/core/ports/storage.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { accountNamed, answered, MONTHLY, MOSCOW, openCinema, PREMIUM, payer, rub, staff } from "../support/cinema.ts";
import { cuttingProxy } from "../support/cutting-proxy.ts";
import { hasOwnPostgres, type OwnPostgres, ownPostgres } from "../support/own-postgres.ts";
import { until } from "../support/until.ts";

const MASTER_KEY = new Uint8Array(32).fill(7);
/** For what starts and stops servers, on a machine that is busy. */
const SLOW_MS = 60_000;
const MAX = 4;
const WORKERS = 12;
/** Blows that the server gets while it works, and commands that must go through between two of them. */
const BLOWS = ["immediate", "terminate", "fast", "terminate", "immediate", "terminate", "terminate", "fast"] as const;
const BETWEEN = 40;
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

        await allTogether(driver, url);
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
      await allTogether(driver, url);
      server.freeze();
      const asked = performance.now();
      // So many that connections are shared, and some must wait for one.
      const asking = Promise.allSettled(Array.from({ length: MAX * 20 }, () => driver.query("select 1")));
      const all = await asking.finally(server.thaw);
      expect(performance.now() - asked).toBeLessThan(15_000);
      for (const one of all) expect(one.status === "rejected" && one.reason).toBeInstanceOf(ConnectionLost);
      await allTogether(driver, url);
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

/** People sign up and are given money, each of them until it has been acknowledged, whatever happens to the server. */
const putToWork = async (store: Store) => {
  const cinema = openCinema(store);
  const told = new Map<string, Outcome>();
  const faults: string[] = [];
  let repeated = 0;
  let open = true;
  const insist = async (received: Received): Promise<void> => {
    for (;;) {
      const executed = await cinema.updater.execute(received);
      if (executed.status === "done") {
        if (executed.repeated) repeated += 1;
        told.set(received.id, executed.outcome);
        return;
      }
      faults.push(executed.fault.code);
      await Bun.sleep(2);
    }
  };
  const work = async (worker: number): Promise<void> => {
    const holder = accountNamed(`holder ${worker}`);
    for (let n = 0; open; n += 1) {
      const accountId = accountNamed(`viewer ${worker} ${n}`);
      const start = { accountId, plan: PREMIUM, zone: MOSCOW, consent: null } as const;
      await insist(cinema.received(payer(accountId), { type: "subscription.start", ...start }, accountId));
      // Done twice it would be twice the money: nothing but its outcome tells that it has been done.
      const gift = { accountId: holder, amount: rub(100), reason: "a gift" } as const;
      await insist(cinema.received(staff("owner"), { type: "credit.add", ...gift }, `gift ${worker} ${n}`));
    }
  };
  const description = {
    title: { ru: "Премиум", en: "Premium" },
    text: { ru: "Всё кино", en: "All films" },
    entitlement: { tier: 1, quality: "uhd", streams: 2 },
    rank: 1,
  } as const;
  const plan = { type: "plan.create", plan: PREMIUM, description, price: MONTHLY } as const;
  await insist(cinema.received(staff("owner"), plan, "the plan"));
  told.clear();
  const workers = Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
  return {
    /** Waits until so many more have been acknowledged. */
    goesOn: async (more: number): Promise<void> => {
      const before = told.size;
      await until(`${more} more commands`, () => told.size >= before + more, 30_000);
    },
    stop: async () => {
      open = false;
      await workers;
      return { told, faults, repeated };
    },
  };
};

const terminateAll = async (url: string): Promise<void> => {
  const admin = postgresJs({ url, max: 1, role: null });
  await admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
  await admin.close();
};

/** `MAX` transactions are open at the same time, and no other connection is: the pool has lost none of its places. */
const allTogether = async (driver: Driver, url: string): Promise<void> => {
  const gatekeeper = postgresJs({ url, max: 1, role: null });
  const inside: Promise<unknown>[] = [];
  await gatekeeper.transaction(async (query) => {
    await query("select pg_advisory_xact_lock(1)");
    for (let n = 0; n < MAX; n += 1) {
      inside.push(driver.transaction((ask) => ask("select pg_advisory_xact_lock_shared(1)")));
    }
    await until(`${MAX} transactions at the same time`, async () => {
      const [row] = await query(
        "select count(*)::int as waiting from pg_locks where locktype = 'advisory' and not granted",
      );
      return row?.["waiting"] === MAX;
    });
    await until("no other connection is left", async () => {
      const [row] = await query(
        "select count(*)::int as others from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
      );
      return row?.["others"] === MAX;
    });
  });
  await Promise.all(inside);
  await gatekeeper.close();
};

const nothingLostOrDoubled = async (
  driver: Driver,
  store: Store,
  told: ReadonlyMap<string, Outcome>,
): Promise<void> => {
  expect([...told.values()].filter(({ ok }) => !ok)).toEqual([]);
  const recorded = await driver.query(
    "select command_id, outcome ->> 'ok' as ok, outcome -> 'value' as value from billing.outcomes where command_id = any($1::text[])",
    [[...told.keys()]],
  );
  // What each caller was told is what the database says, and every command has started one subscription or made one gift.
  expect(new Map(recorded.map(({ command_id, value }) => [command_id, value]))).toEqual(
    new Map([...told].map(([id, outcome]) => [id, outcome.ok ? outcome.value : null])),
  );
  const acted = await driver.query(
    "select caused_by as id, count(*)::int as times from billing.events where type in ('SubscriptionStarted', 'CreditAdded') group by 1",
  );
  expect(acted.filter(({ times }) => times !== 1)).toEqual([]);
  expect(new Set(acted.map(({ id }) => id))).toEqual(new Set(told.keys()));
  const gaps = await driver.query(
    `select stream from (select stream, count(*)::int as facts, max(version) as last from billing.events group by stream) as log
     full join billing.streams using (stream)
     where facts is distinct from last or (last is distinct from version and not (last is null and version = 0))`,
  );
  expect(gaps).toEqual([]);
  const [outbox] = await driver.query(
    `select count(*)::int as messages, count(distinct (stream, version))::int as different, (select count(*)::int from billing.events) as events
     from billing.outbox join billing.events using (stream, version)`,
  );
  expect(outbox).toEqual({ messages: outbox?.["events"], different: outbox?.["events"], events: outbox?.["events"] });
  const rebuilt = await store.rebuild(
    "check",
    (stream, events) => rowsOf(fold(stream, events), DEFAULT_POLICY),
    () => undefined,
  );
  expect(answered(rebuilt)).toMatchObject({ identical: true, differences: [] });
};
