import { describe, expect, test } from "bun:test";
import { openMemory } from "../../../src/adapters/memory/store.ts";
import { intakeBodies } from "../../../src/adapters/wire/intake-bodies.ts";
import type { Billing } from "../../../src/core/billing/billing.ts";
import type { CommandId } from "../../../src/core/ids.ts";
import type { Report } from "../../../src/core/ports/reports.ts";
import type { Outcome } from "../../../src/core/ports/storage.ts";
import { Bug, err, ok } from "../../../src/core/result.ts";
import { type Instant, plusMs, SECOND_MS } from "../../../src/core/time.ts";
import { type CommandDone, updater } from "../../../src/core/work/updater.ts";
import { accountNamed, answered, commandNamed, payer, START } from "../../support/cinema.ts";

const DONE: Outcome = { ok: true, value: {} };
const REFUSED: Outcome = { ok: false, refusal: { code: "not_found", facts: {} } };

/** The State Updater over a billing that does what the test says. Rows are commands of anna's, named in their order. */
const openUpdater = (execute: (ids: readonly CommandId[]) => Awaited<ReturnType<Billing["executeAll"]>>) => {
  let at: Instant = START;
  const store = openMemory();
  const told: CommandId[] = [];
  const batches: number[] = [];
  const reports: Report[] = [];
  const logged: CommandDone[] = [];
  const billing: Billing = {
    executeAll: async (received) => {
      batches.push(received.length);
      return execute(received.map(({ id }) => id));
    },
    execute: async () => ({ status: "done", outcome: DONE, repeated: false }),
  };
  const updating = updater({
    billing,
    intake: store.intake,
    bus: {
      tellOutcome: async (id) => {
        told.push(id);
        return ok(null);
      },
    },
    bodies: intakeBodies,
    reports: (report) => void reports.push(report),
    now: () => at,
    onCommitted: () => undefined,
    onServed: () => undefined,
    log: (done) => void logged.push(done),
  });
  return {
    store,
    updating,
    told,
    batches,
    reports,
    logged,
    wait: (ms: number) => {
      at = plusMs(at, ms);
    },
    accepts: async (name: string, body?: string) => {
      const accountId = accountNamed("anna");
      const command = { type: "consent.withdraw", accountId } as const;
      await store.intake.accept({
        id: commandNamed(name),
        kind: "command",
        fingerprint: name,
        body: body ?? intakeBodies.print({ actor: payer(accountId), command }).body,
        accountId,
        attemptId: null,
        gatewayAccount: null,
        transactionId: null,
        requestId: `request of ${name}`,
        sender: null,
        receivedAt: at,
      });
    },
    suspended: async () => answered(await store.intake.suspended(100)).map(({ id, reason }) => [id, reason]),
  };
};
const allDone = (ids: readonly CommandId[]) =>
  ids.map(() => ({ status: "done", outcome: DONE, repeated: false }) as const);

describe("The State Updater", () => {
  test("takes what waits in batches, and says when there may be more", async () => {
    const { updating, accepts, batches } = openUpdater(allDone);
    for (let i = 0; i < 70; i += 1) await accepts(`c${i}`);
    expect(await updating.sweep()).toBe(true);
    expect(batches).toEqual([32]);
  });

  test("takes rows that were named, and tells who waits for them", async () => {
    const { updating, accepts, told } = openUpdater(allDone);
    for (const name of ["a", "b", "c"]) await accepts(name);
    await updating.take([commandNamed("a"), commandNamed("c"), commandNamed("unknown")]);
    expect(told.sort()).toEqual([commandNamed("a"), commandNamed("c")].sort());
  });

  test("tells the log what became of each command, with the name of the request that brought it", async () => {
    const { updating, accepts, logged } = openUpdater((ids) =>
      ids.map((id) => ({
        status: "done" as const,
        outcome: id === commandNamed("b") ? REFUSED : DONE,
        repeated: false,
      })),
    );
    for (const name of ["a", "b"]) await accepts(name);
    await updating.sweep();
    const command = "consent.withdraw";
    expect(new Set(logged)).toEqual(
      new Set([
        { id: commandNamed("a"), command, refusal: null, requestId: "request of a" },
        { id: commandNamed("b"), command, refusal: "not_found", requestId: "request of b" },
      ]),
    );
  });

  test("leaves what the database did not take, and does not run in circles about it", async () => {
    const { updating, accepts, told } = openUpdater((ids) =>
      ids.map(() => ({ status: "failed", fault: { code: "storage_unavailable", detail: "" } }) as const),
    );
    for (let i = 0; i < 64; i += 1) await accepts(`c${i}`);
    expect(await updating.sweep()).toBe(false);
    expect(told).toEqual([]);
  });

  test("when our own code breaks on one of a batch the others go on; that one is tried five times and left to a person", async () => {
    const poison = commandNamed("b");
    const { updating, accepts, told, wait, suspended, reports } = openUpdater((ids) => {
      if (ids.includes(poison)) throw new Bug("a promise is broken");
      return allDone(ids);
    });
    for (const name of ["a", "b", "c"]) await accepts(name);
    await updating.sweep();
    expect(told.sort()).toEqual([commandNamed("a"), commandNamed("c")].sort());
    for (let i = 0; i < 4; i += 1) {
      expect(await suspended()).toEqual([]);
      wait(SECOND_MS * 2 ** (i + 1));
      await updating.sweep();
    }
    expect(await suspended()).toEqual([[poison, "Bug: a promise is broken"]]);
    expect(reports).toHaveLength(5);
    for (const { facts } of reports) expect(facts["requestId"]).toBe("request of b");
  });

  test("a broken row is not tried again before its pause is over", async () => {
    const { updating, accepts, batches, wait } = openUpdater(() => {
      throw new Bug("a promise is broken");
    });
    await accepts("a");
    await updating.sweep();
    wait(SECOND_MS);
    await updating.sweep();
    expect(batches).toEqual([1]);
  });

  test.each([
    ["no JSON", "{", "malformed: / malformed_json"],
    [
      "another version's command",
      `{"actor":{"kind":"system"},"command":{"type":"invoice.sell"}}`,
      "malformed: /command/type unknown_value",
    ],
  ])("what cannot be read goes to a person at once: %s", async (_, body, reason) => {
    const { updating, accepts, suspended, reports } = openUpdater(allDone);
    await accepts("a", body);
    await accepts("b");
    await updating.sweep();
    expect(await suspended()).toEqual([[commandNamed("a"), reason]]);
    expect(reports).toHaveLength(1);
  });

  test("goes on with nothing when the intake does not answer", async () => {
    const { store } = openUpdater(allDone);
    const silent = { ...store.intake, due: async () => err({ code: "storage_unavailable", detail: "" } as const) };
    const updating = updater({
      billing: {
        executeAll: async () => [],
        execute: async () => ({ status: "done", outcome: DONE, repeated: false }),
      },
      intake: silent,
      bus: { tellOutcome: async () => ok(null) },
      bodies: intakeBodies,
      reports: () => undefined,
      now: () => START,
      onCommitted: () => undefined,
      onServed: () => undefined,
      log: () => undefined,
    });
    expect(await updating.sweep()).toBe(false);
  });
});
