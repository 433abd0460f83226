import type { Reports } from "../ports/reports.ts";
import type { StorageFault } from "../ports/storage.ts";
import type { Result } from "../result.ts";
import { type Instant, plusMs, SECOND_MS } from "../time.ts";

/** The time of one node, and whether it may be trusted: one that is far off would charge early or late. Source: design, 1.7. */
export type ClockGuard = {
  /**
   * Wall time, carried on from the last look at which the node's clock was right: setting that clock moves nothing before the
   * database was asked.
   */
  now(): Instant;
  /** Holds the node's clock against the database's. Where that does not answer the last judgement stands. */
  look(): Promise<void>;
  /** Also false from the moment at which the clock was set, until the next look. */
  isRight(): boolean;
};

/** How far a node may be off. */
const MOST_MS = 2 * SECOND_MS;

export const clockGuard = ({
  databaseNow,
  wall,
  monotonic,
  reports,
}: {
  readonly databaseNow: () => Promise<Result<Instant, StorageFault>>;
  /** What this node's clock says. */
  readonly wall: () => Instant;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
  readonly reports: Reports;
}): ClockGuard => {
  let isRight = true;
  let anchor = { at: wall(), monotonic: monotonic() };
  const now = (): Instant => plusMs(anchor.at, Math.round(monotonic() - anchor.monotonic));
  return {
    now,
    look: async () => {
      const before = wall();
      const there = await databaseNow();
      const after = wall();
      if (!there.ok) return;
      // It was read at some moment in between: a slow answer is no wrong clock.
      const offMs = there.value < before ? before - there.value : Math.max(0, there.value - after);
      const wasRight = isRight;
      isRight = offMs <= MOST_MS;
      if (isRight) anchor = { at: wall(), monotonic: monotonic() };
      if (wasRight && !isRight) reports({ level: "alarm", what: "clock_off", facts: { offMs: `${offMs}` } });
    },
    isRight: () => isRight && Math.abs(wall() - now()) <= MOST_MS,
  };
};
