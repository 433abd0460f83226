import type { AccountId } from "../../core/ids.ts";
import type { Vault, VaultKind, VaultSecret } from "../../core/ports/vault.ts";
import { Bug } from "../../core/result.ts";
import { type Driver, SqlError } from "./driver.ts";
import { answered } from "./faults.ts";
import { printInstant } from "./rows.ts";

/** AES-256-GCM: 12 bytes of nonce before the ciphertext with its tag. */
const NONCE_BYTES = 12;
/** Owner of what belongs to no known account. */
const SHOP = "shop";

/** A foreign key is violated: the key was destroyed while its secret was being written. */
const NO_SUCH_KEY = "23503";
/** Unwrapped, with the id that no other key ever has. */
type OwnersKey = { readonly id: string; readonly key: CryptoKey };
/** Keys of accounts that are just paying: each is needed again within moments. */
const MOST_KEYS_IN_HAND = 5000;

/** Secrets under a random key for each owner; the keys are wrapped by the master key, which the database never sees. */
export const postgresVault = async (driver: Driver, masterKey: Uint8Array): Promise<Vault> => {
  const master = await importKey(masterKey);
  /** To seal with, never to open: a secret sealed with a key that was destroyed meanwhile is refused by the database. */
  const inHand = new Map<string, Promise<OwnersKey>>();

  const unwrap = async (owner: string, wrapped: Uint8Array): Promise<CryptoKey> =>
    importKey(await decrypt(master, wrapped, `key/${owner}`));
  const keyFor = (owner: string): Promise<OwnersKey> => {
    const known = inHand.get(owner);
    if (known !== undefined) return known;
    const [oldest] = inHand.keys();
    if (inHand.size >= MOST_KEYS_IN_HAND && oldest !== undefined) inHand.delete(oldest);
    const fetched = fetchKey(owner);
    inHand.set(owner, fetched);
    fetched.catch(() => inHand.delete(owner)); // A database that did not answer is asked again by the next.
    return fetched;
  };
  /** The stored one, or a new one where there is none: in one statement, for a first payment makes both. */
  const fetchKey = async (owner: string): Promise<OwnersKey> => {
    const fresh = await encrypt(master, crypto.getRandomValues(new Uint8Array(32)), `key/${owner}`);
    const [row] = await driver.query(
      `with made as (
         insert into billing.vault_keys (owner, wrapped) values ($1, $2) on conflict do nothing returning key_id, wrapped
       )
       select key_id, wrapped from made union all select key_id, wrapped from billing.vault_keys where owner = $1`,
      [owner, fresh],
    );
    // Nothing: somebody else's key came at this very moment, and is there now.
    if (row === undefined) return fetchKey(owner);
    return { id: row["key_id"] as string, key: await unwrap(owner, row["wrapped"] as Uint8Array) };
  };
  /**
   * False: the account was erased meanwhile, and the key with it. No column is read, not even of `excluded`: the API's role
   * writes secrets and may not see them.
   */
  const put = async (owner: string, { id, key }: OwnersKey, secret: VaultSecret): Promise<boolean> => {
    const { kind, name, keptAt, expiresAt } = secret;
    const sealed = await encrypt(key, new TextEncoder().encode(secret.secret), labelOf(owner, kind, name));
    try {
      await driver.query(
        `insert into billing.vault (owner, key_id, kind, name, secret, kept_at, expires_at)
         values ($1, $2::uuid, $3, $4, $5, $6::timestamptz, $7::timestamptz)
         on conflict (owner, kind, name) do update
           set key_id = $2::uuid, secret = $5, kept_at = $6::timestamptz, expires_at = $7::timestamptz`,
        [owner, id, kind, name, sealed, printInstant(keptAt), expiresAt === null ? null : printInstant(expiresAt)],
      );
      return true;
    } catch (error) {
      if (!(error instanceof SqlError && error.sqlState === NO_SUCH_KEY)) throw error;
      inHand.delete(owner);
      return false;
    }
  };

  return {
    keep: (account, secret) =>
      answered(async () => {
        const owner = account ?? SHOP;
        // What was encrypted with a key that is gone by now is encrypted again with the next one.
        while (!(await put(owner, await keyFor(owner), secret)));
        return null;
      }),
    open: (account, kind, name) =>
      answered(async () => {
        const owner = account ?? SHOP;
        // In one statement: between two an erasure and a new key might come.
        const [row] = await driver.query(
          `select secret, wrapped from billing.vault join billing.vault_keys using (owner, key_id)
           where owner = $1 and kind = $2 and name = $3`,
          [owner, kind, name],
        );
        if (row === undefined) return null;
        const key = await unwrap(owner, row["wrapped"] as Uint8Array);
        return new TextDecoder().decode(await decrypt(key, row["secret"] as Uint8Array, labelOf(owner, kind, name)));
      }),
    forget: (account, kind, name) =>
      answered(async () => {
        await driver.query("delete from billing.vault where owner = $1 and kind = $2 and name = $3", [
          account ?? SHOP,
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

const labelOf = (owner: string, kind: VaultKind, name: string): string => `${owner}/${kind}/${name}`;

const importKey = (bytes: Uint8Array): Promise<CryptoKey> => {
  if (bytes.length !== 32) throw new Bug("a vault key has 32 bytes");
  return crypto.subtle.importKey("raw", plain(bytes), "AES-GCM", false, ["encrypt", "decrypt"]);
};

/** `label` binds the ciphertext to its place: put under another name or owner it does not open. */
const encrypt = async (key: CryptoKey, secret: Uint8Array, label: string): Promise<Uint8Array> => {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const additionalData = new TextEncoder().encode(label);
  const sealed = new Uint8Array(
    await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, plain(secret)),
  );
  const all = new Uint8Array(NONCE_BYTES + sealed.length);
  all.set(iv);
  all.set(sealed, NONCE_BYTES);
  return all;
};

const decrypt = async (key: CryptoKey, all: Uint8Array, label: string): Promise<Uint8Array> => {
  const additionalData = new TextEncoder().encode(label);
  const iv = plain(all.slice(0, NONCE_BYTES));
  try {
    return new Uint8Array(
      await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, plain(all.slice(NONCE_BYTES))),
    );
  } catch {
    throw new Bug(`the vault's ${label} was changed, or encrypted with another key`);
  }
};

/** Bytes of their own, whatever buffer a driver lent them from. */
const plain = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);
