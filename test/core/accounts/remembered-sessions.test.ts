import { expect, test } from "bun:test";
import { openMemory } from "../../../src/adapters/memory/store.ts";
import { rememberedSessions } from "../../../src/core/accounts/remembered-sessions.ts";
import type { AccountId, SessionId } from "../../../src/core/ids.ts";
import type { Accounts, NewSession } from "../../../src/core/ports/accounts.ts";
import { DAY_MS, HOUR_MS, type Instant, plusMs } from "../../../src/core/time.ts";
import { accountNamed, answered, MOSCOW, START } from "../../support/cinema.ts";

const ANNA = accountNamed("anna");
const sessionOf = (id: string, accountId: AccountId = ANNA): NewSession => ({
  sessionId: id as SessionId,
  accountId,
  openedAt: START,
  idleUntil: plusMs(START, HOUR_MS),
  endsAt: plusMs(START, DAY_MS),
  refreshHash: `hash of ${id}`,
});

/** A process that remembers, beside another one on the same store; each read of a session can be held up. */
const openTwo = async (...sessions: readonly NewSession[]) => {
  const { accounts } = openMemory();
  const anna = {
    accountId: ANNA,
    email: "anna@example.com",
    passwordHash: "hash",
    language: "en",
    createdAt: START,
  } as const;
  answered(await accounts.create({ ...anna, zone: MOSCOW }));
  for (const session of sessions) answered(await accounts.openSession(session));
  let reads = 0;
  let gate = Promise.resolve();
  let endingGate = Promise.resolve();
  const counted: Accounts = {
    ...accounts,
    session: async (id, at) => {
      reads += 1;
      const read = await accounts.session(id, at);
      await gate;
      return read;
    },
    endSession: async (id, at) => {
      await endingGate;
      return accounts.endSession(id, at);
    },
  };
  return {
    here: rememberedSessions(counted),
    elsewhere: accounts,
    reads: () => reads,
    hold: (until: Promise<void>) => {
      gate = until;
    },
    holdEnding: (until: Promise<void>) => {
      endingGate = until;
    },
  };
};
const S1 = sessionOf("s1");
const is = async (accounts: Accounts, at: Instant, { sessionId }: NewSession = S1): Promise<boolean> =>
  answered(await accounts.session(sessionId, at)) !== null;

test("a session is read once in five seconds, however often it is asked for", async () => {
  const { here, reads } = await openTwo(S1);
  for (let ms = 0; ms < 5000; ms += 100) expect(await is(here, plusMs(START, ms))).toBe(true);
  expect(reads()).toBe(1);
  await is(here, plusMs(START, 5000));
  expect(reads()).toBe(2);
});

test("one that was ended here is over at once; one that was ended elsewhere within five seconds", async () => {
  const { here, elsewhere } = await openTwo(S1, sessionOf("s2"));
  const other = sessionOf("s2");
  expect([await is(here, START), await is(here, START, other)]).toEqual([true, true]);
  await here.endSession(S1.sessionId, START);
  await elsewhere.endSession(other.sessionId, START);
  expect(await is(here, START)).toBe(false);
  expect(await is(here, plusMs(START, 5000), other)).toBe(false);
});

test("one that ends while it is read is not remembered", async () => {
  const { here, hold } = await openTwo(S1);
  const { promise, resolve } = Promise.withResolvers<void>();
  hold(promise);
  const reading = is(here, START);
  const ending = here.endSession(S1.sessionId, START);
  resolve();
  await Promise.all([reading, ending]);
  expect(await is(here, START)).toBe(false);
});

test("one that is read while it ends is not remembered", async () => {
  const { here, holdEnding } = await openTwo(S1);
  const { promise, resolve } = Promise.withResolvers<void>();
  holdEnding(promise);
  const ending = here.endSession(S1.sessionId, START);
  expect(await is(here, START)).toBe(true);
  resolve();
  await ending;
  expect(await is(here, START)).toBe(false);
});

test("a token that was copied ends its session here at once", async () => {
  const { here } = await openTwo(S1);
  expect(await is(here, START)).toBe(true);
  const spend = () =>
    here.rotate({ hash: S1.refreshHash, nextHash: "next", at: START, idleUntil: S1.idleUntil, leewayMs: 0 });
  expect(answered(await spend()).status).toBe("rotated");
  expect(answered(await spend()).status).toBe("reused");
  expect(await is(here, START)).toBe(false);
});

test("nothing is remembered beyond its own end, nor by a clock that was set back", async () => {
  const short = { ...S1, idleUntil: plusMs(START, 1000) };
  const { here, reads } = await openTwo(short);
  expect(await is(here, START)).toBe(true);
  expect(await is(here, plusMs(START, 1000))).toBe(false);
  await is(here, plusMs(START, -1));
  expect(reads()).toBe(3);
});

test("nobody's session is asked for each time", async () => {
  const { here, reads } = await openTwo();
  for (let times = 0; times < 3; times += 1) expect(await is(here, START)).toBe(false);
  expect(reads()).toBe(3);
});
