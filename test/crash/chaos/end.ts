import { connect } from "nats";
import { COMMANDS, EVENTS } from "../../../src/adapters/nats/streams.ts";
import { fold } from "../../../src/core/billing/fold.ts";
import { rowsOf } from "../../../src/core/billing/rows.ts";
import { DEFAULT_POLICY } from "../../../src/core/policy.ts";
import { MINUTE_MS } from "../../../src/core/time.ts";
import { WORK_KINDS } from "../../../src/core/work/work.ts";
import { openStore } from "../../../src/entrypoints/assemble.ts";
import { checkPlaces } from "../../checker/check.ts";
import { openDatabase, type Query } from "../../checker/database.ts";
import { hoursGoBy as hoursGoByOver, settingsOf } from "../../support/hours-go-by.ts";
import { sandboxAt } from "../../support/sandbox.ts";
import { until } from "../../support/until.ts";
import type { Cluster } from "./cluster.ts";
import type { Told } from "./payer.ts";

/** After all is healed: within this nothing waits any more. */
const QUIET_MS = 60_000;
/** What is published a moment before the bus loses all is marked a moment after. */
const MARK_MS = 4000;

/** Nothing waits any more: with the gateway, in the database, on the bus. @returns how long that took */
export const becomesQuiet = async (cluster: Cluster): Promise<number> => {
  const begun = performance.now();
  const books = sandboxAt(() => cluster.sandboxOrigin, cluster.dataDir);
  const { query, close } = await openDatabase(cluster.databaseUrl);
  let waiting: Readonly<Record<string, number>> = {};
  try {
    await until(
      "nothing waits",
      async () => {
        const untold = books.notifications().filter(({ state }) => state === "pending").length;
        waiting = { "calls of the gateway": untold, ...(await waitingIn(query)), ...(await waitingOn(cluster)) };
        return Object.values(waiting).every((count) => count === 0);
      },
      QUIET_MS,
    );
  } catch {
    throw new Error(`after ${QUIET_MS} ms there still waits ${JSON.stringify(waiting)}`);
  } finally {
    books.close();
    await close();
  }
  return performance.now() - begun;
};

const waitingIn = async (query: Query): Promise<Readonly<Record<string, number>>> => {
  const kinds = WORK_KINDS.map((kind) => `'${kind}'`).join(", ");
  const counts: Readonly<Record<string, string>> = {
    "rows of the intake": "from billing.intake where done_at is null",
    "facts for the bus": "from billing.outbox where relayed_at is null",
    "outcomes for services":
      "from billing.intake where service is not null and done_at is not null and told_at is null",
    tasks: `from billing.due where due_at <= now() and kind in (${kinds})`,
  };
  const rows = await Promise.all(
    Object.entries(counts).map(async ([what, from]) => {
      const [row] = await query(`select count(*) as count ${from}`);
      return [what, Number(row?.["count"])] as const;
    }),
  );
  return Object.fromEntries(rows);
};

const waitingOn = async ({ nats }: Cluster): Promise<Readonly<Record<string, number>>> => {
  const nc = await connect({ servers: nats.url, reconnect: false });
  try {
    const { state } = await (await nc.jetstreamManager()).streams.info(COMMANDS);
    return { commands: state.messages };
  } finally {
    await nc.close();
  }
};

/**
 * A reader of its own hears the whole stream: of each chain in order, and all that was brought since the bus last lost what it
 * had. @returns how many facts it heard
 */
export const hearsAll = async ({ nats, databaseUrl }: Cluster, lostAt: number): Promise<number> => {
  const heard = await replay(nats.url);
  const { query, close } = await openDatabase(databaseUrl);
  const since = new Date(lostAt + MARK_MS).toISOString();
  const brought = await query(`select stream, version from billing.outbox where relayed_at > '${since}'`);
  await close();
  const ids = new Set(heard.map(({ stream, version }) => `${stream}/${version}`));
  const missing = brought.map((row) => `${row["stream"]}/${row["version"]}`).filter((id) => !ids.has(id));
  if (missing.length > 0) throw new Error(`brought to the bus and not heard: ${missing.join(", ")}`);
  if (brought.length === 0) throw new Error("nothing was brought to the bus since it lost all: this proves nothing");
  const newest = new Map<string, number>();
  for (const { stream, version } of heard) {
    const before = newest.get(stream);
    // Repeats are no news; the first that is heard of a chain may be any, for those before it may have been lost with the bus.
    if (before !== undefined && version > before + 1)
      throw new Error(`of ${stream} version ${version} was heard after ${before}`);
    newest.set(stream, Math.max(before ?? 0, version));
  }
  return heard.length;
};

const replay = async (url: string): Promise<readonly { readonly stream: string; readonly version: number }[]> => {
  const nc = await connect({ servers: url, reconnect: false });
  try {
    const js = nc.jetstream();
    const { state } = await (await nc.jetstreamManager()).streams.info(EVENTS);
    const heard: { readonly stream: string; readonly version: number }[] = [];
    if (state.messages === 0) return heard;
    const messages = await (await js.consumers.get(EVENTS)).consume();
    for await (const message of messages) {
      const fact = /^billing\.events\./.test(message.subject)
        ? message.json<{ readonly subject: string; readonly streamversion?: number }>()
        : null;
      // Outcomes of commands go by the same stream and belong to no chain.
      if (fact?.streamversion !== undefined) heard.push({ stream: fact.subject, version: fact.streamversion });
      if (message.seq >= state.last_seq) break;
    }
    return heard;
  } finally {
    await nc.close();
  }
};

/** With some minutes to spare. */
const TOKEN_MS = 7 * MINUTE_MS;

/** Each API by itself lets watch who has paid, and nobody whose subscription was ended. */
export const accessDiffers = async (cluster: Cluster, told: readonly Told[]): Promise<readonly string[]> => {
  const wrong: string[] = [];
  const sinceMs = Date.now() - TOKEN_MS;
  for (const one of told.filter(({ signedInAt }) => signedInAt > sinceMs)) {
    for (const { name, url } of cluster.of("api")) {
      const headers = { authorization: `Bearer ${one.token}` };
      const answer = await fetch(`${url}/subscriptions/api/v1/access`, { headers });
      const { allowed } = (await answer.json()) as { readonly allowed?: boolean };
      const isPaid = one.hasPaid || one.hasWatched;
      if (allowed !== (isPaid && !one.isToEnd))
        wrong.push(`${name} says ${allowed} (HTTP ${answer.status}) to ${nameOf(one)}`);
    }
  }
  return wrong;
};

/** Hours go by over what the cluster has left; the gateway's calls go through its balancer. */
export const hoursGoBy = ({ env, balancer }: Cluster): Promise<readonly string[]> =>
  hoursGoByOver(env, {
    port: 0,
    origin: () => balancer.origin,
    onListening: async (port) => balancer.turnTo([port]),
  });

/** Rows that are made anew from the events are the rows that there are. */
export const rebuildDiffers = async ({ env }: Cluster): Promise<readonly string[]> => {
  const { config, masterKey } = settingsOf(env);
  const store = await openStore(config, masterKey, null);
  const silent = () => undefined;
  const rebuilt = await store.rebuild(
    "check",
    (stream, events) => rowsOf(fold(stream, events), DEFAULT_POLICY),
    silent,
  );
  await store.close();
  return rebuilt.ok && rebuilt.value.identical ? [] : [`rebuilt rows differ: ${JSON.stringify(rebuilt)}`];
};

/** What both books and all that anybody was told come to: each line is a complaint. */
export const booksDiffer = async (cluster: Cluster, told: readonly Told[]): Promise<readonly string[]> => {
  const ledger = `${cluster.dataDir}/sandbox/gateway.sqlite`;
  const { differences } = await checkPlaces(ledger, cluster.databaseUrl);
  const books = sandboxAt(() => cluster.sandboxOrigin, cluster.dataDir);
  const { query, close } = await openDatabase(cluster.databaseUrl);
  try {
    const statuses = new Map(
      (await query("select subscription_id, status from billing.subscriptions")).map((row) => [
        String(row["subscription_id"]),
        String(row["status"]),
      ]),
    );
    const attempts = new Set((await query("select attempt_id from billing.attempts")).map((row) => row["attempt_id"]));
    const doubled = await query("select account_id from billing.subscriptions group by account_id having count(*) > 1");
    const suspended = await query("select id, body from billing.intake where suspended_at is not null");
    const back = books.transactions().filter(({ type, status }) => type === 1 && status === "Completed");
    const twice = back.filter((one, i) => back.findIndex(({ originalId }) => originalId === one.originalId) < i);
    return [
      ...differences,
      ...told.flatMap((one) => {
        const status = one.subscription === null ? null : (statuses.get(one.subscription) ?? "lost");
        const wanted = one.isToEnd ? "ended" : "active";
        const isWrong = status === "lost" || ((one.hasPaid || one.hasWatched) && status !== wanted);
        return isWrong ? [`it is ${status} and not ${wanted}: ${nameOf(one)}`] : [];
      }),
      ...told.flatMap((one) => one.attempts.filter((id) => !attempts.has(id)).map((id) => `${id} is lost`)),
      ...doubled.map((row) => `${row["account_id"]} has two subscriptions and asked for one`),
      ...suspended.map((row) => `${row["id"]} was put aside: ${row["body"]}`),
      ...twice.map(({ originalId }) => `payment ${originalId} was given back twice`),
    ];
  } finally {
    await close();
    books.close();
  }
};

const nameOf = ({ accountId, subscription, invoice }: Told): string => `${accountId}, ${subscription}, ${invoice}`;
