import { type Driver, SqlError } from "../../src/adapters/postgres/driver.ts";
import { groupCommit } from "../../src/adapters/postgres/group-commit.ts";
import { postgresIntake } from "../../src/adapters/postgres/intake.ts";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { postgresOutbox } from "../../src/adapters/postgres/outbox.ts";
import { pglite } from "../../src/adapters/postgres/pglite.ts";
import { postgresJs } from "../../src/adapters/postgres/postgres-js.ts";
import { postgresQueries } from "../../src/adapters/postgres/queries.ts";
import { postgresRebuild } from "../../src/adapters/postgres/rebuild.ts";
import { postgresStorage } from "../../src/adapters/postgres/storage.ts";
import { postgresVault } from "../../src/adapters/postgres/vault.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { freshDatabase } from "./services.ts";

/** A store, and the way past it: what its adapters ask of the database, and SQL of the test's own. */
export type SqlStore = Store & {
  readonly driver: Driver;
  /** Codes of all that the database has refused so far, those included that the adapter has made good by itself. */
  readonly refusals: readonly string[];
  readonly url: string | null;
};

export const MASTER_KEY = new Uint8Array(32).fill(7);

export const pgliteStore = async (): Promise<SqlStore> => overDriver(await pglite(null), null);
export const postgresStore = async ({ grouped = false, max = 8 } = {}): Promise<SqlStore> => {
  const url = await freshDatabase();
  return overDriver(postgresJs({ url, max, role: null }), url, grouped);
};

const overDriver = async (driver: Driver, url: string | null, grouped = false): Promise<SqlStore> => {
  await migrate(driver);
  const refusals: string[] = [];
  const noting = noted(driver, refusals);
  const storage = postgresStorage(noting);
  return {
    storage: grouped ? groupCommit(storage) : storage,
    intake: postgresIntake(noting),
    outbox: postgresOutbox(noting),
    queries: postgresQueries(noting),
    vault: await postgresVault(noting, MASTER_KEY),
    rebuild: postgresRebuild(noting),
    close: () => driver.close(),
    driver,
    refusals,
    url,
  };
};

const noted = (driver: Driver, refusals: string[]): Driver => ({
  ...driver,
  query: async (text, params) => {
    try {
      return await driver.query(text, params);
    } catch (error) {
      if (error instanceof SqlError) refusals.push(error.sqlState);
      throw error;
    }
  },
});
