import { type OwnNats, ownNats } from "../test/support/own-nats.ts";
import { CLIENTS } from "./support/accepting.ts";
import { runAlone } from "./support/alone.ts";
import { assertDurable, dropDatabase, makeDatabase } from "./support/database.ts";
import { type Payer, payersNow, REGISTERED } from "./support/door.ts";
import { figure, type Goal } from "./support/goal.ts";
import { closedLoop, openLoop } from "./support/load.ts";
import { API, CONSUMER, settingsOf, start } from "./support/processes.ts";
import { type Half, inTurn, interleaved, type Stage, waits } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";
import { viewWatch } from "./support/view-watch.ts";

/** Arrivals go on for so long at each load. */
const SECONDS = scaled(4, 1);
const WARM_UP = scaled(640);
const MAXIMUM = scaled(1280, 64, 6400);
const [FEWEST, MOST] = [50, 4000];
/** Every so many-th payer also asks the API. Were it all of them, we would measure the asking. */
const ONE_IN = 10;
const LOADS = [0.25, 0.5] as const;

export const e3: Goal = {
  id: "e3",
  what: "from the commit of an access until another process says so from memory, facts by NATS, payments on a schedule: p99",
  dividedBy: null,
  measure: async (say) => {
    await assertDurable();
    const { url, payers } = await payersNow(say);
    // A new one for each copy of the database: the facts of two copies have the same names.
    const servers: OwnNats[] = [];
    const open = async (): Promise<Theatre> => {
      const nats = await ownNats();
      servers.push(nats);
      return openTheatre(url, payers, nats);
    };
    try {
      const first = await open();
      const maximum = await first.askAtMost();
      await first.close();
      say(`${Math.round(maximum)}/s at most, ${CLIENTS} clients in a closed loop`);
      const loaded = LOADS.map((share) => ({
        name: `at ${share * 100} %`,
        run: ({ ask }: Theatre) => ask(maximum * share),
      }));
      const sides = inTurn(open, loaded);
      const rounds = await interleaved(sides, say);
      return {
        figures: sides.map(({ name }, side) =>
          figure(rounds, side, { name, unit: "ms", bound: { most: 500 }, of: ({ p99Ms }) => p99Ms, rate: true }),
        ),
      };
    } finally {
      for (const nats of servers) await nats.destroy();
    }
  },
};

type Theatre = Stage & { ask(perSecond: number): Promise<Half>; askAtMost(): Promise<number> };

/** The API and the consumer, each a process of its own, and a bus between them. */
const openTheatre = async (url: string, payers: readonly Payer[], nats: OwnNats): Promise<Theatre> => {
  const copy = await makeDatabase(url);
  const settings = { ...settingsOf(copy, 4), NATS_URL: nats.url };
  const consumer = await start(CONSUMER, settings);
  const api = await start(API, settings);
  const watch = viewWatch(copy, api.port);
  const target = { port: api.port, expected: REGISTERED };
  const [stranger, ...others] = payers;
  await watch.remembers(stranger?.accountId ?? "");

  let taken = 0;
  const next = (count: number): readonly Payer[] => {
    const theirs = others.slice(taken, taken + count);
    taken += theirs.length;
    return theirs;
  };
  const callbacksOf = (theirs: readonly Payer[]) => theirs.map(({ callback }) => callback);
  const atMost = (theirs: readonly Payer[]) =>
    closedLoop(target, callbacksOf(theirs), CLIENTS, (n) => watch.granted(theirs[n]?.accountId ?? ""));
  await atMost(next(WARM_UP));
  return {
    askAtMost: async () => (await atMost(next(MAXIMUM))).perSecond,
    ask: async (perSecond) => {
      const theirs = next(Math.max(FEWEST, Math.min(MOST, Math.round(perSecond * SECONDS))));
      const players = new Map<number, string>();
      for (let n = 0; n < theirs.length; n += ONE_IN) {
        const token = await watch.tokenOf(theirs[n]?.accountId ?? "");
        if (await watch.ask(token)) throw new Error("void: may watch before it has paid");
        players.set(n, token);
      }
      const lags: number[] = [];
      const half = await openLoop(target, callbacksOf(theirs), perSecond, async (n) => {
        const [account, token] = [theirs[n]?.accountId ?? "", players.get(n)];
        if (token === undefined) return watch.granted(account);
        lags.push(await watch.lag(account, token));
      });
      await watch.remembers(stranger?.accountId ?? "");
      return { perSecond: half.perSecond, ...waits(Float64Array.from(lags)) };
    },
    close: async () => {
      await watch.close();
      await api.stop();
      await consumer.stop();
      await nats.stop();
      await dropDatabase(copy);
    },
  };
};

if (import.meta.main) await runAlone(e3);
