import { instantOf, MINUTE_MS } from "../src/core/time.ts";
import { CLIENTS, openApiOn } from "./support/accepting.ts";
import { runAlone } from "./support/alone.ts";
import { assertDurable, makeDatabase, vacuum } from "./support/database.ts";
import { CONNECTIONS, GATEWAY_ACCOUNT } from "./support/door.ts";
import { alsoRatio, type Goal, ratio } from "./support/goal.ts";
import { closedLoop } from "./support/load.ts";
import { seedPayers } from "./support/payers.ts";
import { assertByIndex } from "./support/payments.ts";
import { BARE, start } from "./support/processes.ts";
import { sendReplay, withDriver } from "./support/replay.ts";
import { interleaved, type Side } from "./support/rounds.ts";
import { scaled } from "./support/scale.ts";
import { asWires, MAY_WATCH, openSessions, recordAccess, tokensOf } from "./support/viewers.ts";

/** The parameters of so many requests does pgbench read at once: it has little else to do. */
const PER_READ = 32;
const STEP = PER_READ * CONNECTIONS;
const VIEWERS = scaled(19_200, STEP, 19_200);
const WARM_UP = scaled(1280, STEP, 2560);
const REQUESTS = scaled(24_320, STEP);

export const e2: Goal = {
  id: "e2",
  what: "may I watch, over HTTP: token verified, session and access read from Postgres; 64 clients, the API's own process",
  dividedBy: "pgbench, the very selects that the API sends for each, prepared, 8 clients",
  measure: async (say) => {
    await assertDurable();
    const seeded = await makeDatabase();
    await seedPayers(seeded, GATEWAY_ACCOUNT, { at: instantOf(Date.now() - MINUTE_MS), havePaid: true });
    await openSessions(seeded);
    await vacuum(seeded);
    const accounts = await withDriver(seeded, (driver) =>
      driver.query("select account_id from billing.access order by md5(account_id) limit $1", [VIEWERS]),
    );
    const tokens = await tokensOf(accounts.map((row) => row["account_id"] as string));
    const { url, replay } = await recordAccess(seeded, tokens, PER_READ);
    const viewers = asWires(tokens);
    say(`${viewers.length} accounts that may watch; ${replay.statements} statements for each request`);

    const asked = Array.from({ length: WARM_UP + REQUESTS }, (_, n) => viewers[n % viewers.length] ?? new Uint8Array());
    const ours: Side = {
      name: "ours",
      run: async () => {
        const { port, stop } = await openApiOn(url, asked.slice(0, WARM_UP), MAY_WATCH);
        const half = await closedLoop({ port, expected: MAY_WATCH }, asked.slice(WARM_UP), CLIENTS);
        await stop();
        return half;
      },
    };
    const limit: Side = {
      name: `pgbench, ${CONNECTIONS} clients`,
      run: () =>
        sendReplay(url, replay, { clients: CONNECTIONS, requests: REQUESTS, warmUp: WARM_UP, role: "matinee_api" }),
    };
    const bare: Side = {
      name: "bare Bun.serve",
      run: async () => {
        const { port, stop } = await start(BARE, { BODY: `{${MAY_WATCH}}` });
        await closedLoop({ port, expected: MAY_WATCH }, asked.slice(0, WARM_UP), CLIENTS);
        const half = await closedLoop({ port, expected: MAY_WATCH }, asked.slice(WARM_UP), CLIENTS);
        await stop();
        return half;
      },
    };
    const rounds = await interleaved([ours, limit, bare], say);
    await withDriver(url, (driver) => assertByIndex(driver, REQUESTS));
    return {
      figures: [ratio(rounds, { least: 0.4 })],
      also: [alsoRatio("divided by a bare Bun.serve that answers the like and reads nothing", rounds, 0, 2)],
    };
  },
};

if (import.meta.main) await runAlone(e2);
