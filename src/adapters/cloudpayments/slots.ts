/** So many may do something at once; the others wait in line. */
export type Slots = {
  /** False: none came free in time. */
  take(deadlineMs: number): Promise<boolean>;
  give(): void;
};

export const openSlots = (count: number): Slots => {
  let free = count;
  const line = new Set<() => void>();
  return {
    take: (deadlineMs) => {
      if (free > 0) {
        free -= 1;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const called = () => {
          clearTimeout(timer);
          resolve(true);
        };
        const timer = setTimeout(() => {
          line.delete(called);
          resolve(false);
        }, deadlineMs);
        line.add(called);
      });
    },
    give: () => {
      const [next] = line;
      if (next === undefined) {
        free += 1;
        return;
      }
      line.delete(next);
      next();
    },
  };
};
