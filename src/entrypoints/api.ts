import { argon2Passwords } from "../adapters/crypto/passwords.ts";
import { openLog } from "../adapters/telemetry/log.ts";
import { configuredForMany } from "./boot.ts";
import { openHouse } from "./house.ts";
import { openLife } from "./life.ts";
import { apiPart } from "./parts/api.ts";
import { portTaken, settingsInUse } from "./startup-lines.ts";

// What answers HTTP and other services' questions. It has the rights of the API and no others.
const config = configuredForMany("api");
const log = openLog(config.logLevel);
const life = openLife(log);
const port = config.port ?? 8080;
const publicUrl = (): string => config.publicUrl ?? `http://localhost:${port}`;

const house = await openHouse({ config, log, life, name: "api", role: "matinee_api", publicUrl, ownUrl: publicUrl });
const passwords = argon2Passwords({ concurrency: 2, queue: 32 });
const api = await apiPart(house.ground, { passwords, ready: house.ready });
// Before it answers: whoever sees that it is there may tell it to stop.
life.untilToldToStop(async () => {
  await api.stop();
  await house.close();
});
const server = life.listen(api.http, port) ?? (await house.giveUp(portTaken(port)));
await api.start();

process.stdout.write(
  [
    "Matinee's API is running.",
    `  API         ${publicUrl()}/docs`,
    `  health      http://localhost:${server.port}/health/ready`,
    ...settingsInUse(config, house.ground.gateway),
    "",
  ].join("\n"),
);
