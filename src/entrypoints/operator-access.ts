import { configured, opened } from "./boot.ts";
import type { Config } from "./config.ts";
import { openGateway } from "./gateway.ts";
import { type Operator, operatorOf, operatorThere } from "./operator.ts";
import { digest, stateUpdater } from "./parts/ground.ts";

/** The running process where there is one, else its database. Closed when the work is done. */
export const withOperator = async <T>(work: (operator: Operator) => Promise<T>): Promise<T> => {
  const config = configured();
  const operator = (await operatorThere(config)) ?? (await operatorHere(config));
  try {
    return await work(operator);
  } finally {
    await operator.close();
  }
};

const operatorHere = async (config: Config): Promise<Operator> => {
  const { store, masterKey } = await opened(config, "matinee_updater");
  const nowhere = () => "http://127.0.0.1:0";
  const gateway = openGateway(config.gateway, {
    dataDir: config.dataDir,
    masterKey,
    publicUrl: nowhere,
    ownUrl: nowhere,
  });
  const state = stateUpdater(store, gateway.payments.gatewayAccount);
  const operator = operatorOf(store, state, digest, gateway.sandbox);
  return {
    ...operator,
    close: async () => {
      await gateway.stop();
      await store.close();
    },
  };
};
