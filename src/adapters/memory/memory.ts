import type { DomainEvent } from "../../core/billing/domain.ts";
import type { StreamName } from "../../core/billing/stream.ts";
import type { AccountId, CommandId } from "../../core/ids.ts";
import type { IntakeEntry } from "../../core/ports/intake.ts";
import type { RecordedEvent } from "../../core/ports/queries.ts";
import type { RecordedOutcome } from "../../core/ports/storage.ts";
import type { VaultSecret } from "../../core/ports/vault.ts";
import type { Instant } from "../../core/time.ts";
import { openTables, type Tables, type Undo } from "./tables.ts";

/** What a database would hold. Values in it are frozen and replaced, never changed. */
export type Memory = {
  readonly streams: Map<StreamName, StreamInMemory>;
  readonly outcomes: Map<CommandId, RecordedOutcome>;
  /** In the order of writing; a message's position is its place, from 1. */
  readonly outbox: Message[];
  /** Positions of messages that carry no mark. */
  readonly unrelayed: Set<bigint>;
  readonly intake: Map<CommandId, IntakeRow>;
  readonly vault: Map<AccountId | null, Map<string, VaultSecret>>;
  readonly settings: Map<string, string>;
  tables: Tables;
  /** While rows are made again writers wait for this. */
  rebuilding: Promise<void> | null;
};

export type StreamInMemory = {
  readonly version: number;
  readonly events: readonly DomainEvent[];
  readonly recorded: readonly RecordedEvent[];
  readonly links: readonly StreamName[];
};
export type Message = { readonly position: bigint; readonly stream: StreamName; readonly version: number };
export type IntakeRow = {
  readonly entry: IntakeEntry;
  readonly waitUntil: Instant | null;
  readonly done: boolean;
  readonly told: boolean;
  readonly suspended: { readonly at: Instant; readonly reason: string } | null;
};

export const emptyMemory = (): Memory => ({
  streams: new Map(),
  outcomes: new Map(),
  outbox: [],
  unrelayed: new Set(),
  intake: new Map(),
  vault: new Map(),
  settings: new Map(),
  tables: openTables(),
  rebuilding: null,
});

/** Sets a value so that it can be taken back. */
export const setWithUndo = <K, V>(map: Map<K, V>, key: K, value: V, undo: Undo): void => {
  const before = map.get(key);
  map.set(key, value);
  undo.push(() => (before === undefined ? map.delete(key) : map.set(key, before)));
};
