import { argon2Passwords } from "../adapters/crypto/passwords.ts";
import { openLog } from "../adapters/telemetry/log.ts";
import { application } from "./application.ts";
import { configured } from "./boot.ts";
import { openHouse } from "./house.ts";
import { openLife } from "./life.ts";
import { letIn, operatorOf } from "./operator.ts";
import { digest } from "./parts/ground.ts";
import { sellFirstPlans } from "./plans.ts";
import { portTaken, settingsInUse } from "./startup-lines.ts";

// One process with everything in it.
const config = configured();
const log = openLog(config.logLevel);
const life = openLife(log);
const port = config.port ?? 8080;
/** The port is known once it is taken. */
let ownPort = port;
const ownUrl = (): string => `http://127.0.0.1:${ownPort}`;
const publicUrl = (): string => config.publicUrl ?? `http://localhost:${ownPort}`;

const house = await openHouse({ config, log, life, name: "standalone", role: "matinee_updater", publicUrl, ownUrl });
const { store, gateway, state } = house.ground;
const operator = operatorOf(store, state, digest, gateway.sandbox);
if (gateway.mode === "sandbox") await sellFirstPlans(operator);

const passwords = argon2Passwords({ concurrency: 2, queue: 32 });
const app = await application({ ...house.ground, passwords, ready: house.ready });
let door: ReturnType<typeof letIn> | null = null;
// Before it answers: whoever sees that it is there may tell it to stop.
life.untilToldToStop(async () => {
  await door?.stop();
  await app.stop();
  await house.close();
});
// The sandbox's gateway may be told to take its five minutes; four and a quarter are the most that a connection lasts.
const server = life.listen(app.http, port, gateway.mode === "sandbox" ? 255 : 10);
ownPort = server?.port ?? (await house.giveUp(portTaken(port)));
await app.start();
if (config.database === null) door = letIn(config, operator);

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
    ...settingsInUse(config, gateway),
    ...(isEmpty
      ? ["  plans       none yet: bun run matinee plans example > plans.json, then plans apply plans.json"]
      : []),
    "",
    "  try it      bun run demo",
    "  stop        Ctrl-C",
    "",
  ].join("\n"),
);
