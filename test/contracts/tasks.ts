import { describe, expect, test } from "bun:test";
import type { DueKind, RowOf } from "../../src/core/billing/read-model.ts";
import type { Tasks } from "../../src/core/ports/tasks.ts";
import type { WorkDone } from "../../src/core/work/work.ts";
import { START } from "../support/cinema.ts";
import { until } from "../support/until.ts";

type Row = RowOf<"due">;
const due = (subject: string, kind: DueKind = "send_refund"): Row => ({
  kind,
  subject,
  stream: "invoice/x",
  accountId: null,
  dueAt: START,
});
const DONE: WorkDone = { status: "done" };

/**
 * What `src/core/ports/tasks.ts` promises, asked of one adapter.
 * @param open `pass` lets the adapter's time go on
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
      await tasks.add([due("a"), due("b", "end_offer"), due("c", "expire_invoice")]);
      await until("it is worked on", () => worked.length === 3);
      expect(worked.sort()).toEqual(["end_offer b", "expire_invoice c", "refund a"]);
      for (const one of doing) await one.stop();
    });

    test("the same row again while it waits or runs is not worked on twice", async () => {
      const { tasks } = await open();
      let worked = 0;
      await tasks.add([due("a"), due("a")]);
      await tasks.add([due("a")]);
      const doing = await tasks.work(["send_refund"], async () => {
        worked += 1;
        await Bun.sleep(20);
        return DONE;
      });
      await until("it is worked on", () => worked === 1);
      await tasks.add([due("a")]);
      await Bun.sleep(40);
      await tasks.add([due("a")]);
      await Bun.sleep(20);
      expect(worked).toBe(1);
      await doing.stop();
    });

    test("the same subject due at another time is other work", async () => {
      const { tasks } = await open();
      let worked = 0;
      const doing = await tasks.work(["send_refund"], async () => {
        worked += 1;
        return DONE;
      });
      await tasks.add([due("a"), { ...due("a"), dueAt: (START + 1) as typeof START }]);
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
      await tasks.add([due("a")]);
      await until("it is worked on", () => worked === 1);
      await pass(59_000);
      await tasks.add([due("a")]);
      await Bun.sleep(20);
      expect(worked).toBe(1);
      await pass(2000);
      await tasks.add([due("a")]);
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
      await tasks.add([due("bad"), due("good")]);
      await until("it is worked on", () => worked.length === 2);
      await pass(2000);
      await tasks.add([due("bad")]);
      await until("it is worked on", () => worked.length === 3);
      expect(worked.filter((subject) => subject === "bad")).toHaveLength(2);
      await doing.stop();
    });

    test("many rows are all worked on", async () => {
      const { tasks } = await open();
      const worked = new Set<string>();
      const doing = await tasks.work(["send_refund"], async ({ subject }) => {
        worked.add(subject);
        return DONE;
      });
      await tasks.add(Array.from({ length: 1000 }, (_, i) => due(`s${i}`)));
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
      await tasks.add([due("a")]);
      await until("it is worked on", () => begun);
      await doing.stop();
      expect(worked).toEqual(["a"]);
      await tasks.add([due("b")]);
      await Bun.sleep(20);
      expect(worked).toEqual(["a"]);
    });
  });
