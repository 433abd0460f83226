import type { Command } from "../../src/core/billing/command.ts";
import type { DomainEvent } from "../../src/core/billing/domain.ts";
import type { RowOf } from "../../src/core/billing/read-model.ts";
import type { StreamName } from "../../src/core/billing/stream.ts";
import {
  type AccountId,
  type AttemptId,
  type CardId,
  type CommandId,
  encodeDerivedId,
  type InvoiceId,
  parseAttemptId,
} from "../../src/core/ids.ts";
import { CHECK_HOLD_MS } from "../../src/core/invoice/reading.ts";
import type { CallbackRead, CallbackVerdict } from "../../src/core/ports/callbacks.ts";
import type { Report } from "../../src/core/ports/reports.ts";
import type { Commit } from "../../src/core/ports/storage.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { type Instant, instantOf, MINUTE_MS, plusMs, SECOND_MS } from "../../src/core/time.ts";
import type { Requested } from "../../src/core/work/requests.ts";
import { demand, printed } from "../core/billing/books.ts";
import type { Ledger } from "../core/billing/ledger.ts";
import { answered, GATEWAY, sha256 } from "../support/cinema.ts";
import { CALL_TIMEOUT_MS, type Gateway } from "./gateway.ts";
import type { Asked } from "./people.ts";
import { CLOCKS_DIFFER_MS, type Machine } from "./process.ts";

// What is claimed of the ways in and out, beside what the ledger claims of the events.

/** How long a look-up may take from reading the gateway's books to the record of what it found. */
const READS_MS = 5 * MINUTE_MS;
/** Statuses of an attempt on which a payer who was let through may still be paying. */
const PAYING: readonly string[] = ["current", "unknown"];
/** Who may watch is told by what was committed this long before the question, or later; and so when nothing fails. */
const [SEEN_WITHIN_MS, SEEN_PROMPTLY_MS] = [15 * SECOND_MS + CLOCKS_DIFFER_MS, 5 * SECOND_MS];

/** What an account might watch from an instant on, as it was committed. */
type Rights = { readonly since: Instant; readonly rows: readonly RowOf<"access">[] };
export type Watching = {
  readonly accountId: AccountId;
  readonly askedAt: Instant;
  /** By the clock of who was asked. */
  readonly at: Instant;
  readonly access: RowOf<"access"> | null;
};

export const openClaims = (
  store: Store,
  gateway: Gateway,
  ledger: Pick<Ledger, "books">,
  { scheduler, faults }: Pick<Machine, "scheduler" | "faults">,
) => {
  const letThrough = new Map<
    AttemptId,
    { readonly transactionId: string; readonly from: Instant; readonly to: Instant }[]
  >();
  /** Payments that our own check has let through and that have not come to an end. */
  const onTheirWay = new Map<AttemptId, { readonly transactionId: string; readonly at: Instant }>();
  /** When ends were committed, of attempts, invoices and subscriptions. What decided them may have looked at the clock before. */
  const over = new Map<string, Instant>();
  const bodies = new Map<string, Set<string>>();
  const outcomes = new Map<string, string>();
  /** Invoices that were paid when nobody waited for it any more. */
  const turnedBack = new Set<string>();
  /** What was accepted and must come to something. */
  const accepted = new Set<CommandId>();
  /** What a gateway told and was told to be kept, and since when. */
  const keptAt = new Map<CommandId, Instant>();
  const cards = new Map<CardId, AccountId>();
  /** By how much the period of an invoice has become worth less. */
  const lessened = new Map<string, bigint>();
  const rights = new Map<string, readonly Rights[]>();
  let isPrompt = false;
  const { invoices, subscriptions, captures } = ledger.books;

  const historyOf = (accountId: string): readonly Rights[] =>
    rights.get(accountId) ?? [{ since: instantOf(0), rows: [] }];
  const noteRights = ({ appends }: Commit): void => {
    const changes = appends.flatMap(({ changes: { written, removed } }) => [
      ...written.map((one) => ({ ...one, isKept: true })),
      ...removed.map((one) => ({ ...one, isKept: false })),
    ]);
    for (const one of changes) {
      if (one.table !== "access") continue;
      const { row, isKept } = one;
      const history = historyOf(row.accountId);
      const others = (history.at(-1)?.rows ?? []).filter(({ source }) => source !== row.source);
      const now = { since: scheduler.now(), rows: isKept ? [...others, row] : others };
      rights.set(row.accountId, [...history, now]);
    }
  };

  const onCheck = async (read: CallbackRead, from: Instant): Promise<void> => {
    // Who answers later lets nobody through: the gateway has declined meanwhile.
    if (read.told.kind !== "check" || scheduler.now() - from >= CALL_TIMEOUT_MS) return;
    const { reference, transactionId, amount, account } = read.told;
    const id = parseAttemptId(reference ?? "");
    const known = id.ok ? answered(await store.queries.attempt(id.value)) : null;
    demand(known !== null, "I10: no payment is let through that names no attempt of ours", read);
    if (known === null || !id.ok) return;
    const { amountMinor, currency, accountId } = known.attempt;
    const isRight = amount.minor === amountMinor && amount.currency === currency && account === accountId;
    demand(isRight, "I10: a payment is let through with our own sum and account only", [read, known.attempt]);
    const { attemptId, invoiceId } = known.attempt;
    // An end under a payment on its way, by whichever window, leaves invoice and offer open until that has come to something.
    const { attempts = [] } = answered(await store.queries.invoice(invoiceId as InvoiceId)) ?? {};
    const isPaying = attempts.some((one) => one.checkTransactionId !== null && PAYING.includes(one.status));
    const subscription = isPaying ? null : known.invoice.subscriptionId;
    const isOver = [attemptId, invoiceId, subscription].some((one) => (over.get(one ?? "") ?? from) < from);
    const ends = [known.attempt.endsAt, known.invoice.expiresAt];
    const isLate = ends.some((end) => end !== null && end + CLOCKS_DIFFER_MS <= from);
    demand(!isOver && !isLate, "F07: nothing is let through that was over", [read, known]);
    const others = letThrough.get(id.value) ?? [];
    const rival = others.find(
      (one) => one.transactionId !== transactionId && scheduler.now() - one.from < CHECK_HOLD_MS,
    );
    demand(rival === undefined, "I2: of two payments of one attempt one is let through", [read, rival]);
    letThrough.set(id.value, [...others, { transactionId, from, to: scheduler.now() }]);
  };

  const ownerOf = (command: Command): string | null => {
    if ("accountId" in command) return command.accountId;
    if ("subscriptionId" in command) return subscriptions.get(command.subscriptionId)?.account ?? null;
    return "invoiceId" in command ? (invoices.get(command.invoiceId)?.account ?? null) : null;
  };

  return {
    accepted: accepted as ReadonlySet<CommandId>,
    turnedBack: turnedBack as ReadonlySet<string>,
    keptAt: keptAt as ReadonlyMap<CommandId, Instant>,
    cards: cards as ReadonlyMap<CardId, AccountId>,
    onEvent: (stream: StreamName, event: DomainEvent): void => {
      const ended = endedBy(stream, event);
      if (ended !== null) over.set(ended, scheduler.now());
      switch (event.type) {
        case "RefundFailed":
          if (event.reason !== "never_happened") return;
          gateway.giveUp(event.refundId);
          return demand(!gateway.arrived.has(event.refundId), "I8: a refund that was given up was never made", event);
        case "PaymentNeverHappened": {
          const paid = gateway.books.find((one) => one.kind === "payment" && one.attemptId === event.attemptId);
          const isStale = paid === undefined || scheduler.now() - paid.seenFrom < READS_MS;
          onTheirWay.delete(event.attemptId);
          return demand(isStale, "I8: a payment that was given up was never made", [event, paid]);
        }
        case "CheckAccepted":
          return void onTheirWay.set(event.attemptId, event);
        case "OfferClosed":
        case "PaymentDeclined": {
          const check = onTheirWay.get(event.attemptId);
          const isHeld = check !== undefined && event.at < check.at + CHECK_HOLD_MS;
          const isAnswer =
            event.type === "OfferClosed" ? event.reason === "paid" : event.transactionId === check?.transactionId;
          demand(!isHeld || isAnswer, "I9: an offer stays while the payment that was let through is on its way", [
            event,
            check,
          ]);
          return void onTheirWay.delete(event.attemptId);
        }
        case "PaymentSucceeded": {
          onTheirWay.delete(event.attemptId);
          const taken = gateway.books.find((one) => one.transactionId === event.capture.transactionId);
          const isTaken = taken?.kind === "payment" && !taken.onlyAuthorised;
          demand(isTaken, "I1: what is only held is no payment", [event, taken]);
          const payer = ledger.books.invoices.get(stream.slice("invoice/".length))?.account;
          const isOwn = taken?.account === null || taken?.account === payer;
          return demand(isOwn, "I10: nobody pays in another's name", [event, taken, payer]);
        }
        case "PaymentMismatched":
          return void onTheirWay.delete(event.attemptId);
        case "PaymentTurnedBack":
          return void turnedBack.add(event.invoiceId);
        case "CardSaved":
          return void cards.set(event.cardId, event.accountId);
        case "PeriodRefunded": {
          const less = (lessened.get(event.invoiceId) ?? 0n) + event.amount.minor;
          lessened.set(event.invoiceId, less);
          const own = [...captures.values()].filter(({ invoice }) => invoice === event.invoiceId);
          const back = own.reduce((all, one) => (one.role === "settling" ? all + one.back : all), 0n);
          return demand(less <= back, "a period is worth less by what went back, once", [event, less, back]);
        }
        default: // Nothing is claimed of it here.
      }
    },
    /** After all facts of a commit: nobody can pay what nobody waits for, but who is paying it already. */
    onCommit: (commit: Commit): void => {
      noteRights(commit);
      const { appends } = commit;
      for (const { stream } of appends) {
        const invoice = invoices.get(stream.slice("invoice/".length));
        if (invoice?.status !== "open" || subscriptions.get(invoice.subscription ?? "")?.status !== "ended") continue;
        const isWaitedFor = [...invoice.attempts.values()].some((status) => status !== "over");
        demand(isWaitedFor, "I9: what nobody waits for is closed when no payment is on its way", stream);
      }
    },
    /** From now on nothing fails, nor is anything left of what had failed. */
    expectPromptness: (): void => {
      isPrompt = true;
    },
    /** @returns whether it was told what had just changed */
    onWatching: ({ accountId, askedAt, at, access }: Watching): boolean => {
      const seen = plusMs(askedAt, isPrompt ? -SEEN_PROMPTLY_MS : -SEEN_WITHIN_MS);
      const history = historyOf(accountId);
      const may = history
        .slice(
          Math.max(
            0,
            history.findLastIndex(({ since }) => since < seen),
          ),
        )
        .map(({ rows }) => printed(bestOf(rows, at)));
      demand(may.includes(printed(access)), "I4: access is granted and withdrawn in time", [accountId, access, may]);
      return printed(access) !== may.at(-1);
    },
    /** How many faults of storage there were: what is turned away without one is turned away for nothing. */
    troubles: (): number => (faults.seen.get("store_away") ?? 0) + (faults.seen.get("commit_unknown") ?? 0),
    onVerdict: async (read: CallbackRead, verdict: CallbackVerdict, from: Instant, troubles: number): Promise<void> => {
      const { told, eventKey } = read;
      if (verdict === "try_again") demand(troubles > 0, "I3: a fact is turned away only when storage failed", eventKey);
      if (verdict !== "accepted") {
        demand(told.kind === "check" || verdict === "try_again", "I3: no fact is refused", [read, verdict]);
        return;
      }
      await onCheck(read, from);
      const isKept = told.kind !== "other" && (told.kind !== "decline" || parseAttemptId(told.reference ?? "").ok);
      if (!isKept) return;
      const id = commandIdOf(eventKey);
      const entry = answered(await store.intake.entry(id));
      demand(entry !== null, "I3: what is answered with success is kept", eventKey);
      if (told.kind === "check" || entry === null) return;
      if (!keptAt.has(id)) keptAt.set(id, scheduler.now());
      const raw = answered(await store.vault.open(entry.accountId, "callback", id));
      demand(raw !== null, "I3: what is answered with success is kept with the words it came in", eventKey);
    },
    /** Also what nobody answers may have been accepted. */
    onAsk: ({ accountId, operation, key, command }: Asked): void => {
      const scope = printed([accountId, operation, key]);
      if (key !== null) bodies.set(scope, (bodies.get(scope) ?? new Set()).add(printed(command)));
    },
    onAnswer: async ({ actor, accountId, operation, key, command }: Asked, requested: Requested): Promise<void> => {
      if (requested.status === "failed") return;
      const scope = printed([accountId, operation, key ?? requested.id]);
      const body = printed(command);
      if (requested.status === "key_reused") {
        demand((bodies.get(scope)?.size ?? 0) > 1, "12: a key that was used for the same is answered", [scope, body]);
        return;
      }
      accepted.add(requested.id);
      const entry = answered(await store.intake.entry(requested.id));
      demand(entry !== null, "I3: what is accepted is kept", scope);
      if (requested.status === "running") return;
      const recorded = answered(await store.storage.outcome(requested.id));
      const isRecorded = printed(recorded?.outcome) === printed(requested.outcome);
      demand(isRecorded, "12: what a caller is told is what is recorded", [scope, requested, recorded]);
      if (requested.outcome.ok) {
        const owner = ownerOf(command);
        demand(actor.kind !== "payer" || actor.accountId === owner, "I13: nobody acts on what is another's", scope);
        const ends = command.type === "payment.refund" && command.access === "end" ? command.invoiceId : null;
        const ended = subscriptions.get(invoices.get(ends ?? "")?.subscription ?? "");
        demand((ended?.status ?? "ended") === "ended", "I4: money back that ends access ends it", [scope, ended]);
      }
      const answer = `${body} ${printed(requested.outcome)}`;
      demand((outcomes.get(scope) ?? answer) === answer, "12: a command has one outcome", [scope, answer]);
      outcomes.set(scope, answer);
    },
    onReport: ({ what, facts }: Report): void => {
      demand(what !== "command_broken", "our own code breaks on nothing that it was told", facts);
    },
  };
};

const bestOf = (rows: readonly RowOf<"access">[], at: Instant): RowOf<"access"> | null =>
  rows
    .filter(({ fromAt, untilAt }) => fromAt <= at && at < untilAt)
    .toSorted((a, b) => b.tier - a.tier || b.untilAt - a.untilAt || (a.source < b.source ? -1 : 1))[0] ?? null;

/** As the door names it: what is told twice gets one id. */
export const commandIdOf = (eventKey: string): CommandId =>
  encodeDerivedId("command", sha256(`${GATEWAY}/callback/${eventKey}`), instantOf(0)) as CommandId;

/** What has come to an end by a fact, so that no payment may be let through for it any more. */
const endedBy = (stream: StreamName, event: DomainEvent): string | null => {
  switch (event.type) {
    case "OfferClosed":
    case "PaymentSucceeded":
    case "PaymentMismatched":
    case "PaymentDeclined":
    case "PaymentUnknown":
    case "PaymentNeverHappened":
      return event.attemptId;
    case "InvoicePaid":
    case "InvoiceVoided":
    case "InvoiceExpired":
    case "InvoiceWrittenOff":
    case "SubscriptionEnded":
      return stream.slice(stream.indexOf("/") + 1);
    default:
      return null;
  }
};
