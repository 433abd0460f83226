import { describe, expect, test } from "bun:test";
import { SqlError } from "../../src/adapters/postgres/driver.ts";
import { encodeDerivedId, type SessionId } from "../../src/core/ids.ts";
import type { NewSession, StoredAccount } from "../../src/core/ports/accounts.ts";
import { DAY_MS, type Instant, plusMs, SECOND_MS, type Zone } from "../../src/core/time.ts";
import { answered, MOSCOW, sha256 } from "../support/cinema.ts";
import { day, hour, newAccount } from "../support/commits.ts";
import { type Open, type Subject, shared, sqlOf } from "./subject.ts";

let made = 0;
const newEmail = (): string => `viewer-${made++}@example.com`;
const newHash = (): string => sha256(`token ${made++}`).toHex();
const newSession = (): SessionId => encodeDerivedId("session", sha256(`session ${made++}`), hour(0)) as SessionId;

const accountOf = (over: Partial<StoredAccount> = {}): StoredAccount => ({
  accountId: newAccount(),
  email: newEmail(),
  passwordHash: "$argon2id$first",
  language: "ru",
  zone: MOSCOW,
  createdAt: hour(0),
  ...over,
});

/** What `src/core/ports/accounts.ts` promises, asked of one adapter. */
export const accountsContract = (name: string, open: Open): void =>
  describe(`Accounts: ${name}`, () => {
    const subject = shared(open);
    describe("accounts", () => accounts(subject));
    describe("sessions", () => sessions(subject));
    describe("refresh tokens", () => refreshTokens(subject));
    describe("the leeway of a spent token", () => leeway(subject));
  });

const create = async ({ store }: Subject, over: Partial<StoredAccount> = {}): Promise<StoredAccount> => {
  const account = accountOf(over);
  expect(answered(await store.accounts.create(account))).toBe("created");
  return account;
};
/** A session of a new account: over at noon of day 14 when not refreshed, and on day 90 at the latest. */
const openSession = async (subject: Subject, over: Partial<NewSession> = {}): Promise<NewSession> => {
  const { accountId } = over.accountId === undefined ? await create(subject) : { accountId: over.accountId };
  const session = {
    sessionId: newSession(),
    accountId,
    openedAt: day(0),
    idleUntil: day(14),
    endsAt: day(90),
    refreshHash: newHash(),
    ...over,
  };
  answered(await subject.store.accounts.openSession(session));
  return session;
};
const liveAt = async ({ store }: Subject, { sessionId }: NewSession, at: Instant): Promise<boolean> =>
  answered(await store.accounts.session(sessionId, at)) !== null;
const rotate = async (
  { store }: Subject,
  hash: string,
  { at = day(1), leewayMs = 0, nextHash = newHash() } = {},
): Promise<{ readonly status: string; readonly nextHash: string; readonly idleUntil: Instant | null }> => {
  const asked = { hash, nextHash, at, idleUntil: plusMs(at, 14 * DAY_MS), leewayMs };
  const rotated = answered(await store.accounts.rotate(asked));
  return {
    status: rotated.status,
    nextHash,
    idleUntil: rotated.status === "rotated" ? rotated.session.idleUntil : null,
  };
};
const statusOf = async (...asked: Parameters<typeof rotate>): Promise<string> => (await rotate(...asked)).status;

const accounts = (subject: Subject): void => {
  test("an account is found by its id and by its e-mail, as it was created", async () => {
    for (const over of [
      {},
      { language: "en", zone: "Asia/Vladivostok" as Zone, email: `анна-${made++}@почта.рф` },
    ] as const) {
      const account = await create(subject, over);
      expect(answered(await subject.store.accounts.account(account.accountId))).toEqual(account);
      expect(answered(await subject.store.accounts.byEmail(account.email))).toEqual(account);
    }
    expect(answered(await subject.store.accounts.account(newAccount()))).toBeNull();
    expect(answered(await subject.store.accounts.byEmail(newEmail()))).toBeNull();
  });

  test("an e-mail that somebody has is taken, and the account that has it is untouched", async () => {
    const first = await create(subject);
    const second = accountOf({ email: first.email, passwordHash: "$argon2id$second" });
    expect(answered(await subject.store.accounts.create(second))).toBe("email_taken");
    expect(answered(await subject.store.accounts.byEmail(first.email))).toEqual(first);
    expect(answered(await subject.store.accounts.account(second.accountId))).toBeNull();
  });

  test("of 100 who sign up with one e-mail at once exactly one gets it", async () => {
    const email = newEmail();
    const all = Array.from({ length: 100 }, () => accountOf({ email }));
    const came = await Promise.all(all.map(async (one) => answered(await subject.store.accounts.create(one))));
    expect(came.filter((one) => one === "created")).toHaveLength(1);
    expect(came.filter((one) => one === "email_taken")).toHaveLength(99);
    expect(answered(await subject.store.accounts.byEmail(email))).toEqual(all[came.indexOf("created")] ?? null);
  });

  test("a hash is replaced while it is still the stored one, and no other account's", async () => {
    const [account, other] = [await create(subject), await create(subject)];
    const { rehash, byEmail } = subject.store.accounts;
    answered(await rehash(account.accountId, "$argon2id$another", "$argon2id$late"));
    expect(answered(await byEmail(account.email))?.passwordHash).toBe("$argon2id$first");
    answered(await rehash(account.accountId, "$argon2id$first", "$argon2id$stronger"));
    expect(answered(await byEmail(account.email))).toEqual({ ...account, passwordHash: "$argon2id$stronger" });
    expect(answered(await byEmail(other.email))).toEqual(other);
    answered(await rehash(newAccount(), "$argon2id$first", "$argon2id$stronger"));
  });
};

const sessions = (subject: Subject): void => {
  test("a session is what was opened, until it is idle too long", async () => {
    const { refreshHash: _, ...session } = await openSession(subject);
    const at = async (when: Instant) => answered(await subject.store.accounts.session(session.sessionId, when));
    expect(await at(day(0))).toEqual(session);
    expect(await at(plusMs(day(14), -1))).toEqual(session);
    expect(await at(day(14))).toBeNull();
    expect(answered(await subject.store.accounts.session(newSession(), day(0)))).toBeNull();
  });

  test("an ended session is over at once and stays so; the account's other sessions go on", async () => {
    const session = await openSession(subject);
    const other = await openSession(subject, { accountId: session.accountId });
    for (const at of [hour(1), hour(2)]) {
      answered(await subject.store.accounts.endSession(session.sessionId, at));
      expect(await liveAt(subject, session, hour(1))).toBe(false);
    }
    expect(await statusOf(subject, session.refreshHash, { at: hour(1) })).toBe("unknown");
    expect(await liveAt(subject, other, hour(2))).toBe(true);
    answered(await subject.store.accounts.endSession(newSession(), hour(1)));
  });

  test("of many sessions looked up at once each is told by itself, and whoever has ended before is not among them", async () => {
    const opened = await Promise.all(Array.from({ length: 40 }, () => openSession(subject)));
    const ended = opened.filter((_, n) => n % 3 === 0);
    const before = opened.map(({ sessionId }) => subject.store.accounts.session(sessionId, day(1)));
    for (const { sessionId } of ended) answered(await subject.store.accounts.endSession(sessionId, day(1)));
    const asked = [...opened, { sessionId: newSession() }, ...opened];
    const found = await Promise.all(asked.map(({ sessionId }) => subject.store.accounts.session(sessionId, day(1))));
    const live = opened.map(({ refreshHash: _, ...session }, n) => (n % 3 === 0 ? null : session));
    expect(found.map(answered)).toEqual([...live, null, ...live]);
    await Promise.all(before);
  });

  test("a session of nobody is a broken promise of ours", async () => {
    const opening = subject.store.accounts.openSession({
      sessionId: newSession(),
      accountId: newAccount(),
      openedAt: day(0),
      idleUntil: day(14),
      endsAt: day(90),
      refreshHash: newHash(),
    });
    expect(await opening.catch((error: unknown) => error)).toBeInstanceOf(Error);
  });
};

const refreshTokens = (subject: Subject): void => {
  test("a spent token leaves another in its place and prolongs its session", async () => {
    const { refreshHash, ...session } = await openSession(subject);
    const nextHash = newHash();
    const rotated = answered(
      await subject.store.accounts.rotate({
        hash: refreshHash,
        nextHash,
        at: day(10),
        idleUntil: day(24),
        leewayMs: 0,
      }),
    );
    expect(rotated).toEqual({ status: "rotated", session: { ...session, idleUntil: day(24) } });
    expect(answered(await subject.store.accounts.session(session.sessionId, day(23)))).toEqual({
      ...session,
      idleUntil: day(24),
    });
    expect(await statusOf(subject, nextHash, { at: day(20) })).toBe("rotated");
  });

  test("no refreshing leads past the session's end", async () => {
    const session = await openSession(subject);
    let token = session.refreshHash;
    for (const n of [13, 26, 39, 52, 65, 78, 89]) {
      const rotated = await rotate(subject, token, { at: day(n) });
      expect(rotated).toMatchObject({ status: "rotated", idleUntil: n > 76 ? day(90) : day(n + 14) });
      token = rotated.nextHash;
    }
    expect(await liveAt(subject, session, plusMs(day(90), -1))).toBe(true);
    expect(await liveAt(subject, session, day(90))).toBe(false);
    expect(await statusOf(subject, token, { at: day(90) })).toBe("unknown");
  });

  test("a token of a session that was idle too long is nobody's, and so is one that was never given out", async () => {
    const session = await openSession(subject);
    expect(await statusOf(subject, session.refreshHash, { at: day(14) })).toBe("unknown");
    expect(await statusOf(subject, newHash())).toBe("unknown");
    expect(await statusOf(subject, "")).toBe("unknown");
    expect(await liveAt(subject, session, day(1))).toBe(true);
  });

  test("the same token twice ends its session, and the token that took its place is worth nothing", async () => {
    const session = await openSession(subject);
    const other = await openSession(subject, { accountId: session.accountId });
    const { nextHash } = await rotate(subject, session.refreshHash);
    expect(await statusOf(subject, session.refreshHash, { at: day(2) })).toBe("reused");
    expect(await liveAt(subject, session, day(2))).toBe(false);
    expect(await statusOf(subject, nextHash, { at: day(2) })).toBe("unknown");
    expect(await statusOf(subject, session.refreshHash, { at: day(2) })).toBe("unknown");
    expect(await liveAt(subject, other, day(2))).toBe(true);
  });

  test("of two who spend one token at once exactly one is first; without leeway the other ends the session", async () => {
    for (let round = 0; round < 20; round += 1) {
      const session = await openSession(subject);
      const race = await Promise.all([1, 2].map(() => statusOf(subject, session.refreshHash)));
      expect(race.toSorted()).toEqual(["reused", "rotated"]);
      expect(await liveAt(subject, session, day(1))).toBe(false);
    }
  });

  test("who signs out while a token is being spent is signed out", async () => {
    for (let round = 0; round < 20; round += 1) {
      const session = await openSession(subject);
      const [rotated] = await Promise.all([
        rotate(subject, session.refreshHash),
        subject.store.accounts.endSession(session.sessionId, day(1)).then(answered),
      ]);
      expect(["rotated", "unknown"]).toContain(rotated.status);
      expect(await liveAt(subject, session, day(1))).toBe(false);
      expect(await statusOf(subject, rotated.nextHash)).toBe("unknown");
    }
  });
};

const leeway = (subject: Subject): void => {
  const [leewayMs, spentAt] = [10 * SECOND_MS, day(1)];
  const after = (ms: number) => ({ at: plusMs(spentAt, ms), leewayMs });

  test("of many who spend one token at once each gets a token of the same session", async () => {
    const session = await openSession(subject);
    const race = await Promise.all(Array.from({ length: 20 }, () => rotate(subject, session.refreshHash, after(0))));
    expect(race.map(({ status }) => status)).toEqual(Array<string>(20).fill("rotated"));
    expect(await liveAt(subject, session, spentAt)).toBe(true);
  });

  test("it lasts to its last millisecond, and not a millisecond longer", async () => {
    const [soon, late] = [await openSession(subject), await openSession(subject)];
    for (const { refreshHash } of [soon, late]) await rotate(subject, refreshHash, after(0));
    expect(await statusOf(subject, soon.refreshHash, after(leewayMs - 1))).toBe("rotated");
    expect(await statusOf(subject, late.refreshHash, after(leewayMs))).toBe("reused");
    expect(await liveAt(subject, soon, spentAt)).toBe(true);
    expect(await liveAt(subject, late, spentAt)).toBe(false);
  });

  test("it counts from the first time the token was spent, so that it cannot be drawn out", async () => {
    const session = await openSession(subject);
    await rotate(subject, session.refreshHash, after(0));
    expect(await statusOf(subject, session.refreshHash, after(9000))).toBe("rotated");
    expect(await statusOf(subject, session.refreshHash, after(10_500))).toBe("reused");
  });

  test("it is for the last spent token only: one spent before it ends the session at once", async () => {
    const session = await openSession(subject);
    const { nextHash } = await rotate(subject, session.refreshHash, after(0));
    await rotate(subject, nextHash, after(1));
    expect(await statusOf(subject, session.refreshHash, after(2))).toBe("reused");
    expect(await liveAt(subject, session, spentAt)).toBe(false);
  });

  test("a thief who was quick is found when either goes on: of two tokens for one spent, one spends both", async () => {
    const session = await openSession(subject);
    const owners = await rotate(subject, session.refreshHash, after(0));
    const thiefs = await rotate(subject, session.refreshHash, after(5000));
    expect(await statusOf(subject, owners.nextHash, after(600_000))).toBe("rotated");
    expect(await statusOf(subject, thiefs.nextHash, after(900_000))).toBe("reused");
    expect(await liveAt(subject, session, plusMs(spentAt, 900_000))).toBe(false);
  });
};

/** What accounts in a database owe besides: who has the tables cannot sign in, and our own mistakes are caught. */
export const accountsAtRestContract = (name: string, open: Open): void =>
  describe(`Accounts at rest: ${name}`, () => {
    const subject = shared(open);
    const brokenBy = async (writing: Promise<unknown>): Promise<unknown> => {
      const error = await writing.catch((refused: unknown) => refused);
      return error instanceof SqlError ? error.constraint : error;
    };

    test.each([
      ["a password as it was typed", { passwordHash: "correct horse battery" }, "accounts_password_hashed"],
      ["an e-mail that is not folded", { email: "Anna@example.com" }, "accounts_email_folded"],
      ["an e-mail with two signs", { email: "anna@example@com" }, "accounts_email_folded"],
      ["an e-mail with a line in it", { email: "anna@example.com\nbcc" }, "accounts_email_folded"],
      ["another language", { language: "de" as "en" }, "accounts_language_known"],
    ])("refuses %s", async (_, over, constraint) => {
      expect(await brokenBy(subject.store.accounts.create(accountOf(over)))).toBe(constraint);
    });

    test("refuses a refresh token as it was given out, and a session that is over before it began", async () => {
      expect(await brokenBy(openSession(subject, { refreshHash: "token" }))).toBe("refresh_tokens_hashed");
      expect(await brokenBy(openSession(subject, { idleUntil: day(-1) }))).toBe("sessions_times_in_order");
    });

    test("an account that is taken away takes its sessions and tokens along", async () => {
      const session = await openSession(subject);
      const { driver } = sqlOf(subject);
      await driver.query("delete from accounts.accounts where account_id = $1", [session.accountId]);
      expect(await liveAt(subject, session, day(0))).toBe(false);
      const left = await driver.query("select hash from accounts.refresh_tokens where hash = $1", [
        session.refreshHash,
      ]);
      expect(left).toHaveLength(0);
    });
  });
