import type { Instant } from "../time.ts";
import type { RowOf } from "./read-model.ts";

/** Of an account's rows, which come in the order in which they count, the one that covers `at`; null: may not watch. */
export const bestAccess = (rows: readonly RowOf<"access">[], at: Instant): RowOf<"access"> | null =>
  rows.find(({ fromAt, untilAt }) => fromAt <= at && at < untilAt) ?? null;
