import type { Store } from "../../core/ports/store.ts";
import type { Driver } from "./driver.ts";
import { groupCommit } from "./group-commit.ts";
import { postgresIntake } from "./intake.ts";
import { migrate } from "./migrate.ts";
import { postgresOutbox } from "./outbox.ts";
import { pglite } from "./pglite.ts";
import { postgresJs } from "./postgres-js.ts";
import { postgresQueries } from "./queries.ts";
import { postgresRebuild } from "./rebuild.ts";
import { postgresStorage } from "./storage.ts";
import { postgresVault } from "./vault.ts";

export type DatabaseRole = "matinee_api" | "matinee_updater";
type Common = {
  /** 32 bytes that wrap the vault's keys. Another key than before makes every secret unreadable. */
  readonly masterKey: Uint8Array;
  /** Write what many callers commit at the same time in one transaction. */
  readonly groupCommit?: boolean;
};

/** A PostgreSQL server, 15 or newer. Migrates first, as the owner. */
export const openPostgres = async ({
  url,
  ownerUrl = url,
  max = 4,
  role = null,
  ...common
}: Common & {
  readonly url: string;
  readonly ownerUrl?: string;
  readonly max?: number;
  readonly role?: DatabaseRole | null;
}): Promise<Store> => {
  const owner = postgresJs({ url: ownerUrl, max: 1, role: null });
  try {
    await migrate(owner);
  } finally {
    await owner.close();
  }
  return storeOver(postgresJs({ url, max, role }), common);
};

/** PostgreSQL in this process, in a folder of its own or (null) in memory. Migrates first. */
export const openPglite = async ({
  folder,
  ...common
}: Common & { readonly folder: string | null }): Promise<Store> => {
  const driver = await pglite(folder);
  try {
    await migrate(driver);
  } catch (error) {
    await driver.close();
    throw error;
  }
  return storeOver(driver, common);
};

const storeOver = async (driver: Driver, { masterKey, groupCommit: grouped = false }: Common): Promise<Store> => {
  const storage = postgresStorage(driver);
  return {
    storage: grouped ? groupCommit(storage) : storage,
    intake: postgresIntake(driver),
    outbox: postgresOutbox(driver),
    queries: postgresQueries(driver),
    vault: await postgresVault(driver, masterKey),
    rebuild: postgresRebuild(driver),
    close: () => driver.close(),
  };
};
