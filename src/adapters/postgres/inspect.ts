import { ConnectionLost, type Driver, SqlError } from "./driver.ts";
import { MIGRATIONS } from "./migrate.ts";
import { postgresJs } from "./postgres-js.ts";

/** What an operator may want to know of a server before anything is started on it. Changes nothing. */
export type DatabaseState = {
  /** As in "15.4". */
  readonly version: string;
  readonly isReadOnly: boolean;
  /** The database's wall clock, in milliseconds. */
  readonly now: number;
  /** Migrations of this version that are not applied. */
  readonly pending: readonly string[];
  /** Migrations that this version does not know. */
  readonly strange: readonly string[];
  /** Roles of ours that exist and that this login may not act as. */
  readonly forbidden: readonly string[];
};

/** @returns in words why it does not answer, without a password */
export const inspectPostgres = async (url: string): Promise<DatabaseState | string> => {
  const driver = postgresJs({ url, max: 1, role: null });
  try {
    return await stateOf(driver);
  } catch (error) {
    if (error instanceof ConnectionLost || error instanceof SqlError) return error.message;
    throw error;
  } finally {
    await driver.close();
  }
};

const stateOf = async (driver: Driver): Promise<DatabaseState> => {
  const [row = {}] = await driver.query(
    `select current_setting('server_version') as version, pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as read_only,
       (extract(epoch from clock_timestamp()) * 1000)::float8 as now, to_regclass('public.matinee_migrations') is not null as migrated`,
  );
  const names = row["migrated"] === true ? await driver.query("select name from public.matinee_migrations") : [];
  const applied = new Set(names.map(({ name }) => String(name)));
  const forbidden = await driver.query(
    `select rolname::text as name from pg_roles
     where rolname in ('matinee_api', 'matinee_updater') and not pg_has_role(current_user, oid, 'member') order by 1`,
  );
  const known = new Set(MIGRATIONS.map(({ name }) => name));
  return {
    version: String(row["version"]),
    isReadOnly: row["read_only"] === true,
    now: row["now"] as number,
    pending: [...known].filter((name) => !applied.has(name)),
    strange: [...applied].filter((name) => !known.has(name)),
    forbidden: forbidden.map(({ name }) => String(name)),
  };
};
