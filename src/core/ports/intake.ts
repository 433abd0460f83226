import type { AccountId, AttemptId, CommandId, GatewayAccount, TransactionId } from "../ids.ts";
import type { Result } from "../result.ts";
import type { Instant } from "../time.ts";
import type { Sender, ServiceOutcome } from "./services.ts";
import type { RecordedOutcome, StorageFault } from "./storage.ts";
import type { VaultSecret } from "./vault.ts";

/**
 * What the API has accepted and the State Updater has still to do: commands and verified callbacks. The only table of
 * billing into which the API's role may write. A row is done when its command's outcome is recorded, in that transaction.
 */
export interface Intake {
  /**
   * Writes a row once, and with it, in one commit, the secrets that came with it; answered only after that. The same id again
   * changes nothing and says what is known.
   * @param secrets kept as by the vault, for the account of the entry
   */
  accept(entry: IntakeEntry, secrets?: readonly VaultSecret[]): Promise<Result<Accepted, StorageFault>>;
  /**
   * Accepts a check, unless another transaction of the same attempt was told of since `since`: two payers, or one in two
   * tabs, would both be let through. Of two at once exactly one is accepted. The same check again is accepted again.
   */
  acceptCheck(entry: CallbackEntry, since: Instant): Promise<Result<"accepted" | "another", StorageFault>>;
  /** Rows not done and due, oldest first: those of a wiped bus, a crashed consumer, or waiting for their payment. */
  due(now: Instant, limit: number): Promise<Result<readonly IntakeEntry[], StorageFault>>;
  /** Those of the named rows that are not done, suspended or waiting, oldest first. */
  toDo(ids: readonly CommandId[], now: Instant): Promise<Result<readonly IntakeEntry[], StorageFault>>;
  /** One row as it was accepted, done or not. */
  entry(id: CommandId): Promise<Result<IntakeEntry | null, StorageFault>>;
  /**
   * Puts a callback aside whose payment is not known yet. A row for the same attempt or transaction that is accepted or
   * done makes it due at once. What comes between the decision to wait and this call wakes nobody: so call it first, and
   * execute once more before the row is left alone.
   */
  wait(id: CommandId, until: Instant): Promise<Result<null, StorageFault>>;
  /** Moves to the suspense list what nothing was found for. Money is never forgotten and never guessed. */
  suspend(id: CommandId, at: Instant, reason: string): Promise<Result<null, StorageFault>>;
  /** The suspense list: suspended rows that no person has settled, oldest first. */
  suspended(limit: number): Promise<Result<readonly SuspendedEntry[], StorageFault>>;
  /** Takes a row off the suspense list, to be executed as if it had just come. False: it is not on it. */
  replay(id: CommandId): Promise<Result<boolean, StorageFault>>;
  /** What commands of other services came to and nobody was told yet, oldest first. */
  untold(limit: number): Promise<Result<readonly ServiceOutcome[], StorageFault>>;
  /** Marks what was told. Marking again changes nothing. */
  told(ids: readonly CommandId[]): Promise<Result<null, StorageFault>>;
}

/** `body` is the parsed command or callback as the wire prints it, without a token, name, address or card digit. */
export type IntakeEntry = {
  /** Scoped: from (account, operation, Idempotency-Key), or from (gateway account, the callback's event key). */
  readonly id: CommandId;
  readonly kind: "command" | "callback";
  /** Of the parsed body: the same id with another body is refused. */
  readonly fingerprint: string;
  readonly body: string;
  readonly accountId: AccountId | null;
  /** What a waiting callback is found by when its payment appears. */
  readonly attemptId: AttemptId | null;
  readonly gatewayAccount: GatewayAccount | null;
  readonly transactionId: TransactionId | null;
  /** What the request that brought it is called in the log; null: it came by no request. */
  readonly requestId: string | null;
  /** The service that asked for it over the bus; null: it came another way. */
  readonly sender: Sender | null;
  readonly receivedAt: Instant;
};

/** A callback about a payment. */
export type CallbackEntry = IntakeEntry & {
  readonly kind: "callback";
  readonly attemptId: AttemptId;
  readonly gatewayAccount: GatewayAccount;
  readonly transactionId: TransactionId;
};

export type Accepted =
  | { readonly status: "accepted" }
  /** Known, same fingerprint: `recorded` once it is done, null while it runs. */
  | { readonly status: "repeated"; readonly recorded: RecordedOutcome | null }
  /** Known, but with another body: the key was used again for something else. */
  | { readonly status: "other_body" };

export type SuspendedEntry = IntakeEntry & { readonly suspendedAt: Instant; readonly reason: string };
