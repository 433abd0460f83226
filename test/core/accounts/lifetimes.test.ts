import { expect, test } from "bun:test";
import { accessLife, endOfSession, idleUntil, LEEWAY_MS } from "../../../src/core/accounts/lifetimes.ts";
import { instant } from "../../support/cinema.ts";

const NOON = instant("2026-03-02T12:00:00Z");

test("a session is idle for 14 days at most and lives 90", () => {
  expect(idleUntil(NOON)).toBe(instant("2026-03-16T12:00:00Z"));
  expect(endOfSession(NOON)).toBe(instant("2026-05-31T12:00:00Z"));
  expect(LEEWAY_MS).toBe(10_000);
});

test("an access token lives 10 minutes, in whole seconds", () => {
  expect(accessLife(instant("2026-03-02T12:00:00.999Z"), endOfSession(NOON))).toEqual({
    issuedAt: NOON,
    expiresAt: instant("2026-03-02T12:10:00Z"),
  });
});

test("an access token ends with its session", () => {
  const endsAt = instant("2026-03-02T12:04:30.500Z");
  expect(accessLife(NOON, endsAt)).toEqual({ issuedAt: NOON, expiresAt: instant("2026-03-02T12:04:30Z") });
});
