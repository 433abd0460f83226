import { expect, test } from "bun:test";
import { Bug } from "../../src/core/result.ts";
import {
  accepted,
  appending,
  bringing,
  commitOf,
  day,
  facts,
  hour,
  newAccount,
  newCommand,
  newStream,
  newSubscription,
  row,
  waitingCommand,
} from "../support/commits.ts";
import {
  commitOne,
  eventsOf,
  given,
  messagesOf,
  outcomeOf,
  reachedFrom,
  type Subject,
  shownRow,
  versionOf,
} from "./subject.ts";

export const commits = (subject: Subject): void => {
  test("events of a new stream are numbered from 1 and come back as they were", async () => {
    const stream = newStream();
    await given(subject, commitOf({ appends: [appending(stream, 0, { events: facts(1, 2) })] }));
    await given(subject, commitOf({ appends: [appending(stream, 2, { events: facts(3) })] }));
    expect(await eventsOf(subject, stream)).toEqual(facts(1, 2, 3));
    expect(await versionOf(subject, stream)).toBe(3);
    const told = await messagesOf(subject, stream);
    expect(told.map(({ version }) => version)).toEqual([1, 2, 3]);
  });

  test("the answer names each stream written and its new version, in the order asked", async () => {
    const [one, two] = [newStream(), newStream()];
    await given(subject, commitOf({ appends: [appending(two, 0, { events: facts(1, 2) })] }));
    const appends = [appending(two, 2, { events: facts(3) }), appending(one, 0, { events: facts(1, 2, 3) })];
    const streams = [
      { stream: two, version: 3 },
      { stream: one, version: 3 },
    ];
    expect(await commitOne(subject, commitOf({ appends }))).toEqual({ ok: true, value: { streams } });
  });

  test.each([
    ["appended to at an older version", 1, "append"],
    ["appended to at a version to come", 3, "append"],
    ["expected at an older version", 1, "expect"],
    ["expected at a version to come", 3, "expect"],
    ["expected not to exist", 0, "expect"],
  ])("a stream %s is a version conflict that names it", async (_, version, how) => {
    const [written, other] = [newStream(), newStream()];
    await given(subject, commitOf({ appends: [appending(written, 0, { events: facts(1, 2) })] }));
    const commit = commitOf({
      appends: [appending(other, 0), ...(how === "append" ? [appending(written, version)] : [])],
      expects: how === "expect" ? [{ stream: written, version }] : [],
    });
    const conflict = { code: "version_conflict", stream: written } as const;
    expect(await commitOne(subject, commit)).toEqual({ ok: false, error: conflict });
  });

  test("a stream that does not exist has version 0, however often it is expected", async () => {
    const absent = newStream();
    const expecting = () =>
      commitOf({ appends: [appending(newStream(), 0)], expects: [{ stream: absent, version: 0 }] });
    await given(subject, expecting(), expecting());
    expect(await reachedFrom(subject, absent)).toEqual([]);
    const late = commitOf({ appends: [appending(newStream(), 0)], expects: [{ stream: absent, version: 1 }] });
    const conflict = { code: "version_conflict", stream: absent } as const;
    expect(await commitOne(subject, late)).toEqual({ ok: false, error: conflict });
    await given(subject, commitOf({ appends: [appending(absent, 0)] }));
  });

  test.each([
    ["a success", accepted({ subscriptionId: newSubscription() })],
    ["a success with nothing to tell", accepted()],
    ["a refusal", { ok: false, refusal: { code: "not_yet", facts: { "из-за": "«карты» \\ \n" } } }],
  ] as const)(
    "a command that came to %s is told of it when it comes again, with the same body or another",
    async (_, outcome) => {
      const [id, stream] = [newCommand(), newStream()];
      const recordedAt = hour(3);
      await given(
        subject,
        commitOf({ id, fingerprint: "first", appends: [appending(stream, 0)], outcome, recordedAt }),
      );
      const recorded = { commandId: id, fingerprint: "first", outcome, recordedAt };
      expect(await outcomeOf(subject, id)).toEqual(recorded);
      for (const fingerprint of ["first", "second"]) {
        const again = commitOf({ id, fingerprint, appends: [appending(stream, 1)], outcome: accepted({ as: "new" }) });
        expect(await commitOne(subject, again)).toEqual({ ok: false, error: { code: "command_done", recorded } });
      }
      expect(await versionOf(subject, stream)).toBe(1);
      expect(await outcomeOf(subject, id)).toEqual(recorded);
    },
  );

  test("that a command is done is told before anything that has become stale since", async () => {
    const commit = bringing(row("subscriptions"));
    await given(subject, commit);
    const again = await commitOne(subject, commit);
    expect(again.ok ? null : again.error.code).toBe("command_done");
  });

  test("a refusal alone is recorded without any event; of a command never done nothing is known", async () => {
    const id = newCommand();
    expect(await outcomeOf(subject, id)).toBeNull();
    await given(subject, commitOf({ id, outcome: { ok: false, refusal: { code: "not_found", facts: {} } } }));
    expect((await outcomeOf(subject, id))?.outcome.ok).toBe(false);
  });

  test("sums beyond 2^53, milliseconds and any language are kept exactly", async () => {
    const invoice = row("invoices", {
      totalMinor: 9_007_199_254_740_993n,
      dueMinor: 9_007_199_254_740_993n,
      sequence: "Ünï 🎬 'quote' \"double\" \\ \t",
      issuedAt: (hour(1) + 7) as never,
      expiresAt: null,
    });
    await given(subject, bringing(invoice));
    expect(await shownRow(subject, invoice)).toEqual(invoice.row);
  });

  test("what a failed commit would have written is nowhere: no event, row, outcome, link, message or done intake row", async () => {
    for (const [failure, spoil] of Object.entries(await spoiled(subject))) {
      const [known, linked, id] = [newStream(), newStream(), newCommand()];
      const [invoice, gone] = [row("invoices"), row("invoices")];
      await given(
        subject,
        commitOf({
          appends: [appending(known, 0, { links: [linked], written: [invoice, gone] }), appending(linked, 0)],
        }),
      );
      const changed = row("invoices", { ...invoice.row, status: "paid" });
      const entry = waitingCommand({ id, receivedAt: hour(1) });
      await subject.store.intake.accept(entry);
      const [subscription, fresh] = [row("subscriptions"), newStream()];
      const commit = commitOf({
        id,
        appends: [
          appending(known, 1, { events: facts(2, 3), links: [], written: [subscription, changed], removed: [gone] }),
          appending(fresh, 0),
          ...spoil.appends,
        ],
      });
      const answer = await commitOne(subject, commit).catch((error: unknown) => error);
      expect([failure, answer instanceof Bug || (answer as { ok: boolean }).ok]).toEqual([
        failure,
        failure === "check",
      ]);

      expect(await eventsOf(subject, known)).toEqual(facts(1));
      expect(await reachedFrom(subject, known)).toEqual([known, linked].sort());
      expect(await versionOf(subject, fresh)).toBe(0);
      expect(await messagesOf(subject, known, fresh)).toHaveLength(1);
      expect(await shownRow(subject, subscription)).toBeNull();
      for (const stands of [invoice, gone]) expect(await shownRow(subject, stands)).toEqual(stands.row);
      expect(await outcomeOf(subject, id)).toBeNull();
      const due = await subject.store.intake.due(hour(1), 1000);
      expect(due.ok && due.value).toContainEqual(entry);
      // Nothing is left that would stand in the way of the next try.
      const { appends } = commit;
      await given(subject, commitOf({ id, appends: appends.slice(0, 2) }));
      expect(await versionOf(subject, known)).toBe(3);
    }
  });

  test("a place that is given up and taken in one commit is free for the taker, whichever stream comes first", async () => {
    const accountId = newAccount();
    const [old, taker, changed] = [row("subscriptions", { accountId }), newSubscription(), newSubscription()];
    const holder = newStream();
    await given(subject, commitOf({ appends: [appending(holder, 0, { written: [old] })] }));
    const next = row("subscriptions", { accountId, subscriptionId: taker });
    await given(
      subject,
      commitOf({
        appends: [appending(newStream(), 0, { written: [next] }), appending(holder, 1, { removed: [old] })],
      }),
    );
    expect(await placeOf(subject, accountId)).toEqual([taker]);

    // A row that gives something up is written before the row that takes it.
    const ended = row("subscriptions", { accountId, subscriptionId: taker, status: "ended" });
    const last = row("subscriptions", { accountId, subscriptionId: changed });
    const rightWay = [appending(newStream(), 0, { written: [ended] }), appending(newStream(), 0, { written: [last] })];
    const wrong = await commitOne(subject, commitOf({ appends: rightWay.toReversed() }));
    const conflict = { code: "unique_conflict", constraint: "subscriptions_one_per_place" } as const;
    expect(wrong).toEqual({ ok: false, error: conflict });
    await given(subject, commitOf({ appends: rightWay }));
    expect(await placeOf(subject, accountId)).toEqual([changed]);
  });

  test("a row removed and written in one commit stands as it was written", async () => {
    const [stream, before] = [newStream(), row("periods", { endAt: day(28) })];
    const after = row("periods", { ...before.row, endAt: day(56) });
    await given(subject, commitOf({ appends: [appending(stream, 0, { written: [before] })] }));
    await given(subject, commitOf({ appends: [appending(stream, 1, { removed: [before], written: [after] })] }));
    const { accountId, subscriptionId } = before.row;
    const inside = row("periods", { accountId, subscriptionId, number: 2, startAt: day(40), endAt: day(41) });
    const refused = await commitOne(subject, bringing(inside));
    expect(refused).toEqual({ ok: false, error: { code: "unique_conflict", constraint: "periods_never_overlap" } });
  });

  test("to remove a row that is not there changes nothing", async () => {
    await given(subject, commitOf({ appends: [appending(newStream(), 0, { removed: [row("invoices")] })] }));
  });

  test("who holds what was given or loaded cannot change what is stored", async () => {
    const stream = newStream();
    const [event] = facts(1);
    if (event?.type !== "CreditAdded") throw new Bug("a fact is a gift");
    const mine = { ...event, amount: { ...event.amount } };
    await given(subject, commitOf({ appends: [appending(stream, 0, { events: [mine] })] }));
    attempt(() => Object.assign(mine.amount, { minor: 99n }));
    const loaded = await eventsOf(subject, stream);
    attempt(() => Object.assign(Object(loaded[0]).amount, { minor: 99n }));
    attempt(() => (loaded as unknown[]).push("another"));
    expect(await eventsOf(subject, stream)).toEqual(facts(1));
  });
};

/** Appends that make a commit fail, by how it fails. */
export const spoiled = async (subject: Subject) => {
  const [written, taken] = [newStream(), row("subscriptions")];
  await given(subject, commitOf({ appends: [appending(written, 0)] }), bringing(taken));
  const { accountId } = taken.row;
  return {
    version: { appends: [appending(written, 0)] },
    unique: { appends: [appending(newStream(), 0, { written: [row("subscriptions", { accountId })] })] },
    check: { appends: [appending(newStream(), 0, { written: [row("refunds", { amountMinor: 0n })] })] },
  };
};

const placeOf = async ({ store }: Subject, accountId: ReturnType<typeof newAccount>) => {
  const all = await store.queries.subscriptionsOf(accountId, { after: null, limit: 10 });
  return all.ok
    ? all.value.filter(({ status }) => status !== "ended").map(({ subscriptionId }) => subscriptionId)
    : null;
};

/** A store may refuse to be changed, or hand out what is nobody's but the caller's. */
const attempt = (change: () => unknown): void => {
  try {
    change();
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
  }
};
