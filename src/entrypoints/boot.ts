import type { DatabaseRole } from "../adapters/postgres/store.ts";
import type { Store } from "../core/ports/store.ts";
import { masterKeyOf, openStore, StartRefused } from "./assemble.ts";
import { type Config, describeComplaints, EXIT_CONFIG, readConfig } from "./config.ts";

/** The environment's configuration; one that is wrong ends the process with all its faults told at once. */
export const configured = (): Config => {
  const read = readConfig(process.env);
  return read.ok ? read.config : refuse(describeComplaints(read.complaints), EXIT_CONFIG);
};

/** The store, opened and migrated; what a person can mend ends the process with a sentence, and a bug with its stack. */
export const opened = async (
  config: Config,
  role: DatabaseRole | null,
): Promise<{ readonly store: Store; readonly masterKey: Uint8Array }> => {
  try {
    const masterKey = masterKeyOf(config);
    return { store: await openStore(config, masterKey, role), masterKey };
  } catch (error) {
    if (error instanceof StartRefused) return refuse(error.message);
    throw error;
  }
};

export const refuse = (message: string, exitCode = 1): never => {
  process.stderr.write(`${message}\n`);
  process.exit(exitCode);
};
