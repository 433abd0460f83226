import { expect, test } from "bun:test";
import { withoutClockAndChance, withoutTheWorld } from "./machines.ts";

const READERS: Readonly<Record<string, () => unknown>> = {
  "a new date": () => new Date(),
  "the time of day": () => Date.now(),
  "the calendar's clock": () => Temporal.Now.instant(),
  chance: () => Math.random(),
};

test.each(Object.entries(READERS))("%s is out of reach of what is told again, and then back", (_, reads) => {
  for (const hidden of [withoutClockAndChance, withoutTheWorld])
    expect(() => hidden(reads)).toThrow("the core reads no clock and no random source");
  expect(reads).not.toThrow();
});

test("a calendar is out of reach of a fold, and not of a decision", () => {
  const reads = () => Temporal.PlainDate.from("2026-01-31").toString();
  expect(() => withoutTheWorld(reads)).toThrow("the core reads no clock and no random source");
  expect(withoutClockAndChance(reads)).toBe("2026-01-31");
});
