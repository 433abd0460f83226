import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Driver } from "../../../src/adapters/postgres/driver.ts";
import { MIGRATIONS, type Migration, MigrationRefused, migrate } from "../../../src/adapters/postgres/migrate.ts";
import { pglite } from "../../../src/adapters/postgres/pglite.ts";
import { postgresJs } from "../../../src/adapters/postgres/postgres-js.ts";
import { openPostgres } from "../../../src/adapters/postgres/store.ts";
import { hasOwnPostgres, type OwnPostgres, ownPostgres } from "../../support/own-postgres.ts";
import { dropDatabases, freshDatabase, hasPostgres } from "../../support/services.ts";
import { until } from "../../support/until.ts";

/** For what starts servers or waits for locks, on a machine that is busy. */
const SLOW_MS = 60_000;
const FIRST: Migration = { name: "0001_first", sql: "create table public.shelf (film text);" };
const SECOND: Migration = { name: "0002_second", sql: "alter table public.shelf add column year integer;" };
const NAMES = MIGRATIONS.map(({ name }) => name);

const refusalOf = async (migrating: Promise<unknown>): Promise<string> => {
  const error = await migrating.then(
    () => null,
    (refused: unknown) => refused,
  );
  expect(error).toBeInstanceOf(MigrationRefused);
  return error instanceof Error ? error.message : "";
};
const columnsOf = async (driver: Driver): Promise<readonly unknown[]> =>
  (
    await driver.query(
      "select column_name::text as name from information_schema.columns where table_schema = 'public' and table_name = 'shelf'",
    )
  ).map(({ name }) => name);

/** What holds on every driver; `fresh` gives a database that nobody has migrated. */
const migrations = (fresh: () => Promise<Driver>): void => {
  test("a fresh database gets all migrations in order, and one that is up to date gets none", async () => {
    const driver = await fresh();
    expect(await migrate(driver)).toEqual(NAMES);
    expect(await migrate(driver)).toEqual([]);
    const [row] = await driver.query("select count(*)::int as plans from billing.plans");
    expect(row).toEqual({ plans: 0 });
  });

  test("a database that is behind gets only what it lacks", async () => {
    const driver = await fresh();
    expect(await migrate(driver, [FIRST])).toEqual(["0001_first"]);
    expect(await migrate(driver, [FIRST, SECOND])).toEqual(["0002_second"]);
    expect(await columnsOf(driver)).toEqual(["film", "year"]);
  });

  test("secrets that were kept before keys had an id stay with the key of their owner", async () => {
    const driver = await fresh();
    await migrate(driver, MIGRATIONS.slice(0, 2));
    for (const owner of ["acc_1", "acc_2"]) {
      await driver.query("insert into billing.vault_keys (owner, wrapped) values ($1, '')", [owner]);
      await driver.query(
        "insert into billing.vault (owner, kind, name, secret, kept_at) values ($1, 'card', 'one', '', now()), ($1, 'card', 'two', '', now())",
        [owner],
      );
    }
    await migrate(driver);
    const [kept] = await driver.query(
      "select count(*)::int as secrets, count(distinct key_id)::int as keys from billing.vault join billing.vault_keys using (owner, key_id)",
    );
    expect(kept).toEqual({ secrets: 4, keys: 2 });
  });

  test("a migration that was edited after it had been applied is refused by name, with what to do", async () => {
    const driver = await fresh();
    await migrate(driver, [FIRST, SECOND]);
    const edited = { ...FIRST, sql: `${FIRST.sql} ` };
    const refusal = await refusalOf(migrate(driver, [edited, SECOND]));
    expect(refusal).toContain("Migration 0001_first was edited");
    expect(refusal).toContain("write a new migration");
  });

  test("a database newer than the program is refused by name, with what to do", async () => {
    const driver = await fresh();
    await migrate(driver, [FIRST, SECOND]);
    const refusal = await refusalOf(migrate(driver, [FIRST]));
    expect(refusal).toContain("0002_second");
    expect(refusal).toContain("Start a newer version");
    expect(await columnsOf(driver)).toEqual(["film", "year"]);
  });

  test("a migration that stands before one that has been applied is refused", async () => {
    const driver = await fresh();
    await migrate(driver, [FIRST, SECOND]);
    const between = { name: "0001b_between", sql: "create table public.between_two (one text);" };
    expect(await refusalOf(migrate(driver, [FIRST, between, SECOND]))).toContain("0001b_between");
  });

  test("a migration that fails half way leaves nothing, of itself or of those before it", async () => {
    const driver = await fresh();
    const failing = {
      name: "0003_failing",
      sql: "alter table public.shelf add column genre text; insert into public.no_such_table values (1); select 1;",
    };
    const refusal = await refusalOf(migrate(driver, [FIRST, SECOND, failing]));
    expect(refusal).toContain("0003_failing");
    expect(refusal).toContain("no_such_table");
    expect(await columnsOf(driver)).toEqual([]);
    // Nothing stands in the way of the corrected one.
    const corrected = { ...failing, sql: "alter table public.shelf add column genre text;" };
    expect(await migrate(driver, [FIRST, SECOND, corrected])).toEqual(["0001_first", "0002_second", "0003_failing"]);
    expect(await columnsOf(driver)).toEqual(["film", "year", "genre"]);
  });

  test("a file is read as PostgreSQL reads it: comments, quotes and semicolons wherever they stand", async () => {
    const driver = await fresh();
    const sql = `
      -- A comment; with a semicolon;
      create table public.shelf (film text); create table public.odd (one text, two text); -- two on a line
      /* A block; of
         comment; */
      insert into public.odd values ('a;
      b', $$c;$$);
      create function public.both() returns text language plpgsql as $body$
      declare quoted text := $$;$$;
      begin
        -- it's fine;
        return (select one || quoted || two from public.odd);
      end
      $body$;
      select 1`;
    expect(await migrate(driver, [{ name: "0001_odd", sql }])).toEqual(["0001_odd"]);
    const [row] = await driver.query("select public.both() as said");
    expect(row).toEqual({ said: "a;\n      b;c;" });
    await driver.query("drop function public.both()");
    await driver.query("drop table public.odd");
  });

  test("no migration of ours begins or ends a transaction by itself", async () => {
    const driver = await fresh();
    await driver.transaction(async (query, script) => {
      const transaction = async () => (await query("select pg_current_xact_id()::text as id"))[0];
      const before = await transaction();
      for (const { sql } of MIGRATIONS) {
        await script(sql);
        expect(await transaction()).toEqual(before);
      }
    });
  });

  test("what failed in a transaction takes the whole of it along, also when the failure was caught", async () => {
    const driver = await fresh();
    const caught = driver.transaction(async (query) => {
      await query("create table public.shelf (film text)");
      await query("select no_such_column").catch(() => undefined);
      return "went well";
    });
    expect(await caught.catch((error: unknown) => String(error))).toContain("no_such_column");
    expect(await columnsOf(driver)).toEqual([]);
  });
};

/** One database serves all tests, for making one takes long: each takes away what the one before it has made. */
const emptied = async (driver: Driver): Promise<Driver> => {
  await driver.query("drop schema if exists billing, accounts cascade");
  await driver.query("drop table if exists public.shelf, public.matinee_migrations");
  return driver;
};

describe("Migrations on PGlite", () => {
  let driver: Driver;
  beforeAll(async () => {
    driver = await pglite(null);
  }, SLOW_MS);
  afterAll(() => driver.close());
  migrations(() => emptied(driver));
});

const opened: Driver[] = [];
const connect = (url: string): Driver => {
  const driver = postgresJs({ url, max: 4, role: null });
  opened.push(driver);
  return driver;
};
afterAll(async () => {
  await Promise.all(opened.map((driver) => driver.close()));
  await dropDatabases();
}, SLOW_MS);

describe.skipIf(!hasPostgres)("Migrations on PostgreSQL", () => {
  let url: string;
  let driver: Driver;
  beforeAll(async () => {
    url = await freshDatabase();
    driver = connect(url);
  }, SLOW_MS);
  migrations(() => emptied(driver));

  test("of four that start at once on a fresh database one migrates and the others find it done", async () => {
    await emptied(driver);
    const applied = await Promise.all([1, 2, 3, 4].map(() => migrate(connect(url))));
    expect(applied.filter(({ length }) => length > 0)).toEqual([NAMES]);
  });

  test("whoever comes second waits until the first has done", async () => {
    await emptied(driver);
    let migrating: Promise<readonly string[]> = Promise.resolve([]);
    await driver.transaction(async (query) => {
      await query("select pg_advisory_xact_lock(7011202611)");
      migrating = migrate(driver);
      await until("the second waits for the advisory lock", async () => {
        const [row] = await query(
          "select count(*)::int as waiting from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())",
        );
        return row?.["waiting"] === 1;
      });
      const [row] = await query("select to_regclass('public.matinee_migrations')::text as made");
      expect(row).toEqual({ made: null });
    });
    expect(await migrating).toEqual(NAMES);
  });

  describe("while a payment holds what a migration needs", () => {
    const note: Migration = { name: "0900_note", sql: "alter table billing.invoices add column note text;" };
    /** Runs `meanwhile` while a transaction of the State Updater has written to the invoices and not committed. */
    const duringPayment = async (meanwhile: () => Promise<void>): Promise<void> =>
      driver.transaction(async (query) => {
        await query("lock table billing.invoices in row exclusive mode");
        await meanwhile();
      });

    test(
      "it gives way within 2 s and leaves nothing, so that others need not wait behind it",
      async () => {
        await emptied(driver);
        await migrate(driver);
        await duringPayment(async () => {
          const migrating = refusalOf(migrate(driver, [...MIGRATIONS, note], { tries: 1 }));
          await until("the migration waits for its lock", async () => {
            const [row] = await driver.query(
              "select count(*)::int as waiting from pg_locks where relation = 'billing.invoices'::regclass and not granted",
            );
            return row?.["waiting"] === 1;
          });
          // This one stands behind the migration in the queue, and is not refused.
          const reading = driver.query("select count(*)::int as invoices from billing.invoices");
          expect(await migrating).toContain("lock timeout");
          expect(await reading).toEqual([{ invoices: 0 }]);
        });
        expect(await migrate(driver, [...MIGRATIONS, note])).toEqual(["0900_note"]);
      },
      SLOW_MS,
    );

    test(
      "it comes again by itself, and succeeds once the payment is done",
      async () => {
        await emptied(driver);
        await migrate(driver);
        let tries = 0;
        const counting: Driver = {
          ...driver,
          transaction: (run) => {
            tries += 1;
            return driver.transaction(run);
          },
        };
        let migrating: Promise<readonly string[]> = Promise.resolve([]);
        await duringPayment(async () => {
          migrating = migrate(counting, [...MIGRATIONS, note], { pauseMs: 1 });
          await until("it gave way and comes again", () => tries === 2);
        });
        expect(await migrating).toEqual(["0900_note"]);
        expect(tries).toBe(2);
      },
      SLOW_MS,
    );
  });
});

describe.skipIf(!hasOwnPostgres)("Migrations on a cluster that has never seen us", () => {
  let server: OwnPostgres;
  beforeAll(async () => {
    server = await ownPostgres();
  }, SLOW_MS);
  afterAll(() => server.destroy(), SLOW_MS);
  const masterKey = new Uint8Array(32);

  test(
    "four fresh databases of one cluster migrate at once, though roles belong to the cluster",
    async () => {
      const urls = await Promise.all(["one", "two", "three", "four"].map((name) => server.database(name)));
      const stores = await Promise.all(urls.map((url) => openPostgres({ url, masterKey, role: "matinee_updater" })));
      for (const store of stores) {
        expect(await store.queries.plans("all")).toEqual({ ok: true, value: [] });
        await store.close();
      }
    },
    SLOW_MS,
  );

  test(
    "an owner without any other rights migrates, and may act as both roles",
    async () => {
      const admin = connect(await server.database("admin"));
      await admin.query("create role landlord login createrole");
      await admin.query("create database house owner landlord");
      const url = `postgres://landlord@127.0.0.1:${server.port}/house`;
      for (const role of ["matinee_updater", "matinee_api"] as const) {
        const store = await openPostgres({ url, masterKey, role });
        expect(await store.queries.plans("all")).toEqual({ ok: true, value: [] });
        await store.close();
      }
    },
    SLOW_MS,
  );
});
