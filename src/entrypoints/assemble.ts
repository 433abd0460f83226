import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import { MigrationRefused } from "../adapters/postgres/migrate.ts";
import { FolderInUse } from "../adapters/postgres/pglite.ts";
import { defaultConnections } from "../adapters/postgres/postgres-js.ts";
import { DatabaseRefused, type DatabaseRole, openPglite, openPostgres } from "../adapters/postgres/store.ts";
import type { Store } from "../core/ports/store.ts";
import type { Config } from "./config.ts";

/** The state of this machine or of the database forbids to start; the message says what to do. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
}

/**
 * From configuration to ports, by hand.
 * @param role with whose rights the process works; null: the owner's, for what an operator does
 */
export const openStore = async (config: Config, masterKey: Uint8Array, role: DatabaseRole | null): Promise<Store> => {
  const common = { masterKey, role, groupCommit: true };
  try {
    if (config.database === null) return await openPglite({ ...common, folder: join(config.dataDir, "postgres") });
    const { url, ownerUrl, connections, ...session } = config.database;
    const max = connections ?? defaultConnections(availableParallelism());
    return await openPostgres({ ...common, url: role === null ? ownerUrl : url, ownerUrl, max, ...session });
  } catch (error) {
    if (REFUSALS.some((refusal) => error instanceof refusal)) throw new StartRefused((error as Error).message);
    throw error;
  }
};
const REFUSALS = [DatabaseRefused, FolderInUse, MigrationRefused] as const;

/** 32 bytes that protect the vault and sign access tokens. */
export const masterKeyOf = (config: Config): Uint8Array => config.vaultKey ?? embeddedVaultKey(config.dataDir);

/** A key made at first start. A database whose key is missing is refused: a new key would make its secrets unreadable. */
const embeddedVaultKey = (dataDir: string): Uint8Array => {
  const file = join(dataDir, "vault.key");
  if (existsSync(file)) return readKey(file);
  if (existsSync(join(dataDir, "postgres"))) {
    throw new StartRefused(
      `${file} is missing, but ${dataDir} holds data that was encrypted with it. Put the file back, or set VAULT_KEY.`,
    );
  }
  mkdirSync(dataDir, { recursive: true });
  const key = randomBytes(32);
  writeFileSync(file, `${key.toString("hex")}\n`, { mode: 0o600, flag: "wx" });
  return Uint8Array.from(key);
};

const readKey = (file: string): Uint8Array => {
  const text = readFileSync(file, "utf8").trim();
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new StartRefused(`${file} must hold 64 hexadecimal digits. Put the file back.`);
  return Uint8Array.from(Buffer.from(text, "hex"));
};
