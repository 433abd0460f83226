import type { Store } from "../../core/ports/store.ts";
import { ok } from "../../core/result.ts";
import { memoryAccounts } from "./accounts.ts";
import { memoryIntake } from "./intake.ts";
import { emptyMemory } from "./memory.ts";
import { memoryOutbox } from "./outbox.ts";
import { memoryQueries } from "./queries.ts";
import { memoryRebuild } from "./rebuild.ts";
import { type CommitFaults, memoryStorage } from "./storage.ts";
import { memoryVault } from "./vault.ts";

/**
 * A store that lives as long as the process: for tests, properties and the simulation.
 * @param faults what is to go wrong with which commits; nothing by default
 */
export const openMemory = ({ faults }: { readonly faults?: CommitFaults } = {}): Store => {
  const memory = emptyMemory();
  return {
    storage: memoryStorage(memory, faults),
    intake: memoryIntake(memory),
    outbox: memoryOutbox(memory),
    queries: memoryQueries(memory),
    vault: memoryVault(memory),
    accounts: memoryAccounts(),
    rebuild: memoryRebuild(memory),
    remember: async (name, value) => {
      if (!memory.settings.has(name)) memory.settings.set(name, value);
      return ok(memory.settings.get(name) ?? value);
    },
    close: async () => undefined,
  };
};
