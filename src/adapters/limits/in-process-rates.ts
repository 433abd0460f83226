import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { RATE_POLICIES, type RateBucket, type RateLimits } from "../../core/ports/rate-limits.ts";
import { SECOND_MS } from "../../core/time.ts";

/** Rates in the memory of this process: another process counts for itself, and a restart forgets. */
export const inProcessRates = (): RateLimits => {
  const limiters = new Map<RateBucket, RateLimiterMemory>();
  const limiterOf = (bucket: RateBucket): RateLimiterMemory => {
    const { limit, windowMs } = RATE_POLICIES[bucket];
    const known = limiters.get(bucket) ?? new RateLimiterMemory({ points: limit, duration: windowMs / SECOND_MS });
    limiters.set(bucket, known);
    return known;
  };
  return {
    take: async (bucket, key) => {
      const { limit } = RATE_POLICIES[bucket];
      try {
        const { remainingPoints, msBeforeNext } = await limiterOf(bucket).consume(key);
        return { ok: true, limit, remaining: remainingPoints, resetMs: msBeforeNext };
      } catch (refused) {
        // The library throws its answer when it refuses.
        if (!(refused instanceof RateLimiterRes)) throw refused;
        return { ok: false, limit, retryAfterMs: refused.msBeforeNext, resetMs: refused.msBeforeNext };
      }
    },
  };
};
