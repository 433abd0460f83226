import { storeOver } from "../../src/adapters/postgres/store.ts";
import { intakeBodies } from "../../src/adapters/wire/intake-bodies.ts";
import type { CommandId } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import { updater } from "../../src/core/work/updater.ts";
import { readConfig } from "../../src/entrypoints/config.ts";
import { stateUpdater, wallTime } from "../../src/entrypoints/parts/ground.ts";
import { openApi } from "./api.ts";
import { dropDatabase, makeDatabase, vacuum } from "./database.ts";
import { CONNECTIONS, GATEWAY_ACCOUNT, REGISTERED, requestOf } from "./door.ts";
import type { Wire } from "./load.ts";
import { inFlight } from "./payments.ts";
import { settingsOf, VAULT_KEY } from "./processes.ts";
import { keepReplay, type Replay, recorder, type Sent, withDriver } from "./replay.ts";

/**
 * What our code sends to Postgres for each of these callbacks, from its acceptance to its commit, when it is taken by itself;
 * and a copy of the database, untouched, in which it lies prepared for pgbench.
 */
export const recordWholeWay = async (
  url: string,
  callbacks: readonly Wire[],
): Promise<{ readonly url: string; readonly replay: Replay }> => {
  const asked = await makeDatabase(url);
  const recorded = await record(asked, callbacks);
  await dropDatabase(asked);
  const prepared = await makeDatabase(url);
  const replay = await withDriver(prepared, (driver) => keepReplay(driver, recorded));
  await vacuum(prepared);
  return { url: prepared, replay };
};

const record = (url: string, callbacks: readonly Wire[]): Promise<readonly (readonly Sent[])[]> =>
  withDriver(
    url,
    async (driver) => {
      const read = readConfig({ ...settingsOf(url, CONNECTIONS), LOG_LEVEL: "silent" });
      if (!read.ok) throw new Error("our own settings are right");
      const masterKey = Uint8Array.fromHex(VAULT_KEY);
      const { driver: recording, watch } = recorder(driver);
      const store = await storeOver(recording, { masterKey });
      const { http } = await openApi(read.config, masterKey, store);
      const { take } = updater({
        billing: stateUpdater(store, GATEWAY_ACCOUNT),
        intake: store.intake,
        bus: { tellOutcome: async () => ok(null) },
        bodies: intakeBodies,
        reports: () => undefined,
        now: wallTime,
        onCommitted: () => undefined,
        onServed: () => undefined,
        log: () => undefined,
      });
      const recorded: (readonly Sent[])[] = [];
      await inFlight(16, callbacks, async (callback, n) => {
        const accepting = await watch(async () => {
          const answer = await (await http.fetch(requestOf(callback))).text();
          if (!answer.includes(REGISTERED)) throw new Error(`void: answered ${answer}`);
        });
        recorded[n] = [...accepting, ...(await watch(() => take([acceptedIn(accepting)])))];
      });
      return recorded;
    },
    CONNECTIONS,
  );

/** The row of the intake that these statements have made. */
const acceptedIn = (sent: readonly Sent[]): CommandId => {
  const accepting = sent.find(({ text }) => text.includes("billing.accept("));
  return JSON.parse(String(accepting?.params[0])).id as CommandId;
};
