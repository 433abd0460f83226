import { Redis } from "ioredis";

/** Whoever asks waits no longer than this for Redis. */
export const ANSWER_MS = 1500;
/** No command of a worker's blocks for longer than 10 s: a connection that has been silent for this long is dead. */
const SILENT_MS = 20_000;
const retryStrategy = (times: number): number => Math.min(times * 100, 1000);

/**
 * A connection for those who wait for the answer: it fails where Redis is away, and keeps nothing to be sent later. One that
 * has a server which hangs is given up after `ANSWER_MS`, so that the next who asks is refused at once.
 */
export const impatient = (url: string): Redis =>
  told(
    new Redis(url, {
      retryStrategy,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      socketTimeout: ANSWER_MS,
    }),
  );

/** Waits for a connection that is only just being made, but no longer than any answer is waited for. */
export const opened = (redis: Redis): Promise<void> =>
  new Promise((resolve) => {
    redis.once("ready", resolve);
    void pause(ANSWER_MS).then(resolve);
  });

/** What workers share: a connection that waits until Redis is back, however long that takes. */
export type Link = {
  readonly redis: Redis;
  /** Ends it and all that BullMQ has made of it, whatever they wait for. */
  cut(): void;
};

export const link = (url: string): Link => {
  // BullMQ refuses a connection of workers that gives up.
  const redis = told(new Redis(url, { retryStrategy, maxRetriesPerRequest: null, socketTimeout: SILENT_MS }));
  const made = [redis];
  const duplicate = redis.duplicate.bind(redis);
  // Each worker makes itself a second connection to block on, and hands it to nobody until it is connected: without this,
  // one whose Redis is away could not be ended.
  redis.duplicate = (own) => {
    const copy = told(duplicate(own));
    made.push(copy);
    return copy;
  };
  return {
    redis,
    cut: () => {
      for (const one of made) one.disconnect();
    },
  };
};

/** Keeps no process from its end. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());

/** An error of a connection that nobody listens to is printed by the library; BullMQ hands all of them on. */
const told = (redis: Redis): Redis => redis.on("error", () => undefined);
