import { assertDurable, dropAllMade } from "./support/database.ts";
import { type Goal, runAlone } from "./support/goal.ts";
import { paymentsWaiting, pgbenchSide, updaterSide } from "./support/payments.ts";
import { interleaved } from "./support/rounds.ts";
import { SCALE } from "./support/scale.ts";

const CONNECTIONS = 8;
const PAYMENTS = Math.min(4800 * SCALE, 19_200);

export const p1b: Goal = {
  id: "p1b",
  what: "callback applied, one commit each: 64 in flight on 8 connections",
  dividedBy: "pgbench, the same load and commit statements with the same bodies, 8 clients",
  floor: 0.6,
  measure: async (say) => {
    await assertDurable();
    try {
      const waiting = await paymentsWaiting(PAYMENTS, say);
      const ours = updaterSide("ours", waiting, { atOnce: 64, connections: CONNECTIONS, grouped: false });
      return { rounds: await interleaved([ours, pgbenchSide(waiting, CONNECTIONS)], say) };
    } finally {
      await dropAllMade();
    }
  },
};

if (import.meta.main) await runAlone(p1b);
