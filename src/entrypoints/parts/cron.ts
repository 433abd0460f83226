import { HOUR_MS } from "../../core/time.ts";
import { sweep } from "../../core/work/sweep.ts";
import { WORK_KINDS, workOn } from "../../core/work/work.ts";
import { clockOf, digest, type Ground, newName } from "./ground.ts";
import { notOftener, openRunning, type Part } from "./running.ts";

const DUE_SWEEP_MS = 1000;
/** Facts come by the hundred, and what they make due can wait so long. */
const WOKEN_MS = 50;
/** Another cron, or this one when its clock is right again, works on it. */
const CLOCK_OFF = { status: "later", afterMs: 1000, because: "this node's clock is off" } as const;

/**
 * What falls due by itself: it is found here, and worked on: gateways are called, deadlines are kept.
 * @param onWorked a row was worked on, and something may have been committed
 */
export const cronPart = (ground: Ground, onWorked: () => void): Part => {
  const { store, gateway, state, log, now, bus, tasks, alone, isClockRight } = ground;
  const { queries, vault } = store;
  const { payments } = gateway;
  const clock = clockOf(now);
  const running = openRunning(log);
  const work = workOn({
    billing: state,
    queries,
    paymentsOf: (account) => (account === payments.gatewayAccount ? payments : null),
    digest,
    reports: log.report,
    now,
    newRun: newName,
    pause: (ms) => Bun.sleep(ms),
  });

  return {
    start: async () => {
      const sweeping = alone("due", async () => {
        // By a wrong clock things would fall due early or late.
        if (isClockRight()) await sweep({ queries, tasks }, WORK_KINDS, await clock.now(null));
        return false;
      });
      const sweeps = running.every("due", DUE_SWEEP_MS, sweeping.step);
      running.keep({ stop: sweeping.release });
      running.keep(await bus.takeHints(async (rows) => void (await tasks.add(rows))));
      // What has just happened may have made something due.
      const wakeSoon = notOftener(WOKEN_MS, sweeps.wake);
      running.keep(await bus.subscribe(async () => wakeSoon()));
      running.keep(
        await tasks.schedule("drop_expired_secrets", HOUR_MS, async () => void (await vault.dropExpired(now()))),
      );
      running.keep(
        await tasks.work(WORK_KINDS, async (row) => {
          if (!isClockRight()) return CLOCK_OFF;
          const done = await work(row);
          onWorked();
          return done;
        }),
      );
    },
    stop: running.stop,
  };
};
