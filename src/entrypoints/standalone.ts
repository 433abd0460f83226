import { openLog } from "../adapters/telemetry/log.ts";
import { application, digest, stateUpdater } from "./application.ts";
import { configured, opened, refuse } from "./boot.ts";
import { openGateway } from "./gateway.ts";
import { letIn, operatorOf } from "./operator.ts";
import { applyPlans, FIRST_PLANS } from "./plans.ts";

// One process with everything in it.
const config = configured();
const log = openLog(config.logLevel);
const { store, masterKey } = await opened(config, "matinee_updater");

/** The port is known once it is taken. */
let ownPort = config.port;
const ownUrl = (): string => `http://127.0.0.1:${ownPort}`;
const publicUrl = (): string => config.publicUrl ?? `http://localhost:${ownPort}`;
const gateway = openGateway(config.gateway, config.dataDir, publicUrl, ownUrl);

/** Ends a start that cannot go on; what was opened is let go of. */
const giveUp = async (message: string): Promise<never> => {
  await gateway.stop();
  await store.close();
  return refuse(message);
};

const mode = await store.remember("mode", gateway.mode);
if (!mode.ok) await giveUp(`The database does not answer: ${mode.error.code}.`);
else if (mode.value !== gateway.mode) {
  await giveUp(
    `This database is ${mode.value === "live" ? "live: it holds real money" : "a sandbox's: nothing in it was ever paid"}. ` +
      `It refuses to work with ${gateway.mode === "live" ? "a real gateway" : "the sandbox"}. ` +
      "Set the gateway that it was begun with, or give another DATA_DIR or DATABASE_URL.",
  );
}

const state = stateUpdater(store, gateway.payments.gatewayAccount);
const operator = operatorOf(store, state, digest, gateway.simulator?.credentials ?? null);
if (gateway.mode === "sandbox" && (await operator.plans()).length === 0) await applyPlans(operator, FIRST_PLANS);

const app = await application({ config, masterKey, store, gateway, state, publicUrl, log });
const listen = (): ReturnType<typeof Bun.serve> | null => {
  try {
    return Bun.serve({
      port: config.port,
      reusePort: false,
      // The application itself refuses large bodies, with a problem document.
      maxRequestBodySize: 64 * 1024 * 1024,
      // The sandbox's gateway may be told to take its five minutes; four and a quarter are the most that a connection lasts.
      idleTimeout: gateway.mode === "sandbox" ? 255 : 10,
      fetch: (request, server) => app.http.fetch(request, server),
    });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return null;
    throw error;
  }
};
const server = listen();
if (server === null)
  await giveUp(`Port ${config.port} is in use. Stop what listens there, or set PORT to another one.`);
ownPort = server?.port ?? config.port;
await app.start();
const door = config.database === null ? letIn(config, operator) : null;

const origin = publicUrl();
const isEmpty = (await operator.plans()).length === 0;
process.stdout.write(
  [
    "Matinee is running.",
    `  start here  ${origin}/`,
    `  API         ${origin}/docs`,
    `  health      ${origin}/health/ready`,
    ...(gateway.simulator === null ? [] : [`  sandbox     ${origin}${gateway.simulator.prefix}/`]),
    "",
    config.database === null
      ? `  storage     embedded, in ${config.dataDir}; set DATABASE_URL and VAULT_KEY for a PostgreSQL server`
      : "  storage     PostgreSQL at DATABASE_URL",
    "  bus, tasks  embedded, in this process",
    gateway.mode === "sandbox"
      ? "  payments    sandbox, no real money; set CLOUDPAYMENTS_PUBLIC_ID and CLOUDPAYMENTS_API_SECRET for a real gateway"
      : `  payments    CloudPayments, ${gateway.payments.gatewayAccount}`,
    ...(isEmpty
      ? ["  plans       none yet: bun run matinee plans example > plans.json, then plans apply plans.json"]
      : []),
    "",
    "  try it      bun run demo",
    "  stop        Ctrl-C",
    "",
  ].join("\n"),
);

/** What is running may end; what does not end in this time is cut off, and found again at the next start. */
const DRAIN_MS = 20_000;
let isStopping = false;
const stop = async (): Promise<void> => {
  if (isStopping) return;
  isStopping = true;
  const deadline = setTimeout(() => {
    log.failed("drain", new Error(`not drained in ${DRAIN_MS} ms`));
    process.exit(1);
  }, DRAIN_MS);
  await server?.stop();
  await door?.stop();
  await app.stop();
  await gateway.stop();
  await store.close();
  clearTimeout(deadline);
  process.exit(0);
};
process.on("SIGTERM", () => void stop());
process.on("SIGINT", () => void stop());
