import { describe, expect, test } from "bun:test";
import type { DueKind, RowOf } from "../../src/core/billing/read-model.ts";
import type { Tasks } from "../../src/core/ports/tasks.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { putOffMs, retryAfterMs } from "../../src/core/work/retries.ts";
import type { WorkDone } from "../../src/core/work/work.ts";
import { START } from "../support/cinema.ts";
import { until } from "../support/until.ts";

type Row = RowOf<"due">;
/** A row of due work, of which the test says no more than it is about. */
export const dueRow = (subject: string, kind: DueKind = "send_refund"): Row => ({
  kind,
  subject,
  stream: "invoice/x",
  accountId: null,
  dueAt: START,
});
const DONE: WorkDone = { status: "done" };

/**
 * What `src/core/ports/tasks.ts` promises, asked of one adapter.
 * @param open `pass` waits until nothing is left to be worked on at once, and lets the adapter's time go on
 */
export const tasksContract = (
  name: string,
  open: () => Promise<{ readonly tasks: Tasks; readonly pass: (ms: number) => Promise<void> }>,
): void =>
  describe(`Tasks: ${name}`, () => {
    test("each row is worked on by the worker of its kind", async () => {
      const { tasks } = await open();
      const worked: string[] = [];
      const doing = [
        await tasks.work(["send_refund"], async ({ subject }) => {
          worked.push(`refund ${subject}`);
          return DONE;
        }),
        await tasks.work(["end_offer", "expire_invoice"], async ({ kind, subject }) => {
          worked.push(`${kind} ${subject}`);
          return DONE;
        }),
      ];
      await tasks.add([dueRow("a"), dueRow("b", "end_offer"), dueRow("c", "expire_invoice")]);
      await until("it is worked on", () => worked.length === 3);
      expect(worked.sort()).toEqual(["end_offer b", "expire_invoice c", "refund a"]);
      for (const one of doing) await one.stop();
    });

    test("the same row again while it waits or runs is not worked on twice", async () => {
      const { tasks } = await open();
      let worked = 0;
      let isLetGo = false;
      await tasks.add([dueRow("a"), dueRow("a")]);
      await tasks.add([dueRow("a")]);
      const doing = await tasks.work(["send_refund"], async () => {
        worked += 1;
        await until("it may go on", () => isLetGo);
        return DONE;
      });
      await until("it is worked on", () => worked === 1);
      await tasks.add([dueRow("a")]);
      isLetGo = true;
      await Bun.sleep(40);
      await tasks.add([dueRow("a")]);
      await Bun.sleep(20);
      expect(worked).toBe(1);
      await doing.stop();
    });

    test("one that is done and added again and again is worked on ever more rarely", async () => {
      const { tasks, pass } = await open();
      let worked = 0;
      const doing = await tasks.work(["send_refund"], async () => {
        worked += 1;
        return DONE;
      });
      const addOften = async (): Promise<void> => {
        for (let n = 0; n < 10; n += 1) {
          await tasks.add([dueRow("a")]);
          await Bun.sleep(5);
        }
        await pass(0);
      };
      await addOften();
      await addOften();
      expect(worked).toBe(1);
      for (const times of [1, 2, 3]) {
        await pass(putOffMs(times) - 1000);
        await addOften();
        expect(worked).toBe(times);
        await pass(1000);
        await until("it is worked on again", async () => {
          await tasks.add([dueRow("a")]);
          return worked > times;
        });
        await addOften();
        expect(worked).toBe(times + 1);
      }
      await doing.stop();
    });

    test.each(["7", "a:b", "a.b/c d"])("a subject may be called %p", async (subject) => {
      const { tasks } = await open();
      const worked: Row[] = [];
      const doing = await tasks.work(["send_refund"], async (row) => {
        worked.push(row);
        return DONE;
      });
      const row = { ...dueRow(subject), accountId: "acc_1" };
      expect(await tasks.add([row])).toEqual({ ok: true, value: null });
      await until("it is worked on", () => worked.length > 0);
      expect(worked).toEqual([row]);
      await doing.stop();
    });

    test("the same subject due at another time is other work", async () => {
      const { tasks } = await open();
      let worked = 0;
      const doing = await tasks.work(["send_refund"], async () => {
        worked += 1;
        return DONE;
      });
      await tasks.add([dueRow("a"), { ...dueRow("a"), dueAt: (START + 1) as typeof START }]);
      await until("it is worked on", () => worked === 2);
      await doing.stop();
    });

    test("one that answers later is put off for as long as it says, then worked on again", async () => {
      const { tasks, pass } = await open();
      let worked = 0;
      const doing = await tasks.work(["send_refund"], async () => {
        worked += 1;
        return { status: "later", afterMs: 60_000, because: "the gateway is away" };
      });
      await tasks.add([dueRow("a")]);
      await until("it is worked on", () => worked === 1);
      await pass(59_000);
      await tasks.add([dueRow("a")]);
      await Bun.sleep(20);
      expect(worked).toBe(1);
      await pass(2000);
      await tasks.add([dueRow("a")]);
      await until("it is worked on", () => worked === 2);
      await doing.stop();
    });

    test("a worker that throws leaves its row to be tried again, and the others go on", async () => {
      const { tasks, pass } = await open();
      const worked: string[] = [];
      const doing = await tasks.work(["send_refund"], async ({ subject }) => {
        worked.push(subject);
        if (subject === "bad") throw new Error("the worker is broken");
        return DONE;
      });
      await tasks.add([dueRow("bad"), dueRow("good")]);
      await until("it is worked on", () => worked.length === 2);
      await pass(retryAfterMs("send_refund", 1) - 1000);
      await tasks.add([dueRow("bad")]);
      await Bun.sleep(20);
      expect(worked).toHaveLength(2);
      await pass(1000);
      await tasks.add([dueRow("bad")]);
      await until("it is worked on", () => worked.length === 3);
      expect(worked.filter((subject) => subject === "bad")).toHaveLength(2);
      await doing.stop();
    });

    test("a worker that throws for ever is asked for ever", async () => {
      const { tasks, pass } = await open();
      let worked = 0;
      const doing = await tasks.work(["send_refund"], async () => {
        worked += 1;
        throw new Error("the worker is broken");
      });
      for (let n = 1; n <= 8; n += 1) {
        await tasks.add([dueRow("a")]);
        await until("it is worked on", () => worked === n);
        await pass(HOUR_MS);
      }
      await doing.stop();
    });

    test("many rows are all worked on", async () => {
      const { tasks } = await open();
      const worked = new Set<string>();
      const doing = await tasks.work(["send_refund"], async ({ subject }) => {
        worked.add(subject);
        return DONE;
      });
      await tasks.add(Array.from({ length: 1000 }, (_, i) => dueRow(`s${i}`)));
      await until("it is worked on", () => worked.size === 1000);
      await doing.stop();
    });

    test("stopping waits for what is being worked on, and takes nothing new", async () => {
      const { tasks } = await open();
      const worked: string[] = [];
      let begun = false;
      const doing = await tasks.work(["send_refund"], async ({ subject }) => {
        begun = true;
        await Bun.sleep(20);
        worked.push(subject);
        return DONE;
      });
      await tasks.add([dueRow("a")]);
      await until("it is worked on", () => begun);
      await doing.stop();
      expect(worked).toEqual(["a"]);
      await tasks.add([dueRow("b")]);
      await Bun.sleep(20);
      expect(worked).toEqual(["a"]);
    });

    test("a scheduled step is done at once, then again and again, also when it throws", async () => {
      const { tasks } = await open();
      let done = 0;
      const doing = await tasks.schedule("step", 20, async () => {
        done += 1;
        if (done === 2) throw new Error("the step is broken");
      });
      await until("it is done", () => done >= 4);
      await doing.stop();
    });

    test("a scheduled step waits for its time, and for itself", async () => {
      const { tasks } = await open();
      let [begun, atOnce, most] = [0, 0, 0];
      const slow = await tasks.schedule("slow", 10, async () => {
        begun += 1;
        atOnce += 1;
        most = Math.max(most, atOnce);
        await Bun.sleep(30);
        atOnce -= 1;
      });
      let seldom = 0;
      const rare = await tasks.schedule("rare", HOUR_MS, async () => {
        seldom += 1;
      });
      await until("it is done", () => begun >= 4 && seldom > 0);
      expect({ most, seldom }).toEqual({ most: 1, seldom: 1 });
      for (const one of [slow, rare]) await one.stop();
    });

    test("stopping a schedule waits for the step, and begins no other", async () => {
      const { tasks } = await open();
      let [begun, ended] = [0, 0];
      const doing = await tasks.schedule("step", 10, async () => {
        begun += 1;
        await Bun.sleep(20);
        ended += 1;
      });
      await until("it is begun", () => begun > 0);
      await doing.stop();
      const atTheEnd = begun;
      expect(ended).toBe(atTheEnd);
      await Bun.sleep(50);
      expect(begun).toBe(atTheEnd);
    });
  });
