import { expect } from "bun:test";
import { invariant, type Result } from "../../src/core/result.ts";

// What the property tests of every machine ask: the invoice's, the customer's and the subscription's.

export type Machine<Command, State, Event> = {
  readonly initial: State;
  readonly decide: (command: Command, state: State) => Result<readonly Event[], unknown>;
  readonly evolve: (state: State, event: Event) => State;
};
/** One command as it met the machine, and what came of it. */
export type Step<Command, State, Event> = {
  readonly command: Command;
  readonly before: State;
  readonly accepted: boolean;
  readonly events: readonly Event[];
  readonly after: State;
};

export const livedIn = <Command, State, Event>(
  { initial, decide, evolve }: Machine<Command, State, Event>,
  commands: readonly Command[],
): readonly Step<Command, State, Event>[] => {
  let state = initial;
  return commands.map((command) => {
    const before = state;
    const decision = decide(command, before);
    const events = decision.ok ? decision.value : [];
    state = events.reduce(evolve, before);
    return { command, before, accepted: decision.ok, events, after: state };
  });
};

export const endOf = <Command, State, Event>(
  steps: readonly Step<Command, State, Event>[],
): Step<Command, State, Event> => {
  const last = steps.at(-1);
  invariant(last !== undefined, "a story has a beginning");
  return last;
};

type At = { readonly at: number };
export const expectTheCommandsInstant = ({ command, events }: Step<At, unknown, At>): void =>
  expect(events.filter(({ at }) => at !== command.at)).toEqual([]);

/** The events fold, and the commands are decided, to the very same again: from frozen values and nothing else. */
export const expectTheSameAgain = <Command, State, Event>(
  machine: Machine<Command, State, Event>,
  steps: readonly Step<Command, State, Event>[],
): void => {
  const events = steps.flatMap((step) => step.events).map(deepFreeze);
  const { initial, evolve } = machine;
  const folded = withoutTheWorld(() => events.reduce((state, event) => deepFreeze(evolve(state, event)), initial));
  expect(folded).toEqual(steps.at(-1)?.after ?? initial);
  const commands = steps.map(({ command }) => deepFreeze(command));
  const again = withoutClockAndChance(() => livedIn(machine, commands));
  expect(again.flatMap((step) => step.events)).toEqual(events);
};

const deepFreeze = <T>(value: T): T => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
};

type Place = readonly [owner: object, name: string];
const CLOCKS_AND_CHANCE: readonly Place[] = [
  [globalThis, "Date"],
  [Temporal, "Now"],
  [Math, "random"],
];
/** Deciding may count on the calendar. */
export const withoutClockAndChance = <T>(run: () => T): T => without(CLOCKS_AND_CHANCE, run);
/** Folding needs no calendar either. */
export const withoutTheWorld = <T>(run: () => T): T => without([...CLOCKS_AND_CHANCE, [globalThis, "Temporal"]], run);

const without = <T>(places: readonly Place[], run: () => T): T => {
  const kept = places.map((place) => [...place, descriptorOf(place)] as const);
  const forbidden = () => {
    throw new Error("the core reads no clock and no random source");
  };
  for (const [owner, name] of places) Object.defineProperty(owner, name, { get: forbidden, configurable: true });
  try {
    return run();
  } finally {
    for (const [owner, name, descriptor] of kept) Object.defineProperty(owner, name, descriptor);
  }
};
const descriptorOf = ([owner, name]: Place): PropertyDescriptor => {
  const descriptor = Object.getOwnPropertyDescriptor(owner, name);
  invariant(descriptor !== undefined, `${name} is there to be hidden`);
  return descriptor;
};
