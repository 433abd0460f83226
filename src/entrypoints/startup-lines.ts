import type { Config } from "./config.ts";
import type { Gateway } from "./gateway.ts";

/** What each part of Matinee is made of here, and what would replace it. */
export const settingsInUse = ({ database, dataDir, nats, redis }: Config, gateway: Gateway): readonly string[] => [
  database === null
    ? `  storage     embedded, in ${dataDir}; set DATABASE_URL and VAULT_KEY for a PostgreSQL server`
    : "  storage     PostgreSQL at DATABASE_URL",
  nats === null
    ? "  bus         embedded, in this process; set NATS_URL for a NATS server"
    : "  bus         NATS JetStream at NATS_URL",
  redis === null
    ? "  tasks       embedded, in this process; set REDIS_URL for BullMQ on a Redis server"
    : "  tasks       BullMQ on Redis at REDIS_URL",
  gateway.mode === "sandbox"
    ? "  payments    sandbox, no real money; set CLOUDPAYMENTS_PUBLIC_ID and CLOUDPAYMENTS_API_SECRET for a real gateway"
    : `  payments    CloudPayments, ${gateway.payments.gatewayAccount}`,
];

export const portTaken = (port: number): string =>
  `Port ${port} is in use. Stop what listens there, or set PORT to another one.`;
