import { expect } from "bun:test";
import { type PeriodLength, sameLength, type Terms } from "../../../src/core/catalog/terms.ts";
import type { BillingPolicy } from "../../../src/core/policy.ts";
import { Bug } from "../../../src/core/result.ts";
import type {
  Dunning,
  RunningPeriod,
  SubscriptionCommand,
  SubscriptionEvent,
} from "../../../src/core/subscription/subscription.ts";
import { type Instant, instantOf, type Period, type Zone } from "../../../src/core/time.ts";

/**
 * The course of a subscription as a person with a calendar would keep it, from the facts alone: which time is paid, from
 * where its boundaries are counted, until when grace goes on. Nothing of the machine's own reading of them is used.
 */
export type Course = {
  readonly policy: BillingPolicy;
  readonly zone: Zone;
  readonly terms: Terms;
  readonly beginsAt: Instant | null;
  readonly on: "waiting" | "running" | "past_due" | "paused" | "ended";
  readonly span: Span | null;
  readonly ahead: Span | null;
  readonly stopped: "payer" | "no_consent" | null;
  readonly pausePlanned: boolean;
  /** The renewal that we charge is out: until when a payment keeps the dates. */
  readonly dueUntil: Instant | null;
  readonly ladder: Ladder | null;
  readonly pausedAt: Instant | null;
  /** Invoices that are out. */
  readonly open: readonly string[];
};
/** `anchor`: the wall clock from which its boundaries are counted. */
type Span = Period & {
  readonly kind: "free" | "trial" | "paid";
  readonly number: number;
  readonly paidPeriods: number;
  readonly anchor: string;
  readonly graceUntil: Instant;
};
type Ladder = { readonly graceUntil: Instant; readonly closesAt: Instant; readonly next: Dunning["nextTry"] };
type EventOf<Type extends SubscriptionEvent["type"]> = Extract<SubscriptionEvent, { readonly type: Type }>;

const zoned = (at: Instant, zone: Zone) => Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
const localDaysAfter = (at: Instant, days: number, zone: Zone) =>
  instantOf(zoned(at, zone).add({ days }).epochMilliseconds);
const wallOf = (at: Instant, zone: Zone): string => zoned(at, zone).toPlainDateTime().toString();
const secondOf = (at: Instant): Instant => instantOf(at - (((at % 1000) + 1000) % 1000));
const first = (...instants: readonly Instant[]): Instant => instantOf(Math.min(...instants));

/** The first boundary of an anchor after an instant. */
const boundaryAfter = (anchor: string, { unit, count }: PeriodLength, after: Instant, zone: Zone): Instant => {
  const wall = Temporal.PlainDateTime.from(anchor);
  for (let n = 1; n < 5000; n += 1) {
    const at = wall.add({ [`${unit}s`]: n * count }).toZonedDateTime(zone).epochMilliseconds;
    if (at > after) return instantOf(at);
  }
  throw new Bug("no boundary within five thousand periods");
};
/** Grace is local days after the end, and never past the end of the period that would be unpaid. */
const graceAfter = (
  { end, anchor }: Pick<Span, "end" | "anchor">,
  length: PeriodLength,
  course: Pick<Course, "policy" | "zone">,
) => first(localDaysAfter(end, course.policy.graceDays, course.zone), boundaryAfter(anchor, length, end, course.zone));

export const began = (event: SubscriptionEvent, policy: BillingPolicy): Course => {
  if (event.type !== "SubscriptionStarted") throw new Bug("a course begins with its start");
  const { zone, terms, beginsAt, invoiceId } = event;
  return {
    policy,
    zone,
    terms,
    beginsAt,
    on: "waiting",
    span: null,
    ahead: null,
    stopped: null,
    pausePlanned: false,
    dueUntil: null,
    ladder: null,
    pausedAt: null,
    open: invoiceId === null ? [] : [invoiceId],
  };
};

/** Goes on by one fact, and expects that the time it names is the time that the rules give. */
export const went = (course: Course, event: SubscriptionEvent, command: SubscriptionCommand): Course => {
  switch (event.type) {
    case "TrialStarted":
      return trial(course, event);
    case "SubscriptionActivated":
      return activated(course, event);
    case "SubscriptionMovedUp":
      return { ...course, beginsAt: course.on === "waiting" ? null : course.beginsAt };
    case "RenewalStopped":
      return { ...course, stopped: event.by };
    case "RenewalRestored":
      return { ...course, stopped: null };
    case "RenewalInvoiced":
      return invoiced(course, event);
    case "RenewalFellDue":
      return course.on === "paused" ? course : { ...course, dueUntil: graceOfDue(course) };
    case "RenewalWithdrawn":
      return { ...course, open: without(course, event.invoiceId), dueUntil: null };
    case "SubscriptionRenewed":
      return renewed(course, event, command);
    case "PaidPeriodBegan":
      return { ...course, span: course.ahead, ahead: null };
    case "SubscriptionFellPastDue":
      return fellPastDue(course, event);
    case "DunningMoved":
      return { ...course, ladder: course.ladder && { ...course.ladder, ...ladderOf(event.dunning) } };
    case "PausePlanned":
      return { ...course, pausePlanned: true };
    case "PauseDropped":
      return { ...course, pausePlanned: false };
    case "SubscriptionPaused":
      return paused(course, event);
    case "SubscriptionResumed":
      return resumed(course, event);
    case "ChangeInvoiced":
      return { ...course, open: [...course.open, event.invoiceId] };
    case "ChangeAbandoned":
      return { ...course, open: without(course, event.invoiceId) };
    case "PlanChanged":
      return planChanged(course, event);
    case "SubscriptionEnded":
      return ended(course, event, command);
    case "PaymentTurnedBack":
      return { ...course, open: without(course, event.invoiceId) };
    default: // Sums, quotes and notices move no time.
      return course;
  }
};

/** I4: whose tier one may watch at an instant if nothing more happens until then; null: nothing. */
export const tierAt = (course: Course, at: Instant): number | null => {
  const { span, ahead, on, terms } = course;
  if (span === null || on === "ended" || on === "paused" || on === "waiting") return null;
  const covered = [span, ahead].some((one) => one !== null && one.start <= at && at < one.end);
  const last = ahead ?? span;
  return covered || (last.end <= at && at < graceOf(course, last)) ? terms.entitlement.tier : null;
};

/** Instants at which something changes: where a reader of the clock would look twice. */
export const turnsOf = (course: Course): readonly Instant[] => {
  const { span, ahead, ladder, dueUntil } = course;
  const ends = [span, ahead].flatMap((one) => (one === null ? [] : [one.start, one.end, one.graceUntil]));
  return [...ends, ladder?.graceUntil, ladder?.closesAt, dueUntil].filter((one) => one !== undefined && one !== null);
};

const graceOf = (course: Course, last: Span): Instant => {
  if (course.ladder !== null) return first(course.ladder.graceUntil, course.ladder.closesAt);
  if (course.dueUntil !== null) return course.dueUntil;
  return course.stopped !== null || course.pausePlanned ? last.end : last.graceUntil;
};

const without = ({ open }: Course, invoiceId: string): readonly string[] => open.filter((one) => one !== invoiceId);

/** A period's dates are those that an anchor gives; its grace too. */
const spanOf = (course: Course, running: RunningPeriod, anchor: string, start: Instant, last: Span | null): Span => {
  const end = boundaryAfter(anchor, course.terms.length, start, course.zone);
  expect(running.period).toEqual({ start, end });
  expect(running.anchor).toEqual({ wall: anchor, zone: course.zone });
  const number = (last?.number ?? 0) + 1;
  const paidPeriods = (last?.paidPeriods ?? 0) + 1;
  expect([running.number, running.paidPeriods]).toEqual([number, paidPeriods]);
  keepsItsDay(end, anchor, course);
  const graceUntil = graceAfter({ end, anchor }, course.terms.length, course);
  return { kind: "paid", number, paidPeriods, start, end, anchor, graceUntil };
};

/** I11: the anchor's day of the month survives short months. */
const keepsItsDay = (end: Instant, anchor: string, { terms, zone }: Course): void => {
  if (terms.length.unit !== "month" && terms.length.unit !== "year") return;
  const local = zoned(end, zone);
  expect(local.day).toBe(Math.min(Temporal.PlainDateTime.from(anchor).day, local.daysInMonth));
};

const trial = (course: Course, { trial: begun, renews, at }: EventOf<"TrialStarted">): Course => {
  const { terms, zone } = course;
  if (terms.trial.kind === "none") throw new Bug("terms without a trial");
  const start = secondOf(at);
  const end = localDaysAfter(start, terms.trial.days, zone);
  expect(begun.period).toEqual({ start, end });
  const graceUntil = graceAfter({ end, anchor: wallOf(end, zone) }, terms.length, course);
  const kind = begun.kind === "free" ? "free" : "trial";
  const span: Span = { kind, number: 0, paidPeriods: 0, start, end, anchor: wallOf(end, zone), graceUntil };
  return { ...course, on: "running", span, stopped: renews ? null : "no_consent", open: [] };
};

const activated = (course: Course, { running, renews, at }: EventOf<"SubscriptionActivated">): Course => {
  const start = secondOf(instantOf(Math.max(at, course.beginsAt ?? at)));
  const span = spanOf(course, running, wallOf(start, course.zone), start, null);
  return { ...course, on: "running", span, stopped: renews ? null : "no_consent", open: [] };
};

/** Where the period after the running one is anchored: a trial's end and another length begin anew. */
const anchorAfter = ({ span, terms }: Course, soldLength: PeriodLength | null, zone: Zone): string => {
  if (span === null) throw new Bug("nothing comes after nothing");
  const isNew = span.kind !== "paid" || (soldLength !== null && !sameLength(soldLength, terms.length));
  return isNew ? wallOf(span.end, zone) : span.anchor;
};
const graceOfDue = (course: Course): Instant => {
  const { span, terms } = course;
  if (span === null) throw new Bug("a renewal follows a period");
  return graceAfter({ end: span.end, anchor: anchorAfter(course, null, course.zone) }, terms.length, course);
};

const invoiced = (course: Course, { renewal, at }: EventOf<"RenewalInvoiced">): Course => {
  const { span, on } = course;
  expect(renewal.number).toBe((span?.number ?? 0) + 1);
  const open = [...course.open, renewal.invoiceId];
  if (on === "paused") return { ...course, open };
  if (renewal.askedBy === "payer") return { ...course, open };
  expect(at >= (span?.end ?? at)).toBe(true); // At the boundary, and not before.
  return { ...course, open, dueUntil: graceOfDue(course) };
};

/** Within grace, whoever was late, and for a step that was due within it, the period joins; else it begins at the payment. */
const renewed = (course: Course, event: EventOf<"SubscriptionRenewed">, command: SubscriptionCommand): Course => {
  if (command.type !== "RecordRenewalPayment") throw new Bug("a period is renewed by a payment");
  const { span, ladder, on, zone } = course;
  if (span === null) throw new Bug("a renewal follows a period");
  const { at, by } = command;
  expect(event.running.period.end > at).toBe(true); // A period that is over is never charged.
  const limit =
    on === "paused" || course.pausedAt !== null
      ? null
      : ladder !== null
        ? first(ladder.graceUntil, ladder.closesAt)
        : graceOfDue(course);
  const anchor = anchorAfter(course, null, zone);
  const stepDue = by === "schedule" && ladder?.next && ladder.next.at <= at ? ladder.next.dueAt : at;
  const joins =
    limit !== null && first(stepDue, at) < limit && at < boundaryAfter(anchor, course.terms.length, span.end, zone);
  const start = joins ? span.end : secondOf(at);
  const next = spanOf(course, event.running, joins ? anchor : wallOf(start, zone), start, span);
  expect(event.ahead).toBe(on === "running" && at < start);
  const open = course.open.filter((one) => one !== command.invoiceId);
  if (event.ahead) return { ...course, open, ahead: next };
  return {
    ...course,
    open,
    on: "running",
    span: next,
    dueUntil: null,
    ladder: null,
    pausedAt: null,
    pausePlanned: false,
  };
};

const ladderOf = ({ nextTry, closesAt }: Dunning) => ({ next: nextTry, closesAt });
const fellPastDue = (course: Course, { dunning, at }: EventOf<"SubscriptionFellPastDue">): Course => {
  // After a free trial nothing has ever been paid; after a pause nothing is under way.
  const none = course.on === "paused";
  const grace = none ? at : course.span?.kind === "free" ? first(at, graceOfDue(course)) : graceOfDue(course);
  const ladder: Ladder = { graceUntil: grace, ...ladderOf(dunning) };
  return { ...course, on: "past_due", ladder, dueUntil: null };
};

const paused = (course: Course, { pause, at }: EventOf<"SubscriptionPaused">): Course => {
  const { span } = course;
  if (span === null) throw new Bug("a pause follows a period");
  expect(pause.since).toBe(pause.kept === null ? span.end : at);
  return { ...course, on: "paused", pausePlanned: false, pausedAt: pause.since };
};

/** The kept seconds, and not one more or less, run from the resume; the end is the new anchor. */
const resumed = (course: Course, { running, at }: EventOf<"SubscriptionResumed">): Course => {
  const { span, pausedAt, zone, terms } = course;
  if (span === null || pausedAt === null) throw new Bug("a resume follows a pause");
  const keptMs = span.end - Math.max(secondOf(pausedAt), span.start);
  const start = secondOf(at);
  const end = instantOf(start + keptMs);
  expect(running.period).toEqual({ start, end });
  const anchor = wallOf(end, zone);
  const graceUntil = graceAfter({ end, anchor }, terms.length, course);
  return { ...course, on: "running", pausedAt: null, span: { ...span, start, end, anchor, graceUntil } };
};

const planChanged = (course: Course, event: EventOf<"PlanChanged">): Course => {
  const { terms, effect, running, at } = event;
  const changed = { ...course, terms, open: course.open.filter((one) => one !== event.invoiceId) };
  const { span } = course;
  if (span === null) throw new Bug("a change follows a period");
  if (effect === "at_period_end")
    return { ...changed, span: { ...span, anchor: anchorAfter(changed, course.terms.length, course.zone) } };
  if (running === null) return changed;
  if (effect === "now_same_period") {
    expect(running.period).toEqual({ start: span.start, end: span.end });
    return changed;
  }
  const start = secondOf(at);
  return { ...changed, span: spanOf(changed, running, wallOf(start, course.zone), start, span) };
};

/** What is out when it ends is left behind by name, so that it is closed, unless it has just come to its end. */
const ended = (course: Course, { leaves }: EventOf<"SubscriptionEnded">, command: SubscriptionCommand): Course => {
  const closed = command.type === "AbandonStart" ? command.invoiceId : (leaves?.invoiceId ?? null);
  expect(course.open).toEqual(closed === null ? [] : [closed]);
  return { ...course, on: "ended", open: [] };
};
