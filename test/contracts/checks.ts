import { describe, expect, test } from "bun:test";
import type { TransactionId } from "../../src/core/ids.ts";
import type { CallbackEntry } from "../../src/core/ports/intake.ts";
import { type Instant, MINUTE_MS, plusMs } from "../../src/core/time.ts";
import { answered, GATEWAY } from "../support/cinema.ts";
import { hour, newAttempt, newCommand, newTransaction } from "../support/commits.ts";
import { type Open, type Subject, shared } from "./subject.ts";

const checkOf = (over: Partial<CallbackEntry> = {}): CallbackEntry => ({
  id: newCommand(),
  kind: "callback",
  fingerprint: "asked",
  body: '{"type":"payment.check"}',
  accountId: null,
  attemptId: newAttempt(),
  gatewayAccount: GATEWAY,
  transactionId: newTransaction(),
  requestId: null,
  sender: null,
  receivedAt: hour(1),
  ...over,
});
const SINCE = plusMs(hour(1), -15 * MINUTE_MS);
const check = async ({ store }: Subject, entry: CallbackEntry, since: Instant = SINCE) =>
  answered(await store.intake.acceptCheck(entry, since));

/** Of `src/core/ports/intake.ts`: which of several payers is let through, and rows by their names. */
export const checksContract = (name: string, open: Open): void =>
  describe(`Checks: ${name}`, () => {
    const subject = shared(open);

    test("the first is let through and is there to be done, another transaction is not and leaves nothing", async () => {
      const first = checkOf();
      const second = checkOf({ attemptId: first.attemptId });
      expect(await check(subject, first)).toBe("accepted");
      expect(await check(subject, second)).toBe("another");
      expect(answered(await subject.store.intake.entry(first.id))).toEqual(first);
      expect(answered(await subject.store.intake.entry(second.id))).toBeNull();
    });

    test("the same check again is let through again, and changes nothing", async () => {
      const first = checkOf();
      await check(subject, first);
      expect(await check(subject, { ...first, body: "{}" })).toBe("accepted");
      expect(answered(await subject.store.intake.entry(first.id))).toEqual(first);
    });

    test("the same transaction may ask under another id, and another attempt at any time", async () => {
      const first = checkOf();
      await check(subject, first);
      const { attemptId, transactionId } = first;
      expect(await check(subject, checkOf({ attemptId, transactionId }))).toBe("accepted");
      expect(await check(subject, checkOf())).toBe("accepted");
    });

    test("what was told before `since` holds nobody back", async () => {
      const first = checkOf();
      await check(subject, first);
      const next = checkOf({ attemptId: first.attemptId });
      expect(await check(subject, next, hour(1))).toBe("another");
      expect(await check(subject, next, plusMs(hour(1), 1))).toBe("accepted");
    });

    test("a payment of the same attempt that was told of holds it back as well", async () => {
      const paid = checkOf({ body: '{"type":"payment.succeed"}' });
      answered(await subject.store.intake.accept(paid));
      expect(await check(subject, checkOf({ attemptId: paid.attemptId }))).toBe("another");
    });

    test("of a hundred at once exactly one is let through", async () => {
      const { attemptId } = checkOf();
      const asked = Array.from({ length: 100 }, (_, i) =>
        checkOf({ attemptId, transactionId: `race${i}-${attemptId.slice(4)}` as TransactionId }),
      );
      const answers = await Promise.all(asked.map((one) => check(subject, one)));
      expect(answers.filter((answer) => answer === "accepted")).toHaveLength(1);
    });

    test("rows are taken by name when they are to be done: not waiting, not suspended, oldest first", async () => {
      const { intake } = subject.store;
      const [old, young, waits, suspended] = [hour(2), hour(3), hour(2), hour(2)].map((receivedAt) =>
        checkOf({ receivedAt }),
      ) as [CallbackEntry, CallbackEntry, CallbackEntry, CallbackEntry];
      for (const one of [young, old, waits, suspended]) await intake.accept(one);
      await intake.wait(waits.id, hour(5));
      await intake.suspend(suspended.id, hour(3), "a reason");
      const ids = [young.id, old.id, waits.id, suspended.id, newCommand()];
      const toDo = async (at: Instant) => answered(await intake.toDo(ids, at)).map(({ id }) => id);
      expect(await toDo(hour(4))).toEqual([old.id, young.id]);
      expect((await toDo(hour(5))).sort()).toEqual([old.id, young.id, waits.id].sort());
    });
  });
