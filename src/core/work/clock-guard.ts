import type { Reports } from "../ports/reports.ts";
import type { StorageFault } from "../ports/storage.ts";
import type { Result } from "../result.ts";
import { type Instant, SECOND_MS } from "../time.ts";

/** Whether this node's clock may be trusted: one that is far off would charge early or late. Source: design, 1.7. */
export type ClockGuard = {
  /** Holds this node's clock against the database's. Where that does not answer the last judgement stands. */
  look(): Promise<void>;
  isRight(): boolean;
};

/** How far a node may be off. */
const MOST_MS = 2 * SECOND_MS;

export const clockGuard = ({
  databaseNow,
  now,
  reports,
}: {
  readonly databaseNow: () => Promise<Result<Instant, StorageFault>>;
  /** Wall time of this node. */
  readonly now: () => Instant;
  readonly reports: Reports;
}): ClockGuard => {
  let isRight = true;
  return {
    look: async () => {
      const before = now();
      const there = await databaseNow();
      const after = now();
      if (!there.ok) return;
      // It was read at some moment in between: a slow answer is no wrong clock.
      const offMs = there.value < before ? before - there.value : Math.max(0, there.value - after);
      const wasRight = isRight;
      isRight = offMs <= MOST_MS;
      if (wasRight && !isRight) reports({ level: "alarm", what: "clock_off", facts: { offMs: `${offMs}` } });
    },
    isRight: () => isRight,
  };
};
