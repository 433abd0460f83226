import type { DomainEvent } from "../billing/domain.ts";
import type { StreamName } from "../billing/stream.ts";
import type { AccountId, CommandId } from "../ids.ts";
import type { Result } from "../result.ts";
import type { Instant } from "../time.ts";
import type { StorageFault } from "./storage.ts";

/**
 * Committed messages on their way to the bus, in the order in which they may be published: of one stream strictly by
 * version, of different streams in no promised order. Rows carry a mark, so that a copy of the database loses nothing.
 */
export interface Outbox {
  /**
   * The next messages that carry no mark, oldest first. A transaction that commits late is still found.
   * @param inHand positions that were read before and will be marked: they are left out
   */
  unrelayed(limit: number, inHand?: readonly bigint[]): Promise<Result<readonly OutboxMessage[], StorageFault>>;
  /** Marks what the bus has acknowledged. Marking again changes nothing. */
  relayed(positions: readonly bigint[]): Promise<Result<null, StorageFault>>;
  /** How much carries no mark, and since when the oldest of it waits. */
  backlog(): Promise<Result<Backlog, StorageFault>>;
  /**
   * All messages behind a position, marked or not, in one total order that never grows in its past: what stands behind a
   * transaction still running is withheld until that has ended.
   * @param after null for the beginning; else the `cursor` of a message of this very database
   */
  follow(after: OutboxCursor | null, limit: number): Promise<Result<readonly OutboxMessage[], StorageFault>>;
}

/** A place in `follow`'s order, in the database's own terms. Opaque; worth nothing in a copy. */
export type OutboxCursor = string;
/** What has happened, as everybody who hears of it is told. */
export type Fact = {
  readonly stream: StreamName;
  /** Of the stream, from 1 and without a gap: who sees them out of order has missed something or heard it before. */
  readonly version: number;
  readonly event: DomainEvent;
  /** Whom it is about; null: no account, as with a plan. */
  readonly accountId: AccountId | null;
  readonly causedBy: CommandId;
  /** What the request behind it is called in the log; null: it was our own work, or its row in the intake is gone. */
  readonly requestId: string | null;
  readonly recordedAt: Instant;
};
export type Backlog = { readonly messages: number; readonly oldestAt: Instant | null };
export type OutboxMessage = Fact & { readonly position: bigint; readonly cursor: OutboxCursor };
