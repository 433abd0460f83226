import type { AccountId } from "../../core/ids.ts";
import type { Vault, VaultKind, VaultSecret } from "../../core/ports/vault.ts";
import { ok } from "../../core/result.ts";
import type { Memory } from "./memory.ts";

/** Keeps secrets apart by owner, as they are: what lives in memory only is not encrypted at rest. */
export const memoryVault = (memory: Memory): Vault => ({
  keep: async (account, secret) => {
    keepSecret(memory, account, secret);
    return ok(null);
  },
  open: async (account, kind, name) => ok(memory.vault.get(account)?.get(placeOf(kind, name))?.secret ?? null),
  forget: async (account, kind, name) => {
    memory.vault.get(account)?.delete(placeOf(kind, name));
    return ok(null);
  },
  erase: async (account) => {
    memory.vault.delete(account);
    return ok(null);
  },
  dropExpired: async (now) => {
    let dropped = 0;
    for (const kept of memory.vault.values()) {
      for (const [place, { expiresAt }] of kept) {
        if (expiresAt !== null && expiresAt <= now && kept.delete(place)) dropped += 1;
      }
    }
    return ok(dropped);
  },
});

export const keepSecret = ({ vault }: Memory, account: AccountId | null, secret: VaultSecret): void => {
  const kept = vault.get(account) ?? new Map();
  vault.set(account, kept.set(placeOf(secret.kind, secret.name), Object.freeze({ ...secret })));
};

const placeOf = (kind: VaultKind, name: string): string => `${kind}/${name}`;
