import { afterEach, describe, expect, setDefaultTimeout, setSystemTime, test } from "bun:test";
import { argon2Passwords } from "../../../src/adapters/crypto/passwords.ts";
import { err } from "../../../src/core/result.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, plusMs, SECOND_MS } from "../../../src/core/time.ts";
import { answered } from "../../support/cinema.ts";
import { newAccount } from "../../support/commits.ts";
import { codeOf, NOON, openDoor, PASSWORD } from "./door.ts";

setDefaultTimeout(60_000);
afterEach(() => void setSystemTime());
const WRONG = err({ code: "wrong_credentials" });
const waits = (retryAfterMs: number) => err({ code: "too_many_requests", retryAfterMs });
const DOWN = err({ code: "storage_unavailable", detail: "down" } as const);
const times = <T>(n: number, run: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, i) => run(i)));

describe("signing up", () => {
  test("opens an account and signs it in", async () => {
    const { desk, signUp, stored } = await openDoor();
    const signedIn = answered(await signUp({ email: " Anna@Example.com", zone: "europe/moscow" }));
    const { accountId, sessionId } = signedIn;
    expect(signedIn).toMatchObject({
      accessExpiresAt: plusMs(NOON, 10 * MINUTE_MS),
      refreshExpiresAt: plusMs(NOON, 14 * DAY_MS),
    });
    expect(answered(await desk.authenticate(signedIn.accessToken))).toEqual({ accountId, sessionId });
    const seen = {
      accountId,
      email: "anna@example.com",
      language: "ru",
      zone: "Europe/Moscow",
      createdAt: NOON,
    } as const;
    expect(answered(await desk.account(accountId))).toEqual(seen);
    expect(answered(await desk.account(newAccount()))).toBeNull();
    expect(answered(await stored.account(accountId))?.passwordHash).toBe(`$2$${PASSWORD}`);
  });

  test.each([
    ["an e-mail that is none", { email: "anna" }, { code: "malformed_email" }],
    ["a zone that is none", { zone: "+03:00" }, { code: "malformed_zone" }],
    ["a password of 14 characters", { password: "a".repeat(14) }, { code: "password_too_short", atLeast: 15 }],
    ["a password of 129", { password: "a".repeat(129) }, { code: "password_too_long", atMost: 128 }],
  ])("with %s is refused before anything is hashed, and costs nothing of the limit", async (_, over, error) => {
    const { signUp, hashing } = await openDoor();
    for (let i = 0; i < 10; i += 1)
      expect(await signUp({ ...over, address: "192.0.2.7" })).toEqual(err(error) as never);
    expect(hashing.calls).toEqual([]);
    expect(codeOf(await signUp({ address: "192.0.2.7" }))).toBe("fine");
  });

  test("with an e-mail that somebody has is refused, in any spelling and with the right password as well", async () => {
    const { signUp, logIn } = await openDoor();
    await signUp();
    for (const over of [{}, { password: "another password, long" }, { email: "ANNA@EXAMPLE.COM" }])
      expect(await signUp(over)).toEqual(err({ code: "email_taken" }));
    // Whose answer was lost signs in instead.
    expect(codeOf(await logIn())).toBe("fine");
  });

  test("of 100 with one e-mail at once yields one account", async () => {
    const { signUp, logIn } = await openDoor();
    const came = await times(100, (i) => signUp({ password: `a password of number ${i}` }));
    const winner = came.findIndex(({ ok }) => ok);
    expect(came.map(codeOf).toSorted()).toEqual([...Array<string>(99).fill("email_taken"), "fine"]);
    expect(codeOf(await logIn({ password: `a password of number ${winner}` }))).toBe("fine");
  });

  test("is limited to five an hour from one network, before anything is hashed", async () => {
    const { signUp, hashing, sleep } = await openDoor();
    const from = (host: number) => signUp({ email: `viewer${host}@example.com`, address: `2001:db8::${host}` });
    for (let host = 1; host <= 5; host += 1) expect(codeOf(await from(host))).toBe("fine");
    expect(await from(6)).toEqual(waits(HOUR_MS));
    expect(hashing.calls).toHaveLength(5);
    expect(codeOf(await signUp({ email: "boris@example.com", address: "2001:db8:0:1::1" }))).toBe("fine");
    sleep(HOUR_MS);
    expect(codeOf(await from(6))).toBe("fine");
  });

  test("while too much is being hashed is put off", async () => {
    const { signUp, hashing } = await openDoor();
    hashing.busy = true;
    expect(await signUp()).toEqual(waits(1000));
    hashing.busy = false;
    expect(codeOf(await signUp())).toBe("fine");
  });

  test("answers a fault when storage does, and leaves no account behind that nobody can enter", async () => {
    const { signUp, logIn, faults } = await openDoor();
    faults.create = async () => DOWN;
    expect(await signUp()).toEqual(DOWN);
    delete faults.create;
    faults.openSession = async () => DOWN;
    expect(await signUp()).toEqual(DOWN);
    delete faults.openSession;
    expect(codeOf(await signUp())).toBe("email_taken");
    expect(codeOf(await logIn())).toBe("fine");
  });
});

describe("signing in", () => {
  test("opens a session of its own each time", async () => {
    const { desk, signUp, logIn } = await openDoor();
    const first = answered(await signUp());
    const second = answered(await logIn({ email: "ANNA@example.com " }));
    expect(second.accountId).toBe(first.accountId);
    expect(second.sessionId).not.toBe(first.sessionId);
    answered(await desk.logOut(first.sessionId));
    expect(answered(await desk.authenticate(first.accessToken))).toBeNull();
    const { accountId, sessionId } = second;
    expect(answered(await desk.authenticate(second.accessToken))).toEqual({ accountId, sessionId });
  });

  test("with a wrong password and with an e-mail that nobody has is the same answer after the same work", async () => {
    const { signUp, logIn, hashing } = await openDoor();
    await signUp();
    hashing.calls.length = 0;
    expect(await logIn({ password: "another password, long" })).toEqual(WRONG);
    expect(await logIn({ email: "nobody@example.com" })).toEqual(WRONG);
    expect(hashing.calls).toEqual(["verify", "verifyNobody"]);
  });

  test.each([
    ["an e-mail that is none", { email: "anna" }],
    ["no password", { password: "" }],
    ["a password that is too long for any", { password: "a".repeat(1000) }],
  ])("with %s is wrong without being hashed", async (_, over) => {
    const { signUp, logIn, hashing } = await openDoor();
    await signUp();
    hashing.calls.length = 0;
    expect(await logIn(over)).toEqual(WRONG);
    expect(hashing.calls).toEqual([]);
  });

  test("makes a hash of weaker parameters stronger, and succeeds though that fails", async () => {
    const { signUp, logIn, stored, hashing, faults } = await openDoor();
    const { accountId } = answered(await signUp());
    answered(await stored.rehash(accountId, `$2$${PASSWORD}`, `$1$${PASSWORD}`));
    faults.rehash = async () => DOWN;
    expect(codeOf(await logIn())).toBe("fine");
    delete faults.rehash;
    expect(answered(await stored.account(accountId))?.passwordHash).toBe(`$1$${PASSWORD}`);
    expect(codeOf(await logIn({ password: "another password, long" }))).toBe("wrong_credentials");
    expect(answered(await stored.account(accountId))?.passwordHash).toBe(`$1$${PASSWORD}`);
    expect(codeOf(await logIn())).toBe("fine");
    expect(answered(await stored.account(accountId))?.passwordHash).toBe(`$2$${PASSWORD}`);
    hashing.calls.length = 0;
    expect(codeOf(await logIn())).toBe("fine");
    expect(hashing.calls).toEqual(["verify"]);
  });

  test("is limited by network, whatever the e-mails, before anything is read or hashed", async () => {
    const { logIn, hashing, faults } = await openDoor();
    const from = (i: number) => logIn({ email: `viewer${i}@example.com`, address: `2001:db8::${i}` });
    await times(20, from);
    hashing.calls.length = 0;
    faults.byEmail = () => Promise.reject(new Error("is not asked"));
    expect(await from(21)).toEqual(waits(MINUTE_MS));
    expect(hashing.calls).toEqual([]);
  });

  test.each([
    ["that somebody has", "anna@example.com"],
    ["that nobody has", "nobody@example.com"],
  ])("after three failures waits, from wherever one comes, for an e-mail %s", async (_, email) => {
    const { signUp, logIn, hashing, sleep } = await openDoor();
    await signUp();
    const guess = () => logIn({ email, password: "another password, long" });
    hashing.calls.length = 0;
    for (let i = 0; i < 3; i += 1) expect(await guess()).toEqual(WRONG);
    expect(await guess()).toEqual(waits(SECOND_MS));
    expect(hashing.calls).toHaveLength(3);
    sleep(SECOND_MS);
    expect(await guess()).toEqual(WRONG);
    expect(await guess()).toEqual(waits(2 * SECOND_MS));
  });

  test("lets the owner in after the wait, and then nothing is left of the failures", async () => {
    const { signUp, logIn, sleep } = await openDoor();
    await signUp();
    const guess = () => logIn({ password: "another password, long" });
    for (let failures = 0; failures < 30; ) {
      const answer = await guess();
      if (!answer.ok && answer.error.code === "too_many_requests") sleep(answer.error.retryAfterMs);
      else failures += 1;
    }
    // The right password jumps no queue: else its answer would tell it from a wrong one.
    expect(await logIn()).toEqual(waits(HOUR_MS));
    sleep(HOUR_MS);
    expect(codeOf(await logIn())).toBe("fine");
    for (let i = 0; i < 3; i += 1) expect(await guess()).toEqual(WRONG);
    expect(await guess()).toEqual(waits(SECOND_MS));
  });

  test("of 1,000 guesses at once, from 1,000 networks, three are hashed", async () => {
    const { signUp, logIn, hashing } = await openDoor();
    await signUp();
    hashing.calls.length = 0;
    const came = await times(1000, () => logIn({ password: "another password, long" }));
    expect(came.filter((one) => codeOf(one) === "wrong_credentials")).toHaveLength(3);
    expect(hashing.calls).toHaveLength(3);
  });

  test("counts no failure while storage does not answer", async () => {
    const { signUp, logIn, faults } = await openDoor();
    await signUp();
    faults.byEmail = async () => DOWN;
    for (let i = 0; i < 10; i += 1) expect(await logIn()).toEqual(DOWN);
    delete faults.byEmail;
    expect(codeOf(await logIn())).toBe("fine");
  });

  test("while too much is being hashed is put off, known or not", async () => {
    const { signUp, logIn, hashing } = await openDoor();
    await signUp();
    hashing.busy = true;
    for (const email of ["anna@example.com", "nobody@example.com"]) expect(await logIn({ email })).toEqual(waits(1000));
  });
});

describe("with real hashing", () => {
  test("people sign up and in, of 20 with one e-mail at once one, and a storm is put off instead of served late", async () => {
    const real = argon2Passwords({ concurrency: 2, queue: 18 });
    const { signUp, logIn, stored } = await openDoor({ real });
    const came = await times(20, (i) => signUp({ password: `${PASSWORD} ${i}` }));
    expect(came.map(codeOf).toSorted()).toEqual([...Array<string>(19).fill("email_taken"), "fine"]);
    const winner = came.findIndex(({ ok }) => ok);
    expect(answered(await stored.byEmail("anna@example.com"))?.passwordHash).toStartWith("$argon2id$");
    expect(codeOf(await logIn({ password: `${PASSWORD} ${winner}` }))).toBe("fine");
    expect(await logIn({ password: PASSWORD })).toEqual(WRONG);
    expect(await logIn({ email: "nobody@example.com" })).toEqual(WRONG);
    const storm = await times(40, (i) => logIn({ email: `viewer${i}@example.com` }));
    expect(storm.filter((one) => codeOf(one) === "wrong_credentials")).toHaveLength(20);
    expect(storm.filter((one) => codeOf(one) === "too_many_requests")).toHaveLength(20);
  });
});
