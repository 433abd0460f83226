import type { Leases } from "../../core/ports/leases.ts";
import { invariant, ok } from "../../core/result.ts";

/** Leases among all that share this store. @param now wall time in milliseconds */
export const memoryLeases = (now: () => number): Leases => {
  const leases = new Map<string, { readonly holder: string; readonly until: number }>();
  return {
    hold: async (name, holder, forMs) => {
      invariant(forMs > 0, "a lease lasts");
      const at = now();
      const lease = leases.get(name);
      if (lease !== undefined && lease.holder !== holder && at < lease.until) return ok(false);
      leases.set(name, { holder, until: at + forMs });
      return ok(true);
    },
    release: async (name, holder) => {
      if (leases.get(name)?.holder === holder) leases.delete(name);
      return ok(null);
    },
  };
};
