import { jwtTokens } from "../../src/adapters/crypto/tokens.ts";
import type { Driver } from "../../src/adapters/postgres/driver.ts";
import { storeOver } from "../../src/adapters/postgres/store.ts";
import type { AccountId, SessionId } from "../../src/core/ids.ts";
import { DAY_MS, instantOf, plusMs, wholeSecond } from "../../src/core/time.ts";
import { readConfig } from "../../src/entrypoints/config.ts";
import { openApi } from "./api.ts";
import { makeDatabase, vacuum } from "./database.ts";
import { type Wire, wire } from "./load.ts";
import { settingsOf, VAULT_KEY } from "./processes.ts";
import { keepReplay, type Replay, recorder, type Sent, withDriver } from "./replay.ts";

const MASTER_KEY = Uint8Array.fromHex(VAULT_KEY);
const PATH = "/subscriptions/api/v1/access";
export const MAY_WATCH = '"allowed":true';

/** An access token of each of these accounts, which the process under test has to verify. */
export const tokensOf = async (accounts: readonly string[]): Promise<readonly string[]> => {
  const tokens = await jwtTokens({ masterKey: MASTER_KEY, issuer: () => "matinee" });
  const issuedAt = wholeSecond(instantOf(Date.now()));
  const life = { issuedAt, expiresAt: plusMs(issuedAt, DAY_MS) };
  const signed: string[] = [];
  for (const account of accounts) {
    const [accountId, sessionId] = [account as AccountId, sessionOf(account) as SessionId];
    signed.push(await tokens.signAccess({ accountId, sessionId, ...life }));
  }
  return signed;
};

const sessionOf = (account: string): string => account.replace("acc_", "ses_");
const bearing = (token: string) => ({ Authorization: `Bearer ${token}` });

/** The question of a streaming server, as the bearer of each of these tokens. */
export const asWires = (tokens: readonly string[]): readonly Wire[] =>
  tokens.map((token) => wire("GET", PATH, bearing(token)));
export const accessRequests = async (accounts: readonly string[]): Promise<readonly Wire[]> =>
  asWires(await tokensOf(accounts));

/** Gives every account somebody who has logged in. */
export const openSessions = (url: string): Promise<void> =>
  withDriver(url, async (driver) => {
    await driver.query(
      `insert into accounts.accounts (account_id, email, password_hash, language, zone, created_at)
       select account_id, account_id || '@example.com', '$none', 'ru', 'Europe/Moscow', now() from billing.customers`,
    );
    await driver.query(
      `insert into accounts.sessions (session_id, account_id, opened_at, idle_until, ends_at, rotated_at)
       select replace(account_id, 'acc_', 'ses_'), account_id, now(), now() + interval '14 days', now() + interval '90 days', now()
       from billing.customers`,
    );
  });

/** Applications that are asked side by side, each one thing at a time: what one is asked at once, it reads at once. */
const ALONE = 8;

/**
 * What the real application sends to Postgres for each of these questions when it is asked nothing else meanwhile, lying
 * prepared for pgbench in a copy of the database.
 */
export const recordAccess = async (
  url: string,
  tokens: readonly string[],
  perRead: number,
): Promise<{ readonly url: string; readonly replay: Replay }> => {
  const recorded: (readonly Sent[])[] = [];
  await withDriver(
    url,
    (driver) =>
      Promise.all(
        Array.from({ length: ALONE }, async (_, first) => {
          const ask = await recording(url, driver);
          for (let n = first; n < tokens.length; n += ALONE) recorded[n] = await ask(tokens[n] as string);
        }),
      ),
    ALONE,
  );
  const prepared = await makeDatabase(url);
  const replay = await withDriver(prepared, (driver) => keepReplay(driver, recorded, perRead));
  await vacuum(prepared);
  return { url: prepared, replay };
};

const recording = async (url: string, driver: Driver): Promise<(token: string) => Promise<readonly Sent[]>> => {
  const read = readConfig({ ...settingsOf(url, ALONE), LOG_LEVEL: "silent" });
  if (!read.ok) throw new Error("our own settings are right");
  const { driver: recorded, watch } = recorder(driver);
  const store = await storeOver(recorded, { masterKey: MASTER_KEY });
  const { http } = await openApi(read.config, MASTER_KEY, store);
  return (token) =>
    watch(async () => {
      const asked = new Request(`http://localhost${PATH}`, { headers: bearing(token) });
      const answer = await (await http.fetch(asked)).text();
      if (!answer.includes(MAY_WATCH)) throw new Error(`void: answered ${answer}`);
    });
};
