import type { Leases } from "../ports/leases.ts";
import { SECOND_MS } from "../time.ts";

/** What is done by one process at a time, though any number of them would. */
export type Leased = {
  /** Does the step if this process holds the lease, or can take it. Answers whether there may be more. */
  step(): Promise<boolean>;
  /** Lets another one take it at once. */
  release(): Promise<void>;
};

/** Where there is nobody else to do it. */
export const unleased = (step: () => Promise<boolean>): Leased => ({ step, release: async () => undefined });

/** A holder that dies or stands still is followed after this. */
const HELD_MS = 5 * SECOND_MS;
/** Asked for again so often, so that a step does not cost another write. */
const RENEWED_MS = SECOND_MS;

/**
 * Only a saving: two who step at once do no harm. A holder whose lease has run out while it stood still does.
 * @param monotonic milliseconds of a clock that only goes on
 */
export const leased = (
  leases: Leases,
  name: string,
  holder: string,
  monotonic: () => number,
  step: () => Promise<boolean>,
): Leased => {
  let heldUntil = Number.NEGATIVE_INFINITY;
  let renewedAt = Number.NEGATIVE_INFINITY;
  const holds = async (): Promise<boolean> => {
    const at = monotonic();
    if (at < heldUntil && at < renewedAt + RENEWED_MS) return true;
    const held = await leases.hold(name, holder, HELD_MS);
    if (!held.ok || !held.value) return false;
    // Counted from before it was asked for: it runs out here no later than in the database.
    heldUntil = at + HELD_MS;
    renewedAt = at;
    return true;
  };
  return {
    step: async () => (await holds()) && (await step()),
    release: async () => {
      if (monotonic() >= heldUntil) return;
      heldUntil = Number.NEGATIVE_INFINITY;
      await leases.release(name, holder);
    },
  };
};
