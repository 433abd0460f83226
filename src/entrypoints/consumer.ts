import { healthApp } from "../adapters/http/health-app.ts";
import { openLog } from "../adapters/telemetry/log.ts";
import { configuredForMany } from "./boot.ts";
import { openHouse } from "./house.ts";
import { openLife } from "./life.ts";
import { operatorOf } from "./operator.ts";
import { consumerPart } from "./parts/consumer.ts";
import { digest } from "./parts/ground.ts";
import { sellFirstPlans } from "./plans.ts";
import { portTaken, settingsInUse } from "./startup-lines.ts";

// The State Updater: takes commands, executes them, and brings what was committed to the bus.
const config = configuredForMany("consumer");
const log = openLog(config.logLevel);
const life = openLife(log);
const port = config.port ?? 8081;
const publicUrl = (): string => config.publicUrl ?? "http://localhost:8080";

const house = await openHouse({
  config,
  log,
  life,
  name: "consumer",
  role: "matinee_updater",
  publicUrl,
  ownUrl: publicUrl,
});
const { store, state, gateway } = house.ground;
if (gateway.mode === "sandbox") await sellFirstPlans(operatorOf(store, state, digest, gateway.sandbox));
const consumer = consumerPart(house.ground);
// Before it answers: whoever sees that it is there may tell it to stop.
life.untilToldToStop(async () => {
  await consumer.stop();
  await house.close();
});
const server = life.listen(healthApp(house), port) ?? (await house.giveUp(portTaken(port)));
await consumer.start();

process.stdout.write(
  [
    "Matinee's consumer is running.",
    `  health      http://localhost:${server.port}/health/ready`,
    ...settingsInUse(config, gateway),
    "",
  ].join("\n"),
);
