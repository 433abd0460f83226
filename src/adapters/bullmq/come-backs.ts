import { putOffMs } from "../../core/work/retries.ts";

/** At least so many rows are remembered, the latest, and at most twice as many: some megabytes. */
const LATEST = 10_000;
/** After its wait a row has so long to come back; later it counts as new. */
const REMEMBER_MS = 60 * 60_000;

type Done = {
  /** How often it had been done before. */
  readonly times: number;
  /** Until when it is left alone if it is added again. */
  readonly restsUntil: number;
  readonly until: number;
};
type Seen = Map<string, Done>;

/**
 * Remembers which rows were done and came back. Each process counts for itself: among several a row is worked on a little
 * sooner than it could be, and in return an ordinary job, which never comes back, asks Redis nothing.
 */
export const comeBacks = (now: () => number = () => performance.now()) => {
  // Two heaps, of which the older one is dropped as a whole: to take the oldest row out of one would cost more than all else.
  let [latest, older]: readonly [Seen, Seen] = [new Map(), new Map()];
  const find = (jobId: string): Done | undefined => latest.get(jobId) ?? older.get(jobId);
  const keep = (jobId: string, done: Done): void => {
    latest.set(jobId, done);
    if (latest.size >= LATEST) [latest, older] = [new Map(), latest];
  };
  return {
    /**
     * To be asked once whenever a row is done.
     * @returns for how long its job stays and keeps its id; 0 the first time, for most never come back: see `restMs`
     */
    putOffMs: (jobId: string): number => {
      const last = find(jobId);
      const times = last === undefined || last.until < now() ? 0 : last.times + 1;
      const waitMs = putOffMs(times + 1);
      keep(jobId, { times, restsUntil: times === 0 ? now() + waitMs : 0, until: now() + waitMs + REMEMBER_MS });
      return times === 0 ? 0 : waitMs;
    },
    /** To be asked before a row is worked on. @returns for how long it is still left alone, having just been done */
    restMs: (jobId: string): number => Math.max(0, (find(jobId)?.restsUntil ?? 0) - now()),
    /** It has been left alone: the next who adds it has it worked on. */
    rested: (jobId: string): void => {
      const last = find(jobId);
      if (last !== undefined) keep(jobId, { ...last, restsUntil: 0 });
    },
  };
};
