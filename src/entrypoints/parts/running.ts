import { loop } from "../../adapters/embedded/loop.ts";
import type { Log } from "../../adapters/telemetry/log.ts";
import type { Consumption } from "../../core/ports/bus.ts";

/** A part of Matinee in this process. */
export type Part = {
  /** Begins to take what waits and to do what is due. */
  start(): Promise<void>;
  /** Takes nothing new and waits for what is under way. What is left is found again, here or elsewhere. */
  stop(): Promise<void>;
};

/** What goes on in a part, stopped in the order in which it was begun. */
export type Running = {
  /** A step again and again; soon after a wake, else each `idleMs`. */
  every(what: string, idleMs: number, step: () => Promise<boolean>): { wake(): void };
  keep(consumption: Consumption): void;
  stop(): Promise<void>;
};

/** Wakes at most once each `ms`, and `ms` after the first who asked: one look is enough for all who asked meanwhile. */
export const notOftener = (ms: number, wake: () => void): (() => void) => {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    setTimeout(() => {
      isWaiting = false;
      wake();
    }, ms);
  };
};

export const openRunning = (log: Log): Running => {
  const running: Consumption[] = [];
  return {
    every: (what, idleMs, step) => {
      const begun = loop(step, idleMs, (error) => log.failed(what, error));
      running.push(begun);
      return begun;
    },
    keep: (consumption) => void running.push(consumption),
    stop: async () => {
      for (const one of running.splice(0)) await one.stop();
    },
  };
};
