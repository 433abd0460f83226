import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { AccountId } from "../../core/ids.ts";
import type { VaultKind } from "../../core/ports/vault.ts";
import { Bug } from "../../core/result.ts";

// How secrets are sealed: under a random key for each owner, the keys under the master key, which the database never sees.

/** AES-256-GCM: 12 bytes of nonce before the ciphertext, 16 of tag behind it. */
const [KEY_BYTES, NONCE_BYTES, TAG_BYTES] = [32, 12, 16];
/** Owner of what belongs to no known account. */
const SHOP = "shop";
/** Keys of accounts that are just paying: each is needed again within moments. */
const MOST_KEYS_IN_HAND = 5000;

/** A key of an owner, with the id that no other key ever has. `wrapped`: as it is to be stored; null once it is. */
export type OwnersKey = { readonly id: string; readonly key: Uint8Array; readonly wrapped: Uint8Array | null };

export type Seals = {
  /** The key in hand, or a new one. To seal with, never to open: what a destroyed key has sealed is refused by the database. */
  keyFor(owner: string): OwnersKey;
  /** The owner's stored key, from now on in hand. */
  stored(owner: string, key: Pick<OwnersKey, "id"> & { readonly wrapped: Uint8Array }): OwnersKey;
  /** A new key has been stored. */
  keep(owner: string, key: OwnersKey): OwnersKey;
  /** The owner's key was destroyed. */
  drop(owner: string): void;
  seal(owner: string, key: OwnersKey, place: Place, secret: string): Uint8Array;
  open(owner: string, wrapped: Uint8Array, place: Place, sealed: Uint8Array): string;
};
export type Place = { readonly kind: VaultKind; readonly name: string };

export const ownerOf = (account: AccountId | null): string => account ?? SHOP;

export const openSeals = (masterKey: Uint8Array): Seals => {
  if (masterKey.length !== KEY_BYTES) throw new Bug(`the master key has ${KEY_BYTES} bytes`);
  const inHand = new Map<string, OwnersKey>();
  const keep = (owner: string, { id, key }: OwnersKey): OwnersKey => {
    const [oldest] = inHand.keys();
    if (inHand.size >= MOST_KEYS_IN_HAND && oldest !== undefined) inHand.delete(oldest);
    const kept = { id, key, wrapped: null };
    inHand.set(owner, kept);
    return kept;
  };
  const unwrap = (owner: string, wrapped: Uint8Array): Uint8Array => decrypt(masterKey, wrapped, `key/${owner}`);
  return {
    keyFor: (owner) => {
      const known = inHand.get(owner);
      if (known !== undefined) return known;
      const key = randomBytes(KEY_BYTES);
      return { id: crypto.randomUUID(), key, wrapped: encrypt(masterKey, key, `key/${owner}`) };
    },
    stored: (owner, { id, wrapped }) => keep(owner, { id, key: unwrap(owner, wrapped), wrapped: null }),
    keep,
    drop: (owner) => void inHand.delete(owner),
    seal: (owner, { key }, place, secret) => encrypt(key, new TextEncoder().encode(secret), labelOf(owner, place)),
    open: (owner, wrapped, place, sealed) =>
      new TextDecoder().decode(decrypt(unwrap(owner, wrapped), sealed, labelOf(owner, place))),
  };
};

const labelOf = (owner: string, { kind, name }: Place): string => `${owner}/${kind}/${name}`;

/** `label` binds the ciphertext to its place: put under another name or owner it does not open. */
const encrypt = (key: Uint8Array, secret: Uint8Array, label: string): Uint8Array => {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(Buffer.from(label));
  return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
};

const decrypt = (key: Uint8Array, all: Uint8Array, label: string): Uint8Array => {
  const end = all.length - TAG_BYTES;
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, all.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(label));
    decipher.setAuthTag(all.subarray(end));
    return Buffer.concat([decipher.update(all.subarray(NONCE_BYTES, end)), decipher.final()]);
  } catch {
    throw new Bug(`the vault's ${label} was changed, or encrypted with another key`);
  }
};
