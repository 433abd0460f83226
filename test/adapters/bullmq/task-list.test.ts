import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { bullmqTaskList, type TaskList } from "../../../src/adapters/bullmq/task-list.ts";
import { type BullmqTasks, bullmqTasks } from "../../../src/adapters/bullmq/tasks.ts";
import { invariant } from "../../../src/core/result.ts";
import { WORK_KINDS, type WorkDone } from "../../../src/core/work/work.ts";
import { START } from "../../support/cinema.ts";
import { freePort } from "../../support/free-port.ts";
import { dropKeys, freshPrefix, hasRedis, REDIS } from "../../support/own-redis.ts";
import { until } from "../../support/until.ts";

const ROW = { kind: "send_refund", subject: "rfd_1", stream: "invoice/x", accountId: null, dueAt: START };
const ID = `send_refund.rfd_1.${START}`;

test("without Redis the list says so", async () => {
  const list = bullmqTaskList({ url: `redis://127.0.0.1:${freePort()}` }, WORK_KINDS);
  expect(await list.counts()).toMatchObject({ ok: false, error: { code: "tasks_unavailable" } });
  expect(await list.tasks(10)).toMatchObject({ ok: false, error: { code: "tasks_unavailable" } });
  expect(await list.retry(ID)).toMatchObject({ ok: false, error: { code: "tasks_unavailable" } });
  await list.close();
});

describe.skipIf(!hasRedis)("The list of tasks", () => {
  const opened: { close(): Promise<void> }[] = [];
  const open = (): { readonly tasks: BullmqTasks; readonly list: TaskList } => {
    const prefix = freshPrefix();
    const tasks = bullmqTasks({ url: REDIS, prefix, onError: () => undefined });
    const list = bullmqTaskList({ url: REDIS, prefix }, WORK_KINDS);
    opened.push(tasks, list);
    return { tasks, list };
  };
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });
  afterAll(dropKeys);

  const countsOf = async (list: TaskList, kind: string) => {
    const counts = await list.counts();
    invariant(counts.ok, "Redis is there");
    expect(counts.value.map((one) => one.kind)).toEqual([...WORK_KINDS]);
    return counts.value.find((one) => one.kind === kind);
  };

  test("tells of what runs, what waits and what is put off, and until when", async () => {
    const { tasks, list } = open();
    let isLetGo = false;
    await tasks.add([1, 2, 3, 4, 5, 6].map((n) => ({ ...ROW, subject: `rfd_${n}` })));
    await tasks.work(["send_refund"], async ({ subject }): Promise<WorkDone> => {
      if (subject === "rfd_1") return { status: "later", afterMs: 60_000, because: "the gateway is away" };
      if (subject === "rfd_2") throw new Error("the worker is broken");
      await until("it may go on", () => isLetGo);
      return { status: "done" };
    });
    await until("all are taken", async () => {
      const { active, delayed } = (await countsOf(list, "send_refund")) ?? {};
      return active === 4 && delayed === 2;
    });
    expect(await countsOf(list, "send_refund")).toEqual({ kind: "send_refund", active: 4, waiting: 0, delayed: 2 });
    await tasks.add([{ ...ROW, subject: "rfd_7" }]);
    const listed = await list.tasks(10);
    isLetGo = true;
    invariant(listed.ok, "Redis is there");
    expect(listed.value.map(({ state }) => state)).toEqual([
      ...Array.from({ length: 4 }, () => "active" as const),
      "waiting",
      "delayed",
      "delayed",
    ]);
    const [broken, putOff] = listed.value.slice(-2);
    expect(broken).toMatchObject({ row: { subject: "rfd_2" }, throws: 1 });
    expect(putOff).toMatchObject({ id: ID, row: ROW, throws: 0 });
    const leftMs = (putOff?.runsAt ?? 0) - Date.now();
    expect(leftMs).toBeGreaterThan(50_000);
    expect(leftMs).toBeLessThanOrEqual(60_000);
    await until("the others are done", async () => (await countsOf(list, "send_refund"))?.active === 0);
  });

  test.each([
    ["one that is put off", { status: "later", afterMs: 60_000, because: "the gateway is away" } as const],
    ["one that was done and came back", { status: "done" } as const],
  ])("%s is taken at once on request", async (_, done) => {
    const { tasks, list } = open();
    let worked = 0;
    await tasks.work(["send_refund"], async () => {
      worked += 1;
      return done;
    });
    await until("it is put off", async () => {
      await tasks.add([ROW]);
      return (await countsOf(list, "send_refund"))?.delayed === 1;
    });
    const before = worked;
    expect(await list.retry(ID)).toEqual({ ok: true, value: null });
    await until("it is worked on", () => worked > before);
  });

  test("what is not put off is not taken twice", async () => {
    const { tasks, list } = open();
    await tasks.add([ROW]);
    for (const id of [ID, "send_refund.rfd_9.1", "no_such_kind.rfd_1.1", ""]) {
      expect(await list.retry(id)).toEqual({ ok: false, error: { code: "task_not_put_off" } });
    }
  });
});
