import { CLIENTS, openApiOn } from "./support/accepting.ts";
import { accessWatch } from "./support/access-watch.ts";
import { runAlone } from "./support/alone.ts";
import { assertDurable, dropDatabase, makeDatabase } from "./support/database.ts";
import { assertKept, type Payer, payersNow, REGISTERED } from "./support/door.ts";
import { figure, type Goal } from "./support/goal.ts";
import { closedLoop, openLoop } from "./support/load.ts";
import { type Running, STANDALONE, settingsOf, start } from "./support/processes.ts";
import { type Half, inTurn, interleaved, type Side, type Stage } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";

/** Arrivals go on for so long at each load. */
const SECONDS = scaled(2, 1);
const WARM_UP = scaled(640);
const MAXIMUM = scaled(1280, 64, 6400);
/** So that some arrive also where next to nothing can be carried, and no more than there are. */
const [FEWEST, MOST] = [50, 6000];

export const p4: Goal = {
  id: "p4",
  what: "callbacks that arrive on a schedule, the wait from the scheduled instant: p99 until the answer; until access is granted",
  dividedBy: null,
  measure: async (say) => {
    await assertDurable();
    const { url, payers } = await payersNow(say);
    const sides: Side[] = [];
    for (const what of ["answer", "access"] as const) {
      const maximum = await maximumOf(what, url, payers);
      say(`${what}: ${Math.round(maximum)}/s at most, ${CLIENTS} clients in a closed loop`);
      const loaded = LOADS.map(({ name, share }) => ({
        name: `${what} at ${name}`,
        run: ({ ask }: Theatre) => ask(maximum * share),
      }));
      sides.push(...inTurn(() => openTheatre(what, url, payers), loaded));
    }
    const rounds = await interleaved(sides, say);
    return {
      figures: sides.map(({ name }, i) =>
        figure(rounds, i, {
          name,
          unit: "ms",
          bound: { most: LOADS[i % LOADS.length]?.ceilingMs ?? Number.NaN },
          of: ({ p99Ms }) => p99Ms,
          rate: true,
        }),
      ),
    };
  },
};

const LOADS = [
  { name: "25 %", share: 0.25, ceilingMs: 15 },
  { name: "50 %", share: 0.5, ceilingMs: 60 },
] as const;

/** What is waited for: the answer of the API alone, or access by the whole of Matinee in one process. */
type What = "answer" | "access";
type Theatre = Stage & {
  ask(perSecond: number): Promise<Half>;
  askAtMost(count: number): Promise<Half>;
};

const maximumOf = async (what: What, url: string, payers: readonly Payer[]): Promise<number> => {
  const theatre = await openTheatre(what, url, payers);
  const { perSecond } = await theatre.askAtMost(MAXIMUM);
  await theatre.close();
  return perSecond;
};

const openTheatre = async (what: What, url: string, payers: readonly Payer[]): Promise<Theatre> => {
  const copy = await makeDatabase(url);
  const running: Running =
    what === "answer" ? await openApiOn(copy, [], REGISTERED) : await start(STANDALONE, settingsOf(copy, 4));
  const watch = accessWatch(copy);
  const target = { port: running.port, expected: REGISTERED };
  let taken = 0;
  const next = (count: number) => {
    const theirs = payers.slice(taken, taken + count);
    taken += theirs.length;
    const settled = (n: number): Promise<void> =>
      what === "answer" ? Promise.resolve() : watch.granted(theirs[n]?.accountId ?? "");
    return { callbacks: theirs.map(({ callback }) => callback), settled };
  };
  const askAtMost = (count: number): Promise<Half> => {
    const { callbacks, settled } = next(count);
    return closedLoop(target, callbacks, CLIENTS, settled);
  };
  await askAtMost(WARM_UP);
  return {
    askAtMost,
    ask: (perSecond) => {
      const { callbacks, settled } = next(Math.max(FEWEST, Math.min(MOST, Math.round(perSecond * SECONDS))));
      return openLoop(target, callbacks, perSecond, settled);
    },
    close: async () => {
      await running.stop();
      if (what === "answer") await assertKept(copy, taken);
      else await watch.assertGranted(taken);
      await watch.close();
      await dropDatabase(copy);
    },
  };
};

if (import.meta.main) await runAlone(p4);
