import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { REDIS } from "./own-redis.ts";
import { until } from "./until.ts";

/** Lets time go on for what is put off on the shared server: all of it has so much less to wait. */
export const passTime = async (prefix: string, ms: number): Promise<void> => {
  const redis = new Redis(REDIS);
  const ends = ":events";
  const keys = await redis.keys(`${prefix}:*${ends}`);
  for (const key of keys) {
    const queue = new Queue(key.slice(prefix.length + 1, -ends.length), { connection: redis, prefix });
    // A job that has just been worked on is put off a moment later.
    await until("nothing waits or runs", async () => (await queue.getJobCountByTypes("waiting", "active")) === 0);
    for (const job of await queue.getDelayed()) {
      // The instant, and 12 bits for the order. One whose time has come meanwhile has none, and needs no help.
      const score = await redis.zscore(queue.toKey("delayed"), job.id ?? "");
      if (score !== null) await job.changeDelay(Math.max(0, Math.floor(Number(score) / 2 ** 12) - Date.now() - ms));
    }
    await queue.close();
  }
  redis.disconnect();
};
