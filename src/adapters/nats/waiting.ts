/** What comes of a promise, or `late` where that takes longer. What comes later still is nobody's. */
export const within = async <T, L>(deadlineMs: number, promise: Promise<T>, late: L): Promise<T | L> => {
  const over = Promise.withResolvers<L>();
  const timer = setTimeout(() => over.resolve(late), deadlineMs);
  try {
    return await Promise.race([promise, over.promise]);
  } finally {
    clearTimeout(timer);
  }
};

/** Ends early when the signal comes. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return void resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
