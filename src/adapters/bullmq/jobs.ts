import type { RowOf } from "../../core/billing/read-model.ts";
import { instantOf } from "../../core/time.ts";

type Row = RowOf<"due">;
/** What a job holds: the row, which is ids alone, and what became of it so far. */
export type Task = {
  readonly row: Row;
  /** How often the worker has thrown. */
  readonly throws: number;
  /** It was done and has come back: it only keeps its id, so that the row cannot be added, and does nothing. */
  readonly rests: boolean;
  /** An operator has asked for it: it is worked on now, however lately it was done. */
  readonly wanted: boolean;
};

/** One row gives one id. BullMQ keeps colons and whole numbers for its own. */
export const jobIdOf = ({ kind, subject, dueAt }: Row): string => `${kind}.${encodeURIComponent(subject)}.${dueAt}`;
export const kindOf = (jobId: string): string => jobId.slice(0, Math.max(0, jobId.indexOf(".")));

/** An ordinary job holds its row and nothing else. */
export const dataOf = ({ row, throws, rests, wanted }: Task) => ({
  kind: row.kind,
  subject: row.subject,
  stream: row.stream,
  accountId: row.accountId,
  dueAt: row.dueAt,
  ...(throws > 0 && { throws }),
  ...(rests && { rests }),
  ...(wanted && { wanted }),
});

/** Null for what none of us has put there. */
export const readTask = (data: unknown): Task | null => {
  if (typeof data !== "object" || data === null) return null;
  const {
    kind,
    subject,
    stream,
    accountId,
    dueAt,
    throws = 0,
    rests = false,
    wanted = false,
  } = data as Readonly<Record<string, unknown>>;
  if (typeof kind !== "string" || typeof subject !== "string" || typeof stream !== "string") return null;
  if (accountId !== null && typeof accountId !== "string") return null;
  if (!isCount(dueAt) || !isCount(throws) || typeof rests !== "boolean" || typeof wanted !== "boolean") return null;
  return { row: { kind, subject, stream, accountId, dueAt: instantOf(dueAt) }, throws, rests, wanted };
};

const isCount = (value: unknown): value is number => typeof value === "number" && Number.isSafeInteger(value);
