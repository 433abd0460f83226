import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { InvoiceId } from "../../../src/core/ids.ts";
import { isPositive } from "../../../src/core/money.ts";
import { accessOf } from "../../../src/core/subscription/access.ts";
import { decide } from "../../../src/core/subscription/decide.ts";
import { chargeDue, dueOf } from "../../../src/core/subscription/due.ts";
import { announcementOf } from "../../../src/core/subscription/notices.ts";
import type {
  Subscription,
  SubscriptionCommand,
  SubscriptionEvent,
} from "../../../src/core/subscription/subscription.ts";
import { earlier, lengthMs, plusLocalDays, plusMs } from "../../../src/core/time.ts";
import { SUBSCRIPTION_EVENTS } from "../../support/event-types.ts";
import { LONG, rarestOf, SEED, seedOf, TIMEOUT_MS } from "../chance.ts";
import { endOf, expectTheCommandsInstant, expectTheSameAgain } from "../machines.ts";
import { began, type Course, tierAt, turnsOf, went } from "./oracle.ts";
import { lived, machineOf, ORDERS, paidBy, type Step, type Story, stories } from "./stories.ts";

const RUNS = LONG ? 8000 : 300;
const COMMANDS = 120;
setDefaultTimeout(TIMEOUT_MS);

let runs = 0;
let decisions = 0;
const seen = new Map<string, number>();
const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
const remember = (steps: readonly Step[]) => {
  for (const { command, events, after } of steps) {
    if (events.length > 0) count(command.type);
    for (const { type } of events) count(type);
    count(after.status);
  }
};
const told = stories(COMMANDS);
/** Each claim is held against stories of its own. */
const always = (fact: string, claim: (steps: readonly Step[], story: Story) => void) =>
  test(fact, () => {
    const property = fc.property(told, (story) => {
      const steps = lived(story);
      runs += 1;
      decisions += steps.length;
      remember(steps);
      claim(steps, story);
    });
    fc.assert(property, { numRuns: RUNS, seed: seedOf(fact) });
  });

/** The course after each step, kept from the facts alone; what it names on the way is held against the calendar. */
const coursesOf = (steps: readonly Step[], { policy }: Story): readonly (Course | null)[] => {
  let course: Course | null = null;
  return steps.map(({ events, command }) => {
    for (const event of events) course = course === null ? began(event, policy) : went(course, event, command);
    return course;
  });
};

/** I9: the only moves that a status makes. */
const MOVES: Readonly<Record<Subscription["status"], readonly Subscription["status"][]>> = {
  absent: ["incomplete", "trialing"],
  incomplete: ["trialing", "active", "ended"],
  trialing: ["active", "past_due", "ended"],
  active: ["past_due", "paused", "ended"],
  past_due: ["active", "ended"],
  paused: ["active", "past_due", "ended"],
  ended: [],
};
/** What may be told or asked any number of times; the others are refused the second time, or make something new. */
const REPEATABLE: Readonly<Record<SubscriptionCommand["type"], boolean>> = {
  StartSubscription: false,
  RecordFirstPayment: true,
  MoveUp: true,
  AbandonStart: true,
  StopRenewing: true,
  UndoStop: false,
  CancelWithRefund: false,
  PassBoundary: false, // The next boundary may have come as well.
  InvoiceAhead: true,
  AbandonRenewal: true,
  RecordRenewalPayment: true,
  RecordRenewalDecline: true,
  RecordRenewalUnknown: true,
  RecordRenewalNeverHappened: true,
  TakeNewCard: true,
  CloseDunning: true,
  QuoteChange: false,
  ChangePlan: false,
  RecordChangePayment: true,
  AbandonChange: true,
  DropWaitingChange: false,
  PauseSubscription: true,
  ResumeSubscription: false,
  RecordPeriodRefund: false, // The invoice tells each refund once.
  GiveNotice: true,
};

describe("whatever is asked and told of a subscription, in whatever order, over whatever plans and zones", () => {
  always("nothing throws, every accepted event folds, and each bears the instant of its command", (steps) => {
    for (const step of steps) expectTheCommandsInstant(step);
    expect(endOf(steps).after.status).not.toBe("absent");
  });

  always("I9: only the listed moves happen", (steps) => {
    for (const { before, after } of steps) {
      if (before.status !== after.status) expect(MOVES[before.status]).toContain(after.status);
    }
  });

  always(
    "I11: periods join with no gap or overlap, are numbered one by one and keep their anchor day, but for a pause and a payment after grace",
    (steps, story) => {
      expect(coursesOf(steps, story).at(-1)).not.toBeNull();
    },
  );

  always("I4: access covers an instant exactly if a paid period, a trial or grace covers it", (steps, story) => {
    const courses = coursesOf(steps, story);
    for (const [index, { after, command }] of steps.entries()) {
      const course = courses[index] ?? null;
      const access = accessOf(after);
      const turns = course === null ? [] : turnsOf(course);
      for (const at of [command.at, ...turns, ...turns.map((turn) => plusMs(turn, -1))]) {
        if (at < command.at) continue;
        const tier = access !== null && access.from <= at && at < access.until ? access.entitlement.tier : null;
        expect([after.status, at, tier]).toEqual([after.status, at, course === null ? null : tierAt(course, at)]);
      }
    }
  });

  always("I2: at most one invoice is out, and none is left behind at the end", (steps, story) => {
    for (const course of coursesOf(steps, story)) expect(course?.open.length ?? 0).toBeLessThanOrEqual(1);
  });

  always("each payment buys something or goes back, and does so once", (steps) => {
    const settled: InvoiceId[] = [];
    for (const { command, before, accepted, events } of steps) {
      const paid = accepted ? paidBy(command, before) : null;
      if (paid === null) continue;
      const done = events.flatMap(settledBy);
      expect(done).toEqual(settled.includes(paid[0]) ? [] : [paid[0]]);
      settled.push(...done);
    }
  });

  always("every payment told again changes nothing, at once and at the end", (steps, { policy }) => {
    const end = endOf(steps).after;
    for (const { command, before, accepted, after } of steps) {
      if (!accepted || paidBy(command, before) === null) continue;
      for (const state of [after, end]) expect(decide(command, state, policy)).toEqual({ ok: true, value: [] });
    }
  });

  always("a command that comes twice changes nothing the second time", (steps, { policy }) => {
    for (const { command, accepted, after } of steps) {
      if (!accepted || !REPEATABLE[command.type]) continue;
      expect([command.type, decide(command, after, policy)]).toEqual([command.type, { ok: true, value: [] }]);
    }
  });

  always(
    "a period that is over is never charged: what we may charge now buys time that lies ahead",
    (steps, { policy }) => {
      for (const { command, after } of steps) {
        const due = chargeDue(after);
        if (due !== null) expect([after.status, due.before <= endOfRenewal(after)]).toEqual([after.status, true]);
        for (const at of due === null ? [] : [due.from, command.at, plusMs(command.at, 40 * 86_400_000)]) {
          if (due === null || at < due.from || at < command.at || at >= due.before) continue;
          const paid = {
            type: "RecordRenewalPayment",
            invoiceId: due.invoiceId,
            value: amountOf(after),
            by: "schedule",
            at,
          } as const;
          const decision = decide(paid, after, policy);
          const renewed = decision.ok ? decision.value.find(({ type }) => type === "SubscriptionRenewed") : undefined;
          expect(renewed?.type === "SubscriptionRenewed" && renewed.running.period.end > at).toBe(true);
        }
      }
    },
  );

  always("I7: nothing is asked for after a stop, a cancel or the end", (steps, { policy }) => {
    for (const { before, events, after } of steps) {
      const stopped = "endsAtPeriodEnd" in after ? after.endsAtPeriodEnd : null;
      if (stopped !== null) expect(chargeDue(after)).toBeNull();
      if (stopped?.by === "payer") expect(announcementOf(after)).toBeNull();
      if (after.status === "ended") {
        expect([dueOf(after, policy), accessOf(after), chargeDue(after)]).toEqual([[], null, null]);
      }
      const wasStopped = "endsAtPeriodEnd" in before && before.endsAtPeriodEnd !== null;
      const isAsked = events.some(
        (event) =>
          event.type === "RenewalFellDue" || (event.type === "RenewalInvoiced" && event.renewal.askedBy === "schedule"),
      );
      expect(wasStopped && isAsked && stopped !== null).toBe(false);
    }
  });

  always("an end is final: from then on payments go back, and notices are given, and that is all", (steps) => {
    for (const { before, events, after } of steps) {
      if (before.status !== "ended") continue;
      expect(
        events.map(({ type }) => type).filter((type) => type !== "PaymentTurnedBack" && type !== "NoticeGiven"),
      ).toEqual([]);
      const { payments: _, turnedBack: __, notices: ___, ...kept } = before;
      expect(after).toMatchObject(kept);
    }
  });

  always("no automatic first charge comes without a notice of its sum, given in time", (steps, { policy }) => {
    for (const { after } of steps) {
      const due = chargeDue(after);
      if (due === null || (after.status !== "trialing" && after.status !== "active" && after.status !== "paused"))
        continue;
      const { renewal } = after;
      if (renewal === null || renewal.askedBy === "payer" || !isPositive(renewal.amount)) continue;
      const before = beforeCharge(after);
      const served = after.notices.some(
        ({ kind, givenAt, announcedAt, amount }) =>
          (kind === "renewal_reminder" || kind === "trial_ending") &&
          announcedAt !== null &&
          announcedAt <= due.from &&
          (amount?.minor ?? 0n) >= renewal.amount.minor &&
          earlier(plusLocalDays(givenAt, policy.noticeDays, after.zone), plusMs(givenAt, before)) <= due.from &&
          // Grace is over, or was never there: what was said before it does not count after it.
          (due.from < renewal.graceUntil || givenAt >= renewal.graceUntil || after.status === "paused"),
      );
      expect(served).toBe(true);
    }
  });

  always("a cancel never gives back more than came in and has not gone back already", (steps) => {
    const left = new Map<InvoiceId, bigint>();
    const move = (invoiceId: InvoiceId, minor: bigint) => left.set(invoiceId, (left.get(invoiceId) ?? 0n) + minor);
    for (const { command, before, events } of steps) {
      const paid = events.length === 0 ? null : paidBy(command, before);
      if (paid !== null) move(...paid);
      for (const event of events) {
        if (event.type === "PeriodRefunded") move(event.invoiceId, -event.amount.minor);
        if (event.type === "PlanChanged" && event.invoiceId !== null) move(event.invoiceId, -event.surplus.minor);
        if (event.type !== "SubscriptionCancelled" || !isPositive(event.refund)) continue;
        const most = event.invoices.reduce((all, invoiceId) => all + (left.get(invoiceId) ?? 0n), 0n);
        expect(event.refund.minor <= most).toBe(true);
      }
    }
  });

  always(
    "a stream folds to the same state again, from frozen facts, with no clock, no calendar and no chance",
    (steps, { policy }) => expectTheSameAgain(machineOf(policy), steps),
  );
});

afterAll(() => {
  const rarest = rarestOf(seen, 4);
  console.log(`subscription properties: ${runs} stories, ${decisions} decisions, seed ${SEED}; rarest: ${rarest}`);
  expect(decisions).toBeGreaterThan(RUNS * 200);
});

test("the stories are not dull: each command takes effect in some, each event and each status is met", () => {
  for (const story of fc.sample(told, { numRuns: 1500, seed: SEED })) remember(lived(story));
  const all = [...Object.keys(ORDERS), ...SUBSCRIPTION_EVENTS, ...Object.keys(MOVES)];
  expect(all.filter((each) => !seen.has(each))).toEqual(["absent"]);
});

/** Which invoice's payment an event has put to use, or sent back. */
const settledBy = (event: SubscriptionEvent): readonly InvoiceId[] => {
  switch (event.type) {
    case "TrialStarted":
      return event.trial.invoices;
    case "SubscriptionActivated":
    case "SubscriptionRenewed":
      return event.running.invoices;
    case "PlanChanged":
      return event.invoiceId === null ? [] : [event.invoiceId];
    case "PaymentTurnedBack":
      return [event.invoiceId];
    default:
      return [];
  }
};
/** When the period that its invoice is for is over. */
const endOfRenewal = (state: Subscription): number =>
  "renewal" in state && state.renewal !== null ? state.renewal.period.end : Number.NEGATIVE_INFINITY;
const amountOf = (state: Subscription) =>
  "renewal" in state && state.renewal !== null ? state.renewal.amount : { minor: 0n, currency: "RUB" as const };
/** How long the time before the charge is, of which a notice may have the whole. */
const beforeCharge = (state: Extract<Subscription, { status: "trialing" | "active" | "paused" }>): number => {
  if (state.status === "paused") return state.pause.until - state.pause.since;
  return lengthMs(state.status === "trialing" ? state.trial.period : state.running.period);
};
