import { expect, test } from "bun:test";
import type { Report } from "../../../src/core/ports/reports.ts";
import { err, ok } from "../../../src/core/result.ts";
import { type Instant, instantOf } from "../../../src/core/time.ts";
import { clockGuard } from "../../../src/core/work/clock-guard.ts";

/** @param off what the database's clock is ahead of ours */
const guard = (off: () => number | null, tookMs = 0) => {
  let now = 1_000_000;
  const reports: Report[] = [];
  const clock = clockGuard({
    databaseNow: async () => {
      const there = off();
      now += tookMs / 2;
      const at = there === null ? null : instantOf(now + there);
      now += tookMs / 2;
      return at === null ? err({ code: "storage_unavailable", detail: "" }) : ok(at);
    },
    now: (): Instant => instantOf(now),
    reports: (report) => void reports.push(report),
  });
  return { clock, reports };
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
