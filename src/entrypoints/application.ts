import { argon2Passwords } from "../adapters/crypto/passwords.ts";
import { embeddedBus } from "../adapters/embedded/bus.ts";
import { embeddedTasks } from "../adapters/embedded/tasks.ts";
import type { HttpApp } from "../adapters/http/app.ts";
import type { Log } from "../adapters/telemetry/log.ts";
import type { Passwords } from "../core/ports/passwords.ts";
import { unleased } from "../core/work/leased.ts";
import { apiPart } from "./parts/api.ts";
import { consumerPart } from "./parts/consumer.ts";
import { cronPart } from "./parts/cron.ts";
import { type Ground, wallTime } from "./parts/ground.ts";
import type { Part } from "./parts/running.ts";

/** All parts of Matinee in one process: what answers HTTP, what executes, what works. */
export type Application = Part & { readonly http: HttpApp };

/** Left out: one process that shares its database with nobody, and is embedded whole. */
type Surroundings = "alone" | "bus" | "hearsAll" | "isBusThere" | "isClockRight" | "now" | "services" | "tasks";
type Given = Omit<Ground, Surroundings>;
type Chosen = Pick<Ground, Surroundings> & {
  readonly passwords: Passwords;
  readonly ready: Parameters<typeof apiPart>[1]["ready"];
};

export const application = async ({
  passwords = argon2Passwords({ concurrency: 2, queue: 32 }),
  ready,
  ...given
}: Given & Partial<Chosen>): Promise<Application> => {
  const { store } = given;
  const ground: Ground = { ...embedded(given.log), ...given };
  const api = await apiPart(ground, { passwords, ready: ready ?? (() => storageReady(store)) });
  const consumer = consumerPart(ground);
  const cron = cronPart(ground, consumer.committed);
  return {
    http: api.http,
    start: async () => {
      for (const part of [api, consumer, cron]) await part.start();
    },
    stop: async () => {
      // Who still waits for an outcome is told it: what executes stops after what takes tasks.
      for (const part of [cron, consumer, api]) await part.stop();
    },
  };
};

export const storageReady = async ({ queries }: Pick<Ground["store"], "queries">) => {
  const answered = await queries.plans("on_sale");
  return { ok: answered.ok, parts: { storage: answered.ok ? "ready" : "not_ready" } };
};

/** What a part stands on in a process that shares its database with nobody. */
export const embedded = (log: Log) => ({
  bus: embeddedBus((error) => log.failed("bus_handler", error)),
  tasks: embeddedTasks((error, row) => log.failed(`task ${row.kind} ${row.subject}`, error)),
  services: null,
  hearsAll: true,
  isBusThere: () => true,
  alone: (_: string, step: () => Promise<boolean>) => unleased(step),
  isClockRight: () => true,
  now: wallTime,
});
