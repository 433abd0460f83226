import { connect, createServer, type Socket } from "node:net";

/** A way to a server on which answers get lost. */
export type CuttingProxy = {
  readonly port: number;
  /** Answers that were lost so far, each with its connection. */
  cuts(): number;
  /** From now on every answer arrives. */
  heal(): void;
  close(): void;
};

/**
 * Passes everything on, but now and then cuts a connection when the server has answered: what was asked has been done,
 * and whoever asked never hears of it.
 * @param every of so many pieces of an answer one is lost, the same in every run as far as traffic is
 */
export const cuttingProxy = async (to: number, every: number): Promise<CuttingProxy> => {
  let [answers, cuts, cutting] = [0, 0, true];
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ port: to, host: "127.0.0.1" });
    const both = [client, upstream];
    const cut = (): void => {
      for (const socket of both) {
        open.delete(socket);
        socket.destroy();
      }
    };
    for (const socket of both) {
      open.add(socket);
      socket.on("error", cut);
      socket.on("close", cut);
    }
    client.on("data", (bytes) => upstream.write(bytes));
    upstream.on("data", (bytes) => {
      answers += 1;
      if (!cutting || answers % every !== 0) return void client.write(bytes);
      cuts += 1;
      cut();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    cuts: () => cuts,
    heal: () => {
      cutting = false;
    },
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
};
