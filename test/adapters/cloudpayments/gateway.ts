import { createServer, type Socket } from "node:net";
import { type CloudPaymentsConfig, cloudPayments } from "../../../src/adapters/cloudpayments/payments.ts";
import type { Payments } from "../../../src/core/ports/payments.ts";
import { GATEWAY_ACCOUNT } from "./fixtures.ts";

export type Heard = { readonly path: string; readonly headers: Headers; readonly text: string; readonly json: unknown };
export type FakeGateway = {
  readonly url: string;
  readonly heard: readonly Heard[];
  [Symbol.asyncDispose](): Promise<void>;
};

/** A server that answers as it is told and remembers what it was asked. */
export const fakeGateway = (answer: (heard: Heard) => Response | Promise<Response>): FakeGateway => {
  const heard: Heard[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const text = await request.text();
      const json: unknown = text === "" ? null : JSON.parse(text);
      const one = { path: new URL(request.url).pathname, headers: request.headers, text, json };
      heard.push(one);
      return answer(one);
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/api`,
    heard,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
};

/** Always the same answer. */
export const saying = (body: string, init?: ResponseInit): FakeGateway => fakeGateway(() => new Response(body, init));

/** A server that speaks no HTTP unless `talk` does. */
export const rawGateway = async (talk: (socket: Socket) => void) => {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => sockets.delete(socket));
    talk(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

export const clientOf = (url: string, over: Partial<CloudPaymentsConfig> = {}): Payments =>
  cloudPayments({
    publicId: "pk_1",
    apiSecret: "secret:ü",
    apiUrl: () => url,
    widgetScript: () => "https://widget.example/cloudpayments.js",
    widgetPage: () => null,
    returnUrl: () => "https://cinema.example/paid",
    gatewayAccount: GATEWAY_ACCOUNT,
    ...over,
  });
