import { type Instant, instantOf } from "../../src/core/time.ts";
import type { Dice } from "../support/dice.ts";

/** Whoever takes turns. When it is dead it gets none any more: what it was about to do is never done. */
export type Owner = { readonly name: string; readonly isAlive: () => boolean };

export type Scheduler = {
  now(): Instant;
  steps(): number;
  /**
   * Waits until chance picks it among all that may go on.
   * @param afterMs not before this much later
   */
  turn(owner: Owner, what: string, afterMs?: number): Promise<void>;
  /** A turn that is only taken when there is something to do, and that moves no clock for its own sake. */
  idle(owner: Owner, what: string, afterMs: number, isWanted: () => boolean): Rest;
  /** The promise's value, or null when it has not come within `ms`. */
  within<T>(owner: Owner, what: string, promise: Promise<T>, ms: number): Promise<T | null>;
  /** Somebody may look at the clock at this instant: it stops there on its way. */
  mark(at: Instant): void;
  /**
   * Takes the next step; or, when nobody has anything to do now, moves the clock, so that whoever looks may find some.
   * False when nobody has anything to do before `until`; then it is that late.
   */
  step(until: Instant): Promise<boolean>;
};
export type Rest = { readonly over: Promise<void>; wake(): void };

type Waiting = {
  readonly owner: Owner;
  readonly what: string;
  at: number;
  isWanted: (() => boolean) | null;
  readonly go: () => void;
};

/** Who is dead waits for ever. */
const NEVER = new Promise<never>(() => undefined);

/**
 * One clock and one order of all that happens: every call of a port waits here until chance lets it go on. No clock of the
 * machine is read.
 * @param tell hears of each step before it is taken
 */
export const openScheduler = (
  dice: Dice,
  start: Instant,
  tell: (step: number, at: Instant, owner: string, what: string) => void,
): Scheduler => {
  let now: number = start;
  let steps = 0;
  let waiting: Waiting[] = [];
  const marks = new Set<number>();

  const add = (one: Waiting): Waiting => {
    waiting.push(one);
    return one;
  };
  const remove = (one: Waiting): void => {
    const place = waiting.indexOf(one);
    if (place >= 0) waiting.splice(place, 1);
  };
  const wanted = ({ isWanted }: Waiting): boolean => isWanted === null || isWanted();
  const nextAt = (until: number): number | null => {
    let next = Number.POSITIVE_INFINITY;
    for (const one of waiting) if (one.at < next && wanted(one)) next = one.at;
    for (const mark of marks) {
      if (mark <= now) marks.delete(mark);
      else if (mark < next) next = mark;
    }
    return next > until ? null : next;
  };

  return {
    now: () => instantOf(now),
    steps: () => steps,
    turn: (owner, what, afterMs = 0) =>
      owner.isAlive()
        ? new Promise((go) => void add({ owner, what, at: now + Math.ceil(afterMs), isWanted: null, go }))
        : NEVER,
    idle: (owner, what, afterMs, isWanted) => {
      if (!owner.isAlive()) return { over: NEVER, wake: () => undefined };
      const { promise: over, resolve: go } = Promise.withResolvers<void>();
      const one = add({ owner, what, at: now + afterMs, isWanted, go });
      const wake = (): void => {
        one.at = Math.min(one.at, now);
        one.isWanted = null;
      };
      return { over, wake };
    },
    within: (owner, what, promise, ms) =>
      new Promise((resolve) => {
        const late = add({ owner, what, at: now + ms, isWanted: null, go: () => resolve(null) });
        void promise.then((value) => {
          remove(late);
          resolve(value);
        });
      }),
    mark: (at) => void marks.add(at),
    step: async (until) => {
      waiting = waiting.filter(({ owner }) => owner.isAlive());
      const one = dice.pick(waiting.filter((each) => each.at <= now && wanted(each)));
      if (one === null) {
        const next = nextAt(until);
        now = Math.max(now, next ?? until);
        return next !== null;
      }
      remove(one);
      steps += 1;
      tell(steps, instantOf(now), one.owner.name, one.what);
      one.go();
      await allQuiet();
      return true;
    },
  };
};

/** Until every promise that could go on has gone on. */
const allQuiet = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
