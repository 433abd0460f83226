import type { StreamName } from "../../src/core/billing/stream.ts";
import type { CommandId } from "../../src/core/ids.ts";
import type { Bus, BusSigns } from "../../src/core/ports/bus.ts";
import type { Fact } from "../../src/core/ports/outbox.ts";
import type { Outcome } from "../../src/core/ports/storage.ts";
import { err, ok } from "../../src/core/result.ts";
import type { Instant } from "../../src/core/time.ts";
import { demand } from "../core/billing/books.ts";
import type { Machine, Process } from "./process.ts";

/** A bus on a machine of its own, which loses whatever chance would have it lose. */
export type SimulatedBus = {
  /** The bus as one process reaches it. */
  of(process: Process): Pick<Bus, "publish" | "beat" | "ring" | "tellOutcome" | "awaitOutcome">;
  /** Who takes rings, until its process dies. */
  readonly answerers: Set<{ readonly process: Process; rung(id: CommandId): void }>;
  /** Who hears of committed facts. */
  readonly listeners: Set<Listener>;
  /** The last version that the bus has taken, by stream. */
  readonly taken: ReadonlyMap<StreamName, number>;
  /** When it has taken the last beat; null: none yet. */
  readonly beatAt: () => Instant | null;
};
type Listener = { readonly process: Process; readonly signs?: BusSigns; heard(fact: Fact): void };
/** What is on its way to a listener, one behind the other; and whether it has missed something that it does not know of. */
type Line = { last: Promise<void>; hasLost: boolean };

const LATE_MS = 20_000;

export const openBus = ({ scheduler, dice, faults, fail }: Machine): SimulatedBus => {
  const answerers: SimulatedBus["answerers"] = new Set();
  const listeners: SimulatedBus["listeners"] = new Set();
  const waiters = new Map<CommandId, Set<(outcome: Outcome) => void>>();
  const taken = new Map<StreamName, number>();
  const lines = new WeakMap<Listener, Line>();
  let beatAt: Instant | null = null;
  const away = () => err({ code: "bus_unavailable", detail: "no answer, as chance would have it" });

  const take = (message: Fact): void => {
    const { stream, version } = message;
    const before = taken.get(stream) ?? 0;
    try {
      demand(version <= before + 1, "I5: facts of one stream are published in their order", [stream, version, before]);
    } catch (error) {
      fail(error);
    }
    taken.set(stream, Math.max(before, version));
  };

  const lineOf = (listener: Listener): Line => {
    const line = lines.get(listener) ?? { last: Promise.resolve(), hasLost: false };
    lines.set(listener, line);
    return line;
  };
  const bring = ({ process }: Listener, line: Line, what: string, deliver: () => void): void => {
    const lateMs = faults.happens("message_late") ? dice.about(100, LATE_MS) : 0;
    line.last = line.last.then(() => process.turn(what, lateMs)).then(deliver);
  };
  /** Brings to all what has not got lost: facts, or the beat behind them. Nobody hears a beat over a gap. */
  const carry = (facts: readonly Fact[], beat: Instant | null): void => {
    const lost = facts.findIndex(() => faults.happens("message_lost"));
    const kept = lost === -1 ? facts : facts.slice(0, lost);
    for (const listener of [...listeners].filter(({ process }) => process.isAlive())) {
      const [line, { signs }] = [lineOf(listener), listener];
      line.hasLost ||= kept.length < facts.length;
      if (signs !== undefined && line.hasLost && (beat !== null || dice.chance(0.3))) {
        line.hasLost = false;
        bring(listener, line, "hears of a gap", signs.gap);
      }
      if (kept.length > 0)
        bring(listener, line, "hears of facts", () => {
          for (const fact of kept) listener.heard(fact);
        });
      if (signs !== undefined && beat !== null) bring(listener, line, "hears a beat", () => signs.beat(beat));
    }
  };

  return {
    answerers,
    listeners,
    taken,
    beatAt: () => beatAt,
    of: (process) => ({
      publish: (messages) =>
        process.call("bus publish", async () => {
          if (faults.happens("bus_away")) return away();
          const isUnheard = faults.happens("publish_unknown");
          const arrived = messages.slice(0, isUnheard ? dice.below(messages.length + 1) : undefined);
          arrived.forEach(take);
          carry(arrived, null);
          return isUnheard ? away() : ok(null);
        }),
      beat: (at) =>
        process.call("bus beat", async () => {
          if (faults.happens("bus_away")) return away();
          beatAt = scheduler.now();
          carry([], at);
          return ok(null);
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
