import { expect, test } from "bun:test";
import type { Report } from "../../../src/core/ports/reports.ts";
import { err, ok } from "../../../src/core/result.ts";
import { type Instant, instantOf } from "../../../src/core/time.ts";
import { clockGuard } from "../../../src/core/work/clock-guard.ts";

/** @param off what the database's clock is ahead of ours */
const guard = (off: () => number | null, tookMs = 0) => {
  let now = 1_000_000;
  let passed = 0;
  const reports: Report[] = [];
  const clock = clockGuard({
    databaseNow: async () => {
      const there = off();
      now += tookMs / 2;
      passed += tookMs;
      const at = there === null ? null : instantOf(now + there);
      now += tookMs / 2;
      return at === null ? err({ code: "storage_unavailable", detail: "" }) : ok(at);
    },
    wall: (): Instant => instantOf(now),
    monotonic: () => passed,
    reports: (report) => void reports.push(report),
  });
  const set = (byMs: number): void => {
    now += byMs;
  };
  return { clock, reports, set };
};

test.each([0, 1999, 2000, -2000])("a clock that is %d ms off is right", async (off) => {
  const { clock } = guard(() => off);
  await clock.look();
  expect(clock.isRight()).toBe(true);
});

test.each([2001, -2001, 3_600_000])("a clock that is %d ms off is not, and is told of once", async (off) => {
  const { clock, reports } = guard(() => off);
  await clock.look();
  await clock.look();
  expect(clock.isRight()).toBe(false);
  expect(reports).toEqual([{ level: "alarm", what: "clock_off", facts: { offMs: `${Math.abs(off)}` } }]);
});

test.each([3_600_000, -3_600_000])(
  "one that is set by %d ms is not right from then on, until it was looked at",
  async (byMs) => {
    let off = 0;
    const { clock, set } = guard(() => off);
    await clock.look();
    const before = clock.now();
    set(byMs);
    expect([clock.isRight(), clock.now()]).toEqual([false, before]);
    off = -byMs;
    await clock.look();
    expect(clock.isRight()).toBe(false);
    set(-byMs);
    off = 0;
    await clock.look();
    expect(clock.isRight()).toBe(true);
  },
);

test("a slow answer is no wrong clock", async () => {
  const { clock } = guard(() => 1500, 20_000);
  await clock.look();
  expect(clock.isRight()).toBe(true);
});

test("while the database is away the last judgement stands; set right the clock is right again", async () => {
  let off: number | null = 5000;
  const { clock } = guard(() => off);
  await clock.look();
  off = null;
  await clock.look();
  expect(clock.isRight()).toBe(false);
  off = 0;
  await clock.look();
  expect(clock.isRight()).toBe(true);
});
