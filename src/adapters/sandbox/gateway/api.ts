import { timingSafeEqual } from "node:crypto";
import type { Answer, Method } from "./api-methods.ts";
import { type FaultDice, REQUEST_FAULTS } from "./faults.ts";
import { readFields } from "./fields.ts";
import type { KeptAnswer, Ledger } from "./ledger.ts";

/** As of a test terminal. Source: fact sheet, 2.1. */
export const MOST_IN_FLIGHT = 5;
const KEPT_MS = 3_600_000;

export type ApiParts = {
  readonly ledger: Ledger;
  readonly faults: FaultDice;
  readonly methods: Readonly<Record<string, Method>>;
  readonly isKnown: (request: Request) => boolean;
  readonly now: () => number;
  readonly mostInFlight: number;
  readonly stopped: AbortSignal;
};

/** The API's door: who asks, how many at once, what was answered before, and what goes wrong on purpose. */
export const openApi = ({ ledger, faults, methods, isKnown, now, mostInFlight, stopped }: ApiParts) => {
  const running = new Map<string, Promise<KeptAnswer>>();
  let inFlight = 0;

  const carryOut = async (method: Method, told: Told, requestId: string | null): Promise<KeptAnswer> => {
    const fields = readFields(told.contentType, told.body);
    if (fields === null) return printed({ Success: false, Message: "Invalid request" });
    const effect = await method(fields);
    return ledger.atomically(() => {
      const answer = effect();
      const kept = printed(answer);
      // Only what was carried out, or declined, is answered again: a request that was put right may go on under its id.
      if (requestId !== null && (answer.Success || answer.Model !== undefined))
        ledger.keepAnswer(requestId, kept, now());
      return kept;
    });
  };
  const once = async (method: Method, told: Told): Promise<KeptAnswer> => {
    const { requestId } = told;
    if (requestId === null || requestId === "") return carryOut(method, told, null);
    ledger.forgetAnswers(now() - KEPT_MS);
    const kept = ledger.keptAnswer(requestId, now() - KEPT_MS);
    if (kept !== null) return kept;
    const twin = running.get(requestId);
    if (twin !== undefined) return twin;
    const answer = carryOut(method, told, requestId).finally(() => running.delete(requestId));
    running.set(requestId, answer);
    return answer;
  };
  const faulty = async (path: string, method: Method, request: Request): Promise<Response> => {
    const slow = faults.take(["slow"], path);
    const fault = faults.take(REQUEST_FAULTS, path)?.fault;
    if (fault === "429") return tooMany();
    if (fault === "500") return new Response(null, { status: 500 });
    // Before anything else: a caller that gives up takes with it what was not read yet.
    const told = await readWhole(request);
    if (slow !== null) await pause(slow.ms, stopped);
    if (fault === "never_arrives") return broken();
    const { status, body } = await once(method, told);
    if (fault === "lost_answer") return broken();
    return fault === "html" ? htmlPage() : new Response(body, { status, headers: JSON_HEADERS });
  };

  return async (path: string, request: Request): Promise<Response> => {
    const method = Object.hasOwn(methods, path) ? methods[path] : undefined;
    if (method === undefined) return new Response("Not found", { status: 404 });
    if (request.method !== "POST") return new Response(null, { status: 405, headers: { Allow: "POST" } });
    if (!isKnown(request)) return unauthorised();
    if (inFlight >= mostInFlight) return tooMany();
    inFlight += 1;
    try {
      return await faulty(path, method, request);
    } finally {
      inFlight -= 1;
    }
  };
};

/** A request that nothing can take back any more. */
type Told = { readonly contentType: string; readonly requestId: string | null; readonly body: string };
const readWhole = async (request: Request): Promise<Told> => ({
  contentType: request.headers.get("content-type") ?? "",
  requestId: request.headers.get("x-request-id"),
  body: await request.text(),
});

/** HTTP Basic, compared in constant time. */
export const knows =
  (publicId: string, apiSecret: string) =>
  (request: Request): boolean => {
    const sent = digest(request.headers.get("authorization") ?? "");
    return timingSafeEqual(sent, digest(`Basic ${Buffer.from(`${publicId}:${apiSecret}`).toString("base64")}`));
  };

export const unauthorised = (): Response =>
  new Response(null, { status: 401, headers: { "WWW-Authenticate": 'Basic realm="Gateway sandbox"' } });

const digest = (text: string): Buffer => new Bun.CryptoHasher("sha256").update(text).digest();

const JSON_HEADERS = { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" } as const;
const printed = (answer: Answer): KeptAnswer => ({ status: 200, body: JSON.stringify(answer) });
const tooMany = (): Response => new Response(null, { status: 429 });
const htmlPage = (): Response =>
  new Response("<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>", {
    headers: { "Content-Type": "text/html" },
  });

/** A web handler can't close a connection; a body that fails half-way makes the server do it. */
const broken = (): Response =>
  new Response(new ReadableStream({ pull: (body) => body.error(new Error("The connection breaks, as was asked")) }));

/** Cut short when the simulator stops. */
const pause = (ms: number, stopped: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const end = (): void => {
      clearTimeout(timer);
      stopped.removeEventListener("abort", end);
      done();
    };
    const timer = setTimeout(end, ms);
    stopped.addEventListener("abort", end);
  });
