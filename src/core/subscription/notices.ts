import { priceOfPeriod, type Terms } from "../catalog/terms.ts";
import { isPositive, type Money } from "../money.ts";
import type { BillingPolicy } from "../policy.ts";
import {
  earlier,
  HOUR_MS,
  type Instant,
  later,
  lengthMs,
  type Period,
  plusLocalDays,
  plusMs,
  type Zone,
} from "../time.ts";
import { currentEnd } from "./periods.ts";
import type { Active, Notice, NoticeKind, Paused, Subscription, Trialing } from "./subscription.ts";

/** A sweep that is a little late must not hold a charge. Source: billing rules, Time. */
const PLANNED_EARLY_MS = HOUR_MS;

/** What is to be announced next: the charge or the end at `on`. */
export type Announcement = {
  readonly kind: Extract<NoticeKind, "renewal_reminder" | "trial_ending" | "ending">;
  readonly on: Instant;
  /** The sum of the charge; null for an end. */
  readonly amount: Money | null;
  /** The time before it in which the notice can be given. */
  readonly before: Period;
  /** From this instant on a notice given before it is worth nothing any more: grace is over. */
  readonly lapsesAt: Instant | null;
};

/**
 * The charge or the end that the payer is to be told of, whether he has been told or not. None after his own stop, for
 * a sum of zero, for a period paid ahead, or while a pause keeps time.
 * Source: design part 5, Notice and At the boundary B; billing rules, Time and Pause.
 */
export const announcementOf = (state: Subscription): Announcement | null => {
  switch (state.status) {
    case "trialing":
    case "active":
      return announcementOfRunning(state);
    case "paused":
      return announcementOfPause(state);
    case "absent":
    case "incomplete":
    case "past_due": // Retries need no notice.
    case "ended":
      return null;
  }
};

/** When the next notice falls due; null: none is wanted, or it has been given. */
export const noticeDue = (
  state: Subscription,
  policy: BillingPolicy,
): { readonly kind: Announcement["kind"]; readonly at: Instant } | null => {
  const wanted = announcementOf(state);
  if (wanted === null || state.status === "absent") return null;
  const { kind, on, before, lapsesAt } = wanted;
  const planned = later(before.start, plusMs(plusLocalDays(on, -policy.noticeDays, state.zone), -PLANNED_EARLY_MS));
  if (servingNotice(state, wanted, lapsesAt) !== null) return null;
  if (lapsesAt === null || servingNotice(state, wanted, null) === null) return { kind, at: planned };
  return { kind, at: lapsesAt };
};

/** The notice to give at an instant: a late one names the later date. Null: none is due. Source: billing rules, Time. */
export const noticeToGive = (
  state: Subscription,
  policy: BillingPolicy,
  at: Instant,
): Omit<Notice, "noticeId"> | null => {
  const wanted = announcementOf(state);
  const due = noticeDue(state, policy);
  if (wanted === null || due === null || at < due.at || state.status === "absent") return null;
  const { kind, on, amount } = wanted;
  const announcedAt = kind === "ending" ? on : later(on, leadEnd(wanted, at, state.zone, policy));
  return { kind, givenAt: at, announcedAt, amount };
};

/**
 * From when, and before when, the notices that have been given allow the charge; null: not before a right one is given.
 * Source: design part 5, Notice.
 */
export const chargeAnnounced = (
  state: Subscription,
): { readonly from: Instant; readonly before: Instant | null } | null => {
  const wanted = announcementOf(state);
  if (wanted === null) return null;
  const { on, lapsesAt } = wanted;
  const latest = servingNotice(state, wanted, lapsesAt);
  if (latest !== null) return { from: later(on, latest.announcedAt), before: null };
  const first = servingNotice(state, wanted, null);
  return first === null || lapsesAt === null ? null : { from: later(on, first.announcedAt), before: lapsesAt };
};

const announcementOfRunning = (state: Trialing | Active): Announcement | null => {
  const on = currentEnd(state);
  const before = state.status === "trialing" ? state.trial.period : state.running.period;
  if (state.renewal?.askedBy === "schedule") {
    // Of the boundary, also when the period it now buys begins later: a right notice stays right however long the charge takes.
    const { amount, graceUntil } = state.renewal;
    return charge(state, { on, amount, before, lapsesAt: graceUntil });
  }
  if (state.ahead !== null || state.endsAtPeriodEnd?.by === "payer") return null;
  if (state.status === "active" && state.plannedPause !== null) return null;
  if (state.endsAtPeriodEnd !== null) return { kind: "ending", on, amount: null, before, lapsesAt: null };
  const amount = state.renewal?.amount ?? nextPrice(state);
  return charge(state, { on, amount, before, lapsesAt: null });
};

/** The only notice while paused: before the resume of a pause that kept nothing. A resume by hand needs none. */
const announcementOfPause = (state: Paused): Announcement | null => {
  const { pause, renewal, terms, endsAtPeriodEnd } = state;
  if (pause.kept !== null || endsAtPeriodEnd !== null || renewal?.askedBy === "payer") return null;
  const amount = renewal?.amount ?? priceOfPeriod(terms, pause.paidPeriods + 1);
  const before = { start: pause.since, end: pause.until };
  return charge(state, { on: pause.until, amount, before, lapsesAt: null });
};

const charge = (
  state: Trialing | Active | Paused,
  wanted: Omit<Announcement, "kind"> & { readonly amount: Money },
): Announcement | null =>
  isPositive(wanted.amount)
    ? { kind: state.status === "trialing" ? "trial_ending" : "renewal_reminder", ...wanted }
    : null;

const nextPrice = (state: Trialing | Active): Money => {
  if (state.status === "trialing") return priceOfPeriod(state.terms, 1);
  const terms: Terms = state.waitingChange?.terms ?? state.terms;
  return priceOfPeriod(terms, state.running.paidPeriods + 1);
};

/** N local days before the charge, or the whole period before it when that is shorter. Source: design part 5, Notice. */
const leadEnd = ({ before }: Announcement, givenAt: Instant, zone: Zone, policy: BillingPolicy): Instant =>
  earlier(plusLocalDays(givenAt, policy.noticeDays, zone), plusMs(givenAt, lengthMs(before)));

type Given = Notice & { readonly announcedAt: Instant };
/** The last notice that announces this charge or a later date, for its sum or more. */
const servingNotice = (
  state: Subscription,
  { kind, on, amount }: Announcement,
  givenFrom: Instant | null,
): Given | null => {
  if (state.status === "absent") return null;
  const serves = (notice: Notice): notice is Given =>
    isOfKind(notice.kind, kind) &&
    notice.announcedAt !== null &&
    notice.announcedAt >= on &&
    (givenFrom === null || notice.givenAt >= givenFrom) &&
    (amount === null || (notice.amount !== null && notice.amount.minor >= amount.minor));
  return state.notices.filter(serves).at(-1) ?? null;
};

/** A trial's reminder and a period's announce the same thing: a charge. */
const isOfKind = (given: NoticeKind, wanted: Announcement["kind"]): boolean =>
  wanted === "ending" ? given === "ending" : given === "renewal_reminder" || given === "trial_ending";
