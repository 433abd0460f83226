import { initial } from "../../../src/core/subscription/evolve.ts";
import type { Subscription, SubscriptionCommand } from "../../../src/core/subscription/subscription.ts";
import { DAY_MS, HOUR_MS, type Instant, plusMs } from "../../../src/core/time.ts";
import {
  AHEAD,
  after,
  afterFrom,
  aheadPaid,
  B1,
  B2,
  BASIC,
  CHANGE,
  cancel,
  change,
  changePaid,
  closeDunning,
  declined,
  FIRST,
  FREE,
  firstPaid,
  HARD,
  invoice,
  invoiceAhead,
  MID,
  msk,
  neverHappened,
  newCard,
  notice,
  noticeId,
  OUTAGE,
  PAID,
  PREMIUM,
  passBoundary,
  pause,
  QUOTE,
  quote,
  quoteId,
  RENEWAL,
  RUNNING,
  renewalPaid,
  resume,
  rub,
  SOFT,
  START,
  start,
  stop,
  TRIAL_END,
  UNTIL,
  undo,
  unknown24h,
} from "../../support/subscription.ts";

/** The renewal is out. */
export const DUE = [...RUNNING, passBoundary(B1)] as const;
/** Until when a payment keeps the dates, and access goes on. */
export const GRACE_END = plusMs(B1, 7 * DAY_MS);
/** Pauses that last until UNTIL: one now, which keeps half of January; one that is planned, and has begun, at its end. */
export const KEPT = [...RUNNING, pause(MID, "now", UNTIL)] as const;
export const PLANNED = [...RUNNING, pause(MID, "at_period_end", UNTIL)] as const;
export const AT_END = [...PLANNED, passBoundary(B1)] as const;
/** How long half of January is. */
export const HALF_MS = 15.5 * DAY_MS;
export const freeTrial = (renews: boolean) => start(START, { terms: FREE, first: { kind: "free_trial", renews } });
/** Trials under way. */
export const TRIALS = {
  free: after(freeTrial(true)),
  without_card: after(freeTrial(false)),
  paid: after(start(START, { terms: PAID }), firstPaid(START, { value: rub(14) })),
};

/** A situation that the table speaks of: the state, the instant at which commands come, and the boundary ahead. */
export type Situation = { readonly state: Subscription; readonly now: Instant; readonly boundary: Instant };
const situation = (now: Instant, boundary: Instant, ...history: readonly SubscriptionCommand[]): Situation => ({
  state: after(...history),
  now,
  boundary,
});
const inTrial = msk("2026-01-08T10:00");

export const SITUATIONS = {
  absent: { state: initial, now: MID, boundary: B1 },
  incomplete: situation(plusMs(START, HOUR_MS), B1, start()),
  trialing_free: { state: TRIALS.free, now: inTrial, boundary: TRIAL_END },
  trialing_paid: { state: TRIALS.paid, now: inTrial, boundary: TRIAL_END },
  trialing_stopping: { state: afterFrom(TRIALS.paid, stop(inTrial)), now: inTrial, boundary: TRIAL_END },
  trialing_due: {
    state: afterFrom(TRIALS.paid, passBoundary(TRIAL_END)),
    now: plusMs(TRIAL_END, HOUR_MS),
    boundary: TRIAL_END,
  },
  queued: situation(START, B2, start(START, { beginsAt: B1 }), firstPaid(START)),
  active: situation(MID, B1, ...RUNNING),
  active_stopping: situation(MID, B1, ...RUNNING, stop(MID)),
  active_no_consent: situation(MID, B1, start(), firstPaid(START, { consent: false })),
  active_renewal_out: situation(plusMs(B1, HOUR_MS), B1, ...DUE),
  active_ahead_unpaid: situation(MID, B1, ...RUNNING, invoiceAhead(MID)),
  active_paid_ahead: situation(MID, B1, ...RUNNING, invoiceAhead(MID), aheadPaid(MID)),
  active_change_open: situation(MID, B1, ...RUNNING, quote(MID), change(MID)),
  active_change_waiting: situation(MID, B1, ...RUNNING, quote(MID, BASIC), change(MID)),
  active_pause_planned: situation(MID, B1, ...PLANNED),
  past_due: situation(plusMs(B1, 12 * HOUR_MS), B1, ...DUE, declined(B1)),
  past_due_halted: situation(plusMs(B1, DAY_MS), B1, ...DUE, declined(B1, HARD)),
  paused_kept: situation(plusMs(MID, DAY_MS), B1, ...KEPT),
  paused_at_end: situation(plusMs(B1, DAY_MS), B1, ...AT_END),
  paused_resuming: situation(plusMs(B1, DAY_MS), B1, ...AT_END, resume(plusMs(B1, DAY_MS))),
  ended: situation(plusMs(MID, DAY_MS), B1, ...RUNNING, cancel(MID)),
} as const satisfies Record<string, Situation>;
export type SituationName = keyof typeof SITUATIONS;

const NEXT_YEAR = msk("2027-01-01T10:00");
/** One order, or fact, for each thing that can be asked or told; several where its kind makes a difference. The last counts. */
export const ORDERS = {
  "start again": ({ now }) => [start(now)],
  "first invoice paid": ({ now }) => [firstPaid(now)],
  "first invoice void": ({ now }) => [{ type: "AbandonStart", invoiceId: FIRST, reason: "never_paid", at: now }],
  "the one before ended": ({ now }) => [{ type: "MoveUp", at: now }],
  "stop renewing": ({ now }) => [stop(now)],
  "consent or last card gone": ({ now }) => [stop(now, "no_consent")],
  undo: ({ now }) => [undo(now)],
  "undo without card": ({ now }) => [undo(now, false)],
  "cancel with refund": ({ now }) => [cancel(now)],
  "boundary not reached": ({ boundary }) => [passBoundary(plusMs(boundary, -1), { invoiceId: invoice(20) })],
  "renewal due": ({ boundary }) => [passBoundary(boundary, { invoiceId: invoice(20) })],
  "renewal due, no card": ({ boundary }) => [passBoundary(boundary, { invoiceId: invoice(20), mayCharge: false })],
  "pay the next period": ({ now }) => [invoiceAhead(now, invoice(21))],
  "invoice of the next period void": ({ now }) => [{ type: "AbandonRenewal", invoiceId: AHEAD, at: now }],
  "renewal invoice void": ({ now }) => [{ type: "AbandonRenewal", invoiceId: RENEWAL, at: now }],
  "renewal invoice paid": ({ now }) => [renewalPaid(now)],
  "next period paid": ({ now }) => [aheadPaid(now)],
  "renewal declined softly": ({ now }) => [declined(now, SOFT)],
  "renewal declined for good": ({ now }) => [declined(now, HARD)],
  "renewal met an outage": ({ now }) => [declined(now, OUTAGE)],
  "payer's own try declined": ({ now }) => [declined(now, SOFT, { initiator: "payer" })],
  "renewal unknown for 24 h": ({ now }) => [unknown24h(now)],
  "renewal never happened": ({ now }) => [neverHappened(now)],
  "new card": ({ now }) => [newCard(now)],
  "dunning not over": () => [closeDunning(plusMs(B1, 7 * DAY_MS - 1))],
  "dunning over": () => [closeDunning(B2)],
  "ask what an upgrade costs": ({ now }) => [quote(now, PREMIUM, quoteId(9))],
  "ask what a downgrade costs": ({ now }) => [quote(now, BASIC, quoteId(9))],
  "upgrade as quoted": ({ now }) => [quote(now, PREMIUM, quoteId(9)), change(now, quoteId(9), invoice(22))],
  "downgrade as quoted": ({ now }) => [quote(now, BASIC, quoteId(9)), change(now, quoteId(9), invoice(22))],
  "change with an unknown quote": ({ now }) => [change(now, quoteId(9), invoice(22))],
  "change told again": ({ now }) => [change(now, QUOTE, CHANGE)],
  "change paid": ({ now }) => [changePaid(now)],
  "change invoice expired": ({ now }) => [{ type: "AbandonChange", invoiceId: CHANGE, at: now }],
  "drop the waiting change": ({ now }) => [{ type: "DropWaitingChange", at: now }],
  "pause now": ({ now }) => [pause(now, "now", plusMs(now, 20 * DAY_MS))],
  "pause at period end": ({ now }) => [pause(now, "at_period_end", msk("2026-03-20T00:00"))],
  "resume by hand": ({ now }) => [resume(now, { invoiceId: invoice(23) })],
  "resume by hand without card": ({ now }) => [resume(now, { invoiceId: invoice(23), mayCharge: false })],
  "pause not over": () => [resume(plusMs(UNTIL, -1), { by: "schedule", invoiceId: invoice(23) })],
  "pause over": () => [resume(UNTIL, { by: "schedule", invoiceId: invoice(23) })],
  "pause over, no card": () => [resume(UNTIL, { by: "schedule", invoiceId: invoice(23), mayCharge: false })],
  "money of the period went back": ({ now }) => [
    { type: "RecordPeriodRefund", invoiceId: FIRST, amount: rub(1), at: now },
  ],
  "notice given": ({ now }) => [notice(now, { noticeId: noticeId(9), announcedAt: NEXT_YEAR })],
} as const satisfies Record<string, (situation: Situation) => readonly SubscriptionCommand[]>;
export type OrderName = keyof typeof ORDERS;
