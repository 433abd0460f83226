import { expect } from "bun:test";
import type { Driver } from "../../src/adapters/postgres/driver.ts";
import { postgresJs } from "../../src/adapters/postgres/postgres-js.ts";
import type { Received } from "../../src/core/billing/command.ts";
import { fold } from "../../src/core/billing/fold.ts";
import { rowsOf } from "../../src/core/billing/rows.ts";
import { DEFAULT_POLICY } from "../../src/core/policy.ts";
import type { Outcome } from "../../src/core/ports/storage.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { accountNamed, answered, MONTHLY, MOSCOW, openCinema, PREMIUM, payer, rub, staff } from "../support/cinema.ts";
import { until } from "../support/until.ts";

const WORKERS = 12;

/** People sign up and are given money, each of them until it has been acknowledged, whatever happens to the server. */
export const putToWork = async (store: Store) => {
  const cinema = openCinema(store);
  const told = new Map<string, Outcome>();
  const faults: string[] = [];
  let repeated = 0;
  let open = true;
  const insist = async (received: Received): Promise<void> => {
    for (;;) {
      const executed = await cinema.updater.execute(received);
      if (executed.status === "done") {
        if (executed.repeated) repeated += 1;
        told.set(received.id, executed.outcome);
        return;
      }
      faults.push(executed.fault.code);
      await Bun.sleep(2);
    }
  };
  const work = async (worker: number): Promise<void> => {
    const holder = accountNamed(`holder ${worker}`);
    for (let n = 0; open; n += 1) {
      const accountId = accountNamed(`viewer ${worker} ${n}`);
      const start = { accountId, plan: PREMIUM, zone: MOSCOW, consent: null } as const;
      await insist(cinema.received(payer(accountId), { type: "subscription.start", ...start }, accountId));
      // Done twice it would be twice the money: nothing but its outcome tells that it has been done.
      const gift = { accountId: holder, amount: rub(100), reason: "a gift" } as const;
      await insist(cinema.received(staff("owner"), { type: "credit.add", ...gift }, `gift ${worker} ${n}`));
    }
  };
  const description = {
    title: { ru: "Премиум", en: "Premium" },
    text: { ru: "Всё кино", en: "All films" },
    entitlement: { tier: 1, quality: "uhd", streams: 2 },
    rank: 1,
  } as const;
  const plan = { type: "plan.create", plan: PREMIUM, description, price: MONTHLY } as const;
  await insist(cinema.received(staff("owner"), plan, "the plan"));
  told.clear();
  const workers = Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
  return {
    /** Waits until so many more have been acknowledged. */
    goesOn: async (more: number): Promise<void> => {
      const before = told.size;
      await until(`${more} more commands`, () => told.size >= before + more, 30_000);
    },
    stop: async () => {
      open = false;
      await workers;
      return { told, faults, repeated };
    },
  };
};

export const terminateAll = async (url: string): Promise<void> => {
  const admin = postgresJs({ url, max: 1, role: null });
  await admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
  await admin.close();
};

/** `max` transactions are open at the same time, and no other connection is: the pool has lost none of its places. */
export const allTogether = async (driver: Driver, url: string, max: number): Promise<void> => {
  const gatekeeper = postgresJs({ url, max: 1, role: null });
  const inside: Promise<unknown>[] = [];
  await gatekeeper.transaction(async (query) => {
    await query("select pg_advisory_xact_lock(1)");
    for (let n = 0; n < max; n += 1) {
      inside.push(driver.transaction((ask) => ask("select pg_advisory_xact_lock_shared(1)")));
    }
    await until(`${max} transactions at the same time`, async () => {
      const [row] = await query(
        "select count(*)::int as waiting from pg_locks where locktype = 'advisory' and not granted",
      );
      return row?.["waiting"] === max;
    });
    await until("no other connection is left", async () => {
      const [row] = await query(
        "select count(*)::int as others from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
      );
      return row?.["others"] === max;
    });
  });
  await Promise.all(inside);
  await gatekeeper.close();
};

/** Every command that was acknowledged is there, with what its caller was told, and was done once; nothing else was done. */
export const nothingLostOrDoubled = async (
  driver: Driver,
  store: Store,
  told: ReadonlyMap<string, Outcome>,
): Promise<void> => {
  expect([...told.values()].filter(({ ok }) => !ok)).toEqual([]);
  const recorded = await driver.query(
    "select command_id, outcome ->> 'ok' as ok, outcome -> 'value' as value from billing.outcomes where command_id = any($1::text[])",
    [[...told.keys()]],
  );
  // What each caller was told is what the database says, and every command has started one subscription or made one gift.
  expect(new Map(recorded.map(({ command_id, value }) => [command_id, value]))).toEqual(
    new Map([...told].map(([id, outcome]) => [id, outcome.ok ? outcome.value : null])),
  );
  const acted = await driver.query(
    "select caused_by as id, count(*)::int as times from billing.events where type in ('SubscriptionStarted', 'CreditAdded') group by 1",
  );
  expect(acted.filter(({ times }) => times !== 1)).toEqual([]);
  expect(new Set(acted.map(({ id }) => id))).toEqual(new Set(told.keys()));
  const gaps = await driver.query(
    `select stream from (select stream, count(*)::int as facts, max(version) as last from billing.events group by stream) as log
     full join billing.streams using (stream)
     where facts is distinct from last or (last is distinct from version and not (last is null and version = 0))`,
  );
  expect(gaps).toEqual([]);
  const [outbox] = await driver.query(
    `select count(*)::int as messages, count(distinct (stream, version))::int as different, (select count(*)::int from billing.events) as events
     from billing.outbox join billing.events using (stream, version)`,
  );
  expect(outbox).toEqual({ messages: outbox?.["events"], different: outbox?.["events"], events: outbox?.["events"] });
  const rebuilt = await store.rebuild(
    "check",
    (stream, events) => rowsOf(fold(stream, events), DEFAULT_POLICY),
    () => undefined,
  );
  expect(answered(rebuilt)).toMatchObject({ identical: true, differences: [] });
};
