import type { RowOf } from "../../core/billing/read-model.ts";
import type { CommandId } from "../../core/ids.ts";
import type { Bus, BusSigns, Consumption } from "../../core/ports/bus.ts";
import type { Fact } from "../../core/ports/outbox.ts";
import type { Outcome } from "../../core/ports/storage.ts";
import { ok } from "../../core/result.ts";
import { loop } from "./loop.ts";

/**
 * The bus within one process. Nothing of it survives the process, and nothing needs to: the database holds all that it
 * carries.
 * @param onError what a handler threw; the bus goes on
 */
export const embeddedBus = (onError: (error: unknown) => void): Bus => {
  const subscribers = new Set<Subscriber>();
  const waiting = new Map<CommandId, Set<(outcome: Outcome) => void>>();
  const hintTakers = new Set<(rows: readonly RowOf<"due">[]) => Promise<void>>();
  const rung = new Set<CommandId>();
  /** Of several who answer rings the first to come takes all that are there. */
  const answerers = new Set<{ wake(): void }>();

  return {
    publish: async (facts) => {
      for (const fact of facts) {
        for (const { handler } of subscribers) await handler(fact).catch(onError);
      }
      return ok(null);
    },
    beat: async (at) => {
      for (const { signs } of subscribers) signs?.beat(at);
      return ok(null);
    },
    subscribe: async (handler, signs) => {
      const subscriber = { handler, signs };
      subscribers.add(subscriber);
      return { stop: async () => void subscribers.delete(subscriber) };
    },
    ring: async (id) => {
      rung.add(id);
      for (const answerer of answerers) answerer.wake();
      return ok(null);
    },
    answerRings: async (handler): Promise<Consumption> => {
      const takeRings = async (): Promise<boolean> => {
        const ids = [...rung];
        rung.clear();
        if (ids.length > 0) await handler(ids);
        return rung.size > 0;
      };
      const answering = loop(takeRings, IDLE_MS, onError);
      answerers.add(answering);
      return {
        stop: async () => {
          answerers.delete(answering);
          await answering.stop();
        },
      };
    },
    hint: async (rows) => {
      const [taker] = hintTakers;
      await taker?.(rows).catch(onError);
      return ok(null);
    },
    takeHints: async (handler) => {
      hintTakers.add(handler);
      return { stop: async () => void hintTakers.delete(handler) };
    },
    tellOutcome: async (id, outcome) => {
      for (const resolve of waiting.get(id) ?? []) resolve(outcome);
      return ok(null);
    },
    awaitOutcome: (id, timeoutMs) =>
      new Promise((resolve) => {
        const waiters = waiting.get(id) ?? new Set();
        waiting.set(id, waiters);
        const end = (outcome: Outcome | null): void => {
          clearTimeout(timer);
          waiters.delete(end);
          if (waiters.size === 0) waiting.delete(id);
          resolve(outcome);
        };
        const timer = setTimeout(() => end(null), timeoutMs);
        waiters.add(end);
      }),
  };
};

type Subscriber = { readonly handler: (fact: Fact) => Promise<void>; readonly signs: BusSigns | undefined };

/** Rings wake at once; this only looks after one that was missed. */
const IDLE_MS = 60_000;
