import { Database } from "bun:sqlite";
import { join } from "node:path";
import { cloudPaymentsCallbacks } from "../../../src/adapters/cloudpayments/callbacks.ts";
import { cloudPayments } from "../../../src/adapters/cloudpayments/payments.ts";
import { embeddedBus } from "../../../src/adapters/embedded/bus.ts";
import { embeddedTasks } from "../../../src/adapters/embedded/tasks.ts";
import { storeOver } from "../../../src/adapters/postgres/store.ts";
import { openGatewaySimulator } from "../../../src/adapters/sandbox/gateway/simulator.ts";
import type { GatewayAccount } from "../../../src/core/ids.ts";
import type { Bus } from "../../../src/core/ports/bus.ts";
import type { Fact } from "../../../src/core/ports/outbox.ts";
import type { Passwords } from "../../../src/core/ports/passwords.ts";
import { ok } from "../../../src/core/result.ts";
import { instantOf, MINUTE_MS } from "../../../src/core/time.ts";
import { WORK_KINDS } from "../../../src/core/work/work.ts";
import { application } from "../../../src/entrypoints/application.ts";
import { readConfig } from "../../../src/entrypoints/config.ts";
import type { Gateway } from "../../../src/entrypoints/gateway.ts";
import { type Operator, operatorOf } from "../../../src/entrypoints/operator.ts";
import { digest, stateUpdater } from "../../../src/entrypoints/parts/ground.ts";
import { applyPlans, FIRST_PLANS } from "../../../src/entrypoints/plans.ts";
import { check, type Report } from "../../checker/check.ts";
import { readLedger } from "../../checker/ledger.ts";
import { newFolder } from "../../support/program.ts";
import { MASTER_KEY, type SqlStore } from "../../support/stores.ts";
import { DOORS, EFFECT_POINTS } from "./effect-points.ts";
import { type Blow, behind, type Injector, openInjector } from "./injection.ts";

/** Argon2id at its cheapest: what a hash costs is no matter here, and each story needs some. */
const PASSWORDS: Passwords = {
  hash: async (password) => ok(await Bun.password.hash(password, { algorithm: "argon2id", ...CHEAPEST })),
  verify: async (password, hash) => ok((await Bun.password.verify(password, hash)) ? "right" : "wrong"),
  verifyNobody: async () => ok("wrong"),
};
const CHEAPEST = { memoryCost: 8, timeCost: 1 };
const MOUNT = "/gateway";
const CALLBACKS = "/payments/api/v1/callbacks/cloudpayments";
/** Of the patience that the application asks of the bus. Who waits in vain asks the database. */
const PATIENCE = 1 / 20;
/** Time stands for so long before it is made to run, and then runs so far at each look. */
const STILL_MS = 250;
const STEP_MS = 2 * MINUTE_MS;
const LOOK_MS = 15;
/** The sweep is woken at each of so many looks. */
const LOOKS = 4;
const DEADLINE_MS = 20_000;

/**
 * One database and one gateway, on which cases are played one after the other. Each has an application of its own, which may
 * be struck; after a crash another one is opened over the same two, as a process that is started again.
 */
export const openHouse = async (store: SqlStore) => {
  const folder = newFolder();
  let offsetMs = 0;
  const now = () => instantOf(Date.now() + offsetMs);
  let origin = "http://127.0.0.1:1";

  let gatewayPort = 0;
  const gatewayUrl = (): string => `http://127.0.0.1:${gatewayPort}${MOUNT}`;
  const simulator = openGatewaySimulator({
    folder: folder.path,
    notify: () => `${origin}${CALLBACKS}`,
    baseUrl: gatewayUrl,
    now,
    ladderMs: [30, 60, 120, 250],
  });
  const gatewayServer = Bun.serve({ port: 0, development: false, fetch: simulator.fetch });
  gatewayPort = gatewayServer.port ?? 0;
  const { publicId, apiSecret } = simulator;
  const gatewayAccount = `cloudpayments:${publicId}` as GatewayAccount;
  const ledger = new Database(join(folder.path, "gateway.sqlite"), { readonly: true, strict: true });
  const settings = readConfig({ DATA_DIR: folder.path, TRUSTED_PROXIES: "127.0.0.0/8" });
  if (!settings.ok) throw new Error("these settings are right");
  const { config } = settings;

  const gatewayOf = ({ guard }: Injector): Gateway => {
    const payments = cloudPayments({
      publicId,
      apiSecret,
      apiUrl: gatewayUrl,
      gatewayAccount,
      concurrency: 5,
      widgetScript: () => `${gatewayUrl()}/bundles/cloudpayments.js`,
      widgetPage: (parameters) => `${gatewayUrl()}/widget?intent=${Buffer.from(parameters).toString("base64url")}`,
      returnUrl: () => origin,
    });
    return {
      mode: "sandbox",
      payments: behind(payments, EFFECT_POINTS.Payments, guard),
      callbacks: cloudPaymentsCallbacks({ apiSecrets: [apiSecret], gatewayAccount }),
      simulator: null,
      sandbox: null,
      stop: async () => undefined,
    };
  };

  /** What the bus has brought last. It may bring it again: that wakes the sweep, which else looks each second. */
  let lastMessage: Fact | null = null;
  const broken: string[] = [];
  const heard = new Set<string>();
  /** What the bus brings: each fact, and of one stream none before the one before it. */
  const hear = (stream: string, version: number): void => {
    if (version > 1 && !heard.has(`${stream} ${version - 1}`)) broken.push(`${stream} ${version} came out of order`);
    heard.add(`${stream} ${version}`);
  };
  const log = {
    report: () => undefined,
    request: ({ error }: { readonly error?: unknown }) => void (error === undefined || broken.push(String(error))),
    failed: (what: string, error: unknown) => void broken.push(`${what}: ${String(error)}`),
    command: () => undefined,
    info: () => undefined,
  };

  const openInstance = async (injector: Injector) => {
    const { guard } = injector;
    const fresh = await storeOver(store.driver, { masterKey: MASTER_KEY, groupCommit: true });
    const guarded = {
      ...fresh,
      storage: behind(fresh.storage, EFFECT_POINTS.Storage, guard),
      intake: behind(fresh.intake, EFFECT_POINTS.Intake, guard),
      outbox: behind(fresh.outbox, EFFECT_POINTS.Outbox, guard),
      queries: behind(fresh.queries, EFFECT_POINTS.Queries, guard),
      vault: behind(fresh.vault, EFFECT_POINTS.Vault, guard),
      accounts: behind(fresh.accounts, EFFECT_POINTS.Accounts, guard),
    };
    const innerBus = embeddedBus((error) => log.failed("bus_handler", error));
    const noted: Bus = {
      ...innerBus,
      publish: (messages) => {
        lastMessage = messages.at(-1) ?? lastMessage;
        for (const { stream, version } of messages) hear(stream, version);
        return innerBus.publish(messages);
      },
      awaitOutcome: (id, timeoutMs) => innerBus.awaitOutcome(id, timeoutMs * PATIENCE),
    };
    const tasks = embeddedTasks((error, row) => log.failed(`task ${row.kind}`, error), now);
    const gateway = gatewayOf(injector);
    const state = stateUpdater(guarded, gatewayAccount, now);
    const app = await application({
      config,
      masterKey: MASTER_KEY,
      store: guarded,
      gateway,
      state,
      publicUrl: () => origin,
      log,
      bus: behind(noted, EFFECT_POINTS.Bus, guard),
      tasks: behind(tasks, EFFECT_POINTS.Tasks, guard),
      passwords: PASSWORDS,
      now,
    });
    const server = Bun.serve({
      port: 0,
      development: false,
      fetch: (request, at) =>
        throughDoor(injector, request, (one) => app.http.fetch(one, addressOf(at.requestIP(request)))),
    });
    origin = `http://127.0.0.1:${server.port}`;
    await app.start();
    return {
      app,
      operator: operatorOf(guarded, state, digest, null),
      cut: () => void server.stop(true),
      nudge: () => (lastMessage === null ? Promise.resolve() : innerBus.publish([lastMessage])),
    };
  };
  type Instance = Awaited<ReturnType<typeof openInstance>>;

  {
    const first = await openInstance(openInjector(null, () => undefined));
    await applyPlans(first.operator, FIRST_PLANS);
    await first.app.stop();
    first.cut();
  }

  /** Opens the application of one case; a blow that is a crash has the next one opened at once. */
  const play = async (blow: Blow | null) => {
    broken.length = 0;
    let current: Instance | null = null;
    let opening: Promise<void> = Promise.resolve();
    let hasCrashed = false;
    const calm = openInjector(null, () => undefined);
    const injector = openInjector(blow, () => {
      hasCrashed = true;
      current?.cut();
      opening = openInstance(calm).then((next) => {
        current = next;
      });
    });
    const struck = await openInstance(injector);
    // A blow may fall while it starts.
    if (hasCrashed) struck.cut();
    else current = struck;
    await opening;

    // Without a blow nothing waits for time.
    const stillMs = blow === null ? DEADLINE_MS : STILL_MS;
    const nudge = async (): Promise<void> => {
      await opening;
      await current?.nudge();
    };
    const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
      const begun = performance.now();
      for (let look = 1; !(await holds()); look += 1) {
        const spent = performance.now() - begun;
        if (spent > DEADLINE_MS) throw new Error(`waited in vain: ${what}`);
        if (look % LOOKS === 0) {
          if (spent > stillMs && !injector.isLate()) offsetMs += STEP_MS;
          await nudge();
        }
        await Bun.sleep(LOOK_MS);
      }
    };
    const operator = async (): Promise<Operator> => {
      await opening;
      if (current === null) throw new Error("it is open");
      return current.operator;
    };
    return {
      origin: () => origin,
      injector,
      until,
      /** Who waits for an hour looks at the clock. */
      passes: (ms: number): void => {
        offsetMs += ms;
      },
      operator,
      /** What has broken on our side, but for what was struck. */
      broken: (): readonly string[] => broken.filter((one) => !one.includes("was struck")),
      /** Nothing is on its way any more, to anybody. */
      isQuiet: async (): Promise<boolean> => {
        if (injector.isLate()) return false;
        await simulator.idle();
        const [left] = await store.driver.query(LEFT, [WORK_KINDS, new Date(now()).toISOString()]);
        return left?.["left"] === 0n || left?.["left"] === 0;
      },
      close: async (): Promise<void> => {
        await opening;
        await current?.app.stop();
        current?.cut();
      },
    };
  };

  return {
    store,
    simulator,
    gatewayUrl,
    gatewayAccount,
    ledger,
    play,
    /** Facts that nobody was ever told of. */
    unheard: async (): Promise<readonly string[]> =>
      (await store.driver.query("select stream || ' ' || version as fact from billing.events"))
        .map(({ fact }) => String(fact))
        .filter((fact) => !heard.has(fact))
        .map((fact) => `${fact} was never brought to the bus`),
    check: (): Promise<Report> => check(readLedger(ledger), store.driver.query),
    close: async (): Promise<void> => {
      await gatewayServer.stop(true);
      await simulator.stop();
      ledger.close();
      await store.close();
      folder.remove();
    },
  };
};
export type House = Awaited<ReturnType<typeof openHouse>>;
export type Play = Awaited<ReturnType<House["play"]>>;

/** What is still to be done: a refund that nobody has answered for, a row that waits, a message that was not brought. */
const LEFT = `select
  (select count(*) from billing.outbox where relayed_at is null)
  + (select count(*) from billing.intake where done_at is null and suspended_at is null)
  + (select count(*) from billing.refunds where status in ('reserved', 'in_flight', 'unknown'))
  + (select count(*) from billing.due where kind = any($1::text[]) and due_at <= $2::timestamptz) as left`;

const addressOf = (address: { readonly address: string } | null) => ({ requestIP: () => address });

/** A request or a call of the gateway's, behind the guard as everything else. */
const throughDoor = async (
  { guard }: Injector,
  request: Request,
  pass: (request: Request) => Promise<Response>,
): Promise<Response> => {
  const { pathname } = new URL(request.url);
  const isCallback = pathname.startsWith(`${CALLBACKS}/`);
  const label = isCallback
    ? pathname.slice(CALLBACKS.length + 1)
    : `${request.method} ${pathname.replaceAll(/[a-z]{3}_[0-9a-z]{26}/g, "{id}")}`;
  const { method, headers, url } = request;
  const body = method === "POST" ? await request.arrayBuffer() : null;
  return guard(isCallback ? DOORS.callback : DOORS.request, label, {
    run: () => pass(new Request(url, { method, headers, body })),
    // What a proxy in between would say.
    refused: () => new Response(null, { status: 503 }),
    lost: () => new Response(null, { status: 502 }),
  });
};
