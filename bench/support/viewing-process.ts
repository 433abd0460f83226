import { argon2Passwords } from "../../src/adapters/crypto/passwords.ts";
import { embeddedBus } from "../../src/adapters/embedded/bus.ts";
import { embeddedTasks } from "../../src/adapters/embedded/tasks.ts";
import { openLog } from "../../src/adapters/telemetry/log.ts";
import { storageReady } from "../../src/entrypoints/application.ts";
import { configured, opened } from "../../src/entrypoints/boot.ts";
import { openGateway } from "../../src/entrypoints/gateway.ts";
import { apiPart } from "../../src/entrypoints/parts/api.ts";
import { stateUpdater, wallTime } from "../../src/entrypoints/parts/ground.ts";

// The API alone with its view of who may watch, kept fresh by a bus that brings beats and nothing else: nobody writes
// meanwhile. Says its port where no log line goes.
const config = configured();
const { store, masterKey } = await opened(config, "matinee_api");
const log = openLog(config.logLevel);
const nowhere = (): string => "http://localhost";
const urls = { publicUrl: nowhere, ownUrl: nowhere };
const gateway = openGateway(config.gateway, { dataDir: config.dataDir, masterKey, ...urls });
const bus = embeddedBus((error) => log.failed("bus", error));
const ground = {
  config,
  masterKey,
  store,
  gateway,
  state: stateUpdater(store, gateway.payments.gatewayAccount),
  publicUrl: nowhere,
  log,
  now: wallTime,
  bus,
  tasks: embeddedTasks((error) => log.failed("task", error)),
  services: null,
  hearsAll: true,
  isBusThere: () => true,
  alone: (_: string, step: () => Promise<boolean>) => ({ step, release: async () => undefined }),
  isClockRight: () => true,
};
const passwords = argon2Passwords({ concurrency: 2, queue: 32 });
const api = await apiPart(ground, { passwords, ready: () => storageReady(store) });
await api.start();
await bus.beat(wallTime());
setInterval(() => void bus.beat(wallTime()), 5000);

const server = Bun.serve({
  port: config.port ?? 0,
  reusePort: false,
  fetch: (request, connection) => api.http.fetch(request, connection),
});
process.on("SIGTERM", () => {
  void server
    .stop()
    .then(() => store.close())
    .then(() => process.exit(0));
});
process.stderr.write(`listens on ${server.port}\n`);
