import { describe, expect, test } from "bun:test";
import type { AttemptId, CommandId } from "../../src/core/ids.ts";
import type { Accepted, IntakeEntry } from "../../src/core/ports/intake.ts";
import type { VaultSecret } from "../../src/core/ports/vault.ts";
import { answered, GATEWAY, OTHER_GATEWAY } from "../support/cinema.ts";
import {
  accepted,
  appending,
  commitOf,
  hour,
  newAccount,
  newAttempt,
  newCard,
  newCommand,
  newStream,
  newTransaction,
  row,
} from "../support/commits.ts";
import { commitOne, given, neverDeadlocks, type Open, outcomeOf, type Subject, shared, wordFor } from "./subject.ts";

/** A callback of its own, received in the first hour. */
const entryOf = (over: Partial<IntakeEntry> = {}): IntakeEntry => ({
  id: newCommand(),
  kind: "callback",
  fingerprint: "asked",
  body: '{"type":"payment.succeed"}',
  accountId: null,
  attemptId: newAttempt(),
  gatewayAccount: GATEWAY,
  transactionId: newTransaction(),
  requestId: null,
  sender: null,
  receivedAt: hour(1),
  ...over,
});

/** What `src/core/ports/intake.ts` promises, asked of one adapter. */
export const intakeContract = (name: string, open: Open): void =>
  describe(`Intake: ${name}`, () => {
    const subject = shared(open);
    describe("accepting", () => accepting(subject));
    describe("secrets that come with a row", () => withSecrets(subject));
    describe("doing", () => doing(subject));
    describe("waiting", () => waiting(subject));
    describe("suspense", () => suspense(subject));
    describe("commands of other services", () => services(subject));
  });

const accept = async ({ store }: Subject, entry: IntakeEntry): Promise<Accepted> =>
  answered(await store.intake.accept(entry));
const dueAt = async ({ store }: Subject, at: IntakeEntry["receivedAt"]): Promise<readonly CommandId[]> =>
  answered(await store.intake.due(at, 10_000)).map(({ id }) => id);
const suspended = async ({ store }: Subject) => answered(await store.intake.suspended(10_000));
const done = (entry: Pick<IntakeEntry, "id">, outcome = accepted()) => commitOf({ id: entry.id, outcome });

const withSecrets = (subject: Subject): void => {
  const rawOf = (entry: IntakeEntry, secret = `raw of ${entry.id}`): VaultSecret => ({
    kind: "callback",
    name: entry.id,
    secret,
    keptAt: hour(1),
    expiresAt: null,
  });
  const cardOf = (secret: string): VaultSecret => ({
    kind: "card",
    name: newCard(),
    secret,
    keptAt: hour(1),
    expiresAt: null,
  });
  const opened = async ({ accountId }: IntakeEntry, { kind, name }: VaultSecret) =>
    answered(await subject.store.vault.open(accountId, kind, name));
  const acceptWith = async (entry: IntakeEntry, ...secrets: readonly VaultSecret[]) =>
    answered(await subject.store.intake.accept(entry, secrets));

  test("they are kept with the row, of an account and of nobody", async () => {
    for (const accountId of [newAccount(), null]) {
      for (const entry of [entryOf({ accountId }), entryOf({ accountId })]) {
        const [raw, card] = [rawOf(entry), cardOf("token-4242")];
        expect(await acceptWith(entry, raw, card)).toEqual({ status: "accepted" });
        expect([await opened(entry, raw), await opened(entry, card)]).toEqual([raw.secret, "token-4242"]);
      }
    }
  });

  test("they stand beside what the vault has kept by itself, and may replace it", async () => {
    const entry = entryOf({ accountId: newAccount() });
    const [card, other] = [cardOf("token-1"), cardOf("token-2")];
    for (const secret of [card, other]) answered(await subject.store.vault.keep(entry.accountId, secret));
    await acceptWith(entry, { ...card, secret: "token-3" });
    expect([await opened(entry, card), await opened(entry, other)]).toEqual(["token-3", "token-2"]);
    answered(await subject.store.vault.keep(entry.accountId, { ...card, secret: "token-4" }));
    expect(await opened(entry, card)).toBe("token-4");
  });

  test("a row that is known, with the same body or another, keeps what it has", async () => {
    const entry = entryOf({ accountId: newAccount() });
    const [first, late] = [rawOf(entry, "first"), cardOf("late")];
    await acceptWith(entry, first);
    for (const again of [entry, { ...entry, fingerprint: "other" }])
      expect((await acceptWith(again, rawOf(entry, "second"), late)).status).not.toBe("accepted");
    expect([await opened(entry, first), await opened(entry, late)]).toEqual(["first", null]);
  });

  test("of many callbacks of one new account at once none loses its secret", async () => {
    const accountId = newAccount();
    const entries = Array.from({ length: 20 }, () => entryOf({ accountId }));
    await Promise.all(entries.map((entry) => acceptWith(entry, rawOf(entry))));
    for (const entry of entries) expect(await opened(entry, rawOf(entry))).toBe(`raw of ${entry.id}`);
  });

  test("while the account is erased they come before it and are gone, or after it and open; the row is there in any case", async () => {
    for (let round = 0; round < 30; round += 1) {
      const accountId = newAccount();
      const entries = Array.from({ length: 4 }, () => entryOf({ accountId }));
      const [before = [], after = []] = [entries.slice(0, 2), entries.slice(2)];
      await Promise.all([
        ...before.map((entry) => acceptWith(entry, rawOf(entry))),
        subject.store.vault.erase(accountId).then(answered),
        ...after.map((entry) => acceptWith(entry, rawOf(entry))),
      ]);
      for (const entry of entries) {
        expect([null, `raw of ${entry.id}`]).toContain(await opened(entry, rawOf(entry)));
        expect(answered(await subject.store.intake.entry(entry.id))).toEqual(entry);
      }
      const late = entryOf({ accountId });
      await acceptWith(late, rawOf(late));
      expect(await opened(late, rawOf(late))).toBe(`raw of ${late.id}`);
    }
  });
};

const accepting = (subject: Subject): void => {
  test("what is accepted is there as it was given, and due at once", async () => {
    const entry = entryOf({
      kind: "command",
      accountId: newAccount(),
      requestId: "req-1",
      body: '{"ключ":"\\"«значение»\\""}',
    });
    const bare = entryOf({ attemptId: null, gatewayAccount: null, transactionId: null, receivedAt: hour(0) });
    for (const one of [entry, bare]) {
      expect(await accept(subject, one)).toEqual({ status: "accepted" });
      expect(answered(await subject.store.intake.entry(one.id))).toEqual(one);
      expect(answered(await subject.store.intake.due(hour(1), 10_000))).toContainEqual(one);
    }
    expect(answered(await subject.store.intake.entry(newCommand()))).toBeNull();
  });

  test("the same id again changes nothing, and says what is known", async () => {
    const entry = entryOf();
    await accept(subject, entry);
    const later = { ...entry, body: "{}", receivedAt: hour(9), attemptId: newAttempt() };
    expect(await accept(subject, later)).toEqual({ status: "repeated", recorded: null });
    expect(answered(await subject.store.intake.entry(entry.id))).toEqual(entry);

    const outcome = accepted({ invoiceId: "inv" });
    await given(subject, done(entry, outcome));
    const recorded = await outcomeOf(subject, entry.id);
    expect(recorded?.outcome).toEqual(outcome);
    expect(await accept(subject, entry)).toEqual({ status: "repeated", recorded });
    expect(answered(await subject.store.intake.entry(entry.id))).toEqual(entry);
  });

  test("a refusal is an outcome as well", async () => {
    const entry = entryOf({ kind: "command" });
    await accept(subject, entry);
    const outcome = { ok: false, refusal: { code: "not_found", facts: { what: "invoice" } } } as const;
    await given(subject, commitOf({ id: entry.id, outcome }));
    const again = await accept(subject, entry);
    expect(again.status === "repeated" && again.recorded?.outcome).toEqual(outcome);
  });

  test("the same id with another body is refused, before it is done and after", async () => {
    const entry = entryOf();
    await accept(subject, entry);
    const other = { ...entry, fingerprint: "other" };
    expect(await accept(subject, other)).toEqual({ status: "other_body" });
    await given(subject, done(entry));
    expect(await accept(subject, other)).toEqual({ status: "other_body" });
    expect(answered(await subject.store.intake.entry(entry.id))).toEqual(entry);
  });

  test("of fifty who bring one callback at once one is accepted", async () => {
    const entry = entryOf();
    const answers = await Promise.all(Array.from({ length: 50 }, () => accept(subject, entry)));
    expect(answers.filter(({ status }) => status === "accepted")).toHaveLength(1);
    expect(answers.filter(({ status }) => status === "repeated")).toHaveLength(49);
  });
};

const doing = (subject: Subject): void => {
  test("the oldest come first, by id where they came together, and no more than asked for", async () => {
    const early = [-30, -10, -20, -20].map((hours) => entryOf({ receivedAt: hour(hours) }));
    for (const entry of early) await accept(subject, entry);
    const inOrder = early.toSorted((a, b) => a.receivedAt - b.receivedAt || (a.id < b.id ? -1 : 1)).map(({ id }) => id);
    const first = answered(await subject.store.intake.due(hour(0), 3)).map(({ id }) => id);
    expect(first).toEqual(inOrder.slice(0, 3));
    expect((await dueAt(subject, hour(0))).slice(0, 4)).toEqual(inOrder);
  });

  test("a row is done with its command's outcome, in one commit with what the command did", async () => {
    const [entry, stream] = [entryOf(), newStream()];
    await accept(subject, entry);
    const stale = commitOf({ id: entry.id, appends: [appending(stream, 1)] });
    expect((await commitOne(subject, stale)).ok).toBe(false);
    expect(await dueAt(subject, hour(2))).toContain(entry.id);
    await given(subject, commitOf({ id: entry.id, appends: [appending(stream, 0)] }));
    expect(await dueAt(subject, hour(2))).not.toContain(entry.id);
  });

  test("a command without a row is done all the same, and its row, should it come, finds the outcome", async () => {
    const entry = entryOf();
    await given(subject, done(entry));
    expect(await accept(subject, entry)).toMatchObject({ status: "accepted" });
    expect((await commitOne(subject, done(entry))).ok).toBe(false);
  });
};

const waiting = (subject: Subject): void => {
  neverDeadlocks(subject);
  const putAside = async (over: Partial<IntakeEntry> = {}): Promise<IntakeEntry> => {
    const entry = entryOf(over);
    await accept(subject, entry);
    answered(await subject.store.intake.wait(entry.id, hour(24)));
    return entry;
  };

  test("what was put aside is not due before its time, and from then on it is", async () => {
    const entry = await putAside();
    expect(await dueAt(subject, hour(23))).not.toContain(entry.id);
    expect(await dueAt(subject, hour(24))).toContain(entry.id);
    answered(await subject.store.intake.wait(entry.id, hour(48)));
    expect(await dueAt(subject, hour(47))).not.toContain(entry.id);
  });

  test.each<[string, "wakes" | "leaves alone", (waiter: IntakeEntry) => Partial<IntakeEntry>]>([
    ["the same attempt", "wakes", ({ attemptId }) => ({ attemptId })],
    ["the same transaction", "wakes", ({ transactionId }) => ({ transactionId, attemptId: null })],
    ["another payment", "leaves alone", () => ({})],
    [
      "the same number at another gateway account",
      "leaves alone",
      ({ transactionId }) => ({ transactionId, gatewayAccount: OTHER_GATEWAY }),
    ],
    ["nothing but the same gateway account", "leaves alone", () => ({ attemptId: null, transactionId: null })],
  ])("a row for %s %s what waits, when it is accepted and when it is done", async (_, then, alike) => {
    const waiter = await putAside();
    const other = entryOf(alike(waiter));
    const expectIt = async () => expect((await dueAt(subject, hour(2))).includes(waiter.id)).toBe(then === "wakes");
    await accept(subject, other);
    await expectIt();
    answered(await subject.store.intake.wait(waiter.id, hour(24)));
    expect(await dueAt(subject, hour(2))).not.toContain(waiter.id);
    await given(subject, done(other));
    await expectIt();
  });

  test("who knows neither attempt nor transaction waits for its time", async () => {
    const waiter = await putAside({ attemptId: null, transactionId: null, gatewayAccount: null });
    await accept(subject, entryOf({ attemptId: null, transactionId: null, gatewayAccount: null }));
    expect(await dueAt(subject, hour(2))).not.toContain(waiter.id);
  });

  test("a row that is told of again, and a commit that fails, wake nobody", async () => {
    const first = entryOf();
    await accept(subject, first);
    const waiter = await putAside({ attemptId: first.attemptId });
    await accept(subject, first);
    const failing = commitOf({ id: first.id, appends: [appending(newStream(), 1)] });
    expect((await commitOne(subject, failing)).ok).toBe(false);
    const broken = commitOf({
      id: first.id,
      appends: [appending(newStream(), 0, { written: [row("refunds", { amountMinor: 0n })] })],
    });
    await commitOne(subject, broken).catch(() => null);
    expect(await dueAt(subject, hour(2))).not.toContain(waiter.id);
  });

  test("all that wait for one payment wake together", async () => {
    const attemptId = newAttempt();
    const waiters = [await putAside({ attemptId }), await putAside({ attemptId }), await putAside({ attemptId })];
    await accept(subject, entryOf({ attemptId }));
    expect(await dueAt(subject, hour(2))).toEqual(expect.arrayContaining(waiters.map(({ id }) => id)));
  });

  test("callbacks of one payment that come, wait and are done at the same time are all answered for", async () => {
    for (let round = 0; round < 30; round += 1) {
      const attemptId = newAttempt();
      const waiters = await Promise.all(Array.from({ length: 6 }, () => putAside({ attemptId })));
      const fresh = Array.from({ length: 6 }, () => entryOf({ attemptId }));
      await Promise.all([
        ...fresh.map(async (entry) => expect(await accept(subject, entry)).toEqual({ status: "accepted" })),
        ...waiters.map((entry) => given(subject, done(entry))),
      ]);
      const due = await dueAt(subject, hour(2));
      for (const { id } of waiters) expect(due).not.toContain(id);
      for (const { id } of fresh) expect(due).toContain(id);
    }
  });

  test("batches that do callbacks of the same payments in opposite orders are all answered for", async () => {
    for (let round = 0; round < 30; round += 1) {
      const payments = Array.from({ length: 4 }, newAttempt);
      const batchOf = async (attempts: readonly AttemptId[]) => {
        const waiters = await Promise.all(attempts.map((attemptId) => putAside({ attemptId })));
        // For the sake of one that fails, each commit of the batch is written as a part of its own.
        return [...waiters.map((entry) => done(entry)), commitOf({ appends: [appending(newStream(), 1)] })];
      };
      const batches = [await batchOf(payments), await batchOf(payments.toReversed())];
      const answers = await Promise.all(batches.map((batch) => subject.store.storage.commit(batch)));
      const each = ["written", "written", "written", "written", "version_conflict"];
      expect(answers.map((words) => words.map(wordFor))).toEqual([each, each]);
    }
  });

  test("what is done or suspended cannot be put aside any more", async () => {
    const [finished, lost] = [entryOf(), entryOf()];
    for (const entry of [finished, lost]) await accept(subject, entry);
    await given(subject, done(finished));
    answered(await subject.store.intake.suspend(lost.id, hour(2), "unknown"));
    for (const { id } of [finished, lost]) answered(await subject.store.intake.wait(id, hour(3)));
    answered(await subject.store.intake.wait(newCommand(), hour(3)));
    expect(await dueAt(subject, hour(4))).not.toContain(finished.id);
    expect(await dueAt(subject, hour(4))).not.toContain(lost.id);
    expect((await suspended(subject)).map(({ id }) => id)).toContain(lost.id);
  });
};

const services = (subject: Subject): void => {
  const sent = (over: Partial<IntakeEntry> = {}): IntakeEntry =>
    entryOf({
      kind: "command",
      body: '{"actor":{"kind":"service","name":"shop"},"command":{"type":"invoice.annul"}}',
      attemptId: null,
      gatewayAccount: null,
      transactionId: null,
      sender: { service: "shop", commandId: "order-7", replyTo: "_INBOX.a" },
      ...over,
    });
  /** Other tests of this database have theirs. */
  const untold = async (ids: readonly CommandId[]) =>
    answered(await subject.store.intake.untold(10_000)).filter(({ id }) => ids.includes(id));

  test("a row keeps who sent it, and where the outcome is to go", async () => {
    const [named, nameless] = [sent(), sent({ sender: { service: "shop", commandId: "8", replyTo: null } })];
    for (const entry of [named, nameless]) await accept(subject, entry);
    for (const entry of [named, nameless]) expect(answered(await subject.store.intake.entry(entry.id))).toEqual(entry);
  });

  test("its outcome is to be told once it is known, until it is marked", async () => {
    const entry = sent();
    await accept(subject, entry);
    expect(await untold([entry.id])).toEqual([]);
    const outcome = { ok: false, refusal: { code: "not_found", facts: { of: "it" } } } as const;
    await given(subject, commitOf({ id: entry.id, outcome, recordedAt: hour(3) }));
    expect(await untold([entry.id])).toEqual([
      {
        id: entry.id,
        service: "shop",
        commandId: "order-7",
        command: "invoice.annul",
        replyTo: "_INBOX.a",
        outcome,
        at: hour(3),
      },
    ]);
    for (let twice = 0; twice < 2; twice += 1) answered(await subject.store.intake.told([entry.id]));
    expect(await untold([entry.id])).toEqual([]);
  });

  test("the oldest outcomes come first, and no more than asked for; of what nobody sent there is none", async () => {
    const entries = [sent(), sent(), sent()];
    const own = entryOf();
    for (const entry of [...entries, own]) await accept(subject, entry);
    await given(subject, commitOf({ id: own.id, recordedAt: hour(-90) }));
    for (const [i, { id }] of entries.entries()) await given(subject, commitOf({ id, recordedAt: hour(-50 - i) }));
    const ids = entries.map(({ id }) => id);
    expect((await untold([...ids, own.id])).map(({ id }) => id)).toEqual(ids.toReversed());
    expect(answered(await subject.store.intake.untold(1))).toHaveLength(1);
    answered(await subject.store.intake.told(ids));
  });

  test("of many that come at once each is accepted once, by whatever it is asked again, and another body under its id is refused", async () => {
    const known = sent();
    await accept(subject, known);
    await given(subject, commitOf({ id: known.id, recordedAt: hour(3) }));
    const fresh = Array.from({ length: 40 }, () => sent());
    const asked = fresh.flatMap((entry) => [entry, { ...entry }, { ...entry }, { ...entry, fingerprint: "another" }]);
    const all = [...asked, known, { ...known, fingerprint: "another" }];
    const came = await Promise.all(all.map((entry) => accept(subject, entry)));
    const statusesOf = ({ id }: IntakeEntry) => came.filter((_, i) => all[i]?.id === id).map(({ status }) => status);
    for (const entry of fresh)
      expect(statusesOf(entry).sort()).toEqual(["accepted", "other_body", "repeated", "repeated"]);
    expect(statusesOf(known)).toEqual(["repeated", "other_body"]);
    expect(came[all.indexOf(known)]).toMatchObject({ status: "repeated", recorded: { recordedAt: hour(3) } });
    const due = await dueAt(subject, hour(2));
    expect(fresh.filter(({ id }) => !due.includes(id))).toEqual([]);
    for (const entry of fresh) expect(answered(await subject.store.intake.entry(entry.id))).toEqual(entry);
    answered(await subject.store.intake.told([known.id]));
  });

  test("a suspended row is replayed: due again, and off the list", async () => {
    const entry = sent();
    await accept(subject, entry);
    expect(answered(await subject.store.intake.replay(entry.id))).toBe(false);
    answered(await subject.store.intake.suspend(entry.id, hour(2), "it broke"));
    expect(answered(await subject.store.intake.replay(entry.id))).toBe(true);
    expect((await suspended(subject)).map(({ id }) => id)).not.toContain(entry.id);
    expect(await dueAt(subject, hour(2))).toContain(entry.id);
    await given(subject, commitOf({ id: entry.id }));
    expect(answered(await subject.store.intake.replay(entry.id))).toBe(false);
    expect(answered(await subject.store.intake.replay(newCommand()))).toBe(false);
    answered(await subject.store.intake.told([entry.id]));
  });
};

const suspense = (subject: Subject): void => {
  test("what nothing was found for is due no more, and stands in the suspense list with its reason", async () => {
    const entry = entryOf();
    await accept(subject, entry);
    answered(await subject.store.intake.wait(entry.id, hour(5)));
    answered(await subject.store.intake.suspend(entry.id, hour(26), "no such attempt"));
    expect(await dueAt(subject, hour(1000))).not.toContain(entry.id);
    expect(await suspended(subject)).toContainEqual({ ...entry, suspendedAt: hour(26), reason: "no such attempt" });
    expect(await accept(subject, entry)).toEqual({ status: "repeated", recorded: null });
  });

  test("a payment that is told of later does not take a row out of suspense", async () => {
    const entry = entryOf();
    await accept(subject, entry);
    answered(await subject.store.intake.suspend(entry.id, hour(26), "no such attempt"));
    await accept(subject, entryOf({ attemptId: entry.attemptId }));
    expect(await dueAt(subject, hour(1000))).not.toContain(entry.id);
    expect((await suspended(subject)).map(({ id }) => id)).toContain(entry.id);
  });

  test("what a person has settled leaves the list: its command is done", async () => {
    const entry = entryOf();
    await accept(subject, entry);
    answered(await subject.store.intake.suspend(entry.id, hour(26), "no such attempt"));
    await given(subject, done(entry));
    expect((await suspended(subject)).map(({ id }) => id)).not.toContain(entry.id);
    expect(await dueAt(subject, hour(1000))).not.toContain(entry.id);
  });

  test("the first word of a suspension stands, and what is done is not suspended", async () => {
    const [lost, finished] = [entryOf(), entryOf()];
    for (const entry of [lost, finished]) await accept(subject, entry);
    await given(subject, done(finished));
    for (const { id } of [lost, finished]) answered(await subject.store.intake.suspend(id, hour(26), "first"));
    answered(await subject.store.intake.suspend(lost.id, hour(27), "second"));
    const found = (await suspended(subject)).filter(({ id }) => id === lost.id || id === finished.id);
    expect(found).toEqual([{ ...lost, suspendedAt: hour(26), reason: "first" }]);
  });

  test("the oldest come first, and no more than asked for", async () => {
    const early = [-30, -10, -20].map((hours) => ({ entry: entryOf(), at: hour(hours) }));
    for (const { entry, at } of early) {
      await accept(subject, entry);
      answered(await subject.store.intake.suspend(entry.id, at, "lost"));
    }
    const first = answered(await subject.store.intake.suspended(2)).map(({ id }) => id);
    expect(first).toEqual([early[0]?.entry.id, early[2]?.entry.id].filter((id) => id !== undefined));
  });
};
