import type { DatabaseRole } from "../adapters/postgres/store.ts";
import type { Store } from "../core/ports/store.ts";
import { masterKeyOf, openStore, StartRefused } from "./assemble.ts";
import { type Config, describeComplaints, EXIT_CONFIG, readConfig } from "./config.ts";

/** The environment's configuration; one that is wrong ends the process with all its faults told at once. */
export const configured = (): Config => {
  const read = readConfig(process.env);
  return read.ok ? read.config : refuse(describeComplaints(read.complaints), EXIT_CONFIG);
};

/** The same for a process that is one of several: they must share a database, and what stands in for the gateway. */
export const configuredForMany = (name: string): Config => {
  const config = configured();
  const missing = [
    ...(config.database === null ? ["DATABASE_URL: the processes share one database"] : []),
    ...(config.gateway.name === "sandbox" && config.gateway.url === null
      ? [
          "SANDBOX_URL: the sandbox's gateway runs in a process of its own (bun run sandbox); or the settings of a real gateway",
        ]
      : []),
  ];
  if (missing.length === 0) return config;
  return refuse(
    [`${name} is one process of several. Set these, or run all in one process (bun start):`, ...missing].join("\n  "),
    EXIT_CONFIG,
  );
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
