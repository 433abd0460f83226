import { invoiceStream, type StreamName } from "../../core/billing/stream.ts";
import type { InvoiceId } from "../../core/ids.ts";
import type {
  Append,
  Commit,
  CommitFailure,
  Committed,
  Conflict,
  LoadedStream,
  Storage,
  StreamRef,
} from "../../core/ports/storage.ts";
import { Bug, err, ok, type Result } from "../../core/result.ts";
import { compareText } from "./due-queue.ts";
import { markDone } from "./intake.ts";
import { type Memory, setWithUndo } from "./memory.ts";
import { deepFreeze, isStorable } from "./storable.ts";
import type { Undo } from "./tables.ts";

/**
 * What befalls a batch on its way. `unavailable`: nothing is written, and the caller is told so. `lostAfter`: that many
 * of its commits are written, then the connection is gone, and the caller learns nothing (0: before, Infinity: after all).
 */
export type CommitFault = "unavailable" | { readonly lostAfter: number };
/** Asked before each batch; null: let it pass. What it throws kills the caller, as a crash of the process would. */
export type CommitFaults = (commits: readonly Commit[]) => CommitFault | null;

export const memoryStorage = (memory: Memory, faults: CommitFaults = () => null): Storage => ({
  load: async (refs) => {
    const loaded = new Map<StreamName, LoadedStream>();
    const open = refs.flatMap((ref) => streamOf(memory, ref) ?? []);
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const stream = memory.streams.get(name);
      if (stream === undefined || loaded.has(name)) continue;
      loaded.set(name, stream);
      open.push(...stream.links);
    }
    return ok(loaded);
  },
  commit: async (commits) => {
    while (memory.rebuilding !== null) await memory.rebuilding;
    const fault = faults(commits);
    if (fault === "unavailable") {
      return commits.map(() => err({ code: "storage_unavailable", detail: "no answer, as was asked for" }));
    }
    if (fault === null) return writeAll(memory, commits);
    writeAll(memory, commits.slice(0, fault.lostAfter));
    return commits.map(({ command }) => err({ code: "commit_unknown", commandId: command.id }));
  },
  outcome: async (id) => ok(memory.outcomes.get(id) ?? null),
});

const streamOf = ({ tables }: Memory, ref: StreamRef): StreamName | null => {
  const invoice = (row: { readonly invoiceId: string } | null) =>
    row === null ? null : invoiceStream(row.invoiceId as InvoiceId);
  switch (ref.by) {
    case "stream":
      return ref.stream;
    case "attempt":
      return invoice(tables.row("attempts", { attemptId: ref.attemptId }));
    case "refund":
      return invoice(tables.row("refunds", { refundKey: ref.refundId }));
    case "transaction": {
      const { gatewayAccount, transactionId } = ref;
      return invoice(tables.row("captures", { gatewayAccount, transactionId }));
    }
  }
};

type Broken = { readonly code: "broken"; readonly constraint: string };

const writeAll = (memory: Memory, commits: readonly Commit[]): readonly Result<Committed, CommitFailure>[] => {
  const results: Result<Committed, CommitFailure>[] = [];
  const bugs: Bug[] = [];
  for (const commit of commits) {
    const undo: Undo = [];
    const failure = write(memory, commit, undo);
    if (failure !== null) for (const step of undo.reverse()) step();
    if (failure?.code === "broken") {
      bugs.push(new Bug(`the store refused what ${commit.command.id} decided: ${failure.constraint} does not hold`));
    } else results.push(failure === null ? ok(committed(commit)) : err(failure));
  }
  // The others of the batch stand, and their outcomes tell of them.
  if (bugs[0] !== undefined) throw bugs[0];
  return results;
};

/** Writes one commit step by step; what it answers with a failure is to be taken back. */
const write = (memory: Memory, commit: Commit, undo: Undo): Conflict | Broken | null => {
  const { command, appends, outcome, recordedAt } = commit;
  if (!isStorable([command, outcome, ...appends.map(({ events }) => events)]))
    return { code: "broken", constraint: "every text is whole and without NUL" };
  const recorded = memory.outcomes.get(command.id);
  if (recorded !== undefined) return { code: "command_done", recorded };
  const stale = staleStream(memory, commit);
  if (stale !== null) return { code: "version_conflict", stream: stale };
  setWithUndo(
    memory.outcomes,
    command.id,
    deepFreeze({ commandId: command.id, fingerprint: command.fingerprint, outcome, recordedAt }),
    undo,
  );
  for (const append of appends.toSorted((a, b) => compareText(a.stream, b.stream))) {
    if (versionOf(memory, append.stream) !== append.expected)
      return { code: "unique_conflict", constraint: "events_pkey" };
    appendTo(memory, append, commit, undo);
  }
  const removed = appends.flatMap(({ changes }) => changes.removed);
  const written = appends.flatMap(({ changes }) => changes.written);
  const broken = memory.tables.write(removed, written, undo);
  if (broken?.kind === "check") return { code: "broken", constraint: broken.constraint };
  if (broken?.kind === "unique") return { code: "unique_conflict", constraint: broken.constraint };
  markDone(memory, command.id, undo);
  return null;
};

const versionOf = ({ streams }: Memory, stream: StreamName): number => streams.get(stream)?.version ?? 0;

const staleStream = (memory: Memory, { appends, expects }: Commit): StreamName | null => {
  const touched = [...appends.map(({ stream, expected }) => ({ stream, version: expected })), ...expects];
  const stale = touched.filter(({ stream, version }) => versionOf(memory, stream) !== version);
  return stale.map(({ stream }) => stream).sort(compareText)[0] ?? null;
};

const appendTo = (memory: Memory, { stream, events, links }: Append, { command, recordedAt }: Commit, undo: Undo) => {
  const before = memory.streams.get(stream) ?? { version: 0, events: [], recorded: [] };
  const recorded = events.map((event, i) => ({
    version: before.version + i + 1,
    event,
    causedBy: command.id,
    recordedAt,
  }));
  const after = {
    version: before.version + events.length,
    events: [...before.events, ...events],
    recorded: [...before.recorded, ...recorded],
    links: [...links],
  };
  setWithUndo(memory.streams, stream, deepFreeze(after), undo);
  for (const { version } of recorded) {
    const position = BigInt(memory.outbox.length + 1);
    memory.outbox.push(Object.freeze({ position, stream, version }));
    memory.unrelayed.add(position);
    undo.push(() => {
      memory.outbox.pop();
      memory.unrelayed.delete(position);
    });
  }
};

const committed = ({ appends }: Commit): Committed => ({
  streams: appends.map(({ stream, expected, events }) => ({ stream, version: expected + events.length })),
});
