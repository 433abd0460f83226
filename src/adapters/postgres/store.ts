import type { Store } from "../../core/ports/store.ts";
import { postgresAccounts } from "./accounts.ts";
import { ConnectionLost, type Driver, SqlError } from "./driver.ts";
import { answered } from "./faults.ts";
import { groupCommit } from "./group-commit.ts";
import { postgresIntake } from "./intake.ts";
import { postgresLeases } from "./leases.ts";
import { migrate } from "./migrate.ts";
import { postgresOutbox } from "./outbox.ts";
import { pglite } from "./pglite.ts";
import { DEADLINE_MS, postgresJs, type ServerOptions } from "./postgres-js.ts";
import { postgresQueries } from "./queries.ts";
import { postgresRebuild } from "./rebuild.ts";
import { instantOfDate } from "./rows.ts";
import { openSeals } from "./seals.ts";
import { settingsOf } from "./session.ts";
import { postgresStorage } from "./storage.ts";
import { postgresVault } from "./vault.ts";

/**
 * `matinee_api` for what answers HTTP, `matinee_updater` for what executes commands, relays and calls gateways. Rebuilding
 * and migrating are the owner's (null: the login itself).
 */
export type DatabaseRole = "matinee_api" | "matinee_updater";
type Common = {
  /** 32 bytes that wrap the vault's keys. Another key than before makes every secret unreadable. */
  readonly masterKey: Uint8Array;
  readonly role?: DatabaseRole | null;
  /** Write what many callers commit at the same time in one transaction. */
  readonly groupCommit?: boolean;
};

/** The database cannot be used. The message says why and what to do, and holds no password. */
export class DatabaseRefused extends Error {
  override readonly name = "DatabaseRefused";
}

/**
 * A PostgreSQL server, 15 or newer, or several of which one takes writes. Migrates first, as the owner.
 *
 * Behind a pooler: one that refuses or forgets what we set at the start of a connection (PgBouncer does, but for a few names)
 * needs `configure: false`, and the login then has the settings of its own; else the start is refused with the statements
 * that give them. One that lends a session for a transaction and keeps no prepared statements needs `prepare: false`; one
 * that loses its place when a client sends on before it is answered, `pipeline: false`. Each costs speed. All hand on
 * `application_name` and `TimeZone`. Migrations need none of it when DATABASE_OWNER_URL leads past the pooler.
 */
export const openPostgres = async ({
  url,
  ownerUrl = url,
  max = 4,
  role = null,
  masterKey,
  groupCommit: grouped = false,
  ...options
}: Common &
  Omit<Partial<ServerOptions>, "url" | "role"> & {
    readonly url: string;
    readonly ownerUrl?: string;
  }): Promise<Store> => {
  const owner = postgresJs({ ...options, url: ownerUrl, max: 1, role: null });
  try {
    await refuseOld(owner);
    await migrate(owner);
  } catch (error) {
    throw refused(ownerUrl, error);
  } finally {
    await owner.close();
  }
  const driver = postgresJs({ ...options, url, max, role });
  try {
    // A login that may not act as its role is told of now, not by the first payment.
    if (options.configure === false) await refuseUnset(driver, role, options.deadlineMs);
    else await driver.query("select 1");
  } catch (error) {
    await driver.close();
    throw refused(url, error);
  }
  return storeOver(driver, { masterKey, groupCommit: grouped });
};

/** What no connection sets has to be the login's own; the sentence says how to make it so. */
const refuseUnset = async (driver: Driver, role: DatabaseRole | null, deadlineMs = DEADLINE_MS): Promise<void> => {
  const wanted = new Map(Object.entries(settingsOf(deadlineMs)).map(([name, value]) => [name, String(value)]));
  const rows = await driver.query(
    `select name, setting, session_user::text as login, current_user::text as acts_as from pg_settings where name = any($1::text[])`,
    [[...wanted.keys()]],
  );
  const { login, acts_as: actsAs } = rows[0] ?? {};
  const lacking = rows.flatMap(({ name, setting }) => {
    const value = wanted.get(String(name));
    return value === undefined || value === setting ? [] : [`${name} = '${value}'`];
  });
  if (role !== null && actsAs !== role) lacking.push(`role = '${role}'`);
  if (lacking.length === 0) return;
  const statements = lacking.map((setting) => `alter role "${login}" set ${setting};`).join(" ");
  throw new DatabaseRefused(
    `Behind a pooler the login of DATABASE_URL needs its settings as its own, and "${login}" lacks some. As the owner: ${statements} Then have the pooler reconnect.`,
  );
};

const OLDEST_MAJOR = 15;
const refuseOld = async (driver: Driver): Promise<void> => {
  const [row] = await driver.query("select current_setting('server_version_num')::int / 10000 as major");
  const major = row?.["major"] as number;
  if (major < OLDEST_MAJOR)
    throw new DatabaseRefused(`PostgreSQL ${OLDEST_MAJOR} or newer is needed; the server is ${major}.`);
};

/** Everything before the host is left out: it may hold a password. */
const placeOf = (url: string): string =>
  url
    .replace(/^\w+:\/\//, "")
    .replace(/^.*@/, "")
    .replace(/\?.*$/, "");
const CONNECTING = /^(28|3D000|42501|22023|53300)/;

const refused = (url: string, error: unknown): unknown => {
  const place = placeOf(url);
  if (error instanceof ConnectionLost) {
    return new DatabaseRefused(
      `PostgreSQL at ${place} does not answer (${error.message}). Start it, or correct DATABASE_URL and DATABASE_OWNER_URL.`,
    );
  }
  if (error instanceof SqlError && CONNECTING.test(error.sqlState)) {
    return new DatabaseRefused(
      `PostgreSQL at ${place} refuses us: ${error.message}. Correct DATABASE_URL and DATABASE_OWNER_URL, or the rights of their logins.`,
    );
  }
  return error;
};

/** PostgreSQL in this process, in a folder of its own or (null) in memory. Migrates first. */
export const openPglite = async ({
  folder,
  role = null,
  ...common
}: Common & { readonly folder: string | null }): Promise<Store> => {
  const driver = await pglite(folder);
  try {
    await migrate(driver);
    // The one session acts as the role from now on, as the connections of a pool do. This guards against our own mistakes, not
    // against injected SQL, which could take the owner's rights back.
    if (role !== null) await driver.query(`set role ${role}`);
  } catch (error) {
    await driver.close();
    throw error;
  }
  return storeOver(driver, common);
};

/** Every port of a store, over a database that has been migrated. */
export const storeOver = async (
  driver: Driver,
  { masterKey, groupCommit: grouped = false }: Pick<Common, "masterKey" | "groupCommit">,
): Promise<Store> => {
  const storage = postgresStorage(driver);
  const seals = openSeals(masterKey);
  return {
    storage: grouped ? groupCommit(storage) : storage,
    intake: postgresIntake(driver, seals),
    outbox: postgresOutbox(driver),
    queries: postgresQueries(driver),
    vault: postgresVault(driver, seals),
    accounts: postgresAccounts(driver),
    leases: postgresLeases(driver),
    rebuild: postgresRebuild(driver),
    remember: (name, value) =>
      answered(async () => {
        const [row] = await driver.query("select billing.remember($1, $2) as value", [name, value]);
        return row?.["value"] as string;
      }),
    wallTime: () =>
      answered(async () => {
        const [row] = await driver.query("select clock_timestamp() as now");
        return instantOfDate(row?.["now"]);
      }),
    close: () => driver.close(),
  };
};
