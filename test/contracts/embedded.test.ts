import { embeddedBus } from "../../src/adapters/embedded/bus.ts";
import { embeddedTasks } from "../../src/adapters/embedded/tasks.ts";
import { busContract } from "./bus.ts";
import { tasksContract } from "./tasks.ts";

busContract("embedded", async () => embeddedBus(() => undefined));
tasksContract("embedded", async () => {
  let now = 0;
  return {
    tasks: embeddedTasks(
      () => undefined,
      () => now,
    ),
    pass: async (ms) => {
      now += ms;
    },
  };
});
