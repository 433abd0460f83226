import type { PaymentFault } from "../../core/ports/payments.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { readExactJson } from "./exact-json.ts";
import { decodeUtf8 } from "./message.ts";
import { openSlots } from "./slots.ts";

export type ConnectionConfig = {
  readonly publicId: string;
  readonly apiSecret: string;
  /** Where the methods are, as in "https://api.cloudpayments.ru". Asked at each call: in sandbox mode the port is told late. */
  readonly apiUrl: () => string;
  readonly send?: typeof fetch;
  /** For the whole of a call, waiting for a free slot left aside. */
  readonly deadlineMs?: number;
  /** How many calls may run at once. The gateway takes 5 of a test terminal and 30 of a live one; processes share it. */
  readonly concurrency?: number;
};

/**
 * Calls a method of the gateway once and reads what it says, as `readExactJson` does.
 * @param method as in "/payments/find"
 * @param requestId names a call that moves money; under one id the gateway does a thing once, for an hour
 * @returns `gateway_unavailable` only when it is certain that nothing was done
 */
export type Post = (
  method: string,
  fields: Readonly<Record<string, unknown>>,
  requestId?: string,
) => Promise<Result<unknown, PaymentFault>>;

const DEADLINE_MS = 30_000;
/** A list of 100 rows has a quarter of a megabyte. */
const MOST_BYTES = 4 * 1024 * 1024;

const BUSY_MS = 5_000;
const UNREACHABLE_MS = 30_000;
/** Wrong credentials do not come right by themselves. */
export const REFUSED_MS = 300_000;
const LONGEST_WAIT_MS = 600_000;

export const connect = (config: ConnectionConfig): Post => {
  const { publicId, apiSecret, apiUrl, deadlineMs = DEADLINE_MS } = config;
  const slots = openSlots(config.concurrency ?? (publicId.startsWith("test_api_") ? 5 : 30));
  const send = config.send ?? fetch;
  const authorization = `Basic ${Buffer.from(`${publicId}:${apiSecret}`).toString("base64")}`;

  return async (method, fields, requestId) => {
    if (!(await slots.take(deadlineMs))) return unavailable(BUSY_MS);
    const request: RequestInit = {
      method: "POST",
      headers: {
        authorization,
        "content-type": "application/json",
        ...(requestId === undefined ? {} : { "x-request-id": requestId }),
      },
      body: JSON.stringify(fields),
      // The credentials must not follow to another host.
      redirect: "manual",
      // Bun has given late answers of a kept connection to the next request.
      keepalive: false,
    };
    try {
      return await within(deadlineMs, (signal) => exchange(send, `${apiUrl()}${method}`, { ...request, signal }));
    } finally {
      slots.give();
    }
  };
};

type Answer = Result<unknown, PaymentFault>;

const unavailable = (retryAfterMs: number) => err({ code: "gateway_unavailable", retryAfterMs });
const LOST = err({ code: "answer_lost" });

/** A signal alone is not enough: on a half-open connection Bun's fetch may not hear it. */
const within = async (deadlineMs: number, ask: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> => {
  const abort = new AbortController();
  const late = Promise.withResolvers<Answer>();
  const timer = setTimeout(() => late.resolve(LOST), deadlineMs);
  try {
    return await Promise.race([ask(abort.signal), late.promise]);
  } finally {
    clearTimeout(timer);
    abort.abort(); // Also ends the reading of a body that nobody wants any more.
  }
};

const exchange = async (send: typeof fetch, url: string, request: RequestInit): Promise<Answer> => {
  const response = await send(url, request).catch((error: unknown) => error);
  if (!(response instanceof Response)) return wasSent(response) ? LOST : unavailable(UNREACHABLE_MS);
  if (response.status === 429) return unavailable(waitOf(response));
  if (response.status === 401 || response.status === 403) return unavailable(REFUSED_MS);
  if (response.status !== 200) return LOST;
  const body = await readBody(response).catch(() => null);
  const json = body === null ? null : readExactJson(body);
  return json === null ? LOST : ok(json);
};

/** No connection has come about: there was nothing over which the request could have gone. */
const UNSENT: ReadonlySet<unknown> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);
const wasSent = (error: unknown): boolean => !(error instanceof Error && "code" in error && UNSENT.has(error.code));

const waitOf = (response: Response): number => {
  const told = response.headers.get("retry-after") ?? "";
  return /^[0-9]{1,9}$/.test(told) ? Math.min(Number(told) * 1000, LONGEST_WAIT_MS) : BUSY_MS;
};

/** Null: it is longer than any answer of the gateway, or no text. */
const readBody = async (response: Response): Promise<string | null> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) return null;
    chunks.push(chunk);
  }
  return decodeUtf8(Buffer.concat(chunks));
};
