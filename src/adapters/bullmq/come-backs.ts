import { putOffMs } from "../../core/work/retries.ts";

/** At least so many rows are remembered, the latest, and at most twice as many: some megabytes. */
const LATEST = 10_000;
/** After its wait a row has so long to come back; later it counts as new. */
const REMEMBER_MS = 60 * 60_000;

type Seen = Map<string, { readonly times: number; readonly until: number }>;

/**
 * Remembers which rows were done and came back. Each process counts for itself: among several a row is put off a little
 * later than it could be, and in return an ordinary job, which never comes back, asks Redis nothing.
 */
export const comeBacks = (now: () => number = () => performance.now()) => {
  // Two heaps, of which the older one is dropped as a whole: to take the oldest row out of one would cost more than all else.
  let [latest, older]: readonly [Seen, Seen] = [new Map(), new Map()];
  return {
    /** To be asked once whenever a row is done. @returns how long it is put off; 0 the first time, when Redis sees to it */
    putOffMs: (jobId: string): number => {
      const last = latest.get(jobId) ?? older.get(jobId);
      const times = last === undefined || last.until < now() ? 0 : last.times + 1;
      const waitMs = times === 0 ? 0 : putOffMs(times + 1);
      latest.set(jobId, { times, until: now() + waitMs + REMEMBER_MS });
      if (latest.size >= LATEST) [latest, older] = [new Map(), latest];
      return waitMs;
    },
  };
};
