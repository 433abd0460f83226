import { describe, expect, test } from "bun:test";
import { groupRead } from "../../../src/adapters/postgres/group-read.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A table that tells which keys were read at once. Where it is held, each read waits until it is let go on. */
const watched = ({ held = false, most }: { readonly held?: boolean; readonly most?: number } = {}) => {
  const table = new Map<string, string>();
  const reads: (readonly string[])[] = [];
  const waiting: PromiseWithResolvers<void>[] = [];
  const read = groupRead(
    async (keys: readonly string[]) => {
      reads.push(keys);
      // As a database does: what it answers is true at the beginning.
      const found = new Map(keys.flatMap((key) => (table.has(key) ? [[key, table.get(key) as string] as const] : [])));
      const wait = Promise.withResolvers<void>();
      if (held) waiting.push(wait);
      else wait.resolve();
      await wait.promise;
      return found;
    },
    most === undefined ? {} : { most },
  );
  return { table, reads, waiting, read };
};

describe("Group read", () => {
  test("what is asked for within one turn is read at once, and each is told its own", async () => {
    const { table, reads, read } = watched();
    for (const key of ["a", "b", "c"]) table.set(key, `of ${key}`);
    const told = await Promise.all(["c", "a", "nobody", "b", "a"].map(read));
    expect(told).toEqual(["of c", "of a", null, "of b", "of a"]);
    expect(reads).toEqual([["c", "a", "nobody", "b"]]);
  });

  test("alone, a question has a read of its own", async () => {
    const { reads, read } = watched();
    for (const key of ["a", "a", "b"]) await read(key);
    expect(reads).toEqual([["a"], ["a"], ["b"]]);
  });

  test("nobody is answered by a read that had begun before the question", async () => {
    const { table, reads, waiting, read } = watched({ held: true });
    table.set("session", "open");
    const before = read("session");
    await turn();
    expect(reads).toHaveLength(1);
    table.delete("session");
    const after = read("session");
    await turn();
    expect(reads).toHaveLength(2);
    for (const { resolve } of waiting) resolve();
    expect(await Promise.all([before, after])).toEqual(["open", null]);
  });

  test("one that came before the read began is answered by it, though its key was asked for already", async () => {
    const { table, reads, read } = watched();
    const early = read("a");
    table.set("a", "paid");
    expect(await Promise.all([early, read("a")])).toEqual(["paid", "paid"]);
    expect(reads).toEqual([["a"]]);
  });

  test("a slow read makes nobody wait but those who asked for it", async () => {
    const { table, waiting, read } = watched({ held: true });
    table.set("b", "of b");
    const slow = read("a");
    await turn();
    const quick = read("b");
    await turn();
    waiting[1]?.resolve();
    expect(await quick).toBe("of b");
    waiting[0]?.resolve();
    expect(await slow).toBeNull();
  });

  test("a read that fails, fails for all who asked for it, and for nobody else", async () => {
    const { waiting, read } = watched({ held: true });
    const failure = new Error("the database does not answer");
    const failing = ["a", "b", "a"].map((key) => read(key).catch((error: unknown) => error));
    await turn();
    const good = read("a");
    await turn();
    waiting[0]?.reject(failure);
    waiting[1]?.resolve();
    expect(await Promise.all(failing)).toEqual([failure, failure, failure]);
    expect(await good).toBeNull();
  });

  test("a read holds no more keys than allowed; what is beyond is in the next", async () => {
    const { reads, read } = watched({ most: 3 });
    const keys = Array.from({ length: 8 }, (_, n) => `${n}`);
    expect(await Promise.all(keys.map(read))).toEqual(keys.map(() => null));
    expect(reads).toEqual([
      ["0", "1", "2"],
      ["3", "4", "5"],
      ["6", "7"],
    ]);
  });
});
