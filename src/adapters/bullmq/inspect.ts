import { ANSWER_MS, impatient, opened } from "./connection.ts";

export type RedisState = { readonly version: string; readonly evicts: string | null };

/** What an operator may want to know of a Redis server. @returns in words why it does not answer */
export const inspectRedis = async (url: string): Promise<RedisState | string> => {
  const redis = impatient(url);
  try {
    await opened(redis);
    if (redis.status !== "ready") return `no answer in ${ANSWER_MS} ms`;
    const info = await redis.info();
    const found = (field: string): string => new RegExp(`^${field}:(.*)$`, "m").exec(info)?.[1]?.trim() ?? "";
    const policy = found("maxmemory_policy");
    return { version: found("redis_version"), evicts: policy === "noeviction" || policy === "" ? null : policy };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    redis.disconnect();
  }
};
