import { runAlone } from "./support/alone.ts";
import { assertDurable } from "./support/database.ts";
import { alsoRatio, type Goal, ratio } from "./support/goal.ts";
import { paymentsWaiting, pgbenchSide, updaterSide } from "./support/payments.ts";
import { interleaved } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";

const CONNECTIONS = 8;
const LIMIT_CLIENTS = 16;
const PAYMENTS = scaled(4800, 64, 19_200);

export const p2: Goal = {
  id: "p2",
  what: "callback applied, group commit on: 64 in flight on 8 connections",
  dividedBy: "pgbench, one commit per callback, the same statements and bodies, 16 clients",
  measure: async (say) => {
    await assertDurable();
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
    return {
      figures: [ratio(rounds, { least: 0.8 })],
      also: [alsoRatio("divided by our own one commit each", rounds, 0, 2)],
    };
  },
};

if (import.meta.main) await runAlone(p2);
