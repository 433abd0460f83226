import { instantOf, MINUTE_MS } from "../src/core/time.ts";
import { CLIENTS } from "./support/accepting.ts";
import { runAlone } from "./support/alone.ts";
import { makeDatabase, vacuum } from "./support/database.ts";
import { CONNECTIONS, GATEWAY_ACCOUNT } from "./support/door.ts";
import { type Goal, ratio } from "./support/goal.ts";
import { closedLoop, type Wire } from "./support/load.ts";
import { seedPayers } from "./support/payers.ts";
import { BARE, type Running, settingsOf, start, VIEWING } from "./support/processes.ts";
import { withDriver } from "./support/replay.ts";
import { interleaved, type Side } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";
import { accessRequests, MAY_WATCH, openSessions } from "./support/viewers.ts";

/** Each has asked before it is measured, as in a process that has been up for a minute. */
const VIEWERS = scaled(6400, CLIENTS, 19_200);
const REQUESTS = scaled(64_000);

export const e1: Goal = {
  id: "e1",
  what: "may I watch, over HTTP: token verified, access remembered by the process and kept fresh by the bus; 64 clients",
  dividedBy: "a bare Bun.serve that answers the like to whatever is asked",
  measure: async (say) => {
    const url = await makeDatabase();
    await seedPayers(url, GATEWAY_ACCOUNT, { at: instantOf(Date.now() - MINUTE_MS), havePaid: true });
    await openSessions(url);
    await vacuum(url);
    const accounts = await withDriver(url, (driver) =>
      driver.query("select account_id from billing.access order by md5(account_id) limit $1", [VIEWERS]),
    );
    const viewers = await accessRequests(accounts.map((row) => row["account_id"] as string));
    const asked = Array.from({ length: REQUESTS }, (_, n) => viewers[n % viewers.length] ?? new Uint8Array());
    say(`${viewers.length} accounts that may watch, each known to the process`);

    const side = (name: string, open: () => Promise<Running>, warmUp: readonly Wire[]): Side => ({
      name,
      run: async () => {
        const { port, stop } = await open();
        const target = { port, expected: MAY_WATCH };
        await closedLoop(target, warmUp, CLIENTS);
        const half = await closedLoop(target, asked, CLIENTS);
        await stop();
        return half;
      },
    });
    const ours = side("ours", () => start(VIEWING, settingsOf(url, CONNECTIONS)), [...viewers, ...viewers]);
    const bare = side("bare Bun.serve", () => start(BARE, { BODY: `{${MAY_WATCH}}` }), viewers);
    return { figures: [ratio(await interleaved([ours, bare], say), { least: 0.6 })] };
  },
};

if (import.meta.main) await runAlone(e1);
