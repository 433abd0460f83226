import { join } from "node:path";
import { cloudPaymentsCallbacks } from "../adapters/cloudpayments/callbacks.ts";
import { cloudPayments } from "../adapters/cloudpayments/payments.ts";
import { openGatewaySimulator } from "../adapters/sandbox/gateway/simulator.ts";
import { type GatewayAccount, parseGatewayAccount } from "../core/ids.ts";
import type { Callbacks } from "../core/ports/callbacks.ts";
import type { Payments } from "../core/ports/payments.ts";
import { Bug } from "../core/result.ts";
import type { GatewayConfig } from "./config.ts";

/** Where money is taken: one account at one gateway, and what stands in for it in a sandbox. */
export type Gateway = {
  readonly mode: "sandbox" | "live";
  readonly payments: Payments;
  readonly callbacks: Callbacks;
  /** Below which prefix the simulator answers; null where the gateway is real. */
  readonly simulator: Simulator | null;
  stop(): Promise<void>;
};

export type Simulator = {
  readonly prefix: string;
  readonly fetch: (request: Request) => Promise<Response>;
  /** What a client of the gateway's API signs in with, and what its callbacks are signed with. Made at first start. */
  readonly credentials: { readonly publicId: string; readonly apiSecret: string };
};

const SIMULATOR_PREFIX = "/sandbox/cloudpayments";
const WIDGET_SCRIPT = "https://widget.cloudpayments.ru/bundles/cloudpayments.js";

/**
 * @param publicUrl where the payer's browser finds us
 * @param ownUrl where this process finds itself: the simulator is called over HTTP, as the real gateway is
 */
export const openGateway = (
  config: GatewayConfig,
  dataDir: string,
  publicUrl: () => string,
  ownUrl: () => string,
): Gateway => {
  switch (config.name) {
    case "cloudpayments": {
      const gatewayAccount = accountOf(config.publicId);
      const { publicId, apiSecrets, apiUrl, parallelRequests } = config;
      return {
        mode: "live",
        payments: cloudPayments({
          publicId,
          apiSecret: apiSecrets[0] ?? "",
          apiUrl: () => apiUrl,
          gatewayAccount,
          concurrency: parallelRequests,
          widgetScript: () => WIDGET_SCRIPT,
          widgetPage: () => null,
          returnUrl: publicUrl,
        }),
        callbacks: cloudPaymentsCallbacks({ apiSecrets, gatewayAccount }),
        simulator: null,
        stop: async () => undefined,
      };
    }
    case "sandbox": {
      const simulator = openGatewaySimulator({
        folder: join(dataDir, "sandbox"),
        notify: () => `${ownUrl()}/payments/api/v1/callbacks/cloudpayments`,
        baseUrl: () => `${publicUrl()}${SIMULATOR_PREFIX}`,
      });
      const { publicId, apiSecret } = simulator;
      const gatewayAccount = accountOf(publicId);
      return {
        mode: "sandbox",
        payments: cloudPayments({
          publicId,
          apiSecret,
          apiUrl: () => `${ownUrl()}${SIMULATOR_PREFIX}`,
          gatewayAccount,
          concurrency: 5,
          widgetScript: () => `${publicUrl()}${SIMULATOR_PREFIX}/bundles/cloudpayments.js`,
          widgetPage: (parameters) =>
            `${publicUrl()}${SIMULATOR_PREFIX}/widget?intent=${Buffer.from(parameters).toString("base64url")}`,
          returnUrl: publicUrl,
        }),
        callbacks: cloudPaymentsCallbacks({ apiSecrets: [apiSecret], gatewayAccount }),
        simulator: { prefix: SIMULATOR_PREFIX, fetch: simulator.fetch, credentials: { publicId, apiSecret } },
        stop: simulator.stop,
      };
    }
  }
};

const accountOf = (publicId: string): GatewayAccount => {
  const account = parseGatewayAccount(`cloudpayments:${publicId}`);
  if (!account.ok) throw new Bug("a Public ID has been checked before");
  return account.value;
};
