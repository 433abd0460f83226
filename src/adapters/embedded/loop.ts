/** A step that is done again and again, one at a time: soon after a wake, and else each `idleMs`. */
export type Loop = {
  wake(): void;
  /** Waits for the step that runs; no other is begun. */
  stop(): Promise<void>;
};

/**
 * @param step answers whether there may be more to do at once
 * @param onError a step that throws is told of and done again after `idleMs`: a loop never ends by itself
 */
export const loop = (step: () => Promise<boolean>, idleMs: number, onError: (error: unknown) => void): Loop => {
  let isStopped = false;
  let isAwake = true;
  let interrupt: () => void = () => undefined;

  const rest = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, idleMs);
      interrupt = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const run = async (): Promise<void> => {
    while (!isStopped) {
      isAwake = false;
      let isMore = false;
      try {
        isMore = await step();
      } catch (error) {
        onError(error);
      }
      if (!isMore && !isAwake && !isStopped) await rest();
    }
  };

  const running = run();
  return {
    wake: () => {
      isAwake = true;
      interrupt();
    },
    stop: async () => {
      isStopped = true;
      interrupt();
      await running;
    },
  };
};
