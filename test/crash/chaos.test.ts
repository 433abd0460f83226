import { describe, expect, test } from "bun:test";
import { hasOwnNats } from "../support/own-nats.ts";
import { hasOwnPostgres } from "../support/own-postgres.ts";
import { hasOwnRedis } from "../support/own-redis.ts";
import { chaos } from "./chaos/chaos.ts";

/** Printed at the start; the same one deals the same blows in the same order. */
const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const SECONDS = Number(process.env["CHAOS_SECONDS"] ?? (process.env["LONG"] === "1" ? "1200" : "0"));
const SLOW_MS = 300_000 + SECONDS * 1000;

describe.skipIf(!hasOwnPostgres || !hasOwnNats || !hasOwnRedis)("Several processes over real servers", () => {
  test(
    "whatever is struck under load, no effect is lost and none is doubled",
    async () => {
      const print = (line: string): void => void process.stdout.write(`${line}\n`);
      expect(await chaos({ seed: SEED, atLeastMs: SECONDS * 1000, isLong: SECONDS > 0, print })).toEqual([]);
    },
    SLOW_MS,
  );
});
