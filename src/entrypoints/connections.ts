import { embeddedBus } from "../adapters/embedded/bus.ts";
import { embeddedTasks } from "../adapters/embedded/tasks.ts";
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
type Part<Ports> = Ports & { readonly status: () => Promise<PartStatus>; readonly close: () => Promise<void> };

/** @param name of the process, as servers will have it */
export const openConnections = async (
  { nats, redis }: Pick<Config, "nats" | "redis">,
  name: string,
  log: Log,
): Promise<Connections> => {
  const onBusError = (error: unknown): void => log.failed("bus", error);
  const onTaskError = (error: unknown, { kind, subject }: { readonly kind: string; readonly subject: string }): void =>
    log.failed(`task ${kind} ${subject}`, error);
  const bus = nats === null ? inProcessBus(onBusError) : await natsOn(nats, name, log, onBusError);
  const tasks = redis === null ? inProcessTasks(onTaskError) : await bullmqOn(redis.url, onTaskError);
  return {
    bus: bus.bus,
    services: bus.services,
    isBusThere: bus.isBusThere,
    tasks: tasks.tasks,
    status: async () => ({ bus: await bus.status(), tasks: await tasks.status() }),
    close: async () => {
      await Promise.all([bus.close(), tasks.close()]);
    },
  };
};

type BusPart = Part<Pick<Connections, "bus" | "services" | "isBusThere">>;
type TasksPart = Part<Pick<Connections, "tasks">>;
const IN_PROCESS: Part<object> = { status: async () => "embedded", close: async () => undefined };

const inProcessBus = (onError: (error: unknown) => void): BusPart => ({
  ...IN_PROCESS,
  bus: embeddedBus(onError),
  services: null,
  isBusThere: () => true,
});
const inProcessTasks = (onError: Parameters<typeof embeddedTasks>[0]): TasksPart => ({
  ...IN_PROCESS,
  tasks: embeddedTasks(onError),
});

// What is not used is not loaded: a process that is embedded whole starts the sooner.

const natsOn = async (
  { url, replicas }: NonNullable<Config["nats"]>,
  name: string,
  log: Log,
  onError: (error: unknown) => void,
): Promise<BusPart> => {
  const [{ openNats }, { natsBus }, { natsServices }] = await Promise.all([
    import("../adapters/nats/connection.ts"),
    import("../adapters/nats/bus.ts"),
    import("../adapters/nats/services.ts"),
  ]);
  const nats = await openNats({ servers: url, replicas, name, log });
  return {
    bus: natsBus(nats, onError),
    services: natsServices(nats, { onError }),
    isBusThere: nats.isReady,
    status: async () => (nats.isReady() ? "ready" : "away"),
    close: nats.close,
  };
};

const bullmqOn = async (url: string, onError: Parameters<typeof embeddedTasks>[0]): Promise<TasksPart> => {
  const { bullmqTasks } = await import("../adapters/bullmq/tasks.ts");
  const tasks = bullmqTasks({ url, onError });
  return { tasks, status: async () => ((await tasks.ready()) ? "ready" : "away"), close: tasks.close };
};
