import { embeddedTasks } from "../../src/adapters/embedded/tasks.ts";
import { instantOf, MINUTE_MS } from "../../src/core/time.ts";
import { WORK_KINDS } from "../../src/core/work/work.ts";
import { application } from "../../src/entrypoints/application.ts";
import { masterKeyOf, openStore } from "../../src/entrypoints/assemble.ts";
import { readConfig } from "../../src/entrypoints/config.ts";
import { openGateway } from "../../src/entrypoints/gateway.ts";
import { stateUpdater } from "../../src/entrypoints/parts/ground.ts";
import { until } from "./until.ts";

/** An offer ends after an hour; what a look-up does not find is looked for again, minutes later. */
const MINUTES = [65, 10, 10, 10, 10];
const SETTLES_MS = 60_000;

/** Settings as a process of Matinee takes them, bus and tasks left in the process itself. */
export const settingsOf = (env: Readonly<Record<string, string | undefined>>) => {
  const read = readConfig({ ...env, NATS_URL: undefined, REDIS_URL: undefined });
  if (!read.ok) throw new Error("these settings are right");
  return { config: read.config, masterKey: masterKeyOf(read.config) };
};

/**
 * In one process and within seconds some hours go by over what others have left: what was cut off is looked up, and all comes to
 * its end.
 * @param place where the gateway finds the process: its port, 0 for any; what it is called from outside; and what has to be
 *   done once it listens, before time goes on
 * @returns what broke
 */
export const hoursGoBy = async (
  env: Readonly<Record<string, string | undefined>>,
  place: {
    readonly port: number;
    readonly origin: () => string;
    readonly onListening: (port: number) => Promise<void>;
  },
): Promise<readonly string[]> => {
  const { config, masterKey } = settingsOf(env);
  let offsetMs = 0;
  const now = () => instantOf(Date.now() + offsetMs);
  const store = await openStore(config, masterKey, "matinee_updater");
  const { origin } = place;
  const gateway = openGateway(config.gateway, {
    dataDir: config.dataDir,
    masterKey,
    publicUrl: origin,
    ownUrl: origin,
  });
  const broken: string[] = [];
  const failed = (what: string, error: unknown): void => void broken.push(`${what}: ${String(error)}`);
  const said = () => undefined;
  const log = { report: said, request: said, command: said, info: said, failed };
  const state = stateUpdater(store, gateway.payments.gatewayAccount, now);
  const tasks = embeddedTasks((error, row) => failed(row.kind, error), now);
  const app = await application({ config, masterKey, store, gateway, state, publicUrl: origin, log, tasks, now });
  const server = Bun.serve({
    port: place.port,
    development: false,
    fetch: (request, at) => app.http.fetch(request, at),
  });
  await app.start();
  await place.onListening(server.port ?? place.port);
  const isQuiet = async (): Promise<boolean> => {
    const [due, accepted, facts] = await Promise.all([
      store.queries.due(now(), WORK_KINDS, null, 1),
      store.intake.due(now(), 1),
      store.outbox.unrelayed(1),
    ]);
    return [due, accepted, facts].every((left) => left.ok && left.value.length === 0);
  };
  await until("all is done that is due", isQuiet, SETTLES_MS);
  for (const minutes of MINUTES) {
    offsetMs += minutes * MINUTE_MS;
    await until(`all is done that is due ${minutes} minutes later`, isQuiet, SETTLES_MS);
  }
  await server.stop(true);
  await app.stop();
  await gateway.stop();
  await store.close();
  return broken;
};
