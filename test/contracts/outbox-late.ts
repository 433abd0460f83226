import { afterEach, describe, expect, test } from "bun:test";
import { postgresJs } from "../../src/adapters/postgres/postgres-js.ts";
import { postgresStorage } from "../../src/adapters/postgres/storage.ts";
import type { OutboxMessage } from "../../src/core/ports/outbox.ts";
import type { Storage } from "../../src/core/ports/storage.ts";
import { answered } from "../support/cinema.ts";
import { appending, commitOf, newStream } from "../support/commits.ts";
import type { SqlStore } from "../support/stores.ts";
import { until } from "../support/until.ts";
import { atLeast, endOf, followAll, followed } from "./outbox.ts";
import { given, type Subject, shared, urlOf } from "./subject.ts";

/** What the outbox owes where transactions overlap: one that began first may commit last. */
export const lateCommitContract = (name: string, open: () => Promise<SqlStore>): void =>
  describe(`Outbox with late commits: ${name}`, () => {
    const subject = shared(open);
    const write = (stream = newStream(), version = 0) =>
      given(subject, commitOf({ appends: [appending(stream, version)] })).then(() => stream);
    const end = () => endOf(subject);
    const running: Running[] = [];
    const beginOne = async (): Promise<Running> => {
      const one = await begin(subject);
      running.push(one);
      return one;
    };
    // What a failed test has left open would hold back the messages of all others.
    afterEach(async () => {
      for (const one of running.splice(0)) await one.drop();
    });
    const streamsOf = (messages: readonly OutboxMessage[]) => messages.map(({ stream }) => stream);

    test("what stands behind a transaction still running is withheld, and follows when that has ended", async () => {
      const [from, late] = [await end(), await beginOne()];
      const early = await write();
      expect(await followAll(subject.store, from)).toEqual([]);
      const lateStream = newStream();
      await late.commit(lateStream);
      expect(await followAll(subject.store, from)).toEqual([]);
      await late.end();
      expect(streamsOf(await followed(subject, from, atLeast(2)))).toEqual([lateStream, early]);
    });

    test("a transaction that is rolled back holds up nothing any more", async () => {
      const [from, late] = [await end(), await beginOne()];
      await late.commit(newStream());
      const stream = await write();
      await late.rollBack();
      expect(streamsOf(await followed(subject, from, atLeast(1)))).toEqual([stream]);
    });

    test("what commits late is still unrelayed, though later messages have been marked", async () => {
      const markAll = async () => {
        const positions = answered(await subject.store.outbox.unrelayed(100_000)).map(({ position }) => position);
        answered(await subject.store.outbox.relayed(positions));
        return positions;
      };
      await markAll();
      const late = await beginOne();
      const lateStream = newStream();
      await late.commit(lateStream);
      await write();
      const marked = await markAll();
      expect(marked).toHaveLength(1);
      await late.end();
      const found = answered(await subject.store.outbox.unrelayed(1000));
      expect(streamsOf(found)).toEqual([lateStream]);
      expect(Number(found[0]?.position)).toBeLessThan(Number(marked[0]));
    });

    test("whoever commits when, the order that a follower has seen never grows behind him", async () => {
      const from = await end();
      const seen: OutboxMessage[] = [];
      const look = async () => seen.push(...(await followAll(subject.store, seen.at(-1)?.cursor ?? from, 3)));
      const rounds = 15;
      for (let round = 0; round < rounds; round += 1) {
        const three = [await beginOne(), await beginOne(), await beginOne()];
        await write();
        await look();
        // In each round another one comes last.
        const inTurn = [...three.slice(round % 3), ...three.slice(0, round % 3)];
        for (const one of inTurn) {
          await one.commit(newStream());
          await write();
          await look();
          await one.end();
          await look();
        }
        // Writers elsewhere on the server may hold a message back: he looks until he has seen all of this round.
        await until("all of the round may be read", async () => {
          await look();
          return seen.length >= (round + 1) * 7;
        });
      }
      const whole = await followed(subject, from, atLeast(rounds * 7));
      expect(whole).toHaveLength(rounds * 7);
      expect(streamsOf(seen)).toEqual(streamsOf(whole));
    });
  });

/** A transaction on a connection of its own, begun now: its place in the database's order is taken before it writes. */
const begin = async (subject: Subject) => {
  const driver = postgresJs({ url: urlOf(subject), max: 1, role: null });
  const began = Promise.withResolvers<Storage>();
  const told = Promise.withResolvers<"commit" | "roll back">();
  const ended = driver.transaction(async (query) => {
    await query("select pg_current_xact_id()");
    began.resolve(postgresStorage({ ...driver, query }));
    if ((await told.promise) === "roll back") throw new RolledBack();
  });
  ended.catch(began.reject);
  const storage = await began.promise;
  return {
    commit: async (stream: ReturnType<typeof newStream>) => {
      const [answer] = await storage.commit([commitOf({ appends: [appending(stream, 0)] })]);
      expect(answer?.ok).toBe(true);
    },
    end: async () => {
      told.resolve("commit");
      await ended;
    },
    rollBack: async () => {
      told.resolve("roll back");
      expect(await ended.catch((error: unknown) => error)).toBeInstanceOf(RolledBack);
    },
    drop: async () => {
      told.resolve("roll back");
      await ended.catch(() => null);
      await driver.close();
    },
  };
};
type Running = Awaited<ReturnType<typeof begin>>;

class RolledBack extends Error {}
