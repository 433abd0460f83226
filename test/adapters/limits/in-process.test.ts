import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import { inProcessLimits } from "../../../src/adapters/limits/in-process.ts";
import { LOG_IN_LIMITS, LOG_IN_WAITS, SIGN_UP_LIMITS } from "../../../src/core/accounts/limits.ts";
import type { Limit, Limits, Passage } from "../../../src/core/ports/limits.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, plusMs, SECOND_MS } from "../../../src/core/time.ts";
import { instant } from "../../support/cinema.ts";

const NOON = instant("2026-03-02T12:00:00Z");
const ADDRESS = "192.0.2.7";
const EMAIL = "anna@example.com";
const PASSES = { ok: true, value: null } as const;
const waits = (retryAfterMs: number): Passage => ({ ok: false, error: { code: "too_many_requests", retryAfterMs } });

/** The library reads the time of the runtime, which a test may set. */
const at = (ms: number): void => void setSystemTime(new Date(plusMs(NOON, ms)));
afterEach(() => void setSystemTime());

const times = async (n: number, run: () => Promise<Passage>): Promise<readonly Passage[]> => {
  const all: Passage[] = [];
  for (let i = 0; i < n; i += 1) all.push(await run());
  return all;
};
const allPass = (passages: readonly Passage[]): void => {
  for (const passage of passages) expect(passage).toEqual(PASSES);
};

describe("a limit", () => {
  test("lets five sign-ups of an address through in an hour, and says when the next may come", async () => {
    const limits = inProcessLimits();
    const signUp = () => limits.count(SIGN_UP_LIMITS, ADDRESS);
    at(0);
    allPass(await times(5, signUp));
    expect(await signUp()).toEqual(waits(HOUR_MS));
    at(HOUR_MS - 1);
    expect(await signUp()).toEqual(waits(1));
    at(HOUR_MS);
    allPass(await times(5, signUp));
    expect(await signUp()).toEqual(waits(HOUR_MS));
  });

  test("counts each address, and each kind of try, by itself", async () => {
    const limits = inProcessLimits();
    at(0);
    await times(6, () => limits.count(SIGN_UP_LIMITS, ADDRESS));
    expect(await limits.count(SIGN_UP_LIMITS, "192.0.2.8")).toEqual(PASSES);
    expect(await limits.count(LOG_IN_LIMITS, ADDRESS)).toEqual(PASSES);
    expect(await limits.count(SIGN_UP_LIMITS, ADDRESS)).toMatchObject({ ok: false });
  });

  test("of the hour holds where that of the minute lets through", async () => {
    const limits = inProcessLimits();
    const logIn = () => limits.count(LOG_IN_LIMITS, ADDRESS);
    for (let minute = 0; minute < 15; minute += 1) {
      at(minute * MINUTE_MS);
      allPass(await times(20, logIn));
      expect(await logIn()).toEqual(waits(MINUTE_MS));
    }
    at(15 * MINUTE_MS);
    expect(await logIn()).toEqual(waits(45 * MINUTE_MS));
    at(HOUR_MS);
    expect(await logIn()).toEqual(PASSES);
  });

  test("lets no more through when all come at once", async () => {
    const limits = inProcessLimits();
    at(0);
    const all = await Promise.all(Array.from({ length: 100 }, () => limits.count(LOG_IN_LIMITS, ADDRESS)));
    expect(all.filter(({ ok }) => ok)).toHaveLength(20);
  });

  test("in another process is counted anew", async () => {
    const once: readonly Limit[] = [{ name: "once", times: 1, perMs: HOUR_MS }];
    const [one, two] = [inProcessLimits(), inProcessLimits()];
    for (const limits of [one, two]) expect(await limits.count(once, ADDRESS)).toEqual(PASSES);
    expect(await one.count(once, ADDRESS)).toMatchObject({ ok: false });
  });
});

describe("after failures", () => {
  const tryOf = (limits: Limits) => () => limits.begin(LOG_IN_WAITS, EMAIL);

  test("the third makes the next wait a second, and each one after it twice as long, an hour at most", async () => {
    const limits = inProcessLimits();
    const logIn = tryOf(limits);
    let now = 0;
    at(now);
    allPass(await times(3, logIn));
    const steps = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600];
    for (const seconds of steps) {
      expect(await logIn()).toEqual(waits(seconds * SECOND_MS));
      now += seconds * SECOND_MS - 1;
      at(now);
      expect(await logIn()).toEqual(waits(1));
      now += 1;
      at(now);
      expect(await logIn()).toEqual(PASSES);
    }
  });

  test("who tries before the time waits no longer for it", async () => {
    const limits = inProcessLimits();
    const logIn = tryOf(limits);
    at(0);
    allPass(await times(3, logIn));
    await times(100, logIn);
    at(SECOND_MS);
    expect(await logIn()).toEqual(PASSES);
    expect(await logIn()).toEqual(waits(2 * SECOND_MS));
  });

  test("of a thousand at once three get through, and after the wait one", async () => {
    const limits = inProcessLimits();
    const storm = () => Promise.all(Array.from({ length: 1000 }, tryOf(limits)));
    at(0);
    expect((await storm()).filter(({ ok }) => ok)).toHaveLength(3);
    at(SECOND_MS);
    const second = await storm();
    expect(second.filter(({ ok }) => ok)).toHaveLength(1);
    expect(second[999]).toEqual(waits(2 * SECOND_MS));
  });

  test("a success forgets them, and another e-mail has its own", async () => {
    const limits = inProcessLimits();
    const logIn = tryOf(limits);
    at(0);
    await times(4, logIn);
    expect(await limits.begin(LOG_IN_WAITS, "boris@example.com")).toEqual(PASSES);
    await limits.succeed(LOG_IN_WAITS, EMAIL);
    allPass(await times(3, logIn));
    expect(await logIn()).toEqual(waits(SECOND_MS));
    await limits.succeed(LOG_IN_WAITS, "nobody@example.com");
  });

  test("a day after the first of them they are forgotten", async () => {
    const limits = inProcessLimits();
    const logIn = tryOf(limits);
    at(0);
    await times(3, logIn);
    at(DAY_MS - 1);
    expect(await logIn()).toEqual(PASSES);
    expect(await logIn()).toEqual(waits(2 * SECOND_MS));
    at(DAY_MS + MINUTE_MS);
    allPass(await times(3, logIn));
  });

  test("whoever tries all day, as fast as he may, comes to at most 60 tries, and the owner waits an hour at most", async () => {
    const limits = inProcessLimits();
    let [now, tries, longest] = [0, 0, 0];
    while (now < DAY_MS) {
      at(now);
      const passage = await limits.begin(LOG_IN_WAITS, EMAIL);
      if (passage.ok) tries += 1;
      else {
        now += passage.error.retryAfterMs;
        longest = Math.max(longest, passage.error.retryAfterMs);
      }
    }
    expect(tries).toBeGreaterThan(20);
    expect(tries).toBeLessThanOrEqual(60);
    expect(longest).toBe(HOUR_MS);
  });
});
