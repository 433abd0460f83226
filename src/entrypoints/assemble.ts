import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openPglite, openPostgres } from "../adapters/postgres/store.ts";
import type { Store } from "../core/ports/store.ts";
import type { Config } from "./config.ts";

/** From configuration to ports, by hand. */
export const openStore = (config: Config): Promise<Store> => {
  const masterKey = config.vaultKey ?? embeddedVaultKey(config.dataDir);
  if (config.database === null) return openPglite({ folder: join(config.dataDir, "postgres"), masterKey });
  const { url, ownerUrl, connections } = config.database;
  return openPostgres({ url, ownerUrl, max: connections, masterKey });
};

/** A key made at first start. A database whose key is missing is refused: a new key would make its secrets unreadable. */
const embeddedVaultKey = (dataDir: string): Uint8Array => {
  const file = join(dataDir, "vault.key");
  if (existsSync(file)) return Uint8Array.from(Buffer.from(readFileSync(file, "utf8").trim(), "hex"));
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

/** The state of this machine forbids to start; the message says what to do. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
}
