import { bestAccess } from "../billing/access-rows.ts";
import type { RowOf } from "../billing/read-model.ts";
import type { AccountId } from "../ids.ts";
import type { BusSigns } from "../ports/bus.ts";
import type { Fact } from "../ports/outbox.ts";
import type { Queries } from "../ports/queries.ts";
import type { StorageFault } from "../ports/storage.ts";
import { ok, type Result } from "../result.ts";
import { earlier, type Instant, later, MINUTE_MS, SECOND_MS } from "../time.ts";

type Access = RowOf<"access">;

/** Who may watch, as this process remembers it. Subscribed to the bus it answers what the database would, and asks it seldom. */
export type AccessView = BusSigns & {
  /** As `Queries.access`, of which it may be behind by what the bus has not brought yet, and never by more than 15 s. */
  readonly access: (account: AccountId, at: Instant) => Promise<Result<Access | null, StorageFault>>;
  readonly heard: (fact: Pick<Fact, "accountId">) => Promise<void>;
  /** For the operator. */
  readonly state: () => AccessViewState;
};
export type AccessViewState = {
  readonly entries: number;
  /** All that was committed by then has been heard; null: nobody has said so since the start, or since a gap. */
  readonly lastBeatAt: Instant | null;
  /** Else it is bypassed. */
  readonly isTrusted: boolean;
};

/** Of billing time, from the one instant and before the other; null: without a bound. */
type Stretch = { readonly from: Instant | null; readonly until: Instant | null };
/** One answer, and where it holds: within the stretch no row of the account's begins or ends. */
type Entry = Stretch & { readonly access: Access | null; readonly readAt: Instant };
type Read = Promise<Result<readonly Access[], StorageFault>>;

/** Without a beat for longer it is bypassed. Source: design, 8. */
const TRUSTED_MS = 15 * SECOND_MS;
/** However quiet an account is, it is read again now and then: rows that were made anew come with no fact. */
const KEPT_MS = 5 * MINUTE_MS;

/**
 * Why what is kept is never older than what was heard. A fact is heard after its commit. A read that began after the commit
 * has seen it. One that began before may not have: either it ends before the fact is heard, and the fact drops what it left;
 * or the fact is heard while it runs, and takes away its leave to keep anything. Who asks after the fact starts a read anew.
 * @param wall wall time, by which beats and what is kept grow old; `at` of a question is billing time
 * @param most entries; beyond them the one that was read first is dropped
 */
export const accessView = ({
  queries,
  wall,
  most = 200_000,
}: {
  readonly queries: Pick<Queries, "accessRows">;
  readonly wall: () => Instant;
  readonly most?: number;
}): AccessView => {
  const entries = new Map<AccountId, Entry>();
  /** Reads that may keep what they find. */
  const reading = new Map<AccountId, Read>();
  let lastBeatAt: Instant | null = null;

  const remembered = (account: AccountId, at: Instant, now: Instant): Entry | null => {
    const entry = entries.get(account);
    return entry !== undefined && isWithin(entry, at) && isFresh(entry.readAt, now, KEPT_MS) ? entry : null;
  };
  const keep = (account: AccountId, entry: Entry): void => {
    entries.delete(account);
    const [oldest] = entries.keys();
    if (entries.size >= most && oldest !== undefined) entries.delete(oldest);
    entries.set(account, entry);
  };
  const read = (account: AccountId, at: Instant, readAt: Instant): Read => {
    const found = (rows: readonly Access[]): Entry => ({
      access: bestAccess(rows, at),
      ...stretchAround(at, rows),
      readAt,
    });
    const endWithLeave = (): boolean => reading.get(account) === begun && reading.delete(account);
    const begun: Read = queries.accessRows(account).then(
      (rows) => {
        if (endWithLeave() && rows.ok) keep(account, found(rows.value));
        return rows;
      },
      (broken) => {
        endWithLeave();
        throw broken;
      },
    );
    reading.set(account, begun);
    return begun;
  };
  const isTrusted = (now: Instant): boolean => lastBeatAt !== null && isFresh(lastBeatAt, now, TRUSTED_MS);

  return {
    access: async (account, at) => {
      const now = wall();
      const entry = isTrusted(now) ? remembered(account, at, now) : null;
      if (entry !== null) return ok(entry.access);
      const rows = await (isTrusted(now)
        ? (reading.get(account) ?? read(account, at, now))
        : queries.accessRows(account));
      return rows.ok ? ok(bestAccess(rows.value, at)) : rows;
    },
    heard: async ({ accountId }) => {
      if (accountId === null) return;
      entries.delete(accountId);
      reading.delete(accountId);
    },
    beat: (at) => {
      // The clock of who says it may be ahead of ours: that must not make us trust what we hold for longer.
      const now = wall();
      const saidAt = earlier(at, now);
      lastBeatAt = lastBeatAt === null || lastBeatAt > now ? saidAt : later(lastBeatAt, saidAt);
    },
    gap: () => {
      entries.clear();
      reading.clear();
      lastBeatAt = null;
    },
    state: () => ({ entries: entries.size, lastBeatAt, isTrusted: isTrusted(wall()) }),
  };
};

const isWithin = ({ from, until }: Stretch, at: Instant): boolean =>
  (from === null || from <= at) && (until === null || at < until);

/** What seems to come from the future was noted before our clock was set back: nobody knows how old it is. */
const isFresh = (notedAt: Instant, now: Instant, forMs: number): boolean => notedAt <= now && now - notedAt <= forMs;

const stretchAround = (at: Instant, rows: readonly Access[]): Stretch => {
  let from: Instant | null = null;
  let until: Instant | null = null;
  for (const edge of rows.flatMap(({ fromAt, untilAt }) => [fromAt, untilAt])) {
    if (edge <= at) from = from === null ? edge : later(from, edge);
    else until = until === null ? edge : earlier(until, edge);
  }
  return { from, until };
};
