import { describe, expect, test } from "bun:test";
import {
  decide,
  evolve,
  type Invoice,
  type InvoiceCommand,
  type InvoiceRefusal,
  type InvoiceStatus,
  initial,
} from "../../../src/core/invoice/invoice.ts";
import {
  annulInvoice,
  askRefund,
  attempt,
  CHARGE,
  decideChargeback,
  endOffer,
  expireInvoice,
  issueInvoice,
  key,
  makeOffer,
  minute,
  NEXT,
  OFFER,
  payment,
  recordChargeback,
  recordCheck,
  recordDecline,
  recordEmptyLookUp,
  recordEmptyRefundLookUp,
  recordFailedRefund,
  recordLostAnswer,
  recordLostRefundAnswer,
  recordRefund,
  recordReportedRefund,
  recordSuccess,
  refund,
  returnCredit,
  rub,
  settleMismatch,
  settleWithNothingDue,
  startCharge,
  startRefund,
  terms,
  transaction,
  writeOffInvoice,
} from "../../support/invoice.ts";

// The design's table of the invoice (part 4), cell by cell. An invoice of 399.00, of which credit pays 100.00; it may be
// paid for 12 minutes. OLD is an offer that OFFER has replaced. Each state is reached by the commands that lead to it.
const OLD = attempt(9);
const PAID = transaction(1);
const EXTRA = transaction(2);
const NEW = transaction(3);
const CHECKED = transaction(4);
const ISSUE = issueInvoice({ terms: terms({ credit: rub(100), expiresAt: minute(12) }) });
const SHORT_LIVED = issueInvoice({ terms: terms({ credit: rub(100), expiresAt: minute(3) }) });
const FREE = issueInvoice({ terms: terms({ due: rub(0), credit: rub(100), expiresAt: minute(12) }) });
const OFFERS = [makeOffer({ attemptId: OLD }), makeOffer({ at: minute(1) })];
const SETTLE = recordSuccess({ capture: payment(PAID), at: minute(4) });
const PAY_EXTRA = recordSuccess({ capture: payment(EXTRA), at: minute(4) });
const REFUND_PART = [
  askRefund({ refundId: refund(8), capture: key(PAID), amount: rub(100), at: minute(5) }),
  recordRefund({ refundId: refund(8), transactionId: transaction(18), amount: rub(100), at: minute(6) }),
];
const REFUND_REST = [
  askRefund({ refundId: refund(9), capture: key(PAID), amount: rub(199), at: minute(7) }),
  recordRefund({ refundId: refund(9), transactionId: transaction(19), amount: rub(199), at: minute(8) }),
  returnCredit({ amount: rub(100), at: minute(8) }),
];

const COLUMNS = {
  absent: { absent: [] },
  open: {
    open: [ISSUE, ...OFFERS],
    checked: [ISSUE, ...OFFERS, recordCheck({ transactionId: CHECKED, at: minute(5) })],
    nothing_due: [FREE],
  },
  processing: {
    in_flight: [ISSUE, ...OFFERS, startCharge({ at: minute(2) })],
    unknown: [ISSUE, ...OFFERS, startCharge({ at: minute(2) }), recordLostAnswer({ at: minute(3) })],
  },
  paid: {
    paid: [ISSUE, ...OFFERS, SETTLE, PAY_EXTRA],
    paid_in_flight: [ISSUE, ...OFFERS, startCharge({ at: minute(2) }), SETTLE, PAY_EXTRA],
  },
  partly_refunded: { partly_refunded: [ISSUE, ...OFFERS, SETTLE, PAY_EXTRA, ...REFUND_PART] },
  refunded: { refunded: [ISSUE, ...OFFERS, SETTLE, PAY_EXTRA, ...REFUND_PART, ...REFUND_REST] },
  void: { void: [ISSUE, ...OFFERS, annulInvoice({ at: minute(3) }), PAY_EXTRA] },
  expired: { expired: [SHORT_LIVED, ...OFFERS, expireInvoice({ at: minute(3) }), PAY_EXTRA] },
  uncollectible: { uncollectible: [ISSUE, ...OFFERS, writeOffInvoice({ at: minute(3) }), PAY_EXTRA] },
} satisfies Record<Invoice["status"], Readonly<Record<string, readonly InvoiceCommand[]>>>;
type ColumnsOf<Histories> = Histories extends unknown ? keyof Histories : never;
type Column = ColumnsOf<(typeof COLUMNS)[keyof typeof COLUMNS]>;

/** `nothing`: accepted, and nothing new. `recorded`: events, the status stays. `-> x`: events, and the status is now x. */
type Outcome = "nothing" | "recorded" | `-> ${InvoiceStatus}` | InvoiceRefusal["code"];
type Row<Type extends InvoiceCommand["type"]> = {
  readonly when: string;
  /** Asked before, wherever it is not refused. */
  readonly after?: readonly InvoiceCommand[];
  readonly command: Extract<InvoiceCommand, { readonly type: Type }>;
  readonly cells: Record<Column, Outcome>;
};
type Cells<Names extends Column> = Readonly<Record<Names, Outcome>>;
const unpaid = (outcome: Outcome): Cells<"open" | "checked" | "nothing_due" | "in_flight" | "unknown"> => ({
  open: outcome,
  checked: outcome,
  nothing_due: outcome,
  ...processing(outcome),
});
const processing = (outcome: Outcome): Cells<"in_flight" | "unknown"> => ({ in_flight: outcome, unknown: outcome });
const paid = (outcome: Outcome): Cells<"paid" | "paid_in_flight" | "partly_refunded" | "refunded"> => ({
  paid: outcome,
  paid_in_flight: outcome,
  partly_refunded: outcome,
  refunded: outcome,
});
const closed = (outcome: Outcome): Cells<"void" | "expired" | "uncollectible"> => ({
  void: outcome,
  expired: outcome,
  uncollectible: outcome,
});
const NOT_FOUND = { absent: "invoice_not_found" } as const;
type Table = { readonly [Type in InvoiceCommand["type"]]: readonly [Row<Type>, ...Row<Type>[]] };

const at = minute(10);
const refundOfPaid = askRefund({ capture: key(PAID), amount: rub(50), at: minute(9) });
const refundOfExtra = askRefund({ capture: key(EXTRA), amount: rub(50), at: minute(9) });
const finds = (attemptId: typeof CHARGE) => [
  recordLostAnswer({ attemptId, at: minute(4) }),
  recordEmptyLookUp({ attemptId, at: minute(5) }),
  recordEmptyLookUp({ attemptId, at }),
];
const refundFinds = [recordEmptyRefundLookUp({ at: minute(9) }), recordEmptyRefundLookUp({ at: minute(14) })];

// biome-ignore format: read as a table. Groups of states come first, and then what differs in them.
const TABLE: Table = {
  IssueInvoice: [
    { when: "issue", command: ISSUE, cells: {
      absent: "-> open", ...unpaid("invoice_exists"), ...paid("invoice_exists"), ...closed("invoice_exists") } },
  ],
  MakeOffer: [
    { when: "offer", command: makeOffer({ attemptId: NEXT, at }), cells: {
      ...NOT_FOUND,
      open: "recorded", checked: "payment_in_progress", nothing_due: "nothing_due", ...processing("charge_in_flight"),
      ...paid("invoice_paid"), ...closed("invoice_closed") } },
  ],
  RecordCheck: [
    { when: "check of the current offer", command: recordCheck({ transactionId: NEW, at }), cells: {
      ...NOT_FOUND,
      open: "recorded", checked: "payment_in_progress", nothing_due: "attempt_unknown", ...processing("recorded"),
      ...paid("invoice_paid"), ...closed("invoice_closed") } },
    { when: "check accepted before", command: recordCheck({ transactionId: CHECKED, at }), cells: {
      ...NOT_FOUND,
      open: "recorded", checked: "nothing", nothing_due: "attempt_unknown", ...processing("recorded"),
      ...paid("invoice_paid"), ...closed("invoice_closed") } },
    { when: "check of a replaced offer", command: recordCheck({ attemptId: OLD, transactionId: NEW, at }), cells: {
      ...NOT_FOUND, ...unpaid("recorded"), nothing_due: "attempt_unknown", ...paid("recorded"), ...closed("recorded") } },
    { when: "check of the charge in flight",
      command: recordCheck({ attemptId: CHARGE, transactionId: NEW, at }), cells: {
      ...NOT_FOUND, ...unpaid("attempt_unknown"), ...processing("nothing"),
      ...paid("attempt_unknown"), paid_in_flight: "nothing", ...closed("attempt_unknown") } },
  ],
  EndOffer: [
    { when: "an offer's hour is over", command: endOffer({ at: minute(61) }), cells: {
      ...NOT_FOUND, ...unpaid("recorded"), nothing_due: "attempt_unknown", ...processing("nothing"),
      ...paid("nothing"), ...closed("nothing") } },
    { when: "an offer's hour is not over", command: endOffer({ at: minute(60) }), cells: {
      ...NOT_FOUND, ...unpaid("not_expired"), nothing_due: "attempt_unknown", ...processing("nothing"),
      ...paid("nothing"), ...closed("nothing") } },
  ],
  StartCharge: [
    { when: "charge", command: startCharge({ attemptId: NEXT, at }), cells: {
      ...NOT_FOUND,
      open: "-> processing", checked: "payment_in_progress", nothing_due: "nothing_due", ...processing("charge_in_flight"),
      ...paid("invoice_paid"), ...closed("invoice_closed") } },
  ],
  RecordSuccess: [
    { when: "success of an offer", command: recordSuccess({ capture: payment(NEW), at }), cells: {
      ...NOT_FOUND, ...unpaid("-> paid"), nothing_due: "attempt_unknown", ...paid("recorded"),
      ...closed("recorded") } },
    { when: "success of a replaced offer",
      command: recordSuccess({ attemptId: OLD, capture: payment(NEW), at }), cells: {
      ...NOT_FOUND, ...unpaid("-> paid"), nothing_due: "attempt_unknown", ...paid("recorded"),
      ...closed("recorded") } },
    { when: "success of the charge", command: recordSuccess({ attemptId: CHARGE, capture: payment(NEW), at }), cells: {
      ...NOT_FOUND, ...unpaid("attempt_unknown"), ...processing("-> paid"),
      ...paid("attempt_unknown"), paid_in_flight: "recorded", ...closed("attempt_unknown") } },
    { when: "the capture that settled, again", command: recordSuccess({ capture: payment(PAID), at }), cells: {
      ...NOT_FOUND, ...unpaid("-> paid"), nothing_due: "attempt_unknown", ...paid("nothing"),
      ...closed("recorded") } },
    { when: "wrong sum on an offer", command: recordSuccess({ capture: payment(NEW, rub(1)), at }), cells: {
      ...NOT_FOUND, ...unpaid("recorded"), nothing_due: "attempt_unknown", ...paid("recorded"),
      ...closed("recorded") } },
    { when: "wrong sum on the charge",
      command: recordSuccess({ attemptId: CHARGE, capture: payment(NEW, rub(1)), at }), cells: {
      ...NOT_FOUND, ...unpaid("attempt_unknown"), ...processing("-> open"),
      ...paid("attempt_unknown"), paid_in_flight: "recorded", ...closed("attempt_unknown") } },
  ],
  RecordDecline: [
    { when: "decline of the charge", command: recordDecline({ attemptId: CHARGE, at }), cells: {
      ...NOT_FOUND, ...unpaid("attempt_unknown"), ...processing("-> open"),
      ...paid("attempt_unknown"), paid_in_flight: "recorded", ...closed("attempt_unknown") } },
    { when: "decline of the offer", command: recordDecline({ transactionId: CHECKED, at }), cells: {
      ...NOT_FOUND, ...unpaid("recorded"), nothing_due: "attempt_unknown", ...paid("nothing"),
      ...closed("nothing") } },
    { when: "decline of another attempt", command: recordDecline({ attemptId: OLD, at }), cells: {
      ...NOT_FOUND, ...unpaid("recorded"), nothing_due: "attempt_unknown", ...paid("recorded"),
      ...closed("recorded") } },
  ],
  RecordLostAnswer: [
    { when: "answer of the charge lost", command: recordLostAnswer({ at }), cells: {
      ...NOT_FOUND, ...unpaid("attempt_unknown"), in_flight: "recorded", unknown: "nothing",
      ...paid("attempt_unknown"), paid_in_flight: "recorded", ...closed("attempt_unknown") } },
    { when: "answer of the offer lost", command: recordLostAnswer({ attemptId: OFFER, at }), cells: {
      ...NOT_FOUND, ...unpaid("recorded"), nothing_due: "attempt_unknown", ...processing("nothing"),
      ...paid("nothing"), ...closed("nothing") } },
  ],
  RecordEmptyLookUp: [
    { when: "the charge never happened", after: finds(CHARGE), command: recordEmptyLookUp({ by: "list", at }), cells: {
      ...NOT_FOUND, ...unpaid("attempt_unknown"), ...processing("-> open"),
      ...paid("attempt_unknown"), paid_in_flight: "recorded", ...closed("attempt_unknown") } },
    { when: "the offer never happened", after: finds(OFFER),
      command: recordEmptyLookUp({ attemptId: OFFER, by: "list", at }), cells: {
      ...NOT_FOUND, ...unpaid("recorded"), nothing_due: "attempt_unknown", ...processing("nothing"),
      ...paid("nothing"), ...closed("nothing") } },
  ],
  SettleMismatch: [
    { when: "a person settles a mismatch",
      after: [recordSuccess({ attemptId: OLD, capture: payment(NEW, rub(1)), at })],
      command: settleMismatch({ payment: key(NEW), at }), cells: {
      ...NOT_FOUND, ...unpaid("recorded"), nothing_due: "mismatch_unknown", ...paid("recorded"),
      ...closed("recorded") } },
  ],
  AnnulInvoice: [
    { when: "annul", command: annulInvoice({ at }), cells: {
      ...NOT_FOUND, ...unpaid("-> void"), checked: "payment_in_progress", ...processing("charge_in_flight"),
      ...paid("invoice_paid"), ...closed("nothing"), uncollectible: "-> void" } },
  ],
  ExpireInvoice: [
    { when: "expire", command: expireInvoice({ at: minute(12) }), cells: {
      ...NOT_FOUND, ...unpaid("-> expired"), checked: "payment_in_progress", ...processing("charge_in_flight"),
      ...paid("nothing"), ...closed("nothing") } },
    { when: "expire before its time", command: expireInvoice({ at }), cells: {
      ...NOT_FOUND, ...unpaid("not_expired"), ...paid("nothing"), ...closed("nothing") } },
  ],
  WriteOffInvoice: [
    { when: "write off", command: writeOffInvoice({ at }), cells: {
      ...NOT_FOUND,
      ...unpaid("-> uncollectible"), checked: "payment_in_progress", ...processing("charge_in_flight"),
      ...paid("invoice_paid"), ...closed("invoice_closed"), uncollectible: "nothing" } },
  ],
  SettleWithNothingDue: [
    { when: "settle with nothing due", command: settleWithNothingDue({ at }), cells: {
      ...NOT_FOUND, ...unpaid("payment_due"), nothing_due: "-> paid", ...paid("nothing"),
      ...closed("invoice_closed") } },
  ],
  AskRefund: [
    { when: "ask a refund of the settling capture", command: refundOfPaid, cells: {
      ...NOT_FOUND, ...unpaid("capture_unknown"), ...paid("recorded"), refunded: "refund_above_captured",
      ...closed("capture_unknown") } },
    { when: "ask a refund of an extra capture", command: refundOfExtra, cells: {
      ...NOT_FOUND, ...unpaid("capture_unknown"), ...paid("recorded"), ...closed("recorded") } },
  ],
  StartRefund: [
    { when: "send a refund", after: [refundOfExtra], command: startRefund({ at }), cells: {
      ...NOT_FOUND, ...unpaid("refund_unknown"), ...paid("recorded"), ...closed("recorded") } },
    { when: "send a refund that is being sent", after: [refundOfExtra, startRefund({ at })], command: startRefund({ at }), cells: {
      ...NOT_FOUND, ...unpaid("refund_unknown"), ...paid("refund_in_flight"), ...closed("refund_in_flight") } },
  ],
  RecordRefund: [
    { when: "refund done", after: [refundOfPaid], command: recordRefund({ amount: rub(50), at }), cells: {
      ...NOT_FOUND, ...unpaid("refund_unknown"),
      paid: "-> partly_refunded", paid_in_flight: "-> partly_refunded", partly_refunded: "recorded", refunded: "refund_unknown",
      ...closed("refund_unknown") } },
    { when: "refund of an extra done", after: [refundOfExtra], command: recordRefund({ amount: rub(50), at }), cells: {
      ...NOT_FOUND, ...unpaid("refund_unknown"), ...paid("recorded"), ...closed("recorded") } },
  ],
  RecordFailedRefund: [
    { when: "refund failed", after: [refundOfExtra], command: recordFailedRefund({ at }), cells: {
      ...NOT_FOUND, ...unpaid("refund_unknown"), ...paid("recorded"), ...closed("recorded") } },
  ],
  RecordLostRefundAnswer: [
    { when: "answer of a refund lost", after: [refundOfExtra], command: recordLostRefundAnswer({ at }), cells: {
      ...NOT_FOUND, ...unpaid("refund_unknown"), ...paid("recorded"), ...closed("recorded") } },
  ],
  RecordEmptyRefundLookUp: [
    { when: "the refund never happened", after: [refundOfExtra, ...refundFinds],
      command: recordEmptyRefundLookUp({ by: "list", at: minute(14) }), cells: {
      ...NOT_FOUND, ...unpaid("refund_unknown"), ...paid("recorded"), ...closed("recorded") } },
  ],
  RecordReportedRefund: [
    { when: "the gateway reports a refund",
      command: recordReportedRefund({ capture: key(PAID), amount: rub(50), at }), cells: {
      ...NOT_FOUND, ...unpaid("capture_unknown"),
      paid: "-> partly_refunded", paid_in_flight: "-> partly_refunded", partly_refunded: "recorded", refunded: "recorded",
      ...closed("capture_unknown") } },
    { when: "the gateway reports a refund of an extra",
      command: recordReportedRefund({ capture: key(EXTRA), at }), cells: {
      ...NOT_FOUND, ...unpaid("capture_unknown"), ...paid("recorded"), ...closed("recorded") } },
  ],
  ReturnCredit: [
    { when: "credit returns", command: returnCredit({ at }), cells: {
      ...NOT_FOUND, ...unpaid("refund_above_credit"),
      paid: "-> partly_refunded", paid_in_flight: "-> partly_refunded", partly_refunded: "recorded", refunded: "refund_above_credit",
      ...closed("refund_above_credit") } },
  ],
  RecordChargeback: [
    { when: "chargeback of the settling capture", command: recordChargeback({ capture: key(PAID), at }), cells: {
      ...NOT_FOUND, ...unpaid("capture_unknown"), ...paid("recorded"), ...closed("capture_unknown") } },
    { when: "chargeback of an extra", command: recordChargeback({ capture: key(EXTRA), at }), cells: {
      ...NOT_FOUND, ...unpaid("capture_unknown"), ...paid("recorded"), ...closed("recorded") } },
  ],
  DecideChargeback: [
    { when: "chargeback lost", after: [recordChargeback({ capture: key(PAID), at })],
      command: decideChargeback({ capture: key(PAID), at }), cells: {
      ...NOT_FOUND, ...unpaid("capture_unknown"),
      paid: "-> partly_refunded", paid_in_flight: "-> partly_refunded", partly_refunded: "recorded", refunded: "recorded",
      ...closed("capture_unknown") } },
    { when: "chargeback won", after: [recordChargeback({ capture: key(PAID), at })],
      command: decideChargeback({ capture: key(PAID), won: true, at }), cells: {
      ...NOT_FOUND, ...unpaid("capture_unknown"), ...paid("recorded"), ...closed("capture_unknown") } },
  ],
};

describe("the invoice's table", () => {
  const histories = Object.entries(COLUMNS).flatMap(([status, columns]) =>
    Object.entries<readonly InvoiceCommand[]>(columns).map(([column, history]) => ({ status, column, history })),
  );
  test.each(histories)("the history of column $column leads to $status", ({ status, history }) => {
    expect(played(initial, history, "all").status).toBe(status as Invoice["status"]);
  });

  for (const [type, rows] of Object.entries(TABLE)) {
    for (const { when, after = [], command, cells } of rows) {
      test(`${type}: ${when}`, () => {
        const outcomes = histories.map(({ column, history }) => {
          const state = played(played(initial, history, "all"), after, "accepted");
          return [column, outcomeOf(command, state)];
        });
        expect(Object.fromEntries(outcomes)).toEqual(cells);
      });
    }
  }
});

const played = (from: Invoice, commands: readonly InvoiceCommand[], which: "all" | "accepted"): Invoice =>
  commands.reduce((state, command) => {
    const decision = decide(command, state);
    if (decision.ok) return decision.value.reduce(evolve, state);
    if (which === "accepted") return state;
    throw new Error(`${command.type} is refused: ${decision.error.code}`);
  }, from);

const outcomeOf = (command: InvoiceCommand, state: Invoice): string => {
  const decision = decide(command, state);
  if (!decision.ok) return decision.error.code;
  if (decision.value.length === 0) return "nothing";
  const after = decision.value.reduce(evolve, state);
  return after.status === state.status ? "recorded" : `-> ${after.status}`;
};
