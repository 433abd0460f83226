import { connect, dropDatabase, makeDatabase } from "./database.ts";
import { API, CONSUMER, CRON, settingsOf, start } from "./processes.ts";
import type { Stage } from "./rounds.ts";
import { endServer, openNatsServer, openRedisServer } from "./servers.ts";

/** `api`, `consumer` and `cron`, each a process of its own, over a bus and a queue of their own, on a copy of the database. */
export type Split = Stage & {
  /** Of the copy. */
  readonly url: string;
  /** Of the API. */
  readonly port: number;
  readonly natsUrl: string;
  /** Waits until all that was accepted is committed. */
  allApplied(): Promise<void>;
  /** Of payments that were accepted, each was applied once and whole; anything else makes the run void. */
  assertApplied(payments: number): Promise<void>;
};

/** Of each process: what they have by default on this machine. */
const CONNECTIONS = 4;
/** Between two looks at the intake. What it adds to the time counts against us, and so does the work of looking. */
const EACH_MS = 5;

export const openSplit = async (from: string): Promise<Split> => {
  const url = await makeDatabase(from);
  const [nats, redis] = await Promise.all([openNatsServer(), openRedisServer()]);
  const settings = { ...settingsOf(url, CONNECTIONS), NATS_URL: nats.url, REDIS_URL: redis.url };
  // One after another, as each looks whether the database has to be migrated.
  const consumer = await start(CONSUMER, settings);
  const cron = await start(CRON, settings);
  const api = await start(API, settings);
  const driver = connect(url);

  return {
    url,
    port: api.port,
    natsUrl: nats.url,
    allApplied: async () => {
      while ((await driver.query(IS_LEFT))[0]?.["is_left"] === true) await Bun.sleep(EACH_MS);
    },
    assertApplied: (payments) => assertPaid(url, payments),
    close: async () => {
      await driver.close();
      await Promise.all([api.stop(), cron.stop(), consumer.stop()]);
      await Promise.all([endServer(nats), endServer(redis)]);
      await dropDatabase(url);
    },
  };
};

const IS_LEFT = "select exists (select from billing.intake where done_at is null and suspended_at is null) as is_left";

export const assertPaid = async (url: string, payments: number): Promise<void> => {
  const driver = connect(url);
  const [row] = await driver.query(PAID);
  await driver.close();
  const counts = Object.values(row ?? {}).map(Number);
  if (counts.some((count) => count !== payments))
    throw new Error(`void: ${payments} payments were accepted, and there are ${JSON.stringify(row)}`);
};

const PAID = `select
  (select count(*)::int from billing.intake) as accepted,
  (select count(*)::int from billing.intake where done_at is not null) as taken,
  (select count(*)::int from billing.captures) as captures,
  (select count(*)::int from billing.access) as accesses,
  (select count(*)::int from billing.events where type = 'InvoicePaid') as events`;
