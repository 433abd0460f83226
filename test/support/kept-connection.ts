import { connect, type Socket } from "node:net";

/**
 * One connection of HTTP/1.1 that is kept from request to request, with nothing in between that would open another one or ask
 * again by itself.
 */
export type KeptConnection = {
  /** @throws when the connection ends before the answer has come whole */
  ask(method: string, path: string, headers: Readonly<Record<string, string>>, body?: string): Promise<KeptAnswer>;
  close(): void;
};
export type KeptAnswer = {
  readonly status: number;
  readonly text: string;
  /** The server wants no more requests on this connection. */
  readonly isLast: boolean;
};

/** Null: nobody listens there. */
export const keepConnection = async (port: number): Promise<KeptConnection | null> => {
  const socket = await dialled(port);
  if (socket === null) return null;
  let come = Buffer.alloc(0);
  let hasEnded = false;
  let wake: () => void = () => undefined;
  socket.on("data", (chunk: Buffer) => {
    come = Buffer.concat([come, chunk]);
    wake();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    hasEnded = true;
    wake();
  });
  const answer = async (): Promise<KeptAnswer> => {
    for (;;) {
      const whole = read(come);
      if (whole !== null) {
        come = come.subarray(whole.length);
        return whole.answer;
      }
      if (hasEnded) throw new Error(`the connection ended after ${come.length} bytes of the answer`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    ask: (method, path, headers, body = "") => {
      const lines = Object.entries({
        host: `127.0.0.1:${port}`,
        "content-length": `${Buffer.byteLength(body)}`,
        ...headers,
      });
      const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
      socket.write(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`);
      return answer();
    },
    close: () => socket.destroy(),
  };
};

const dialled = (port: number): Promise<Socket | null> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(null));
  });

/** Null: it is not whole yet. Our answers say how long they are. */
const read = (come: Buffer): { readonly answer: KeptAnswer; readonly length: number } | null => {
  const headEnd = come.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const head = come.subarray(0, headEnd).toString("latin1");
  const bodyLength = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? "0");
  const length = headEnd + 4 + bodyLength;
  if (come.length < length) return null;
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
  const text = come.subarray(headEnd + 4, length).toString();
  return { answer: { status, text, isLast: /^connection: *close/im.test(head) }, length };
};
