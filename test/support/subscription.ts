import { expect } from "bun:test";
import type { Actor } from "../../src/core/actor.ts";
import type { Terms } from "../../src/core/catalog/terms.ts";
import type {
  AccountId,
  AttemptId,
  CardId,
  InvoiceId,
  NoticeId,
  PlanCode,
  QuoteId,
  SubscriptionId,
} from "../../src/core/ids.ts";
import type { Decline } from "../../src/core/invoice/invoice.ts";
import { type Money, money } from "../../src/core/money.ts";
import { type BillingPolicy, DEFAULT_POLICY } from "../../src/core/policy.ts";
import { Bug } from "../../src/core/result.ts";
import { decide } from "../../src/core/subscription/decide.ts";
import { evolve, initial } from "../../src/core/subscription/evolve.ts";
import type {
  Notice,
  Subscription,
  SubscriptionCommand,
  SubscriptionEvent,
  SubscriptionRefusal,
} from "../../src/core/subscription/subscription.ts";
import { formatInstant, type Instant, type Period, parseInstant, parseZone, type Zone } from "../../src/core/time.ts";

export const instant = (raw: string): Instant => {
  const parsed = parseInstant(raw);
  if (!parsed.ok) throw new Bug(`a test names an instant that is none: ${raw}`);
  return parsed.value;
};
export const zone = (raw: string): Zone => {
  const parsed = parseZone(raw);
  if (!parsed.ok) throw new Bug(`a test names a zone that is none: ${raw}`);
  return parsed.value;
};
export const rub = (roubles: number): Money => money(BigInt(Math.round(roubles * 100)), "RUB");
export const MOSCOW = zone("Europe/Moscow");

/** Ids that look real and can be told apart: `idOf("inv", 7)`. */
const idOf = (prefix: string, n: number): string => `${prefix}_${String(n).padStart(26, "0")}`;
export const subscriptionId = idOf("sub", 1) as SubscriptionId;
export const accountId = idOf("acc", 1) as AccountId;
export const invoice = (n: number): InvoiceId => idOf("inv", n) as InvoiceId;
export const attempt = (n: number): AttemptId => idOf("att", n) as AttemptId;
export const card = (n: number): CardId => idOf("crd", n) as CardId;
export const quoteId = (n: number): QuoteId => idOf("quo", n) as QuoteId;
export const noticeId = (n: number): NoticeId => idOf("ntc", n) as NoticeId;

/** The plan of most tests: 310 roubles a month, so that a day of January is worth ten. */
export const terms = (over: Partial<Terms> = {}): Terms => ({
  plan: "standard" as PlanCode,
  priceVersion: 1,
  price: rub(310),
  length: { unit: "month", count: 1 },
  trial: { kind: "none" },
  intro: null,
  rank: 2,
  entitlement: { tier: 2, quality: "hd", streams: 2 },
  ...over,
});
export const STANDARD = terms();
export const PREMIUM = terms({
  plan: "premium" as PlanCode,
  price: rub(620),
  rank: 3,
  entitlement: { tier: 3, quality: "uhd", streams: 4 },
});
export const BASIC = terms({
  plan: "basic" as PlanCode,
  price: rub(155),
  rank: 1,
  entitlement: { tier: 1, quality: "sd", streams: 1 },
});
export const STANDARD_YEAR = terms({
  plan: "standard-year" as PlanCode,
  price: rub(3100),
  length: { unit: "year", count: 1 },
});
export const PREMIUM_WEEK = terms({
  plan: "premium-week" as PlanCode,
  price: rub(200),
  length: { unit: "week", count: 1 },
  rank: 3,
});
/** Two weeks for nothing, and for a sum. */
export const FREE = terms({ trial: { kind: "free", days: 14, card: false } });
export const PAID = terms({ trial: { kind: "paid", days: 14, price: rub(14) } });

export const PAYER: Actor = { kind: "payer", accountId };
export const STAFF: Actor = { kind: "staff", name: "staff-7", role: "support" };

export const FIRST = invoice(1);
export const RENEWAL = invoice(2);
export const CHANGE = invoice(3);
export const AHEAD = invoice(4);
export const CARD = card(1);
export const QUOTE = quoteId(1);

/** Local wall clock in Moscow, which has no DST: "2026-01-31T10:00". */
export const msk = (wall: string): Instant => instant(`${wall}${wall.length === 16 ? ":00" : ""}+03:00`);
/** The first payment of most tests, and the first two boundaries after it. */
export const START = msk("2026-01-01T10:00");
export const B1 = msk("2026-02-01T10:00");
export const B2 = msk("2026-03-01T10:00");
/** Half of January's 31 days has gone by: 155 of the 310 roubles are unused. */
export const MID = msk("2026-01-16T22:00");
/** To where most pauses last. */
export const UNTIL = msk("2026-02-15T00:00");
/** Two weeks after the start. */
export const TRIAL_END = msk("2026-01-15T10:00");

type Order<Type extends SubscriptionCommand["type"]> = Extract<SubscriptionCommand, { readonly type: Type }>;
type Of<Type extends SubscriptionCommand["type"]> = Omit<Order<Type>, "type" | "at">;

/** Commands with the fields that a test is not about filled in. */
export const start = (
  at: Instant = START,
  over: Partial<Of<"StartSubscription">> = {},
): Order<"StartSubscription"> => ({
  type: "StartSubscription",
  subscriptionId,
  accountId,
  zone: MOSCOW,
  terms: STANDARD,
  beginsAt: null,
  first: { kind: "invoice", invoiceId: FIRST },
  at,
  ...over,
});
export const firstPaid = (
  at: Instant = START,
  over: Partial<Of<"RecordFirstPayment">> = {},
): Order<"RecordFirstPayment"> => ({
  type: "RecordFirstPayment",
  invoiceId: FIRST,
  value: STANDARD.price,
  consent: true,
  at,
  ...over,
});
/** A first period that was paid for at its start, and renews. */
export const RUNNING = [start(), firstPaid()] as const;
export const stop = (at: Instant, by: "payer" | "no_consent" = "payer"): Order<"StopRenewing"> => ({
  type: "StopRenewing",
  by,
  at,
});
export const undo = (at: Instant, mayCharge = true): Order<"UndoStop"> => ({ type: "UndoStop", mayCharge, at });
export const cancel = (at: Instant, over: Partial<Of<"CancelWithRefund">> = {}): Order<"CancelWithRefund"> => ({
  type: "CancelWithRefund",
  actor: PAYER,
  refund: { by: "policy" },
  at,
  ...over,
});
export const passBoundary = (at: Instant = B1, over: Partial<Of<"PassBoundary">> = {}): Order<"PassBoundary"> => ({
  type: "PassBoundary",
  invoiceId: RENEWAL,
  mayCharge: true,
  at,
  ...over,
});
export const renewalPaid = (
  at: Instant = B1,
  over: Partial<Of<"RecordRenewalPayment">> = {},
): Order<"RecordRenewalPayment"> => ({
  type: "RecordRenewalPayment",
  invoiceId: RENEWAL,
  value: STANDARD.price,
  by: "schedule",
  at,
  ...over,
});
export const SOFT: Decline = { kind: "soft", reason: "insufficient_funds" };
export const HARD: Decline = { kind: "hard", reason: "card_lost_or_stolen" };
export const ASK_PAYER: Decline = { kind: "ask_payer", reason: "authentication_required" };
export const OUTAGE: Decline = { kind: "our_outage", reason: "gateway_unavailable" };
let attempts = 0;
/** Each call is another attempt, made at the instant of its answer unless the test says otherwise. */
export const declined = (
  at: Instant = B1,
  decline: Decline = SOFT,
  over: Partial<Of<"RecordRenewalDecline">> = {},
): Order<"RecordRenewalDecline"> => {
  attempts += 1;
  return {
    type: "RecordRenewalDecline",
    invoiceId: RENEWAL,
    attemptId: attempt(attempts),
    cardId: CARD,
    triedAt: at,
    decline,
    initiator: "schedule",
    at,
    ...over,
  };
};
export const unknown24h = (at: Instant, invoiceId = RENEWAL): Order<"RecordRenewalUnknown"> => ({
  type: "RecordRenewalUnknown",
  invoiceId,
  at,
});
export const neverHappened = (at: Instant, invoiceId = RENEWAL): Order<"RecordRenewalNeverHappened"> => ({
  type: "RecordRenewalNeverHappened",
  invoiceId,
  at,
});
export const newCard = (at: Instant, cardId: CardId = card(2)): Order<"TakeNewCard"> => ({
  type: "TakeNewCard",
  cardId,
  at,
});
export const closeDunning = (at: Instant): Order<"CloseDunning"> => ({ type: "CloseDunning", at });
export const quote = (at: Instant, to: Terms = PREMIUM, id: QuoteId = QUOTE): Order<"QuoteChange"> => ({
  type: "QuoteChange",
  quoteId: id,
  terms: to,
  at,
});
export const change = (at: Instant, id: QuoteId = QUOTE, invoiceId: InvoiceId = CHANGE): Order<"ChangePlan"> => ({
  type: "ChangePlan",
  quoteId: id,
  invoiceId,
  at,
});
export const changePaid = (at: Instant, invoiceId: InvoiceId = CHANGE): Order<"RecordChangePayment"> => ({
  type: "RecordChangePayment",
  invoiceId,
  at,
});
export const invoiceAhead = (at: Instant, invoiceId: InvoiceId = AHEAD): Order<"InvoiceAhead"> => ({
  type: "InvoiceAhead",
  invoiceId,
  at,
});
export const aheadPaid = (at: Instant, over: Partial<Of<"RecordRenewalPayment">> = {}): Order<"RecordRenewalPayment"> =>
  renewalPaid(at, { invoiceId: AHEAD, by: "payer", ...over });
export const pause = (at: Instant, when: "now" | "at_period_end", until: Instant): Order<"PauseSubscription"> => ({
  type: "PauseSubscription",
  when,
  until,
  at,
});
export const resume = (at: Instant, over: Partial<Of<"ResumeSubscription">> = {}): Order<"ResumeSubscription"> => ({
  type: "ResumeSubscription",
  by: "payer",
  invoiceId: RENEWAL,
  mayCharge: true,
  at,
  ...over,
});
export const notice = (at: Instant, over: Partial<Notice> = {}): Order<"GiveNotice"> => ({
  type: "GiveNotice",
  notice: {
    noticeId: noticeId(1),
    kind: "renewal_reminder",
    givenAt: at,
    announcedAt: B1,
    amount: STANDARD.price,
    ...over,
  },
  at,
});

export const run = (state: Subscription, command: SubscriptionCommand, policy: BillingPolicy = DEFAULT_POLICY) => {
  const decision = decide(command, state, policy);
  return { decision, state: decision.ok ? decision.value.reduce(evolve, state) : state };
};

/** The state after commands that must all be accepted: a history in orders instead of facts. */
export const after = (...commands: readonly SubscriptionCommand[]): Subscription => afterFrom(initial, ...commands);
export const afterFrom = (from: Subscription, ...commands: readonly SubscriptionCommand[]): Subscription =>
  commands.reduce<Subscription>((state, command) => {
    const { decision, state: next } = run(state, command);
    if (!decision.ok) throw new Bug(`${command.type} was refused on the way: ${decision.error.code}`);
    return next;
  }, from);

export const inState = (state: Subscription) => ({
  when: (command: SubscriptionCommand, policy: BillingPolicy = DEFAULT_POLICY) => {
    const { decision, state: next } = run(state, command, policy);
    const types = decision.ok ? decision.value.map(({ type }) => type) : [];
    return {
      /** The very events, field by field. */
      yields: (...events: readonly SubscriptionEvent[]) => expect(decision).toEqual({ ok: true, value: events }),
      /** The events by their names, in order. */
      happens: (...expected: readonly SubscriptionEvent["type"][]) => {
        expect(decision.ok ? "accepted" : decision.error.code).toBe("accepted");
        expect(types).toEqual([...expected]);
      },
      changesNothing: () => expect(decision).toEqual({ ok: true, value: [] }),
      refuses: (error: SubscriptionRefusal) => expect(decision).toEqual({ ok: false, error }),
      /** The first event of that name, to look into. */
      event: <Type extends SubscriptionEvent["type"]>(type: Type): Extract<SubscriptionEvent, { type: Type }> => {
        const found = decision.ok ? decision.value.find((one) => one.type === type) : undefined;
        if (found === undefined) throw new Bug(`no ${type} in ${decision.ok ? types.join(", ") : decision.error.code}`);
        return found as Extract<SubscriptionEvent, { type: Type }>;
      },
      state: next,
    };
  },
});
/** A history of commands that were all accepted. */
export const givenAfter = (...commands: readonly SubscriptionCommand[]) => inState(after(...commands));

type In<S extends Subscription["status"]> = Extract<Subscription, { readonly status: S }>;
/** The state as what the test says it is, or the test fails. */
export const as = <S extends Subscription["status"]>(state: Subscription, status: S): In<S> => {
  expect(state.status).toBe(status);
  return state as In<S>;
};
/** A period as a person reads it. */
export const dates = ({ start: from, end }: Period): string =>
  `${formatInstant(from).slice(0, 19)}Z..${formatInstant(end).slice(0, 19)}Z`;
