import { healthApp } from "../adapters/http/health-app.ts";
import { openLog } from "../adapters/telemetry/log.ts";
import { configuredForMany } from "./boot.ts";
import { openHouse } from "./house.ts";
import { openLife } from "./life.ts";
import { cronPart } from "./parts/cron.ts";
import { portTaken, settingsInUse } from "./startup-lines.ts";

// What falls due by itself: it is found here and worked on; gateways are called from here.
const config = configuredForMany("cron");
const log = openLog(config.logLevel);
const life = openLife(log);
const port = config.port ?? 8082;
const publicUrl = (): string => config.publicUrl ?? "http://localhost:8080";

const house = await openHouse({
  config,
  log,
  life,
  name: "cron",
  role: "matinee_updater",
  publicUrl,
  ownUrl: publicUrl,
});
// What was committed here is brought to the bus by a consumer.
const cron = cronPart(house.ground, () => undefined);
// Before it answers: whoever sees that it is there may tell it to stop.
life.untilToldToStop(async () => {
  await cron.stop();
  await house.close();
});
const server = life.listen(healthApp(house), port) ?? (await house.giveUp(portTaken(port)));
await cron.start();

process.stdout.write(
  [
    "Matinee's cron is running.",
    `  health      http://localhost:${server.port}/health/ready`,
    ...settingsInUse(config, house.ground.gateway),
    "",
  ].join("\n"),
);
