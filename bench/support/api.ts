import { openLog } from "../../src/adapters/telemetry/log.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { type Application, application } from "../../src/entrypoints/application.ts";
import type { Config } from "../../src/entrypoints/config.ts";
import { openGateway } from "../../src/entrypoints/gateway.ts";
import { stateUpdater } from "../../src/entrypoints/parts/ground.ts";

/**
 * The real application as `standalone` assembles it. It is not started: what it accepts stays in the intake, as in a
 * process that only answers HTTP.
 */
export const openApi = (config: Config, masterKey: Uint8Array, store: Store): Promise<Application> => {
  const nowhere = (): string => "http://localhost";
  const gateway = openGateway(config.gateway, {
    dataDir: config.dataDir,
    masterKey,
    publicUrl: nowhere,
    ownUrl: nowhere,
  });
  const state = stateUpdater(store, gateway.payments.gatewayAccount);
  return application({ config, masterKey, store, gateway, state, publicUrl: nowhere, log: openLog(config.logLevel) });
};
