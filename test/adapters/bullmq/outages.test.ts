import { afterEach, describe, expect, test } from "bun:test";
import { type BullmqTasks, bullmqTasks } from "../../../src/adapters/bullmq/tasks.ts";
import type { RowOf } from "../../../src/core/billing/read-model.ts";
import type { WorkDone } from "../../../src/core/work/work.ts";
import { START } from "../../support/cinema.ts";
import { freePort } from "../../support/free-port.ts";
import { hasOwnRedis, type OwnRedis, ownRedis } from "../../support/own-redis.ts";
import { until } from "../../support/until.ts";

/** Servers are started and stand still for a while, on a machine that is busy. */
const SLOW_MS = 90_000;
const ANSWER_MS = 2000;
const CLOSED_MS = 3000;

const due = (subject: string): RowOf<"due"> => ({
  kind: "send_refund",
  subject,
  stream: "invoice/x",
  accountId: null,
  dueAt: START,
});
const DONE: WorkDone = { status: "done" };
const AWAY = { ok: false, error: { code: "tasks_unavailable" } } as const;

const took = async (act: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
};

describe.skipIf(!hasOwnRedis)("When Redis fails", () => {
  const servers: OwnRedis[] = [];
  const opened: BullmqTasks[] = [];
  const children: Bun.Subprocess[] = [];
  const server = async (): Promise<OwnRedis> => {
    const own = await ownRedis();
    servers.push(own);
    return own;
  };
  const open = (url: string, told: unknown[] = []): BullmqTasks => {
    const tasks = bullmqTasks({ url, lapse: { lockMs: 1000, checkMs: 500 }, onError: (error) => told.push(error) });
    opened.push(tasks);
    return tasks;
  };
  /** Works on all rows, and notes their subjects. */
  const working = async (tasks: BullmqTasks): Promise<string[]> => {
    const worked: string[] = [];
    await tasks.work(["send_refund"], async ({ subject }) => {
      worked.push(subject);
      return DONE;
    });
    return worked;
  };
  /** As a sweep does, which finds the row due again and again. */
  const sweepUntilWorked = (tasks: BullmqTasks, worked: readonly string[], subject: string): Promise<void> =>
    until(
      `${subject} is worked on`,
      async () => {
        await tasks.add([due(subject)]);
        return worked.includes(subject);
      },
      20_000,
    );
  afterEach(async () => {
    for (const tasks of opened.splice(0)) await tasks.close();
    for (const child of children.splice(0)) child.kill("SIGKILL");
    for (const own of servers.splice(0)) await own.destroy();
  }, SLOW_MS);

  test(
    "a flush under running and waiting jobs loses only speed",
    async () => {
      const redis = await server();
      const tasks = open(redis.url);
      const [worked, ticks]: [string[], number[]] = [[], []];
      let isLetGo = false;
      await tasks.work(["send_refund"], async ({ subject }) => {
        await until("it may go on", () => isLetGo);
        worked.push(subject);
        return subject === "later" ? { status: "later", afterMs: 10, because: "the gateway is away" } : DONE;
      });
      await tasks.schedule("tick", 100, async () => void ticks.push(performance.now()));
      await tasks.add(["later", "a", "b", "c", "d", "e"].map(due));
      await until("it ticks", () => ticks.length > 2);
      await redis.flush();
      const flushedAt = performance.now();
      isLetGo = true;
      for (const subject of ["later", "a", "d", "e", "f"]) await sweepUntilWorked(tasks, worked, subject);
      await until("it ticks again", () => ticks.filter((at) => at > flushedAt + 1000).length > 2, 15_000);
    },
    SLOW_MS,
  );

  test(
    "a server that is killed and comes back empty is worked with again, by itself",
    async () => {
      const redis = await server();
      const told: unknown[] = [];
      const tasks = open(redis.url, told);
      const worked = await working(tasks);
      let ticks = 0;
      await tasks.schedule("tick", 100, async () => {
        ticks += 1;
      });
      await sweepUntilWorked(tasks, worked, "a");
      await redis.kill();
      expect(await took(async () => expect(await tasks.add([due("b")])).toMatchObject(AWAY))).toBeLessThan(ANSWER_MS);
      expect(await tasks.ready()).toBe(false);
      // Connections try in vain for a while.
      await Bun.sleep(1500);
      expect(told.length).toBeLessThan(10);
      await redis.start();
      await until("it is ready", tasks.ready);
      await sweepUntilWorked(tasks, worked, "b");
      const before = ticks;
      await until("it ticks again", () => ticks > before + 2, 15_000);
    },
    SLOW_MS,
  );

  test(
    "a server that hangs for 10 s refuses what is asked meanwhile, and then goes on",
    async () => {
      const redis = await server();
      const tasks = open(redis.url);
      const worked = await working(tasks);
      await sweepUntilWorked(tasks, worked, "a");
      redis.freeze();
      const frozenAt = performance.now();
      while (performance.now() < frozenAt + 10_000) {
        expect(await took(async () => expect(await tasks.add([due("b")])).toMatchObject(AWAY))).toBeLessThan(ANSWER_MS);
        await Bun.sleep(100);
      }
      expect(await tasks.ready()).toBe(false);
      redis.thaw();
      await until("it is ready", tasks.ready);
      await sweepUntilWorked(tasks, worked, "c");
    },
    SLOW_MS,
  );

  test(
    "workers that are begun before Redis is there work once it is",
    async () => {
      const redis = await server();
      await redis.kill();
      const tasks = open(redis.url);
      const worked = await working(tasks);
      expect(await took(async () => expect(await tasks.add([due("a")])).toMatchObject(AWAY))).toBeLessThan(ANSWER_MS);
      await redis.start();
      await sweepUntilWorked(tasks, worked, "a");
    },
    SLOW_MS,
  );

  test.each([
    ["is killed", (redis: OwnRedis) => redis.kill()],
    ["hangs", async (redis: OwnRedis) => redis.freeze()],
    ["is there", async () => undefined],
  ])(
    "closing waits for what is being worked on and then ends, also when Redis %s",
    async (_, fail) => {
      const redis = await server();
      const tasks = open(redis.url);
      const ended: string[] = [];
      let begun = 0;
      await tasks.work(["send_refund", "end_offer"], async ({ subject }) => {
        begun += 1;
        await Bun.sleep(500);
        ended.push(subject);
        if (subject === "a") return { status: "later", afterMs: 10, because: "the gateway is away" };
        if (subject === "b") throw new Error("the worker is broken");
        return DONE;
      });
      await tasks.schedule("tick", 50, async () => undefined);
      await tasks.add(["a", "b", "c"].map(due));
      await until("all are begun", () => begun === 3);
      await fail(redis);
      expect(await took(() => tasks.close())).toBeLessThan(CLOSED_MS);
      expect(ended.sort()).toEqual(["a", "b", "c"]);
    },
    SLOW_MS,
  );

  test("what never found its Redis is closed as well", async () => {
    const tasks = open(`redis://127.0.0.1:${freePort()}`);
    const worked = await working(tasks);
    await tasks.schedule("tick", 50, async () => undefined);
    expect(await took(() => tasks.close())).toBeLessThan(CLOSED_MS);
    expect(worked).toEqual([]);
  });

  /** Its output so far, and its end. */
  const workerProcess = (url: string, mode = "") => {
    const program = new URL("worker-process.ts", import.meta.url).pathname;
    const child = Bun.spawn([process.execPath, program, url, "matinee", mode], { stdout: "pipe", stderr: "inherit" });
    children.push(child);
    let said = "";
    const listening = (async () => {
      for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) said += chunk;
    })();
    return {
      child,
      listening,
      hasSaid: (words: string) => said.includes(words),
      ticks: () => said.split("ticks").length,
    };
  };

  test(
    "the row of a worker that was killed is worked on by another",
    async () => {
      const redis = await server();
      const dying = workerProcess(redis.url, "hangs");
      const tasks = open(redis.url);
      await until("it works", () => dying.hasSaid("works"));
      await tasks.add([due("a")]);
      await until("it has begun", () => dying.hasSaid("begins a"));
      const worked = await working(tasks);
      // It lives, and keeps its row however long it takes.
      await Bun.sleep(2500);
      expect(worked).toEqual([]);
      dying.child.kill("SIGKILL");
      const killedAt = performance.now();
      await until("another has it", () => worked.length > 0);
      expect(worked).toEqual(["a"]);
      // The lock, two looks, and what a busy machine takes.
      expect(performance.now() - killedAt).toBeLessThan(5000);
    },
    SLOW_MS,
  );

  test(
    "however often workers die of a row, it is not lost",
    async () => {
      const redis = await server();
      const tasks = open(redis.url);
      await tasks.add([due("a")]);
      for (let n = 0; n < 3; n += 1) {
        const dying = workerProcess(redis.url, "hangs");
        await until("it has begun", () => dying.hasSaid("begins a"));
        dying.child.kill("SIGKILL");
        await dying.child.exited;
      }
      const worked = await working(tasks);
      await until("it is worked on", () => worked.length > 0);
    },
    SLOW_MS,
  );

  test(
    "a process outlives its Redis, and ends when it is told to",
    async () => {
      const redis = await server();
      const { child, listening, ticks, hasSaid } = workerProcess(redis.url);
      await until("it ticks", () => hasSaid("ticks"));
      await redis.kill();
      await Bun.sleep(1000);
      await redis.start();
      const before = ticks();
      await until("it ticks again", () => ticks() > before + 2, 15_000);
      redis.freeze();
      await Bun.sleep(1000);
      await redis.kill();
      const endedAfterMs = await took(async () => {
        child.kill("SIGTERM");
        await child.exited;
      });
      await listening;
      expect(child.exitCode).toBe(0);
      expect(endedAfterMs).toBeLessThan(CLOSED_MS);
    },
    SLOW_MS,
  );
});
