import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Driver, SqlError } from "../../../src/adapters/postgres/driver.ts";
import { migrate } from "../../../src/adapters/postgres/migrate.ts";
import { pglite } from "../../../src/adapters/postgres/pglite.ts";
import { postgresJs } from "../../../src/adapters/postgres/postgres-js.ts";
import { COLUMNS, keyColumns, printRow, printRows, readRow } from "../../../src/adapters/postgres/rows.ts";
import { READ_MODEL, type Row, type TableName } from "../../../src/core/billing/read-model.ts";
import { CHECKED, SHARED, STAYING } from "../../contracts/constraint-cases.ts";
import { newInvoice, row } from "../../support/commits.ts";
import { dropDatabases, freshDatabase, hasPostgres } from "../../support/services.ts";
import { until } from "../../support/until.ts";

/** PGlite makes a database of its own in seconds, and in many on a busy machine. */
const FIRST_START_MS = 60_000;
afterAll(dropDatabases, FIRST_START_MS);

const TABLES = Object.keys(READ_MODEL) as readonly TableName[];
/** What is no projection: the log, the doors, and what the database keeps for itself. */
const OTHERS = [
  "leases",
  "streams",
  "events",
  "outcomes",
  "outbox",
  "intake",
  "vault_keys",
  "vault",
  "settings",
  "transactions",
];

const insert = (driver: Driver, one: Row): Promise<unknown> =>
  driver.query(
    `insert into billing.${one.table} select * from jsonb_populate_record(null::billing.${one.table}, $1::text::jsonb)`,
    [JSON.stringify(printRow(one))],
  );
/** Makes the row `from` into `to`, its key included. */
const update = (driver: Driver, from: Row, to: Row): Promise<unknown> => {
  const columns = COLUMNS[from.table].map(({ sql }) => sql).join(", ");
  const keys = keyColumns(from.table).map((key) => `old.${key}::text = $2::text::jsonb ->> '${key}'`);
  return driver.query(
    `update billing.${from.table} old set (${columns}) =
      (select ${columns} from jsonb_populate_record(null::billing.${from.table}, $1::text::jsonb))
     where ${keys.join(" and ")}`,
    [JSON.stringify(printRow(to)), JSON.stringify(printRow(from))],
  );
};
const writeRows = (driver: Driver, removed: readonly Row[], written: readonly Row[]): Promise<unknown> =>
  driver.query("select billing.write_rows($1::text::jsonb, $2::text::jsonb)", [
    JSON.stringify(printRows(removed)),
    JSON.stringify(printRows(written)),
  ]);

const brokenBy = async (statement: Promise<unknown>): Promise<string | null> => {
  const error = await statement.then(
    () => null,
    (refused: unknown) => refused,
  );
  if (error === null) return null;
  if (!(error instanceof SqlError)) throw error;
  expect(error.sqlState).toMatch(/^23/);
  return error.constraint;
};

/** Columns whose values other columns or a list of words allow; all others may hold anything. */
const OTHER_VALUES: { readonly [Name in TableName]?: Readonly<Record<string, unknown>> } = {
  plans: { status: "archived" },
  customers: { status: "erased" },
  cards: { status: "blocked" },
  subscriptions: { status: "paused", place: "queued" },
  invoices: { status: "paid", purpose: "change", totalMinor: 31_000n, creditMinor: 1000n, dueMinor: 30_000n },
  attempts: { kind: "offer", status: "closed" },
  captures: { role: "extra" },
  refunds: { status: "done" },
};
/** With whom a row belongs, it stays. */
const NEVER_CHANGES = new Set([
  "attempts.invoiceId",
  "captures.invoiceId",
  "cards.accountId",
  "mismatches.invoiceId",
  "refunds.invoiceId",
]);

const otherRow = (one: Row): Row => {
  const other: Record<string, unknown> = {};
  const key: readonly string[] = READ_MODEL[one.table].key;
  for (const { name, kind } of COLUMNS[one.table]) {
    const value = (one.row as Readonly<Record<string, unknown>>)[name];
    const stays = key.includes(name) || NEVER_CHANGES.has(`${one.table}.${name}`);
    other[name] = stays ? value : (OTHER_VALUES[one.table]?.[name] ?? otherValue(kind, value));
  }
  return { table: one.table, row: other } as Row;
};
const otherValue = (kind: string, value: unknown): unknown => {
  if (kind === "text") return `${value ?? ""}, other`;
  if (kind === "flag") return value !== true;
  return kind === "minor" ? BigInt((value ?? 0n) as bigint) + 1n : Number(value ?? 0) + 1000;
};

const SQL_TYPES: Readonly<Record<string, string>> = {
  text: "text",
  count: "integer",
  minor: "bigint",
  flag: "boolean",
  instant: "timestamp(3) with time zone",
};

const schema = (open: () => Promise<Driver>): void => {
  let driver: Driver;
  beforeAll(async () => {
    driver = await open();
    await migrate(driver);
  }, FIRST_START_MS);
  afterAll(() => driver.close());

  describe("the read model", () => {
    test("the schema has its tables, and no others than are named here", async () => {
      const found = await driver.query(
        "select relname::text as name from pg_class where relnamespace = 'billing'::regnamespace and relkind in ('r', 'v', 'm', 'p')",
      );
      expect(found.map(({ name }) => String(name)).sort()).toEqual([...TABLES, ...OTHERS].sort());
    });

    test.each(TABLES)("%s has its columns in order, with their types, and its key", async (table) => {
      const found = await driver.query(
        `select attname::text as name, format_type(atttypid, atttypmod) as type, not attnotnull as empty
         from pg_attribute where attrelid = 'billing.${table}'::regclass and attnum > 0 and not attisdropped order by attnum`,
      );
      const columns: readonly (readonly [string, string])[] = Object.entries(READ_MODEL[table].columns);
      expect(found.map((column) => ({ ...column }))).toEqual(
        columns.map(([name, kind]) => ({
          name: name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
          type: SQL_TYPES[kind.replace("?", "")],
          empty: kind.endsWith("?"),
        })),
      );
      const [key] = await driver.query(
        `select string_agg(attname, ',' order by place) as columns, bool_and(collname = 'C') as in_order_of_bytes
         from pg_index cross join lateral unnest(indkey) with ordinality as part (attnum, place)
         join pg_attribute on attrelid = indrelid and pg_attribute.attnum = part.attnum left join pg_collation on pg_collation.oid = attcollation
         where indrelid = 'billing.${table}'::regclass and indisprimary`,
      );
      expect(key).toEqual({ columns: keyColumns(table).join(","), in_order_of_bytes: true });
    });

    test.each(TABLES)("a commit writes each column of %s, changes each, and removes the row", async (table) => {
      const before = row(table) as Row;
      const after = otherRow(before);
      const all = async (): Promise<readonly unknown[]> => {
        const key = keyColumns(table).map((column) => `${column}::text = $1::text::jsonb ->> '${column}'`);
        const found = await driver.query(`select * from billing.${table} where ${key.join(" and ")}`, [
          JSON.stringify(printRow(before)),
        ]);
        return found.map((one) => readRow(table, one));
      };
      await writeRows(driver, [], [before]);
      expect(await all()).toEqual([before.row]);
      await writeRows(driver, [], [after]);
      expect(await all()).toEqual([after.row]);
      const kept = Object.entries(before.row).filter(([name, value]) => Object(after.row)[name] === value);
      const stays = Object.keys(before.row).filter((name) => NEVER_CHANGES.has(`${table}.${name}`));
      expect(kept.map(([name]) => name).sort()).toEqual([...READ_MODEL[table].key, ...stays].sort());
      await writeRows(driver, [after], []);
      expect(await all()).toEqual([]);
    });
  });

  describe("events are append-only, for the owner as well", () => {
    const stream = "customer/of-the-log";
    const append = (version: number) =>
      driver.query(
        "insert into billing.events (stream, version, type, schema, body, caused_by, recorded_at) values ($1, $2, 'CreditAdded', 1, '{}', 'cmd_1', now())",
        [stream, version],
      );
    beforeAll(async () => {
      await append(1);
    });
    test.each([
      "update billing.events set body = '{}'",
      "update billing.events set recorded_at = now()",
      "delete from billing.events",
      "truncate billing.events",
      "truncate billing.events cascade",
      "insert into billing.events select * from billing.events on conflict (stream, version) do update set body = excluded.body",
    ])("%s", async (statement) => {
      const error = await driver.query(statement).catch((refused: unknown) => refused);
      expect(error).toBeInstanceOf(SqlError);
      expect(String(error)).toContain("events are never changed");
      const [found] = await driver.query(
        "select caused_by from billing.events where stream = $1 and version = 1 and recorded_at <= now()",
        [stream],
      );
      expect(found).toEqual({ caused_by: "cmd_1" });
    });
    test("one version of a stream is one fact, and versions begin with 1", async () => {
      expect(await brokenBy(append(1))).toBe("events_pkey");
      expect(await brokenBy(append(0))).toBe("events_version_check");
      expect(await brokenBy(append(2))).toBeNull();
    });
  });

  describe("an illegal state is refused by the database itself, whoever writes it", () => {
    for (const [constraint, { says, rows }] of Object.entries(SHARED)) {
      test(`${says}: ${constraint}`, async () => {
        const { stands, refused, allowed } = rows();
        await insert(driver, stands);
        expect(await brokenBy(insert(driver, refused))).toBe(constraint);
        for (const one of allowed) {
          expect(await brokenBy(insert(driver, one))).toBeNull();
          if (one.table === refused.table) expect(await brokenBy(update(driver, one, refused))).toBe(constraint);
        }
      });
    }
    for (const [constraint, { says, rows }] of Object.entries(STAYING)) {
      test(`${says}: ${constraint}`, async () => {
        const { stands, moved, changed } = rows();
        await insert(driver, stands);
        expect(await brokenBy(update(driver, stands, moved))).toBe(constraint);
        expect(await brokenBy(writeRows(driver, [], [moved]))).toBe(constraint);
        expect(await brokenBy(update(driver, stands, changed))).toBeNull();
      });
    }
    for (const [constraint, { says, refused, allowed }] of Object.entries(CHECKED)) {
      test(`${says}: ${constraint}`, async () => {
        for (const one of refused) {
          expect(await brokenBy(insert(driver, one))).toBe(constraint);
          const sound = row(one.table) as Row;
          await insert(driver, sound);
          expect(await brokenBy(update(driver, sound, one))).toBe(constraint);
        }
        for (const one of allowed) expect(await brokenBy(insert(driver, one))).toBeNull();
      });
    }

    test("each transaction of a gateway account stands once, among captures and mismatches together: transactions_once", async () => {
      const [capture, mismatch] = [row("captures"), row("mismatches")];
      const { transactionId } = capture.row;
      await insert(driver, capture);
      await insert(driver, mismatch);
      const once = "transactions_once";
      expect(await brokenBy(insert(driver, row("mismatches", { transactionId })))).toBe(once);
      expect(await brokenBy(insert(driver, row("captures", { transactionId: mismatch.row.transactionId })))).toBe(once);
      // Nor is it taken over: neither by a statement, nor by a commit that knows nothing of the other invoice.
      const taken = row("captures", { ...capture.row, invoiceId: newInvoice() });
      expect(await brokenBy(update(driver, capture, taken))).toBe(once);
      expect(await brokenBy(writeRows(driver, [], [taken]))).toBe(once);
      const takenMismatch = row("mismatches", { ...mismatch.row, invoiceId: newInvoice() });
      expect(await brokenBy(writeRows(driver, [], [takenMismatch]))).toBe(once);
      const renamed = row("captures", { ...capture.row, transactionId: row("captures").row.transactionId });
      expect(await brokenBy(update(driver, capture, renamed))).toBe(once);
      // The same number at another gateway account is another transaction; a row made again is the same.
      expect(await brokenBy(insert(driver, row("captures", { transactionId, gatewayAccount: "other" })))).toBeNull();
      await writeRows(driver, [capture], []);
      expect(await brokenBy(insert(driver, capture))).toBeNull();
    });

    test("a secret has the key that it was sealed with, goes with it, and never stands under the next", async () => {
      const newKey = async (owner: string): Promise<unknown> => {
        const insert = "insert into billing.vault_keys (owner, wrapped) values ($1, '') returning key_id::text as id";
        return (await driver.query(insert, [owner]))[0]?.["id"];
      };
      const keep = (owner: string, key: unknown) =>
        driver.query(
          `insert into billing.vault (owner, key_id, kind, name, secret, kept_at) values ($1, $2::uuid, 'card', 'c', '', now())
           on conflict (owner, kind, name) do update set key_id = excluded.key_id`,
          [owner, String(key)],
        );
      const [first, other] = [await newKey("acc_1"), await newKey("acc_2")];
      expect(await brokenBy(keep("acc_1", other))).toBe("vault_key_fkey");
      expect(await brokenBy(keep("acc_1", first))).toBeNull();
      await driver.query("delete from billing.vault_keys where owner = 'acc_1'");
      const [left] = await driver.query("select count(*)::int as secrets from billing.vault");
      expect(left).toEqual({ secrets: 0 });
      const next = await newKey("acc_1");
      expect(await brokenBy(keep("acc_1", first))).toBe("vault_key_fkey");
      expect(await brokenBy(keep("acc_1", next))).toBeNull();
      expect(await brokenBy(keep("acc_1", first))).toBe("vault_key_fkey");
    });

    test("what comes in is a command or a callback, and each once", async () => {
      const accept = (id: string, kind: string) =>
        driver.query(
          "insert into billing.intake (id, kind, fingerprint, body, received_at) values ($1, $2, '', '', now())",
          [id, kind],
        );
      expect(await brokenBy(accept("cmd_1", "rumour"))).toBe("intake_kind_check");
      expect(await brokenBy(accept("cmd_1", "command"))).toBeNull();
      expect(await brokenBy(accept("cmd_1", "callback"))).toBe("intake_pkey");
    });
  });
};

describe("The schema on PGlite", () => schema(() => pglite(null)));
describe.skipIf(!hasPostgres)("The schema on PostgreSQL", () => {
  schema(async () => postgresJs({ url: await freshDatabase(), max: 2, role: null }));

  test("of two who record one transaction at once, as capture and as mismatch, the later is refused", async () => {
    const driver = postgresJs({ url: await freshDatabase(), max: 2, role: null });
    await migrate(driver);
    const capture = row("captures");
    let told: Promise<string | null> = Promise.resolve(null);
    await driver.transaction(async (query) => {
      await insert({ ...driver, query }, capture);
      told = brokenBy(insert(driver, row("mismatches", { transactionId: capture.row.transactionId })));
      await until("the later waits for the earlier", async () => {
        const [lock] = await query(
          "select count(*)::int as waiting from pg_locks where locktype = 'transactionid' and not granted and transactionid = pg_current_xact_id()::xid",
        );
        return lock?.["waiting"] === 1;
      });
    });
    expect(await told).toBe("transactions_once");
    await driver.close();
  });
});
