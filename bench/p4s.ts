import { CLIENTS } from "./support/accepting.ts";
import { accessWatch } from "./support/access-watch.ts";
import { runAlone } from "./support/alone.ts";
import { assertDurable } from "./support/database.ts";
import { type Payer, payersNow, REGISTERED } from "./support/door.ts";
import { figure, type Goal } from "./support/goal.ts";
import { closedLoop, openLoop } from "./support/load.ts";
import { type Half, inTurn, interleaved, type Stage } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";
import { endAllServers } from "./support/servers.ts";
import { openSplit } from "./support/split.ts";

/** Arrivals go on for so long at each load. */
const SECONDS = scaled(3, 1);
const WARM_UP = scaled(640, 64, 2560);
const MAXIMUM = scaled(1280, 64, 6400);
/** So that some arrive also where next to nothing can be carried, and no more than there are. */
const [FEWEST, MOST] = [50, 4000];

export const p4s: Goal = {
  id: "p4s",
  what: "as p4, on three processes: callbacks that `api` accepts on a schedule and `consumer` applies; p99 until the answer; until access is granted",
  dividedBy: null,
  measure: async (say) => {
    await assertDurable();
    const { url, payers } = await payersNow(say);
    const open = () => openTheatre(url, payers);
    try {
      const first = await open();
      const maximum = await first.askAtMost();
      await first.close();
      say(`${Math.round(maximum)}/s until access at most, ${CLIENTS} clients in a closed loop`);
      const sides = inTurn(
        open,
        HALVES.map(({ what, name, share }) => ({
          name: `${what} at ${name}`,
          run: ({ ask }: Theatre) => ask(what, maximum * share),
        })),
      );
      const rounds = await interleaved(sides, say);
      return {
        figures: HALVES.map(({ what, name, ceilingMs }, i) =>
          figure(rounds, i, {
            name: `${what} at ${name}`,
            unit: "ms",
            bound: { most: ceilingMs },
            of: ({ p99Ms }) => p99Ms,
            rate: true,
          }),
        ),
      };
    } finally {
      await endAllServers();
    }
  },
};

const LOADS = [
  { name: "25 %", share: 0.25, ceilingMs: 15 },
  { name: "50 %", share: 0.5, ceilingMs: 60 },
] as const;
/** Of one maximum: what is answered is applied beside it as well. */
const HALVES = (["answer", "access"] as const).flatMap((what) => LOADS.map((load) => ({ what, ...load })));

type Theatre = Stage & {
  ask(what: "answer" | "access", perSecond: number): Promise<Half>;
  askAtMost(): Promise<number>;
};

const openTheatre = async (url: string, payers: readonly Payer[]): Promise<Theatre> => {
  const split = await openSplit(url);
  const watch = accessWatch(split.url);
  const target = { port: split.port, expected: REGISTERED };
  let taken = 0;
  const next = (count: number) => {
    const theirs = payers.slice(taken, taken + count);
    taken += theirs.length;
    const granted = (n: number): Promise<void> => watch.granted(theirs[n]?.accountId ?? "");
    return { callbacks: theirs.map(({ callback }) => callback), granted };
  };
  const atMost = (count: number): Promise<Half> => {
    const { callbacks, granted } = next(count);
    return closedLoop(target, callbacks, CLIENTS, granted);
  };
  await atMost(WARM_UP);
  return {
    askAtMost: async () => (await atMost(MAXIMUM)).perSecond,
    ask: async (what, perSecond) => {
      const { callbacks, granted } = next(Math.max(FEWEST, Math.min(MOST, Math.round(perSecond * SECONDS))));
      const half = await openLoop(target, callbacks, perSecond, what === "access" ? granted : undefined);
      await split.allApplied();
      return half;
    },
    close: async () => {
      await split.assertApplied(taken);
      await watch.close();
      await split.close();
    },
  };
};

if (import.meta.main) await runAlone(p4s);
