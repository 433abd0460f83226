import { createHmac } from "node:crypto";
import { z } from "zod";
import { cloudPaymentsCallbacks } from "../../../src/adapters/cloudpayments/callbacks.ts";
import { cloudPayments } from "../../../src/adapters/cloudpayments/payments.ts";
import { argon2Passwords } from "../../../src/adapters/crypto/passwords.ts";
import { jwtTokens } from "../../../src/adapters/crypto/tokens.ts";
import { embeddedBus } from "../../../src/adapters/embedded/bus.ts";
import { httpApp } from "../../../src/adapters/http/app.ts";
import type { LogEntry } from "../../../src/adapters/http/ports.ts";
import { intakeBodies } from "../../../src/adapters/wire/intake-bodies.ts";
import { accountDesk } from "../../../src/core/accounts/desk.ts";
import { RATE_POLICIES } from "../../../src/core/ports/rate-limits.ts";
import type { Store } from "../../../src/core/ports/store.ts";
import { ok } from "../../../src/core/result.ts";
import { type Instant, instantOf } from "../../../src/core/time.ts";
import { callbackDoor } from "../../../src/core/work/callback-door.ts";
import { hints } from "../../../src/core/work/hints.ts";
import { requests } from "../../../src/core/work/requests.ts";
import { updater } from "../../../src/core/work/updater.ts";
import { operatorOf } from "../../../src/entrypoints/operator.ts";
import { digest, stateUpdater } from "../../../src/entrypoints/parts/ground.ts";
import { applyPlans, FIRST_PLANS } from "../../../src/entrypoints/plans.ts";
import { answered } from "../../support/cinema.ts";
import { GATEWAY_ACCOUNT, SECRET } from "./gateway.ts";
import { type Sky, underSky } from "./weather.ts";

export type Ask = {
  readonly method: string;
  /** With its query, as it goes into the request line. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | string | null;
};
export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly ms: number;
};
export type Person = {
  readonly accountId: string;
  readonly email: string;
  readonly password: string;
  access: string;
  refresh: string;
  signedInAt: number;
};

const PASSWORD = "three grey umbrellas";
/** An access token lives for fifteen minutes; a long run goes on for longer. */
const FRESH_MS = 10 * 60_000;
const tokens = z.object({ accountId: z.string(), accessToken: z.string(), refreshToken: z.string() });

/**
 * The real application over a store, without a socket: real accounts, core, State Updater and CloudPayments adapter. Limits are
 * wide, for the fuzz asks more often than anybody may, and the sky above the database is in the test's hand.
 */
export const openFuzzHouse = async (store: Store) => {
  const sky: Sky = { weather: "fine" };
  const broken: unknown[] = [];
  const fail = (error: unknown): void => void broken.push(error);
  const bus = embeddedBus(fail);
  const now = (): Instant => instantOf(Date.now());
  const named = { digest, bodies: intakeBodies, now };
  const state = stateUpdater(store, GATEWAY_ACCOUNT, now);
  await applyPlans(operatorOf(store, state, digest, null), FIRST_PLANS);

  const updating = updater({
    ...named,
    billing: state,
    intake: store.intake,
    bus,
    reports: () => undefined,
    onCommitted: () => undefined,
    onServed: () => undefined,
    log: () => undefined,
  });
  const answering = await bus.answerRings(updating.take);
  /** In slow weather nobody hears the ring, and nobody is waited for. */
  const doorBus: typeof bus = {
    ...bus,
    ring: async (id) => (sky.weather === "slow" ? ok(null) : bus.ring(id)),
    awaitOutcome: (id, ms) => bus.awaitOutcome(id, sky.weather === "slow" ? 0 : ms),
  };
  const [intake, storage, queries, vault, accounts] = [
    underSky(store.intake, sky),
    underSky(store.storage, sky),
    underSky(store.queries, sky),
    underSky(store.vault, sky),
    underSky(store.accounts, sky),
  ];
  const passwords = argon2Passwords({ concurrency: 2, queue: 32 });
  const desk = {
    accounts,
    passwords,
    tokens: await jwtTokens({ masterKey: new Uint8Array(32).fill(7), issuer: () => "matinee" }),
    limits: { count: async () => ok(null), begin: async () => ok(null), succeed: async () => undefined },
    signUpLimits: [],
    wall: now,
  };
  const logged: LogEntry[] = [];
  const app = httpApp({
    requests: requests({
      ...named,
      intake,
      storage,
      bus: doorBus,
      newKey: () => crypto.randomUUID(),
      patienceMs: 5000,
    }),
    accounts: accountDesk(desk),
    hints: hints({ tasks: { add: async () => ok(null) } }),
    queries,
    callbacks: [
      {
        callbacks: cloudPaymentsCallbacks({ apiSecrets: [SECRET], gatewayAccount: GATEWAY_ACCOUNT }),
        door: callbackDoor({
          ...named,
          gateway: "cloudpayments",
          gatewayAccount: GATEWAY_ACCOUNT,
          intake,
          queries,
          vault,
          bus: doorBus,
          clock: { now: async () => now() },
        }),
      },
    ],
    payments: cloudPayments({
      publicId: "pk_1",
      apiSecret: SECRET,
      apiUrl: () => "http://127.0.0.1:1",
      gatewayAccount: GATEWAY_ACCOUNT,
      widgetScript: () => "https://widget.example/script.js",
      widgetPage: () => null,
      returnUrl: () => "https://matinee.example",
    }),
    limits: {
      take: async (bucket) => {
        const { limit, windowMs } = RATE_POLICIES[bucket];
        return sky.weather === "crowded"
          ? { ok: false, limit, retryAfterMs: 30_000, resetMs: windowMs }
          : { ok: true, limit, remaining: limit, resetMs: windowMs };
      },
    },
    billingNow: async () => now(),
    ready: async () => {
      const { ok: isReady } = await queries.plans("on_sale");
      return { ok: isReady, parts: { storage: isReady ? "ready" : "not_ready" } };
    },
    trustedProxies: ["127.0.0.0/8"],
    publicUrl: () => "https://matinee.example",
    mounts: [],
    log: (entry) => {
      logged.push(entry);
      if (logged.length > 100) logged.shift();
    },
  });

  const ask = async ({ method, path, headers = {}, body = null }: Ask): Promise<Answer> => {
    const init = { method, headers, ...(body === null || method === "GET" || method === "HEAD" ? {} : { body }) };
    const sinceMs = performance.now();
    const response = await app.fetch(new Request(`http://localhost${path}`, init));
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, ms: performance.now() - sinceMs };
  };
  const post = async (path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    ask({
      method: "POST",
      path,
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });

  // A hash costs more than all else here together, so people who only stand by have one between them.
  const known = answered(await passwords.hash(PASSWORD));
  const quick = accountDesk({
    ...desk,
    passwords: { ...passwords, hash: async () => ok(known), verify: async () => ok("right") },
  });
  let born = 0;
  const newcomer = async (): Promise<Person> => {
    born += 1;
    const email = `person-${born}@example.com`;
    const asked = { email, password: PASSWORD, language: "en", zone: "UTC", address: "203.0.113.1" } as const;
    const { accountId, accessToken, refreshToken } = answered(await quick.signUp(asked));
    return {
      accountId,
      email,
      password: PASSWORD,
      access: accessToken,
      refresh: refreshToken,
      signedInAt: Date.now(),
    };
  };
  const comesIn = async (person: Person): Promise<void> => {
    const { email, password } = person;
    const { accessToken, refreshToken } = answered(await quick.logIn({ email, password, address: "203.0.113.1" }));
    Object.assign(person, { access: accessToken, refresh: refreshToken, signedInAt: Date.now() });
  };

  return {
    app,
    ask,
    post,
    sky,
    store,
    /** The last requests, newest last. */
    logged,
    /** Failures behind the doors: there shall be none. */
    broken,
    newcomer,
    /** Opens another session for a person. */
    comesIn,
    /** A token that is good for some minutes more. */
    tokenOf: async (person: Person): Promise<string> => {
      if (Date.now() - person.signedInAt > FRESH_MS) await comesIn(person);
      return person.access;
    },
    /** Asks in a person's name. */
    askAs: (person: Person, method: string, path: string, body?: object, key?: string): Promise<Answer> =>
      ask({
        method,
        path,
        headers: {
          authorization: `Bearer ${person.access}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(key === undefined ? {} : { "idempotency-key": key }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      }),
    /** All that was accepted and not done yet is done. */
    settle: async (): Promise<void> => {
      while (await updating.sweep());
    },
    mismatches: async () => answered(await store.queries.mismatches(1000)),
    close: async (): Promise<void> => {
      await answering.stop();
      await store.close();
    },
  };
};
export type FuzzHouse = Awaited<ReturnType<typeof openFuzzHouse>>;

export const signedIn = (answer: Answer): z.output<typeof tokens> => jsonIn(tokens, answer);
export const jsonIn = <Shape extends z.ZodType>(shape: Shape, { status, text }: Answer): z.output<Shape> => {
  if (status >= 400) throw new Error(`${status}: ${text}`);
  return shape.parse(JSON.parse(text));
};
export const hmacOf = (message: string | Uint8Array, secret: string = SECRET): string =>
  createHmac("sha256", secret).update(message).digest("base64");
