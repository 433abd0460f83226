import type { AccountId } from "../../core/ids.ts";
import type { Vault, VaultSecret } from "../../core/ports/vault.ts";
import { type Driver, SqlError } from "./driver.ts";
import { answered } from "./faults.ts";
import { printInstant } from "./rows.ts";
import { type OwnersKey, ownerOf, type Seals } from "./seals.ts";

/** A foreign key is violated: the key was destroyed while its secret was being written. */
const NO_SUCH_KEY = "23503";
export const isKeyGone = (error: unknown): boolean => error instanceof SqlError && error.sqlState === NO_SUCH_KEY;

export const postgresVault = (driver: Driver, seals: Seals): Vault => {
  /** The stored key, or a new one where there is none. */
  const storedKey = async (owner: string): Promise<OwnersKey> => {
    const key = seals.keyFor(owner);
    if (key.wrapped === null) return key;
    const [row] = await driver.query(
      `with made as (
         insert into billing.vault_keys (owner, key_id, wrapped) values ($1, $2::uuid, $3) on conflict do nothing
         returning key_id, wrapped
       )
       select key_id, wrapped from made union all select key_id, wrapped from billing.vault_keys where owner = $1`,
      [owner, key.id, key.wrapped],
    );
    // Nothing: somebody else's key came at this very moment, and is there now.
    if (row === undefined) return storedKey(owner);
    if (row["key_id"] === key.id) return seals.keep(owner, key);
    return seals.stored(owner, { id: row["key_id"] as string, wrapped: row["wrapped"] as Uint8Array });
  };
  /**
   * False: the account was erased meanwhile, and the key with it. No column is read, not even of `excluded`: the API's role
   * writes secrets and may not see them.
   */
  const put = async (owner: string, key: OwnersKey, secret: VaultSecret): Promise<boolean> => {
    const { kind, name, keptAt, expiresAt } = secret;
    const sealed = seals.seal(owner, key, secret, secret.secret);
    try {
      await driver.query(
        `insert into billing.vault (owner, key_id, kind, name, secret, kept_at, expires_at)
         values ($1, $2::uuid, $3, $4, $5, $6::timestamptz, $7::timestamptz)
         on conflict (owner, kind, name) do update
           set key_id = $2::uuid, secret = $5, kept_at = $6::timestamptz, expires_at = $7::timestamptz`,
        [owner, key.id, kind, name, sealed, printInstant(keptAt), expiresAt === null ? null : printInstant(expiresAt)],
      );
      return true;
    } catch (error) {
      if (!isKeyGone(error)) throw error;
      seals.drop(owner);
      return false;
    }
  };

  return {
    keep: (account, secret) =>
      answered(async () => {
        const owner = ownerOf(account);
        // What was encrypted with a key that is gone by now is encrypted again with the next one.
        while (!(await put(owner, await storedKey(owner), secret)));
        return null;
      }),
    open: (account, kind, name) =>
      answered(async () => {
        const owner = ownerOf(account);
        // In one statement: between two an erasure and a new key might come.
        const [row] = await driver.query(
          `select secret, wrapped from billing.vault join billing.vault_keys using (owner, key_id)
           where owner = $1 and kind = $2 and name = $3`,
          [owner, kind, name],
        );
        if (row === undefined) return null;
        return seals.open(owner, row["wrapped"] as Uint8Array, { kind, name }, row["secret"] as Uint8Array);
      }),
    forget: (account, kind, name) =>
      answered(async () => {
        await driver.query("delete from billing.vault where owner = $1 and kind = $2 and name = $3", [
          ownerOf(account),
          kind,
          name,
        ]);
        return null;
      }),
    erase: (account: AccountId) =>
      answered(async () => {
        await driver.query("delete from billing.vault_keys where owner = $1", [account]);
        return null;
      }),
    dropExpired: (now) =>
      answered(async () => {
        const [row] = await driver.query(
          "with gone as (delete from billing.vault where expires_at <= $1::timestamptz returning 1) select count(*)::int as gone from gone",
          [printInstant(now)],
        );
        return row?.["gone"] as number;
      }),
  };
};
