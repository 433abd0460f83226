import { expect, test } from "bun:test";
import type { CommitFault } from "../../src/adapters/memory/storage.ts";
import { openMemory } from "../../src/adapters/memory/store.ts";
import type { StreamName } from "../../src/core/billing/stream.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { accountNamed, answered, MOSCOW, openCinema, PREMIUM, told } from "../support/cinema.ts";
import { appending, commitOf, newStream } from "../support/commits.ts";
import { wordFor } from "./subject.ts";

/** The faults that the simulation asks of the memory store, each at the next commit only. */
const openWith = () => {
  let next: CommitFault | null = null;
  const store = openMemory({
    faults: () => {
      const fault = next;
      next = null;
      return fault;
    },
  });
  return {
    store,
    befalls: (fault: CommitFault) => {
      next = fault;
    },
  };
};
const isWritten = async ({ storage }: Store, stream: StreamName): Promise<boolean> =>
  answered(await storage.load([{ by: "stream", stream }])).has(stream);

test.each<[string, CommitFault, string, readonly boolean[]]>([
  ["the store is unavailable", "unavailable", "storage_unavailable", [false, false, false]],
  ["the answer is lost before anything is written", { lostAfter: 0 }, "commit_unknown", [false, false, false]],
  ["the process dies between two commits of a batch", { lostAfter: 1 }, "commit_unknown", [true, false, false]],
  ["the answer is lost after all is written", { lostAfter: Infinity }, "commit_unknown", [true, true, true]],
])("%s: each caller is told the same, and what was written shows by its outcome", async (_, fault, word, written) => {
  const { store, befalls } = openWith();
  const streams = [newStream(), newStream(), newStream()];
  const commits = streams.map((stream) => commitOf({ appends: [appending(stream, 0)] }));
  befalls(fault);
  expect((await store.storage.commit(commits)).map(wordFor)).toEqual([word, word, word]);
  expect(await Promise.all(streams.map((stream) => isWritten(store, stream)))).toEqual([...written]);
  const outcomes = await Promise.all(commits.map(({ command }) => store.storage.outcome(command.id)));
  expect(outcomes.map((outcome) => answered(outcome) !== null)).toEqual([...written]);
  // Whoever asks again is told of what stands, and the rest is written now.
  const again = await store.storage.commit(commits);
  expect(again.map(wordFor)).toEqual(written.map((stands) => (stands ? "command_done" : "written")));
});

test("what the fault throws kills the caller and writes nothing, as a crash of the process would", async () => {
  const store = openMemory({
    faults: () => {
      throw new Error("killed");
    },
  });
  const stream = newStream();
  const commit = store.storage.commit([commitOf({ appends: [appending(stream, 0)] })]);
  expect(await commit.catch(String)).toBe("Error: killed" as never);
  expect(await isWritten(store, stream)).toBe(false);
});

test("billing finds out by itself what came of a lost answer, and starts one subscription", async () => {
  for (const fault of ["lost before", "lost after"]) {
    const { store, befalls } = openWith();
    const cinema = openCinema(store);
    await cinema.sell();
    const accountId = accountNamed("meets a fault");
    befalls({ lostAfter: fault === "lost before" ? 0 : Infinity });
    const start = { type: "subscription.start", accountId, plan: PREMIUM, zone: MOSCOW, consent: null } as const;
    told(await cinema.byPayer(accountId, start));
    const found = answered(await store.queries.subscriptionsOf(accountId, { after: null, limit: 10 }));
    expect([fault, found.length]).toEqual([fault, 1]);
  }
});
