import { connect, createServer, type Socket } from "node:net";
import { freePort } from "./free-port.ts";

/** Hands connections to several processes in turn, as whatever stands before an installation does. */
export type Balancer = {
  readonly origin: string;
  /** From now on only these are handed anything. */
  turnTo(ports: readonly number[]): void;
  close(): Promise<void>;
};

const LOOK_MS = 500;
/** A process that does not say in this time that it lives is left out, and its connections are cut. */
const SILENCE_MS = 1000;

export const openBalancer = async (first: readonly number[]): Promise<Balancer> => {
  let ports = first;
  let turn = 0;
  const silent = new Set<number>();
  const pairs = new Map<number, Set<Socket>>();
  const next = (): number => {
    const alive = ports.filter((port) => !silent.has(port));
    const among = alive.length === 0 ? ports : alive;
    turn += 1;
    return among[turn % among.length] ?? 0;
  };

  const server = createServer((client) => {
    client.on("error", () => undefined);
    const dial = (triesLeft: number): void => {
      const port = next();
      const behind = connect(port, "127.0.0.1");
      let isConnected = false;
      behind.once("connect", () => {
        isConnected = true;
        if (client.destroyed) return void behind.destroy();
        const both = [client, behind];
        const open = pairs.get(port) ?? new Set();
        pairs.set(port, open);
        for (const one of both) {
          open.add(one);
          one.once("close", () => {
            for (const each of both) each.destroy();
            open.delete(one);
          });
        }
        client.pipe(behind).pipe(client);
      });
      behind.on("error", () => {
        if (!isConnected && triesLeft > 0) dial(triesLeft - 1);
        else client.destroy();
      });
    };
    dial(first.length);
  });
  const look = async (port: number): Promise<void> => {
    const says = await fetch(`http://127.0.0.1:${port}/health/live`, { signal: AbortSignal.timeout(SILENCE_MS) }).then(
      () => true,
      () => false,
    );
    if (says) silent.delete(port);
    else {
      silent.add(port);
      for (const socket of pairs.get(port) ?? []) socket.destroy();
    }
  };
  const looking = setInterval(() => {
    for (const port of ports) void look(port);
  }, LOOK_MS);

  const port = freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${port}`,
    turnTo: (others) => {
      ports = others;
    },
    close: async () => {
      clearInterval(looking);
      for (const open of pairs.values()) for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
