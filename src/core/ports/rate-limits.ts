/** How often a caller may ask. In wall time, and counted once for all processes where there are several. */
export interface RateLimits {
  /** Takes one of what `key` may have in the window that runs. */
  take(bucket: RateBucket, key: string): Promise<RateTaken>;
}

/** What is allowed, by bucket. Source: failures, part 5: 120 a minute on the user API. */
export const RATE_POLICIES = {
  user_api: { limit: 120, windowMs: 60_000 },
} as const satisfies Readonly<Record<string, RatePolicy>>;
export type RateBucket = keyof typeof RATE_POLICIES;
export type RatePolicy = { readonly limit: number; readonly windowMs: number };

/** `resetMs`: until the window is over and all is there again. */
export type RateTaken =
  | { readonly ok: true; readonly limit: number; readonly remaining: number; readonly resetMs: number }
  | { readonly ok: false; readonly limit: number; readonly retryAfterMs: number; readonly resetMs: number };
