import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Driver } from "../../../src/adapters/postgres/driver.ts";
import { MIGRATIONS, migrate } from "../../../src/adapters/postgres/migrate.ts";
import { pglite } from "../../../src/adapters/postgres/pglite.ts";
import { postgresJs } from "../../../src/adapters/postgres/postgres-js.ts";
import { type DatabaseRole, openPglite, storeOver } from "../../../src/adapters/postgres/store.ts";
import type { CommandId, SessionId } from "../../../src/core/ids.ts";
import type { IntakeEntry } from "../../../src/core/ports/intake.ts";
import type { Store } from "../../../src/core/ports/store.ts";
import { HOUR_MS, plusMs } from "../../../src/core/time.ts";
import { accountNamed, MOSCOW, openCinema, rub, START, sha256 } from "../../support/cinema.ts";
import { bringing, newAccount, newCommand } from "../../support/commits.ts";
import { dropDatabases, freshDatabase, hasPostgres } from "../../support/services.ts";

const MASTER_KEY = new Uint8Array(32).fill(7);
const FIRST_START_MS = 60_000;
afterAll(dropDatabases, FIRST_START_MS);

const ROLES = ["matinee_api", "matinee_updater"] as const satisfies readonly DatabaseRole[];
const RIGHTS = ["select", "insert", "update", "delete", "truncate", "references", "trigger"] as const;

/**
 * What each role may do to each table; "(…)": to these columns only. A new table fails the test until it stands here, so
 * that somebody decides who may see it.
 */
const READ = "select";
const MAY: Readonly<Record<string, { readonly api: string; readonly updater: string }>> = {
  plans: { api: READ, updater: READ },
  prices: { api: READ, updater: READ },
  customers: { api: READ, updater: READ },
  credits: { api: READ, updater: READ },
  cards: { api: READ, updater: READ },
  setups: { api: READ, updater: READ },
  subscriptions: { api: READ, updater: READ },
  periods: { api: READ, updater: READ },
  access: { api: READ, updater: READ },
  notices: { api: READ, updater: READ },
  invoices: { api: READ, updater: READ },
  attempts: { api: READ, updater: READ },
  captures: { api: READ, updater: READ },
  refunds: { api: READ, updater: READ },
  mismatches: { api: READ, updater: READ },
  due: { api: READ, updater: READ },
  settings: { api: READ, updater: READ },
  outcomes: { api: READ, updater: READ },
  events: { api: "", updater: READ },
  streams: { api: "", updater: READ },
  transactions: { api: "", updater: READ },
  outbox: { api: "", updater: "select, update (relayed_at)" },
  intake: { api: READ, updater: "select, update (suspended_at suspended_because told_at wait_until)" },
  leases: { api: "", updater: "select, insert, update, delete" },
  vault_keys: { api: "select, insert", updater: "select, insert, delete" },
  vault: {
    api: "select (kind name owner), insert, update (expires_at kept_at key_id secret)",
    updater: "select, insert, update, delete",
  },
};
/** The same of accounts: in one process with one connection the State Updater's role signs people in as well. */
const ACCOUNTS = "select, insert, update (password_hash)";
const SESSIONS = "select, insert, update (ended_at generation idle_until rotated_at)";
const MAY_IN_ACCOUNTS: typeof MAY = {
  accounts: { api: ACCOUNTS, updater: ACCOUNTS },
  sessions: { api: SESSIONS, updater: SESSIONS },
  refresh_tokens: { api: "select, insert", updater: "select, insert" },
};
/** All others are the owner's own. */
const MAY_RUN: Readonly<Record<DatabaseRole, readonly string[]>> = {
  matinee_api: ["accept", "accept_check", "accept_commands", "chain_of", "remember"],
  matinee_updater: ["accept", "accept_check", "accept_commands", "chain_of", "commit_all", "remember"],
};

type Schema = "billing" | "accounts";
const rightsOf = async (
  driver: Driver,
  role: DatabaseRole,
  table: string,
  schema: Schema = "billing",
): Promise<string> => {
  const held: string[] = [];
  for (const right of RIGHTS) {
    const [row] = await driver.query(
      `select has_table_privilege($1, '${schema}.${table}'::regclass, $2) as whole,
        (select string_agg(attname, ' ' order by attname) from pg_attribute
         where attrelid = '${schema}.${table}'::regclass and attnum > 0 and not attisdropped
           and $2 in ('select', 'insert', 'update', 'references') and has_column_privilege($1, attrelid, attnum,
             case when $2 in ('select', 'insert', 'update', 'references') then $2 else 'select' end)) as columns`,
      [role, right],
    );
    if (row?.["whole"] === true) held.push(right);
    else if (row !== undefined && row["columns"] !== null) held.push(`${right} (${row["columns"]})`);
  }
  return held.join(", ");
};
const tablesOf = async (driver: Driver, schema: Schema): Promise<readonly string[]> =>
  (
    await driver.query(
      `select relname::text as name from pg_class where relnamespace = '${schema}'::regnamespace and relkind in ('r', 'v', 'm', 'p')`,
    )
  ).map(({ name }) => String(name));
const functionsOf = async (driver: Driver, role: string, schema: Schema = "billing"): Promise<readonly string[]> =>
  (
    await driver.query(
      `select proname::text as name from pg_proc where pronamespace = '${schema}'::regnamespace and has_function_privilege($1, oid, 'execute') order by 1`,
      [role],
    )
  ).map(({ name }) => String(name));

const refusedTo = async (statement: Promise<unknown>): Promise<void> => {
  const error = await statement.then(
    () => "was allowed",
    (refused: unknown) => refused,
  );
  expect(String(error)).toMatch(/permission denied|must be owner/);
};
const entry = (id: CommandId = newCommand()): IntakeEntry => ({
  id,
  kind: "command",
  fingerprint: "asked",
  body: "{}",
  accountId: newAccount(),
  attemptId: null,
  gatewayAccount: null,
  transactionId: null,
  requestId: null,
  sender: null,
  receivedAt: START,
});
const secret = (text: string) =>
  ({ kind: "card", name: "crd_1", secret: text, keptAt: START, expiresAt: null }) as const;

/** A new account that has signed in. */
const signsIn = async (store: Store) => {
  const accountId = newAccount();
  const sessionId = accountId.replace("acc_", "ses_") as SessionId;
  const [hash, nextHash] = [sha256(sessionId).toHex(), sha256(`${sessionId} next`).toHex()];
  const account = { accountId, email: `${accountId}@example.com`, passwordHash: "$1", zone: MOSCOW, createdAt: START };
  expect(await store.accounts.create({ ...account, language: "ru" })).toEqual({ ok: true, value: "created" });
  const endsAt = plusMs(START, HOUR_MS);
  const session = { sessionId, accountId, openedAt: START, idleUntil: endsAt, endsAt };
  expect(await store.accounts.openSession({ ...session, refreshHash: hash })).toEqual({ ok: true, value: null });
  expect(await store.accounts.session(sessionId, START)).toEqual({ ok: true, value: session });
  return { session, hash, nextHash };
};

type Acting = { readonly driver: Driver; readonly store: Store };
/** `acting`: the same database, seen through a connection of that role. Null: the owner. */
const roles = (acting: (role: DatabaseRole | null) => Promise<Acting>): void => {
  describe("rights", () => {
    test.each([
      ["billing", MAY],
      ["accounts", MAY_IN_ACCOUNTS],
    ] as const)("in %s each role has the rights of this table and no others", async (schema, may) => {
      const { driver } = await acting(null);
      expect((await tablesOf(driver, schema)).toSorted()).toEqual(Object.keys(may).sort());
      for (const [table, { api, updater }] of Object.entries(may)) {
        expect([table, "api", await rightsOf(driver, "matinee_api", table, schema)]).toEqual([table, "api", api]);
        expect([table, "updater", await rightsOf(driver, "matinee_updater", table, schema)]).toEqual([
          table,
          "updater",
          updater,
        ]);
      }
    });

    test("each role may run its own functions only, and makes nothing in the schema", async () => {
      const { driver } = await acting(null);
      for (const role of ROLES) {
        expect(await functionsOf(driver, role)).toEqual(MAY_RUN[role]);
        const [may] = await driver.query(
          "select has_schema_privilege($1, 'billing', 'usage') as look, has_schema_privilege($1, 'billing', 'create') as make, has_schema_privilege($1, 'public', 'create') as make_elsewhere",
          [role],
        );
        expect(may).toEqual({ look: true, make: false, make_elsewhere: false });
        expect(await functionsOf(driver, role, "accounts")).toEqual(["rotate"]);
        const [mayToo] = await driver.query(
          "select has_schema_privilege($1, 'accounts', 'usage') as look, has_schema_privilege($1, 'accounts', 'create') as make",
          [role],
        );
        expect(mayToo).toEqual({ look: true, make: false });
      }
    });

    test("everybody else may do nothing at all", async () => {
      const { driver } = await acting(null);
      const open = await driver.query(
        `select 'table ' || relname as what from pg_class cross join lateral aclexplode(coalesce(relacl, acldefault('r', relowner))) as acl
         where relnamespace in ('billing'::regnamespace, 'accounts'::regnamespace) and acl.grantee = 0 and relkind in ('r', 'v', 'm', 'p', 'S')
         union all select 'function ' || proname from pg_proc cross join lateral aclexplode(coalesce(proacl, acldefault('f', proowner))) as acl
         where pronamespace in ('billing'::regnamespace, 'accounts'::regnamespace) and acl.grantee = 0
         union all select 'schema' from pg_namespace cross join lateral aclexplode(nspacl) as acl where nspname in ('billing', 'accounts') and acl.grantee = 0`,
      );
      expect(open).toEqual([]);
    });

    test("what a later migration makes is closed until it is opened", async () => {
      const { driver } = await acting(null);
      const sql = `create table billing.gifts (code text primary key, position bigint generated always as identity);
        create function billing.give() returns text language sql as 'select code from billing.gifts';
        create view billing.given as select code from billing.gifts;`;
      await migrate(driver, [...MIGRATIONS, { name: "0900_gifts", sql }]);
      for (const role of ROLES) {
        expect(await rightsOf(driver, role, "gifts")).toBe("");
        expect(await rightsOf(driver, role, "given")).toBe("");
        expect(await functionsOf(driver, role)).toEqual(MAY_RUN[role]);
      }
      await driver.query("drop view billing.given");
      await driver.query("drop function billing.give()");
      await driver.query("drop table billing.gifts");
      await driver.query("delete from public.matinee_migrations where name = '0900_gifts'");
    });

    test("a function that lends the owner's rights looks nothing up where its caller may put things", async () => {
      const { driver } = await acting(null);
      const lending = await driver.query(
        `select proname::text as name, (select setting from unnest(proconfig) as setting where setting like 'search_path=%') as path
         from pg_proc where pronamespace in ('billing'::regnamespace, 'accounts'::regnamespace) and prosecdef order by 1`,
      );
      const path = "search_path=pg_catalog, billing, pg_temp";
      expect(lending.map((one) => ({ ...one }))).toEqual([
        { name: "accept", path },
        { name: "accept_check", path },
        { name: "accept_commands", path },
        { name: "chain_of", path },
        { name: "commit_all", path },
        { name: "remember", path },
      ]);
    });
  });

  describe("the API", () => {
    test("reads everything that reads use", async () => {
      const { store } = await acting("matinee_api");
      const accountId = newAccount();
      const page = { after: null, limit: 10 };
      const nothing = { ok: true, value: [] } as const;
      expect(await store.queries.customer(accountId)).toEqual({ ok: true, value: null });
      expect((await store.queries.plans("all")).ok).toBe(true);
      expect(await store.queries.subscriptionsOf(accountId, page)).toEqual(nothing);
      expect(await store.queries.invoicesOf(accountId, page)).toEqual(nothing);
      expect(await store.queries.access(accountId, START)).toEqual({ ok: true, value: null });
      expect((await store.queries.mismatches(10)).ok).toBe(true);
      expect(await store.storage.outcome(newCommand())).toEqual({ ok: true, value: null });
    });

    test("leaves what it accepts in the intake, through its door only", async () => {
      const { driver, store } = await acting("matinee_api");
      const id = newCommand();
      expect(await store.intake.accept(entry(id))).toEqual({ ok: true, value: { status: "accepted" } });
      expect(await store.intake.accept(entry(id))).toMatchObject({ value: { status: "repeated" } });
      await refusedTo(
        driver.query(
          "insert into billing.intake (id, kind, fingerprint, body, received_at) values ('x', 'command', '', '', now())",
        ),
      );
      await refusedTo(driver.query("update billing.intake set body = 'another'"));
      await refusedTo(driver.query("delete from billing.intake"));
      await refusedTo(store.intake.wait(id, START));
      await refusedTo(driver.query("select billing.wake_intake('a', 'b', 'c')"));
    });

    test("keeps a secret, also in the place of an older one, and reads none", async () => {
      const { driver, store } = await acting("matinee_api");
      const accountId = newAccount();
      expect(await store.vault.keep(accountId, secret("first"))).toEqual({ ok: true, value: null });
      expect(await store.vault.keep(accountId, secret("second"))).toEqual({ ok: true, value: null });
      await refusedTo(store.vault.open(accountId, "card", "crd_1"));
      await refusedTo(driver.query("select secret from billing.vault"));
      await refusedTo(driver.query("update billing.vault set secret = '' where key_id is not null"));
      await refusedTo(driver.query("select * from billing.vault"));
      await refusedTo(driver.query("update billing.vault set kind = 'callback' returning secret"));
      await refusedTo(store.vault.forget(accountId, "card", "crd_1"));
      await refusedTo(store.vault.erase(accountId));
      await refusedTo(driver.query("update billing.vault_keys set wrapped = ''"));
      const updater = await acting("matinee_updater");
      expect(await updater.store.vault.open(accountId, "card", "crd_1")).toEqual({ ok: true, value: "second" });
    });

    test.each(ROLES)("signs up, in and out as %s, and takes nothing away", async (role) => {
      const { driver, store } = await acting(role);
      const { session, hash, nextHash } = await signsIn(store);
      const asked = { hash, nextHash, at: plusMs(START, 1), idleUntil: session.endsAt, leewayMs: 0 };
      expect(await store.accounts.rotate(asked)).toMatchObject({ value: { status: "rotated" } });
      expect((await store.accounts.rehash(session.accountId, "$1", "$2")).ok).toBe(true);
      expect((await store.accounts.endSession(session.sessionId, START)).ok).toBe(true);
      for (const table of ["accounts", "sessions", "refresh_tokens"])
        await refusedTo(driver.query(`delete from accounts.${table}`));
      await refusedTo(driver.query("update accounts.accounts set email = 'another@example.com'"));
      await refusedTo(driver.query("update accounts.sessions set account_id = 'another'"));
      await refusedTo(driver.query("update accounts.sessions set ends_at = now()"));
      await refusedTo(driver.query("update accounts.refresh_tokens set session_id = 'another'"));
    });

    test("sees no event and commits nothing", async () => {
      const { driver, store } = await acting("matinee_api");
      await refusedTo(driver.query("select count(*) from billing.events"));
      await refusedTo(driver.query("select count(*) from billing.streams"));
      await refusedTo(store.outbox.unrelayed(1));
      await refusedTo(store.storage.commit([bringing()]));
      await refusedTo(driver.query("select billing.commit_all('[]')"));
      await refusedTo(driver.query("select billing.write_rows('{}', '{}')"));
      await refusedTo(driver.query("update billing.invoices set status = 'paid'"));
    });
  });

  describe("the State Updater", () => {
    test("commits, relays, looks after the intake and uses the vault", async () => {
      const { store } = await acting("matinee_updater");
      const cinema = openCinema(store);
      await cinema.sell();
      const accountId = accountNamed("first viewer");
      const { invoiceId } = await cinema.start(accountId);
      expect((await cinema.pay(await cinema.offer(accountId, invoiceId), rub(29_900), "t1")).status).toBe("done");
      expect(await store.queries.invoice(invoiceId)).toMatchObject({ value: { invoice: { status: "paid" } } });

      const unrelayed = await store.outbox.unrelayed(1);
      if (!unrelayed.ok) throw new Error("the outbox answers");
      expect(await store.outbox.relayed(unrelayed.value.map(({ position }) => position))).toEqual({
        ok: true,
        value: null,
      });
      const waiting = entry();
      await store.intake.accept(waiting);
      expect(await store.intake.wait(waiting.id, START)).toEqual({ ok: true, value: null });
      expect(await store.intake.suspend(waiting.id, START, "nobody knows it")).toEqual({ ok: true, value: null });
      await store.vault.keep(accountId, secret("token"));
      expect(await store.vault.open(accountId, "card", "crd_1")).toEqual({ ok: true, value: "token" });
      expect((await store.vault.erase(accountId)).ok).toBe(true);
    });

    test.each([
      "update billing.events set body = '{}'",
      "delete from billing.events",
      "truncate billing.events",
      "insert into billing.events select * from billing.events",
      "alter table billing.events disable trigger all",
      "drop trigger events_stand on billing.events",
      "set session_replication_role = 'replica'",
      "drop table billing.events",
      "drop table billing.plans",
      "drop schema billing cascade",
      "drop function billing.commit_all(jsonb)",
      "create or replace function billing.refuse_change() returns trigger language plpgsql as 'begin return null; end'",
      "create table billing.mine (one text)",
      "update billing.invoices set status = 'paid'",
      "delete from billing.captures",
      "update billing.outcomes set fingerprint = 'another'",
      "delete from billing.outbox",
      "update billing.intake set body = 'another'",
      "update billing.vault_keys set wrapped = ''",
      "select billing.write_rows('{}', '{}')",
      "delete from public.matinee_migrations",
    ])("may not: %s", async (statement) => {
      const { driver } = await acting("matinee_updater");
      await refusedTo(driver.query(statement));
    });

    test("does not rebuild: that is the owner's", async () => {
      const { store } = await acting("matinee_updater");
      await refusedTo(
        store.rebuild(
          "check",
          () => [],
          () => undefined,
        ),
      );
    });
  });
};

describe("Roles on PGlite", () => {
  let driver: Driver;
  let store: Store;
  beforeAll(async () => {
    driver = await pglite(null);
    await migrate(driver);
    store = await storeOver(driver, { masterKey: MASTER_KEY });
  }, FIRST_START_MS);
  afterAll(() => driver.close());
  roles(async (role) => {
    await driver.query(role === null ? "reset role" : `set role ${role}`);
    return { driver, store };
  });

  test(
    "a store that is opened as a role acts as it",
    async () => {
      const api = await openPglite({ folder: null, masterKey: MASTER_KEY, role: "matinee_api" });
      expect(await api.queries.plans("all")).toEqual({ ok: true, value: [] });
      await refusedTo(api.storage.commit([bringing()]));
      await api.close();
    },
    FIRST_START_MS,
  );
});

describe.skipIf(!hasPostgres)("Roles on PostgreSQL", () => {
  const open = new Map<DatabaseRole | null, Acting>();
  beforeAll(async () => {
    const url = await freshDatabase();
    for (const role of [null, ...ROLES]) {
      const driver = postgresJs({ url, max: 2, role });
      if (role === null) await migrate(driver);
      open.set(role, { driver, store: await storeOver(driver, { masterKey: MASTER_KEY }) });
    }
  });
  afterAll(() => Promise.all([...open.values()].map(({ driver }) => driver.close())));
  roles(async (role) => {
    const acting = open.get(role);
    if (acting === undefined) throw new Error("each role has a connection");
    return acting;
  });
});
