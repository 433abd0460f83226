import type { Socket } from "bun";
import { type Half, waits } from "./rounds.ts";

// The client: requests made beforehand, over connections that stay open, with next to nothing done about the answers. It
// runs in the process of the bench, which has nothing else to do meanwhile.

/** A request as it goes over the wire. */
export type Wire = Uint8Array;

export const wire = (
  method: "GET" | "POST",
  path: string,
  headers: Readonly<Record<string, string>>,
  body = "",
): Wire => {
  const encoded = new TextEncoder().encode(body);
  const all = { Host: "localhost", ...headers, ...(body === "" ? {} : { "Content-Length": `${encoded.length}` }) };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head.join("")}\r\n`), encoded]);
};

export type Target = {
  readonly port: number;
  /** What stands in each right answer. Any other answer makes the run void. */
  readonly expected: string;
};

/**
 * Closed loop: each client sends its next request once the one before is answered.
 * @param settled what a client also waits for, as part of the request
 */
export const closedLoop = async (
  target: Target,
  requests: readonly Wire[],
  clients: number,
  settled: (n: number) => Promise<void> = async () => undefined,
): Promise<Half> => {
  const connections = await Promise.all(Array.from({ length: clients }, () => connectTo(target)));
  const latenciesMs = new Float64Array(requests.length);
  let next = 0;
  const startedAt = performance.now();
  await Promise.all(
    connections.map(async ({ ask }) => {
      for (let n = next++; n < requests.length; n = next++) {
        const from = performance.now();
        await ask(requests[n] as Wire);
        await settled(n);
        latenciesMs[n] = performance.now() - from;
      }
    }),
  );
  const perSecond = (requests.length / (performance.now() - startedAt)) * 1000;
  for (const { close } of connections) close();
  return { perSecond, ...waits(latenciesMs) };
};

/**
 * Open loop: requests arrive when they arrive, whatever became of those before. A wait counts from the instant at which
 * the request was to arrive, so that time spent in a queue on our side is not forgotten.
 */
export const openLoop = async (
  target: Target,
  requests: readonly Wire[],
  perSecond: number,
  settled: (n: number) => Promise<void> = async () => undefined,
): Promise<Half> => {
  const idle = await Promise.all(Array.from({ length: MOST_OPEN }, () => connectTo(target)));
  const connections = [...idle];
  const gaps = gapsOf(requests.length, 1000 / perSecond);
  const latenciesMs = new Float64Array(requests.length);
  const waiting: (() => void)[] = [];
  const send = async (n: number, dueAt: number): Promise<void> => {
    if (idle.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    const connection = idle.pop() as Connection;
    await connection.ask(requests[n] as Wire);
    idle.push(connection);
    waiting.shift()?.();
    await settled(n);
    latenciesMs[n] = performance.now() - dueAt;
  };

  const startedAt = performance.now();
  const sent: Promise<void>[] = [];
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined); // It is heard below, once all has been sent.
  let dueAt = startedAt;
  for (const [n, gap] of gaps.entries()) {
    dueAt += gap;
    const early = dueAt - performance.now();
    if (early > 0) await Bun.sleep(early);
    sent.push(send(n, dueAt).catch(failure.reject));
  }
  await Promise.race([Promise.all(sent), failure.promise]);
  const reached = (requests.length / (performance.now() - startedAt)) * 1000;
  for (const { close } of connections) close();
  return { perSecond: reached, ...waits(latenciesMs) };
};

const MOST_OPEN = 128;

/** Arrivals that know nothing of each other, and are the same in every run. */
const gapsOf = (count: number, meanMs: number): readonly number[] => {
  let state = 0x9e3779b9;
  const random = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 1) / 4_294_967_297;
  };
  return Array.from({ length: count }, () => -Math.log(random()) * meanMs);
};

type Connection = { readonly ask: (request: Wire) => Promise<void>; readonly close: () => void };

const connectTo = async ({ port, expected }: Target): Promise<Connection> => {
  let answer: PromiseWithResolvers<void> | null = null;
  let heard = "";
  let isClosed = false;
  const fail = (why: string): void => answer?.reject(new Error(`void: ${why}`));
  const socket: Socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, chunk) => {
        heard += chunk.toString("latin1");
        if (!isWhole(heard)) return;
        const isRight = heard.startsWith("HTTP/1.1 200 ") && heard.includes(expected);
        const told = heard;
        heard = "";
        if (isRight) answer?.resolve();
        else fail(`answered ${told}`);
      },
      close: () => {
        isClosed = true;
        fail("the connection was closed");
      },
      error: (_, error) => fail(error.message),
    },
  });
  socket.setNoDelay(true);
  return {
    ask: (request) => {
      answer = Promise.withResolvers();
      if (isClosed) fail("the connection was closed");
      else if (socket.write(request) !== request.byteLength) fail("a request did not fit the socket");
      return answer.promise;
    },
    close: () => socket.end(),
  };
};

const isWhole = (heard: string): boolean => {
  const head = heard.indexOf("\r\n\r\n");
  if (head < 0) return false;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(heard.slice(0, head + 2))?.[1];
  if (length === undefined) throw new Error(`an answer tells its length: ${heard}`);
  return heard.length >= head + 4 + Number(length);
};
