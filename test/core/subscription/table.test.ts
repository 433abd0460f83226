import { describe, expect, test } from "bun:test";
import { invariant } from "../../../src/core/result.ts";
import type {
  Decision,
  Subscription,
  SubscriptionCommand,
  SubscriptionEvent,
  SubscriptionRefusal,
} from "../../../src/core/subscription/subscription.ts";
import { run } from "../../support/subscription.ts";
import { ORDERS, type OrderName, SITUATIONS, type SituationName } from "./situations.ts";

type Outcome = "nothing new" | `refused: ${SubscriptionRefusal["code"]}` | readonly SubscriptionEvent["type"][];
type Row = Readonly<Record<SituationName, Outcome>>;

/** What an order that has no place in a state meets with. Rows below name what differs. */
const NO_PLACE: Row = {
  absent: "refused: subscription_not_found",
  incomplete: "refused: subscription_incomplete",
  trialing_free: "refused: subscription_trialing",
  trialing_paid: "refused: subscription_trialing",
  trialing_stopping: "refused: subscription_trialing",
  trialing_due: "refused: subscription_trialing",
  queued: "refused: subscription_active",
  active: "refused: subscription_active",
  active_stopping: "refused: subscription_active",
  active_no_consent: "refused: subscription_active",
  active_renewal_out: "refused: subscription_active",
  active_ahead_unpaid: "refused: subscription_active",
  active_paid_ahead: "refused: subscription_active",
  active_change_open: "refused: subscription_active",
  active_change_waiting: "refused: subscription_active",
  active_pause_planned: "refused: subscription_active",
  past_due: "refused: subscription_past_due",
  past_due_halted: "refused: subscription_past_due",
  paused_kept: "refused: subscription_paused",
  paused_at_end: "refused: subscription_paused",
  paused_resuming: "refused: subscription_paused",
  ended: "refused: subscription_ended",
};
const everywhere = (outcome: Outcome): Row => ({
  ...(Object.fromEntries(Object.keys(SITUATIONS).map((name) => [name, outcome])) as Row),
  absent: "refused: subscription_not_found",
});
const NOTHING_NEW = everywhere("nothing new");
const MONEY_BACK = everywhere(["PaymentTurnedBack"]);
const CANCELLED = everywhere(["SubscriptionCancelled", "SubscriptionEnded"]);
const ENDED = ["SubscriptionEnded"] as const;

/** Where nobody gets another plan: after a stop, while a renewal or the next period is under way, behind another one. */
const NO_CHANGE: Row = {
  ...NO_PLACE,
  trialing_stopping: "refused: renewal_stopped",
  active_stopping: "refused: renewal_stopped",
  trialing_due: "refused: renewal_in_progress",
  active_renewal_out: "refused: renewal_in_progress",
  active_ahead_unpaid: "refused: renewal_in_progress",
  active_paid_ahead: "refused: period_paid_ahead",
  queued: "refused: subscription_queued",
};
/** Of one who may ask for another plan: what he meets in a trial, and in a period that runs. */
const changes = (trialing: Outcome, active: Outcome): Row => ({
  ...NO_CHANGE,
  trialing_free: trialing,
  trialing_paid: trialing,
  active,
  active_no_consent: active,
  active_change_open: active,
  active_change_waiting: active,
  active_pause_planned: active,
});
const ASKED: Row = {
  ...changes(["ChangeQuoted"], ["ChangeQuoted"]),
  active_change_open: ["ChangeAbandoned", "ChangeQuoted"],
};
/** At a boundary: where its renewal is out already, or no period runs, it says nothing. */
const atBoundary = (outcome: Outcome): Row => ({
  ...everywhere(outcome),
  incomplete: "refused: subscription_incomplete",
  trialing_due: "nothing new",
  active_renewal_out: "nothing new",
  past_due: "nothing new",
  past_due_halted: "nothing new",
  paused_kept: "nothing new",
  paused_at_end: "nothing new",
  paused_resuming: "nothing new",
  ended: "nothing new",
});
/** Who stopped can undo it while his period runs. */
const undone = (outcome: Outcome): Row => ({
  ...everywhere("refused: renewal_not_stopped"),
  incomplete: "refused: subscription_incomplete",
  trialing_stopping: outcome,
  active_stopping: outcome,
  active_no_consent: outcome,
  past_due: "refused: subscription_past_due",
  past_due_halted: "refused: subscription_past_due",
  paused_kept: "refused: subscription_paused",
  paused_at_end: "refused: subscription_paused",
  paused_resuming: "refused: subscription_paused",
  ended: "refused: subscription_ended",
});
const DECLINED: Row = {
  ...NOTHING_NEW,
  trialing_due: ["RenewalDeclined", "SubscriptionFellPastDue"],
  active_renewal_out: ["RenewalDeclined", "SubscriptionFellPastDue"],
  past_due: ["RenewalDeclined", "DunningMoved"],
  past_due_halted: ["RenewalDeclined"],
  paused_resuming: ["RenewalDeclined", "RenewalWithdrawn"],
};

/** Design part 5, the table, and what its prose adds, with an answer for every state. */
const TABLE: Readonly<Record<OrderName, Row>> = {
  "start again": { ...everywhere("refused: subscription_exists"), absent: ["SubscriptionStarted"] },
  "first invoice paid": { ...NOTHING_NEW, incomplete: ["SubscriptionActivated"], trialing_free: ["PaymentTurnedBack"] },
  "first invoice void": { ...NO_PLACE, incomplete: ENDED, ended: "nothing new" },
  "the one before ended": { ...NOTHING_NEW, queued: ["SubscriptionMovedUp"] },
  "stop renewing": {
    absent: "refused: subscription_not_found",
    incomplete: ENDED,
    trialing_free: ["RenewalStopped"],
    trialing_paid: ["RenewalStopped"],
    trialing_stopping: "nothing new",
    trialing_due: ENDED,
    queued: ["RenewalStopped"],
    active: ["RenewalStopped"],
    active_stopping: "nothing new",
    active_no_consent: ["RenewalStopped"],
    active_renewal_out: ENDED,
    active_ahead_unpaid: ["RenewalWithdrawn", "RenewalStopped"],
    active_paid_ahead: ["RenewalStopped"],
    active_change_open: ["ChangeAbandoned", "RenewalStopped"],
    active_change_waiting: ["ChangeDropped", "RenewalStopped"],
    active_pause_planned: ["PauseDropped", "RenewalStopped"],
    past_due: ENDED,
    past_due_halted: ENDED,
    paused_kept: ["RenewalStopped", "SubscriptionResumed"],
    paused_at_end: ENDED,
    paused_resuming: ENDED,
    ended: "nothing new",
  },
  "consent or last card gone": {
    ...everywhere(["RenewalStopped"]),
    incomplete: "nothing new",
    trialing_stopping: "nothing new",
    active_stopping: "nothing new",
    active_no_consent: "nothing new",
    trialing_due: ENDED,
    active_renewal_out: ENDED,
    past_due: ["RenewalStopped", "DunningMoved"],
    paused_resuming: ["RenewalWithdrawn", "RenewalStopped"],
    ended: "nothing new",
  },
  undo: undone(["RenewalRestored"]),
  "undo without card": undone("refused: card_or_consent_missing"),
  "cancel with refund": { ...CANCELLED, ended: "refused: subscription_ended" },
  "boundary not reached": atBoundary("refused: boundary_not_reached"),
  "renewal due": {
    ...atBoundary(["RenewalInvoiced"]),
    trialing_stopping: ENDED,
    active_stopping: ENDED,
    active_no_consent: ENDED,
    active_ahead_unpaid: ["RenewalFellDue"],
    active_paid_ahead: ["PaidPeriodBegan"],
    active_change_open: ["ChangeAbandoned", "RenewalInvoiced"],
    active_change_waiting: ["PlanChanged", "RenewalInvoiced"],
    active_pause_planned: ["SubscriptionPaused"],
  },
  "renewal due, no card": {
    ...atBoundary(ENDED),
    active_paid_ahead: ["PaidPeriodBegan"],
    active_pause_planned: ["SubscriptionPaused"],
  },
  "pay the next period": {
    ...NO_PLACE,
    trialing_free: ["RenewalInvoiced"],
    trialing_paid: ["RenewalInvoiced"],
    trialing_stopping: ["RenewalInvoiced"],
    queued: ["RenewalInvoiced"],
    active: ["RenewalInvoiced"],
    active_stopping: ["RenewalInvoiced"],
    active_no_consent: ["RenewalInvoiced"],
    trialing_due: "refused: renewal_in_progress",
    active_renewal_out: "refused: renewal_in_progress",
    active_ahead_unpaid: "refused: renewal_in_progress",
    active_paid_ahead: "refused: period_paid_ahead",
    active_change_open: "refused: change_in_progress",
    active_change_waiting: "refused: change_waiting",
    active_pause_planned: "refused: pause_planned",
  },
  "invoice of the next period void": { ...NOTHING_NEW, active_ahead_unpaid: ["RenewalWithdrawn"] },
  "renewal invoice void": {
    ...NOTHING_NEW,
    trialing_due: "refused: renewal_in_progress",
    active_renewal_out: "refused: renewal_in_progress",
    past_due: "refused: renewal_in_progress",
    past_due_halted: "refused: renewal_in_progress",
    paused_resuming: ["RenewalWithdrawn"],
  },
  "renewal invoice paid": {
    ...MONEY_BACK,
    trialing_due: ["SubscriptionRenewed"],
    active_renewal_out: ["SubscriptionRenewed"],
    past_due: ["SubscriptionRenewed"],
    past_due_halted: ["SubscriptionRenewed"],
    paused_resuming: ["SubscriptionRenewed"],
  },
  "next period paid": { ...MONEY_BACK, active_ahead_unpaid: ["SubscriptionRenewed"], active_paid_ahead: "nothing new" },
  "renewal declined softly": DECLINED,
  "renewal declined for good": DECLINED,
  "renewal met an outage": {
    ...DECLINED,
    trialing_due: ["RenewalDeclined", "RenewalPutOff"],
    active_renewal_out: ["RenewalDeclined", "RenewalPutOff"],
  },
  "payer's own try declined": {
    ...DECLINED, // Past due it is the second of one card: the next try waits.
    trialing_due: ["RenewalDeclined"],
    active_renewal_out: ["RenewalDeclined"],
  },
  "renewal unknown for 24 h": {
    ...NOTHING_NEW,
    trialing_due: ["SubscriptionFellPastDue"],
    active_renewal_out: ["SubscriptionFellPastDue"],
  },
  "renewal never happened": { ...NOTHING_NEW, past_due: ["DunningMoved"] },
  "new card": { ...NOTHING_NEW, past_due: ["DunningMoved"], past_due_halted: ["DunningMoved"] },
  "dunning not over": {
    ...NO_PLACE,
    past_due: "refused: dunning_not_over",
    past_due_halted: "refused: dunning_not_over",
    ended: "nothing new",
  },
  "dunning over": { ...NO_PLACE, past_due: ENDED, past_due_halted: ENDED, ended: "nothing new" },
  "ask what an upgrade costs": ASKED,
  "ask what a downgrade costs": ASKED,
  "upgrade as quoted": changes(["PlanChanged"], ["ChangeInvoiced"]),
  "downgrade as quoted": changes(["PlanChanged"], ["ChangeScheduled"]),
  "change with an unknown quote": changes("refused: quote_unknown", "refused: quote_unknown"),
  "change told again": {
    ...changes("refused: quote_unknown", "refused: quote_unknown"),
    active_change_open: "nothing new",
  },
  "change paid": { ...MONEY_BACK, active_change_open: ["PlanChanged"] },
  "change invoice expired": { ...NOTHING_NEW, active_change_open: ["ChangeAbandoned"] },
  "drop the waiting change": {
    ...everywhere("refused: no_waiting_change"),
    active_change_waiting: ["ChangeDropped"],
    ended: "refused: subscription_ended",
  },
  "pause now": {
    ...NO_PLACE,
    queued: "refused: subscription_queued",
    active: ["SubscriptionPaused"],
    active_stopping: ["SubscriptionPaused"],
    active_no_consent: ["SubscriptionPaused"],
    active_renewal_out: "refused: renewal_in_progress",
    active_ahead_unpaid: "refused: renewal_in_progress",
    active_paid_ahead: "refused: period_paid_ahead",
    active_change_open: "refused: change_in_progress",
    active_change_waiting: ["SubscriptionPaused"],
    active_pause_planned: ["PauseDropped", "SubscriptionPaused"],
    paused_kept: "nothing new",
    paused_at_end: "nothing new",
    paused_resuming: "nothing new",
  },
  "pause at period end": {
    ...NO_PLACE,
    queued: "refused: subscription_queued",
    active: ["PausePlanned"],
    active_stopping: "refused: renewal_stopped",
    active_no_consent: ["PausePlanned"],
    active_renewal_out: "refused: renewal_in_progress",
    active_ahead_unpaid: "refused: renewal_in_progress",
    active_paid_ahead: ["PausePlanned"],
    active_change_open: ["PausePlanned"],
    active_change_waiting: ["PausePlanned"],
    active_pause_planned: ["PausePlanned"],
    paused_kept: "nothing new",
    paused_at_end: "nothing new",
    paused_resuming: "nothing new",
  },
  "resume by hand": {
    ...NO_PLACE,
    active_pause_planned: ["PauseDropped"],
    paused_kept: ["SubscriptionResumed"],
    paused_at_end: ["RenewalInvoiced"],
    paused_resuming: "refused: renewal_in_progress",
  },
  "resume by hand without card": {
    ...NO_PLACE,
    active_pause_planned: ["PauseDropped"],
    paused_kept: ["SubscriptionResumed"],
    paused_at_end: "refused: card_or_consent_missing",
    paused_resuming: "refused: renewal_in_progress",
  },
  "pause not over": {
    ...NO_PLACE,
    paused_kept: "refused: pause_not_over",
    paused_at_end: "refused: pause_not_over",
    paused_resuming: "refused: pause_not_over",
  },
  "pause over": {
    ...NO_PLACE,
    paused_kept: ["SubscriptionResumed"],
    paused_at_end: ["RenewalInvoiced"],
    paused_resuming: "refused: renewal_in_progress",
  },
  "pause over, no card": {
    ...NO_PLACE,
    paused_kept: ["SubscriptionResumed"],
    paused_at_end: ENDED,
    paused_resuming: "refused: renewal_in_progress",
  },
  "money of the period went back": {
    ...everywhere(["PeriodRefunded"]),
    incomplete: "nothing new",
    trialing_free: "nothing new",
    active_change_open: ["ChangeAbandoned", "PeriodRefunded"],
    past_due: "nothing new",
    past_due_halted: "nothing new",
    paused_at_end: "nothing new",
    paused_resuming: "nothing new",
    ended: "nothing new",
  },
  "notice given": everywhere(["NoticeGiven"]),
};

const names = <Name extends string>(of: Readonly<Record<Name, unknown>>): readonly Name[] => Object.keys(of) as Name[];

const lastOf = (commands: readonly SubscriptionCommand[], state: Subscription): Decision => {
  const [command, ...rest] = commands;
  invariant(command !== undefined, "an order has a command");
  const ran = run(state, command);
  return rest.length === 0 ? ran.decision : lastOf(rest, ran.state);
};

describe("the subscription, order by order and state by state", () => {
  for (const order of names(ORDERS)) {
    for (const name of names(SITUATIONS)) {
      const outcome = TABLE[order][name];
      test(`${order} | ${name} | ${typeof outcome === "string" ? outcome : outcome.join(", ")}`, () => {
        const decision = lastOf(ORDERS[order](SITUATIONS[name]), SITUATIONS[name].state);
        const happened = decision.ok ? decision.value.map(({ type }) => type) : `refused: ${decision.error.code}`;
        expect<unknown>(happened.length === 0 ? "nothing new" : happened).toEqual(outcome);
      });
    }
  }

  test("every pair of a status and a command is in the table", () => {
    for (const [status, situation] of Object.entries(SITUATION_OF)) {
      expect<string>(SITUATIONS[situation].state.status).toBe(status);
    }
    for (const [command, order] of Object.entries(ORDER_OF)) {
      expect<unknown>(ORDERS[order](SITUATIONS.active).at(-1)?.type).toBe(command);
    }
    const pairs = Object.values(ORDER_OF).flatMap((order) =>
      Object.values(SITUATION_OF).map((name) => TABLE[order][name]),
    );
    expect([pairs.length, pairs.includes(undefined as never)]).toEqual([25 * 7, false]);
  });
});

/** One that is forgotten in these two does not compile. */
const SITUATION_OF: Readonly<Record<Subscription["status"], SituationName>> = {
  absent: "absent",
  incomplete: "incomplete",
  trialing: "trialing_paid",
  active: "active",
  past_due: "past_due",
  paused: "paused_kept",
  ended: "ended",
};
const ORDER_OF: Readonly<Record<SubscriptionCommand["type"], OrderName>> = {
  StartSubscription: "start again",
  RecordFirstPayment: "first invoice paid",
  MoveUp: "the one before ended",
  AbandonStart: "first invoice void",
  StopRenewing: "stop renewing",
  UndoStop: "undo",
  CancelWithRefund: "cancel with refund",
  PassBoundary: "renewal due",
  InvoiceAhead: "pay the next period",
  AbandonRenewal: "invoice of the next period void",
  RecordRenewalPayment: "renewal invoice paid",
  RecordRenewalDecline: "renewal declined softly",
  RecordRenewalUnknown: "renewal unknown for 24 h",
  RecordRenewalNeverHappened: "renewal never happened",
  TakeNewCard: "new card",
  CloseDunning: "dunning over",
  QuoteChange: "ask what an upgrade costs",
  ChangePlan: "upgrade as quoted",
  RecordChangePayment: "change paid",
  AbandonChange: "change invoice expired",
  DropWaitingChange: "drop the waiting change",
  PauseSubscription: "pause now",
  ResumeSubscription: "resume by hand",
  RecordPeriodRefund: "money of the period went back",
  GiveNotice: "notice given",
};
