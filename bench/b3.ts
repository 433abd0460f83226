import { AckPolicy, headers } from "nats";
import { jwtServiceTokens } from "../src/adapters/crypto/service-tokens.ts";
import { openPostgres } from "../src/adapters/postgres/store.ts";
import { intakeBodies } from "../src/adapters/wire/intake-bodies.ts";
import { serviceCommands, subjectOfCommand } from "../src/adapters/wire/service-commands.ts";
import { DAY_MS, plusMs } from "../src/core/time.ts";
import { commandDoor } from "../src/core/work/command-door.ts";
import { digest, wallTime } from "../src/entrypoints/parts/ground.ts";
import { accountNamed } from "../test/support/cinema.ts";
import { natsHouse } from "../test/support/nats-house.ts";
import type { OwnNats } from "../test/support/own-nats.ts";
import { until } from "../test/support/until.ts";
import { onCopyOf } from "./support/accepting.ts";
import { runAlone } from "./support/alone.ts";
import { assertDurable, makeDatabase } from "./support/database.ts";
import { type Goal, ratio } from "./support/goal.ts";
import { inFlight } from "./support/payments.ts";
import { VAULT_KEY } from "./support/processes.ts";
import { withDriver } from "./support/replay.ts";
import { interleaved, type Side } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";
import { withNats } from "./support/servers.ts";

const CONNECTIONS = 8;
/** A consumer runs for weeks: with a fifth of these the code was still being compiled. */
const WARM_UP = scaled(5120);
const COMMANDS = scaled(25_600);
const ALL = WARM_UP + COMMANDS;
/** What the bare client asks for at once. */
const FETCHED = 500;

const STREAM = "BILLING_COMMANDS";
const BARE = "bare";
const SERVICE = "shop";
const COMMAND = subjectOfCommand("invoice.issue");
const MASTER_KEY = Uint8Array.fromHex(VAULT_KEY);

export const b3: Goal = {
  id: "b3",
  what: "commands of a service taken: token verified, command read, a row of the intake each, rung, then acknowledged; 8 connections",
  dividedBy: "a bare client that fetches the same messages, 500 at once, and acknowledges each",
  measure: async (say) => {
    await assertDurable();
    const empty = await makeDatabase();
    await (await openStore(empty)).close();
    const issuedAt = wallTime();
    const token = await (await jwtServiceTokens(MASTER_KEY)).sign(SERVICE, issuedAt, plusMs(issuedAt, DAY_MS));
    const [first = new Uint8Array()] = PAYLOADS;
    say(`${ALL} commands that wait in the stream, ${first.length} bytes each`);

    const ours: Side = {
      name: "ours",
      run: () =>
        withNats((nats) =>
          onCopyOf(empty, async (copy) => {
            await sendAll(nats, token);
            const half = await takeAll(nats, copy);
            await assertTaken(nats);
            await assertKept(copy);
            return half;
          }),
        ),
    };
    const bare: Side = {
      name: "bare client",
      run: () =>
        withNats(async (nats) => {
          await sendAll(nats, token);
          const half = await fetchAll(nats);
          await assertTaken(nats);
          return half;
        }),
    };
    return { figures: [ratio(await interleaved([ours, bare], say), { least: 0.25 })] };
  },
};

const openStore = (url: string) =>
  openPostgres({ url, masterKey: MASTER_KEY, max: CONNECTIONS, role: "matinee_updater", groupCommit: true });

/** Keys are random: an id in the intake is a digest of the sender's. */
const PAYLOADS: readonly Uint8Array[] = Array.from({ length: ALL }, (_, n) => {
  const amount = { amount: "1500.00", currency: "RUB" };
  const line = { kind: "service", plan: null, priceVersion: null, amount, period: null };
  const data = { accountId: accountNamed(`customer ${n}`), lines: [line] };
  const time = new Date(1_769_850_000_000 + n).toISOString();
  return new TextEncoder().encode(
    JSON.stringify({ specversion: "1.0", id: `order-${n}`, source: SERVICE, type: COMMAND, time, data }),
  );
});

/** Into the stream as our own code makes it. */
const sendAll = async (nats: OwnNats, token: string): Promise<void> => {
  await (await natsHouse(nats.url)).close();
  const nc = await nats.client();
  const js = nc.jetstream();
  await inFlight(500, PAYLOADS, async (payload) => {
    const shown = headers();
    shown.set("Authorization", `Bearer ${token}`);
    await js.publish(COMMAND, payload, { headers: shown });
  });
  await nc.close();
};

/** The first of them warm up; the clock runs from when they are done. */
const stopwatch = () => {
  let [done, startedAt] = [0, 0];
  const all = Promise.withResolvers<number>();
  return {
    one: (): void => {
      done += 1;
      if (done === WARM_UP) startedAt = performance.now();
      if (done === ALL) all.resolve(performance.now() - startedAt);
    },
    fail: all.reject,
    half: async () => ({ perSecond: (COMMANDS / (await all.promise)) * 1000, p50Ms: null, p99Ms: null }),
  };
};

/** As the consumer does. */
const takeAll = async (nats: OwnNats, url: string) => {
  const store = await openStore(url);
  const { bus, services, close } = await natsHouse(nats.url);
  const door = commandDoor({
    intake: store.intake,
    services,
    bus,
    tokens: await jwtServiceTokens(MASTER_KEY),
    commands: serviceCommands,
    bodies: intakeBodies,
    digest,
    reports: () => undefined,
    now: wallTime,
  });
  const watch = stopwatch();
  try {
    const taking = await services.takeCommands(
      async (sent) => {
        const taken = await door.take(sent);
        if (taken.status === "later") watch.fail(new Error(`void: a command was put off: ${taken.because}`));
        watch.one();
        return taken;
      },
      async (_, reason) => {
        watch.fail(new Error(`void: our own code broke on a command: ${reason}`));
        return { status: "taken" };
      },
    );
    const half = await watch.half();
    await taking.stop();
    return half;
  } finally {
    await close();
    await store.close();
  }
};

const fetchAll = async (nats: OwnNats) => {
  const nc = await nats.client();
  const jsm = await nc.jetstreamManager();
  await jsm.consumers.add(STREAM, { durable_name: BARE, ack_policy: AckPolicy.Explicit, max_ack_pending: FETCHED * 2 });
  const consumer = await nc.jetstream().consumers.get(STREAM, BARE);
  const watch = stopwatch();
  for (let left = ALL; left > 0; ) {
    const messages = await consumer.fetch({ max_messages: Math.min(FETCHED, left), expires: 5000 });
    for await (const message of messages) {
      message.ack();
      left -= 1;
      // The last one counts once the server has its answer.
      if (left === 0) await nc.flush();
      watch.one();
    }
  }
  const half = await watch.half();
  await nc.close();
  return half;
};

/** What was acknowledged is not in the stream any more. */
const assertTaken = async (nats: OwnNats): Promise<void> => {
  const nc = await nats.client();
  const jsm = await nc.jetstreamManager();
  await until("the stream is empty", async () => (await jsm.streams.info(STREAM)).state.messages === 0);
  await nc.close();
};

const assertKept = (url: string): Promise<void> =>
  withDriver(url, async (driver) => {
    const [row] = await driver.query(
      "select count(*)::int as kept from billing.intake where service = $1 and done_at is null and suspended_at is null",
      [SERVICE],
    );
    if (row?.["kept"] !== ALL)
      throw new Error(`void: ${ALL} commands were acknowledged, and ${String(row?.["kept"])} are in the intake`);
  });

if (import.meta.main) await runAlone(b3);
