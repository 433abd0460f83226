import type { Log } from "../../adapters/telemetry/log.ts";
import { type Billing, billing } from "../../core/billing/billing.ts";
import type { GatewayAccount } from "../../core/ids.ts";
import { DEFAULT_POLICY } from "../../core/policy.ts";
import type { Bus } from "../../core/ports/bus.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Digest } from "../../core/ports/digest.ts";
import type { Services } from "../../core/ports/services.ts";
import type { Store } from "../../core/ports/store.ts";
import type { Tasks } from "../../core/ports/tasks.ts";
import { type Instant, instantOf } from "../../core/time.ts";
import type { Leased } from "../../core/work/leased.ts";
import type { Config } from "../config.ts";
import type { Gateway } from "../gateway.ts";

/** What every part of Matinee stands on, in whichever process it runs. */
export type Ground = {
  readonly config: Config;
  readonly masterKey: Uint8Array;
  readonly store: Store;
  readonly gateway: Gateway;
  readonly state: Billing;
  readonly publicUrl: () => string;
  readonly log: Log;
  readonly now: () => Instant;
  readonly bus: Bus;
  readonly tasks: Tasks;
  /** Null: no other service reaches us. */
  readonly services: Services | null;
  /** Whether every fact of the database comes by this bus: not where others write to it with a bus of their own. */
  readonly hearsAll: boolean;
  /** Whether the bus can be reached from here, at this moment. */
  readonly isBusThere: () => boolean;
  /** Has a step done by one process at a time, where several might. */
  readonly alone: (name: string, step: () => Promise<boolean>) => Leased;
  /** Whether this node's clock may be trusted. */
  readonly isClockRight: () => boolean;
};

export const wallTime = (): Instant => instantOf(Date.now());
/** Nobody's clock is moved here: billing time is wall time. */
export const clockOf = (now: () => Instant): Clock => ({ now: async () => now() });
export const digest: Digest = (text) => {
  const made = new Uint8Array(Bun.SHA256.byteLength);
  Bun.SHA256.hash(text, made);
  return made;
};
export const newName = (): string => crypto.randomUUID();

/** The State Updater over a store. Any number of them may work on one database. */
export const stateUpdater = (
  store: Pick<Store, "storage">,
  gatewayAccount: GatewayAccount,
  now: () => Instant = wallTime,
): Billing => billing({ storage: store.storage, clock: clockOf(now), digest, policy: DEFAULT_POLICY, gatewayAccount });
