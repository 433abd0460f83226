import { describe, expect, test } from "bun:test";
import { SqlError } from "../../src/adapters/postgres/driver.ts";
import { openPostgres } from "../../src/adapters/postgres/store.ts";
import { Bug } from "../../src/core/result.ts";
import { answered } from "../support/cinema.ts";
import { MASTER_KEY, type SqlStore } from "../support/stores.ts";
import { until } from "../support/until.ts";
import { type Open, type Subject, shared, urlOf } from "./subject.ts";

let made = 0;
const newLease = (): string => `work ${made++}`;
/** Longer than any test takes. */
const LONG_MS = 600_000;
const SHORT_MS = 60;

/** What `src/core/ports/leases.ts` promises, asked of one adapter; and the clock that leases go by. */
export const leasesContract = (name: string, open: Open): void =>
  describe(`Leases: ${name}`, () => {
    const subject = shared(open);
    const hold = async (lease: string, holder: string, forMs = LONG_MS) =>
      answered(await subject.store.leases.hold(lease, holder, forMs));
    const release = async (lease: string, holder: string) =>
      answered(await subject.store.leases.release(lease, holder));
    /** Until a lease that began after those of the test, and no longer, is over. */
    const shortLeasesAreOver = async (): Promise<void> => {
      const glass = newLease();
      expect(await hold(glass, "first", SHORT_MS)).toBe(true);
      await until("the short lease is over", () => hold(glass, "second"));
    };

    test("who asks first has it, and nobody else while it lasts", async () => {
      const lease = newLease();
      expect(await hold(lease, "one")).toBe(true);
      expect(await hold(lease, "two")).toBe(false);
      expect(await hold(lease, "one")).toBe(true);
    });

    test("leases of other names are other leases", async () => {
      expect(await hold(newLease(), "one")).toBe(true);
      expect(await hold(newLease(), "two")).toBe(true);
    });

    test("of thirty at once one has it", async () => {
      for (let round = 0; round < 5; round += 1) {
        const lease = newLease();
        const asked = Array.from({ length: 30 }, (_, n) => hold(lease, `holder ${n}`));
        expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(1);
      }
    });

    test("one that is over goes to the next who asks, of thirty at once to one, and its holder has it no more", async () => {
      const lease = newLease();
      expect(await hold(lease, "one", SHORT_MS)).toBe(true);
      await shortLeasesAreOver();
      const asked = Array.from({ length: 30 }, (_, n) => hold(lease, `next ${n}`));
      expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(1);
      expect(await hold(lease, "one")).toBe(false);
    });

    test("it lasts as long as its holder said last, be that longer or shorter", async () => {
      const [longer, shorter] = [newLease(), newLease()];
      await hold(longer, "one", SHORT_MS);
      await hold(longer, "one");
      await hold(shorter, "one");
      await hold(shorter, "one", SHORT_MS);
      await shortLeasesAreOver();
      expect(await hold(longer, "two")).toBe(false);
      expect(await hold(shorter, "two")).toBe(true);
    });

    test("one that was given up is free at once; what another holds nobody can give up", async () => {
      const lease = newLease();
      await release(lease, "one");
      await hold(lease, "one");
      await release(lease, "two");
      expect(await hold(lease, "two")).toBe(false);
      await release(lease, "one");
      expect(await hold(lease, "two")).toBe(true);
      // Who finds out late that it lost the lease must not take it from the next.
      await release(lease, "one");
      expect(await hold(lease, "three")).toBe(false);
    });

    test("a lease without a time is a bug", async () => {
      for (const forMs of [0, -1, Number.NaN]) {
        const held = await hold(newLease(), "one", forMs).catch((error: unknown) => error);
        expect(held).toBeInstanceOf(Bug);
      }
    });

    test("the database tells its wall time", async () => {
      const wallTime = async (): Promise<number> => answered(await subject.store.wallTime());
      const [before, first] = [Date.now(), await wallTime()];
      expect(Number.isInteger(first)).toBe(true);
      // The server may run on another machine, whose clock is right to the minute.
      expect(Math.abs(first - before)).toBeLessThan(60_000);
      await until("its clock goes on", async () => (await wallTime()) > first);
    });
  });

/** Where processes act as roles: the API has no work of which there must be one, and both look at the clock. */
export const leasesOfRolesContract = (name: string, openOwner: () => Promise<SqlStore>): void =>
  describe(`Leases of roles: ${name}`, () => {
    const subject: Subject = shared(openOwner);

    test("the State Updater holds leases, the API holds none, and both are told the time", async () => {
      const lease = newLease();
      const open = (role: "matinee_api" | "matinee_updater") =>
        openPostgres({ url: urlOf(subject), masterKey: MASTER_KEY, role, max: 1 });
      const [api, updater] = [await open("matinee_api"), await open("matinee_updater")];
      for (const asked of [api.leases.hold(lease, "api", LONG_MS), api.leases.release(lease, "api")]) {
        expect(await asked.catch((error: unknown) => error)).toBeInstanceOf(SqlError);
      }
      expect(answered(await updater.leases.hold(lease, "updater", LONG_MS))).toBe(true);
      expect(answered(await updater.leases.hold(lease, "updater", LONG_MS))).toBe(true);
      expect(answered(await updater.leases.release(lease, "updater"))).toBeNull();
      for (const store of [api, updater]) {
        expect(answered(await store.wallTime())).toBeGreaterThan(0);
        await store.close();
      }
    });
  });
