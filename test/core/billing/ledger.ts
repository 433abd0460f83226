import type { DomainEvent } from "../../../src/core/billing/domain.ts";
import type { SetupId } from "../../../src/core/ids.ts";
import type { InvoiceStatus } from "../../../src/core/invoice/invoice.ts";
import type { Commit, Storage } from "../../../src/core/ports/storage.ts";
import { earlier, type Instant, plusLocalDays, SECOND_MS, type Zone } from "../../../src/core/time.ts";
import type { Gateway } from "../../support/gateway.ts";

// The claims of failures.md part 1 that concern the core, held against the chain of events as it is committed. Nothing here
// asks the core: each rule is told once more, from the events alone.

/** A storage that also tells what was committed, in order. */
export const told = (storage: Storage, hear: (commit: Commit) => void): Storage => ({
  ...storage,
  commit: async (commits) => {
    const results = await storage.commit(commits);
    for (const [i, commit] of commits.entries()) if (results[i]?.ok) hear(commit);
    return results;
  },
});

/** A rule is broken: the story that shows it is shrunk by fast-check. */
export class Broken extends Error {}
const holds = (claim: string, is: boolean, facts: unknown = ""): void => {
  if (is) return;
  const text = JSON.stringify(facts, (_, value) => (typeof value === "bigint" ? `${value}` : value));
  throw new Broken(`${claim}: ${text}`);
};

type Refund = { readonly minor: bigint; state: "asked" | "failed" | "done" };
type Capture = {
  readonly invoice: string;
  readonly minor: bigint;
  readonly role: "settling" | "extra";
  readonly refunds: Map<string, Refund>;
  back: bigint;
  overdrawn: boolean;
  dispute: "none" | "open" | "lost" | "won";
};
type Invoice = {
  status: InvoiceStatus;
  readonly account: string;
  readonly subscription: string | null;
  readonly slot: string;
  readonly due: bigint;
  readonly attempts: Map<string, "waits" | "in_flight" | "unknown" | "over">;
};
type Account = {
  consent: boolean;
  erased: boolean;
  readonly removed: Set<string>;
  readonly disputes: Set<string>;
  added: bigint;
  spent: bigint;
  reserved: Map<string, bigint>;
};
type Subscription = {
  status: "incomplete" | "trialing" | "active" | "past_due" | "paused" | "ended";
  readonly account: string;
  readonly zone: Zone;
  stopped: boolean;
  pausePlanned: boolean;
  freeTrial: boolean;
  /** What is paid for or on trial, and not given up. */
  times: { readonly start: Instant; readonly end: Instant }[];
  /** After it nothing goes on without a payment; null: no grace. */
  grace: Instant | null;
  lastEnd: Instant;
};

const INVOICE_MOVES: Readonly<Record<InvoiceStatus, readonly InvoiceStatus[]>> = {
  open: ["processing", "paid", "void", "expired", "uncollectible"],
  processing: ["open", "paid"],
  paid: ["partly_refunded", "refunded"],
  partly_refunded: ["refunded"],
  refunded: [],
  void: [],
  expired: [],
  uncollectible: ["void"],
};
const SUBSCRIPTION_MOVES: Readonly<Record<Subscription["status"], readonly Subscription["status"][]>> = {
  incomplete: ["trialing", "active", "ended"],
  trialing: ["active", "past_due", "ended"],
  active: ["active", "past_due", "paused", "ended"],
  past_due: ["active", "ended"],
  paused: ["active", "past_due", "ended"],
  ended: [],
};

/** Follows the chain of events and holds the claims against each of them. */
export const openLedger = (gateway: Gateway) => {
  const captures = new Map<string, Capture>();
  const invoices = new Map<string, Invoice>();
  const accounts = new Map<string, Account>();
  const subscriptions = new Map<string, Subscription>();
  const suspense = new Set<string>();
  const setups: SetupId[] = [];
  const refundsSeen = new Map<string, "reported" | "done">();
  const seen = new Map<string, number>();
  let events = 0;

  const known = <T>(map: Map<string, T>, id: string, what: string): T => {
    const one = map.get(id);
    if (one === undefined) throw new Broken(`no ${what} ${id}`);
    return one;
  };
  const account = (id: string): Account => {
    const open = accounts.get(id);
    if (open !== undefined) return open;
    const made: Account = {
      consent: false,
      erased: false,
      removed: new Set(),
      disputes: new Set(),
      added: 0n,
      spent: 0n,
      reserved: new Map(),
    };
    accounts.set(id, made);
    return made;
  };
  const payment = (transactionId: string) => {
    const movement = gateway.books.find((one) => one.transactionId === transactionId);
    holds("I1: what we book as a payment the gateway has taken", movement?.kind === "payment", transactionId);
    holds(
      "I1: a transaction is booked once",
      !captures.has(transactionId) && !suspense.has(transactionId),
      transactionId,
    );
    return movement?.amount.minor ?? 0n;
  };
  const captureOfRefund = (refundId: string): Capture => {
    const capture = [...captures.values()].find(({ refunds }) => refunds.has(refundId));
    if (capture === undefined) throw new Broken(`no refund ${refundId}`);
    return capture;
  };
  const moves = (invoice: Invoice, to: InvoiceStatus) => {
    holds(
      "I9: an invoice makes only listed moves",
      invoice.status === to || INVOICE_MOVES[invoice.status].includes(to),
      [invoice.status, to],
    );
    invoice.status = to;
  };
  const turns = (subscription: Subscription, to: Subscription["status"]) => {
    holds("I9: a subscription makes only listed moves", SUBSCRIPTION_MOVES[subscription.status].includes(to), [
      subscription.status,
      to,
    ]);
    subscription.status = to;
  };
  const ends = (invoice: Invoice, attemptId: string) => {
    const inFlight = invoice.attempts.get(attemptId);
    invoice.attempts.set(attemptId, "over");
    const wasCharge = charges.has(attemptId) && (inFlight === "in_flight" || inFlight === "unknown");
    if (invoice.status === "processing" && wasCharge) moves(invoice, "open");
  };
  const charges = new Set<string>();

  const goesBack = (
    capture: Capture,
    refundId: string | null,
    transactionId: string,
    minor: bigint,
    overdrawn: boolean,
  ) => {
    const movement = gateway.books.find((one) => one.transactionId === transactionId);
    holds("I1: what we book as a refund the gateway has given back", movement?.kind === "refund", transactionId);
    holds("I1: a refund is booked with its sum", movement?.amount.minor === minor, transactionId);
    const before = refundsSeen.get(transactionId);
    // First told without our id and then with it: one movement, counted once.
    if (before !== undefined)
      holds("I1: a refund is booked once", before === "reported" && refundId !== null, transactionId);
    else capture.back += minor;
    refundsSeen.set(transactionId, refundId === null ? "reported" : "done");
    if (overdrawn) capture.overdrawn = true;
    holds("I6: no more goes back than was taken", capture.back <= capture.minor || capture.overdrawn, transactionId);
  };
  const drops = (dropped: string | null) => {
    if (dropped !== null) known(captureOfRefund(dropped).refunds, dropped, "refund").state = "failed";
  };
  const restate = (capture: Capture) => {
    const invoice = known(invoices, capture.invoice, "invoice");
    if (capture.role !== "settling") return;
    if (!["paid", "partly_refunded", "refunded"].includes(invoice.status)) return;
    returned.set(capture.invoice, {
      ...returnedOf(capture.invoice),
      captured: capture.dispute === "lost" ? capture.minor : capture.back,
    });
    statusOf(capture.invoice);
  };
  const returned = new Map<string, { captured: bigint; credit: bigint; paid: bigint }>();
  const returnedOf = (id: string) => returned.get(id) ?? { captured: 0n, credit: 0n, paid: 0n };
  const statusOf = (id: string) => {
    const { captured, credit, paid } = returnedOf(id);
    const gone = captured + credit;
    if (gone > 0n) moves(known(invoices, id, "invoice"), gone < paid ? "partly_refunded" : "refunded");
  };

  const onInvoice = (id: string, event: DomainEvent) => {
    if (event.type === "InvoiceIssued") {
      const { accountId, subscriptionId, purpose, sequence, lines, total, credit, due } = event.terms;
      const sum = lines.reduce((all, { amount }) => all + amount.minor, 0n);
      holds(
        "11: lines sum to the total",
        total.minor === (sum < 0n ? 0n : sum) && total.minor === credit.minor + due.minor,
      );
      const slot = `${subscriptionId ?? id} ${purpose} ${sequence}`;
      const rivals = [...invoices.values()].filter(
        (one) => one.slot === slot && !["void", "expired"].includes(one.status),
      );
      holds("I2: a period is invoiced once", rivals.length === 0, slot);
      invoices.set(id, {
        status: "open",
        account: accountId,
        subscription: subscriptionId,
        slot,
        due: due.minor,
        attempts: new Map(),
      });
      return;
    }
    const invoice = known(invoices, id, "invoice");
    switch (event.type) {
      case "OfferMade":
        holds("only an open invoice is offered", invoice.status === "open");
        invoice.attempts.set(event.attemptId, "waits");
        return;
      case "ChargeStarted": {
        const { removed, consent, erased, disputes } = account(invoice.account);
        const missing = [...invoice.attempts.values()].filter((one) => one === "in_flight" || one === "unknown");
        holds("I8: nothing is charged while an answer is missing", missing.length === 0, event);
        holds("I7: no charge with a removed card", !removed.has(event.cardId), event);
        holds("I7: no charge after erasure", !erased, event);
        holds("a disputed account is not charged", disputes.size === 0, event);
        const subscription =
          invoice.subscription === null ? null : known(subscriptions, invoice.subscription, "subscription");
        holds("I7: no charge after an end", subscription?.status !== "ended", event);
        if (event.initiator === "schedule") {
          holds("I7: no automatic charge without consent", consent, event);
          holds("I7: no automatic charge after a stop", subscription !== null && !subscription.stopped, event);
        }
        charges.add(event.attemptId);
        invoice.attempts.set(event.attemptId, "in_flight");
        moves(invoice, "processing");
        return;
      }
      case "PaymentSucceeded": {
        const { transactionId, amount } = event.capture;
        holds("I1: a capture has the gateway's sum", payment(transactionId) === amount.minor, event);
        holds("I10: what settles is what was due", amount.minor === invoice.due, event);
        captures.set(transactionId, {
          invoice: id,
          minor: amount.minor,
          role: event.role,
          refunds: new Map(),
          back: 0n,
          overdrawn: false,
          dispute: "none",
        });
        const settling = [...captures.values()].filter((one) => one.invoice === id && one.role === "settling");
        holds("1: one capture settles an invoice", settling.length <= 1, event);
        invoice.attempts.set(event.attemptId, "over");
        return;
      }
      case "InvoicePaid":
        returned.set(id, { captured: 0n, credit: 0n, paid: event.paid.minor + event.credit.minor });
        return moves(invoice, "paid");
      case "PaymentMismatched":
        holds(
          "I1: a mismatch has the gateway's sum",
          payment(event.payment.transactionId) === event.received.minor,
          event,
        );
        suspense.add(event.payment.transactionId);
        return ends(invoice, event.attemptId);
      case "PaymentDeclined":
      case "PaymentNeverHappened":
        return ends(invoice, event.attemptId);
      case "OfferClosed":
        invoice.attempts.set(event.attemptId, "over");
        return;
      case "PaymentUnknown":
        invoice.attempts.set(event.attemptId, "unknown");
        return;
      case "InvoiceVoided":
        return moves(invoice, "void");
      case "InvoiceExpired":
        return moves(invoice, "expired");
      case "InvoiceWrittenOff":
        return moves(invoice, "uncollectible");
      case "RefundAsked": {
        const capture = known(captures, event.capture.transactionId, "capture");
        holds("no refund is asked of a disputed capture", capture.dispute !== "open", event);
        holds(
          "I8: one refund of a capture is under way",
          ![...capture.refunds.values()].some(({ state }) => state === "asked"),
          event,
        );
        const room = capture.dispute === "lost" ? 0n : capture.minor - capture.back;
        holds("I6: no more is asked back than is there", 0n < event.amount.minor && event.amount.minor <= room, event);
        capture.refunds.set(event.refundId, { minor: event.amount.minor, state: "asked" });
        return;
      }
      case "RefundStarted": {
        const capture = captureOfRefund(event.refundId);
        holds("no refund is sent of a disputed capture", capture.dispute !== "open", event);
        holds("I6: what the bank took back is not given back once more", capture.dispute !== "lost", event);
        return;
      }
      case "RefundFailed":
        known(captureOfRefund(event.refundId).refunds, event.refundId, "refund").state = "failed";
        return;
      case "RefundSucceeded": {
        const capture = captureOfRefund(event.refundId);
        known(capture.refunds, event.refundId, "refund").state = "done";
        goesBack(capture, event.refundId, event.transactionId, event.amount.minor, event.overdrawn);
        drops(event.dropped);
        return restate(capture);
      }
      case "RefundReported": {
        const capture = known(captures, event.capture.transactionId, "capture");
        goesBack(capture, null, event.transactionId, event.amount.minor, event.overdrawn);
        drops(event.dropped);
        return restate(capture);
      }
      case "CreditReturned":
        returned.set(id, { ...returnedOf(id), credit: returnedOf(id).credit + event.amount.minor });
        return statusOf(id);
      case "ChargebackRecorded":
        known(captures, event.capture.transactionId, "capture").dispute = "open";
        return;
      case "ChargebackDecided": {
        const capture = known(captures, event.capture.transactionId, "capture");
        capture.dispute = event.won ? "won" : "lost";
        return restate(capture);
      }
    }
  };

  const onAccount = (id: string, event: DomainEvent) => {
    const one = account(id);
    switch (event.type) {
      case "ConsentGiven":
        one.consent = true;
        return;
      case "ConsentWithdrawn":
        one.consent = false;
        return;
      case "CardRemoved":
        one.removed.add(event.cardId);
        return;
      case "CustomerErased":
        one.erased = true;
        one.consent = false;
        return;
      case "DisputeOpened":
        one.disputes.add(event.invoiceId);
        return;
      case "DisputeClosed":
        one.disputes.delete(event.invoiceId);
        return;
      case "CreditAdded":
        one.added += event.amount.minor;
        return;
      case "CreditReserved":
        one.reserved.set(event.invoiceId, event.amount.minor);
        holds("10: credit is never below zero", creditOf(one).free >= 0n, event);
        return;
      case "CreditSpent":
        holds("10: what is spent was reserved", one.reserved.get(event.invoiceId) === event.amount.minor, event);
        one.spent += event.amount.minor;
        one.reserved.delete(event.invoiceId);
        return;
      case "CreditFreed":
        holds("10: what is freed was reserved", one.reserved.get(event.invoiceId) === event.amount.minor, event);
        one.reserved.delete(event.invoiceId);
        return;
    }
  };
  const creditOf = ({ added, spent, reserved }: Account) => {
    const held = [...reserved.values()].reduce((all, minor) => all + minor, 0n);
    return { balance: added - spent, reserved: held, free: added - spent - held };
  };

  const onSubscription = (id: string, event: DomainEvent) => {
    if (event.type === "SubscriptionStarted") {
      const none = { stopped: false, pausePlanned: false, freeTrial: false, times: [], grace: null, lastEnd: event.at };
      subscriptions.set(id, { status: "incomplete", account: event.accountId, zone: event.zone, ...none });
      return;
    }
    const one = known(subscriptions, id, "subscription");
    const graceAfter = (end: Instant) => plusLocalDays(end, GRACE_DAYS, one.zone);
    const runs = (start: Instant, end: Instant) => {
      holds("I11: a period has a length", start < end, event);
      one.lastEnd = end;
      one.grace = graceAfter(end);
    };
    switch (event.type) {
      case "TrialStarted":
        turns(one, "trialing");
        one.stopped = !event.renews;
        one.freeTrial = event.trial.kind === "free";
        one.times = [event.trial.period];
        return runs(event.trial.period.start, event.trial.period.end);
      case "SubscriptionActivated":
        turns(one, "active");
        one.stopped = !event.renews;
        one.times = [event.running.period];
        return runs(event.running.period.start, event.running.period.end);
      case "SubscriptionRenewed": {
        const { start, end } = event.running.period;
        const joins = start === one.lastEnd;
        // A gap is honest only when nothing joins any more: the period begins with its payment.
        holds("I11: periods never overlap", start >= one.lastEnd, [event, one.lastEnd]);
        holds("I11: periods join, or the new one begins at the payment", joins || event.at - start < SECOND_MS, [
          event,
          one.lastEnd,
        ]);
        if (!event.ahead) turns(one, "active");
        one.times = event.ahead ? [...one.times, { start, end }] : [{ start, end }];
        one.freeTrial = false;
        return runs(start, end);
      }
      case "PaidPeriodBegan":
        if (one.status === "trialing") turns(one, "active");
        one.freeTrial = false;
        return;
      case "PlanChanged": {
        holds("11: charge less unused is due less surplus", event.surplus.minor >= 0n, event);
        if (event.running === null) return;
        one.times = [event.running.period];
        return runs(event.running.period.start, event.running.period.end);
      }
      case "RenewalStopped":
        one.stopped = true;
        return;
      case "RenewalRestored":
        one.stopped = false;
        return;
      case "PausePlanned":
        one.pausePlanned = true;
        return;
      case "PauseDropped":
        one.pausePlanned = false;
        return;
      case "SubscriptionPaused":
        turns(one, "paused");
        one.pausePlanned = false;
        one.times = [];
        one.grace = null;
        // Whatever was kept begins again when it begins.
        one.lastEnd = earlier(event.at, one.lastEnd);
        return;
      case "SubscriptionResumed":
        turns(one, "active");
        one.times = [event.running.period];
        return runs(event.running.period.start, event.running.period.end);
      case "SubscriptionFellPastDue":
        turns(one, "past_due");
        if (one.grace !== null && one.freeTrial && event.at < one.grace) one.grace = event.at;
        return closes(one, event.dunning.closesAt);
      case "DunningMoved":
        return closes(one, event.dunning.closesAt);
      case "SubscriptionEnded":
        turns(one, "ended");
        one.times = [];
        one.grace = null;
        return;
    }
  };
  const closing = new Map<Subscription, Instant>();
  const closes = (one: Subscription, at: Instant) => void closing.set(one, at);

  const watches = (one: Subscription, at: Instant): boolean => {
    if (one.times.some(({ start, end }) => start <= at && at < end)) return true;
    const [first] = one.times;
    const begun = first !== undefined && first.start <= at;
    if (!begun || one.grace === null || at < one.lastEnd || at >= one.grace) return false;
    if (one.status === "past_due") return at < (closing.get(one) ?? one.grace);
    return !one.stopped && !one.pausePlanned;
  };

  return {
    seen,
    captures,
    invoices,
    subscriptions,
    suspense,
    setups,
    counted: () => events,
    count: (what: string) => void seen.set(what, (seen.get(what) ?? 0) + 1),
    creditOf: (id: string) => creditOf(account(id)),
    /** I2: by subscription, purpose and number, how many captures have been kept. What a gateway refused to take back waits for a person. */
    keptCharges: (): ReadonlyMap<string, number> => {
      const kept = new Map<string, number>();
      for (const { invoice, minor, back, dispute, refunds } of captures.values()) {
        const { slot } = known(invoices, invoice, "invoice");
        const isKept = back < minor && dispute !== "lost" && [...refunds.values()].at(-1)?.state !== "failed";
        if (isKept) kept.set(slot, (kept.get(slot) ?? 0) + 1);
      }
      return kept;
    },
    /** I4: by the paid periods, trials and grace that the events tell of. */
    mayWatch: (id: string, at: Instant): boolean =>
      [...subscriptions.values()].some((one) => one.account === id && watches(one, at)),
    hear: ({ appends }: Commit): void => {
      for (const { stream, events: facts } of appends) {
        const [kind, id = ""] = stream.split("/") as [string, string];
        for (const event of facts) {
          events += 1;
          seen.set(event.type, (seen.get(event.type) ?? 0) + 1);
          if (event.type === "SetupOffered") setups.push(event.setupId);
          if (kind === "invoice") onInvoice(id, event);
          if (kind === "customer") onAccount(id, event);
          if (kind === "subscription") onSubscription(id, event);
        }
      }
      for (const { status } of invoices.values())
        seen.set(`invoice ${status}`, (seen.get(`invoice ${status}`) ?? 0) + 1);
      for (const { status } of subscriptions.values())
        seen.set(`subscription ${status}`, (seen.get(`subscription ${status}`) ?? 0) + 1);
    },
  };
};
export type Ledger = ReturnType<typeof openLedger>;

const GRACE_DAYS = 7;
