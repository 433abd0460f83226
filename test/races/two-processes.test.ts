import { afterAll, describe, expect, test } from "bun:test";
import { postgresJs } from "../../src/adapters/postgres/postgres-js.ts";
import { openPostgres } from "../../src/adapters/postgres/store.ts";
import type { Received } from "../../src/core/billing/command.ts";
import type { Bus } from "../../src/core/ports/bus.ts";
import type { Fact } from "../../src/core/ports/outbox.ts";
import type { Outcome } from "../../src/core/ports/storage.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { ok } from "../../src/core/result.ts";
import { instantOf } from "../../src/core/time.ts";
import { relaying } from "../../src/core/work/relay.ts";
import { nothingLostOrDoubled } from "../crash/under-load.ts";
import { accountNamed, answered, openCinema, rub, staff } from "../support/cinema.ts";
import { dropDatabases, freshDatabase, hasPostgres } from "../support/services.ts";

const MASTER_KEY = new Uint8Array(32).fill(7);
const SLOW_MS = 60_000;
const GIFTS = 400;
const HOLDERS = 7;
/** Commands that a consumer takes at once. */
const BATCH = 16;

afterAll(dropDatabases, SLOW_MS);

describe.skipIf(!hasPostgres)("Two consumers over one database, both with group commit", () => {
  test(
    "what both take in opposite orders is done once, both are told the same, and both relays together lose nothing",
    async () => {
      const url = await freshDatabase();
      const stores = [await openConsumer(url), await openConsumer(url)];
      const driver = postgresJs({ url, max: 1, role: null });
      const gifts = giftsOf(stores[0] as Store);
      const published: Fact[] = [];
      const relays = stores.map((store) => relayFor(store, published));

      const [told, alsoTold] = await Promise.all(
        stores.map((store, n) => executeAll(store, n === 0 ? gifts : gifts.toReversed())),
      );
      for (const one of relays) await one.stop();

      expect(told?.size).toBe(GIFTS);
      expect(Object.fromEntries(alsoTold ?? [])).toEqual(Object.fromEntries(told ?? []));
      await nothingLostOrDoubled(driver, stores[0] as Store, told as ReadonlyMap<string, Outcome>);
      const [count] = await driver.query("select count(*)::int as events from billing.events");
      const names = new Set(published.map(({ stream, version }) => `${stream} ${version}`));
      expect<unknown>(names.size).toBe(count?.["events"]);
      expect(outOfOrder(published)).toEqual([]);
      process.stdout.write(
        `two consumers: ${GIFTS} gifts to ${HOLDERS} accounts, each taken twice; ${published.length} facts published, ${names.size} different\n`,
      );
      for (const store of stores) await store.close();
      await driver.close();
    },
    SLOW_MS,
  );
});

const openConsumer = (url: string): Promise<Store> => openPostgres({ url, masterKey: MASTER_KEY, groupCommit: true });

const giftsOf = (store: Store): readonly Received[] => {
  const { received } = openCinema(store);
  return Array.from({ length: GIFTS }, (_, n) => {
    const accountId = accountNamed(`holder ${n % HOLDERS}`);
    return received(staff("owner"), { type: "credit.add", accountId, amount: rub(100), reason: "a gift" }, `gift ${n}`);
  });
};

/** Several batches at the same time, each until all of it is done. Returns what each command came to. */
const executeAll = async (store: Store, received: readonly Received[]): Promise<ReadonlyMap<string, Outcome>> => {
  const { updater } = openCinema(store);
  const told = new Map<string, Outcome>();
  const batches = Array.from({ length: Math.ceil(received.length / BATCH) }, (_, n) =>
    received.slice(n * BATCH, (n + 1) * BATCH),
  );
  const consume = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      for (let left = batch; left.length > 0; left = left.filter(({ id }) => !told.has(id))) {
        const executed = await updater.executeAll(left);
        for (const [i, one] of executed.entries()) {
          if (one.status === "done") told.set(left[i]?.id ?? "", one.outcome);
          else expect(one.fault.code).toBe("contention");
        }
      }
    }
  };
  await Promise.all([consume(), consume(), consume()]);
  return told;
};

/** Relays without a pause, beside others, until it is stopped; then what is left. */
const relayFor = ({ outbox }: Store, published: Fact[]) => {
  const bus: Pick<Bus, "publish" | "beat"> = {
    beat: async () => ok(null),
    publish: async (facts) => {
      published.push(...facts);
      return ok(null);
    },
  };
  const { step } = relaying({ outbox, bus, reports: () => undefined, now: () => instantOf(Date.now()) });
  let open = true;
  const running = (async () => {
    while (open) if (!(await step())) await Bun.sleep(1);
  })();
  return {
    stop: async () => {
      open = false;
      await running;
      await step();
      expect(answered(await outbox.unrelayed(1))).toEqual([]);
    },
  };
};

/** Of one stream no fact is published before the one before it. */
const outOfOrder = (published: readonly Fact[]): readonly string[] => {
  const last = new Map<string, number>();
  return published.flatMap(({ stream, version }) => {
    const before = last.get(stream) ?? 0;
    last.set(stream, Math.max(before, version));
    return version > before + 1 ? [`${stream} ${version} after ${before}`] : [];
  });
};
