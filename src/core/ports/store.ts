import type { Result } from "../result.ts";
import type { Instant } from "../time.ts";
import type { Accounts } from "./accounts.ts";
import type { Intake } from "./intake.ts";
import type { Leases } from "./leases.ts";
import type { Outbox } from "./outbox.ts";
import type { Queries } from "./queries.ts";
import type { Rebuild } from "./rebuild.ts";
import type { Storage, StorageFault } from "./storage.ts";
import type { Vault } from "./vault.ts";

/** Everything that one database answers for. */
export type Store = {
  readonly storage: Storage;
  readonly intake: Intake;
  readonly outbox: Outbox;
  readonly queries: Queries;
  readonly vault: Vault;
  readonly accounts: Accounts;
  readonly leases: Leases;
  readonly rebuild: Rebuild["rebuild"];
  /**
   * What the database remembers of itself for ever: the first value given is the one that counts.
   * @returns the value that it remembers
   */
  remember(name: string, value: string): Promise<Result<string, StorageFault>>;
  /** The database's own clock, which leases go by and which every node is held against. Never billing time: see `Clock`. */
  wallTime(): Promise<Result<Instant, StorageFault>>;
  /** Waits for what is under way, then lets go of the database. */
  close(): Promise<void>;
};
