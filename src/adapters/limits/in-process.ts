import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { Limits, Passage } from "../../core/ports/limits.ts";
import { err, ok } from "../../core/result.ts";
import { SECOND_MS } from "../../core/time.ts";

/**
 * Limits in the memory of this process: another process counts for itself, and a restart forgets. Keys are kept as digests,
 * so that no e-mail stands here and each takes the same room.
 */
export const inProcessLimits = (): Limits => {
  const counters = new Map<string, RateLimiterMemory>();
  const counter = (name: string, points: number, perMs: number): RateLimiterMemory => {
    const known = counters.get(name) ?? new RateLimiterMemory({ points, duration: perMs / SECOND_MS });
    counters.set(name, known);
    return known;
  };
  const failuresOf = (name: string, forgetAfterMs: number): RateLimiterMemory =>
    counter(`${name}/failures`, Number.MAX_SAFE_INTEGER, forgetAfterMs);
  /** Holds a key for as long as its wait lasts; whoever finds it there has to wait. */
  const waitsOf = (name: string): RateLimiterMemory => counter(`${name}/wait`, 1, SECOND_MS);

  return {
    count: async (limits, key) => {
      for (const { name, times, perMs } of limits) {
        const passage = await passageOf(counter(name, times, perMs).consume(digestOf(key)));
        if (!passage.ok) return passage;
      }
      return ok(null);
    },
    begin: async ({ name, waitMs, forgetAfterMs }, key) => {
      const failures = failuresOf(name, forgetAfterMs);
      const { consumedPoints } = await failures.penalty(digestOf(key));
      const ms = waitMs(consumedPoints);
      if (ms === 0) return ok(null);
      // This one passes if nobody waits, and makes those behind it wait.
      const passage = await passageOf(waitsOf(name).consume(digestOf(key), 1, { customDuration: ms / SECOND_MS }));
      if (!passage.ok) await failures.reward(digestOf(key));
      return passage;
    },
    succeed: async ({ name, forgetAfterMs }, key) => {
      await failuresOf(name, forgetAfterMs).delete(digestOf(key));
      await waitsOf(name).delete(digestOf(key));
    },
  };
};

/** The library throws its answer when it refuses. */
const passageOf = async (consumed: Promise<RateLimiterRes>): Promise<Passage> => {
  try {
    await consumed;
    return ok(null);
  } catch (refused) {
    if (!(refused instanceof RateLimiterRes)) throw refused;
    return err({ code: "too_many_requests", retryAfterMs: Math.max(1, Math.ceil(refused.msBeforeNext)) });
  }
};

const digestOf = (key: string): string => new Bun.CryptoHasher("sha256").update(key).digest("base64url");
