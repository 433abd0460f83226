import type { AccountId } from "../ids.ts";
import type { Result } from "../result.ts";
import type { Instant } from "../time.ts";
import type { StorageFault } from "./storage.ts";

/**
 * What must not stand in an event: card tokens with mask and expiry, raw callback bodies. Encrypted with a key for each
 * account, which erasure destroys. Not a projection: `rebuild` leaves it alone.
 */
export interface Vault {
  /**
   * Keeps a secret; the same kind and name again replaces it.
   * @param account null for a callback whose account is not known
   */
  keep(account: AccountId | null, secret: VaultSecret): Promise<Result<null, StorageFault>>;
  /** Null when there is none, or its account was erased. The API's role may not call it. */
  open(account: AccountId | null, kind: VaultKind, name: string): Promise<Result<string | null, StorageFault>>;
  forget(account: AccountId | null, kind: VaultKind, name: string): Promise<Result<null, StorageFault>>;
  /** Destroys the account's key and with it all that was kept under it, in copies too. Cannot be undone. */
  erase(account: AccountId): Promise<Result<null, StorageFault>>;
  /** Drops what is older than its time (raw callbacks: 90 days). Answers how many. */
  dropExpired(now: Instant): Promise<Result<number, StorageFault>>;
}

export type VaultKind = "card" | "callback";
export type VaultSecret = {
  readonly kind: VaultKind;
  /** A card's id, a callback's command id. */
  readonly name: string;
  readonly secret: string;
  readonly keptAt: Instant;
  readonly expiresAt: Instant | null;
};
