import type { Dice } from "../support/dice.ts";

/**
 * What may go wrong, and how often when a story has it: of the calls that it concerns. Rates of lost answers, duplicated
 * callbacks, store errors and crashes: failures, part 3.
 */
export const FAULTS = {
  /** A process dies at an await, before or after what it was about to do. */
  crash: 0.05,
  /** Nobody notices for hours that a dead process was not started again. */
  stays_down: 0.02,
  /** An answer comes late, by up to half a minute. */
  slow: 0.1,
  /** A task stands still for minutes: a frozen machine, a long collection of garbage. */
  frozen: 0.05,
  /** Clocks of processes differ from each other by up to 2 s. */
  clocks_differ: 1,
  /** Nothing was read or written. */
  store_away: 0.1,
  /** It was written, all of it, a part of a batch, or nothing, and nobody heard which. */
  commit_unknown: 0.1,
  bus_away: 0.1,
  ring_lost: 0.3,
  outcome_lost: 0.3,
  /** Published in part or whole, and nobody heard. */
  publish_unknown: 0.2,
  /** Taken by the bus and brought to nobody, with those behind it that came at once: who listens hears of a gap before the next beat. */
  message_lost: 0.3,
  /** Brought late, and all behind it. */
  message_late: 0.2,
  tasks_away: 0.1,
  task_lost: 0.3,
  /** A task is taken for stalled and given to a second worker. */
  task_twice: 0.3,
  /** The queue forgets all. */
  tasks_wiped: 0.05,
  /** Too many requests, or no connection: nothing was asked. */
  gateway_away: 0.2,
  /** The gateway did it, or never got it, and no answer came. */
  answer_lost: 0.3,
  /** The gateway does it within its five minutes, when nobody waits for the answer any more. */
  gateway_slow: 0.3,
  /** What has moved is not found at once, and a list changes between its pages. */
  books_late: 0.3,
  /** The gateway answers later, by callback. */
  refund_pending: 0.3,
  /** The gateway will not. */
  refund_refused: 0.1,
  /** A refund's callback does not carry our id. */
  refund_nameless: 0.7,
  callback_twice: 0.5,
  callback_late: 0.3,
  /** Hours late: the gateway's own queue had stood still. */
  callback_held_back: 0.3,
  /** Our answer never reached the gateway. */
  callback_unheard: 0.3,
  /** Signed, and nobody can read it. */
  callback_garbled: 0.05,
} as const satisfies Readonly<Record<string, number>>;
export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];

/** What makes one story different from all others. */
export type Swarm = {
  readonly rates: Readonly<Record<FaultName, number>>;
  /** By how much the weight of each behaviour differs here. */
  readonly humours: Readonly<Record<string, number>>;
  readonly viewers: number;
  /** How many processes of each kind run at once. */
  readonly crowd: number;
  /** How long people take between two acts, in the middle. */
  readonly paceMs: number;
  /** The gateway asks before it takes money: an operator may have switched that off. */
  readonly checks: boolean;
};

/** Draws every time the same number of times, so that what is left out does not change the rest. */
export const drawSwarm = (dice: Dice, behaviours: readonly string[], without: ReadonlySet<string>): Swarm => {
  const isCalm = dice.chance(0.05);
  const rates = FAULT_NAMES.map((name) => {
    const [isOn, factor] = [dice.chance(0.5), dice.pick([0.2, 0.5, 1, 1]) ?? 1];
    return [name, isOn && !isCalm && !without.has(name) ? FAULTS[name] * factor : 0];
  });
  const humours = behaviours.map((name) => {
    const humour = dice.pick([0, 0.3, 1, 1, 3]) ?? 1;
    return [name, without.has(name) ? 0 : humour];
  });
  return {
    rates: Object.fromEntries(rates) as Swarm["rates"],
    humours: Object.fromEntries(humours),
    viewers: 1 + dice.below(4),
    crowd: 1 + dice.below(2),
    paceMs: 1000 * (dice.pick([2, 60, 5 * 60, 30 * 60]) ?? 60),
    checks: dice.chance(0.8),
  };
};

export type Faults = {
  /** Whether it happens now. Counted when it does. */
  happens(name: FaultName): boolean;
  readonly seen: ReadonlyMap<FaultName, number>;
  /** From now on all goes well. */
  heal(): void;
  readonly isHealed: () => boolean;
};

export const openFaults = (dice: Dice, { rates }: Swarm): Faults => {
  const seen = new Map<FaultName, number>();
  let isHealed = false;
  return {
    happens: (name) => {
      const happens = dice.chance(rates[name]) && !isHealed;
      if (happens) seen.set(name, (seen.get(name) ?? 0) + 1);
      return happens;
    },
    seen,
    heal: () => {
      isHealed = true;
    },
    isHealed: () => isHealed,
  };
};
