import type { Result } from "../result.ts";

/** Counts tries, so that guessing and flooding stay slow. In wall time, which no time machine moves. */
export interface Limits {
  /**
   * Counts one more against each of the limits, in the order given; where one is reached it is refused and the rest are not
   * counted. Of many at once no more get through than a limit allows.
   * @param key whose tries they are; kept as a digest only
   */
  count(limits: readonly Limit[], key: string): Promise<Passage>;
  /**
   * Lets a try begin, unless the tries before it have earned a wait. It counts as failed from now on, before anybody knows,
   * so that many at once are not let through together. A refused try does not lengthen the wait.
   */
  begin(waits: Waits, key: string): Promise<Passage>;
  /** The try was right: all that were counted before it are forgotten. */
  succeed(waits: Waits, key: string): Promise<void>;
}

/** At most `times` within a window of `perMs`, which opens with the first. `name`: what is counted under one key. */
export type Limit = { readonly name: string; readonly times: number; readonly perMs: number };
export type Waits = {
  readonly name: string;
  /** How long the next try has to wait after so many failures, 1 or more; 0: not at all. */
  readonly waitMs: (failures: number) => number;
  /** Failures are forgotten so long after the first of them. */
  readonly forgetAfterMs: number;
};
export type Passage = Result<null, { readonly code: "too_many_requests"; readonly retryAfterMs: number }>;
