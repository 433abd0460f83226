import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../time.ts";
import type { WorkKind } from "./work.ts";

/**
 * How long a row is left alone after its worker threw for the first time, the second, and so on; the last wait repeats.
 * Nothing is ever given up: what is due stays due. A new kind does not compile without a line.
 */
const RETRIES_MS = {
  // Somebody has paid and waits to watch.
  look_up_payment: [SECOND_MS, 2 * SECOND_MS, 5 * SECOND_MS, 15 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS],
  look_up_refund: [5 * SECOND_MS, 15 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS],
  // What has been asked once is looked up before it is asked again: haste brings nothing.
  send_refund: [5 * SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS, 15 * MINUTE_MS],
  // Nobody waits for these; a payment that comes later is taken all the same.
  end_offer: [30 * SECOND_MS, 5 * MINUTE_MS, 30 * MINUTE_MS],
  expire_invoice: [MINUTE_MS, 10 * MINUTE_MS, HOUR_MS],
} as const satisfies Readonly<Record<WorkKind, readonly [number, ...number[]]>>;

/** @param throws how often the worker has thrown, this time included: 1 or more */
export const retryAfterMs = (kind: WorkKind, throws: number): number => waitAfter(RETRIES_MS[kind], throws);

/**
 * A row that is still due although its work was done is left alone for so long, ever longer: its worker believes that there is
 * nothing to do, and the row says otherwise.
 */
const COME_BACK_MS = [SECOND_MS, 5 * SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS, HOUR_MS] as const;

/** @param times how often it has come back: 1 or more */
export const putOffMs = (times: number): number => waitAfter(COME_BACK_MS, times);

const waitAfter = (waitsMs: readonly [number, ...number[]], times: number): number =>
  waitsMs[Math.min(times, waitsMs.length) - 1] ?? waitsMs[0];
