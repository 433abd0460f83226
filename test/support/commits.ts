import type { DomainEvent } from "../../src/core/billing/domain.ts";
import type { Row, RowOf, TableName } from "../../src/core/billing/read-model.ts";
import { customerStream, type StreamName } from "../../src/core/billing/stream.ts";
import {
  type AccountId,
  type AttemptId,
  type CardId,
  type CommandId,
  encodeDerivedId,
  type IdKind,
  type InvoiceId,
  type PlanCode,
  type RefundId,
  type SubscriptionId,
  type TransactionId,
} from "../../src/core/ids.ts";
import { money } from "../../src/core/money.ts";
import type { IntakeEntry } from "../../src/core/ports/intake.ts";
import type { Append, Commit, Outcome } from "../../src/core/ports/storage.ts";
import { DAY_MS, HOUR_MS, type Instant, plusMs } from "../../src/core/time.ts";
import { GATEWAY, START, sha256 } from "./cinema.ts";

// Commits built by hand, for what storage must do whatever billing decides. Each test takes new ids, so that all tests of
// a file share one database.

let made = 0;
const fresh = (kind: IdKind): string => encodeDerivedId(kind, sha256(`made by hand ${kind} ${made++}`), START);
export const newAccount = (): AccountId => fresh("account") as AccountId;
export const newAttempt = (): AttemptId => fresh("attempt") as AttemptId;
export const newCard = (): CardId => fresh("card") as CardId;
export const newCommand = (): CommandId => fresh("command") as CommandId;
export const newInvoice = (): InvoiceId => fresh("invoice") as InvoiceId;
export const newRefund = (): RefundId => fresh("refund") as RefundId;
export const newSubscription = (): SubscriptionId => fresh("subscription") as SubscriptionId;
export const newTransaction = (): TransactionId => `t${made++}` as TransactionId;
export const newPlan = (): PlanCode => `plan-${made++}` as PlanCode;
export const newStream = (): StreamName => customerStream(newAccount());

export const day = (n: number): Instant => plusMs(START, n * DAY_MS);
export const hour = (n: number): Instant => plusMs(START, n * HOUR_MS);

const HOLDER = newAccount();
/** A fact that can be told from others by its number. */
export const fact = (n = 1): DomainEvent => ({
  type: "CreditAdded",
  accountId: HOLDER,
  amount: money(BigInt(n), "RUB"),
  source: { from: "staff", actor: { kind: "system" }, reason: "a gift" },
  at: START,
});
export const facts = (...numbers: readonly number[]): readonly DomainEvent[] => numbers.map(fact);

export const appending = (
  stream: StreamName,
  expected: number,
  {
    events = [fact()],
    written = [],
    removed = [],
    links = [],
  }: Partial<Pick<Append, "events" | "links">> & Partial<Append["changes"]> = {},
): Append => ({ stream, expected, events, changes: { written, removed }, links });

export const accepted = (value: Readonly<Record<string, string>> = {}): Outcome => ({ ok: true, value });

/** A command that waits in the intake, of nobody and about nothing. */
export const waitingCommand = (over: Partial<IntakeEntry> = {}): IntakeEntry => ({
  id: newCommand(),
  kind: "command",
  fingerprint: "asked",
  body: "{}",
  accountId: null,
  attemptId: null,
  gatewayAccount: null,
  transactionId: null,
  requestId: null,
  sender: null,
  receivedAt: hour(0),
  ...over,
});

export const commitOf = ({
  id = newCommand(),
  fingerprint = "asked",
  appends = [],
  expects = [],
  outcome = accepted(),
  recordedAt = START,
}: Partial<Omit<Commit, "command">> & { readonly id?: CommandId; readonly fingerprint?: string } = {}): Commit => ({
  command: { id, fingerprint },
  appends,
  expects,
  outcome,
  recordedAt,
});

/** Rows that a new stream brings with it. */
export const bringing = (...written: readonly Row[]): Commit =>
  commitOf({ appends: [appending(newStream(), 0, { written })] });

/** A row of a table that no constraint objects to, with new ids and what the test is about. */
export const row = <Name extends TableName>(table: Name, over: Partial<RowOf<Name>> = {}): RowIn<Name> => ({
  table,
  row: { ...SOUND[table](), ...over },
});
export type RowIn<Name extends TableName> = { readonly table: Name; readonly row: RowOf<Name> };

const SOUND: { readonly [Name in TableName]: () => RowOf<Name> } = {
  plans: () => ({
    code: newPlan(),
    status: "on_sale",
    rank: 1,
    tier: 1,
    quality: "hd",
    streams: 1,
    titleRu: "Кино",
    titleEn: "Films",
    textRu: "Всё кино",
    textEn: "All films",
    priceVersion: 1,
  }),
  prices: () => ({
    plan: newPlan(),
    version: 1,
    currency: "RUB",
    priceMinor: 29_900n,
    lengthUnit: "month",
    lengthCount: 1,
    trialKind: "none",
    trialDays: null,
    trialCard: null,
    trialMinor: null,
    introMinor: null,
    introPeriods: null,
    vat: "20",
    receiptObject: 4,
    receiptMethod: 4,
  }),
  customers: () => ({
    accountId: newAccount(),
    status: "known",
    currentSubscription: null,
    queuedSubscription: null,
    trialUsed: false,
    consentText: null,
    consentGivenAt: null,
    consentWithdrawnAt: null,
    disputes: 0,
  }),
  credits: () => ({ accountId: newAccount(), currency: "RUB", balanceMinor: 100n, reservedMinor: 0n }),
  cards: () => ({
    cardId: newCard(),
    accountId: newAccount(),
    gatewayAccount: GATEWAY,
    status: "active",
    preferred: true,
    savedAt: START,
  }),
  setups: () => ({
    setupId: fresh("setup"),
    accountId: newAccount(),
    gatewayAccount: GATEWAY,
    cardId: newCard(),
    status: "offered",
    currency: "RUB",
    amountMinor: 100n,
    offeredAt: START,
    endsAt: hour(1),
    transactionId: null,
  }),
  subscriptions: () => ({
    subscriptionId: newSubscription(),
    accountId: newAccount(),
    status: "active",
    place: "current",
    plan: "premium",
    priceVersion: 1,
    currency: "RUB",
    priceMinor: 29_900n,
    zone: "Europe/Moscow",
    startedAt: START,
    periodNumber: 1,
    periodStart: START,
    periodEnd: day(28),
    renews: true,
    waitingPlan: null,
    pausedUntil: null,
    openInvoice: null,
    nextTryAt: null,
    endedAt: null,
    endReason: null,
  }),
  periods: () => ({
    subscriptionId: newSubscription(),
    number: 1,
    accountId: newAccount(),
    kind: "paid",
    startAt: START,
    endAt: day(28),
    currency: "RUB",
    valueMinor: 29_900n,
  }),
  access: () => ({
    accountId: newAccount(),
    source: newStream(),
    tier: 1,
    quality: "hd",
    streams: 1,
    fromAt: START,
    untilAt: day(28),
  }),
  notices: () => ({
    noticeId: fresh("notice"),
    subscriptionId: newSubscription(),
    accountId: newAccount(),
    kind: "renewal_reminder",
    givenAt: START,
    announcedAt: null,
    currency: null,
    amountMinor: null,
  }),
  invoices: () => ({
    invoiceId: newInvoice(),
    accountId: newAccount(),
    subscriptionId: newSubscription(),
    purpose: "renewal",
    sequence: "1",
    status: "open",
    plan: "premium",
    priceVersion: 1,
    currency: "RUB",
    totalMinor: 29_900n,
    creditMinor: 0n,
    dueMinor: 29_900n,
    refundedMinor: 0n,
    issuedAt: START,
    expiresAt: day(1),
    paidAt: null,
    closedAt: null,
  }),
  attempts: () => ({
    attemptId: newAttempt(),
    invoiceId: newInvoice(),
    accountId: newAccount(),
    kind: "charge",
    status: "in_flight",
    gatewayAccount: GATEWAY,
    currency: "RUB",
    amountMinor: 29_900n,
    madeAt: START,
    statusAt: START,
    endsAt: null,
    cardId: newCard(),
    checkTransactionId: null,
    checkedAt: null,
  }),
  captures: () => ({
    gatewayAccount: GATEWAY,
    transactionId: newTransaction(),
    invoiceId: newInvoice(),
    attemptId: newAttempt(),
    accountId: newAccount(),
    role: "settling",
    currency: "RUB",
    capturedMinor: 29_900n,
    reservedMinor: 0n,
    returnedMinor: 0n,
    capturedAt: START,
    dispute: "none",
  }),
  refunds: () => ({
    refundKey: newRefund(),
    invoiceId: newInvoice(),
    accountId: newAccount(),
    gatewayAccount: GATEWAY,
    captureTransactionId: newTransaction(),
    currency: "RUB",
    amountMinor: 100n,
    status: "reserved",
    reason: "asked",
    askedAt: START,
    transactionId: null,
  }),
  mismatches: () => ({
    gatewayAccount: GATEWAY,
    transactionId: newTransaction(),
    invoiceId: newInvoice(),
    attemptId: newAttempt(),
    accountId: newAccount(),
    reason: "wrong_amount",
    currency: "RUB",
    receivedMinor: 1n,
    receivedAt: START,
    settled: false,
  }),
  due: () => ({ kind: "expire_invoice", subject: newInvoice(), stream: newStream(), accountId: null, dueAt: day(1) }),
};
