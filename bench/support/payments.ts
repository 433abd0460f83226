import type { Driver } from "../../src/adapters/postgres/driver.ts";
import { groupCommit } from "../../src/adapters/postgres/group-commit.ts";
import { postgresIntake } from "../../src/adapters/postgres/intake.ts";
import { openSeals } from "../../src/adapters/postgres/seals.ts";
import { postgresStorage } from "../../src/adapters/postgres/storage.ts";
import { parseIntakeBody, printIntakeBody } from "../../src/adapters/wire/intake-bodies.ts";
import { type Billing, billing, type Executed } from "../../src/core/billing/billing.ts";
import type { AttemptId, CommandId } from "../../src/core/ids.ts";
import { DEFAULT_POLICY } from "../../src/core/policy.ts";
import type { Storage } from "../../src/core/ports/storage.ts";
import { commandNamed, GATEWAY, instant, sha256 } from "../../test/support/cinema.ts";
import { MASTER_KEY } from "../../test/support/stores.ts";
import { connect, dropDatabase, makeDatabase, vacuum } from "./database.ts";
import { PAYERS, seedPayers } from "./payers.ts";
import { keepReplay, type Replay, recorder, type Sent, sendReplay } from "./replay.ts";
import { type Half, type Side, waits } from "./rounds.ts";
import { scaled } from "./scale.ts";

const PAID_AT = instant("2026-01-31T09:05:00Z");

/**
 * A database in which many accounts have an open first invoice, the widget open, and the callback of their payment
 * waiting in the intake; beside it, for pgbench, what our own code sends to Postgres for each of those callbacks.
 */
export type Waiting = {
  readonly url: string;
  /** Of the callbacks, in an order that is random to the keys and the same in every run. */
  readonly ids: readonly CommandId[];
  /** The read of a callback's streams and its commit, as our code sends them. */
  readonly replay: Replay;
};

/** Made once for all goals of a run: each takes as many callbacks of it as it needs. */
export const paymentsWaiting = async (payments: number, say: (line: string) => void): Promise<Waiting> => {
  made ??= makeWaiting(MOST_PAYMENTS, say);
  const waiting = await made;
  return { ...waiting, ids: waiting.ids.slice(0, payments) };
};
const MOST_PAYMENTS = scaled(4800, 64, 19_200);
let made: Promise<Waiting> | null = null;

const makeWaiting = async (payments: number, say: (line: string) => void): Promise<Waiting> => {
  const url = await makeDatabase();
  await seedPayers(url, GATEWAY);
  const driver = connect(url, 8);
  try {
    const ids = await acceptCallbacks(driver, payments);
    const replay = await record(driver, ids);
    await vacuum(url);
    say(`${PAYERS} accounts about to pay, ${ids.length} callbacks waiting, ${replay.statements} statements each`);
    return { url, ids, replay };
  } finally {
    await driver.close();
  }
};

/** Leaves the callbacks in the intake as the API would: verified, parsed, printed, accepted. */
const acceptCallbacks = async (driver: Driver, payments: number): Promise<readonly CommandId[]> => {
  const attempts = await driver.query(
    `select attempt_id, account_id, check_transaction_id, amount_minor from billing.attempts
     order by md5(attempt_id) limit $1`,
    [payments],
  );
  const entries = attempts.map((row) => {
    const attemptId = row["attempt_id"] as AttemptId;
    const id = commandNamed(`callback ${attemptId}`);
    const transactionId = row["check_transaction_id"] as never;
    const command = {
      type: "payment.succeed",
      attemptId,
      gatewayAccount: GATEWAY,
      transactionId,
      amount: { minor: row["amount_minor"] as bigint, currency: "RUB" },
      accountId: row["account_id"] as never,
      onlyAuthorised: false,
      cardId: (row["account_id"] as string).replace("acc_", "crd_") as never,
    } as const;
    return {
      id,
      kind: "callback",
      fingerprint: Buffer.from(sha256(`fingerprint ${attemptId}`)).toString("hex"),
      body: printIntakeBody({ actor: { kind: "gateway", name: "sandbox" }, command }).body,
      account_id: command.accountId,
      attempt_id: attemptId,
      gateway_account: GATEWAY,
      transaction_id: transactionId,
      received_at: new Date(PAID_AT).toISOString(),
    };
  });
  await driver.query(
    "select billing.accept(entry, null, null, null, '[]') from jsonb_array_elements($1::text::jsonb) as entries (entry)",
    [JSON.stringify(entries)],
  );
  return entries.map(({ id }) => id);
};

/** Decides each callback with the real code and keeps what it sends, but lets no commit through: nothing changes. */
const record = async (driver: Driver, ids: readonly CommandId[]): Promise<Replay> => {
  const withheld: Driver = {
    ...driver,
    query: async (text, params = []) =>
      text.includes("commit_all") ? [{ answers: [{ ok: true }] }] : driver.query(text, params),
  };
  const { driver: recording, watch } = recorder(withheld);
  const apply = updater(driver, postgresStorage(recording));
  const requests: (readonly Sent[])[] = [];
  await inFlight(64, ids, async (id, n) => {
    requests[n] = await watch(async () => acknowledged(await apply(id)));
  });
  return keepReplay(driver, requests);
};

/** pgbench on a copy of the database: reads what to send, then sends the very statements that our code sends. */
export const pgbenchSide = ({ url, ids, replay }: Waiting, clients: number): Side => ({
  name: `pgbench, ${clients} clients`,
  run: () => onCopy(url, ids.length, (copy) => sendReplay(copy, replay, { clients, requests: ids.length })),
});

/** Our State Updater on a copy of the database: each callback from the intake to its commit, so many at a time. */
export const updaterSide = (
  name: string,
  { url, ids }: Waiting,
  how: {
    readonly atOnce: number;
    readonly connections: number;
    readonly grouped: boolean;
    /** How what a commit sends reaches the database; as it is, where nothing is said. */
    readonly sending?: (driver: Driver) => Driver;
  },
): Side => ({
  name,
  run: () =>
    onCopy(url, ids.length, async (copy) => {
      const driver = connect(copy, how.connections);
      await Promise.all(Array.from({ length: how.connections }, () => driver.query("select pg_sleep(0.05)")));
      const storage = postgresStorage(how.sending?.(driver) ?? driver);
      const apply = updater(driver, how.grouped ? groupCommit(storage) : storage);
      const latenciesMs = new Float64Array(ids.length);
      const startedAt = performance.now();
      await inFlight(how.atOnce, ids, async (id, n) => {
        const from = performance.now();
        acknowledged(await apply(id));
        latenciesMs[n] = performance.now() - from;
      });
      const perSecond = (ids.length / (performance.now() - startedAt)) * 1000;
      await driver.close();
      return { perSecond, ...waits(latenciesMs) };
    }),
});

/** What the consumer does with one row of the intake. */
export const updater = (driver: Driver, storage: Storage) => {
  const intake = postgresIntake(driver, openSeals(MASTER_KEY));
  const state: Billing = billing({
    storage,
    clock: { now: async () => PAID_AT },
    digest: sha256,
    policy: DEFAULT_POLICY,
    gatewayAccount: GATEWAY,
  });
  return async (id: CommandId): Promise<Executed> => {
    const entry = await intake.entry(id);
    if (!entry.ok || entry.value === null) throw new Error(`${id} is in the intake`);
    const { body, fingerprint, receivedAt } = entry.value;
    const asked = parseIntakeBody(body);
    if (!asked.ok) throw new Error(`${id} can be read`);
    return state.execute({ id, fingerprint, receivedAt, ...asked.value });
  };
};

const acknowledged = (executed: Executed): void => {
  if (executed.status !== "done" || !executed.outcome.ok || executed.repeated)
    throw new Error(`void: a payment was not applied: ${JSON.stringify(executed)}`);
};

export const inFlight = async <T>(atOnce: number, items: readonly T[], run: (item: T, n: number) => Promise<void>) => {
  let next = 0;
  const one = async (): Promise<void> => {
    for (let n = next++; n < items.length; n = next++) await run(items[n] as T, n);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
};

/** Runs a half on a database of its own, and looks afterwards at what it did. */
const onCopy = async (from: string, payments: number, run: (url: string) => Promise<Half>): Promise<Half> => {
  const url = await makeDatabase(from);
  try {
    const half = await run(url);
    const driver = connect(url);
    await assertByIndex(driver, payments);
    await assertCommitted(driver, payments);
    await driver.close();
    return half;
  } finally {
    await dropDatabase(url);
  }
};

/**
 * Both sides send the same statements, so a ratio would not notice that they read whole tables. The server has counted:
 * rows that were read in the order in which they lie, and not by an index, must be next to none.
 */
export const assertByIndex = async (driver: Driver, payments: number): Promise<void> => {
  const rows = await driver.query(
    `select relname, seq_tup_read::int as read from pg_stat_user_tables
     where schemaname in ('accounts', 'billing') and seq_tup_read > $1 order by seq_tup_read desc`,
    [payments],
  );
  const told = rows.map(({ relname, read }) => `${Number(read) / payments} rows of ${String(relname)}`);
  if (told.length > 0) throw new Error(`void: each request read ${told.join(", ")} without an index`);
};

/** Every acknowledged payment was committed, whole. */
const assertCommitted = async (driver: Driver, payments: number): Promise<void> => {
  const [row] = await driver.query(COMMITTED);
  const counts = Object.values(row ?? {}).map(Number);
  if (counts.some((count) => count !== payments))
    throw new Error(`void: ${payments} payments were acknowledged, and committed were ${JSON.stringify(row)}`);
};

const COMMITTED = `select
  (select count(*)::int from billing.intake where done_at is not null) as taken,
  (select count(*)::int from billing.outcomes join billing.intake on id = command_id) as outcomes,
  (select count(*)::int from billing.captures) as captures,
  (select count(*)::int from billing.access) as accesses,
  (select count(*)::int from billing.invoices where status = 'paid') as paid,
  (select count(*)::int from billing.events where type = 'InvoicePaid') as events,
  (select count(*)::int from billing.outbox join billing.events using (stream, version)
    where type = 'InvoicePaid' and relayed_at is null) as messages`;
