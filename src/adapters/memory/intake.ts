import type { CommandId } from "../../core/ids.ts";
import type { Intake, IntakeEntry } from "../../core/ports/intake.ts";
import type { ServiceOutcome } from "../../core/ports/services.ts";
import type { RecordedOutcome } from "../../core/ports/storage.ts";
import { ok } from "../../core/result.ts";
import type { Instant } from "../../core/time.ts";
import { commandTypeOf } from "../wire/intake-bodies.ts";
import { compareText } from "./due-queue.ts";
import { type IntakeRow, type Memory, setWithUndo } from "./memory.ts";
import type { Undo } from "./tables.ts";
import { keepSecret } from "./vault.ts";

export const memoryIntake = (memory: Memory): Intake => {
  const { intake, outcomes } = memory;
  const rows = (wanted: (row: IntakeRow) => boolean): readonly IntakeRow[] => [...intake.values()].filter(wanted);
  const oldestFirst = (wanted: (row: IntakeRow) => boolean): readonly IntakeEntry[] =>
    rows(wanted)
      .map(({ entry }) => entry)
      .sort((a, b) => a.receivedAt - b.receivedAt || compareText(a.id, b.id));
  const take = (entry: IntakeEntry): void => {
    intake.set(entry.id, {
      entry: Object.freeze({ ...entry }),
      waitUntil: null,
      done: false,
      told: false,
      suspended: null,
    });
    wake(memory, entry, []);
  };
  const change = (id: CommandId, changes: Partial<IntakeRow>): void => {
    const row = intake.get(id);
    if (row !== undefined && isToDo(row)) intake.set(id, { ...row, ...changes });
  };
  return {
    accept: async (entry, secrets = []) => {
      const known = intake.get(entry.id);
      if (known === undefined) {
        take(entry);
        for (const secret of secrets) keepSecret(memory, entry.accountId, secret);
        return ok({ status: "accepted" });
      }
      if (known.entry.fingerprint !== entry.fingerprint) return ok({ status: "other_body" });
      return ok({ status: "repeated", recorded: outcomes.get(entry.id) ?? null });
    },
    acceptCheck: async (entry, since) => {
      if (intake.has(entry.id)) return ok("accepted");
      const others = rows(
        ({ entry: known }) =>
          known.kind === "callback" &&
          known.attemptId === entry.attemptId &&
          known.transactionId !== entry.transactionId &&
          known.receivedAt >= since,
      );
      if (others.length > 0) return ok("another");
      take(entry);
      return ok("accepted");
    },
    due: async (now, limit) => ok(oldestFirst((row) => isDue(row, now)).slice(0, limit)),
    toDo: async (ids, now) => ok(oldestFirst((row) => isDue(row, now) && ids.includes(row.entry.id))),
    entry: async (id) => ok(intake.get(id)?.entry ?? null),
    wait: async (id, until) => {
      change(id, { waitUntil: until });
      return ok(null);
    },
    suspend: async (id, at, reason) => {
      change(id, { waitUntil: null, suspended: { at, reason } });
      return ok(null);
    },
    suspended: async (limit) =>
      ok(
        rows(({ done, suspended }) => suspended !== null && !done)
          .flatMap(({ entry, suspended }) =>
            suspended === null ? [] : [{ ...entry, suspendedAt: suspended.at, reason: suspended.reason }],
          )
          .sort((a, b) => a.suspendedAt - b.suspendedAt || compareText(a.id, b.id))
          .slice(0, limit),
      ),
    replay: async (id) => {
      const row = intake.get(id);
      if (row === undefined || row.done || row.suspended === null) return ok(false);
      intake.set(id, { ...row, suspended: null });
      return ok(true);
    },
    untold: async (limit) =>
      ok(
        rows(({ told }) => !told)
          .flatMap(({ entry }) => toldOf(entry, outcomes.get(entry.id) ?? null))
          .sort((a, b) => a.at - b.at || compareText(a.id, b.id))
          .slice(0, limit),
      ),
    told: async (ids) => {
      for (const id of ids) {
        const row = intake.get(id);
        if (row !== undefined) intake.set(id, { ...row, told: true });
      }
      return ok(null);
    },
  };
};

const toldOf = ({ id, sender, body }: IntakeEntry, recorded: RecordedOutcome | null): readonly ServiceOutcome[] => {
  if (sender === null || recorded === null) return [];
  return [{ id, ...sender, command: commandTypeOf(body), outcome: recorded.outcome, at: recorded.recordedAt }];
};

const isDue = (row: IntakeRow, now: Instant): boolean =>
  isToDo(row) && (row.waitUntil === null || row.waitUntil <= now);
const isToDo = ({ done, suspended }: IntakeRow): boolean => !done && suspended === null;

/** A command's row is done with its outcome; what waits for the same payment is due again. */
export const markDone = (memory: Memory, id: CommandId, undo: Undo): void => {
  const row = memory.intake.get(id);
  if (row === undefined || row.done) return;
  setWithUndo(memory.intake, id, { ...row, done: true, waitUntil: null }, undo);
  wake(memory, row.entry, undo);
};

const wake = (memory: Memory, { attemptId, gatewayAccount, transactionId }: IntakeEntry, undo: Undo): void => {
  for (const [id, row] of memory.intake) {
    const sameAttempt = attemptId !== null && row.entry.attemptId === attemptId;
    const sameTransaction =
      transactionId !== null &&
      gatewayAccount !== null &&
      row.entry.transactionId === transactionId &&
      row.entry.gatewayAccount === gatewayAccount;
    if (row.waitUntil !== null && (sameAttempt || sameTransaction))
      setWithUndo(memory.intake, id, { ...row, waitUntil: null }, undo);
  }
};
