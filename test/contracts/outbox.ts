import { describe, expect, test } from "bun:test";
import type { StreamName } from "../../src/core/billing/stream.ts";
import type { AccountId } from "../../src/core/ids.ts";
import type { OutboxCursor, OutboxMessage } from "../../src/core/ports/outbox.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { answered, START } from "../support/cinema.ts";
import {
  appending,
  commitOf,
  fact,
  facts,
  hour,
  newCommand,
  newStream,
  row,
  waitingCommand,
} from "../support/commits.ts";
import { until } from "../support/until.ts";
import { commitOne, given, type Open, type Subject, shared, versionOf } from "./subject.ts";

/** What `src/core/ports/outbox.ts` promises, asked of one adapter. */
export const outboxContract = (name: string, open: Open): void =>
  describe(`Outbox: ${name}`, () => {
    const subject = shared(open);
    describe("relaying", () => relaying(subject));
    describe("following", () => following(subject));
  });

/** Marks all there is, so that a test meets its own messages only. */
const relayAll = async ({ store }: Subject): Promise<void> => {
  const waiting = answered(await store.outbox.unrelayed(10_000));
  answered(await store.outbox.relayed(waiting.map(({ position }) => position)));
};
const otherStream = (kind: string): StreamName => `${kind}/${newCommand()}` as StreamName;
const unrelayed = async ({ store }: Subject, limit = 10_000) => answered(await store.outbox.unrelayed(limit));
const placesOf = (messages: readonly OutboxMessage[]) => messages.map(({ stream, version }) => `${stream}:${version}`);

/** All behind a cursor, read `limit` at a time. */
export const followAll = async (store: Store, after: OutboxCursor | null, limit = 1000): Promise<OutboxMessage[]> => {
  const all: OutboxMessage[] = [];
  for (let cursor = after; ; ) {
    const some = answered(await store.outbox.follow(cursor, limit));
    all.push(...some);
    const last = some.at(-1);
    if (last === undefined) return all;
    cursor = last.cursor;
  }
};

/** A writer in any database of a server holds `follow` back for as long as it runs: so it is asked until it has all. */
const DEADLINE_MS = 10_000;
export const followed = async (
  { store }: Subject,
  after: OutboxCursor | null,
  wanted: (all: readonly OutboxMessage[]) => boolean,
): Promise<readonly OutboxMessage[]> => {
  for (const began = performance.now(); ; ) {
    const all = await followAll(store, after);
    if (wanted(all) || performance.now() - began > DEADLINE_MS) return all;
  }
};
export const atLeast = (count: number) => (all: readonly OutboxMessage[]) => all.length >= count;

/** Behind all that has been told so far: behind a message of its own. */
export const endOf = async (subject: Subject): Promise<OutboxCursor | null> => {
  const stream = newStream();
  await given(subject, commitOf({ appends: [appending(stream, 0)] }));
  const all = await followed(subject, null, (messages) => messages.some((message) => message.stream === stream));
  return all.at(-1)?.cursor ?? null;
};

const relaying = (subject: Subject): void => {
  test("a committed event leaves a message that names its stream, version and cause", async () => {
    await relayAll(subject);
    const [stream, id] = [newStream(), newCommand()];
    await given(subject, commitOf({ id, appends: [appending(stream, 0, { events: facts(1, 2) })] }));
    const messages = await unrelayed(subject);
    const accountId = stream.slice("customer/".length) as AccountId;
    expect(messages.map(({ position: _, cursor: __, ...told }) => told)).toEqual([
      { stream, version: 1, event: fact(1), accountId, causedBy: id, requestId: null, recordedAt: START },
      { stream, version: 2, event: fact(2), accountId, causedBy: id, requestId: null, recordedAt: START },
    ]);
    expect(new Set(messages.map(({ position }) => position)).size).toBe(2);
  });

  test("a message names the account that its stream belongs to, by the stream or by what it is linked to", async () => {
    await relayAll(subject);
    const [customer, invoice, plan] = [newStream(), otherStream("invoice"), otherStream("plan")];
    await given(subject, commitOf({ appends: [appending(customer, 0)] }));
    await given(subject, commitOf({ appends: [appending(invoice, 0, { links: [plan, customer] })] }));
    await given(subject, commitOf({ appends: [appending(plan, 0, { links: [invoice] })] }));
    const account = customer.slice("customer/".length) as AccountId;
    expect((await unrelayed(subject)).map(({ accountId }) => accountId)).toEqual([account, account, null]);
  });

  test("a message names the request behind it, where one is known", async () => {
    await relayAll(subject);
    const [stream, id] = [newStream(), newCommand()];
    answered(await subject.store.intake.accept(waitingCommand({ id, requestId: "req-1" })));
    await given(subject, commitOf({ id, appends: [appending(stream, 0)] }));
    await given(subject, commitOf({ appends: [appending(stream, 1)] }));
    expect((await unrelayed(subject)).map(({ requestId }) => requestId)).toEqual(["req-1", null]);
    const all = await followed(subject, null, (messages) => messages.some(({ causedBy }) => causedBy === id));
    expect(all.find(({ causedBy }) => causedBy === id)?.requestId).toBe("req-1");
  });

  test("of each stream messages come by version, oldest first, and no more than asked for", async () => {
    await relayAll(subject);
    const streams = [newStream(), newStream(), newStream()];
    for (let version = 0; version < 4; version += 2) {
      for (const stream of streams.toReversed())
        await given(subject, commitOf({ appends: [appending(stream, version, { events: facts(1, 2) })] }));
    }
    const all = await unrelayed(subject);
    for (const stream of streams)
      expect(all.filter((told) => told.stream === stream).map(({ version }) => version)).toEqual([1, 2, 3, 4]);
    expect(placesOf(await unrelayed(subject, 5))).toEqual(placesOf(all.slice(0, 5)));
    expect(all.map(({ position }) => position)).toEqual(
      all.map(({ position }) => position).sort((a, b) => Number(a - b)),
    );
  });

  test("what is in hand is left out, also of what commits meanwhile", async () => {
    await relayAll(subject);
    const stream = newStream();
    await given(subject, commitOf({ appends: [appending(stream, 0, { events: facts(1, 2, 3) })] }));
    const [first, second, third] = (await unrelayed(subject)).map(({ position }) => position);
    const other = newStream();
    await given(subject, commitOf({ appends: [appending(other, 0)] }));
    const inHand = [first, third].flatMap((position) => (position === undefined ? [] : [position]));
    const behind = answered(await subject.store.outbox.unrelayed(10_000, inHand));
    expect(behind.map(({ position }) => position)[0]).toBe(second as bigint);
    expect(placesOf(behind)).toEqual([`${stream}:2`, `${other}:1`]);
  });

  test("what carries no mark is counted, with the age of the oldest", async () => {
    await relayAll(subject);
    const backlog = async () => answered(await subject.store.outbox.backlog());
    expect(await backlog()).toEqual({ messages: 0, oldestAt: null });
    const stream = newStream();
    await given(subject, commitOf({ appends: [appending(stream, 0, { events: facts(1, 2) })], recordedAt: hour(3) }));
    await given(subject, commitOf({ appends: [appending(newStream(), 0)], recordedAt: hour(4) }));
    expect(await backlog()).toEqual({ messages: 3, oldestAt: hour(3) });
    await relayAll(subject);
  });

  test("what is marked does not come again, and marking it again changes nothing", async () => {
    await relayAll(subject);
    const stream = newStream();
    await given(subject, commitOf({ appends: [appending(stream, 0, { events: facts(1, 2, 3) })] }));
    const [first, second, third] = await unrelayed(subject);
    const marked = [first, second].flatMap((message) => (message === undefined ? [] : [message.position]));
    for (const positions of [marked.slice(1), marked, marked, []])
      answered(await subject.store.outbox.relayed(positions));
    expect(await unrelayed(subject)).toEqual(third === undefined ? [] : [third]);
  });

  test("a failed commit leaves no message", async () => {
    await relayAll(subject);
    const failing = commitOf({ appends: [appending(newStream(), 0), appending(newStream(), 1)] });
    expect((await commitOne(subject, failing)).ok).toBe(false);
    const broken = commitOf({
      appends: [appending(newStream(), 0, { written: [row("refunds", { amountMinor: 0n })] })],
    });
    expect(await commitOne(subject, broken).catch(() => "broken")).toBe("broken" as never);
    expect(await unrelayed(subject)).toEqual([]);
  });

  test("a refusal, and a commit that only reads, leave none either", async () => {
    await relayAll(subject);
    await given(subject, commitOf({ outcome: { ok: false, refusal: { code: "no", facts: {} } } }), commitOf());
    expect(await unrelayed(subject)).toEqual([]);
  });
};

const following = (subject: Subject): void => {
  const write = (stream: StreamName, version: number) =>
    given(subject, commitOf({ appends: [appending(stream, version)] }));

  test("all messages are followed, marked or not, each once, a page at a time", async () => {
    const from = await endOf(subject);
    const stream = newStream();
    for (let version = 0; version < 7; version += 1) await write(stream, version);
    await relayAll(subject);
    const whole = await followed(subject, from, atLeast(7));
    expect(placesOf(whole)).toEqual([1, 2, 3, 4, 5, 6, 7].map((version) => `${stream}:${version}`));
    for (const limit of [1, 3]) expect(await followAll(subject.store, from, limit)).toEqual([...whole]);
    const third = whole[2]?.cursor ?? null;
    expect(placesOf(await followAll(subject.store, third))).toEqual(placesOf(whole.slice(3)));
  });

  test("from the beginning on, everything that was ever told is there", async () => {
    const stream = newStream();
    await write(stream, 0);
    const all = await followed(subject, null, (messages) => messages.some((message) => message.stream === stream));
    const positions = new Set(all.map(({ position }) => position));
    expect(positions.size).toBe(all.length);
    for (const { position } of await unrelayed(subject)) expect(positions.has(position)).toBe(true);
  });

  test("behind the last one there is nothing", async () => {
    expect(answered(await subject.store.outbox.follow(await endOf(subject), 10))).toEqual([]);
  });

  test("of one stream messages are followed by version, also where many write the same streams at once", async () => {
    const from = await endOf(subject);
    const streams = Array.from({ length: 6 }, newStream);
    const worker = async (number: number): Promise<number> => {
      let written = 0;
      for (let round = 0; round < 25; round += 1) {
        const some = streams.filter((_, i) => (i + round + number) % 3 === 0);
        const versions = await Promise.all(some.map((stream) => versionOf(subject, stream)));
        const appends = some.map((stream, i) => appending(stream, versions[i] ?? 0));
        if ((await commitOne(subject, commitOf({ appends }))).ok) written += appends.length;
      }
      return written;
    };
    const written = await Promise.all([0, 1, 2, 3].map(worker));
    const count = written.reduce((all, some) => all + some, 0);
    const seen = await followed(subject, from, atLeast(count));
    expect(seen).toHaveLength(count);
    for (const stream of streams) {
      const versions = seen.filter((message) => message.stream === stream).map(({ version }) => version);
      expect(versions).toEqual(versions.map((_, i) => i + 1));
    }
    process.stdout.write(`followed ${seen.length} messages of ${streams.length} contended streams\n`);
    expect(seen.length).toBeGreaterThan(50);
  });

  test("who follows while many write misses nothing, and sees nothing appear behind him", async () => {
    const from = await endOf(subject);
    const streams = Array.from({ length: 8 }, newStream);
    const written = Promise.all(
      streams.map(async (stream) => {
        for (let version = 0; version < 25; version += 1) await write(stream, version);
      }),
    );
    const seen: OutboxMessage[] = [];
    await Promise.all([
      written,
      until("all has been seen", async () => {
        seen.push(...(await followAll(subject.store, seen.at(-1)?.cursor ?? from, 7)));
        return seen.length >= 200;
      }),
    ]);
    expect(placesOf(seen)).toEqual(placesOf(await followed(subject, from, atLeast(200))));
    expect(seen).toHaveLength(200);
  });
};
