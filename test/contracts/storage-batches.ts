import { expect, test } from "bun:test";
import type { Commit } from "../../src/core/ports/storage.ts";
import { Bug } from "../../src/core/result.ts";
import { accepted, appending, bringing, commitOf, facts, newCommand, newStream, row } from "../support/commits.ts";
import { spoiled } from "./storage-commits.ts";
import { commitOne, eventsOf, given, outcomeOf, type Subject, versionOf, wordFor } from "./subject.ts";

export const batches = (subject: Subject): void => {
  const commitAll = (commits: readonly Commit[]) => subject.store.storage.commit(commits);

  test("no commits, no answers", async () => {
    expect(await commitAll([])).toEqual([]);
  });

  test("each commit is answered in the order given", async () => {
    const streams = Array.from({ length: 20 }, newStream).sort().reverse();
    const answers = await commitAll(
      streams.map((stream, i) => commitOf({ appends: [appending(stream, i % 3 === 2 ? 1 : 0)] })),
    );
    expect(answers).toEqual(
      streams.map((stream, i) =>
        i % 3 === 2
          ? { ok: false, error: { code: "version_conflict", stream } }
          : { ok: true, value: { streams: [{ stream, version: 1 }] } },
      ),
    );
  });

  const failing = async (how: string): Promise<Commit> => {
    if (how === "done") {
      const done = bringing(row("subscriptions"));
      await given(subject, done);
      return done;
    }
    const { version, unique, check } = await spoiled(subject);
    return commitOf({ appends: (how === "version" ? version : how === "unique" ? unique : check).appends });
  };

  test.each([
    ["a version conflict", "version", "version_conflict"],
    ["a command that is done", "done", "command_done"],
    ["a unique conflict", "unique", "unique_conflict"],
  ])("%s takes no other commit of its batch with it, wherever it stands", async (_, how, code) => {
    for (const place of [0, 1, 2]) {
      const good = [newStream(), newStream()].map((stream) => commitOf({ appends: [appending(stream, 0)] }));
      const answers = await commitAll(good.toSpliced(place, 0, await failing(how)));
      expect(answers.map(wordFor)).toEqual(["written", "written"].toSpliced(place, 0, code));
    }
  });

  test("a row that a check refuses is a Bug, and the others of its batch stand, wherever it stands", async () => {
    for (const place of [0, 1, 2]) {
      const streams = [newStream(), newStream()];
      const good = streams.map((stream) => commitOf({ appends: [appending(stream, 0)] }));
      const bad = await failing("check");
      const bug = await commitAll(good.toSpliced(place, 0, bad)).catch((error: unknown) => error);
      expect(bug).toBeInstanceOf(Bug);
      expect(String(bug)).toContain("refunds_positive");
      expect(String(bug)).toContain(bad.command.id);
      expect(await outcomeOf(subject, bad.command.id)).toBeNull();
      for (const [i, stream] of streams.entries()) {
        expect(await versionOf(subject, stream)).toBe(1);
        expect(await outcomeOf(subject, good[i]?.command.id ?? newCommand())).not.toBeNull();
      }
    }
  });

  test("of two commits on one stream the later sees what the earlier wrote", async () => {
    const [stream, other] = [newStream(), newStream()];
    const answers = await commitAll([
      commitOf({ appends: [appending(stream, 0, { events: facts(1, 2) })] }),
      commitOf({ appends: [appending(stream, 2, { events: facts(3) })] }),
      commitOf({ appends: [appending(other, 0)], expects: [{ stream, version: 3 }] }),
      commitOf({ appends: [appending(stream, 0)] }),
      commitOf({ appends: [appending(other, 1)], expects: [{ stream, version: 0 }] }),
    ]);
    const conflict = { ok: false, error: { code: "version_conflict", stream } };
    expect(answers.slice(3)).toEqual([conflict, conflict] as never);
    expect(answers.slice(0, 3).every(({ ok }) => ok)).toBe(true);
    expect(await eventsOf(subject, stream)).toEqual(facts(1, 2, 3));
  });

  test("what a failed commit would have written is not there for the later ones of its batch", async () => {
    const [stream, spoil] = [newStream(), await spoiled(subject)];
    const subscription = row("subscriptions");
    const take = () => appending(newStream(), 0, { written: [subscription] });
    const answers = await commitAll([
      commitOf({ appends: [appending(stream, 0), take(), ...spoil.unique.appends] }),
      commitOf({ appends: [appending(stream, 1)] }),
      commitOf({ appends: [appending(stream, 0), take()] }),
    ]);
    expect(answers.map(wordFor)).toEqual(["unique_conflict", "version_conflict", "written"]);
  });

  test("a place taken by one commit of a batch is taken for the next, and free again once given up", async () => {
    const held = row("subscriptions");
    const next = row("subscriptions", { accountId: held.row.accountId });
    const answers = await commitAll([
      bringing(held),
      bringing(next),
      commitOf({ appends: [appending(newStream(), 0, { removed: [held] })] }),
      bringing(next),
    ]);
    expect(answers.map(({ ok }) => ok)).toEqual([true, false, true, true]);
  });

  test("the same command twice in a batch is done once, and the second is told what it came to", async () => {
    const [id, stream] = [newCommand(), newStream()];
    const [first, second] = await commitAll([
      commitOf({ id, appends: [appending(stream, 0)], outcome: accepted({ run: "first" }) }),
      commitOf({ id, appends: [appending(stream, 1)], outcome: accepted({ run: "second" }) }),
    ]);
    expect(first?.ok).toBe(true);
    expect(second?.ok === false && second.error.code === "command_done" && second.error.recorded.outcome).toEqual(
      accepted({ run: "first" }),
    );
    expect(await versionOf(subject, stream)).toBe(1);
  });

  test("a batch of 500 commits is written whole", async () => {
    const streams = Array.from({ length: 500 }, newStream);
    const answers = await commitAll(streams.map((stream) => commitOf({ appends: [appending(stream, 0)] })));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(500);
    expect(await commitOne(subject, commitOf({ expects: streams.map((stream) => ({ stream, version: 1 })) }))).toEqual({
      ok: true,
      value: { streams: [] },
    });
  });
};
