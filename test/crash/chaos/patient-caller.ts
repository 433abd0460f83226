import type { Answer } from "../../support/online-viewer.ts";

/** What calls met on their way. */
export type Weather = { cutOff: number; unavailable: number; running: number; limited: number };
export const newWeather = (): Weather => ({ cutOff: 0, unavailable: 0, running: 0, limited: 0 });

export type Asking = {
  readonly token?: string;
  readonly address?: string;
  readonly key?: string;
  readonly body?: unknown;
};

/** Of one try: a process that stands still never answers. */
const ANSWER_MS = 10_000;
const PATIENCE_MS = 60_000;

/**
 * Asks as a good client does: again, with the same key, when the connection breaks, when nobody answers, and when it is told to
 * come again. Any other answer is an answer.
 */
export const patientCaller =
  (origin: string, weather: Weather) =>
  async (method: "GET" | "POST", path: string, { token, address, key, body }: Asking = {}): Promise<Answer> => {
    const headers = {
      "accept-language": "en",
      ...(address === undefined ? {} : { "x-forwarded-for": address }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(key === undefined ? {} : { "idempotency-key": key }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const request = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    for (const begun = performance.now(); performance.now() - begun < PATIENCE_MS; ) {
      const answer = await once(`${origin}${path}`, request).catch(() => null);
      if (answer === null) weather.cutOff += 1;
      else if (answer.status === 503) weather.unavailable += 1;
      else if (answer.status === 202) weather.running += 1;
      else if (answer.status === 429) weather.limited += 1;
      else return answer;
      await Bun.sleep(answer?.status === 429 ? 1000 : 200);
    }
    throw new Error(`waited ${PATIENCE_MS} ms in vain for an answer to ${method} ${path}`);
  };

const once = async (url: string, request: RequestInit): Promise<Answer> => {
  const response = await fetch(url, { ...request, signal: AbortSignal.timeout(ANSWER_MS) });
  const text = await response.text();
  return { status: response.status, json: text === "" ? null : JSON.parse(text) };
};
