import { argon2Passwords } from "../adapters/crypto/passwords.ts";
import { jwtTokens } from "../adapters/crypto/tokens.ts";
import { embeddedBus } from "../adapters/embedded/bus.ts";
import { loop } from "../adapters/embedded/loop.ts";
import { embeddedTasks } from "../adapters/embedded/tasks.ts";
import { type HttpApp, httpApp } from "../adapters/http/app.ts";
import { inProcessLimits } from "../adapters/limits/in-process.ts";
import { inProcessRates } from "../adapters/limits/in-process-rates.ts";
import type { Log } from "../adapters/telemetry/log.ts";
import { intakeBodies } from "../adapters/wire/intake-bodies.ts";
import { accountDesk } from "../core/accounts/desk.ts";
import { SANDBOX_SIGN_UP_LIMITS, SIGN_UP_LIMITS } from "../core/accounts/limits.ts";
import { type Billing, billing } from "../core/billing/billing.ts";
import type { GatewayAccount } from "../core/ids.ts";
import { DEFAULT_POLICY } from "../core/policy.ts";
import type { Bus, Consumption } from "../core/ports/bus.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { Digest } from "../core/ports/digest.ts";
import type { Passwords } from "../core/ports/passwords.ts";
import type { Store } from "../core/ports/store.ts";
import type { Tasks } from "../core/ports/tasks.ts";
import { HOUR_MS, type Instant, instantOf, SECOND_MS } from "../core/time.ts";
import { alarmOf } from "../core/work/alarms.ts";
import { callbackDoor } from "../core/work/callback-door.ts";
import { hints } from "../core/work/hints.ts";
import { relay } from "../core/work/relay.ts";
import { requests } from "../core/work/requests.ts";
import { sweep } from "../core/work/sweep.ts";
import { updater } from "../core/work/updater.ts";
import { WORK_KINDS, workOn } from "../core/work/work.ts";
import type { Config } from "./config.ts";
import type { Gateway } from "./gateway.ts";

/** Everything in one process: what answers HTTP, what executes, what works. */
export type Application = {
  readonly http: HttpApp;
  /** Begins to take what waits and to do what is due. */
  start(): Promise<void>;
  /** Takes nothing new and waits for what is under way. What is left is taken by the next start. */
  stop(): Promise<void>;
};

/** What was accepted is taken within this although nobody rang. Source: design, 1.2. */
const INTAKE_SWEEP_MS = 1500;
const RELAY_SWEEP_MS = 1000;
const DUE_SWEEP_MS = 1000;
/** How long a caller waits for the outcome before it is given the address of its status. */
const PATIENCE_MS = 5 * SECOND_MS;

const wallTime = (): Instant => instantOf(Date.now());
/** Nobody's clock is moved here: billing time is wall time. */
const clockOf = (now: () => Instant): Clock => ({ now: async () => now() });
export const digest: Digest = (text) => new Uint8Array(new Bun.CryptoHasher("sha256").update(text).digest().buffer);
const newName = (): string => crypto.randomUUID();

/** The State Updater over a store. Any number of them may work on one database. */
export const stateUpdater = (
  store: Pick<Store, "storage">,
  gatewayAccount: GatewayAccount,
  now: () => Instant = wallTime,
): Billing => billing({ storage: store.storage, clock: clockOf(now), digest, policy: DEFAULT_POLICY, gatewayAccount });

export const application = async ({
  config,
  masterKey,
  store,
  gateway,
  state,
  publicUrl,
  log,
  bus = embeddedBus((error) => log.failed("bus_handler", error)),
  tasks = embeddedTasks((error, row) => log.failed(`task ${row.kind} ${row.subject}`, error)),
  passwords = argon2Passwords({ concurrency: 2, queue: 32 }),
  now = wallTime,
}: {
  readonly config: Config;
  readonly masterKey: Uint8Array;
  readonly store: Store;
  readonly gateway: Gateway;
  readonly state: Billing;
  readonly publicUrl: () => string;
  readonly log: Log;
  readonly bus?: Bus;
  readonly tasks?: Tasks;
  readonly passwords?: Passwords;
  readonly now?: () => Instant;
}): Promise<Application> => {
  const { payments, callbacks, simulator } = gateway;
  const { gatewayAccount } = payments;
  const { storage, intake, queries, vault } = store;
  const clock = clockOf(now);
  const named = { digest, bodies: intakeBodies, now };

  const asking = requests({ ...named, intake, storage, bus, newKey: newName, patienceMs: PATIENCE_MS });
  const door = callbackDoor({
    ...named,
    gateway: callbacks.gateway,
    gatewayAccount,
    intake,
    queries,
    vault,
    bus,
    clock,
  });
  const work = workOn({
    billing: state,
    queries,
    paymentsOf: (account) => (account === gatewayAccount ? payments : null),
    digest,
    reports: log.report,
    now,
    newRun: newName,
    pause: (ms) => Bun.sleep(ms),
  });

  /** Stopped in the order of the list: what takes new work first. What is left undone then is found at the next start. */
  const running: Consumption[] = [];
  const every = (what: string, idleMs: number, step: () => Promise<boolean>) => {
    const begun = loop(step, idleMs, (error) => log.failed(what, error));
    running.push(begun);
    return begun;
  };

  const http = httpApp({
    requests: asking,
    accounts: accountDesk({
      accounts: store.accounts,
      passwords,
      // Where no address is set the port may be another one after each start, and a token should outlive that.
      tokens: await jwtTokens({ masterKey, issuer: () => config.publicUrl ?? "matinee" }),
      limits: inProcessLimits(),
      signUpLimits: gateway.mode === "sandbox" ? SANDBOX_SIGN_UP_LIMITS : SIGN_UP_LIMITS,
      wall: now,
    }),
    queries,
    callbacks: [{ callbacks, door }],
    payments,
    hints: hints({ tasks }),
    limits: inProcessRates(),
    billingNow: (account) => clock.now(account),
    ready: async () => {
      const answered = await queries.plans("on_sale");
      return { ok: answered.ok, parts: { storage: answered.ok ? "ready" : "not_ready" } };
    },
    trustedProxies: config.trustedProxies,
    publicUrl,
    mounts: simulator === null ? [] : [simulator],
    log: log.request,
  });

  return {
    http,
    start: async () => {
      const relaying = every("relay", RELAY_SWEEP_MS, () => relay(store.outbox, bus));
      const updating = updater({
        ...named,
        billing: state,
        intake,
        bus,
        reports: log.report,
        onCommitted: () => relaying.wake(),
        log: log.command,
      });
      const sweeping = every("due", DUE_SWEEP_MS, async () => {
        await sweep({ queries, tasks }, WORK_KINDS, await clock.now(null));
        return false;
      });
      // What has just happened may have made something due.
      const hearing = await bus.subscribe(async (message) => {
        const alarm = alarmOf(message);
        if (alarm !== null) log.report(alarm);
        sweeping.wake();
      });
      const answering = await bus.answerRings(updating.take);
      every("intake", INTAKE_SWEEP_MS, updating.sweep);
      const working = await tasks.work(WORK_KINDS, async (row) => {
        const done = await work(row);
        relaying.wake();
        return done;
      });
      running.unshift(answering);
      running.push(working, hearing);
      every("vault", HOUR_MS, async () => {
        await vault.dropExpired(now());
        return false;
      });
    },
    stop: async () => {
      for (const one of running.splice(0)) await one.stop();
    },
  };
};
