import type { Driver } from "../../src/adapters/postgres/driver.ts";
import { storeOver } from "../../src/adapters/postgres/store.ts";
import { PAYMENT, type Transaction } from "../../src/adapters/sandbox/gateway/ledger.ts";
import { notificationBody, signedCall } from "../../src/adapters/sandbox/gateway/notification-body.ts";
import type { GatewayAccount } from "../../src/core/ids.ts";
import { instantOf, MINUTE_MS } from "../../src/core/time.ts";
import { readConfig } from "../../src/entrypoints/config.ts";
import { openApi } from "./api.ts";
import { dropDatabase, makeDatabase, vacuum } from "./database.ts";
import { type Wire, wire } from "./load.ts";
import { seedPayers } from "./payers.ts";
import { assertByIndex, inFlight } from "./payments.ts";
import { API_SECRET, PUBLIC_ID, settingsOf, VAULT_KEY } from "./processes.ts";
import { keepReplay, type Replay, recorder, type Sent, withDriver } from "./replay.ts";
import { openSessions } from "./viewers.ts";

export const GATEWAY_ACCOUNT = `cloudpayments:${PUBLIC_ID}` as GatewayAccount;
/** Connections of whatever answers HTTP, and of pgbench beside it. */
export const CONNECTIONS = 8;
const CALLBACK = "/payments/api/v1/callbacks/cloudpayments/pay";
/** What a callback is answered with once it is kept. */
export const REGISTERED = '{"code":0}';

/** A payer whose payment the gateway has taken, and the call by which it tells. */
export type Payer = { readonly accountId: string; readonly callback: Wire };
/** A database of accounts that are about to pay now, by the clock on the wall, and the callback of each. */
export type Payers = { readonly url: string; readonly payers: readonly Payer[] };

/** Made once for all goals of a run, and anew before an offer is over: an hour after it was made. */
export const payersNow = async (say: (line: string) => void): Promise<Payers> => {
  if (made === null || made.at + MADE_FOR_MS < Date.now()) made = { at: Date.now(), payers: makePayers(say) };
  return made.payers;
};
const MADE_FOR_MS = 30 * MINUTE_MS;
let made: { readonly at: number; readonly payers: Promise<Payers> } | null = null;

const makePayers = async (say: (line: string) => void): Promise<Payers> => {
  const url = await makeDatabase();
  await seedPayers(url, GATEWAY_ACCOUNT, { at: instantOf(Date.now()) });
  await openSessions(url);
  await vacuum(url);
  const payers = await callbacksOf(url);
  say(`${payers.length} accounts about to pay, and a signed callback of each`);
  return { url, payers };
};

/** In an order that is random to the keys and the same in every run. */
const callbacksOf = (url: string): Promise<readonly Payer[]> =>
  withDriver(url, async (driver) => {
    const attempts = await driver.query(
      "select attempt_id, account_id, amount_minor from billing.attempts order by md5(attempt_id)",
    );
    return attempts.map((row, n) => {
      const accountId = row["account_id"] as string;
      return {
        accountId,
        callback: callbackOf(row["attempt_id"] as string, accountId, Number(row["amount_minor"]), n),
      };
    });
  });

/** As our gateway writes and signs it: a form of some forty fields. */
const callbackOf = (invoiceId: string, accountId: string, minor: number, n: number): Wire => {
  const paidAt = Date.now();
  const transaction: Transaction = {
    id: 3_000_000_000 + n,
    type: PAYMENT,
    minor,
    currency: "RUB",
    status: "Completed",
    reasonCode: 0,
    createdAt: paidAt,
    authorisedAt: paidAt,
    confirmedAt: paidAt,
    invoiceId,
    accountId,
    email: `payer-${n}@example.com`,
    description: "Premium, one month",
    jsonData: null,
    culture: "ru-RU",
    ipAddress: "203.0.113.7",
    initiator: null,
    cardFirstSix: "220000",
    cardLastFour: `${n % 10_000}`.padStart(4, "0"),
    cardExpires: "12/30",
    cardType: "MIR",
    holder: "BENCH PAYER",
    token: `tk_${`${n}`.padStart(29, "0")}`,
    originalId: null,
  };
  const written = notificationBody("pay", transaction, "form", { toldMinor: minor, atMs: paidAt });
  const { headers, body } = signedCall(written, { address: CALLBACK, method: "POST" }, API_SECRET);
  return wire("POST", CALLBACK, headers, body ?? "");
};

/**
 * What the real application sends to Postgres for each of these requests, asked once on a copy of the database; and
 * another copy, untouched, in which it lies prepared for pgbench.
 */
export const recordOnCopy = async (
  url: string,
  requests: readonly Wire[],
  expected: string,
  perRead: number,
): Promise<{ readonly url: string; readonly replay: Replay }> => {
  const asked = await makeDatabase(url);
  const recorded = await withDriver(asked, (driver) => record(asked, driver, requests, expected), CONNECTIONS);
  await dropDatabase(asked);
  const prepared = await makeDatabase(url);
  const replay = await withDriver(prepared, (driver) => keepReplay(driver, recorded, perRead));
  await vacuum(prepared);
  return { url: prepared, replay };
};

const record = async (
  url: string,
  driver: Driver,
  requests: readonly Wire[],
  expected: string,
): Promise<readonly (readonly Sent[])[]> => {
  const read = readConfig({ ...settingsOf(url, CONNECTIONS), LOG_LEVEL: "silent" });
  if (!read.ok) throw new Error("our own settings are right");
  const masterKey = Uint8Array.fromHex(VAULT_KEY);
  const { driver: recording, watch } = recorder(driver);
  const app = await openApi(read.config, masterKey, await storeOver(recording, { masterKey }));
  const recorded: (readonly Sent[])[] = [];
  await inFlight(16, requests, async (request, n) => {
    recorded[n] = await watch(async () => {
      const answer = await (await app.http.fetch(requestOf(request))).text();
      if (!answer.includes(expected)) throw new Error(`void: answered ${answer}`);
    });
  });
  return recorded;
};

/** What stands on the wire, as a `Request`. */
export const requestOf = (bytes: Wire): Request => {
  const text = Buffer.from(bytes).toString("utf8");
  const end = text.indexOf("\r\n\r\n");
  const [line = "", ...headers] = text.slice(0, end).split("\r\n");
  const [method = "", path = ""] = line.split(" ");
  const body = text.slice(end + 4);
  return new Request(`http://localhost${path}`, {
    method,
    headers: headers.map((header): [string, string] => {
      const at = header.indexOf(": ");
      return [header.slice(0, at), header.slice(at + 2)];
    }),
    ...(body === "" ? {} : { body }),
  });
};

/** Rows of every table of ours, and the callbacks among them that were kept. */
export const countRows = (url: string): Promise<{ readonly intake: number; readonly all: number }> =>
  withDriver(url, async (driver) => {
    const tables = await driver.query(
      "select relname from pg_class join pg_namespace n on n.oid = relnamespace where nspname = 'billing' and relkind = 'r'",
    );
    const counts = await driver.query(
      tables
        .map(
          ({ relname }) => `select '${String(relname)}' as name, count(*)::int as rows from billing.${String(relname)}`,
        )
        .join(" union all "),
    );
    const rowsOf = (name: string) => Number(counts.find((row) => row["name"] === name)?.["rows"]);
    return { intake: rowsOf("intake"), all: counts.reduce((sum, { rows }) => sum + Number(rows), 0) };
  });

/** What was accepted is kept, each once, and no table was read but by an index; anything else makes the run void. */
export const assertKept = async (url: string, callbacks: number): Promise<void> => {
  await withDriver(url, (driver) => assertByIndex(driver, callbacks));
  const { intake } = await countRows(url);
  if (intake !== callbacks)
    throw new Error(`void: ${callbacks} callbacks were accepted, and ${intake} are in the intake`);
};
