import { argon2Passwords } from "../../src/adapters/crypto/passwords.ts";
import { openLog } from "../../src/adapters/telemetry/log.ts";
import { embedded, storageReady } from "../../src/entrypoints/application.ts";
import { configured, opened } from "../../src/entrypoints/boot.ts";
import { openGateway } from "../../src/entrypoints/gateway.ts";
import { apiPart } from "../../src/entrypoints/parts/api.ts";
import { stateUpdater, wallTime } from "../../src/entrypoints/parts/ground.ts";
import { serve } from "./serving.ts";

// The API alone with its view of who may watch, kept fresh by a bus that brings beats and nothing else: nobody writes
// meanwhile.
const config = configured();
const { store, masterKey } = await opened(config, "matinee_api");
const log = openLog(config.logLevel);
const nowhere = (): string => "http://localhost";
const urls = { publicUrl: nowhere, ownUrl: nowhere };
const gateway = openGateway(config.gateway, { dataDir: config.dataDir, masterKey, ...urls });
const ground = {
  ...embedded(log),
  config,
  masterKey,
  store,
  gateway,
  state: stateUpdater(store, gateway.payments.gatewayAccount),
  publicUrl: nowhere,
  log,
};
const passwords = argon2Passwords({ concurrency: 2, queue: 32 });
const api = await apiPart(ground, { passwords, ready: () => storageReady(store) });
await api.start();
await ground.bus.beat(wallTime());
setInterval(() => void ground.bus.beat(wallTime()), 5000);

serve(api.http, config.port ?? 0, store.close);
