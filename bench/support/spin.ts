import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

/** Steps of the loop: some 100 ms on the machine that this was written on. Only its own change is ever looked at. */
const STEPS = 60_000_000;

const spin = (): number => {
  const startedAt = performance.now();
  let x = 1;
  for (let i = 0; i < STEPS; i += 1) x = (Math.imul(x, 1_103_515_245) + 12_345) | 0;
  // The result is looked at, so that no compiler may drop the loop.
  return performance.now() - startedAt + (x === 0 ? Number.EPSILON : 0);
};

/**
 * How long a loop that does nothing takes on every core at once: when the machine has other work, it takes longer.
 * One core alone would not notice a neighbour on the other, and the databases we measure use both.
 */
export const openSpin = () => {
  const others = Array.from({ length: availableParallelism() - 1 }, () => new Worker(new URL(import.meta.url)));
  const onOther = (worker: Worker): Promise<number> =>
    new Promise((resolve) => {
      worker.once("message", resolve);
      worker.postMessage("spin");
    });
  return {
    run: async (): Promise<number> => {
      const elsewhere = others.map(onOther);
      // The workers start before this thread is taken by its own loop.
      await new Promise((resolve) => setTimeout(resolve, 1));
      return Math.max(spin(), ...(await Promise.all(elsewhere)));
    },
    close: async () => {
      for (const worker of others) await worker.terminate();
    },
  };
};

if (!isMainThread) parentPort?.on("message", () => parentPort?.postMessage(spin()));
