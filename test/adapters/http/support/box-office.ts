import { type Connection, httpApp } from "../../../../src/adapters/http/app.ts";
import type { HttpPorts, LogEntry } from "../../../../src/adapters/http/ports.ts";
import { openMemory } from "../../../../src/adapters/memory/store.ts";
import { problem } from "../../../../src/adapters/wire/problems.ts";
import { formatAmount } from "../../../../src/core/money.ts";
import { RATE_POLICIES, type RateLimits } from "../../../../src/core/ports/rate-limits.ts";
import { ok } from "../../../../src/core/result.ts";
import { instantOf } from "../../../../src/core/time.ts";
import { hints } from "../../../../src/core/work/hints.ts";
import { BASIC, MONTHLY, openCinema, PREMIUM, rub } from "../../../support/cinema.ts";
import { openDesk } from "./desk.ts";
import { openGatewayDoor } from "./door.ts";
import { openRequests } from "./requests.ts";

type Ask = {
  readonly body?: unknown;
  /** As it is, not as JSON. */
  readonly raw?: string | Uint8Array<ArrayBuffer>;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly from?: string;
};
/** What an answer says, whatever its form. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every route
export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string; readonly json: any };

/** The HTTP application in front of the real core over memory, and what happens behind it. */
export const openBoxOffice = async (over: Partial<HttpPorts> = {}) => {
  const store = openMemory();
  const cinema = openCinema(store);
  await cinema.sell(BASIC, { ...MONTHLY, price: rub(19_900) }, 1);
  await cinema.sell(PREMIUM, MONTHLY, 2);
  const now = () => instantOf(Date.parse("2026-01-31T09:00:00Z"));
  const asked = openRequests(cinema);
  const gateway = openGatewayDoor();
  const logged: LogEntry[] = [];
  const looksUp: string[] = [];
  const ports: HttpPorts = {
    requests: asked.requests,
    accounts: openDesk(now),
    queries: store.queries,
    callbacks: [gateway.entry],
    payments: {
      widget: ({ attemptId, amount, ...rest }) => ({
        gateway: "acme",
        script: "https://acme.test/widget.js",
        page: `https://acme.test/pay/${attemptId}`,
        parameters: JSON.stringify({ reference: attemptId, amount: formatAmount(amount), ...rest }),
      }),
    },
    hints: hints({
      tasks: {
        add: async (rows) => {
          looksUp.push(...rows.map(({ kind, subject }) => `${kind} ${subject}`));
          return ok(null);
        },
      },
    }),
    limits: openLimits(),
    billingNow: async () => cinema.at(),
    ready: async () => ({ ok: true, parts: { storage: "ready" } }),
    trustedProxies: [],
    publicUrl: () => "https://matinee.test",
    mounts: [],
    log: (entry) => logged.push(entry),
    ...over,
  };
  const app = httpApp(ports);

  const ask = async (
    method: string,
    path: string,
    { body, raw, token, headers = {}, from }: Ask = {},
  ): Promise<Answer> => {
    const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const request = new Request(`http://localhost${path}`, {
      method,
      headers: {
        ...(sent === undefined || headers["content-type"] !== undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(sent === undefined ? {} : { body: sent }),
    });
    const connection: Connection = { requestIP: () => (from === undefined ? null : { address: from }) };
    const response = await app.fetch(request, connection);
    const text = await response.text();
    const isJson = (response.headers.get("content-type") ?? "").includes("json");
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text !== "" ? JSON.parse(text) : null,
    };
  };

  let people = 0;
  return {
    app,
    ask,
    cinema,
    gateway,
    logged,
    /** What the gateway is to be asked soon. */
    looksUp,
    go: asked.go,
    commandIds: asked.ids,
    /** Somebody new, signed up and logged in. */
    newcomer: async (): Promise<{ token: string; refreshToken: string; accountId: string }> => {
      people += 1;
      const body = { email: `viewer-${people}@example.com`, password: "seven green bicycles" };
      const { json } = await ask("POST", "/auth/api/v1/sign-up", { body });
      return { token: json.accessToken, refreshToken: json.refreshToken, accountId: json.accountId };
    },
  };
};
export type BoxOffice = Awaited<ReturnType<typeof openBoxOffice>>;

/** As many as the policy allows, for ever: tests do not wait for a window to end. */
const openLimits = (): RateLimits => {
  const counts = new Map<string, number>();
  return {
    take: async (bucket, key) => {
      const { limit, windowMs } = RATE_POLICIES[bucket];
      const count = (counts.get(`${bucket} ${key}`) ?? 0) + 1;
      counts.set(`${bucket} ${key}`, count);
      return count > limit
        ? { ok: false, limit, retryAfterMs: 30_500, resetMs: windowMs }
        : { ok: true, limit, remaining: limit - count, resetMs: windowMs };
    },
  };
};

/** The answer is a problem of that code; its document is checked against the schema. */
export const problemIn = ({ status, headers, json }: Answer) => {
  const type = headers.get("content-type");
  if (type !== "application/problem+json") throw new Error(`${status} ${type} is no problem`);
  const document = problem.parse(json);
  if (document.status !== status || headers.get("x-request-id") !== document.requestId)
    throw new Error("status and request id differ");
  return document;
};
