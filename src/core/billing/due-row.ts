import type { Instant } from "../time.ts";
import type { DueKind, Row } from "./read-model.ts";
import type { StreamName } from "./stream.ts";

/** A row of the work that waits: what, about which subject, from when. */
export const dueRow = (kind: DueKind, subject: string, stream: StreamName, accountId: string, dueAt: Instant): Row => ({
  table: "due",
  row: { kind, subject, stream, accountId, dueAt },
});
