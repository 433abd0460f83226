import { headers } from "nats";
import type { Driver } from "../src/adapters/postgres/driver.ts";
import { groupCommit } from "../src/adapters/postgres/group-commit.ts";
import { postgresOutbox } from "../src/adapters/postgres/outbox.ts";
import { postgresStorage } from "../src/adapters/postgres/storage.ts";
import {
  CLOUD_EVENT_TYPE,
  EVENT_SUBJECTS,
  idOfFact,
  printFact,
  subjectOfFact,
} from "../src/adapters/wire/cloud-events.ts";
import { relaying } from "../src/core/work/relay.ts";
import { wallTime } from "../src/entrypoints/parts/ground.ts";
import { natsHouse } from "../test/support/nats-house.ts";
import type { OwnNats } from "../test/support/own-nats.ts";
import { onCopyOf } from "./support/accepting.ts";
import { runAlone } from "./support/alone.ts";
import { assertDurable, makeDatabase, vacuum } from "./support/database.ts";
import { type Goal, ratio } from "./support/goal.ts";
import { inFlight, paymentsWaiting, updater } from "./support/payments.ts";
import { withDriver } from "./support/replay.ts";
import { type Half, interleaved, type Side } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";
import { withNats } from "./support/servers.ts";

const PAYMENTS = scaled(4800, 64, 19_200);
const CONNECTIONS = 8;
const IN_FLIGHT = 500;
/** Messages before the first that is measured: of the relay in steps of its own, for one step brings many. */
const WARM_UP = 1000;
const WARM_UP_STEP = 250;

export const b1: Goal = {
  id: "b1",
  what: "outbox relayed: rows read, published in the order of their streams, acknowledged by the stream, marked; one process",
  dividedBy: "a bare client that publishes the same bytes under the same ids to the same stream, 500 in flight",
  measure: async (say) => {
    await assertDurable();
    const { url, messages } = await committedPayments(say);
    const ours: Side = {
      name: "ours",
      run: () =>
        withNats((nats) =>
          onCopyOf(url, async (copy) => {
            const half = await withDriver(copy, (driver) => relayAll(nats, driver, messages.length), CONNECTIONS);
            await assertPublished(nats, messages.length);
            await assertMarked(copy);
            return half;
          }),
        ),
    };
    const bare: Side = {
      name: "bare client",
      run: () =>
        withNats(async (nats) => {
          const half = await publishAll(nats, messages);
          await assertPublished(nats, messages.length);
          return half;
        }),
    };
    return { figures: [ratio(await interleaved([ours, bare], say), { least: 0.4 })] };
  },
};

type Message = { readonly subject: string; readonly id: string; readonly bytes: Uint8Array };

/** A database in which the facts of many payments wait to be relayed, as the State Updater has left them; and their messages. */
const committedPayments = async (
  say: (line: string) => void,
): Promise<{ readonly url: string; readonly messages: readonly Message[] }> => {
  const { url: waiting, ids } = await paymentsWaiting(PAYMENTS, say);
  const url = await makeDatabase(waiting);
  const messages = await withDriver(
    url,
    async (driver) => {
      const apply = updater(driver, groupCommit(postgresStorage(driver)));
      await inFlight(64, ids, async (id) => void (await apply(id)));
      const unrelayed = await postgresOutbox(driver).unrelayed(1_000_000);
      if (!unrelayed.ok) throw new Error(unrelayed.error.code);
      return unrelayed.value.map((fact) => ({
        subject: subjectOfFact(fact),
        id: idOfFact(fact),
        bytes: new TextEncoder().encode(printFact(fact)),
      }));
    },
    CONNECTIONS,
  );
  await vacuum(url);
  const bytes = messages.reduce((sum, message) => sum + message.bytes.length, 0);
  say(`${messages.length} facts to relay, ${Math.round(bytes / messages.length)} bytes each`);
  return { url, messages };
};

const relayAll = async (nats: OwnNats, driver: Driver, messages: number): Promise<Half> => {
  const { bus, close } = await natsHouse(nats.url);
  try {
    const outbox = postgresOutbox(driver);
    const ports = { outbox, bus, now: wallTime, reports: () => undefined };
    const few = { ...outbox, unrelayed: () => outbox.unrelayed(WARM_UP_STEP) };
    const warmUp = relaying({ ...ports, outbox: few });
    for (let n = 0; n < WARM_UP; n += WARM_UP_STEP) await warmUp.step();
    const relay = relaying(ports);
    const startedAt = performance.now();
    while (await relay.step());
    return halfOf(messages, startedAt);
  } finally {
    await close();
  }
};

const publishAll = async (nats: OwnNats, messages: readonly Message[]): Promise<Half> => {
  // The streams as our own code makes them.
  await (await natsHouse(nats.url)).close();
  const nc = await nats.client();
  const js = nc.jetstream();
  const publish = async ({ subject, id, bytes }: Message): Promise<void> => {
    const told = headers();
    told.set("Content-Type", CLOUD_EVENT_TYPE);
    await js.publish(subject, bytes, { msgID: id, headers: told });
  };
  await inFlight(IN_FLIGHT, messages.slice(0, WARM_UP), publish);
  const startedAt = performance.now();
  await inFlight(IN_FLIGHT, messages.slice(WARM_UP), publish);
  const half = halfOf(messages.length, startedAt);
  await nc.close();
  return half;
};

const halfOf = (messages: number, startedAt: number): Half => ({
  perSecond: ((messages - WARM_UP) / (performance.now() - startedAt)) * 1000,
  p50Ms: null,
  p99Ms: null,
});

const assertPublished = async (nats: OwnNats, messages: number): Promise<void> => {
  const nc = await nats.client();
  const jsm = await nc.jetstreamManager();
  const { state } = await jsm.streams.info("BILLING_EVENTS", { subjects_filter: EVENT_SUBJECTS });
  const kept = Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
  await nc.close();
  if (kept !== messages) throw new Error(`void: ${messages} facts were relayed, and ${kept} are in the stream`);
};

const assertMarked = (url: string): Promise<void> =>
  withDriver(url, async (driver) => {
    const [row] = await driver.query("select count(*)::int as left from billing.outbox where relayed_at is null");
    if (row?.["left"] !== 0) throw new Error(`void: ${String(row?.["left"])} rows are not marked`);
  });

if (import.meta.main) await runAlone(b1);
