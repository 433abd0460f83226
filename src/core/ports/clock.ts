import type { AccountId } from "../ids.ts";
import type { Instant } from "../time.ts";

/** Billing time. Each account may live at a time of its own in a sandbox; locks, limits and signatures never do. */
export interface Clock {
  now(account: AccountId | null): Promise<Instant>;
}
