import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import {
  availableCredit,
  type Customer,
  type CustomerCommand,
  type CustomerEvent,
  chargeableCard,
  decide,
  evolve,
  initial,
  type KnownCustomer,
  mayCharge,
} from "../../../src/core/customer/customer.ts";
import { add, type Money, money, zero } from "../../../src/core/money.ts";
import { plusMs } from "../../../src/core/time.ts";
import {
  addCredit,
  blockCard,
  card,
  claim,
  closeDispute,
  consent,
  creditOf,
  dispute,
  erase,
  free,
  GATEWAY,
  invoice,
  MON,
  OTHER_GATEWAY,
  preferCard,
  release,
  removeCard,
  reserve,
  rub,
  saveCard,
  spend,
  subscription,
  take,
  usd,
  useTrial,
  withdraw,
} from "../../support/customer.ts";
import { CUSTOMER_EVENTS } from "../../support/event-types.ts";
import { LONG, rarestOf, SEED, seedOf, TIMEOUT_MS, weighted } from "../chance.ts";
import {
  expectTheCommandsInstant,
  expectTheSameAgain,
  livedIn,
  type Machine,
  type Step as MachineStep,
} from "../machines.ts";

setDefaultTimeout(TIMEOUT_MS);
const RUNS = LONG ? 8_000 : 250;
const COMMANDS = 120;

const MACHINE: Machine<CustomerCommand, Customer, CustomerEvent> = { initial, decide, evolve };
type Step = MachineStep<CustomerCommand, Customer, CustomerEvent>;

/** What chance decides about one command. The pools are small: duplicates and strangers are the rule. */
const DICE = fc.record({
  jumpMs: fc.constantFrom(0, 0, 1, 60_000),
  subscriptionId: fc.integer({ min: 1, max: 4 }).map(subscription),
  queues: fc.boolean(),
  invoiceId: fc.integer({ min: 1, max: 6 }).map(invoice),
  cardId: fc.integer({ min: 1, max: 6 }).map(card),
  gatewayAccount: fc.constantFrom(GATEWAY, GATEWAY, GATEWAY, OTHER_GATEWAY),
  amount: fc.constantFrom(rub(100), rub(60), rub(0.01), rub(40), usd(5), usd(3), rub(0), rub(-1)),
  textVersion: fc.constantFrom("v1", "v2"),
  byPayer: fc.boolean(),
});
type Dice = typeof DICE extends fc.Arbitrary<infer T> ? T : never;

/** A row for each command: one that is forgotten here does not compile, and one that never takes effect fails below. */
type Order = { readonly weight: number; readonly ask: (dice: Dice, state: Customer) => CustomerCommand };
const ORDERS: { readonly [Type in CustomerCommand["type"]]: Order } = {
  TakeSubscription: {
    weight: 10,
    // Billing queues a subscription only behind one that runs.
    ask: ({ subscriptionId, queues }, state) =>
      take({ subscriptionId, place: queues && "current" in state && state.current !== null ? "queued" : "current" }),
  },
  ReleaseSubscription: { weight: 8, ask: ({ subscriptionId }) => release({ subscriptionId }) },
  UseTrial: { weight: 2, ask: () => useTrial() },
  GiveConsent: { weight: 10, ask: ({ textVersion }) => consent({ textVersion }) },
  WithdrawConsent: { weight: 6, ask: () => withdraw() },
  SaveCard: { weight: 10, ask: ({ cardId, gatewayAccount }) => saveCard({ cardId, gatewayAccount }) },
  RemoveCard: { weight: 4, ask: ({ cardId }) => removeCard({ cardId }) },
  PreferCard: { weight: 8, ask: ({ cardId }) => preferCard({ cardId }) },
  BlockCard: { weight: 4, ask: ({ cardId }) => blockCard({ cardId }) },
  AddCredit: { weight: 12, ask: ({ amount }) => addCredit({ amount }) },
  ReserveCredit: { weight: 16, ask: ({ invoiceId, amount }) => reserve({ invoiceId, amount }) },
  SpendCredit: { weight: 8, ask: ({ invoiceId }) => spend({ invoiceId }) },
  FreeCredit: { weight: 6, ask: ({ invoiceId }) => free({ invoiceId }) },
  ClaimCharge: { weight: 12, ask: ({ cardId, byPayer }) => claim({ cardId, byPayer }) },
  OpenDispute: { weight: 4, ask: ({ invoiceId }) => dispute({ invoiceId }) },
  CloseDispute: { weight: 10, ask: ({ invoiceId }) => closeDispute({ invoiceId }) },
  EraseCustomer: { weight: 1, ask: () => erase() },
};
const TYPES = Object.keys(ORDERS) as CustomerCommand["type"][];
const types = weighted(...TYPES.map((type) => [ORDERS[type].weight, type] as const));

/** The commands of one account, in the order in which they reach it. */
const stories: fc.Arbitrary<readonly CustomerCommand[]> = fc
  .array(fc.tuple(types, DICE), { maxLength: COMMANDS, size: "max" })
  .map((throws) => {
    let [at, state] = [MON, initial as Customer];
    return throws.map(([type, dice]) => {
      at = plusMs(at, dice.jumpMs);
      const command = { ...ORDERS[type].ask(dice, state), at };
      const decision = decide(command, state);
      if (decision.ok) state = decision.value.reduce(evolve, state);
      return command;
    });
  });

const lived = (commands: readonly CustomerCommand[]): readonly Step[] => livedIn(MACHINE, commands);

let runs = 0;
let decisions = 0;
const seen = new Map<string, number>();
const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
const look = (steps: readonly Step[]) => {
  for (const { command, accepted, events, after } of steps) {
    if (accepted) count(command.type);
    for (const { type } of events) count(type);
    count(after.status);
    if (mayCharge(after)) count("may be charged");
  }
};
/** Each claim is held against stories of its own. */
const always = (fact: string, holds: (steps: readonly Step[]) => void) =>
  test(fact, () => {
    const told = fc.property(stories, (commands) => {
      const steps = lived(commands);
      runs += 1;
      decisions += steps.length;
      look(steps);
      holds(steps);
    });
    fc.assert(told, { numRuns: RUNS, seed: seedOf(fact) });
  });
const knownIn = ({ after }: Step): readonly KnownCustomer[] => (after.status === "absent" ? [] : [after]);

/** Credit is added as often as it is told, for its command has one outcome; all else may be told any number of times. */
const isRepeatable = ({ type }: CustomerCommand): boolean => type !== "AddCredit";
/** What has happened elsewhere, and a payer's refusals: no state of an account may refuse them. */
const NEVER_REFUSED: ReadonlySet<CustomerCommand["type"]> = new Set([
  "ReleaseSubscription",
  "UseTrial",
  "WithdrawConsent",
  "SpendCredit",
  "FreeCredit",
  "OpenDispute",
  "CloseDispute",
  "EraseCustomer",
] as const);

describe("whatever is asked of an account, in whatever order", () => {
  always("nothing throws, every accepted event folds, and each bears the instant of its command", (steps) => {
    for (const step of steps) expectTheCommandsInstant(step);
  });

  always("credit is never below zero, and never more is reserved than is there", (steps) => {
    for (const { credits } of steps.flatMap(knownIn)) {
      expect(new Set(credits.map(({ currency }) => currency)).size).toBe(credits.length);
      const reservations = credits.flatMap((credit) => credit.reservations);
      expect(new Set(reservations.map(({ invoiceId }) => invoiceId)).size).toBe(reservations.length);
      for (const { currency, balance, reservations: own } of credits) {
        const reserved = own.reduce((all, { amount }) => add(all, amount), zero(currency));
        expect(own.every(({ amount }) => amount.minor > 0n)).toBe(true);
        expect(balance.minor >= reserved.minor && reserved.minor >= 0n).toBe(true);
      }
    }
  });

  always(
    "every credit is somewhere: what was added is there or spent, what was reserved is so still, spent or freed",
    (steps) => {
      const totals = new Map<string, bigint>();
      const total = (type: string, currency: string): bigint => totals.get(`${type} ${currency}`) ?? 0n;
      const book = (type: string, { currency, minor }: Money) =>
        totals.set(`${type} ${currency}`, total(type, currency) + minor);
      for (const { events, after } of steps) {
        for (const event of events)
          if (event.type.startsWith("Credit") && "amount" in event) book(event.type, event.amount);
        for (const currency of ["RUB", "USD"] as const) {
          const { balance, reserved } = creditOf(after, currency);
          const [added, spent] = [total("CreditAdded", currency), total("CreditSpent", currency)];
          expect(balance).toBe(added - spent);
          expect(reserved).toBe(total("CreditReserved", currency) - spent - total("CreditFreed", currency));
        }
      }
    },
  );

  always("the credit that is offered is what may be reserved, to the last kopeck", (steps) => {
    for (const { after } of steps) {
      for (const currency of ["RUB", "USD"] as const) {
        const { minor } = availableCredit(after, currency);
        const asked = (sum: bigint) => decide(reserve({ invoiceId: invoice(99), amount: money(sum, currency) }), after);
        if (minor > 0n) expect(asked(minor).ok).toBe(true);
        expect(asked(minor + 1n).ok).toBe(false);
      }
    }
  });

  always("there is one current subscription and one behind it, and they are two", (steps) => {
    for (const { current, queued } of steps.flatMap(knownIn)) {
      if (queued !== null) expect(current).not.toBeNull();
      if (current !== null) expect(queued).not.toBe(current);
    }
  });

  always("a subscription leaves its place by its release alone, and the queued one moves up then", (steps) => {
    for (const { command, before, after } of steps) {
      if (before.status === "absent" || after.status === "absent") continue;
      if (before.current !== null && after.current !== before.current) {
        expect(command).toMatchObject({ type: "ReleaseSubscription", subscriptionId: before.current });
        expect(after.current).toBe(before.queued);
      }
    }
  });

  always(
    "each gateway account has one preferred card at most, never a removed one; no card is lost or comes back",
    (steps) => {
      for (const { before, after } of steps) {
        if (after.status === "absent") continue;
        const preferred = after.cards.filter((one) => one.preferred);
        expect(new Set(preferred.map(({ gatewayAccount }) => gatewayAccount)).size).toBe(preferred.length);
        expect(preferred.every(({ status }) => status !== "removed")).toBe(true);
        const old = before.status === "absent" ? [] : before.cards;
        expect(after.cards.slice(0, old.length).map(({ cardId }) => cardId)).toEqual(old.map(({ cardId }) => cardId));
        for (const [i, { status }] of old.entries())
          if (status === "removed") expect(after.cards[i]?.status).toBe("removed");
      }
    },
  );

  always("a charge of the schedule is claimed if and only if the log says yes to it", (steps) => {
    const log: CustomerEvent[] = [];
    for (const { command, before, accepted, events } of steps) {
      if (command.type === "ClaimCharge") expect([command, accepted]).toEqual([command, saysYes(log, command)]);
      log.push(...events);
      if (before.status === "absent") continue;
      expect(mayCharge(before) && before.disputes.length === 0).toBe(chargedBySchedule(before));
    }
  });

  always("I7: after consent is taken back nothing is charged before it is given anew", (steps) => {
    let withdrawn = false;
    for (const { command, events, after, accepted } of steps) {
      if (events.some(({ type }) => type === "ConsentWithdrawn")) withdrawn = true;
      if (events.some(({ type }) => type === "ConsentGiven")) withdrawn = false;
      if (withdrawn) expect(mayCharge(after)).toBe(false);
      if (withdrawn && command.type === "ClaimCharge" && !command.byPayer) expect(accepted).toBe(false);
    }
  });

  always("after it was erased an account is never charged, and begins nothing", (steps) => {
    const NEW = ["SubscriptionTaken", "ConsentGiven", "CardSaved", "CardPreferred", "CardBlocked", "CreditReserved"];
    for (const { command, before, accepted, events, after } of steps) {
      if (before.status !== "erased") continue;
      expect(after.status).toBe("erased");
      expect([mayCharge(after), chargeableCard(after)]).toEqual([false, null]);
      if (command.type === "ClaimCharge") expect(accepted).toBe(false);
      expect(events.filter(({ type }) => NEW.includes(type))).toEqual([]);
      expect([availableCredit(after, "RUB"), availableCredit(after, "USD")]).toEqual([rub(0), usd(0)]);
    }
  });

  always("a trial is used once", (steps) => {
    const used = steps.flatMap(({ events }) => events).filter(({ type }) => type === "TrialUsed");
    expect(used.length).toBeLessThanOrEqual(1);
    for (const { trialUsed } of steps.slice(-1).flatMap(knownIn)) expect(trialUsed).toBe(used.length === 1);
  });

  always("the disputes that are open are those that the log opened and did not close", (steps) => {
    const open = new Set<string>();
    for (const { events, after } of steps) {
      for (const event of events) {
        if (event.type === "DisputeOpened") open.add(event.invoiceId);
        if (event.type === "DisputeClosed") open.delete(event.invoiceId);
      }
      if (after.status === "absent") continue;
      expect(new Set<string>(after.disputes)).toEqual(open);
      expect(after.disputes).toHaveLength(open.size);
    }
  });

  always("what has happened, and what a payer refuses, is never refused", (steps) => {
    for (const { command, before, accepted } of steps) {
      if (NEVER_REFUSED.has(command.type) && before.status !== "absent")
        expect([command, accepted]).toEqual([command, true]);
      if (command.type === "RemoveCard" && before.status !== "absent")
        expect(accepted).toBe(before.cards.some(({ cardId }) => cardId === command.cardId));
    }
  });

  always("the same command told again changes nothing", (steps) => {
    for (const { command, accepted, after } of steps)
      if (accepted && isRepeatable(command))
        expect([command, decide(command, after)]).toEqual([command, { ok: true, value: [] }]);
  });

  always("a stream folds to the same state again, from frozen facts, with neither clock nor chance", (steps) =>
    expectTheSameAgain(MACHINE, steps),
  );
});

afterAll(() => {
  const rarest = rarestOf(seen, 3);
  console.log(`customer properties: ${runs} stories, ${decisions} decisions, seed ${SEED}; rarest: ${rarest}`);
  expect(runs).toBeGreaterThanOrEqual(15 * RUNS);
  expect(decisions).toBeGreaterThanOrEqual(15 * RUNS * 30);
});

test("the stories are not dull: each command is accepted in some, each event and each status is met", () => {
  look(fc.sample(stories, { numRuns: RUNS, seed: SEED }).flatMap(lived));
  const wanted = [...TYPES, ...CUSTOMER_EVENTS, "absent", "known", "erased", "may be charged"];
  expect(wanted.filter((each) => !seen.has(each))).toEqual([]);
});

/** Whether a charge may be claimed, read from the log alone: from the last word about consent, card and disputes. */
const saysYes = (
  log: readonly CustomerEvent[],
  { cardId, byPayer }: Extract<CustomerCommand, { type: "ClaimCharge" }>,
): boolean => {
  const last = (...types: readonly CustomerEvent["type"][]) => log.findLast(({ type }) => types.includes(type))?.type;
  const ofCard = log.filter((event) => "cardId" in event && event.cardId === cardId).map(({ type }) => type);
  const opened = log.filter(({ type }) => type === "DisputeOpened").length;
  const closed = log.filter(({ type }) => type === "DisputeClosed").length;
  const may = last("CustomerErased") === undefined && opened === closed;
  const usable = ofCard.includes("CardSaved") && !ofCard.includes("CardRemoved");
  const consented = last("ConsentGiven", "ConsentWithdrawn") === "ConsentGiven";
  return may && usable && (byPayer || (consented && !ofCard.includes("CardBlocked")));
};
/** `mayCharge` in the words of the claim itself: the preferred card of some gateway account may be charged. */
const chargedBySchedule = (state: KnownCustomer): boolean =>
  state.cards.some(({ cardId, preferred }) => preferred && decide(claim({ cardId }), state).ok);
