import type { Vault, VaultKind } from "../../core/ports/vault.ts";
import { ok } from "../../core/result.ts";
import type { Memory } from "./memory.ts";

/** Keeps secrets apart by owner, as they are: what lives in memory only is not encrypted at rest. */
export const memoryVault = ({ vault }: Memory): Vault => ({
  keep: async (account, secret) => {
    const kept = vault.get(account) ?? new Map();
    vault.set(account, kept.set(placeOf(secret.kind, secret.name), Object.freeze({ ...secret })));
    return ok(null);
  },
  open: async (account, kind, name) => ok(vault.get(account)?.get(placeOf(kind, name))?.secret ?? null),
  forget: async (account, kind, name) => {
    vault.get(account)?.delete(placeOf(kind, name));
    return ok(null);
  },
  erase: async (account) => {
    vault.delete(account);
    return ok(null);
  },
  dropExpired: async (now) => {
    let dropped = 0;
    for (const kept of vault.values()) {
      for (const [place, { expiresAt }] of kept) {
        if (expiresAt !== null && expiresAt <= now && kept.delete(place)) dropped += 1;
      }
    }
    return ok(dropped);
  },
});

const placeOf = (kind: VaultKind, name: string): string => `${kind}/${name}`;
