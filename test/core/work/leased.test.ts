import { expect, test } from "bun:test";
import { memoryLeases } from "../../../src/adapters/memory/leases.ts";
import { err } from "../../../src/core/result.ts";
import { leased } from "../../../src/core/work/leased.ts";

const world = () => {
  let now = 0;
  const asked: string[] = [];
  const inner = memoryLeases(() => now);
  const leases: typeof inner = {
    ...inner,
    hold: (name, holder, forMs) => {
      asked.push(holder);
      return inner.hold(name, holder, forMs);
    },
  };
  const stepped: string[] = [];
  const node = (holder: string, over = leases) =>
    leased(
      over,
      "relay",
      holder,
      () => now,
      async () => {
        stepped.push(holder);
        return true;
      },
    );
  const pass = (ms: number): void => {
    now += ms;
  };
  return { leases, node, stepped, asked, pass };
};

test("of two nodes one does the step, for as long as it goes on", async () => {
  const { node, stepped, pass } = world();
  const [a, b] = [node("a"), node("b")];
  for (let second = 0; second < 30; second += 1) {
    expect(await a.step()).toBe(true);
    expect(await b.step()).toBe(false);
    pass(1000);
  }
  expect(new Set(stepped)).toEqual(new Set(["a"]));
});

test("one that stands still is followed after five seconds, and does nothing when it wakes up", async () => {
  const { node, stepped, pass } = world();
  const [a, b] = [node("a"), node("b")];
  await a.step();
  pass(4999);
  await b.step();
  expect(stepped).toEqual(["a"]);
  pass(1);
  await b.step();
  await a.step();
  expect(stepped).toEqual(["a", "b"]);
});

test("one that stops is followed at once", async () => {
  const { node, stepped } = world();
  const [a, b] = [node("a"), node("b")];
  await a.step();
  await a.release();
  await b.step();
  expect(stepped).toEqual(["a", "b"]);
});

test("steps in quick succession ask for the lease once", async () => {
  const { node, stepped, asked } = world();
  const a = node("a");
  for (let times = 0; times < 50; times += 1) await a.step();
  expect([stepped.length, asked.length]).toEqual([50, 1]);
});

test("while the database is away nobody steps", async () => {
  const { leases, node, stepped } = world();
  const away = { ...leases, hold: async () => err({ code: "storage_unavailable", detail: "" } as const) };
  expect(await node("a", away).step()).toBe(false);
  expect(stepped).toEqual([]);
});
