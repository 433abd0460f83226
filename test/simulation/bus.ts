import type { StreamName } from "../../src/core/billing/stream.ts";
import type { CommandId } from "../../src/core/ids.ts";
import type { Bus } from "../../src/core/ports/bus.ts";
import type { OutboxMessage } from "../../src/core/ports/outbox.ts";
import type { Outcome } from "../../src/core/ports/storage.ts";
import { err, ok } from "../../src/core/result.ts";
import { demand } from "../core/billing/books.ts";
import type { Machine, Process } from "./process.ts";

/** A bus on a machine of its own, which loses whatever chance would have it lose. */
export type SimulatedBus = {
  /** The bus as one process reaches it. */
  of(process: Process): Pick<Bus, "publish" | "ring" | "tellOutcome" | "awaitOutcome">;
  /** Who takes rings, until its process dies. */
  readonly answerers: Set<{ readonly process: Process; rung(id: CommandId): void }>;
  /** Who hears of committed facts. */
  readonly listeners: Set<{ readonly process: Process; heard(message: OutboxMessage): void }>;
  /** The last version that the bus has taken, by stream. */
  readonly taken: ReadonlyMap<StreamName, number>;
};

export const openBus = ({ scheduler, dice, faults, fail }: Machine): SimulatedBus => {
  const answerers: SimulatedBus["answerers"] = new Set();
  const listeners: SimulatedBus["listeners"] = new Set();
  const waiters = new Map<CommandId, Set<(outcome: Outcome) => void>>();
  const taken = new Map<StreamName, number>();
  const away = () => err({ code: "bus_unavailable", detail: "no answer, as chance would have it" });

  const take = (message: OutboxMessage): void => {
    const { stream, version } = message;
    const before = taken.get(stream) ?? 0;
    try {
      demand(version <= before + 1, "I5: facts of one stream are published in their order", [stream, version, before]);
    } catch (error) {
      fail(error);
    }
    taken.set(stream, Math.max(before, version));
    if (faults.happens("message_lost")) return;
    for (const listener of listeners) if (listener.process.isAlive()) listener.heard(message);
  };

  return {
    answerers,
    listeners,
    taken,
    of: (process) => ({
      publish: (messages) =>
        process.call("bus publish", async () => {
          if (faults.happens("bus_away")) return away();
          const isUnheard = faults.happens("publish_unknown");
          for (const message of messages.slice(0, isUnheard ? dice.below(messages.length + 1) : undefined))
            take(message);
          return isUnheard ? away() : ok(null);
        }),
      ring: (id) =>
        process.call("bus ring", async () => {
          if (faults.happens("bus_away")) return away();
          const answerer = dice.pick([...answerers].filter((one) => one.process.isAlive()));
          if (!faults.happens("ring_lost")) answerer?.rung(id);
          return ok(null);
        }),
      tellOutcome: (id, outcome) =>
        process.call("bus tellOutcome", async () => {
          if (faults.happens("bus_away")) return away();
          if (!faults.happens("outcome_lost")) for (const tell of waiters.get(id) ?? []) tell(outcome);
          return ok(null);
        }),
      awaitOutcome: async (id, timeoutMs) => {
        const { promise, resolve } = Promise.withResolvers<Outcome>();
        const others = waiters.get(id) ?? new Set();
        waiters.set(id, others.add(resolve));
        const outcome = await scheduler.within(process, "bus awaitOutcome: in vain", promise, timeoutMs);
        others.delete(resolve);
        await process.turn("bus awaitOutcome");
        return outcome;
      },
    }),
  };
};
