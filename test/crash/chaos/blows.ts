import type { JetStreamManager } from "nats";
import { MINUTE_MS } from "../../../src/core/time.ts";
import { openDatabase } from "../../checker/database.ts";
import type { Dice } from "../../support/dice.ts";
import { sandboxAt } from "../../support/sandbox.ts";
import { until } from "../../support/until.ts";
import { terminateAll } from "../under-load.ts";
import type { Cluster } from "./cluster.ts";
import type { Kind } from "./node.ts";
import { newWeather, patientCaller } from "./patient-caller.ts";
import { newPayer, type Told, watchesSoon } from "./payer.ts";

/** Something that befalls one part of an installation, and how that is healed. */
export type Blow = {
  readonly name: string;
  deal(): Promise<void> | void;
  /** What has to hold while it lasts; or only so long. */
  meanwhile(): Promise<void>;
  heal(): Promise<void> | void;
};
export type Blows = {
  readonly all: readonly Blow[];
  /** Those who paid while nothing but the database was there. */
  readonly told: readonly Told[];
  /** When the bus last lost what it had. */
  readonly lostAt: () => number;
};

/** As long as a default run can afford; a long one draws up to the second. */
const FREEZE_MS = { from: 3000, to: 8000 };
const BRIEF_MS = 400;
/** Clocks are looked at every 5 s. */
const CLOCK_MS = 8000;
/** Long enough for a look by a wrong clock. */
const WRONG_MS = 6000;
const FULL_MS = 4000;
const NO_CONSUMER_MS = 5000;
const NO_BUS_MS = 15_000;
const STEP_MS = 60 * MINUTE_MS;

export const blowsOf = (cluster: Cluster, dice: Dice, isLong: boolean): Blows => {
  const told: Told[] = [];
  let lostAt = 0;
  const freezeMs = (): number => (isLong ? FREEZE_MS.from + dice.below(FREEZE_MS.to - FREEZE_MS.from) : FREEZE_MS.from);
  const onLost = (): void => {
    lostAt = Date.now();
  };
  const kinds = [...new Set(cluster.nodes.map(({ kind }) => kind))];
  return {
    all: [
      ...kinds.flatMap((kind) => onProcess(cluster, kind, dice, freezeMs)),
      ...onPostgres(cluster, freezeMs),
      ...onNats(cluster, freezeMs, onLost),
      ...onRedis(cluster, freezeMs),
      onClocks(cluster),
      noConsumer(cluster, told),
      noBus(cluster, told),
    ],
    told,
    lostAt: () => lostAt,
  };
};

const lasting = (ms: number) => (): Promise<void> => Bun.sleep(ms);
const nothing = (): void => undefined;

const onProcess = (cluster: Cluster, kind: Kind, dice: Dice, freezeMs: () => number): readonly Blow[] => {
  const [killed, frozen] = [dice.pick(cluster.of(kind)), dice.pick(cluster.of(kind))];
  if (killed === null || frozen === null) throw new Error(`there is a ${kind}`);
  return [
    { name: `${killed.name} is killed`, deal: killed.kill, meanwhile: lasting(BRIEF_MS), heal: killed.start },
    { name: `${frozen.name} stands still`, deal: frozen.freeze, meanwhile: lasting(freezeMs()), heal: frozen.thaw },
  ];
};

const onPostgres = ({ postgres, databaseUrl }: Cluster, freezeMs: () => number): readonly Blow[] => [
  { name: "PostgreSQL crashes", deal: () => postgres.restart("immediate"), meanwhile: lasting(0), heal: nothing },
  { name: "PostgreSQL stands still", deal: postgres.freeze, meanwhile: lasting(freezeMs()), heal: postgres.thaw },
  {
    name: "all connections to PostgreSQL are cut",
    deal: () => terminateAll(databaseUrl),
    meanwhile: lasting(BRIEF_MS),
    heal: nothing,
  },
];

const onNats = (cluster: Cluster, freezeMs: () => number, onLost: () => void): readonly Blow[] => {
  const { nats } = cluster;
  const wiped = async (): Promise<void> => {
    await nats.kill();
    nats.wipe();
  };
  const startedEmpty = async (): Promise<void> => {
    await nats.start();
    onLost();
  };
  return [
    { name: "NATS crashes", deal: nats.kill, meanwhile: lasting(BRIEF_MS), heal: () => nats.start() },
    { name: "NATS stands still", deal: nats.freeze, meanwhile: lasting(freezeMs()), heal: nats.thaw },
    { name: "NATS loses its disk", deal: wiped, meanwhile: lasting(BRIEF_MS), heal: startedEmpty },
    {
      name: "all streams are deleted",
      deal: () => dropStreams(cluster),
      meanwhile: lasting(BRIEF_MS),
      heal: onLost,
    },
    {
      name: "the disk of NATS is full",
      deal: () => fill(cluster),
      meanwhile: () => until("facts have to wait", async () => (await factsWaiting(cluster)) > 0, FULL_MS),
      heal: () => free(cluster),
    },
  ];
};

const onRedis = ({ redis }: Cluster, freezeMs: () => number): readonly Blow[] => [
  { name: "Redis crashes and comes back empty", deal: redis.kill, meanwhile: lasting(BRIEF_MS), heal: redis.start },
  { name: "Redis is flushed", deal: redis.flush, meanwhile: lasting(BRIEF_MS), heal: nothing },
  { name: "Redis stands still", deal: redis.freeze, meanwhile: lasting(freezeMs()), heal: redis.thaw },
];

/** Of those who execute and of those who do what falls due: of each kind one is an hour ahead and one an hour back. */
const onClocks = (cluster: Cluster): Blow => {
  const nodes = [...cluster.of("cron"), ...cluster.of("consumer")];
  const areReady = async (wanted: boolean): Promise<boolean> =>
    (await Promise.all(nodes.map(({ url }) => isReady(url)))).every((ready) => ready === wanted);
  return {
    name: "the clocks of crons and consumers jump, an hour ahead and an hour back",
    deal: async () => {
      await Promise.all(nodes.map((node, i) => node.stepClock(i % 2 === 0 ? STEP_MS : -STEP_MS)));
    },
    meanwhile: async () => {
      await until("they know that their clocks are wrong", () => areReady(false), CLOCK_MS);
      await Bun.sleep(WRONG_MS);
    },
    heal: async () => {
      await Promise.all(nodes.map((node) => node.stepClock(0)));
      await until("they know that their clocks are right", () => areReady(true), CLOCK_MS);
    },
  };
};

const noConsumer = (cluster: Cluster, told: Told[]): Blow =>
  paysAllTheSame(cluster, "both consumers are dead", NO_CONSUMER_MS, false, told, {
    deal: async () => {
      await Promise.all(cluster.of("consumer").map((consumer) => consumer.kill()));
    },
    heal: async () => {
      await Promise.all(cluster.of("consumer").map((consumer) => consumer.start()));
    },
  });
const noBus = (cluster: Cluster, told: Told[]): Blow =>
  paysAllTheSame(cluster, "NATS is away", NO_BUS_MS, true, told, {
    deal: cluster.nats.kill,
    heal: () => cluster.nats.start(),
  });

/** Whoever stands before the window pays, and is let watch as soon as anybody is there who executes. */
const paysAllTheSame = (
  cluster: Cluster,
  name: string,
  lastsMs: number,
  isExecuted: boolean,
  told: Told[],
  { deal, heal }: Pick<Blow, "deal" | "heal">,
): Blow => {
  let prepared: Awaited<ReturnType<typeof prepare>> | null = null;
  return {
    name,
    deal: async () => {
      prepared = await prepare(cluster);
      told.push(prepared.payer.told);
      await deal();
    },
    meanwhile: async () => {
      if (prepared === null) throw new Error("it was dealt");
      const { payer, invoiceId, window } = prepared;
      const begun = performance.now();
      const books = sandboxAt(() => cluster.sandboxOrigin, cluster.dataDir);
      try {
        // A check that is not answered with code 0 ends the payment.
        const result = await payer.pressesPay(window);
        if (result !== "success") throw new Error(`expected to pay, came ${result}`);
        const [payment] = books.movements(window.attemptId);
        await until(
          "the call about the payment is answered with code 0",
          () => books.notifications().some((one) => one.transactionId === payment?.id && one.state === "delivered"),
          3000,
        );
        for (const { url } of cluster.of("api")) {
          const statuses = await payer.readsAt(url, invoiceId);
          if (statuses.some((status) => status !== 200)) throw new Error(`reads came to ${statuses.join(", ")}`);
        }
        if (isExecuted) await until("access is granted", () => watchesSoon(payer), lastsMs);
      } finally {
        books.close();
      }
      await Bun.sleep(Math.max(0, lastsMs - (performance.now() - begun)));
    },
    heal,
  };
};

const prepare = async (cluster: Cluster) => {
  const payer = await newPayer(patientCaller(cluster.balancer.origin, newWeather()));
  const invoiceId = await payer.subscribes();
  const window = await payer.opensWindow(invoiceId);
  if (window === null) throw new Error("nobody has paid yet");
  return { payer, invoiceId, window };
};

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2000) }).then(
    ({ status }) => status === 200,
    () => false,
  );

/** For longer than the relay ever takes. */
const WAITING = `select count(*) as count from billing.outbox message join billing.events event using (stream, version)
  where message.relayed_at is null and event.recorded_at < now() - interval '1 s'`;
const factsWaiting = async ({ databaseUrl }: Cluster): Promise<number> => {
  const { query, close } = await openDatabase(databaseUrl);
  const [row] = await query(WAITING);
  await close();
  return Number(row?.["count"]);
};

const onStreams = async (cluster: Cluster, act: (jsm: JetStreamManager) => Promise<void>): Promise<void> => {
  const nc = await cluster.nats.client();
  await act(await nc.jetstreamManager());
  await nc.close();
};
const dropStreams = (cluster: Cluster): Promise<void> =>
  onStreams(cluster, async (jsm) => {
    const names: string[] = [];
    for await (const name of jsm.streams.names()) names.push(name);
    for (const name of names) await jsm.streams.delete(name);
  });

/** Somebody else's stream takes all the room that there is. */
const FOREIGN = "FOREIGN";
const fill = async (cluster: Cluster): Promise<void> => {
  const nc = await cluster.nats.client();
  const jsm = await nc.jetstreamManager();
  await jsm.streams.add({ name: FOREIGN, subjects: ["foreign"] });
  const js = nc.jetstream();
  for (const bytes of [512 * 1024, 16 * 1024, 512]) {
    const some = new Uint8Array(bytes);
    for (let isFull = false; !isFull; ) {
      isFull = await js.publish("foreign", some).then(
        () => false,
        () => true,
      );
    }
  }
  await nc.close();
};
const free = (cluster: Cluster): Promise<void> =>
  onStreams(cluster, async (jsm) => void (await jsm.streams.delete(FOREIGN)));
