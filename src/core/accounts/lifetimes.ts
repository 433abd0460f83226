import { DAY_MS, earlier, type Instant, MINUTE_MS, plusMs, SECOND_MS, wholeSecond } from "../time.ts";

// How long sessions and tokens live (failures, part 5).

const ACCESS_MS = 10 * MINUTE_MS;
const IDLE_MS = 14 * DAY_MS;
const SESSION_MS = 90 * DAY_MS;

/**
 * For so long after it was spent a refresh token may be spent once more. Two tabs that wake up together refresh at once, and
 * an answer gets lost on a train: neither is a theft, and strictness would sign the payer out of both. A thief gains ten
 * seconds and nothing more: the tokens given out for one spent token count as one, so that the first use of either makes
 * the other a spent one, whose use ends the session.
 */
export const LEEWAY_MS = 10 * SECOND_MS;

/** Over when not refreshed by then; never later than the session's end. */
export const idleUntil = (at: Instant): Instant => plusMs(at, IDLE_MS);
export const endOfSession = (openedAt: Instant): Instant => plusMs(openedAt, SESSION_MS);

/** Tokens count in whole seconds. An access token ends with its session at the latest. */
export const accessLife = (
  at: Instant,
  endsAt: Instant,
): { readonly issuedAt: Instant; readonly expiresAt: Instant } => {
  const issuedAt = wholeSecond(at);
  return { issuedAt, expiresAt: earlier(plusMs(issuedAt, ACCESS_MS), wholeSecond(endsAt)) };
};
