import type { Plan, PlanDescription } from "../catalog/plan.ts";
import type { PriceVersion } from "../catalog/terms.ts";
import type { Customer } from "../customer/customer.ts";
import type { Setup } from "../customer/setup.ts";
import type { Attempt, Capture, Invoice, IssuedInvoice, Refund } from "../invoice/invoice.ts";
import { awaitsAnswer, hasGoneBack, isPaid, isPendingRefund, lookUpDue, returnedSum } from "../invoice/reading.ts";
import type { BillingPolicy } from "../policy.ts";
import { HOUR_MS, type Instant, later, MINUTE_MS, plusMs } from "../time.ts";
import type { State } from "./domain.ts";
import { dueRow } from "./due-row.ts";
import type { DueKind, Row, RowOf } from "./read-model.ts";
import { invoiceStream, setupStream } from "./stream.ts";
import { subscriptionRows } from "./subscription-rows.ts";

/**
 * All rows that follow from a stream's state. No clock: made again at any time they are the same. The policy says how many
 * days before a charge its notice falls due; after a change of it, `rebuild` brings the waiting rows into line.
 */
export const rowsOf = (state: State, policy: BillingPolicy): readonly Row[] => {
  switch (state.kind) {
    case "plan":
      return planRows(state.state);
    case "customer":
      return customerRows(state.state);
    case "setup":
      return setupRows(state.state);
    case "subscription":
      return subscriptionRows(state.state, policy);
    case "invoice":
      return invoiceRows(state.state);
  }
};

const planRows = (plan: Plan): readonly Row[] => {
  if (plan.status === "absent") return [];
  const { code, status, description, prices } = plan;
  const { title, text, rank, entitlement }: PlanDescription = description;
  const row: RowOf<"plans"> = {
    code,
    status,
    rank,
    ...entitlement,
    titleRu: title.ru,
    titleEn: title.en,
    textRu: text.ru,
    textEn: text.en,
    priceVersion: prices.length,
  };
  return [{ table: "plans", row }, ...prices.map((price): Row => ({ table: "prices", row: priceRow(code, price) }))];
};

const priceRow = (plan: string, { version, price, length, trial, intro, receipt }: PriceVersion): RowOf<"prices"> => ({
  plan,
  version,
  currency: price.currency,
  priceMinor: price.minor,
  lengthUnit: length.unit,
  lengthCount: length.count,
  trialKind: trial.kind,
  trialDays: trial.kind === "none" ? null : trial.days,
  trialCard: trial.kind === "free" ? trial.card : null,
  trialMinor: trial.kind === "paid" ? trial.price.minor : null,
  introMinor: intro?.price.minor ?? null,
  introPeriods: intro?.periods ?? null,
  vat: receipt.vat,
  receiptObject: receipt.object,
  receiptMethod: receipt.method,
});

const customerRows = (customer: Customer): readonly Row[] => {
  if (customer.status === "absent") return [];
  const { accountId, status, current, queued, trialUsed, consent, credits, cards, disputes } = customer;
  const row: RowOf<"customers"> = {
    accountId,
    status,
    currentSubscription: current,
    queuedSubscription: queued,
    trialUsed,
    consentText: consent?.textVersion ?? null,
    consentGivenAt: consent?.givenAt ?? null,
    consentWithdrawnAt: consent?.withdrawnAt ?? null,
    disputes: disputes.length,
  };
  return [
    { table: "customers", row },
    ...credits.map(({ currency, balance, reservations }): Row => {
      const reservedMinor = reservations.reduce((all, { amount }) => all + amount.minor, 0n);
      return { table: "credits", row: { accountId, currency, balanceMinor: balance.minor, reservedMinor } };
    }),
    // Rows are written in this order, and of two cards one may be preferred: the one that is no more comes first.
    ...[...cards]
      .sort((a, b) => Number(a.preferred) - Number(b.preferred))
      .map(
        ({ cardId, gatewayAccount, savedAt, ...card }): Row => ({
          table: "cards",
          row: { cardId, accountId, gatewayAccount, status: card.status, preferred: card.preferred, savedAt },
        }),
      ),
  ];
};

const setupRows = (setup: Setup): readonly Row[] => {
  if (setup.status === "absent") return [];
  const { setupId, accountId, gatewayAccount, cardId, status, amount, offeredAt, endsAt } = setup;
  const stream = setupStream(setupId);
  const due: Row[] = [];
  if (setup.status === "offered") due.push(dueRow("expire_setup", setupId, stream, accountId, endsAt));
  if (setup.status === "voiding") {
    const askAt = setup.void === "in_flight" ? plusMs(setup.voidAt, ANSWER_MS) : setup.voidAt;
    due.push(dueRow(setup.void === "due" ? "void_hold" : "look_up_hold", setupId, stream, accountId, askAt));
  }
  const row: RowOf<"setups"> = {
    setupId,
    accountId,
    gatewayAccount,
    cardId,
    status,
    currency: amount.currency,
    amountMinor: amount.minor,
    offeredAt,
    endsAt,
    transactionId: "transactionId" in setup ? setup.transactionId : null,
  };
  return [{ table: "setups", row }, ...due];
};

const invoiceRows = (invoice: Invoice): readonly Row[] => {
  if (invoice.status === "absent") return [];
  const { terms, issuedAt, status } = invoice;
  const { invoiceId, accountId, subscriptionId, purpose, sequence, total, credit, due, expiresAt, lines } = terms;
  const row: RowOf<"invoices"> = {
    invoiceId,
    accountId,
    subscriptionId,
    purpose,
    sequence,
    status,
    plan: lines[0]?.plan ?? null,
    priceVersion: lines[0]?.priceVersion ?? null,
    currency: total.currency,
    totalMinor: total.minor,
    creditMinor: credit.minor,
    dueMinor: due.minor,
    refundedMinor: returnedSum(invoice).minor,
    issuedAt,
    expiresAt,
    paidAt: isPaid(invoice) ? invoice.paidAt : null,
    closedAt: "closedAt" in invoice ? invoice.closedAt : null,
  };
  return [
    { table: "invoices", row },
    ...invoice.attempts.map((attempt): Row => ({ table: "attempts", row: attemptRow(invoice, attempt) })),
    ...invoice.captures.flatMap((capture) => captureRows(invoice, capture)),
    ...invoice.mismatches.map(
      ({ gatewayAccount, transactionId, attemptId, reason, received, at, settled }): Row => ({
        table: "mismatches",
        row: {
          gatewayAccount,
          transactionId,
          invoiceId,
          attemptId,
          accountId,
          reason,
          currency: received.currency,
          receivedMinor: received.minor,
          receivedAt: at,
          settled,
        },
      }),
    ),
    ...invoiceDue(invoice),
  ];
};

const attemptRow = ({ terms }: IssuedInvoice, attempt: Attempt): RowOf<"attempts"> => ({
  attemptId: attempt.id,
  invoiceId: terms.invoiceId,
  accountId: terms.accountId,
  kind: attempt.kind,
  status: attempt.status,
  gatewayAccount: attempt.gatewayAccount,
  currency: terms.due.currency,
  amountMinor: terms.due.minor,
  madeAt: attempt.madeAt,
  statusAt: attempt.statusAt,
  endsAt: attempt.kind === "offer" ? attempt.endsAt : null,
  cardId: attempt.kind === "charge" ? attempt.cardId : null,
  checkTransactionId: attempt.kind === "offer" ? (attempt.check?.transactionId ?? null) : null,
  checkedAt: attempt.kind === "offer" ? (attempt.check?.at ?? null) : null,
});

const captureRows = ({ terms }: IssuedInvoice, capture: Capture): readonly Row[] => {
  const { gatewayAccount, transactionId, attemptId, amount, capturedAt, role, refunds, dispute } = capture;
  const { invoiceId, accountId } = terms;
  const total = (wanted: (refund: Refund) => boolean) =>
    refunds.filter(wanted).reduce((all, refund) => all + refund.amount.minor, 0n);
  const row: RowOf<"captures"> = {
    gatewayAccount,
    transactionId,
    invoiceId,
    attemptId,
    accountId,
    role,
    currency: amount.currency,
    capturedMinor: amount.minor,
    reservedMinor: total(isPendingRefund),
    returnedMinor: total(hasGoneBack),
    capturedAt,
    dispute,
  };
  return [
    { table: "captures", row },
    ...refunds.map(
      (refund): Row => ({
        table: "refunds",
        row: {
          refundKey: refund.status === "reported" ? `reported:${gatewayAccount}/${refund.transactionId}` : refund.id,
          invoiceId,
          accountId,
          gatewayAccount,
          captureTransactionId: transactionId,
          currency: refund.amount.currency,
          amountMinor: refund.amount.minor,
          status: refund.status,
          reason: refund.status === "reported" ? null : refund.reason,
          askedAt: refund.at,
          transactionId: "transactionId" in refund ? refund.transactionId : null,
        },
      }),
    ),
  ];
};

/** A charge that nobody has answered for this long is looked up: its worker is taken for dead. */
const ANSWER_MS = 5 * MINUTE_MS;
const GIVE_UP_MS = 24 * HOUR_MS;

/** What an invoice waits for: ends of offers and of itself, answers of attempts and refunds. */
const invoiceDue = (invoice: IssuedInvoice): readonly Row[] => {
  const { invoiceId, accountId, expiresAt, purpose } = invoice.terms;
  const stream = invoiceStream(invoiceId);
  const rows: Row[] = [];
  const wait = (kind: DueKind, subject: string, dueAt: Instant) =>
    rows.push(dueRow(kind, subject, stream, accountId, dueAt));
  if ((invoice.status === "open" || invoice.status === "processing") && expiresAt !== null)
    wait("expire_invoice", invoiceId, expiresAt);
  for (const attempt of invoice.attempts) {
    if (attempt.kind === "offer" && attempt.status === "current") wait("end_offer", attempt.id, attempt.endsAt);
    if (awaitsAnswer(attempt)) {
      const { from } = lookUpDue(attempt);
      const askAt = attempt.status === "unknown" ? attempt.statusAt : plusMs(attempt.statusAt, ANSWER_MS);
      wait("look_up_payment", attempt.id, from === null ? askAt : later(askAt, from));
      // Only while the invoice itself waits for it: one that another attempt has paid has nothing to give up.
      if (purpose === "renewal" && invoice.status === "processing" && invoice.charge === attempt.id)
        wait("give_up_waiting", attempt.id, plusMs(attempt.madeAt, GIVE_UP_MS));
    }
  }
  for (const refund of invoice.captures.flatMap((capture) => capture.refunds)) {
    if (refund.status === "reserved") wait("send_refund", refund.id, refund.at);
    if (refund.status === "in_flight" || refund.status === "unknown") {
      const { from } = lookUpDue(refund);
      const askAt = refund.status === "unknown" ? refund.statusAt : plusMs(refund.statusAt, ANSWER_MS);
      wait("look_up_refund", refund.id, from === null ? askAt : later(askAt, from));
    }
  }
  return rows;
};
