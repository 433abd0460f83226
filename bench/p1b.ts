import { runAlone } from "./support/alone.ts";
import { assertDurable } from "./support/database.ts";
import { type Goal, ratio } from "./support/goal.ts";
import { paymentsWaiting, pgbenchSide, updaterSide } from "./support/payments.ts";
import { interleaved } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";

const CONNECTIONS = 8;
const PAYMENTS = scaled(4800, 64, 19_200);

export const p1b: Goal = {
  id: "p1b",
  what: "callback applied, one commit each: 64 in flight on 8 connections",
  dividedBy: "pgbench, the same load and commit statements with the same bodies, 8 clients",
  measure: async (say) => {
    await assertDurable();
    const waiting = await paymentsWaiting(PAYMENTS, say);
    const ours = updaterSide("ours", waiting, { atOnce: 64, connections: CONNECTIONS, grouped: false });
    const rounds = await interleaved([ours, pgbenchSide(waiting, CONNECTIONS)], say);
    return { figures: [ratio(rounds, { least: 0.6 })] };
  },
};

if (import.meta.main) await runAlone(p1b);
