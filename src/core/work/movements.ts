import type { Movement, PaymentFault, Payments } from "../ports/payments.ts";
import { ok, type Result } from "../result.ts";
import { DAY_MS, earlier, type Instant, MINUTE_MS, plusMs } from "../time.ts";

/** A gateway's clock may be behind ours by this much. */
const CLOCKS_DIFFER_MS = 5 * MINUTE_MS;

/** All that the gateway has in its list since an instant of ours, oldest day first. */
export const movementsSince = async (
  payments: Payments,
  from: Instant,
  now: Instant,
): Promise<Result<readonly Movement[], PaymentFault>> => {
  const all: Movement[] = [];
  const end = plusMs(now, CLOCKS_DIFFER_MS);
  for (let start = plusMs(from, -CLOCKS_DIFFER_MS); start < end; start = plusMs(start, DAY_MS)) {
    const listed = await payments.list({ start, end: earlier(plusMs(start, DAY_MS), end) });
    if (!listed.ok) return listed;
    all.push(...listed.value);
  }
  return ok(all);
};
