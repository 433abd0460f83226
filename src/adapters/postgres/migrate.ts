import { type Driver, SqlError } from "./driver.ts";
import billing from "./migrations/0001_billing.sql" with { type: "text" };
import roles from "./migrations/0002_roles.sql" with { type: "text" };
import guards from "./migrations/0003_guards.sql" with { type: "text" };
import firstPayment from "./migrations/0004_first_payment.sql" with { type: "text" };
import accounts from "./migrations/0005_accounts.sql" with { type: "text" };
import intake from "./migrations/0006_intake.sql" with { type: "text" };
import services from "./migrations/0007_services.sql" with { type: "text" };
import leases from "./migrations/0008_leases.sql" with { type: "text" };

/** A whole file of statements; it neither begins nor ends a transaction. */
export type Migration = { readonly name: string; readonly sql: string };
/** In the order in which they are applied. Forward only: what has been released is never edited, a change is a new file. */
export const MIGRATIONS: readonly Migration[] = [
  { name: "0001_billing", sql: billing },
  { name: "0002_roles", sql: roles },
  { name: "0003_guards", sql: guards },
  { name: "0004_first_payment", sql: firstPayment },
  { name: "0005_accounts", sql: accounts },
  { name: "0006_intake", sql: intake },
  { name: "0007_services", sql: services },
  { name: "0008_leases", sql: leases },
];

/** The schema cannot be brought up to date; the message says why and what to do. */
export class MigrationRefused extends Error {
  override readonly name = "MigrationRefused";
}

/** Gave way to others: a lock that did not come in time, or a deadlock. */
const GAVE_WAY = new Set(["55P03", "40P01"]);
const TRIES = 10;
const PAUSE_MS = 1000;

/**
 * Brings the schema up to date: all in one transaction, so that a failed migration leaves nothing half done. Run again it
 * does nothing; run by two at once, one waits for the other. While payments hold a lock that it needs it gives way and
 * comes again, ten times.
 * @returns the names of the migrations applied now
 */
export const migrate = async (
  driver: Driver,
  migrations: readonly Migration[] = MIGRATIONS,
  { tries = TRIES, pauseMs = PAUSE_MS }: { readonly tries?: number; readonly pauseMs?: number } = {},
): Promise<readonly string[]> => {
  for (let left = tries; ; left -= 1) {
    try {
      return await applyAll(driver, migrations);
    } catch (error) {
      if (!(error instanceof SqlError && GAVE_WAY.has(error.sqlState))) throw error;
      if (left <= 1) {
        throw new MigrationRefused(
          `The migration did not get its locks in ${tries} tries (${error.message}) and has left nothing behind. Try again when the database is less busy.`,
        );
      }
      await Bun.sleep(pauseMs);
    }
  }
};

const applyAll = (driver: Driver, migrations: readonly Migration[]): Promise<readonly string[]> =>
  driver.transaction(async (query, script) => {
    // An advisory lock of this database: whoever comes second finds everything done.
    await query("select pg_advisory_xact_lock(7011202611)");
    await query(
      "create table if not exists public.matinee_migrations (name text primary key, checksum text not null, applied_at timestamptz not null default now())",
    );
    const rows = await query("select name, checksum from public.matinee_migrations order by name");
    const applied = new Map(rows.map(({ name, checksum }) => [String(name), String(checksum)]));
    refuseStrange(applied, migrations);
    // A statement that cannot get its lock in 2 s gives way: the payments that hold it come first.
    await query("set local lock_timeout = '2s'");
    const fresh = migrations.filter(({ name }) => !applied.has(name));
    for (const { name, sql } of fresh) {
      await apply(script, name, sql);
      await query("insert into public.matinee_migrations (name, checksum) values ($1, $2)", [name, checksumOf(sql)]);
    }
    return fresh.map(({ name }) => name);
  });

const apply = async (script: (text: string) => Promise<void>, name: string, sql: string): Promise<void> => {
  try {
    await script(sql);
  } catch (error) {
    if (!(error instanceof SqlError) || GAVE_WAY.has(error.sqlState)) throw error;
    throw new MigrationRefused(`Migration ${name} failed and has left nothing behind: ${error.message}`);
  }
};

const refuseStrange = (applied: ReadonlyMap<string, string>, migrations: readonly Migration[]): void => {
  const known = new Map(migrations.map(({ name, sql }) => [name, checksumOf(sql)]));
  for (const [name, checksum] of applied) {
    const ours = known.get(name);
    if (ours === undefined) {
      throw new MigrationRefused(
        `The database has migration ${name}, which this version does not know. Start a newer version of Matinee.`,
      );
    }
    if (ours !== checksum) {
      throw new MigrationRefused(
        `Migration ${name} was edited after it had been applied. Put the file back as it was, and write a new migration.`,
      );
    }
  }
  const missed = migrations.slice(0, applied.size).find(({ name }) => !applied.has(name));
  if (missed !== undefined) {
    throw new MigrationRefused(
      `Migration ${missed.name} stands before one that has been applied already. Give it a number behind all others.`,
    );
  }
};

const checksumOf = (sql: string): string => new Bun.CryptoHasher("sha256").update(sql).digest("hex");
