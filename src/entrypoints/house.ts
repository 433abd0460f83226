import type { DatabaseRole } from "../adapters/postgres/store.ts";
import type { Log } from "../adapters/telemetry/log.ts";
import { SECOND_MS } from "../core/time.ts";
import { clockGuard } from "../core/work/clock-guard.ts";
import { leased, unleased } from "../core/work/leased.ts";
import { opened, refuse } from "./boot.ts";
import type { Config } from "./config.ts";
import { openConnections } from "./connections.ts";
import { openGateway } from "./gateway.ts";
import type { Life } from "./life.ts";
import { type Ground, newName, stateUpdater, wallTime } from "./parts/ground.ts";
import { openRunning } from "./parts/running.ts";

/** All that a process stands on, opened; the parts are put on it. */
export type House = {
  readonly ground: Ground;
  /** Whether the process can do its work, and how each thing is that it stands on. */
  ready(): Promise<{ readonly ok: boolean; readonly parts: Readonly<Record<string, string>> }>;
  /** Ends a start that cannot go on; what was opened is let go of. */
  giveUp(message: string): Promise<never>;
  close(): Promise<void>;
};

const CLOCK_LOOK_MS = 5 * SECOND_MS;

/**
 * @param name of the process, as servers and the log will have it
 * @param ownUrl where this process reaches itself
 */
export const openHouse = async ({
  config,
  log,
  life,
  name,
  role,
  publicUrl,
  ownUrl,
}: {
  readonly config: Config;
  readonly log: Log;
  readonly life: Life;
  readonly name: string;
  readonly role: DatabaseRole;
  readonly publicUrl: () => string;
  readonly ownUrl: () => string;
}): Promise<House> => {
  const { store, masterKey } = await opened(config, role);
  const gateway = openGateway(config.gateway, { dataDir: config.dataDir, masterKey, publicUrl, ownUrl });
  const connections = await openConnections(config, name, log);
  const running = openRunning(log);
  const close = async (): Promise<void> => {
    await running.stop();
    await connections.close();
    await gateway.stop();
    await store.close();
  };
  const giveUp = async (message: string): Promise<never> => {
    await close();
    return refuse(message);
  };

  const mode = await store.remember("mode", gateway.mode);
  if (!mode.ok) return giveUp(`The database does not answer: ${mode.error.code}.`);
  if (mode.value !== gateway.mode) return giveUp(otherMode(mode.value, gateway.mode));

  const clock = clockGuard({
    databaseNow: store.wallTime,
    wall: wallTime,
    monotonic: () => performance.now(),
    reports: log.report,
  });
  await clock.look();
  running.every("clock", CLOCK_LOOK_MS, async () => {
    await clock.look();
    return false;
  });
  const holder = `${name} ${newName()}`;
  const isShared = config.database !== null;
  const ground: Ground = {
    config,
    masterKey,
    store,
    gateway,
    state: stateUpdater(store, gateway.payments.gatewayAccount, clock.now),
    publicUrl,
    log,
    now: clock.now,
    bus: connections.bus,
    tasks: connections.tasks,
    services: connections.services,
    isBusThere: connections.isBusThere,
    // Where several processes share a database but no bus, each hears only what it has relayed itself.
    hearsAll: !isShared || connections.services !== null,
    alone: (what, step) =>
      isShared ? leased(store.leases, what, holder, () => performance.now(), step) : unleased(step),
    isClockRight: clock.isRight,
  };
  const ready: House["ready"] = async () => {
    const [plans, away] = await Promise.all([store.queries.plans("on_sale"), connections.status()]);
    const parts = {
      storage: plans.ok ? "ready" : "not_ready",
      clock: clock.isRight() ? "ready" : "not_ready",
      ...away,
      ...(life.isDraining() ? { process: "draining" } : {}),
    };
    return { ok: plans.ok && clock.isRight() && !life.isDraining(), parts };
  };
  return { ground, ready, giveUp, close };
};

const otherMode = (remembered: string, mode: string): string =>
  `This database is ${remembered === "live" ? "live: it holds real money" : "a sandbox's: nothing in it was ever paid"}. ` +
  `It refuses to work with ${mode === "live" ? "a real gateway" : "the sandbox"}. ` +
  "Set the gateway that it was begun with, or give another DATA_DIR or DATABASE_URL.";
