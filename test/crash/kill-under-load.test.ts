import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { openDatabase } from "../checker/database.ts";
import { openDice } from "../support/dice.ts";
import { freePort } from "../support/free-port.ts";
import { hoursGoBy } from "../support/hours-go-by.ts";
import { CARD, newViewer, type OnlineViewer } from "../support/online-viewer.ts";
import { newFolder, runProgram } from "../support/program.ts";
import { sandboxAt } from "../support/sandbox.ts";
import { dropDatabase, freshDatabase, hasPostgres } from "../support/services.ts";
import { until } from "../support/until.ts";

/** LONG=1: half an hour or so; or any number of kills, the same for both. */
const GIVEN = process.env["KILLS"] ?? (process.env["LONG"] === "1" ? "200" : null);
const KILLS = GIVEN === null ? { embedded: 3, server: 2 } : { embedded: Number(GIVEN), server: Number(GIVEN) };
const VIEWERS = 6;
/** How long the process is let live after it is up. */
const LIFE_MS = { from: 100, to: 1500 };
/** Printed at the end; the same one kills after the same times. What runs at that moment the machine decides. */
const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const SLOW_MS = 60_000 + KILLS.embedded * 20_000;

/** What somebody was told, and has to stay true. */
type Told = {
  readonly viewer: OnlineViewer;
  subscription: string | null;
  invoice: string | null;
  attempts: readonly string[];
  hasWatched: boolean;
};

const killedUnderLoad = async (kills: number, database: string | null): Promise<void> => {
  const folder = newFolder();
  const dice = openDice(SEED);
  const port = freePort();
  const env = {
    DATA_DIR: join(folder.path, "data"),
    PORT: String(port),
    LOG_LEVEL: "error",
    // Viewers come from addresses of their own.
    TRUSTED_PROXIES: "127.0.0.0/8,::1",
    ...(database === null ? {} : { DATABASE_URL: database, VAULT_KEY: "5a".repeat(32) }),
  };
  const origin = (): string => `http://127.0.0.1:${port}`;
  const told: Told[] = [];
  const surprises: string[] = [];
  const complaints: string[] = [];
  let program = runProgram("standalone", env);
  await program.says(/health/);
  const books = sandboxAt(origin, env.DATA_DIR);

  let isOver = false;
  const loads = Array.from({ length: VIEWERS }, async () => {
    while (!isOver) {
      const surprise = await evening(origin, told, () => dice.below(3) === 0).catch(cutOff);
      if (surprise !== null) surprises.push(surprise);
      if (surprise === CUT) await Bun.sleep(50);
    }
  });
  for (let kill = 0; kill < kills; kill += 1) {
    // In every second life the gateway does not ask before a payment: then a window that is used twice pays twice.
    books.askBefore(kill % 2 === 0);
    const before = told.length;
    await until("somebody has come", () => told.length > before, 60_000);
    await Bun.sleep(LIFE_MS.from + dice.below(LIFE_MS.to - LIFE_MS.from));
    complaints.push(...(await killed(program)));
    program = runProgram("standalone", env);
    await program.says(/health/);
    for (const one of told.slice(-VIEWERS * 2)) expect(await untrue(one)).toBeNull();
  }
  isOver = true;
  await Promise.all(loads);
  const beforeEnd = [...told];
  complaints.push(...(await killed(program)));
  books.close();

  await settle(env, port);
  expect(surprises.filter((one) => one !== CUT)).toEqual([]);
  expect(complaints).toEqual([]);
  await holdsAll(database ?? join(env.DATA_DIR, "postgres"), join(env.DATA_DIR, "sandbox/gateway.sqlite"), beforeEnd);
  process.stdout.write(
    `${kills + 1} kills, ${told.length} viewers, ${told.filter(({ hasWatched }) => hasWatched).length} watched, ` +
      `${surprises.length} cut off, seed ${SEED}\n`,
  );
  expect(told.length).toBeGreaterThan(kills);
  folder.remove();
};

/** Ends a process as the kernel does, and answers what had broken in it: what it has thrown, and all that it has said aloud. */
const killed = async (program: ReturnType<typeof runProgram>): Promise<readonly string[]> => {
  program.signal("SIGKILL");
  const { out, err } = await program.ended();
  return [...out.split("\n").filter((line) => line.includes('"err":')), ...(err === "" ? [] : [err])];
};

const CUT = "cut off";
/** A connection that broke is what a kill looks like from outside; anything else that was not expected is a fault of ours. */
const cutOff = (error: unknown): string => {
  const text = String(error);
  return /^Error: (expected|waited)/.test(text) ? text : CUT;
};

/** One viewer's evening: signs up, subscribes, pays, sometimes once more by mistake, and watches. */
const evening = async (origin: () => string, told: Told[], isClumsy: () => boolean): Promise<null> => {
  const viewer = await newViewer(origin);
  const mine: Told = { viewer, subscription: null, invoice: null, attempts: [], hasWatched: false };
  told.push(mine);
  const { subscription, invoice } = await subscribes(viewer);
  Object.assign(mine, { subscription: subscription.id, invoice: invoice.id });
  const window = await viewer.opensWindow(invoice.id);
  mine.attempts = [window.attemptId];
  if ((await viewer.presses(window, CARD.good)).result !== "success") return null;
  if (isClumsy()) await viewer.presses({ ...window, html: await (await fetch(window.url)).text() }, CARD.good);
  await until(
    "access",
    async () => {
      await Bun.sleep(100); // A caller is counted.
      return viewer.mayWatch();
    },
    30_000,
  );
  mine.hasWatched = true;
  return null;
};

/** Who is cut off asks again with the same key. */
const subscribes = async (viewer: OnlineViewer): Promise<z.output<typeof subscribed>> => {
  const key = crypto.randomUUID();
  for (const begun = performance.now(); performance.now() - begun < 30_000; await Bun.sleep(50)) {
    const answer = await viewer.asksToSubscribe(key).catch(() => null);
    if (answer?.status === 201) return subscribed.parse(answer.json);
    if (answer !== null && answer.status !== 202 && answer.status !== 503)
      throw new Error(`expected 201, came ${answer.status}: ${JSON.stringify(answer.json)}`);
  }
  throw new Error("waited in vain for a subscription");
};
const named = z.object({ id: z.string() });
const subscribed = z.object({ subscription: named, invoice: named });

/** What of all that was told is not so any more, as the viewer sees it; null: all is. */
const untrue = async ({ viewer, subscription, invoice, attempts, hasWatched }: Told): Promise<string | null> => {
  if (subscription === null || invoice === null) return null;
  const { status } = await viewer.subscription(subscription);
  const seen = await viewer.invoice(invoice);
  const known = new Set(seen.attempts.map(({ id }) => id));
  if (attempts.some((id) => !known.has(id))) return `${invoice} has lost an attempt`;
  if (hasWatched && (status !== "active" || seen.status !== "paid")) return `${subscription} is ${status} again`;
  return null;
};

/** Started once more, and let run for some hours within seconds: what was cut off is looked up, and everything comes to its end. */
const settle = async (env: Readonly<Record<string, string>>, port: number): Promise<void> => {
  const origin = (): string => `http://127.0.0.1:${port}`;
  const books = sandboxAt(origin, env["DATA_DIR"] ?? "");
  const haveAllBeenTold = (): boolean => books.notifications().every(({ state }) => state !== "pending");
  const broken = await hoursGoBy(env, {
    port,
    origin,
    onListening: () => until("the gateway has told all", haveAllBeenTold, SETTLES_MS),
  });
  books.close();
  expect(broken).toEqual([]);
};
const SETTLES_MS = 60_000;

/** The checker agrees, also about what the gateway was answered with `{"code":0}`; and all that anybody was told of stands in the database. */
const holdsAll = async (place: string, ledger: string, told: readonly Told[]): Promise<void> => {
  const checker = Bun.spawn([process.execPath, CHECKER, ledger, place], { stdout: "pipe", stderr: "pipe" });
  const [report, complaint] = await Promise.all([
    new Response(checker.stdout).text(),
    new Response(checker.stderr).text(),
  ]);
  expect(`${complaint}${report}`).toContain("both sides are equal");
  expect(await checker.exited).toBe(0);

  const { query, close } = await openDatabase(place);
  try {
    const ids = async (sql: string): Promise<ReadonlySet<unknown>> =>
      new Set((await query(sql)).flatMap((row) => Object.values(row)));
    const accounts = await ids("select account_id from accounts.accounts");
    const subscriptions = await ids("select subscription_id from billing.subscriptions");
    const watching = await ids("select subscription_id from billing.subscriptions where status = 'active'");
    const attempts = await ids("select attempt_id from billing.attempts");
    expect(told.filter(({ viewer }) => !accounts.has(viewer.accountId))).toEqual([]);
    expect(told.filter(({ subscription }) => subscription !== null && !subscriptions.has(subscription))).toEqual([]);
    expect(told.filter(({ subscription, hasWatched }) => hasWatched && !watching.has(subscription))).toEqual([]);
    expect(told.flatMap((one) => one.attempts).filter((id) => !attempts.has(id))).toEqual([]);
    // One who asked twice with one key has one subscription.
    const doubled = await query("select account_id from billing.subscriptions group by account_id having count(*) > 1");
    expect(doubled).toEqual([]);
  } finally {
    await close();
  }
};
const CHECKER = new URL("../checker/check.ts", import.meta.url).pathname;

test(
  `killed ${KILLS.embedded} times under load, nothing that was acknowledged is lost: embedded`,
  () => killedUnderLoad(KILLS.embedded, null),
  SLOW_MS,
);

describe.skipIf(!hasPostgres)("On a server", () => {
  let url: string | null = null;
  afterAll(async () => {
    if (url !== null) await dropDatabase(url);
  });
  test(
    `killed ${KILLS.server} times under load, nothing that was acknowledged is lost: PostgreSQL`,
    async () => {
      url = await freshDatabase();
      await killedUnderLoad(KILLS.server, url);
    },
    SLOW_MS,
  );
});
