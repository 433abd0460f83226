import { CLIENTS, openApiOn, WARM_UP } from "./support/accepting.ts";
import { runAlone } from "./support/alone.ts";
import { assertDurable, dropDatabase, makeDatabase } from "./support/database.ts";
import { assertKept, countRows, payersNow, REGISTERED } from "./support/door.ts";
import { type Goal, ratio } from "./support/goal.ts";
import { closedLoop } from "./support/load.ts";
import { inTurn, interleaved, type Stage } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";

const CALLBACKS = scaled(4800, 64, 16_000);

export const p5: Goal = {
  id: "p5",
  what: "time of a redelivered callback: the same bytes again, all in the order of their first delivery",
  dividedBy: "time of its first delivery, in the same run",
  measure: async (say) => {
    await assertDurable();
    const { url, payers } = await payersNow(say);
    const calls = payers.slice(0, WARM_UP + CALLBACKS).map(({ callback }) => callback);
    const [warmUp, callbacks] = [calls.slice(0, WARM_UP), calls.slice(WARM_UP)];
    const added: number[] = [];
    const open = async (): Promise<Stage & { readonly copy: string; readonly port: number }> => {
      const copy = await makeDatabase(url);
      const running = await openApiOn(copy, warmUp, REGISTERED);
      const close = async (): Promise<void> => {
        await running.stop();
        await assertKept(copy, calls.length);
        await dropDatabase(copy);
      };
      return { copy, port: running.port, close };
    };
    const first = {
      name: "first",
      run: ({ port }: { readonly port: number }) => closedLoop({ port, expected: REGISTERED }, callbacks, CLIENTS),
    };
    const again = {
      name: "redelivered",
      run: async ({ copy, port }: { readonly copy: string; readonly port: number }) => {
        const before = await countRows(copy);
        // This way through the code is warmed up as well.
        await closedLoop({ port, expected: REGISTERED }, warmUp, CLIENTS);
        const half = await closedLoop({ port, expected: REGISTERED }, callbacks, CLIENTS);
        added.push((await countRows(copy)).all - before.all);
        return half;
      },
    };
    const rounds = await interleaved(inTurn(open, [first, again]), say);
    // The time of one divided by that of the other is the rate of the other divided by that of the one.
    const cost = ratio(rounds, { most: 0.6 }, { ours: 0, limit: 1 });
    const redelivered = ratio(rounds, { most: 0.6 }, { ours: 1, limit: 0 });
    return {
      figures: [
        { ...cost, ours: redelivered.ours },
        { name: "rows added", unit: "rows", values: added, bound: { most: 0 }, voided: 0, ours: [] },
      ],
    };
  },
};

if (import.meta.main) await runAlone(p5);
