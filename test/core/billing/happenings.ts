import fc from "fast-check";
import type { Actor } from "../../../src/core/actor.ts";
import type { Command } from "../../../src/core/billing/command.ts";
import type { InvoiceId } from "../../../src/core/ids.ts";
import { plusMs } from "../../../src/core/time.ts";
import { answered } from "../../support/cinema.ts";
import { playTo } from "../../support/due-work.ts";
import { type Happening, isDone } from "./askers.ts";
import { Broken } from "./books.ts";
import { COMMANDS } from "./commands.ts";
import { DICE, type Dice, PLANS } from "./dice.ts";
import { pick, tell, type World, whose } from "./world.ts";

const ASKED = Object.values(COMMANDS).filter(({ asks }) => asks !== undefined);

const OTHERS = {
  /** Time goes on, and the sweeps do what falls due meanwhile. */
  wait: {
    weight: 22,
    happens: async ({ cinema, gateway }: World, dice: Dice) => {
      gateway.befall(...dice.fates);
      await playTo(cinema, gateway, plusMs(cinema.at(), dice.waitsMs));
    },
  },
  /** Time goes on, and the scheduler stands still. A command that comes to nothing makes the watcher look. */
  sleep: {
    weight: 2,
    happens: async ({ cinema }: World, dice: Dice) => {
      cinema.moveTo(plusMs(cinema.at(), dice.waitsMs));
      await cinema.bySystem({ type: "invoice.expire", invoiceId: "inv_00000000000000000000000000" as InvoiceId });
    },
  },
  /** A callback that was long on its way arrives. */
  hear: {
    weight: 5,
    happens: async (world: World, dice: Dice) => {
      const movement = pick([...world.gateway.untold].reverse(), dice);
      if (movement === undefined) return;
      world.gateway.untold.splice(world.gateway.untold.indexOf(movement), 1);
      await tell(world, movement);
    },
  },
  /** A command is delivered once more: it changes nothing and answers the same. */
  again: {
    weight: 4,
    happens: async (world: World, dice: Dice) => {
      const kept = world.log.filter(isKept);
      const one = kept[kept.length - 1 - dice.nth * dice.days];
      if (one !== undefined) await isDoneOnce(world, one);
    },
  },
  /** Several act at once: a consumer takes what they ask as one batch. */
  crowd: {
    weight: 3,
    happens: async (world: World, dice: Dice) => {
      const questions: (readonly [Actor, Command])[] = [];
      for (const n of dice.crowd) {
        const question = await ASKED[n % ASKED.length]?.asks?.(world, { ...dice, who: n % 3, plan: n % PLANS.length });
        if (question) questions.push(question);
      }
      await world.cinema.askAll(questions);
    },
  },
  /** A gateway tells again what it has told, and hears nothing else. */
  repeat: {
    weight: 4,
    happens: async (world: World, dice: Dice) => {
      const fact = pick([...world.told].reverse(), dice);
      if (fact === undefined || fact.type === "payment.decline") return;
      const before = world.ledger.counted();
      await world.cinema.byGateway(fact);
      if (world.ledger.counted() !== before) throw new Broken(`I3: told again, ${fact.type} acted again`);
    },
  },
} as const satisfies Readonly<Record<string, Happening>>;

type Logged = World["log"][number];
/** Successes are recorded, and refusals of outside callers. */
export const isKept = ({ received, executed }: Logged): boolean =>
  isDone(executed) || (executed.status === "done" && !["system", "gateway"].includes(received.actor.kind));
/** 12: a command has one outcome. */
export const isDoneOnce = async ({ cinema, ledger }: World, { received, executed }: Logged): Promise<void> => {
  const before = ledger.counted();
  const again = await cinema.updater.execute(received);
  const same = JSON.stringify({ ...executed, repeated: true }) === JSON.stringify(again);
  if (!same) throw new Broken(`12: ${received.command.type} again: ${JSON.stringify([again, executed])}`);
  if (ledger.counted() !== before) throw new Broken(`12: ${received.command.type} acted twice`);
};

const HAPPENINGS = { ...COMMANDS, ...OTHERS };
type StepName = keyof typeof HAPPENINGS;
export type Step = readonly [name: StepName, dice: Dice];
const NAMES = Object.keys(HAPPENINGS) as StepName[];

/** Takes a step. Who has no subscription, as a rule begins one first: an empty house tells no stories. */
export const step = async (world: World, [name, dice]: Step): Promise<void> => {
  const current =
    answered(await world.cinema.store.queries.customer(whose(dice)))?.customer.currentSubscription ?? null;
  if (current === null && dice.sure) await COMMANDS["subscription.start"].happens(world, dice);
  await HAPPENINGS[name].happens(world, dice);
};

/** Each name as often as its weight says. */
const WEIGHTS = NAMES.flatMap((name) => Array.from({ length: Math.ceil(HAPPENINGS[name].weight * 10) }, () => name));

/** Each story has its own humours: a few things happen in it far more often than in others. */
export const stories = (steps: number): fc.Arbitrary<readonly Step[]> =>
  fc.noBias(
    fc
      .record({
        loud: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 3, maxLength: 9 }),
        throws: fc.array(fc.tuple(fc.nat(1_000_000), fc.boolean(), DICE), {
          minLength: steps / 2,
          maxLength: steps,
          size: "max",
        }),
      })
      .map(({ loud, throws }) =>
        throws.map(([n, isLoud, dice]): Step => {
          const names = isLoud && dice.yes ? loud : WEIGHTS;
          return [names[n % names.length] ?? "wait", dice];
        }),
      ),
  );
