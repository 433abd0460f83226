import { assertDurable, dropAllMade } from "./support/database.ts";
import { type Goal, runAlone } from "./support/goal.ts";
import { paymentsWaiting, pgbenchSide, updaterSide } from "./support/payments.ts";
import { interleaved } from "./support/rounds.ts";
import { SCALE } from "./support/scale.ts";

const CONNECTIONS = 8;
const LIMIT_CLIENTS = 16;
const PAYMENTS = Math.min(4800 * SCALE, 19_200);

export const p2: Goal = {
  id: "p2",
  what: "callback applied, group commit on: 64 in flight on 8 connections",
  dividedBy: "pgbench, one commit per callback, the same statements and bodies, 16 clients",
  floor: 0.8,
  measure: async (say) => {
    await assertDurable();
    try {
      const waiting = await paymentsWaiting(PAYMENTS, say);
      const how = { atOnce: 64, connections: CONNECTIONS };
      const rounds = await interleaved(
        [
          updaterSide("grouped", waiting, { ...how, grouped: true }),
          pgbenchSide(waiting, LIMIT_CLIENTS),
          updaterSide("one commit each", waiting, { ...how, grouped: false }),
        ],
        say,
      );
      return { rounds, also: [{ name: "divided by our own one commit each", ours: 0, limit: 2 }] };
    } finally {
      await dropAllMade();
    }
  },
};

if (import.meta.main) await runAlone(p2);
