import { type AnyElysia, Elysia, NotFoundError, ParseError, ValidationError } from "elysia";
import { z } from "zod";
import { RATE_POLICIES } from "../../core/ports/rate-limits.ts";
import { malformed } from "../wire/malformed.ts";
import { ACCESS_PATH, accessAnswer, accessRoutes } from "./access.ts";
import { clientAddress, networkOf } from "./addresses.ts";
import { authRoutes } from "./auth.ts";
import { refuseLargeBody } from "./body.ts";
import { callbackRoutes } from "./callbacks.ts";
import { commandRoutes } from "./commands.ts";
import { docsRoutes } from "./docs.ts";
import { healthRoutes } from "./health.ts";
import { homeRoutes } from "./home.ts";
import { invoiceRoutes } from "./invoices.ts";
import { planRoutes } from "./plans.ts";
import type { HttpPorts } from "./ports.ts";
import { problemPages } from "./problem-pages.ts";
import { problemOf, problemResponse, Refused } from "./problems.ts";
import { noteVisit, openVisit, type Visit, visitOf } from "./request.ts";
import { type RoutePath, routeTable } from "./routing.ts";
import { subscriptionRoutes } from "./subscriptions.ts";

/** A web-standard application. `connection` tells the peer's address where there is one, as Bun's server does. */
export type HttpApp = { readonly fetch: (request: Request, connection?: Connection) => Promise<Response> };
export type Connection = { readonly requestIP: (request: Request) => { readonly address: string } | null };

/** All routes, and around them what is the same for every request: its id, its address, headers, the log. */
export const httpApp = (ports: HttpPorts): HttpApp => {
  const access = accessAnswer(ports);
  const routes = allRoutes(ports, access);
  const table = routeTable(routes.routes);
  const trusted = ports.trustedProxies.map(networkOf);

  const respond: Respond = async (request, visit, route) => {
    if (route === null) throw new Refused("no_such_route");
    const { methods, allow } = route;
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: { allow } });
    if (!methods.has(request.method)) throw new Refused("method_not_allowed", { headers: { allow } });
    // Every player asks this all the time. The framework, which knows it for its documentation, would take most of the time.
    if (route.pattern === ACCESS_PATH) return access(request, visit);
    // Of what is asked by GET nobody reads a body.
    if (request.method !== "GET") refuseLargeBody(request);
    noteVisit(visit, request);
    return routes.fetch(request);
  };

  return {
    fetch: async (request, connection) => {
      const startedAt = performance.now();
      const askPeer = (): string | null => connection?.requestIP(request)?.address ?? null;
      // Of a caller who has gone meanwhile the server tells no address, so it is asked now. Not of who reads and shows a token:
      // most are counted by that, and the question is one to the kernel.
      const peer = request.method === "GET" && request.headers.has("authorization") ? undefined : askPeer();
      const addressOf = (): string =>
        clientAddress(peer === undefined ? askPeer() : peer, request.headers.get("x-forwarded-for"), trusted);
      const visit = openVisit(request, addressOf);
      // A Host that is no host leaves the path alone as the address.
      const path = table.pathOf(request.url);
      const mounted = ports.mounts.find(({ prefix }) => path === prefix || path?.startsWith(`${prefix}/`));
      if (mounted !== undefined) return mounted.fetch(request);
      const route = path === null ? null : table.at(path);
      const response = await answer(request, visit, path === null ? "malformed" : route, respond);
      ports.log({
        requestId: visit.requestId,
        method: request.method,
        route: route?.pattern ?? null,
        status: response.status,
        ms: performance.now() - startedAt,
        accountId: visit.accountId ?? undefined,
        problem: visit.problem ?? undefined,
        error: visit.error,
      });
      return response;
    },
  };
};

const allRoutes = (ports: HttpPorts, access: ReturnType<typeof accessAnswer>): AnyElysia => {
  const routes: AnyElysia = new Elysia({ handler: { standardHostname: false } })
    .onError({ as: "global" }, ({ error, request }) => refusal(error, visitOf(request)))
    .use(healthRoutes(ports))
    .use(authRoutes(ports))
    .group("/subscriptions/api/v1", (group) =>
      group.use(planRoutes(ports)).use(subscriptionRoutes(ports)).use(accessRoutes(access)).use(commandRoutes(ports)),
    )
    .group("/payments/api/v1", (group) => group.use(invoiceRoutes(ports)).use(callbackRoutes(ports)))
    .use(docsRoutes(() => routes))
    .use(problemPages())
    .use(homeRoutes(ports));
  return routes;
};

type Respond = (request: Request, visit: Visit, route: RoutePath | null) => Promise<Response>;

const answer = async (
  request: Request,
  visit: Visit,
  route: RoutePath | null | "malformed",
  respond: Respond,
): Promise<Response> => {
  try {
    if (route === "malformed") throw new Refused("malformed_request");
    if (request.method !== "HEAD") return dressed(await respond(request, visit, route), visit);
    const asked = new Request(request, { method: "GET" });
    return dressed(await withoutBody(await respond(asked, visit, route)), visit);
  } catch (error) {
    return dressed(refusal(error, visit), visit);
  }
};

/** All that GET would say but the body itself, its length among it. */
const withoutBody = async (response: Response): Promise<Response> => {
  const { status, headers } = response;
  headers.set("content-length", String((await response.arrayBuffer()).byteLength));
  return new Response(null, { status, headers });
};

/** What was thrown, as a problem. Of what is our own fault the caller learns that it is, and the log why. */
const refusal = (error: unknown, visit: Visit): Response => {
  const refused = refusedBy(error);
  if (refused.code === "internal_error") visit.error = error;
  visit.problem = refused.code;
  const document = problemOf(refused.code, visit.language, visit.requestId, refused.details);
  return problemResponse(document, refused.details.headers);
};

const refusedBy = (error: unknown): Refused => {
  if (error instanceof Refused) return error;
  // Elysia wraps what a parser throws.
  if (error instanceof ParseError)
    return error.cause instanceof Refused ? error.cause : new Refused("malformed_request");
  if (error instanceof NotFoundError) return new Refused("no_such_route");
  return error instanceof ValidationError ? refusedByValidation(error) : new Refused("internal_error");
};

const refusedByValidation = (error: ValidationError): Refused => {
  switch (error.type) {
    case "params":
      return new Refused("not_found"); // What is no id names nothing.
    case "headers":
      return new Refused("malformed_idempotency_key");
    case "query":
      return new Refused("malformed_query", { errors: fieldErrors(error) });
    case "body":
      return new Refused("malformed_body", { errors: fieldErrors(error) });
    default:
      return new Refused("internal_error"); // An answer of ours does not fit its own schema.
  }
};

/** Where and what, in our words. Never the message or the value: it may be a password. */
const fieldErrors = ({ validator, value }: ValidationError) => {
  const schema: unknown = Object(validator).schema ?? validator;
  if (!(schema instanceof z.ZodType)) return [];
  const parsed = schema.safeParse(value, { reportInput: true });
  return parsed.success ? [] : malformed(parsed.error).errors;
};

/** Headers that every answer of ours bears. */
const dressed = (response: Response, { requestId, taken }: Visit): Response => {
  const { headers } = response;
  headers.set("x-request-id", requestId);
  headers.set("x-content-type-options", "nosniff");
  headers.set("referrer-policy", "no-referrer");
  if (!headers.has("content-security-policy"))
    headers.set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  if (taken !== null) {
    const { limit, windowMs } = RATE_POLICIES.user_api;
    const remaining = taken.ok ? taken.remaining : 0;
    headers.set("ratelimit-policy", `"user_api";q=${limit};w=${windowMs / 1000}`);
    headers.set("ratelimit", `"user_api";r=${remaining};t=${Math.ceil(taken.resetMs / 1000)}`);
  }
  return response;
};
