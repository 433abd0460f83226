import type { Intake } from "./intake.ts";
import type { Outbox } from "./outbox.ts";
import type { Queries } from "./queries.ts";
import type { Rebuild } from "./rebuild.ts";
import type { Storage } from "./storage.ts";
import type { Vault } from "./vault.ts";

/** Everything that one database answers for. */
export type Store = {
  readonly storage: Storage;
  readonly intake: Intake;
  readonly outbox: Outbox;
  readonly queries: Queries;
  readonly vault: Vault;
  readonly rebuild: Rebuild["rebuild"];
  /** Waits for what is under way, then lets go of the database. */
  close(): Promise<void>;
};
