import { assertDurable, dropAllMade } from "./support/database.ts";
import { type Goal, runAlone } from "./support/goal.ts";
import { paymentsWaiting, pgbenchSide, updaterSide } from "./support/payments.ts";
import { interleaved } from "./support/rounds.ts";
import { SCALE } from "./support/scale.ts";

const CONNECTIONS = 8;
const PAYMENTS = Math.min(3200 * SCALE, 19_200);

export const commit: Goal = {
  id: "commit",
  what: "callback applied: intake row -> load, decide, commit; one commit each, 8 at a time on 8 connections",
  dividedBy: "pgbench, the same load and commit statements with the same bodies, 8 clients",
  floor: 0.6,
  measure: async (say) => {
    await assertDurable();
    try {
      const waiting = await paymentsWaiting(PAYMENTS, say);
      const ours = updaterSide("ours", waiting, { atOnce: CONNECTIONS, connections: CONNECTIONS, grouped: false });
      const rounds = await interleaved([ours, pgbenchSide(waiting, CONNECTIONS)], say);
      return { rounds };
    } finally {
      await dropAllMade();
    }
  },
};

if (import.meta.main) await runAlone(commit);
