import { afterEach, describe, expect, setDefaultTimeout, setSystemTime, test } from "bun:test";
import fc from "fast-check";
import type { SignedIn } from "../../../src/core/accounts/accounts.ts";
import { err } from "../../../src/core/result.ts";
import { DAY_MS, MINUTE_MS, plusMs, SECOND_MS } from "../../../src/core/time.ts";
import { answered } from "../../support/cinema.ts";
import { newAccount } from "../../support/commits.ts";
import { LONG, SEED, TIMEOUT_MS } from "../chance.ts";
import { codeOf, type Door, NOON, openDoor } from "./door.ts";

setDefaultTimeout(TIMEOUT_MS);
const RUNS = LONG ? 5000 : 200;
afterEach(() => void setSystemTime());
const OVER = err({ code: "session_over" });

const signedIn = async (): Promise<Door & { readonly first: SignedIn }> => {
  const door = await openDoor();
  return { ...door, first: answered(await door.signUp()) };
};
const isSignedIn = async ({ desk }: Door, { accessToken }: SignedIn): Promise<boolean> =>
  answered(await desk.authenticate(accessToken)) !== null;

describe("an access token", () => {
  test("is worth nothing after ten minutes, and its session goes on", async () => {
    const door = await signedIn();
    door.sleep(10 * MINUTE_MS - 1);
    expect(await isSignedIn(door, door.first)).toBe(true);
    door.sleep(1);
    expect(await isSignedIn(door, door.first)).toBe(false);
    expect(await isSignedIn(door, answered(await door.desk.refresh(door.first.refreshToken)))).toBe(true);
  });

  test("is worth nothing from the moment its session is signed out, which may be said again", async () => {
    const door = await signedIn();
    for (let i = 0; i < 2; i += 1) {
      answered(await door.desk.logOut(door.first.sessionId));
      expect(await isSignedIn(door, door.first)).toBe(false);
    }
    expect(await door.desk.refresh(door.first.refreshToken)).toEqual(OVER);
  });

  test("of a session that storage does not know, or that is another account's, is worth nothing", async () => {
    const { desk, tokens, first } = await signedIn();
    const life = { issuedAt: NOON, expiresAt: plusMs(NOON, MINUTE_MS) };
    const stranger = { accountId: newAccount(), sessionId: first.sessionId, ...life };
    const sessionless = { accountId: first.accountId, sessionId: tokens.newSessionId(NOON), ...life };
    for (const claims of [stranger, sessionless])
      expect(answered(await desk.authenticate(await tokens.signAccess(claims)))).toBeNull();
  });

  test("is no refresh token, nor the other way round", async () => {
    const { desk, first } = await signedIn();
    expect(answered(await desk.authenticate(first.refreshToken))).toBeNull();
    expect(await desk.refresh(first.accessToken)).toEqual(OVER);
    for (const text of ["", "a.b.c", "\ud83d"]) {
      expect(answered(await desk.authenticate(text))).toBeNull();
      expect(await desk.refresh(text)).toEqual(OVER);
    }
  });

  test("is not judged while storage does not answer", async () => {
    const { desk, first, faults } = await signedIn();
    const down = err({ code: "storage_unavailable", detail: "down" } as const);
    faults.session = async () => down;
    expect(await desk.authenticate(first.accessToken)).toEqual(down);
    faults.rotate = async () => down;
    expect(await desk.refresh(first.refreshToken)).toEqual(down);
    delete faults.rotate;
    expect(codeOf(await desk.refresh(first.refreshToken))).toBe("fine");
  });
});

describe("refreshing", () => {
  test("gives new tokens of the same session, idle for 14 days from now", async () => {
    const { desk, first, sleep } = await signedIn();
    sleep(DAY_MS);
    const next = answered(await desk.refresh(first.refreshToken));
    expect(next).toMatchObject({
      accountId: first.accountId,
      sessionId: first.sessionId,
      accessExpiresAt: plusMs(NOON, DAY_MS + 10 * MINUTE_MS),
      refreshExpiresAt: plusMs(NOON, 15 * DAY_MS),
    });
    expect(next.refreshToken).not.toBe(first.refreshToken);
  });

  test("two tabs that refresh at once both stay signed in", async () => {
    const door = await signedIn();
    const tabs = await Promise.all([1, 2].map(() => door.desk.refresh(door.first.refreshToken)));
    const [one, two] = tabs.map(answered);
    if (one === undefined || two === undefined) throw new Error("there are two tabs");
    expect(one.sessionId).toBe(two.sessionId);
    expect(one.refreshToken).not.toBe(two.refreshToken);
    expect([await isSignedIn(door, one), await isSignedIn(door, two)]).toEqual([true, true]);
    // The browser keeps one of the two for both tabs, whichever came last.
    door.sleep(10 * MINUTE_MS);
    expect(codeOf(await door.desk.refresh(two.refreshToken))).toBe("fine");
  });

  test("whose answer was lost may be asked again within ten seconds; after that it ends the session", async () => {
    const [soon, late] = [await signedIn(), await signedIn()];
    for (const { desk, first } of [soon, late]) await desk.refresh(first.refreshToken);
    soon.sleep(10 * SECOND_MS - 1);
    expect(codeOf(await soon.desk.refresh(soon.first.refreshToken))).toBe("fine");
    late.sleep(1);
    expect(await late.desk.refresh(late.first.refreshToken)).toEqual(OVER);
    expect(await isSignedIn(late, late.first)).toBe(false);
  });

  test("with a copied token ends the session for whoever was first as well; signing in anew is not hindered", async () => {
    const door = await signedIn();
    const wasFirst = answered(await door.desk.refresh(door.first.refreshToken));
    door.sleep(MINUTE_MS);
    expect(await door.desk.refresh(door.first.refreshToken)).toEqual(OVER);
    expect(await isSignedIn(door, wasFirst)).toBe(false);
    expect(await door.desk.refresh(wasFirst.refreshToken)).toEqual(OVER);
    expect(codeOf(await door.logIn())).toBe("fine");
  });

  test("keeps a session alive for 90 days and not longer", async () => {
    const door = await signedIn();
    let last = door.first;
    for (let day = 0; day < 80; day += 10) {
      door.sleep(10 * DAY_MS);
      last = answered(await door.desk.refresh(last.refreshToken));
    }
    expect(last.refreshExpiresAt).toBe(plusMs(NOON, 90 * DAY_MS));
    door.sleep(10 * DAY_MS - MINUTE_MS);
    last = answered(await door.desk.refresh(last.refreshToken));
    expect(last.accessExpiresAt).toBe(plusMs(NOON, 90 * DAY_MS));
    door.sleep(MINUTE_MS);
    expect(await isSignedIn(door, last)).toBe(false);
    expect(await door.desk.refresh(last.refreshToken)).toEqual(OVER);
  });

  test("after 14 quiet days is too late", async () => {
    const { desk, first, sleep } = await signedIn();
    sleep(14 * DAY_MS);
    expect(await desk.refresh(first.refreshToken)).toEqual(OVER);
  });
});

describe("whatever is asked in whatever order", () => {
  type Step = { readonly do: "refresh" | "replay" | "sleep" | "log out"; readonly which: number; readonly ms: number };
  const steps = fc.array(
    fc.record({
      do: fc.constantFrom("refresh", "refresh", "refresh", "replay", "sleep", "log out"),
      which: fc.nat(20),
      ms: fc.oneof(fc.nat(12_000), fc.nat(30 * MINUTE_MS)),
    }) as fc.Arbitrary<Step>,
    { maxLength: 25 },
  );

  test("a session that is over stays over, a token spent long ago is never good, and the owner alone is never signed out", async () => {
    let [refreshed, ended] = [0, 0];
    const story = fc.asyncProperty(steps, async (asked) => {
      const door = await signedIn();
      const given: { readonly signed: SignedIn; spentAt: number | null }[] = [{ signed: door.first, spentAt: null }];
      let isOver = false;
      let replayed = false;
      for (const step of asked) {
        if (step.do === "sleep") door.sleep(step.ms);
        if (step.do === "log out") {
          answered(await door.desk.logOut(door.first.sessionId));
          isOver = true;
        }
        if (step.do !== "refresh" && step.do !== "replay") continue;
        const token = given.at(step.do === "refresh" ? -1 : step.which % given.length);
        if (token === undefined) throw new Error("there is a token");
        replayed ||= step.do === "replay" && token.spentAt !== null;
        const answer = await door.desk.refresh(token.signed.refreshToken);
        if (isOver) expect(answer).toEqual(OVER);
        if (token.spentAt !== null && Date.now() >= token.spentAt + 10_000) expect(answer).toEqual(OVER);
        if (!isOver && !replayed) expect(codeOf(answer)).toBe("fine");
        token.spentAt ??= Date.now();
        if (answer.ok) given.push({ signed: answer.value, spentAt: null });
        isOver ||= !answer.ok;
        refreshed += 1;
      }
      if (isOver) ended += 1;
      if (isOver) for (const { signed } of given) expect(await isSignedIn(door, signed)).toBe(false);
    });
    await fc.assert(story, { numRuns: RUNS, seed: SEED });
    console.log(`sessions: ${refreshed} refreshes, ${ended} sessions ended, seed ${SEED}`);
    expect(refreshed).toBeGreaterThan(2 * RUNS);
    expect(ended).toBeGreaterThan(RUNS / 10);
  });
});
