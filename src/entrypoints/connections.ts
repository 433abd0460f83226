import { bullmqTasks } from "../adapters/bullmq/tasks.ts";
import { embeddedBus } from "../adapters/embedded/bus.ts";
import { embeddedTasks } from "../adapters/embedded/tasks.ts";
import { natsBus } from "../adapters/nats/bus.ts";
import { openNats } from "../adapters/nats/connection.ts";
import { natsServices } from "../adapters/nats/services.ts";
import type { Log } from "../adapters/telemetry/log.ts";
import type { Bus } from "../core/ports/bus.ts";
import type { Services } from "../core/ports/services.ts";
import type { Tasks } from "../core/ports/tasks.ts";
import type { Config } from "./config.ts";

/** Bus and tasks, as the settings have them: a URL that is set means the server, unset the part in this process. */
export type Connections = {
  readonly bus: Bus;
  readonly services: Services | null;
  readonly isBusThere: () => boolean;
  readonly tasks: Tasks;
  /** One word for each, for who asks whether all is well. Neither must be there for the work to go on. */
  status(): Promise<{ readonly bus: PartStatus; readonly tasks: PartStatus }>;
  /** Never waits long, also where a server is away. */
  close(): Promise<void>;
};
type PartStatus = "embedded" | "ready" | "away";

export const openConnections = async (
  config: Pick<Config, "nats" | "redis">,
  name: string,
  log: Log,
): Promise<Connections> => {
  const { nats: settings } = config;
  const nats = settings === null ? null : await openNats({ ...settings, servers: settings.url, name, log });
  const onBusError = (error: unknown): void => log.failed("bus", error);
  const redis =
    config.redis === null
      ? null
      : bullmqTasks({
          url: config.redis.url,
          onError: (error, { kind, subject }) => log.failed(`task ${kind} ${subject}`, error),
        });
  return {
    bus: nats === null ? embeddedBus(onBusError) : natsBus(nats, onBusError),
    isBusThere: () => nats?.isReady() ?? true,
    services: nats === null ? null : natsServices(nats, { onError: onBusError }),
    tasks: redis ?? embeddedTasks((error, { kind, subject }) => log.failed(`task ${kind} ${subject}`, error)),
    status: async () => ({
      bus: nats === null ? "embedded" : nats.isReady() ? "ready" : "away",
      tasks: redis === null ? "embedded" : (await redis.ready()) ? "ready" : "away",
    }),
    close: async () => {
      await Promise.all([nats?.close(), redis?.close()]);
    },
  };
};
