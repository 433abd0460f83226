import type { Driver } from "./driver.ts";
import billing from "./migrations/0001_billing.sql" with { type: "text" };
import roles from "./migrations/0002_roles.sql" with { type: "text" };

export type Migration = { readonly name: string; readonly sql: string };
/** In the order in which they are applied. Forward only: what has been released is never edited, a change is a new file. */
export const MIGRATIONS: readonly Migration[] = [
  { name: "0001_billing", sql: billing },
  { name: "0002_roles", sql: roles },
];

/** The schema cannot be brought up to date; the message says why and what to do. */
export class MigrationRefused extends Error {
  override readonly name = "MigrationRefused";
}

/**
 * Brings the schema up to date: all in one transaction, so that a failed migration leaves nothing half done. Run again it
 * does nothing; run by two at once, one waits for the other.
 * @returns the names of the migrations applied now
 */
export const migrate = (driver: Driver, migrations: readonly Migration[] = MIGRATIONS): Promise<readonly string[]> =>
  driver.transaction(async (query) => {
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
      for (const statement of statementsOf(sql)) await query(statement);
      await query("insert into public.matinee_migrations (name, checksum) values ($1, $2)", [name, checksumOf(sql)]);
    }
    return fresh.map(({ name }) => name);
  });

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
};

const checksumOf = (sql: string): string => new Bun.CryptoHasher("sha256").update(sql).digest("hex");

/** A file's statements: a semicolon at a line's end closes one, unless it stands between dollar quotes. */
const statementsOf = (sql: string): readonly string[] => {
  const statements: string[] = [];
  let current = "";
  let quoted = false;
  for (const line of sql.split("\n")) {
    current += `${line}\n`;
    if ((line.match(/\$\$/g)?.length ?? 0) % 2 === 1) quoted = !quoted;
    if (!quoted && line.trimEnd().endsWith(";") && !line.trimStart().startsWith("--")) {
      statements.push(current);
      current = "";
    }
  }
  return statements;
};
