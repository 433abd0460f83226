import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { type BillingPolicy, DEFAULT_POLICY } from "../../../src/core/policy.ts";
import { decide } from "../../../src/core/subscription/decide.ts";
import { dueOf } from "../../../src/core/subscription/due.ts";
import { evolve } from "../../../src/core/subscription/evolve.ts";
import type {
  Subscription,
  SubscriptionCommand,
  SubscriptionEvent,
} from "../../../src/core/subscription/subscription.ts";
import { DAY_MS, earlier, HOUR_MS, type Instant, later, plusMs, startOfLocalDay } from "../../../src/core/time.ts";
import { after, card, firstPaid, rub, SOFT, START, start, terms } from "../../support/subscription.ts";
import { LONG, SEED, seedOf, TIMEOUT_MS } from "../chance.ts";
import { lived, stories, type WorkDice, workDice, workOn } from "./stories.ts";

const RUNS = LONG ? 20_000 : 500;
setDefaultTimeout(TIMEOUT_MS);

/** One piece of work that fell due, when it was done, and what came of it. */
type Work = {
  readonly command: SubscriptionCommand;
  readonly before: Subscription;
  readonly events: readonly SubscriptionEvent[];
  readonly after: Subscription;
};
/** How the world answers, and how long the scheduler sleeps before each piece of work. */
const fates = fc.array(
  fc.record({ dice: workDice, sleepMs: fc.constantFrom(0, 0, 0, 1000, HOUR_MS, DAY_MS, 9 * DAY_MS, 70 * DAY_MS) }),
  { maxLength: 60, size: "max" },
);
type Fate = { readonly dice: WorkDice; readonly sleepMs: number };
/** When luck has told all it has to tell, the gateway answers and the card has money. */
const AT_LAST: Fate = { dice: { mayCharge: true, answer: "paid", decline: SOFT, cardId: card(1) }, sleepMs: 0 };
const MANY = 120;

/** One that has not begun waits for its invoice, which has an end of its own. */
const isAlive = ({ status }: Subscription): boolean =>
  status !== "absent" && status !== "incomplete" && status !== "ended";
/** It has renewed or ended. */
const isDone = ({ events }: Work): boolean =>
  events.some(
    ({ type }) => type === "SubscriptionRenewed" || type === "SubscriptionEnded" || type === "PaidPeriodBegan",
  );

const hasEnded = ({ after }: Work): boolean => after.status === "ended";
/** Time goes on and the work that is due is done as the machine asks, until it is over, or there has been enough of it. */
const workedOff = (
  from: Subscription,
  since: Instant,
  policy: BillingPolicy,
  luck: readonly Fate[],
  isOver: (work: Work) => boolean,
): readonly Work[] => {
  const works: Work[] = [];
  let [state, at] = [from, since];
  for (let n = 0; n < MANY; n += 1) {
    const { dice, sleepMs } = luck[n] ?? AT_LAST;
    const dues = dueOf(state, policy).map((due) => due.at);
    const ahead = dues.filter((due) => due > at);
    at = plusMs(at, sleepMs);
    let command = workOn(dice, { state, at, policy, next: 5000 + n });
    if (command === null) {
      if (ahead.length === 0) throw new Error(`stuck: ${state.status} with nothing due`);
      at = later(at, ahead.reduce(earlier));
      command = workOn(dice, { state, at, policy, next: 5000 + n });
    }
    if (command === null) continue;
    const decision = decide(command, state, policy);
    if (!decision.ok) throw new Error(`${command.type} was asked for and refused: ${decision.error.code}`);
    const work = { command, before: state, events: decision.value, after: decision.value.reduce(evolve, state) };
    works.push(work);
    if (isOver(work)) return works;
    [state, at] = [work.after, later(at, command.at)];
  }
  return works;
};

let begun = 0;
let worked = 0;
let tries = 0;
let dailyTries = 0;
const outcomes = new Map<string, number>();
const always = (fact: string, claim: (works: readonly Work[]) => void) =>
  test(fact, () => {
    const property = fc.property(stories(60), fc.nat(), fates, (story, cut, luck) => {
      const alive = lived(story).filter(({ after }) => isAlive(after));
      const step = alive[cut % alive.length];
      if (step === undefined) return;
      const works = workedOff(step.after, step.command.at, story.policy, luck, isDone);
      begun += 1;
      worked += works.length;
      const last = works.at(-1)?.events.at(-1)?.type ?? "nothing";
      outcomes.set(last, (outcomes.get(last) ?? 0) + 1);
      claim(works);
    });
    fc.assert(property, { numRuns: RUNS, seed: seedOf(fact) });
  });

describe("from any state, when time goes on and the work that is due is done", () => {
  always("it renews or ends: it is never stuck with nothing due", (works) => {
    expect(works.map(isDone)).toEqual([...works.slice(1).map(() => false), true]);
  });

  always("each piece of work leads on: none is asked for and then refused or found to be nothing", (works) => {
    for (const { command, events } of works) {
      // An answer that was lost and then proves never to have been leaves things as they are.
      const isAnswer = command.type === "RecordRenewalNeverHappened" || command.type === "RecordRenewalUnknown";
      if (!isAnswer) expect([command.type, events.length > 0]).toEqual([command.type, true]);
    }
  });

  test("an automatic try outside the ladder comes at most once on a local day, however late the scheduler is", () => {
    // For a sum of zero there is no notice to give, whose days would keep two tries apart.
    const daily = terms({ price: rub(0), length: { unit: "day", count: 1 } });
    const sleeps = fc.array(fc.integer({ min: 0, max: DAY_MS }), { minLength: 40, maxLength: 40, size: "max" });
    const property = fc.property(fc.nat(DAY_MS), sleeps, (ms, sleepsMs) => {
      const at = plusMs(START, ms);
      const begun = after(start(at, { terms: daily }), firstPaid(at, { value: daily.price }));
      const luck = sleepsMs.map((sleepMs) => ({ ...AT_LAST, sleepMs }));
      for (const { command, before } of workedOff(begun, at, DEFAULT_POLICY, luck, hasEnded)) {
        if (command.type !== "RecordRenewalPayment" || before.status !== "active") continue;
        dailyTries += 1;
        const today = startOfLocalDay(command.at, before.zone);
        expect(startOfLocalDay(before.running.paidAt, before.zone)).not.toBe(today);
      }
    });
    fc.assert(property, { numRuns: RUNS / 10, seed: SEED });
  });

  always("no try is made of a period that is over by then, and none buys one that is", (works) => {
    for (const { command, before, events } of works) {
      if (command.type !== "RecordRenewalPayment" && command.type !== "RecordRenewalDecline") continue;
      tries += 1;
      const renewal = "renewal" in before ? before.renewal : null;
      expect(renewal !== null && command.at < renewal.period.end).toBe(true);
      for (const event of events)
        if (event.type === "SubscriptionRenewed") expect(event.running.period.end > command.at).toBe(true);
    }
  });
});

afterAll(() => {
  const told = [...outcomes].map(([what, times]) => `${what} ${times}`).join(", ");
  console.log(`subscription liveness: ${begun} beginnings, ${worked} pieces of work, seed ${SEED}; ${told}`);
  expect(begun).toBeGreaterThan(RUNS * 2);
  expect(tries).toBeGreaterThan(RUNS / 4);
  expect(dailyTries).toBeGreaterThan(RUNS);
});
