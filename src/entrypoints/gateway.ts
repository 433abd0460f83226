import { join } from "node:path";
import { cloudPaymentsCallbacks } from "../adapters/cloudpayments/callbacks.ts";
import type { ConnectionConfig } from "../adapters/cloudpayments/connection.ts";
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
  /** Where this process answers for the simulator; null: the gateway is real, or the simulator has a process of its own. */
  readonly simulator: Simulator | null;
  /** What a client of the sandbox's gateway signs in with, and what its callbacks are signed with; null: it is a real one. */
  readonly sandbox: SandboxCredentials | null;
  stop(): Promise<void>;
};

export type Simulator = {
  readonly prefix: string;
  readonly fetch: (request: Request) => Promise<Response>;
};
export type SandboxCredentials = { readonly publicId: string; readonly apiSecret: string };

const SIMULATOR_PREFIX = "/sandbox/cloudpayments";
const CALLBACKS = "/payments/api/v1/callbacks/cloudpayments";
const WIDGET_SCRIPT = "https://widget.cloudpayments.ru/bundles/cloudpayments.js";

/**
 * What the sandbox's own process and those who call it sign with: it follows from the master key, which all of them have.
 * @param masterKey 32 bytes
 */
export const sandboxCredentials = (masterKey: Uint8Array): SandboxCredentials => {
  const derived = (label: string): string =>
    new Bun.CryptoHasher("sha256", masterKey).update(`matinee sandbox gateway 1 ${label}`).digest("hex");
  return { publicId: `test_api_${derived("public id").slice(0, 23)}`, apiSecret: derived("api secret").slice(0, 32) };
};

/** What a gateway that is reached over the network is asked with; null: it is in the process that runs. */
export const gatewayCredentials = (config: GatewayConfig, masterKey: () => Uint8Array): ConnectionConfig | null => {
  if (config.name === "cloudpayments") {
    const { publicId, apiSecrets, apiUrl } = config;
    return { publicId, apiSecret: apiSecrets[0] ?? "", apiUrl: () => apiUrl };
  }
  const { url } = config;
  return url === null ? null : { ...sandboxCredentials(masterKey()), apiUrl: () => `${url}${SIMULATOR_PREFIX}` };
};

/** The simulator in a process of its own. Its callbacks go to `merchantUrl`. */
export const openSandbox = (
  dataDir: string,
  credentials: SandboxCredentials,
  merchantUrl: () => string,
  ownUrl: () => string,
): Simulator & { stop(): Promise<void> } => {
  const simulator = openGatewaySimulator({
    folder: join(dataDir, "sandbox"),
    credentials,
    notify: () => `${merchantUrl()}${CALLBACKS}`,
    baseUrl: () => `${ownUrl()}${SIMULATOR_PREFIX}`,
  });
  return { prefix: SIMULATOR_PREFIX, fetch: simulator.fetch, stop: simulator.stop };
};

type GatewayPlaces = {
  readonly dataDir: string;
  readonly masterKey: Uint8Array;
  /** Where the payer's browser finds us. */
  readonly publicUrl: () => string;
  /** Where this process finds itself: the simulator is called over HTTP, as the real gateway is. */
  readonly ownUrl: () => string;
};

export const openGateway = (
  config: GatewayConfig,
  { dataDir, masterKey, publicUrl, ownUrl }: GatewayPlaces,
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
        sandbox: null,
        stop: async () => undefined,
      };
    }
    case "sandbox": {
      const { url } = config;
      if (url !== null) {
        const credentials = sandboxCredentials(masterKey);
        return {
          mode: "sandbox",
          ...clientsOf(
            credentials,
            publicUrl,
            () => url,
            () => url,
          ),
          simulator: null,
          sandbox: credentials,
          stop: async () => undefined,
        };
      }
      const simulator = openGatewaySimulator({
        folder: join(dataDir, "sandbox"),
        notify: () => `${ownUrl()}${CALLBACKS}`,
        baseUrl: () => `${publicUrl()}${SIMULATOR_PREFIX}`,
      });
      const { publicId, apiSecret } = simulator;
      const credentials = { publicId, apiSecret };
      return {
        mode: "sandbox",
        ...clientsOf(credentials, publicUrl, publicUrl, ownUrl),
        simulator: { prefix: SIMULATOR_PREFIX, fetch: simulator.fetch },
        sandbox: credentials,
        stop: simulator.stop,
      };
    }
  }
};

/**
 * What calls the simulator, and what understands its calls.
 * @param widgetUrl where browsers reach the simulator
 * @param apiUrl where we do
 */
const clientsOf = (
  { publicId, apiSecret }: SandboxCredentials,
  publicUrl: () => string,
  widgetUrl: () => string,
  apiUrl: () => string,
): Pick<Gateway, "payments" | "callbacks"> => {
  const gatewayAccount = accountOf(publicId);
  return {
    payments: cloudPayments({
      publicId,
      apiSecret,
      apiUrl: () => `${apiUrl()}${SIMULATOR_PREFIX}`,
      gatewayAccount,
      concurrency: 5,
      widgetScript: () => `${widgetUrl()}${SIMULATOR_PREFIX}/bundles/cloudpayments.js`,
      widgetPage: (parameters) =>
        `${widgetUrl()}${SIMULATOR_PREFIX}/widget?intent=${Buffer.from(parameters).toString("base64url")}`,
      returnUrl: publicUrl,
    }),
    callbacks: cloudPaymentsCallbacks({ apiSecrets: [apiSecret], gatewayAccount }),
  };
};

const accountOf = (publicId: string): GatewayAccount => {
  const account = parseGatewayAccount(`cloudpayments:${publicId}`);
  if (!account.ok) throw new Bug("a Public ID has been checked before");
  return account.value;
};
