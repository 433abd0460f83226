import { expect, test } from "bun:test";
import type { Commit } from "../../src/core/ports/storage.ts";
import { answered } from "../support/cinema.ts";
import { appending, commitOf, facts, newAccount, newCommand, newStream, row } from "../support/commits.ts";
import { commitOne, eventsOf, given, neverDeadlocks, type Subject, versionOf, wordFor } from "./subject.ts";

const times = <T>(n: number, run: (i: number) => Promise<T>): Promise<readonly T[]> =>
  Promise.all(Array.from({ length: n }, (_, i) => run(i)));
const inTurn = async (rounds: number, run: (round: number) => Promise<void>): Promise<void> => {
  for (let round = 0; round < rounds; round += 1) await run(round);
};

/** Everything at once. */
export const writers = (subject: Subject): void => {
  neverDeadlocks(subject);
  const report = (what: string) => process.stdout.write(`${what}\n`);

  test("of two writers of one stream at one version exactly one wins", async () => {
    const stream = newStream();
    await inTurn(50, async (round) => {
      const answers = await times(2, (n) =>
        commitOne(subject, commitOf({ appends: [appending(stream, round, { events: facts(10 * round + n + 1) })] })),
      );
      expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
      expect(answers.find(({ ok }) => !ok)).toEqual({ ok: false, error: { code: "version_conflict", stream } });
    });
    expect(await versionOf(subject, stream)).toBe(50);
    report("two writers of one stream: 50 rounds, one winner each");
  });

  test("of twenty who found a new stream exactly one wins", async () => {
    await inTurn(10, async () => {
      const stream = newStream();
      const answers = await times(20, () => commitOne(subject, commitOf({ appends: [appending(stream, 0)] })));
      expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    });
  });

  test("of twenty runs of one command one is written, and the others are told of it", async () => {
    const id = newCommand();
    const streams = Array.from({ length: 20 }, newStream);
    const answers = await times(20, (n) =>
      commitOne(subject, commitOf({ id, appends: [appending(streams[n] ?? newStream(), 0)] })),
    );
    const words = answers.map(wordFor);
    expect(words.toSorted()).toEqual([...Array.from({ length: 19 }, () => "command_done"), "written"]);
    const written = await Promise.all(streams.map((stream) => versionOf(subject, stream)));
    expect(written.filter((version) => version === 1)).toHaveLength(1);
  });

  test("of ten who take one place by rows of different streams one gets it", async () => {
    await inTurn(10, async () => {
      const accountId = newAccount();
      const answers = await times(10, () =>
        commitOne(
          subject,
          commitOf({ appends: [appending(newStream(), 0, { written: [row("subscriptions", { accountId })] })] }),
        ),
      );
      expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
      expect(new Set(answers.map(wordFor))).toEqual(new Set(["written", "unique_conflict"]));
    });
  });

  test("what one reads and another writes is never both committed as if neither saw the other", async () => {
    let [firsts, seconds] = [0, 0];
    await inTurn(100, async () => {
      const [charge, consent] = [newStream(), newStream()];
      await given(subject, commitOf({ appends: [appending(charge, 0), appending(consent, 0)] }));
      const [first, second] = await Promise.all([
        commitOne(subject, commitOf({ appends: [appending(charge, 1)], expects: [{ stream: consent, version: 1 }] })),
        commitOne(subject, commitOf({ appends: [appending(consent, 1)], expects: [{ stream: charge, version: 1 }] })),
      ]);
      expect([first.ok, second.ok].filter(Boolean)).toHaveLength(1);
      if (first.ok) firsts += 1;
      else seconds += 1;
    });
    report(`a reader against a writer, both ways: 100 rounds, ${firsts} to ${seconds}`);
  });

  test("many may expect one stream at once; its writer comes before or after all that he would make stale", async () => {
    await inTurn(20, async () => {
      const stream = newStream();
      await given(subject, commitOf({ appends: [appending(stream, 0)] }));
      const reading = (): Commit =>
        commitOf({ appends: [appending(newStream(), 0)], expects: [{ stream, version: 1 }] });
      const writing = commitOf({ appends: [appending(stream, 1)] });
      const [written, ...read] = await Promise.all(
        [writing, ...Array.from({ length: 6 }, reading)].map((commit) => commitOne(subject, commit)),
      );
      expect(written?.ok).toBe(true);
      for (const answer of read) if (!answer.ok) expect(answer.error).toEqual({ code: "version_conflict", stream });
    });
  });

  test("batches that touch the same streams in opposite order never wait for each other in a circle", async () => {
    const rounds = 150;
    let written = 0;
    await inTurn(rounds, async (round) => {
      const known = Array.from({ length: 3 }, newStream);
      const streams = [...known, ...Array.from({ length: 3 }, newStream)];
      await given(subject, commitOf({ appends: known.map((stream) => appending(stream, 0)) }));
      const batch = (order: (typeof streams)[number][]): Commit[] =>
        order.map((stream, i) => {
          const expected = known.includes(stream) ? 1 : 0;
          const other = order[(i + 1) % order.length] ?? stream;
          return round % 2 === 0
            ? commitOf({ appends: [appending(stream, expected)] })
            : commitOf({
                appends: [appending(stream, expected)],
                expects: [{ stream: other, version: known.includes(other) ? 1 : 0 }],
              });
        });
      const answers = await Promise.all([
        subject.store.storage.commit(batch(streams)),
        subject.store.storage.commit(batch(streams.toReversed())),
        subject.store.storage.commit(batch([...streams.slice(3), ...streams.slice(0, 3)])),
      ]);
      for (const answer of answers.flat()) {
        if (answer.ok) written += 1;
        else expect(answer.error.code).toBe("version_conflict");
      }
    });
    expect(written).toBeGreaterThan(rounds * 3);
    report(`batches in opposite order: ${3 * rounds} batches, ${written} commits written`);
  }, 60_000);

  test("two streams written together are always loaded together", async () => {
    const [one, two] = [newStream(), newStream()];
    await given(subject, commitOf({ appends: [appending(one, 0, { links: [two] }), appending(two, 0)] }));
    let writing = true;
    const write = inTurn(60, async (round) => {
      const appends = [appending(one, round + 1, { links: [two] }), appending(two, round + 1)];
      await given(subject, commitOf({ appends }));
    }).finally(() => {
      writing = false;
    });
    let reads = 0;
    const read = async (): Promise<void> => {
      while (writing) {
        const loaded = answered(await subject.store.storage.load([{ by: "stream", stream: one }]));
        expect(loaded.get(one)?.version).toBe(loaded.get(two)?.version ?? -1);
        expect(loaded.get(one)?.events).toHaveLength(loaded.get(one)?.version ?? -1);
        reads += 1;
      }
    };
    await Promise.all([write, read(), read()]);
    report(`one view: ${reads} reads beside 60 writes`);
    expect(await eventsOf(subject, two)).toHaveLength(61);
  });
};
