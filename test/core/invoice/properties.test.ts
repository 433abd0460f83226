import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type CaptureKey,
  decide,
  evolve,
  type Invoice,
  type InvoiceCommand,
  type InvoiceEvent,
  type InvoiceStatus,
  type IssuedInvoice,
  initial,
} from "../../../src/core/invoice/invoice.ts";
import {
  chargeInFlight,
  creditLeft,
  hasGoneBack,
  isPaid,
  keyOf,
  settlingCaptures,
} from "../../../src/core/invoice/reading.ts";
import { DAY_MS, MINUTE_MS, plusMs } from "../../../src/core/time.ts";
import { INVOICE_EVENTS } from "../../support/event-types.ts";
import {
  annulInvoice,
  askRefund,
  attempt,
  DUE,
  decideChargeback,
  GATEWAY,
  hour,
  issueInvoice,
  MON,
  OTHER_GATEWAY,
  PAYER,
  payment,
  recordDecline,
  recordFailedRefund,
  refund,
  rub,
  STRANGER,
  settleMismatch,
  startCharge,
  terms,
  transaction,
  usd,
} from "../../support/invoice.ts";
import { rarestOf, SEED, seedOf, weighted } from "../chance.ts";
import {
  endOf,
  expectTheCommandsInstant,
  expectTheSameAgain,
  livedIn,
  type Machine,
  type Step as MachineStep,
} from "../machines.ts";

const RUNS = 300;
const COMMANDS = 110;

const MACHINE: Machine<InvoiceCommand, Invoice, InvoiceEvent> = { initial, decide, evolve };
type Step = MachineStep<InvoiceCommand, Invoice, InvoiceEvent>;

/**
 * What chance decides about one command. Ids are taken from what the invoice has, newest first, and now and then from
 * nothing; sums, times and transactions come from small pools: duplicates, reorderings and late answers are the rule.
 */
const DICE = fc.record({
  jumpMs: fc.constantFrom(0, 0, 0, 1, 1, 5, 6, 15, 60, -2).map((minutes) => minutes * MINUTE_MS),
  skipsMonths: weighted([60, false], [1, true]),
  nth: weighted([6, 0], [3, 1], [1, 2], [1, 99]),
  isNew: weighted([9, true], [1, false]),
  transactionId: fc.nat(7).map(transaction),
  gatewayAccount: weighted([15, GATEWAY], [1, OTHER_GATEWAY]),
  paid: weighted([12, DUE], [1, rub(1)], [1, usd(299)]),
  amount: fc.constantFrom(DUE, rub(100), rub(100), rub(99), rub(50), rub(0), usd(299)),
  asAsked: weighted([4, true], [1, false]),
  accountId: weighted<typeof PAYER | null>([8, PAYER], [3, null], [1, STRANGER]),
  onlyAuthorised: weighted([12, false], [1, true]),
  by: fc.constantFrom("find" as const, "find" as const, "list" as const),
  won: fc.boolean(),
});
type Dice = typeof DICE extends fc.Arbitrary<infer T> ? T : never;

const pick = <T>(all: readonly T[], nth: number): T | null => all.at(-1 - nth) ?? null;
const booksOf = (state: Invoice) =>
  state.status === "absent" ? { attempts: [], captures: [], mismatches: [] } : state;
const askedRefunds = (state: Invoice) =>
  booksOf(state).captures.flatMap(({ refunds }) => refunds.filter((each) => each.status !== "reported"));
const newAttempt = ({ isNew }: Dice, state: Invoice) => attempt(booksOf(state).attempts.length + (isNew ? 1 : 0));
const someAttempt = ({ nth }: Dice, state: Invoice) => pick(booksOf(state).attempts, nth)?.id ?? attempt(99);
const newRefund = ({ isNew }: Dice, state: Invoice) => refund(askedRefunds(state).length + (isNew ? 1 : 0));
const someRefund = ({ nth }: Dice, state: Invoice) => pick(askedRefunds(state), nth)?.id ?? refund(99);
const somePayment = ({ nth, transactionId, gatewayAccount }: Dice, payments: readonly CaptureKey[]) => {
  const known = pick(payments, nth);
  return known === null ? { gatewayAccount, transactionId } : keyOf(known);
};
const someCapture = (dice: Dice, state: Invoice) => somePayment(dice, booksOf(state).captures);
const askedAmount = ({ nth, asAsked, amount }: Dice, state: Invoice) =>
  asAsked ? (pick(askedRefunds(state), nth)?.amount ?? amount) : amount;

/** A row for each command: one that is forgotten here does not compile, and one that never takes effect fails below. */
type Order<Command> = {
  readonly weight: number;
  readonly ask: (dice: Dice, state: Invoice) => Omit<Command, "type" | "at">;
};
const ORDERS: { readonly [Type in InvoiceCommand["type"]]: Order<Extract<InvoiceCommand, { readonly type: Type }>> } = {
  IssueInvoice: { weight: 1, ask: () => issueInvoice() },
  MakeOffer: {
    weight: 6,
    ask: (dice, state) => ({ attemptId: newAttempt(dice, state), gatewayAccount: dice.gatewayAccount }),
  },
  RecordCheck: {
    weight: 4,
    ask: (dice, state) => ({ attemptId: someAttempt(dice, state), transactionId: dice.transactionId }),
  },
  EndOffer: { weight: 2, ask: (dice, state) => ({ attemptId: someAttempt(dice, state) }) },
  StartCharge: {
    weight: 6,
    ask: (dice, state) => startCharge({ attemptId: newAttempt(dice, state), gatewayAccount: dice.gatewayAccount }),
  },
  RecordSuccess: {
    weight: 4,
    ask: (dice, state) => ({
      attemptId: someAttempt(dice, state),
      capture: payment(dice.transactionId, dice.paid, dice.gatewayAccount),
      accountId: dice.accountId,
      onlyAuthorised: dice.onlyAuthorised,
    }),
  },
  RecordDecline: {
    weight: 3,
    ask: (dice, state) =>
      recordDecline({ attemptId: someAttempt(dice, state), transactionId: dice.asAsked ? dice.transactionId : null }),
  },
  RecordLostAnswer: { weight: 3, ask: (dice, state) => ({ attemptId: someAttempt(dice, state) }) },
  RecordEmptyLookUp: { weight: 9, ask: (dice, state) => ({ attemptId: someAttempt(dice, state), by: dice.by }) },
  SettleMismatch: {
    weight: 2,
    ask: (dice, state) => settleMismatch({ payment: somePayment(dice, booksOf(state).mismatches) }),
  },
  SettleWithNothingDue: { weight: 1, ask: () => ({}) },
  AnnulInvoice: { weight: 1, ask: () => annulInvoice() },
  ExpireInvoice: { weight: 1, ask: () => ({}) },
  WriteOffInvoice: { weight: 1, ask: () => ({}) },
  AskRefund: {
    weight: 12,
    ask: (dice, state) =>
      askRefund({ refundId: newRefund(dice, state), capture: someCapture(dice, state), amount: dice.amount }),
  },
  StartRefund: { weight: 4, ask: (dice, state) => ({ refundId: someRefund(dice, state) }) },
  RecordRefund: {
    weight: 5,
    ask: (dice, state) => ({
      refundId: someRefund(dice, state),
      transactionId: dice.transactionId,
      amount: askedAmount(dice, state),
    }),
  },
  RecordFailedRefund: { weight: 3, ask: (dice, state) => recordFailedRefund({ refundId: someRefund(dice, state) }) },
  RecordLostRefundAnswer: { weight: 4, ask: (dice, state) => ({ refundId: someRefund(dice, state) }) },
  RecordEmptyRefundLookUp: { weight: 12, ask: (dice, state) => ({ refundId: someRefund(dice, state), by: dice.by }) },
  RecordReportedRefund: {
    weight: 4,
    ask: (dice, state) => ({
      capture: someCapture(dice, state),
      transactionId: dice.transactionId,
      amount: askedAmount(dice, state),
    }),
  },
  ReturnCredit: { weight: 2, ask: ({ amount }) => ({ amount }) },
  RecordChargeback: { weight: 2, ask: (dice, state) => ({ capture: someCapture(dice, state) }) },
  DecideChargeback: {
    weight: 4,
    ask: (dice, state) => decideChargeback({ capture: someCapture(dice, state), won: dice.won }),
  },
};
const TYPES = Object.keys(ORDERS) as InvoiceCommand["type"][];
const types = weighted(...TYPES.map((type) => [ORDERS[type].weight, type] as const));

/** The commands of one invoice, in the order in which they reach it; now and then one was made before the last. */
const stories: fc.Arbitrary<readonly InvoiceCommand[]> = fc
  .record({
    due: weighted([12, DUE], [1, rub(0)]),
    credit: fc.constantFrom(rub(0), rub(100)),
    expiresAt: fc.constantFrom(null, null, hour(24), hour(2)),
    throws: fc.array(fc.tuple(types, DICE), { maxLength: COMMANDS, size: "max" }),
  })
  .map(({ throws, ...over }) => {
    let at = MON;
    const commands: InvoiceCommand[] = [issueInvoice({ terms: terms(over), at })];
    let state = lived(commands)[0]?.after ?? initial;
    for (const [type, dice] of throws) {
      at = plusMs(at, dice.skipsMonths ? 200 * DAY_MS : dice.jumpMs);
      const command = { ...ORDERS[type].ask(dice, state), type, at } as InvoiceCommand;
      commands.push(command);
      const decision = decide(command, state);
      if (decision.ok) state = decision.value.reduce(evolve, state);
    }
    return commands;
  });

const lived = (commands: readonly InvoiceCommand[]): readonly Step[] => livedIn(MACHINE, commands);

let runs = 0;
let decisions = 0;
const seen = new Map<string, number>();
const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
/** Each claim is held against stories of its own. */
const always = (fact: string, claim: (steps: readonly Step[]) => void) =>
  test(fact, () => {
    const told = fc.property(stories, (commands) => {
      const steps = lived(commands);
      runs += 1;
      decisions += steps.length;
      for (const { command, events, after } of steps) {
        if (events.length > 0) count(command.type);
        for (const { type } of events) count(type);
        count(after.status);
      }
      claim(steps);
    });
    fc.assert(told, { numRuns: RUNS, seed: seedOf(fact) });
  });
const issuedIn = ({ after }: Step): IssuedInvoice | null => (after.status === "absent" ? null : after);

/** I9: the only moves that a status makes. */
const MOVES: Record<Invoice["status"], readonly InvoiceStatus[]> = {
  absent: ["open"],
  open: ["processing", "paid", "void", "expired", "uncollectible"],
  processing: ["open", "paid"],
  paid: ["partly_refunded", "refunded"],
  partly_refunded: ["refunded"],
  refunded: [],
  void: [],
  expired: [],
  uncollectible: ["void"],
};
/** What may be told or asked any number of times; the others make something new. */
const REPEATABLE: Record<InvoiceCommand["type"], boolean> = {
  IssueInvoice: false,
  MakeOffer: false,
  RecordCheck: true,
  EndOffer: true,
  StartCharge: false,
  RecordSuccess: true,
  RecordDecline: true,
  RecordLostAnswer: true,
  RecordEmptyLookUp: true,
  SettleMismatch: true,
  SettleWithNothingDue: true,
  AnnulInvoice: true,
  ExpireInvoice: true,
  WriteOffInvoice: true,
  AskRefund: true,
  StartRefund: false,
  RecordRefund: true,
  RecordFailedRefund: true,
  RecordLostRefundAnswer: true,
  RecordEmptyRefundLookUp: true,
  RecordReportedRefund: true,
  ReturnCredit: false,
  RecordChargeback: true,
  DecideChargeback: true,
};

describe("whatever is asked and told of an invoice, in whatever order", () => {
  always("nothing throws, every accepted event folds, and each bears the instant of its command", (steps) => {
    for (const step of steps) expectTheCommandsInstant(step);
    expect(endOf(steps).after.status).not.toBe("absent");
  });

  always("I2: at most one capture ever settles it, and a paid invoice is paid in full", (steps) => {
    for (const state of steps.map(issuedIn)) {
      if (state === null) continue;
      expect(settlingCaptures(state).length).toBeLessThanOrEqual(1);
      const captured = settlingCaptures(state)[0]?.amount ?? rub(0);
      expect(captured).toEqual(isPaid(state) ? state.terms.due : rub(0));
    }
  });

  always("I6: what is reserved and done never exceeds the capture, but by facts that raised an alarm", (steps) => {
    const alarmed = new Set<string>();
    for (const step of steps) {
      for (const event of step.events) {
        if (event.type === "RefundReported" && event.overdrawn) alarmed.add(event.capture.transactionId);
        if (event.type === "RefundSucceeded" && event.overdrawn)
          alarmed.add(captureOfRefund(step.after, event.refundId));
      }
      for (const capture of issuedIn(step)?.captures ?? []) {
        const counted = capture.refunds.filter(({ status }) => status !== "failed");
        const requested = counted.reduce((all, { amount }) => all + amount.minor, 0n);
        if (!alarmed.has(capture.transactionId)) expect(requested).toBeLessThanOrEqual(capture.amount.minor);
        const inFlight = counted.filter((each) => !hasGoneBack(each));
        expect(inFlight.length).toBeLessThanOrEqual(1);
        if (
          step.events.some(({ type }) => type === "RefundAsked" || type === "RefundReported") &&
          inFlight.length > 0
        ) {
          expect(requested).toBeLessThanOrEqual(capture.amount.minor);
        }
      }
    }
  });

  always("credit returns up to what was spent, and only from a paid invoice", (steps) => {
    for (const state of steps.map(issuedIn)) {
      if (state === null) continue;
      const left = creditLeft(state).minor;
      expect(left).toBeGreaterThanOrEqual(0n);
      expect(left).toBeLessThanOrEqual(isPaid(state) ? state.terms.credit.minor : 0n);
    }
  });

  always("money never disappears, and each transaction is recorded once", (steps) => {
    for (const step of steps) {
      const [before, after] = [moneyOf(step.before), moneyOf(step.after)];
      expect(before.filter((each) => !after.includes(each))).toEqual([]);
      expect(new Set(after).size).toBe(after.length);
      for (const capture of issuedIn(step)?.captures ?? []) {
        const back = capture.refunds.filter(hasGoneBack).map(({ transactionId }) => transactionId);
        expect(new Set(back).size).toBe(back.length);
      }
    }
  });

  always("every success that names one of our attempts is recorded, refused never", (steps) => {
    for (const { command, before, accepted, after } of steps) {
      if (command.type !== "RecordSuccess" || before.status === "absent") continue;
      const ours = before.attempts.some(({ id }) => id === command.attemptId);
      const { gatewayAccount, transactionId } = command.capture;
      const recorded = moneyOf(after).includes(`${gatewayAccount}/${transactionId}`);
      if (ours) expect([accepted, recorded]).toEqual([true, true]);
    }
  });

  always("I9: only the listed moves happen", (steps) => {
    for (const { before, after } of steps) {
      if (before.status !== after.status) expect(MOVES[before.status]).toContain(after.status as InvoiceStatus);
    }
  });

  always("one attempt at most may be acted on, and `processing` means a charge without an answer", (steps) => {
    for (const state of steps.map(issuedIn)) {
      if (state === null) continue;
      expect(state.attempts.filter(({ status }) => status === "current").length).toBeLessThanOrEqual(
        state.status === "open" ? 1 : 0,
      );
      const charges = state.attempts.filter(
        ({ kind, status }) => kind === "charge" && (status === "in_flight" || status === "unknown"),
      );
      expect(charges.length).toBeLessThanOrEqual(1);
      if (state.status === "processing") expect(chargeInFlight(state)?.id).toBe(state.charge);
      if (state.status === "open") expect(charges).toHaveLength(0);
    }
  });

  always("I8: no charge starts while the answer to any attempt is missing", (steps) => {
    for (const { before, events } of steps) {
      if (before.status === "absent" || !events.some(({ type }) => type === "ChargeStarted")) continue;
      expect(before.attempts.filter(({ status }) => status === "unknown" || status === "in_flight")).toEqual([]);
    }
  });

  always("a fact told again changes nothing", (steps) => {
    for (const { command, accepted, after } of steps) {
      if (!accepted || !REPEATABLE[command.type]) continue;
      expect([command.type, decide(command, after)]).toEqual([command.type, { ok: true, value: [] }]);
    }
  });

  always("every fact of all that came before, told again at the end, moves no money", (steps) => {
    const end = endOf(steps).after;
    for (const { command, accepted } of steps) {
      if (!accepted || command.type !== "RecordSuccess") continue;
      expect(decide(command, end)).toEqual({ ok: true, value: [] });
    }
  });

  always("a stream folds to the same state again, from frozen facts, with neither clock nor chance", (steps) =>
    expectTheSameAgain(MACHINE, steps),
  );
});

afterAll(() => {
  const rarest = rarestOf(seen, 3);
  console.log(`invoice properties: ${runs} stories, ${decisions} decisions, seed ${SEED}; rarest: ${rarest}`);
});

test("the stories are not dull: each command takes effect in some, each event and each status is met", () => {
  for (const { events, after, command } of fc.sample(stories, { numRuns: RUNS, seed: SEED }).flatMap(lived)) {
    if (events.length > 0) count(command.type);
    for (const { type } of events) count(type);
    count(after.status);
  }
  const missing = [...Object.keys(ORDERS), ...INVOICE_EVENTS, ...Object.keys(MOVES)].filter((each) => !seen.has(each));
  expect(missing).toEqual(["absent"]);
});

/** Every transaction that an invoice has recorded, as a capture or as a mismatch. */
const moneyOf = (state: Invoice): readonly string[] => {
  const { captures, mismatches } = booksOf(state);
  return [...captures, ...mismatches].map(({ gatewayAccount, transactionId }) => `${gatewayAccount}/${transactionId}`);
};
const captureOfRefund = (state: Invoice, id: string): string => {
  const own = booksOf(state).captures.find(({ refunds }) =>
    refunds.some((each) => each.status !== "reported" && each.id === id),
  );
  return own?.transactionId ?? "";
};
