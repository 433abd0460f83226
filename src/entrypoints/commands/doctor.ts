import type { Command } from "commander";
import { inspectRedis } from "../../adapters/bullmq/inspect.ts";
import { inspectCloudPayments } from "../../adapters/cloudpayments/inspect.ts";
import { inspectPostgres } from "../../adapters/postgres/inspect.ts";
import { SECOND_MS } from "../../core/time.ts";
import { masterKeyOf } from "../assemble.ts";
import { configured } from "../boot.ts";
import type { Config } from "../config.ts";
import { gatewayCredentials } from "../gateway.ts";
import { operatorThere } from "../operator.ts";
import { withOperator } from "../operator-access.ts";
import { onNats } from "./bus.ts";
import { print, printJson } from "./output.ts";

/** One thing that was looked at. `warn`: it works, and may not when it matters. */
type Finding = { readonly check: string; readonly is: "ok" | "warn" | "fail"; readonly detail: string };

const MOST_CLOCK_MS = 2 * SECOND_MS;
const OLD_BACKLOG_MS = 60 * SECOND_MS;
const REACH_MS = 5 * SECOND_MS;

/** `matinee doctor`: looks at everything that Matinee stands on, and says what to set where something is wrong. */
export const doctorCommand = (program: Command): void => {
  program
    .command("doctor")
    .description("look at everything that Matinee stands on; exit code 1 where something is wrong. Changes nothing")
    .option("--json", "as JSON")
    .action(async (options: { readonly json?: true }) => {
      // Settings that cannot be read end it here, each by its name.
      const config = configured();
      const found = await database(config);
      const findings = [
        { check: "settings", is: "ok", detail: "all can be read" } as const,
        ...found,
        // A database that is not as it should be is not opened: that would migrate it, or be refused.
        ...(found.some(({ check, is }) => check === "database" && is !== "ok") ? [] : await work(config)),
        ...(await bus(config)),
        await tasks(config),
        await gateway(config),
        await reach(config),
      ];
      if (options.json) printJson(findings);
      else for (const { check, is, detail } of findings) print(`${is.padEnd(4)}  ${check.padEnd(10)} ${detail}`);
      process.exitCode = findings.some(({ is }) => is === "fail") ? 1 : 0;
    });
};

const database = async (config: Config): Promise<readonly Finding[]> => {
  const found = (is: Finding["is"], detail: string): Finding => ({ check: "database", is, detail });
  if (config.database === null) {
    const isRunning = (await operatorThere(config)) !== null;
    return [found("ok", `embedded, in ${config.dataDir}${isRunning ? ", in use by a running Matinee" : ""}`)];
  }
  const { url, ownerUrl } = config.database;
  const login = url === ownerUrl ? null : await inspectPostgres(url);
  const before = Date.now();
  const state = await inspectPostgres(ownerUrl);
  const away = (why: string): Finding =>
    found("fail", `PostgreSQL does not answer: ${why}. Start it, or correct DATABASE_URL and DATABASE_OWNER_URL`);
  if (typeof state === "string") return [away(state)];
  if (typeof login === "string") return [away(login)];
  const offMs = Math.max(before - state.now, state.now - Date.now(), 0);
  const { version, pending, strange, isReadOnly } = state;
  const { forbidden } = login ?? state;
  return [
    Number.parseInt(version, 10) >= 15
      ? found("ok", `PostgreSQL ${version}`)
      : found("fail", `PostgreSQL ${version}: 15 or newer is needed`),
    ...(isReadOnly ? [found("fail", "it is read-only: name the primary in DATABASE_URL")] : []),
    ...(pending.length === 0
      ? []
      : [found("warn", `${pending.length} migrations are pending: matinee migrate, or the next start, applies them`)]),
    ...(strange.length === 0 ? [] : [found("fail", `it is of a newer version: ${strange.join(", ")}`)]),
    ...forbidden.map((role) => found("fail", `the login may not act as ${role}: grant ${role} to it`)),
    offMs <= MOST_CLOCK_MS
      ? { check: "clock", is: "ok", detail: "as the database's" }
      : {
          check: "clock",
          is: "fail",
          detail: `${Math.round(offMs)} ms off the database's: set both by NTP, more than ${MOST_CLOCK_MS} ms stops the sweeps`,
        },
  ];
};

/** What waits, and what got stuck. An embedded database that nobody runs is not opened: that alone may change it. */
const work = async (config: Config): Promise<readonly Finding[]> => {
  if (config.database === null && (await operatorThere(config)) === null) return [];
  return withOperator(async (operator) => {
    const { messages, oldestAt } = await operator.backlog();
    const isOld = oldestAt !== null && Date.parse(oldestAt) < Date.now() - OLD_BACKLOG_MS;
    const letters = (await operator.deadLetters()).length;
    return [
      isOld
        ? { check: "outbox", is: "warn", detail: `${messages} messages wait since ${oldestAt}: does a consumer run?` }
        : { check: "outbox", is: "ok", detail: `${messages} messages wait` },
      letters === 0
        ? { check: "letters", is: "ok", detail: "no dead letters" }
        : { check: "letters", is: "warn", detail: `${letters} dead letters: matinee bus dead-letters` },
    ];
  });
};

const bus = async (config: Config): Promise<readonly Finding[]> => {
  const found = (is: Finding["is"], detail: string): Finding => ({ check: "bus", is, detail });
  if (config.nats === null) return [found("ok", "embedded; set NATS_URL for a NATS server")];
  const durability = await onNats((nats) => nats.durability());
  if (!durability.ok)
    return [
      found("fail", `NATS does not answer: ${durability.error.detail}. Start it with JetStream, or correct NATS_URL`),
    ];
  const { serverVersion, notes } = durability.value;
  return [found("ok", `NATS ${serverVersion}`), ...notes.map((note) => found("warn", note))];
};

const tasks = async ({ redis }: Config): Promise<Finding> => {
  const found = (is: Finding["is"], detail: string): Finding => ({ check: "tasks", is, detail });
  if (redis === null) return found("ok", "embedded; set REDIS_URL for BullMQ on a Redis server");
  const state = await inspectRedis(redis.url);
  if (typeof state === "string")
    return found("fail", `Redis does not answer: ${state}. Start it, or correct REDIS_URL`);
  const { version, evicts } = state;
  return evicts === null
    ? found("ok", `Redis ${version}`)
    : found("warn", `Redis ${version} evicts keys (${evicts}): set maxmemory-policy noeviction, or tasks come late`);
};

const gateway = async (config: Config): Promise<Finding> => {
  const found = (is: Finding["is"], detail: string): Finding => ({ check: "gateway", is, detail });
  const credentials = gatewayCredentials(config.gateway, () => masterKeyOf(config));
  if (credentials === null) return found("ok", "sandbox, in the process that runs; no real money");
  const wrong = await inspectCloudPayments(credentials);
  const name = config.gateway.name === "sandbox" ? "the sandbox" : "CloudPayments";
  return wrong === null
    ? found("ok", `${name} answers and knows us`)
    : found("fail", `${name} at ${credentials.apiUrl()}: ${wrong}. Correct its settings, or start it`);
};

/** The gateway must reach us. From here it can only be tried whether we do. */
const reach = async ({ publicUrl }: Config): Promise<Finding> => {
  const found = (is: Finding["is"], detail: string): Finding => ({ check: "address", is, detail });
  if (publicUrl === null) return found("ok", "PUBLIC_URL is not set: this machine only");
  const answer = await fetch(`${publicUrl}/health/ready`, { signal: AbortSignal.timeout(REACH_MS) }).catch(() => null);
  if (answer === null)
    return found("warn", `${publicUrl} does not answer from here: does the API run, is PUBLIC_URL right?`);
  return answer.ok
    ? found("ok", `${publicUrl} answers, and is ready`)
    : found("warn", `${publicUrl} answers ${answer.status}: it is not ready`);
};
