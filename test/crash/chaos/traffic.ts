import { type KeptAnswer, type KeptConnection, keepConnection } from "../../support/kept-connection.ts";

export type Ask = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isRight: (answer: KeptAnswer) => boolean;
};
/** Steady requests over connections that are kept, to one process as long as that wants them, else to another. */
export type Traffic = {
  /** Right answers of the first process, and how many of them were the last of their connection. */
  readonly answered: () => { readonly first: number; readonly last: number };
  /** What was asked and not answered rightly. That nobody listens any more is no such failure. */
  readonly failures: () => readonly string[];
  stop(): Promise<void>;
};

/** @param asks one for each connection; each is asked for what it asks next */
export const startTraffic = (first: number, second: number, asks: readonly (() => Ask)[], pauseMs: number): Traffic => {
  const failures: string[] = [];
  let [count, last] = [0, 0];
  let isOver = false;

  const run = async (next: () => Ask): Promise<void> => {
    let port = first;
    let connection: KeptConnection | null = null;
    const leave = (): void => {
      connection?.close();
      connection = null;
      // A balancer goes by the same sign: this process wants no more.
      port = second;
    };
    while (!isOver) {
      connection ??= await keepConnection(port);
      if (connection === null) {
        if (port === second) failures.push("nobody listens at either");
        leave();
        continue;
      }
      const { method, path, headers, body, isRight } = next();
      try {
        const answer = await connection.ask(method, path, headers, body);
        if (!isRight(answer)) failures.push(`${method} ${path}: ${answer.status} ${answer.text}`);
        else if (port === first) {
          count += 1;
          if (answer.isLast) last += 1;
        }
        if (answer.isLast) leave();
      } catch (error) {
        failures.push(`${method} ${path}: ${String(error)}`);
        leave();
      }
      await Bun.sleep(pauseMs);
    }
    connection?.close();
  };
  const running = Promise.all(asks.map(run));
  return {
    answered: () => ({ first: count, last }),
    failures: () => failures,
    stop: async () => {
      isOver = true;
      await running;
    },
  };
};
