import fc from "fast-check";
import type { PeriodLength, Terms } from "../../../src/core/catalog/terms.ts";
import type { InvoiceId, PlanCode } from "../../../src/core/ids.ts";
import type { Decline, Initiator } from "../../../src/core/invoice/invoice.ts";
import { money, smaller } from "../../../src/core/money.ts";
import { type BillingPolicy, DEFAULT_POLICY } from "../../../src/core/policy.ts";
import { Bug } from "../../../src/core/result.ts";
import { decide } from "../../../src/core/subscription/decide.ts";
import { chargeDue, dueOf } from "../../../src/core/subscription/due.ts";
import { evolve, initial } from "../../../src/core/subscription/evolve.ts";
import { noticeToGive } from "../../../src/core/subscription/notices.ts";
import type {
  StartSubscription,
  Subscription,
  SubscriptionCommand,
  SubscriptionEvent,
} from "../../../src/core/subscription/subscription.ts";
import { DAY_MS, HOUR_MS, type Instant, instantOf, plusLocalDays, plusMs } from "../../../src/core/time.ts";
import {
  ASK_PAYER,
  accountId,
  attempt,
  card,
  HARD,
  instant,
  invoice,
  noticeId,
  OUTAGE,
  PAYER,
  quoteId,
  rub,
  SOFT,
  STAFF,
  subscriptionId,
  terms,
  zone,
} from "../../support/subscription.ts";
import { weighted } from "../chance.ts";
import { livedIn, type Machine, type Step as MachineStep } from "../machines.ts";

export const machineOf = (policy: BillingPolicy): Machine<SubscriptionCommand, Subscription, SubscriptionEvent> => ({
  initial,
  decide: (command, state) => decide(command, state, policy),
  evolve,
});
export type Step = MachineStep<SubscriptionCommand, Subscription, SubscriptionEvent>;
export type Story = { readonly policy: BillingPolicy; readonly commands: readonly SubscriptionCommand[] };

const lengths = weighted<PeriodLength>(
  [6, { unit: "month", count: 1 }],
  [2, { unit: "week", count: 1 }],
  [2, { unit: "day", count: 1 }],
  [1, { unit: "day", count: 2 }],
  [1, { unit: "month", count: 3 }],
  [2, { unit: "year", count: 1 }],
);
const plans: fc.Arbitrary<Terms> = fc
  .record({
    price: fc.constantFrom(rub(310), rub(310), rub(99.99), rub(620), rub(0.01), rub(0)),
    length: lengths,
    rank: fc.integer({ min: 1, max: 3 }),
    intro: weighted<Terms["intro"]>([4, null], [1, { price: rub(0), periods: 1 }], [1, { price: rub(50), periods: 2 }]),
    trial: weighted<Terms["trial"]>(
      [4, { kind: "none" }],
      [1, { kind: "free", days: 14, card: false }],
      [1, { kind: "free", days: 2, card: true }],
      [2, { kind: "paid", days: 7, price: rub(14) }],
    ),
  })
  .map((over) =>
    terms({
      ...over,
      plan: `${over.rank}-${over.length.count}-${over.length.unit}-${over.price.minor}` as PlanCode,
      entitlement: { tier: over.rank, quality: "hd", streams: 2 },
    }),
  );

/** Where clocks change by an hour, by half of one, at midnight, never, and at both ends of the day. */
const zones = fc.constantFrom(
  ...["Europe/Moscow", "Europe/Moscow", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"].map(
    zone,
  ),
  ...["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"].map(zone),
);
const beginnings: fc.Arbitrary<Instant> = fc.oneof(
  fc.constantFrom(
    ...[
      "2026-01-31T07:00:00Z",
      "2028-02-29T10:00:00Z",
      "2026-03-29T00:30:00Z",
      "2026-10-25T00:30:30Z",
      "2026-12-31T21:59:59Z",
    ].map(instant),
  ),
  fc.integer({ min: 0, max: 6 * 366 * 86_400_000 }).map((ms) => plusMs(instant("2026-01-01T00:00:00Z"), ms)),
);
const policies = weighted<BillingPolicy>(
  [6, DEFAULT_POLICY],
  [1, { ...DEFAULT_POLICY, graceDays: 3, dunningDays: [1, 2, 3], noticeDays: 1 }],
  [1, { ...DEFAULT_POLICY, graceDays: 0, dunningDays: [] }],
  [1, { ...DEFAULT_POLICY, graceDays: 20, dunningDays: [2, 9, 16], refundWindowDays: 0, pauseMaxDays: 30 }],
);

type First = Pick<StartSubscription, "zone" | "terms" | "beginsAt" | "first" | "at">;
const firsts: fc.Arbitrary<First> = fc
  .record({ zone: zones, terms: plans, at: beginnings, renews: fc.boolean(), queued: weighted([5, false], [1, true]) })
  .map(({ renews, queued, ...start }) => {
    const invoiced = { kind: "invoice", invoiceId: invoice(1) } as const;
    if (queued) {
      const paid = { ...start.terms, trial: { kind: "none" } } as const;
      return { ...start, terms: paid, beginsAt: plusMs(start.at, 10 * DAY_MS), first: invoiced };
    }
    const first = start.terms.trial.kind === "free" ? ({ kind: "free_trial", renews } as const) : invoiced;
    return { ...start, beginsAt: null, first };
  });

/** How the world answers the work that has fallen due. */
const WORK_DICE = {
  mayCharge: weighted([40, true], [1, false]),
  decline: weighted<Decline>([5, SOFT], [1, HARD], [1, ASK_PAYER], [2, OUTAGE]),
  answer: weighted<"paid" | "declined" | "unknown" | "never_happened">(
    [10, "paid"],
    [7, "declined"],
    [1, "unknown"],
    [1, "never_happened"],
  ),
  cardId: fc.constantFrom(card(1), card(1), card(2), null),
};
export const workDice = fc.record(WORK_DICE);
export type WorkDice = typeof workDice extends fc.Arbitrary<infer T> ? T : never;

/** What chance decides about one command. Most of the time the work that has fallen due is done. */
const DICE = fc.record({
  doesWork: weighted([11, true], [9, false]),
  jump: weighted<"none" | "little" | "hours" | "days" | "to_due" | "before_due" | "late" | "very_late">(
    [15, "none"],
    [9, "little"],
    [6, "hours"],
    [6, "days"],
    [33, "to_due"],
    [3, "before_due"],
    [6, "late"],
    [1, "very_late"],
  ),
  ms: fc.integer({ min: 1, max: 90_000 }),
  n: fc.integer({ min: 1, max: 9 }),
  nth: weighted([8, 0], [2, 1], [1, 7]),
  ...WORK_DICE,
  consent: weighted([6, true], [1, false]),
  by: weighted<Initiator | "look_up">([4, "payer"], [1, "schedule"], [1, "look_up"]),
  plan: plans,
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  when: fc.constantFrom("now" as const, "at_period_end" as const),
  stopper: fc.constantFrom("payer" as const, "no_consent" as const, "no_consent" as const),
  byStaff: weighted([3, false], [1, true]),
});
type Dice = typeof DICE extends fc.Arbitrary<infer T> ? T : never;

/** What the teller knows besides the state: the time, what has been issued so far, and the money that is still in it. */
type Teller = {
  readonly state: Subscription;
  readonly at: Instant;
  readonly policy: BillingPolicy;
  /** A number of its own for each command, for what it makes. */
  readonly next: number;
  readonly first: First;
  readonly invoices: readonly Issued[];
  readonly moneyIn: ReadonlyMap<InvoiceId, bigint>;
};

const newest = <T>(all: readonly T[], nth: number): T | null => all.at(-1 - nth) ?? null;
type Issued = { readonly invoiceId: InvoiceId; readonly purpose: "first" | "renewal" | "change" };
/** The newest invoice of that purpose, or one of the older ones. */
const someInvoice = (purpose: Issued["purpose"], { nth }: Dice, { invoices }: Teller): InvoiceId =>
  newest(
    invoices.filter((one) => one.purpose === purpose),
    nth,
  )?.invoiceId ?? invoice(999_999);
const renewalValue = ({ state }: Teller) =>
  "renewal" in state && state.renewal !== null ? state.renewal.amount : rub(310);
const firstValue = ({ first: { terms: sold } }: Teller) =>
  sold.trial.kind === "paid" ? sold.trial.price : (sold.intro?.price ?? sold.price);

type Order<Command> = {
  readonly weight: number;
  readonly ask: (dice: Dice, teller: Teller) => Omit<Command, "type" | "at">;
};
type Orders = {
  readonly [Type in SubscriptionCommand["type"]]: Order<Extract<SubscriptionCommand, { readonly type: Type }>>;
};
/** A row for each command: one that is forgotten here does not compile, and one that never takes effect fails below. */
export const ORDERS: Orders = {
  StartSubscription: { weight: 1, ask: (_, { first }) => ({ ...first, subscriptionId, accountId }) },
  RecordFirstPayment: {
    weight: 4,
    ask: (dice, teller) => ({
      invoiceId: someInvoice("first", { ...dice, nth: 0 }, teller),
      value: firstValue(teller),
      consent: dice.consent,
    }),
  },
  MoveUp: { weight: 4, ask: () => ({}) },
  AbandonStart: { weight: 1, ask: () => ({ invoiceId: invoice(1), reason: "never_paid" }) },
  StopRenewing: { weight: 4, ask: ({ stopper }) => ({ by: stopper }) },
  UndoStop: { weight: 18, ask: ({ mayCharge }) => ({ mayCharge }) },
  CancelWithRefund: {
    weight: 1,
    ask: ({ byStaff, share }, { state }) => {
      const paid = state.status === "active" ? state.running.paid.minor : 0n;
      const amount = money(BigInt(Math.floor(Number(paid) * share)), "RUB");
      return byStaff
        ? { actor: STAFF, refund: { by: "staff", amount, reason: "an outage" } }
        : { actor: PAYER, refund: { by: "policy" } };
    },
  },
  PassBoundary: { weight: 6, ask: ({ mayCharge }, { next }) => ({ invoiceId: invoice(next), mayCharge }) },
  InvoiceAhead: { weight: 8, ask: (_, { next }) => ({ invoiceId: invoice(next) }) },
  AbandonRenewal: { weight: 4, ask: (dice, teller) => ({ invoiceId: someInvoice("renewal", dice, teller) }) },
  RecordRenewalPayment: {
    weight: 10,
    ask: (dice, teller) => ({
      invoiceId: someInvoice("renewal", dice, teller),
      value: renewalValue(teller),
      by: dice.by,
    }),
  },
  RecordRenewalDecline: {
    weight: 8,
    ask: (dice, teller) => ({
      invoiceId: someInvoice("renewal", dice, teller),
      attemptId: attempt(teller.next - (dice.nth === 1 ? 1 : 0)),
      cardId: dice.cardId,
      triedAt: plusMs(teller.at, -dice.ms),
      decline: dice.decline,
      initiator: dice.by === "schedule" ? "schedule" : "payer",
    }),
  },
  RecordRenewalUnknown: { weight: 2, ask: (dice, teller) => ({ invoiceId: someInvoice("renewal", dice, teller) }) },
  RecordRenewalNeverHappened: {
    weight: 4,
    ask: (dice, teller) => ({ invoiceId: someInvoice("renewal", dice, teller) }),
  },
  TakeNewCard: { weight: 8, ask: ({ n }) => ({ cardId: card(n) }) },
  CloseDunning: { weight: 2, ask: () => ({}) },
  QuoteChange: { weight: 18, ask: ({ plan }, { next }) => ({ quoteId: quoteId(next), terms: plan }) },
  ChangePlan: {
    weight: 18,
    ask: ({ nth }, { state, next }) => ({
      quoteId: (nth === 0 && "quote" in state ? state.quote?.quoteId : null) ?? quoteId(999_999),
      invoiceId: invoice(next),
    }),
  },
  RecordChangePayment: { weight: 14, ask: (dice, teller) => ({ invoiceId: someInvoice("change", dice, teller) }) },
  AbandonChange: { weight: 2, ask: (dice, teller) => ({ invoiceId: someInvoice("change", dice, teller) }) },
  DropWaitingChange: { weight: 2, ask: () => ({}) },
  PauseSubscription: {
    weight: 10,
    ask: ({ when, n, share }, { at, state }) => {
      const from = when === "now" || state.status !== "active" ? at : state.running.period.end;
      return { when, until: plusMs(from, Math.floor((n * n * share + 0.01) * DAY_MS)) };
    },
  },
  ResumeSubscription: {
    weight: 8,
    ask: ({ mayCharge }, { next }) => ({ by: "payer", invoiceId: invoice(next), mayCharge }),
  },
  RecordPeriodRefund: {
    weight: 2,
    ask: (dice, teller) => {
      const { nth, share } = dice;
      const invoiceId = newest(teller.invoices, nth)?.invoiceId ?? invoice(1);
      const left = teller.moneyIn.get(invoiceId) ?? 0n;
      const amount = money(BigInt(Math.ceil(Number(left) * share)), "RUB");
      return { invoiceId, amount: smaller(amount, money(left, "RUB")) };
    },
  },
  GiveNotice: {
    weight: 4,
    ask: ({ nth }, teller) => {
      const { state, at, next, policy } = teller;
      const given = state.status === "absent" ? null : newest(state.notices, 0);
      if (nth > 0 && given !== null) return { notice: given };
      const wanted = noticeToGive(state, policy, at);
      const receipt = { kind: "receipt", givenAt: at, announcedAt: null, amount: rub(310) } as const;
      return { notice: { noticeId: noticeId(next), ...(wanted ?? receipt) } };
    },
  },
};
const TYPES = Object.keys(ORDERS) as SubscriptionCommand["type"][];
const types = weighted(...TYPES.map((type) => [ORDERS[type].weight, type] as const));

const make = (type: SubscriptionCommand["type"], dice: Dice, teller: Teller): SubscriptionCommand =>
  ({ ...ORDERS[type].ask(dice, teller), type, at: teller.at }) as SubscriptionCommand;

/** What the sweeps would do now: notices, ends, charges, deadlines. Null: nothing is due. */
export const workOn = (
  dice: WorkDice,
  teller: Pick<Teller, "state" | "at" | "policy" | "next">,
): SubscriptionCommand | null => {
  const { state, at, policy, next } = teller;
  for (const due of dueOf(state, policy)) {
    if (due.at > at) continue;
    switch (due.kind) {
      case "give_notice": {
        const wanted = noticeToGive(state, policy, at);
        if (wanted === null) throw new Bug("a notice is due that is not to be given");
        return { type: "GiveNotice", notice: { noticeId: noticeId(next), ...wanted }, at };
      }
      case "pass_boundary":
        return { type: "PassBoundary", invoiceId: invoice(next), mayCharge: dice.mayCharge, at };
      case "resume":
        return { type: "ResumeSubscription", by: "schedule", invoiceId: invoice(next), mayCharge: dice.mayCharge, at };
      case "charge_renewal": {
        const answered = answerOf(dice, teller);
        if (answered !== null) return answered;
        break; // Its time has gone by: what comes after it in the order is due.
      }
      case "close_dunning":
        return { type: "CloseDunning", at };
    }
  }
  return null;
};
/** The automatic try that may be made now, and how the gateway answers it. */
const answerOf = (
  { answer, decline, cardId }: WorkDice,
  { state, at, next }: Pick<Teller, "state" | "at" | "next">,
): SubscriptionCommand | null => {
  const due = chargeDue(state);
  if (due === null || at < due.from || at >= due.before) return null;
  const { invoiceId } = due;
  const value = "renewal" in state && state.renewal !== null ? state.renewal.amount : rub(0);
  switch (answer) {
    case "paid":
      return { type: "RecordRenewalPayment", invoiceId, value, by: "schedule", at };
    case "declined": {
      const tried = { invoiceId, attemptId: attempt(next), cardId, triedAt: at, initiator: "schedule" } as const;
      return { type: "RecordRenewalDecline", ...tried, decline, at };
    }
    case "unknown":
      return { type: "RecordRenewalUnknown", invoiceId, at: plusMs(at, DAY_MS) };
    case "never_happened":
      return { type: "RecordRenewalNeverHappened", invoiceId, at };
  }
};

/** A quote lives for 15 minutes and its invoice for an hour: what is done about them is done soon, or never. */
const hasQuote = (state: Subscription): boolean =>
  (state.status === "active" && state.change !== null) || ("quote" in state && state.quote !== null);

const movedTo = (dice: Dice, teller: Teller): Instant => {
  const { jump, ms, n } = dice;
  const { state, at, policy, first } = teller;
  if (hasQuote(state) && n > 2) return plusMs(at, ms);
  if (n > 2 && workOn(dice, teller) !== null) return at; // A sweep leaves nothing undone, but when it dies.
  const ahead = dueOf(state, policy)
    .map((due) => due.at)
    .filter((due) => due > at)
    .sort((a, b) => a - b);
  const next = ahead[0] ?? at;
  switch (jump) {
    case "none":
      return at;
    case "little":
      return plusMs(at, ms);
    case "hours":
      return plusMs(at, n * HOUR_MS + ms);
    case "days":
      return plusLocalDays(at, n, first.zone);
    case "to_due":
      return next;
    case "before_due":
      return next > at ? plusMs(next, -1) : at;
    case "late":
      return plusMs(next, n * n * 5 * HOUR_MS + ms);
    case "very_late":
      return plusMs(next, n * 20 * DAY_MS + ms);
  }
};

/** What was paid in for an invoice, at the command that recorded it. */
export const paidBy = (command: SubscriptionCommand, before: Subscription): readonly [InvoiceId, bigint] | null => {
  switch (command.type) {
    case "RecordFirstPayment":
    case "RecordRenewalPayment":
      return [command.invoiceId, command.value.minor];
    case "RecordChangePayment": {
      const change = before.status === "active" ? before.change : null;
      return [command.invoiceId, change?.quote.due.minor ?? 0n];
    }
    default:
      return null;
  }
};
const issuedBy = (event: SubscriptionEvent): readonly Issued[] => {
  if (event.type === "RenewalInvoiced") return [{ invoiceId: event.renewal.invoiceId, purpose: "renewal" }];
  if (event.type === "ChangeInvoiced") return [{ invoiceId: event.invoiceId, purpose: "change" }];
  return event.type === "SubscriptionStarted" && event.invoiceId !== null
    ? [{ invoiceId: event.invoiceId, purpose: "first" }]
    : [];
};

/** What was begun goes on soon in most stories: one that waits for it has little to tell. */
const typeFor = (
  type: SubscriptionCommand["type"],
  { nth, n }: Dice,
  { state }: Teller,
): SubscriptionCommand["type"] => {
  if (nth > 0) return type;
  if (state.status === "incomplete" && n > 1) return n > 2 ? "RecordFirstPayment" : "AbandonStart";
  if (state.status === "past_due") return n > 8 ? "RecordRenewalNeverHappened" : type;
  if (state.status === "active" && state.change !== null && n > 3)
    return n > 4 ? "RecordChangePayment" : "AbandonChange";
  if ("quote" in state && state.quote !== null && n > 3) return "ChangePlan";
  if ("ahead" in state && state.renewal?.askedBy === "payer" && n > 3)
    return n > 4 ? "RecordRenewalPayment" : "AbandonRenewal";
  if (state.status === "active" && state.plannedPause !== null && n > 7) return "ResumeSubscription";
  return state.status === "active" && state.waitingChange !== null && n > 6 ? "DropWaitingChange" : type;
};
/** So much happens after an end, and not more. */
const AFTERMATH = 8;

export const stories = (maxCommands: number): fc.Arbitrary<Story> =>
  fc
    .record({
      policy: policies,
      first: firsts,
      throws: fc.array(fc.tuple(types, DICE), { maxLength: maxCommands, size: "max" }),
    })
    .map(({ policy, first, throws }) => {
      const start: SubscriptionCommand = { type: "StartSubscription", subscriptionId, accountId, ...first };
      const commands: SubscriptionCommand[] = [start];
      const moneyIn = new Map<InvoiceId, bigint>();
      const invoices: Issued[] = [];
      let [state, at, next, over] = [initial as Subscription, first.at, 10, 0];
      const tell = (command: SubscriptionCommand) => {
        const decision = decide(command, state, policy);
        if (!decision.ok) return;
        const paid = decision.value.length === 0 ? null : paidBy(command, state);
        if (paid !== null) moneyIn.set(...paid);
        if (command.type === "RecordPeriodRefund" && decision.value.length > 0) {
          moneyIn.set(command.invoiceId, (moneyIn.get(command.invoiceId) ?? 0n) - command.amount.minor);
        }
        state = decision.value.reduce(evolve, state);
        invoices.push(...decision.value.flatMap(issuedBy));
      };
      tell(start);
      for (const [type, dice] of throws) {
        next += 1;
        if (state.status === "ended") over += 1;
        if (over > AFTERMATH) break;
        const seen = { state, policy, next, first, invoices, moneyIn };
        at = movedTo(dice, { ...seen, at });
        const teller: Teller = { ...seen, at };
        const command =
          (dice.doesWork ? workOn(dice, teller) : null) ?? make(typeFor(type, dice, teller), dice, teller);
        at = instantOf(Math.max(at, command.at));
        commands.push(command);
        tell(command);
      }
      return { policy, commands };
    });

export const lived = ({ commands, policy }: Story): readonly Step[] => livedIn(machineOf(policy), commands);
