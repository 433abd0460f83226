import type { InvoiceEvent, InvoiceStatus } from "../../../src/core/invoice/invoice.ts";
import type { Gateway } from "../../support/gateway.ts";
import { accountIn, type Books, type Capture, demand, type Invoice, known } from "./books.ts";

/** I9: the only moves that a status makes. */
const MOVES: Readonly<Record<InvoiceStatus, readonly InvoiceStatus[]>> = {
  open: ["processing", "paid", "void", "expired", "uncollectible"],
  processing: ["open", "paid"],
  paid: ["partly_refunded", "refunded"],
  partly_refunded: ["partly_refunded", "refunded"],
  refunded: ["refunded"],
  void: ["void"],
  expired: [],
  uncollectible: ["void"],
};

/** I1, I2, I6, I8, I9, I10 and what of I7 is seen at a charge. */
export const claimsOnInvoices = (books: Books, gateway: Gateway) => {
  const { captures, invoices, subscriptions, suspense, refunds, charges } = books;

  const moves = (invoice: Invoice, to: InvoiceStatus): void => {
    demand(MOVES[invoice.status].includes(to), "I9: an invoice makes only listed moves", [invoice.status, to]);
    invoice.status = to;
  };
  const captureOf = (refundId: string): Capture => {
    const capture = [...captures.values()].find((one) => one.refunds.has(refundId));
    demand(capture !== undefined, "a refund was asked for", refundId);
    return capture as Capture;
  };
  /** The gateway's own word of a payment that we book. */
  const taken = (transactionId: string): bigint => {
    const movement = gateway.books.find((one) => one.transactionId === transactionId);
    const isNew = !captures.has(transactionId) && !suspense.has(transactionId);
    demand(movement?.kind === "payment" && isNew, "I1: what the gateway took is booked once", transactionId);
    return movement?.amount.minor ?? 0n;
  };
  const ends = (invoice: Invoice, attemptId: string): void => {
    const was = invoice.attempts.get(attemptId);
    invoice.attempts.set(attemptId, "over");
    const wasAwaited = charges.has(attemptId) && (was === "in_flight" || was === "unknown");
    if (invoice.status === "processing" && wasAwaited) moves(invoice, "open");
  };
  const goesBack = (
    capture: Capture,
    event: Extract<InvoiceEvent, { type: "RefundSucceeded" | "RefundReported" }>,
  ): void => {
    const { transactionId, amount, overdrawn, dropped } = event;
    const isOurs = event.type === "RefundSucceeded";
    const movement = gateway.books.find((one) => one.transactionId === transactionId);
    const agrees = movement?.kind === "refund" && movement.amount.minor === amount.minor;
    demand(agrees, "I1: what the gateway gave back is booked with its sum", event);
    const before = refunds.get(transactionId);
    // First told without our id and then with it: one movement, counted once.
    if (before !== undefined) demand(before === "reported" && isOurs, "I1: a refund is booked once", event);
    else capture.back += amount.minor;
    refunds.set(transactionId, isOurs ? "done" : "reported");
    if (!isOurs) capture.byHand = true;
    if (overdrawn) capture.overdrawn = true;
    demand(capture.back <= capture.minor || capture.overdrawn, "I6: no more goes back than was taken", event);
    if (dropped !== null) captureOf(dropped).refunds.set(dropped, "failed");
    restate(capture);
  };
  const restate = ({ invoice: id, role }: Pick<Capture, "invoice" | "role">): void => {
    const invoice = known(invoices, id);
    if (role !== "settling" || !["paid", "partly_refunded", "refunded"].includes(invoice.status)) return;
    const settling = [...captures.values()].filter((one) => one.invoice === id && one.role === "settling");
    const gone = settling.reduce(
      (all, one) => all + (one.dispute === "lost" ? one.minor : one.back),
      invoice.creditBack,
    );
    if (gone > 0n) moves(invoice, gone < invoice.paid ? "partly_refunded" : "refunded");
  };

  const mayBeCharged = (
    id: string,
    invoice: Invoice,
    event: Extract<InvoiceEvent, { type: "ChargeStarted" }>,
  ): void => {
    const { removed, consent, erased, disputes } = accountIn(books, invoice.account);
    const unanswered = [...invoice.attempts.values()].filter((one) => one === "in_flight" || one === "unknown");
    demand(unanswered.length === 0, "I8: nothing is charged while an answer is missing", event);
    demand(!removed.has(event.cardId) && !erased, "I7: no charge after the removal of the card or an erasure", event);
    demand(disputes.size === 0, "an account with an open chargeback is not charged", event);
    const subscription = invoice.subscription === null ? null : known(subscriptions, invoice.subscription);
    demand(subscription?.status !== "ended", "I7: no charge after an end", event);
    if (event.initiator !== "schedule") return;
    demand(consent, "I7: no automatic charge without consent", event);
    demand(subscription !== null && !subscription.stopped, "I7: no automatic charge after a stop", event);
    const { renewal, status, notices, times } = subscription ?? {
      renewal: null,
      status: "ended",
      notices: [],
      times: [],
    };
    demand(renewal?.invoice === id && event.at < renewal.end, "a period that is over is never charged", event);
    // Of this boundary, not of one that is long past.
    const since = times.at(-1)?.start ?? 0;
    const tells = ({ on, minor }: (typeof notices)[number]): boolean =>
      on !== null && since < on && on <= event.at && (minor ?? 0n) >= (renewal?.minor ?? 0n);
    const isToldOf = notices.some(tells);
    demand(
      isToldOf || status === "past_due" || renewal?.byPayer === true,
      "a charge is announced before it is made",
      event,
    );
  };

  return (id: string, event: InvoiceEvent): void => {
    if (event.type === "InvoiceIssued") {
      const { accountId, subscriptionId, purpose, sequence, lines, total, credit, due } = event.terms;
      const sum = lines.reduce((all, { amount }) => all + amount.minor, 0n);
      const adds = total.minor === (sum < 0n ? 0n : sum) && total.minor === credit.minor + due.minor;
      demand(adds, "11: lines sum to the total", event);
      const slot = `${subscriptionId ?? id} ${purpose} ${sequence}`;
      const rivals = [...invoices.values()].filter(
        (one) => one.slot === slot && !["void", "expired"].includes(one.status),
      );
      demand(rivals.length === 0, "I2: a period is invoiced once", slot);
      const terms = { account: accountId, subscription: subscriptionId, slot, due: due.minor };
      invoices.set(id, { status: "open", ...terms, attempts: new Map(), paid: 0n, creditBack: 0n });
      return;
    }
    const invoice = known(invoices, id);
    switch (event.type) {
      case "OfferMade":
        demand(invoice.status === "open", "only an open invoice is offered", event);
        invoice.attempts.set(event.attemptId, "waits");
        return;
      case "ChargeStarted":
        mayBeCharged(id, invoice, event);
        charges.add(event.attemptId);
        invoice.attempts.set(event.attemptId, "in_flight");
        return moves(invoice, "processing");
      case "PaymentSucceeded": {
        const { transactionId, amount } = event.capture;
        demand(taken(transactionId) === amount.minor, "I1: a capture has the gateway's sum", event);
        demand(amount.minor === invoice.due, "I10: what is taken is what was due", event);
        const none = {
          refunds: new Map(),
          back: 0n,
          byHand: false,
          refused: false,
          overdrawn: false,
          dispute: "none",
        } as const;
        captures.set(transactionId, { invoice: id, minor: amount.minor, role: event.role, ...none });
        const settling = [...captures.values()].filter((one) => one.invoice === id && one.role === "settling");
        demand(settling.length <= 1, "1: one capture settles an invoice", event);
        invoice.attempts.set(event.attemptId, "over");
        return;
      }
      case "InvoicePaid":
        invoice.paid = event.paid.minor + event.credit.minor;
        return moves(invoice, "paid");
      case "PaymentMismatched":
        demand(
          taken(event.payment.transactionId) === event.received.minor,
          "I1: a mismatch has the gateway's sum",
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
        const capture = known(captures, event.capture.transactionId);
        demand(capture.dispute !== "open", "no refund is asked of a disputed capture", event);
        demand(![...capture.refunds.values()].includes("asked"), "I8: one refund of a capture is under way", event);
        const room = capture.dispute === "lost" ? 0n : capture.minor - capture.back;
        const fits = 0n < event.amount.minor && event.amount.minor <= room;
        demand(fits, "I6: no more is asked back than is there", event);
        capture.refunds.set(event.refundId, "asked");
        if (event.reason === "staff") capture.byHand = true;
        return;
      }
      case "RefundStarted": {
        const { dispute } = captureOf(event.refundId);
        demand(
          dispute !== "open" && dispute !== "lost",
          "I6: what a bank takes back is not given back beside it",
          event,
        );
        return;
      }
      case "RefundFailed": {
        const capture = captureOf(event.refundId);
        capture.refunds.set(event.refundId, "failed");
        if (event.reason !== "never_happened") capture.refused = true;
        return;
      }
      case "RefundSucceeded": {
        const capture = captureOf(event.refundId);
        capture.refunds.set(event.refundId, "done");
        return goesBack(capture, event);
      }
      case "RefundReported":
        return goesBack(known(captures, event.capture.transactionId), event);
      case "CreditReturned":
        invoice.creditBack += event.amount.minor;
        return restate({ invoice: id, role: "settling" });
      case "ChargebackRecorded":
        known(captures, event.capture.transactionId).dispute = "open";
        return;
      case "ChargebackDecided": {
        const capture = known(captures, event.capture.transactionId);
        capture.dispute = event.won ? "won" : "lost";
        return restate(capture);
      }
      default: // Says nothing of money or state.
    }
  };
};
