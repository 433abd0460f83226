import { describe, expect, test } from "bun:test";
import { DEFAULT_POLICY } from "../../../src/core/policy.ts";
import { Bug, invariant } from "../../../src/core/result.ts";
import { decide } from "../../../src/core/subscription/decide.ts";
import { evolve, initial } from "../../../src/core/subscription/evolve.ts";
import type {
  Subscription,
  SubscriptionCommand,
  SubscriptionEvent,
} from "../../../src/core/subscription/subscription.ts";
import { DAY_MS, plusMs } from "../../../src/core/time.ts";
import {
  AHEAD,
  after,
  aheadPaid,
  as,
  B1,
  B2,
  CHANGE,
  change,
  changePaid,
  declined,
  FIRST,
  firstPaid,
  invoice,
  invoiceAhead,
  MID,
  passBoundary,
  pause,
  quote,
  RENEWAL,
  RUNNING,
  renewalPaid,
  resume,
  rub,
  start,
  stop,
  UNTIL,
} from "../../support/subscription.ts";
import { AT_END, DUE, KEPT, TRIALS } from "./situations.ts";

const running = after(...RUNNING);
const trialing = TRIALS.free;
const due = after(...DUE);
const pastDue = after(...DUE, declined(B1));
const ahead = after(...RUNNING, invoiceAhead(MID), aheadPaid(MID));
const changing = after(...RUNNING, quote(MID), change(MID));
const kept = after(...KEPT);
const keptNothing = after(...AT_END);
const ended = after(...RUNNING, stop(MID), passBoundary(B1));

type EventOf<Type extends SubscriptionEvent["type"]> = Extract<SubscriptionEvent, { readonly type: Type }>;
/** A fact as it really happened, to be told where it does not fit. */
const fact = <Type extends SubscriptionEvent["type"]>(
  type: Type,
  from: Subscription,
  command: SubscriptionCommand,
): EventOf<Type> => {
  const decision = decide(command, from, DEFAULT_POLICY);
  const found = decision.ok ? decision.value.find((one) => one.type === type) : undefined;
  invariant(found !== undefined, `${command.type} yields ${type}`);
  return found as EventOf<Type>;
};
const started = fact("SubscriptionStarted", initial, start());
const activated = fact("SubscriptionActivated", after(start()), firstPaid());
const invoiced = fact("RenewalInvoiced", running, passBoundary(B1));
const renewed = fact("SubscriptionRenewed", due, renewalPaid(B1));
const fell = fact("SubscriptionFellPastDue", due, declined(B1));
const declinedRenewal = fact("RenewalDeclined", due, declined(B1));
const changeInvoiced = fact("ChangeInvoiced", after(...RUNNING, quote(MID)), change(MID));
const planChanged = fact("PlanChanged", changing, changePaid(MID));
const paused = fact("SubscriptionPaused", running, pause(MID, "now", UNTIL));
const resumed = fact("SubscriptionResumed", kept, resume(UNTIL));
const moved = fact("DunningMoved", pastDue, declined(plusMs(B1, DAY_MS)));
const other = { ...renewed.running, number: 9 };

/** What the log can't have said: a stream that says it is corrupt, and nothing may be built on it. */
const CASES: readonly (readonly [claim: string, Subscription, SubscriptionEvent])[] = [
  ["it starts once", running, started],
  ["nothing happens before it starts", initial, activated],
  ["its first period is number 1", after(start()), { ...activated, running: other }],
  ["it begins once", running, activated],
  ["one renewal is out at a time", due, invoiced],
  ["periods are numbered one by one", running, { ...invoiced, renewal: { ...invoiced.renewal, number: 3 } }],
  ["one period is paid ahead at most", ahead, invoiced],
  ["no change is open beside a renewal", changing, invoiced],
  ["nothing is renewed past due", pastDue, invoiced],
  ["a period is renewed by an invoice", running, renewed],
  ["a payment buys the period of its invoice", due, { ...renewed, running: other }],
  ["a payment ahead has time that runs", pastDue, { ...renewed, ahead: true }],
  ["only the renewal that is out falls due", running, { type: "RenewalFellDue", renewal: invoiced.renewal, at: B1 }],
  [
    "of another invoice neither",
    due,
    { type: "RenewalFellDue", renewal: { ...invoiced.renewal, invoiceId: AHEAD }, at: B1 },
  ],
  ["only the renewal that is out is withdrawn", due, { type: "RenewalWithdrawn", invoiceId: AHEAD, at: B1 }],
  ["only a renewal that is out is declined", running, declinedRenewal],
  ["or put off", running, { type: "RenewalPutOff", until: B2, at: B1 }],
  ["only an unpaid renewal falls past due", running, fell],
  ["a ladder moves where one stands", due, moved],
  ["a paid period begins when one was paid ahead", running, { type: "PaidPeriodBegan", at: B1 }],
  ["one change is open at a time", changing, changeInvoiced],
  ["no change is invoiced beside a renewal", due, changeInvoiced],
  ["no change is invoiced with a period paid ahead", ahead, changeInvoiced],
  [
    "only the open change is abandoned",
    changing,
    { type: "ChangeAbandoned", invoiceId: AHEAD, because: "unpaid", at: MID },
  ],
  ["a change now has a running period", changing, { ...planChanged, running: null }],
  ["a change at a boundary has none", changing, { ...planChanged, effect: "at_period_end" }],
  ["a change now is paid", changing, { ...planChanged, invoiceId: null }],
  ["by its own invoice", changing, { ...planChanged, invoiceId: AHEAD }],
  ["and only one that was asked for", running, { ...planChanged, invoiceId: null }],
  ["nothing unpaid goes into a pause", due, paused],
  ["nor a period paid ahead", ahead, paused],
  ["nor an open change", changing, paused],
  ["a trial is not paused", trialing, paused],
  ["only what was kept runs on", keptNothing, resumed],
  ["the rest is of the period that was paused", kept, { ...resumed, running: other }],
  ["what runs is not resumed", running, resumed],
  ["an end is one", ended, { type: "SubscriptionEnded", reason: "staff", leaves: null, at: B1 }],
  ["what has ended is not stopped", ended, { type: "RenewalStopped", by: "payer", at: B1 }],
  ["nor restored", ended, { type: "RenewalRestored", at: B1 }],
  ["nor moved up", ended, { type: "SubscriptionMovedUp", at: B1 }],
  ["nor refunded", ended, { type: "PeriodRefunded", invoiceId: FIRST, amount: rub(1), at: B1 }],
];

describe("a corrupt stream does not fold", () => {
  for (const [claim, state, event] of CASES) {
    test(claim, () => {
      expect(() => evolve(state, event)).toThrow(Bug);
    });
  }

  test("while each of these facts folds where it belongs", () => {
    const told: readonly (readonly [Subscription, SubscriptionEvent])[] = [
      [initial, started],
      [after(start()), activated],
      [running, invoiced],
      [due, renewed],
      [due, fell],
      [due, declinedRenewal],
      [pastDue, moved],
      [after(...RUNNING, quote(MID)), changeInvoiced],
      [changing, planChanged],
      [running, paused],
      [kept, resumed],
    ];
    for (const [state, event] of told) expect(evolve(state, event)).not.toEqual(state);
  });
});

test("money that went back for another invoice leaves a pause and a trial as they are", () => {
  const elsewhere = { type: "PeriodRefunded", invoiceId: invoice(77), amount: rub(1), at: MID } as const;
  for (const state of [kept, keptNothing, trialing]) expect(evolve(state, elsewhere)).toEqual(state);
  expect(as(evolve(changing, elsewhere), "active").change?.invoiceId).toBe(CHANGE);
  expect(as(evolve(due, elsewhere), "active").renewal?.invoiceId).toBe(RENEWAL);
});
