import type { DomainEvent } from "../billing/domain.ts";
import type { RowChanges } from "../billing/projection.ts";
import type { StreamName } from "../billing/stream.ts";
import type { AttemptId, CommandId, GatewayAccount, RefundId, TransactionId } from "../ids.ts";
import type { Result } from "../result.ts";
import type { Instant } from "../time.ts";

/** Where billing lives: streams of events, what is read of them, outcomes of commands and the outbox, in one place. */
export interface Storage {
  /**
   * Reads the named streams and all that they link to (see `Append.links`), to any depth, in one consistent view.
   * What does not exist yet is simply not in the answer; its version is 0.
   */
  load(refs: readonly StreamRef[]): Promise<Result<Loaded, StorageFault>>;
  /**
   * Writes each commit whole or not at all, and answers each by itself, in the order given. One transaction may hold
   * many: a commit that fails takes no other with it. Rows of `appends` and `expects` are locked in sorted order before
   * they are checked. Two commits of one batch may concern one stream: the later sees what the earlier wrote.
   * A row that a check constraint refuses is no conflict but a broken promise of ours: that commit is not written and a
   * Bug is thrown, after all others of the batch have been answered for by their outcomes.
   */
  commit(commits: readonly Commit[]): Promise<readonly Result<Committed, CommitFailure>[]>;
  /** What a command came to; null while nothing is recorded. Resolves a commit whose answer was lost. */
  outcome(id: CommandId): Promise<Result<RecordedOutcome | null, StorageFault>>;
}

/** A stream by its name, or the invoice by one of the ids that a gateway or a task knows it by. */
export type StreamRef =
  | { readonly by: "stream"; readonly stream: StreamName }
  | { readonly by: "attempt"; readonly attemptId: AttemptId }
  | { readonly by: "refund"; readonly refundId: RefundId }
  | { readonly by: "transaction"; readonly gatewayAccount: GatewayAccount; readonly transactionId: TransactionId };

export type Loaded = ReadonlyMap<StreamName, LoadedStream>;
export type LoadedStream = { readonly version: number; readonly events: readonly DomainEvent[] };

/** A unit of work as a value: what `billing.decide` yields and `commit` writes. */
export type Commit = {
  /** Its id is also its intake row's, where it has one: that row is done with the outcome. */
  readonly command: { readonly id: CommandId; readonly fingerprint: string };
  readonly appends: readonly Append[];
  /** Streams that the decision only read; each must still have this version when the commit is written. */
  readonly expects: readonly { readonly stream: StreamName; readonly version: number }[];
  readonly outcome: Outcome;
  readonly recordedAt: Instant;
};

export type Append = {
  readonly stream: StreamName;
  /** Version before the events: 0 for a new stream. The n-th event of a stream has version n. */
  readonly expected: number;
  readonly events: readonly DomainEvent[];
  /** What the new state does to the rows that reads use. Removals of all appends come first, then what is written, in order. */
  readonly changes: RowChanges;
  /** Streams that a decision about this one needs as well: `load` brings them along from now on. */
  readonly links: readonly StreamName[];
};

/** What a command came to, in words that the caller may be told again at any time. */
export type Outcome =
  | { readonly ok: true; readonly value: Readonly<Record<string, string>> }
  | {
      readonly ok: false;
      readonly refusal: { readonly code: string; readonly facts: Readonly<Record<string, string>> };
    };
export type RecordedOutcome = {
  readonly commandId: CommandId;
  readonly fingerprint: string;
  readonly outcome: Outcome;
  readonly recordedAt: Instant;
};

export type Committed = { readonly streams: readonly { readonly stream: StreamName; readonly version: number }[] };

export type Conflict =
  /** Somebody else wrote the stream first: load and decide again. */
  | { readonly code: "version_conflict"; readonly stream: StreamName }
  /** This command has been done already; here is what it came to. */
  | { readonly code: "command_done"; readonly recorded: RecordedOutcome }
  /** A constraint of the database holds what the decision could not see. Load and decide again. */
  | { readonly code: "unique_conflict"; readonly constraint: string };
export type StorageFault =
  /** Nothing was written. Safe to try again. */
  | { readonly code: "storage_unavailable"; readonly detail: string }
  /** The connection was lost while committing: written whole or not at all, and the outcome by command id tells which. */
  | { readonly code: "commit_unknown"; readonly commandId: CommandId };
export type CommitFailure = Conflict | StorageFault;
