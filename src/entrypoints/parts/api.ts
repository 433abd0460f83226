import { jwtTokens } from "../../adapters/crypto/tokens.ts";
import { type HttpApp, httpApp } from "../../adapters/http/app.ts";
import { inProcessLimits } from "../../adapters/limits/in-process.ts";
import { inProcessRates } from "../../adapters/limits/in-process-rates.ts";
import { intakeBodies } from "../../adapters/wire/intake-bodies.ts";
import { accountDesk } from "../../core/accounts/desk.ts";
import { SANDBOX_SIGN_UP_LIMITS, SIGN_UP_LIMITS } from "../../core/accounts/limits.ts";
import { rememberedSessions } from "../../core/accounts/remembered-sessions.ts";
import type { Passwords } from "../../core/ports/passwords.ts";
import type { Queries } from "../../core/ports/queries.ts";
import type { Tasks } from "../../core/ports/tasks.ts";
import { err } from "../../core/result.ts";
import { SECOND_MS } from "../../core/time.ts";
import { accessView } from "../../core/work/access-view.ts";
import { callbackDoor } from "../../core/work/callback-door.ts";
import { hints } from "../../core/work/hints.ts";
import { requests } from "../../core/work/requests.ts";
import { clockOf, digest, type Ground, newName } from "./ground.ts";
import { openRunning, type Part } from "./running.ts";

/** What answers HTTP, and what other services ask. It reads, and leaves what it has accepted in the intake. */
export type ApiPart = Part & { readonly http: HttpApp };

/** How long a caller waits for the outcome before it is given the address of its status. */
const PATIENCE_MS = 5 * SECOND_MS;

export const apiPart = async (
  ground: Ground,
  { passwords, ready }: { readonly passwords: Passwords; readonly ready: HttpReady },
): Promise<ApiPart> => {
  const { config, masterKey, store, gateway, publicUrl, log, now, bus, services, hearsAll } = ground;
  const { payments, callbacks, simulator } = gateway;
  const { storage, intake, vault } = store;
  const clock = clockOf(now);
  const named = { digest, bodies: intakeBodies, now };
  const running = openRunning(log);

  const view = accessView({ queries: store.queries, wall: now });
  // Where facts may be written that this bus does not bring, what was remembered would be wrong.
  const queries: Queries = hearsAll ? { ...store.queries, access: view.access } : store.queries;

  const door = callbackDoor({
    ...named,
    gateway: callbacks.gateway,
    gatewayAccount: payments.gatewayAccount,
    intake,
    queries,
    vault,
    bus,
    clock,
  });
  const http = httpApp({
    requests: requests({ ...named, intake, storage, bus, newKey: newName, patienceMs: PATIENCE_MS }),
    accounts: accountDesk({
      accounts: rememberedSessions(store.accounts),
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
    hints: hints({ tasks: tasksOverBus(ground) }),
    limits: inProcessRates(),
    billingNow: (account) => clock.now(account),
    ready,
    trustedProxies: config.trustedProxies,
    publicUrl,
    mounts: simulator === null ? [] : [simulator],
    log: log.request,
  });

  return {
    http,
    start: async () => {
      if (hearsAll) running.keep(await bus.subscribe(view.heard, view));
      if (services !== null) running.keep(await services.answerQueries({ ...queries, now: () => clock.now(null) }));
    },
    stop: running.stop,
  };
};
type HttpReady = Parameters<typeof httpApp>[0]["ready"];

/** Who works on tasks may be another process. */
const tasksOverBus = ({ bus }: Ground): Pick<Tasks, "add"> => ({
  add: async (rows) => {
    const hinted = await bus.hint(rows);
    return hinted.ok ? hinted : err({ code: "tasks_unavailable", detail: hinted.error.detail });
  },
});
