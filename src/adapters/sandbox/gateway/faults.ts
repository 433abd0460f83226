/**
 * What can be made to go wrong, for the next few or for all matching operations.
 *
 * Of requests to the API; the operation is the method's path, as in "/payments/tokens/charge":
 * - `lost_answer`: the request is carried out and the connection breaks before the answer.
 * - `never_arrives`: nothing is done and the connection breaks; the caller can't tell it from `lost_answer`.
 * - `slow`: the request is taken whole, holds its place among those at once, and is carried out after `ms`, up to the five
 *   minutes that the gateway allows itself. Whether the caller still listens makes no difference: what it asked for is done then.
 * - `429`: refused before anything is done, as with too many requests at once.
 * - `500`: nothing is done; an answer without a body.
 * - `html`: the request is carried out, and a page in HTML comes instead of the answer, with status 200.
 *
 * Of notifications; the operation is the kind, as in "pay":
 * - `duplicate`: sent twice.
 * - `reorder`: held back until the next one has been delivered, or for five seconds.
 * - `lost`: never sent, and not tried again.
 * - `wrong_amount`: tells 1.00 more than was paid. Of `pay` alone.
 *
 * Of payments; the operation is "widget" or a method's path:
 * - `only_authorised`: money that should have been taken is only held.
 *
 * Over HTTP, with the API's user and secret: `POST {base}/faults`, a form or JSON of `fault`, `times` (a number, or
 * "all"), `operation` and `ms`; `off` switches all of them off.
 *
 * Switches live in memory: after a restart nothing goes wrong any more.
 */
export type FaultName = (typeof FAULT_NAMES)[number];
export const REQUEST_FAULTS = ["lost_answer", "never_arrives", "429", "500", "html"] as const;
export const FAULT_NAMES = [
  ...REQUEST_FAULTS,
  "slow",
  "duplicate",
  "reorder",
  "lost",
  "wrong_amount",
  "only_authorised",
] as const;

/** The gateway works on a request for no longer. Source: fact sheet, 2.1. */
export const SLOWEST_MS = 300_000;

export type FaultSwitch = {
  readonly fault: FaultName;
  /** How many operations it still hits. */
  readonly times: number | "all";
  /** Null: any that the fault can hit. */
  readonly operation: string | null;
  /** Of `slow`. */
  readonly ms: number;
};
export type Faults = {
  /** Left out: the next one operation, any, 1000 ms. */
  switchOn(fault: Pick<FaultSwitch, "fault"> & Partial<FaultSwitch>): void;
  /** All of them when none is named. */
  switchOff(fault?: FaultName): void;
  active(): readonly FaultSwitch[];
};
export type FaultDice = Faults & {
  /** The first switch of these that hits the operation; it counts as used. */
  take(names: readonly FaultName[], operation: string): FaultSwitch | null;
};

export const openFaults = (): FaultDice => {
  let switches: readonly FaultSwitch[] = [];
  return {
    switchOn: (fault) => {
      switches = [...switches, { times: 1, operation: null, ms: 1000, ...fault }];
    },
    switchOff: (fault) => {
      switches = fault === undefined ? [] : switches.filter((one) => one.fault !== fault);
    },
    active: () => switches,
    take: (names, operation) => {
      const hit = switches.find((one) => names.includes(one.fault) && (one.operation ?? operation) === operation);
      if (hit === undefined) return null;
      switches = switches.flatMap((one) => (one === hit ? used(one) : [one]));
      return hit;
    },
  };
};

const used = (one: FaultSwitch): readonly FaultSwitch[] => {
  if (one.times === "all") return [one];
  return one.times > 1 ? [{ ...one, times: one.times - 1 }] : [];
};
