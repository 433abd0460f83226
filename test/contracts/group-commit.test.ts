import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { openMemory } from "../../src/adapters/memory/store.ts";
import { groupCommit } from "../../src/adapters/postgres/group-commit.ts";
import type { Commit, Storage } from "../../src/core/ports/storage.ts";
import { Bug } from "../../src/core/result.ts";
import { accepted, appending, bringing, commitOf, newStream, row } from "../support/commits.ts";
import { hasPostgres } from "../support/services.ts";
import { postgresStore } from "../support/stores.ts";
import { wordFor } from "./subject.ts";

// The machine that runs this may be busy with much else.
setDefaultTimeout(60_000);

/** A storage that tells what it is asked to write in one transaction, and waits with each until it is let go on. */
const watched = ({ held = false } = {}) => {
  const { storage } = openMemory();
  const batches: (readonly Commit[])[] = [];
  const waiting: (() => void)[] = [];
  const watching: Storage = {
    ...storage,
    commit: async (commits) => {
      batches.push(commits);
      if (held) await new Promise<void>((resolve) => waiting.push(resolve));
      return storage.commit(commits);
    },
  };
  /** Lets the oldest transaction go on, and all that follows from it happen. */
  const letGo = async (): Promise<void> => {
    waiting.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { storage: watching, batches, letGo, running: () => waiting.length };
};
type Answers = Awaited<ReturnType<Storage["commit"]>>;
const writing = (): Commit => commitOf({ appends: [appending(newStream(), 0)] });
const sizes = (batches: readonly (readonly Commit[])[]) => batches.map(({ length }) => length);

describe("Group commit", () => {
  test("alone, a commit waits for nobody and has a transaction of its own", async () => {
    const { storage, batches } = watched();
    const grouped = groupCommit(storage);
    for (let i = 0; i < 3; i += 1) expect((await grouped.commit([writing()])).map(wordFor)).toEqual(["written"]);
    expect(sizes(batches)).toEqual([1, 1, 1]);
  });

  test("what many ask for while transactions are under way is written as one", async () => {
    const { storage, batches, letGo, running } = watched({ held: true });
    const grouped = groupCommit(storage, { lanes: 2 });
    const answers = Array.from({ length: 40 }, () => grouped.commit([writing()]));
    expect(sizes(batches)).toEqual([1, 1]);
    expect(running()).toBe(2);
    await letGo();
    expect(sizes(batches)).toEqual([1, 1, 38]);
    while (running() > 0) await letGo();
    expect((await Promise.all(answers)).flat().map(wordFor)).toEqual(Array.from({ length: 40 }, () => "written"));
    expect(sizes(batches)).toEqual([1, 1, 38]);
  });

  test("a transaction holds no more commits than allowed, and a caller's own are never torn apart", async () => {
    const { storage, batches, letGo, running } = watched({ held: true });
    const grouped = groupCommit(storage, { most: 5, lanes: 1 });
    const asked = [1, 2, 2, 2, 7, 1].map((count) => Array.from({ length: count }, writing));
    const answers = asked.map((commits) => grouped.commit(commits));
    while (running() > 0) await letGo();
    await Promise.all(answers);
    expect(sizes(batches)).toEqual([1, 4, 2, 7, 1]);
    expect(batches.flat()).toEqual(asked.flat());
  });

  test("no more transactions run at a time than there are lanes", async () => {
    const { storage, letGo, running } = watched({ held: true });
    const grouped = groupCommit(storage, { most: 1, lanes: 3 });
    const answers = Array.from({ length: 10 }, () => grouped.commit([writing()]));
    for (let left = 10; left > 0; left -= 1) {
      expect(running()).toBe(Math.min(3, left));
      await letGo();
    }
    await Promise.all(answers);
  });

  test("each caller gets the answers to its own commits, in their order", async () => {
    const { storage } = watched();
    const grouped = groupCommit(storage, { lanes: 1 });
    const streams = Array.from({ length: 30 }, newStream);
    const answers = await Promise.all(
      streams.map((stream, i) =>
        grouped.commit([
          commitOf({ appends: [appending(stream, 0)] }),
          commitOf({ appends: [appending(stream, i % 2)] }),
          commitOf({ outcome: accepted() }),
        ]),
      ),
    );
    expect(answers).toEqual(
      streams.map((stream, i) => [
        { ok: true, value: { streams: [{ stream, version: 1 }] } },
        i % 2 === 1
          ? { ok: true, value: { streams: [{ stream, version: 2 }] } }
          : { ok: false, error: { code: "version_conflict", stream } },
        { ok: true, value: { streams: [] } },
      ]) as never,
    );
  });

  test("a conflict is its own caller's alone", async () => {
    const { storage, batches, letGo, running } = watched({ held: true });
    const grouped = groupCommit(storage, { lanes: 1 });
    const [stream, done] = [newStream(), writing()];
    const asked = [done, writing(), commitOf({ appends: [appending(stream, 5)] }), done, writing()];
    const answers = asked.map((commit) => grouped.commit([commit]));
    while (running() > 0) await letGo();
    expect((await Promise.all(answers)).flat().map(wordFor)).toEqual([
      "written",
      "written",
      "version_conflict",
      "command_done",
      "written",
    ]);
    expect(batches).toHaveLength(2);
  });

  test("a Bug is thrown to its own caller; the others are told that theirs is done, and each is done once", async () => {
    const { storage, letGo, running } = watched({ held: true });
    const grouped = groupCommit(storage, { lanes: 1 });
    const bad = bringing(row("refunds", { amountMinor: 0n }));
    const asked = [writing(), writing(), bad, writing()];
    const answers = asked.map((commit) => grouped.commit([commit]).catch((error: unknown) => error));
    while (running() > 0) await letGo();
    const settled = await Promise.all(answers);
    // Those that were written beside the Bug are found done when it is their turn.
    const words = settled.map((answer) => (answer instanceof Bug ? "Bug" : (answer as Answers).map(wordFor).join()));
    expect(words).toEqual(["written", "command_done", "Bug", "command_done"]);
    for (const [i, { command }] of asked.entries()) {
      const recorded = await storage.outcome(command.id);
      expect(recorded.ok && recorded.value !== null).toBe(i !== 2);
    }
  });

  test("after a Bug the queue goes on", async () => {
    const { storage } = watched();
    const grouped = groupCommit(storage, { lanes: 1 });
    const bad = () => grouped.commit([bringing(row("refunds", { amountMinor: 0n }))]).catch((error: unknown) => error);
    expect(await Promise.all([bad(), bad()])).toEqual([expect.any(Bug), expect.any(Bug)]);
    expect((await grouped.commit([writing()])).map(wordFor)).toEqual(["written"]);
  });

  test("a fault is told to all that were written together, and a crash of the driver hits all of them", async () => {
    let answer: "unavailable" | "crash" = "unavailable";
    const { storage } = openMemory({
      faults: () => {
        if (answer === "crash") throw new TypeError("a driver's own fault");
        return "unavailable";
      },
    });
    const grouped = groupCommit(storage, { lanes: 1 });
    const two = () => Promise.allSettled([grouped.commit([writing()]), grouped.commit([writing(), writing()])]);
    for (const settled of await two())
      expect(settled.status === "fulfilled" && settled.value.map(wordFor)).toContain("storage_unavailable");
    answer = "crash";
    for (const settled of await two()) expect(settled.status).toBe("rejected");
  });

  test("reading passes it by", async () => {
    const { storage } = watched({ held: true });
    const grouped = groupCommit(storage);
    void grouped.commit([writing()]);
    expect(await grouped.outcome(writing().command.id)).toEqual({ ok: true, value: null });
    expect((await grouped.load([])).ok).toBe(true);
  });
});

describe.skipIf(!hasPostgres)("Group commit on PostgreSQL", () => {
  const opened: { close(): Promise<void> }[] = [];
  afterAll(async () => {
    for (const store of opened) await store.close();
  });

  test("200 callers at once share a few transactions", async () => {
    const store = await postgresStore({ grouped: true });
    opened.push(store);
    const answers = await Promise.all(Array.from({ length: 200 }, () => store.storage.commit([writing()])));
    expect(answers.flat().map(wordFor)).toEqual(Array.from({ length: 200 }, () => "written"));
    // Each transaction that wrote left its number on its messages.
    const [counted] = await store.driver.query("select count(distinct xid)::int as transactions from billing.outbox");
    expect(counted?.["transactions"]).toBeLessThanOrEqual(10);
    process.stdout.write(`group commit: 200 commits in ${String(counted?.["transactions"])} transactions\n`);
  });
});
