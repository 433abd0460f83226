import type { CommandId } from "../../src/core/ids.ts";
import type { StorageFault } from "../../src/core/ports/storage.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { err, type Result } from "../../src/core/result.ts";
import { type Instant, instantOf, plusMs } from "../../src/core/time.ts";
import type { Dice } from "../support/dice.ts";
import type { Owner, Rest, Scheduler } from "./scheduler.ts";
import type { Faults } from "./swarm.ts";

/** One process of ours from its start to its death. What it was doing when it died goes on nowhere. */
export type Process = Owner & {
  /** Wall time, as this machine has it. */
  readonly now: () => Instant;
  /** One call of a port: waits its turn, and may be the last thing that the process does. */
  call<T>(what: string, effect: () => Promise<T>): Promise<T>;
  turn(what: string, afterMs?: number): Promise<void>;
  idle(what: string, afterMs: number, isWanted: () => boolean): Rest;
  /** Does something in this process. Null when it died over it. */
  run<T>(work: () => Promise<T>): Promise<T | null>;
};

export type Machine = {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly faults: Faults;
  /** A claim does not hold, or our own code broke: the story ends here. */
  readonly fail: (error: unknown) => void;
};

export const CLOCKS_DIFFER_MS = 2_000;
/** A stalled worker's row goes to another after a minute; it may come back long after that. */
const [STANDS_STILL_MS, STANDS_STILL_LONG_MS] = [30_000, 40 * 60_000];

export const openProcess = (name: string, { scheduler, dice, faults, fail }: Machine, onDeath: () => void): Process => {
  let isAlive = true;
  const mourners = new Set<() => void>();
  const owner: Owner = { name, isAlive: () => isAlive };
  const ahead = dice.below(CLOCKS_DIFFER_MS) - CLOCKS_DIFFER_MS / 2;
  const aheadMs = faults.happens("clocks_differ") ? ahead : 0;
  const die = (): void => {
    isAlive = false;
    for (const mourn of mourners) mourn();
    onDeath();
  };
  const turn: Process["turn"] = (what, afterMs) => scheduler.turn(owner, what, afterMs);
  return {
    ...owner,
    now: () => instantOf(Math.max(0, plusMs(scheduler.now(), aheadMs))),
    call: async (what, effect) => {
      await turn(what);
      const dies = faults.happens("crash");
      if (dies && dice.chance(0.5)) {
        die();
        return turn(what) as never;
      }
      const value = await effect();
      if (dies) {
        die();
        return turn(what) as never;
      }
      if (faults.happens("frozen"))
        await turn(`${what}: stood still`, STANDS_STILL_MS + dice.below(STANDS_STILL_LONG_MS));
      else if (faults.happens("slow")) await turn(`${what}: answered late`, dice.about(10, 30_000));
      return value;
    },
    turn,
    idle: (what, afterMs, isWanted) => scheduler.idle(owner, what, afterMs, isWanted),
    run: (work) =>
      new Promise((resolve) => {
        if (!isAlive) return resolve(null);
        const mourn = (): void => resolve(null);
        mourners.add(mourn);
        void work().then((value) => {
          mourners.delete(mourn);
          resolve(value);
        }, fail);
      }),
  };
};

/** The database as one process reaches it: each method a step, and any of them may fail. */
export const storeOf = (process: Process, store: Store, { dice, faults }: Machine): Store => {
  type Answer<T> = Promise<Result<T, StorageFault>>;
  const away = () => err({ code: "storage_unavailable", detail: "no answer, as chance would have it" });
  const read =
    <A extends readonly unknown[], T>(what: string, method: (...args: A) => Answer<T>) =>
    (...args: A): Answer<T> =>
      process.call(what, async () => (faults.happens("store_away") ? away() : method(...args)));
  const write =
    <A extends readonly unknown[], T>(what: string, method: (...args: A) => Answer<T>) =>
    (...args: A): Answer<T> =>
      process.call(what, async () => {
        if (faults.happens("store_away")) return away();
        if (!faults.happens("commit_unknown")) return method(...args);
        if (dice.chance(0.5)) await method(...args);
        // Of what has no command there is nothing to read back: the fault names what was to be written.
        return err({ code: "commit_unknown", commandId: nameOf(args) });
      });
  const { storage, intake, outbox, queries, vault } = store;
  return {
    ...store,
    storage: {
      load: read("storage load", storage.load),
      outcome: read("storage outcome", storage.outcome),
      commit: (commits) =>
        process.call("storage commit", async () => {
          if (faults.happens("store_away")) return commits.map(away);
          if (!faults.happens("commit_unknown")) return storage.commit(commits);
          const written = dice.below(commits.length + 1);
          if (written > 0) await storage.commit(commits.slice(0, written));
          return commits.map(({ command }) => err({ code: "commit_unknown", commandId: command.id }));
        }),
    },
    intake: {
      accept: write("intake accept", intake.accept),
      acceptCheck: write("intake acceptCheck", intake.acceptCheck),
      due: read("intake due", intake.due),
      toDo: read("intake toDo", intake.toDo),
      entry: read("intake entry", intake.entry),
      wait: write("intake wait", intake.wait),
      suspend: write("intake suspend", intake.suspend),
      suspended: read("intake suspended", intake.suspended),
      replay: write("intake replay", intake.replay),
      untold: read("intake untold", intake.untold),
      told: write("intake told", intake.told),
    },
    outbox: {
      unrelayed: read("outbox unrelayed", outbox.unrelayed),
      relayed: write("outbox relayed", outbox.relayed),
      backlog: read("outbox backlog", outbox.backlog),
      follow: read("outbox follow", outbox.follow),
    },
    queries: {
      ...queries,
      attempt: read("queries attempt", queries.attempt),
      capture: read("queries capture", queries.capture),
      invoice: read("queries invoice", queries.invoice),
      due: read("queries due", queries.due),
      accessRows: read("queries accessRows", queries.accessRows),
    },
    vault: { ...vault, keep: write("vault keep", vault.keep) },
  };
};

const nameOf = ([first]: readonly unknown[]): CommandId =>
  (typeof first === "object" && first !== null && "id" in first ? first.id : first) as CommandId;
