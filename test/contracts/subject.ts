import { afterAll, afterEach, beforeAll, beforeEach, expect } from "bun:test";
import type { DomainEvent } from "../../src/core/billing/domain.ts";
import type { RowOf } from "../../src/core/billing/read-model.ts";
import type { StreamName } from "../../src/core/billing/stream.ts";
import type { CommandId, InvoiceId, SubscriptionId } from "../../src/core/ids.ts";
import type { OutboxMessage } from "../../src/core/ports/outbox.ts";
import type { Commit, CommitFailure, Committed } from "../../src/core/ports/storage.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { Bug, type Result } from "../../src/core/result.ts";
import { answered } from "../support/cinema.ts";
import type { RowIn } from "../support/commits.ts";
import type { SqlStore } from "../support/stores.ts";

/** Opens a store with nothing in it. */
export type Open = () => Promise<Store | SqlStore>;
/** The store that the tests of one suite share. */
export type Subject = { readonly store: Store; readonly sql: SqlStore | null };

/** Opened before the first test of a suite and closed after its last. */
export const shared = (open: Open): Subject => {
  let store: Store | SqlStore | null = null;
  beforeAll(async () => {
    store = await open();
  });
  afterAll(() => store?.close());
  const opened = (): Store | SqlStore => {
    if (store === null) throw new Bug("the store is opened before the first test");
    return store;
  };
  return {
    get store() {
      return opened();
    },
    get sql() {
      const one = opened();
      return "driver" in one ? one : null;
    },
  };
};

/** The way past a store that has one. */
export const sqlOf = ({ sql }: Subject): SqlStore => {
  if (sql === null) throw new Bug("this store has SQL");
  return sql;
};
export const urlOf = (subject: Subject): string => {
  const { url } = sqlOf(subject);
  if (url === null) throw new Bug("this store has a server");
  return url;
};

/** One store for several suites of a file, closed when the file has ended. */
export const openedOnce = <Opened extends Store>(open: () => Promise<Opened>): (() => Promise<Opened>) => {
  let opened: Promise<Opened> | null = null;
  afterAll(async () => (await opened)?.close());
  return async () => {
    opened ??= open();
    return { ...(await opened), close: async () => undefined };
  };
};

/** Of the tests of a `describe`: none makes the database break a deadlock. One that was made good shows here only. */
export const neverDeadlocks = (subject: Subject): void => {
  const deadlocks = (): number => subject.sql?.refusals.filter((code) => code.startsWith("40")).length ?? 0;
  let before = 0;
  beforeEach(() => {
    before = deadlocks();
  });
  afterEach(() => expect(deadlocks()).toBe(before));
};

type Answer = Result<Committed, CommitFailure>;

/** What came of a commit, in one word. */
export const wordFor = (answer: Answer): string => (answer.ok ? "written" : answer.error.code);

/** Commits one and says what came of it. */
export const commitOne = async ({ store }: Subject, commit: Commit): Promise<Answer> => {
  const [answer] = await store.storage.commit([commit]);
  if (answer === undefined) throw new Bug("storage answers for each commit");
  return answer;
};

/** Commits what the test takes for granted. */
export const given = async (subject: Subject, ...commits: readonly Commit[]): Promise<void> => {
  for (const commit of commits) answered(await commitOne(subject, commit));
};

export const eventsOf = async ({ store }: Subject, stream: StreamName): Promise<readonly DomainEvent[]> =>
  answered(await store.storage.load([{ by: "stream", stream }])).get(stream)?.events ?? [];

export const versionOf = async ({ store }: Subject, stream: StreamName): Promise<number> =>
  answered(await store.storage.load([{ by: "stream", stream }])).get(stream)?.version ?? 0;

/** The streams that come along when one is loaded. */
export const reachedFrom = async ({ store }: Subject, stream: StreamName): Promise<readonly StreamName[]> =>
  [...answered(await store.storage.load([{ by: "stream", stream }])).keys()].sort();

export const outcomeOf = async ({ store }: Subject, id: CommandId) => answered(await store.storage.outcome(id));

/** All messages that concern these streams, in the order in which they may be published. */
export const messagesOf = async ({ store }: Subject, ...streams: readonly StreamName[]): Promise<OutboxMessage[]> =>
  answered(await store.outbox.unrelayed(100_000)).filter(({ stream }) => streams.includes(stream));

/** The row as queries show it by its key; null when there is none. */
export const shownRow = async (
  { store: { queries } }: Subject,
  shown: RowIn<"subscriptions"> | RowIn<"invoices">,
): Promise<RowOf<"subscriptions"> | RowOf<"invoices"> | null> => {
  if (shown.table === "subscriptions")
    return answered(await queries.subscription(shown.row.subscriptionId as SubscriptionId));
  return answered(await queries.invoice(shown.row.invoiceId as InvoiceId))?.invoice ?? null;
};
