import { afterAll, afterEach, describe } from "bun:test";
import { type BullmqTasks, bullmqTasks } from "../../src/adapters/bullmq/tasks.ts";
import { passTime } from "../support/delayed-jobs.ts";
import { dropKeys, freshPrefix, hasRedis, REDIS } from "../support/own-redis.ts";
import { tasksContract } from "./tasks.ts";

describe.skipIf(!hasRedis)("On a server", () => {
  const opened: BullmqTasks[] = [];
  afterEach(async () => {
    for (const tasks of opened.splice(0)) await tasks.close();
  });
  afterAll(dropKeys);
  tasksContract("bullmq", async () => {
    const prefix = freshPrefix();
    const tasks = bullmqTasks({ url: REDIS, prefix, onError: () => undefined });
    opened.push(tasks);
    return { tasks, pass: (ms) => passTime(prefix, ms) };
  });
});
