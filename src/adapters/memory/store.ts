import type { Store } from "../../core/ports/store.ts";
import { ok } from "../../core/result.ts";
import { instantOf } from "../../core/time.ts";
import { memoryAccounts } from "./accounts.ts";
import { memoryIntake } from "./intake.ts";
import { memoryLeases } from "./leases.ts";
import { emptyMemory } from "./memory.ts";
import { memoryOutbox } from "./outbox.ts";
import { memoryQueries } from "./queries.ts";
import { memoryRebuild } from "./rebuild.ts";
import { type CommitFaults, memoryStorage } from "./storage.ts";
import { memoryVault } from "./vault.ts";

/**
 * A store that lives as long as the process: for tests, properties and the simulation.
 * @param faults what is to go wrong with which commits; nothing by default
 * @param wallTime the clock that a database would have, in milliseconds
 */
export const openMemory = ({
  faults,
  wallTime = Date.now,
}: {
  readonly faults?: CommitFaults;
  readonly wallTime?: () => number;
} = {}): Store => {
  const memory = emptyMemory();
  return {
    storage: memoryStorage(memory, faults),
    intake: memoryIntake(memory),
    outbox: memoryOutbox(memory),
    queries: memoryQueries(memory),
    vault: memoryVault(memory),
    accounts: memoryAccounts(),
    leases: memoryLeases(wallTime),
    rebuild: memoryRebuild(memory),
    remember: async (name, value) => {
      if (!memory.settings.has(name)) memory.settings.set(name, value);
      return ok(memory.settings.get(name) ?? value);
    },
    wallTime: async () => ok(instantOf(Math.floor(wallTime()))),
    close: async () => undefined,
  };
};
