import { openLog } from "../adapters/telemetry/log.ts";
import { masterKeyOf } from "./assemble.ts";
import { configured, refuse } from "./boot.ts";
import { openSandbox, sandboxCredentials } from "./gateway.ts";
import { openLife } from "./life.ts";
import { portTaken } from "./startup-lines.ts";

// The sandbox's gateway in a process of its own, for an API that runs more than once. No money moves here.
const config = configured();
const log = openLog(config.logLevel);
const life = openLife(log);
const port = config.port ?? 8090;
const { gateway } = config;
if (gateway.name !== "sandbox") refuse("There is no sandbox: the settings name a real gateway.");
const ownUrl = (): string => (gateway.name === "sandbox" ? gateway.url : null) ?? `http://localhost:${port}`;
const merchantUrl = (): string => config.publicUrl ?? "http://localhost:8080";

const simulator = openSandbox(config.dataDir, sandboxCredentials(masterKeyOf(config)), merchantUrl, ownUrl);
life.untilToldToStop(simulator.stop);
// It may be told to take its five minutes; four and a quarter are the most that a connection lasts.
if (life.listen(simulator, port, 255) === null) {
  await simulator.stop();
  refuse(portTaken(port));
}

process.stdout.write(
  [
    "The sandbox's gateway is running. No money moves here.",
    `  pages       ${ownUrl()}${simulator.prefix}/`,
    `  its calls   ${merchantUrl()}`,
    `  tell others SANDBOX_URL=${ownUrl()}`,
    "",
  ].join("\n"),
);
