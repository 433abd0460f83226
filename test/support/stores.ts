import { type Driver, SqlError } from "../../src/adapters/postgres/driver.ts";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { pglite } from "../../src/adapters/postgres/pglite.ts";
import { postgresJs } from "../../src/adapters/postgres/postgres-js.ts";
import { storeOver } from "../../src/adapters/postgres/store.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { dropDatabase, freshDatabase } from "./services.ts";

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
  const store = await storeOver(noted(driver, refusals), { masterKey: MASTER_KEY, groupCommit: grouped });
  const close = async (): Promise<void> => {
    await store.close();
    if (url !== null) await dropDatabase(url);
  };
  return { ...store, close, driver, refusals, url };
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
