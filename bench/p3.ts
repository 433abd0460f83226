import { runAlone } from "./support/alone.ts";
import { assertDurable } from "./support/database.ts";
import { type Goal, ratio } from "./support/goal.ts";
import { paymentsWaiting, updaterSide } from "./support/payments.ts";
import { interleaved } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";
import { separateWrites } from "./support/separate-writes.ts";

const PAYMENTS = scaled(2560, 64, 19_200);

export const p3: Goal = {
  id: "p3",
  what: "callback applied, 64 in flight on 8 connections: one commit each as one statement (p1b); group commit (p2)",
  dividedBy: "the same code with the same rows written one commit each in 7 round trips: begin, 5 statements, commit",
  measure: async (say) => {
    await assertDurable();
    const waiting = await paymentsWaiting(PAYMENTS, say);
    const how = { atOnce: 64, connections: 8 };
    const rounds = await interleaved(
      [
        updaterSide("one commit each", waiting, { ...how, grouped: false }),
        updaterSide("grouped", waiting, { ...how, grouped: true }),
        updaterSide("7 round trips", waiting, { ...how, grouped: false, sending: separateWrites }),
      ],
      say,
    );
    return {
      figures: [
        ratio(rounds, { least: 2 }, { name: "p1b", ours: 0, limit: 2 }),
        ratio(rounds, { least: 3 }, { name: "p2", ours: 1, limit: 2 }),
      ],
    };
  },
};

if (import.meta.main) await runAlone(p3);
