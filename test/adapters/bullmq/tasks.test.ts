import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { comeBacks } from "../../../src/adapters/bullmq/come-backs.ts";
import { type BullmqTasks, bullmqTasks } from "../../../src/adapters/bullmq/tasks.ts";
import { LAPSE } from "../../../src/adapters/bullmq/workers.ts";
import { HOUR_MS } from "../../../src/core/time.ts";
import { putOffMs } from "../../../src/core/work/retries.ts";
import type { WorkDone } from "../../../src/core/work/work.ts";
import { dueRow } from "../../contracts/tasks.ts";
import { START } from "../../support/cinema.ts";
import { dropKeys, freshPrefix, hasRedis, REDIS } from "../../support/own-redis.ts";
import { until } from "../../support/until.ts";

const DONE: WorkDone = { status: "done" };

test("by default a dead worker's row is with another within 60 s", () => {
  expect(LAPSE.lockMs + 2 * LAPSE.checkMs).toBeLessThan(60_000);
});

test("what was done and came back is put off ever longer, and counts as new when it has long not come back", () => {
  let now = 0;
  const cameBack = comeBacks(() => now);
  const putOff = [1, 2, 3, 4, 5, 6, 7].map(() => cameBack.putOffMs("a"));
  expect(putOff).toEqual([0, ...[2, 3, 4, 5, 6, 7].map(putOffMs)]);
  expect(cameBack.putOffMs("b")).toBe(0);
  now += 3 * HOUR_MS;
  expect(cameBack.putOffMs("a")).toBe(0);
});

test("what was just done is left alone for a moment, unless it has been left alone already", () => {
  let now = 0;
  const cameBack = comeBacks(() => now);
  expect(cameBack.restMs("a")).toBe(0);
  cameBack.putOffMs("a");
  expect(cameBack.restMs("a")).toBe(putOffMs(1));
  now += putOffMs(1) - 1;
  expect(cameBack.restMs("a")).toBe(1);
  cameBack.rested("a");
  expect(cameBack.restMs("a")).toBe(0);
  cameBack.rested("never seen");
  expect(cameBack.restMs("never seen")).toBe(0);
});

test("of very many rows those that have not come back for longest are forgotten", () => {
  const cameBack = comeBacks(() => 0);
  cameBack.putOffMs("first");
  cameBack.putOffMs("often");
  for (let n = 0; n < 20_000; n += 1) {
    cameBack.putOffMs(`row ${n}`);
    if (n % 1000 === 0) cameBack.putOffMs("often");
  }
  expect(cameBack.putOffMs("often")).toBeGreaterThan(0);
  expect(cameBack.putOffMs("first")).toBe(0);
});

describe.skipIf(!hasRedis)("On a shared Redis", () => {
  const opened: BullmqTasks[] = [];
  const open = (prefix: string, onError: (error: unknown) => void = () => undefined): BullmqTasks => {
    const tasks = bullmqTasks({ url: REDIS, prefix, onError });
    opened.push(tasks);
    return tasks;
  };
  afterEach(async () => {
    for (const tasks of opened.splice(0)) await tasks.close();
  });
  afterAll(dropKeys);

  test("of several processes that schedule a name, one does the step each time", async () => {
    const prefix = freshPrefix();
    const done: number[] = [];
    const everyMs = 100;
    for (const one of [0, 1, 2]) {
      await open(prefix).schedule("step", everyMs, async () => {
        done.push(one);
      });
    }
    const startedAt = performance.now();
    await until("many steps are done", () => done.length >= 12);
    // Were one of them done twice, all would be done in half the time.
    expect(performance.now() - startedAt).toBeGreaterThan(everyMs * 9);
  });

  test("a kind that nobody works on here waits for somebody who does", async () => {
    const prefix = freshPrefix();
    const [here, there] = [open(prefix), open(prefix)];
    await here.work(["send_refund"], async () => DONE);
    await here.add([dueRow("a"), dueRow("b", "end_offer")]);
    await Bun.sleep(50);
    const worked: string[] = [];
    await there.work(["end_offer"], async ({ subject }) => {
      worked.push(subject);
      return DONE;
    });
    await until("it is worked on", () => worked.length > 0);
    expect(worked).toEqual(["b"]);
  });

  test("one process works on four rows of a kind at once, and of every kind", async () => {
    const tasks = open(freshPrefix());
    const begun = { send_refund: 0, end_offer: 0 };
    let isLetGo = false;
    await tasks.work(["send_refund", "end_offer"], async ({ kind }) => {
      begun[kind as keyof typeof begun] += 1;
      await until("they may go on", () => isLetGo);
      return DONE;
    });
    await tasks.add([1, 2, 3, 4, 5, 6].flatMap((n) => [dueRow(`${n}`), dueRow(`${n}`, "end_offer")]));
    await until("they are begun", () => begun.send_refund + begun.end_offer >= 8);
    await Bun.sleep(50);
    expect(begun).toEqual({ send_refund: 4, end_offer: 4 });
    isLetGo = true;
  });

  test("a job holds the ids of its row, and nothing of what its worker threw", async () => {
    const prefix = freshPrefix();
    const told: unknown[] = [];
    const tasks = open(prefix, (error) => told.push(error));
    const broken = new Error("the card of anna@example.com");
    const redis = new Redis(REDIS);
    const key = `${prefix}:send_refund:send_refund.a.${START}`;
    await tasks.add([dueRow("a")]);
    expect(JSON.parse((await redis.hget(key, "data")) ?? "")).toEqual(dueRow("a"));
    await tasks.work(["send_refund"], async () => {
      throw broken;
    });
    await until("it is put off", async () => (await redis.zcard(`${prefix}:send_refund:delayed`)) === 1);
    const kept = await redis.hgetall(key);
    redis.disconnect();
    expect(JSON.stringify(kept)).not.toContain("anna");
    expect(told).toEqual([broken]);
  });

  test("what none of us has put into a queue is told of, and goes", async () => {
    const prefix = freshPrefix();
    const told: unknown[] = [];
    const tasks = open(prefix, (error) => told.push(error));
    const worked: string[] = [];
    await tasks.work(["send_refund"], async ({ subject }) => {
      worked.push(subject);
      return DONE;
    });
    const redis = new Redis(REDIS, { maxRetriesPerRequest: null });
    const queue = new Queue("send_refund", { connection: redis, prefix });
    await queue.add("odd", { kind: "send_refund" });
    await queue.add("odd", { ...dueRow("b"), dueAt: Number.MAX_SAFE_INTEGER });
    await tasks.add([dueRow("a")]);
    await until("all are taken", () => told.length > 1 && worked.length > 0);
    await until("nothing is left", async () => Object.values(await queue.getJobCounts()).every((count) => count === 0));
    await queue.close();
    redis.disconnect();
    expect(worked).toEqual(["a"]);
  });
});
