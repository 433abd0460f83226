import { describe, expect, test } from "bun:test";
import { invoiceStream, type StreamName } from "../../src/core/billing/stream.ts";
import type { CommandId } from "../../src/core/ids.ts";
import type { Bus } from "../../src/core/ports/bus.ts";
import type { Fact } from "../../src/core/ports/outbox.ts";
import { plusMs } from "../../src/core/time.ts";
import { accountNamed, commandNamed, START } from "../support/cinema.ts";
import { newInvoice, row } from "../support/commits.ts";
import { until } from "../support/until.ts";

export const factOf = (stream: StreamName, version: number): Fact => ({
  stream,
  version,
  event: { type: "InvoiceExpired", at: START },
  accountId: accountNamed("viewer"),
  causedBy: commandNamed("cause"),
  requestId: "req-1",
  recordedAt: START,
});
export const newStream = (): StreamName => invoiceStream(newInvoice());

/** What `src/core/ports/bus.ts` promises, asked of one adapter. */
export const busContract = (name: string, open: () => Promise<Bus & { readonly close?: () => Promise<void> }>): void =>
  describe(`Bus: ${name}`, () => {
    const on = async (story: (bus: Bus) => Promise<void>): Promise<void> => {
      const bus = await open();
      await story(bus);
      await bus.close?.();
    };

    test("facts reach every subscriber, of one stream in their order", () =>
      on(async (bus) => {
        const [x, y] = [newStream(), newStream()];
        const heard: [string, string, number][] = [];
        const listen = (who: string) =>
          bus.subscribe(async ({ stream, version }) => void heard.push([who, stream, version]));
        const [a, b] = [await listen("a"), await listen("b")];
        await bus.publish([1, 2, 3].flatMap((version) => [factOf(x, version), factOf(y, version)]));
        await until("it is heard", () => heard.length >= 12);
        for (const who of ["a", "b"]) {
          for (const stream of [x, y])
            expect(heard.filter(([by, of]) => by === who && of === stream).map(([, , version]) => version)).toEqual([
              1, 2, 3,
            ]);
        }
        await a.stop();
        await b.stop();
      }));

    test("many streams are published at once, and each stays in its order", () =>
      on(async (bus) => {
        const streams = Array.from({ length: 700 }, newStream);
        const heard = new Map<string, number[]>();
        let count = 0;
        await bus.subscribe(async ({ stream, version }) => {
          heard.set(stream, [...(heard.get(stream) ?? []), version]);
          count += 1;
        });
        // Of some one fact, of others up to four, all mixed.
        const facts = [1, 2, 3, 4].flatMap((version) =>
          streams.flatMap((stream, i) => (i % 4 < version - 1 ? [] : [factOf(stream, version)])),
        );
        expect((await bus.publish(facts)).ok).toBe(true);
        await until("all are heard", () => count >= facts.length);
        for (const [i, stream] of streams.entries())
          expect(heard.get(stream)).toEqual([1, 2, 3, 4].slice(0, (i % 4) + 1));
      }));

    test("nothing at all is published at once", () =>
      on(async (bus) => {
        expect(await bus.publish([])).toEqual({ ok: true, value: null });
      }));

    test("a fact is heard as it was published", () =>
      on(async (bus) => {
        const heard: Fact[] = [];
        const plain = factOf(newStream(), 1);
        const bare = { ...factOf(newStream(), 7), accountId: null, requestId: null };
        await bus.subscribe(async (fact) => void heard.push(fact));
        await bus.publish([plain]);
        await bus.publish([bare]);
        await until("both are heard", () => heard.length >= 2);
        expect(heard).toEqual([plain, bare]);
      }));

    test("a beat comes behind all that was published before it, and nothing was missed", () =>
      on(async (bus) => {
        const heard: string[] = [];
        const x = newStream();
        for (const who of ["a", "b"]) {
          await bus.subscribe(async ({ version }) => void heard.push(`${who} fact ${version}`), {
            beat: (at) => heard.push(`${who} beat ${at - START}`),
            gap: () => heard.push(`${who} gap`),
          });
        }
        for (const round of [1, 2]) {
          await bus.publish([factOf(x, round)]);
          expect((await bus.beat(plusMs(START, round))).ok).toBe(true);
        }
        await until("it is heard", () => heard.length >= 8);
        for (const who of ["a", "b"]) {
          const told = heard.filter((one) => one.startsWith(who));
          expect(told).toEqual([`${who} fact 1`, `${who} beat 1`, `${who} fact 2`, `${who} beat 2`]);
        }
      }));

    test("who has stopped hears nothing more", () =>
      on(async (bus) => {
        const heard: string[] = [];
        const x = newStream();
        const gone = await bus.subscribe(async () => void heard.push("gone"));
        const here = await bus.subscribe(async () => void heard.push("here"));
        await gone.stop();
        await bus.publish([factOf(x, 1)]);
        await until("it is heard", () => heard.length > 0);
        expect(heard).toEqual(["here"]);
        await here.stop();
      }));

    test("a subscriber that fails does not keep facts from the others", () =>
      on(async (bus) => {
        const x = newStream();
        const heard: number[] = [];
        await bus.subscribe(async () => {
          throw new Error("a subscriber is broken");
        });
        await bus.subscribe(async ({ version }) => void heard.push(version));
        expect((await bus.publish([factOf(x, 1), factOf(x, 2)])).ok).toBe(true);
        await until("it is heard", () => heard.length === 2);
      }));

    test("a ring is answered, also one from before anybody listened", () =>
      on(async (bus) => {
        const [early, late] = [commandNamed("early"), commandNamed("late")];
        const heard: CommandId[] = [];
        await bus.ring(early);
        const answering = await bus.answerRings(async (ids) => void heard.push(...ids));
        await until("it is heard", () => heard.includes(early));
        await bus.ring(late);
        await until("it is heard", () => heard.includes(late));
        await answering.stop();
      }));

    test("of two who answer, one hears of each ring", () =>
      on(async (bus) => {
        const heard: CommandId[] = [];
        const listen = () => bus.answerRings(async (ids) => void heard.push(...ids));
        const both = [await listen(), await listen()];
        const ids = Array.from({ length: 100 }, (_, i) => commandNamed(`r${i}`));
        await Promise.all(ids.map((id) => bus.ring(id)));
        await until("it is heard", () => heard.length >= 100);
        expect([...heard].sort()).toEqual([...ids].sort());
        for (const one of both) await one.stop();
      }));

    test("rings that come while others are answered are not forgotten", () =>
      on(async (bus) => {
        const heard: CommandId[] = [];
        const answering = await bus.answerRings(async (ids) => {
          await Bun.sleep(1);
          heard.push(...ids);
        });
        for (let i = 0; i < 50; i += 1) {
          await bus.ring(commandNamed(`r${i}`));
          if (i % 7 === 0) await Bun.sleep(1);
        }
        await until("it is heard", () => heard.length >= 50);
        expect(new Set(heard).size).toBe(50);
        await answering.stop();
      }));

    test("stopping waits for what is being handled", () =>
      on(async (bus) => {
        let ended = false;
        let begun = false;
        const answering = await bus.answerRings(async () => {
          begun = true;
          await Bun.sleep(20);
          ended = true;
        });
        await bus.ring(commandNamed("slow"));
        await until("it is heard", () => begun);
        await answering.stop();
        expect(ended).toBe(true);
      }));

    test("of two who take hints, one gets each, as it was given", () =>
      on(async (bus) => {
        const heard: unknown[] = [];
        const both = [];
        for (let i = 0; i < 2; i += 1) both.push(await bus.takeHints(async (rows) => void heard.push(...rows)));
        const hints = Array.from({ length: 20 }, () => row("due").row);
        for (const hint of hints) expect((await bus.hint([hint])).ok).toBe(true);
        await until("all are heard", () => heard.length >= hints.length);
        expect(heard).toHaveLength(hints.length);
        expect(new Set(heard.map((one) => JSON.stringify(one)))).toEqual(
          new Set(hints.map((one) => JSON.stringify(one))),
        );
        for (const one of both) await one.stop();
        expect((await bus.hint(hints)).ok).toBe(true);
      }));

    test("an outcome reaches all who wait for it, and nobody else", () =>
      on(async (bus) => {
        const outcome = { ok: true, value: { invoiceId: "inv" } } as const;
        const waiting = [commandNamed("a"), commandNamed("a"), commandNamed("b")].map((id) =>
          bus.awaitOutcome(id, 200),
        );
        await bus.tellOutcome(commandNamed("a"), outcome);
        expect(await Promise.all(waiting)).toEqual([outcome, outcome, null]);
      }));

    test("who waits too long is told so", () =>
      on(async (bus) => {
        expect(await bus.awaitOutcome(commandNamed("never"), 10)).toBeNull();
        expect((await bus.tellOutcome(commandNamed("never"), { ok: true, value: {} })).ok).toBe(true);
      }));
  });
