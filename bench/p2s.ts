import { CLIENTS, onCopyOf, WARM_UP } from "./support/accepting.ts";
import { runAlone } from "./support/alone.ts";
import { assertDurable } from "./support/database.ts";
import { payersNow, REGISTERED } from "./support/door.ts";
import { type Goal, ratio } from "./support/goal.ts";
import { closedLoop } from "./support/load.ts";
import { sendReplay } from "./support/replay.ts";
import { interleaved, type Side } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";
import { endAllServers } from "./support/servers.ts";
import { assertPaid, openSplit } from "./support/split.ts";
import { recordWholeWay } from "./support/whole-way.ts";

const LIMIT_CLIENTS = 16;
const CALLBACKS = scaled(4800, 64, 16_000);

export const p2s: Goal = {
  id: "p2s",
  what: "callbacks accepted by `api`, 64 clients, rung over NATS, and applied by `consumer`, until the last is committed; facts relayed, `cron` beside",
  dividedBy:
    "pgbench, one callback after another accepted and applied, one commit for each, the same statements, 16 clients",
  measure: async (say) => {
    await assertDurable();
    const { url, payers } = await payersNow(say);
    const callbacks = payers.slice(0, WARM_UP + CALLBACKS).map(({ callback }) => callback);
    const replayed = await recordWholeWay(url, callbacks);
    say(`${replayed.replay.statements} statements for each callback`);
    const ours: Side = {
      name: "ours",
      run: async () => {
        const split = await openSplit(replayed.url);
        const target = { port: split.port, expected: REGISTERED };
        await closedLoop(target, callbacks.slice(0, WARM_UP), CLIENTS);
        await split.allApplied();
        const startedAt = performance.now();
        await closedLoop(target, callbacks.slice(WARM_UP), CLIENTS);
        await split.allApplied();
        const perSecond = (CALLBACKS / (performance.now() - startedAt)) * 1000;
        await split.assertApplied(callbacks.length);
        await split.close();
        // How long one waits for an answer while the rest piles up says little.
        return { perSecond, p50Ms: null, p99Ms: null };
      },
    };
    const limit: Side = {
      name: `pgbench, ${LIMIT_CLIENTS} clients`,
      run: () =>
        onCopyOf(replayed.url, async (copy) => {
          const how = { clients: LIMIT_CLIENTS, requests: CALLBACKS, warmUp: WARM_UP };
          const half = await sendReplay(copy, replayed.replay, how);
          await assertPaid(copy, callbacks.length);
          return half;
        }),
    };
    try {
      return { figures: [ratio(await interleaved([ours, limit], say), { least: 0.8 })] };
    } finally {
      await endAllServers();
    }
  },
};

if (import.meta.main) await runAlone(p2s);
