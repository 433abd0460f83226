import { expect } from "bun:test";
import type { Actor } from "../../src/core/actor.ts";
import type {
  AccountId,
  AttemptId,
  CardId,
  GatewayAccount,
  InvoiceId,
  PlanCode,
  RefundId,
  SubscriptionId,
  TransactionId,
} from "../../src/core/ids.ts";
import {
  decide,
  evolve,
  type Invoice,
  type InvoiceCommand,
  type InvoiceEvent,
  type InvoiceRefusal,
  type InvoiceTerms,
  type IssuedInvoice,
  initial,
} from "../../src/core/invoice/invoice.ts";
import { add, type Money, money } from "../../src/core/money.ts";
import { type Instant, MINUTE_MS, parseInstant, plusMs } from "../../src/core/time.ts";

const instant = (text: string): Instant => {
  const parsed = parseInstant(text);
  if (!parsed.ok) throw new Error(`no instant: ${text}`);
  return parsed.value;
};
/** Monday, when every story begins. */
export const MON = instant("2026-03-02T09:00:00Z");
/** Minutes after the story's beginning. */
export const minute = (count: number): Instant => plusMs(MON, count * MINUTE_MS);
export const hour = (count: number): Instant => minute(count * 60);
export { instant };

export const rub = (roubles: number): Money => money(BigInt(Math.round(roubles * 100)), "RUB");
export const usd = (dollars: number): Money => money(BigInt(Math.round(dollars * 100)), "USD");

const id = <Id extends string>(prefix: string, number: number): Id =>
  `${prefix}_${String(number).padStart(26, "0")}` as Id;
export const attempt = (number: number): AttemptId => id("att", number);
export const refund = (number: number): RefundId => id("rfd", number);
export const transaction = (number: number): TransactionId => `70${number}` as TransactionId;
export const PAYER: AccountId = id("acc", 1);
export const STRANGER: AccountId = id("acc", 2);
export const CARD: CardId = id("crd", 1);
export const GATEWAY = "cloudpayments:pk_live" as GatewayAccount;
export const OTHER_GATEWAY = "cloudpayments:pk_old" as GatewayAccount;
export const OFFER = attempt(1);
export const CHARGE = attempt(2);
export const NEXT = attempt(3);
export const TX_1 = transaction(1);
export const TX_2 = transaction(2);
export const BACK_1 = transaction(11);
export const BACK_2 = transaction(12);
export const RFD_1 = refund(1);
export const RFD_2 = refund(2);
export const MANAGER: Actor = { kind: "staff", name: "st-7", role: "manager" };

/** What is due in every story that does not say otherwise. */
export const DUE = rub(299);

/** The terms of an invoice of one line; `due` and `credit` make the total. */
export const terms = ({
  due = DUE,
  credit = rub(0),
  expiresAt = hour(24),
}: Partial<Pick<InvoiceTerms, "due" | "credit" | "expiresAt">> = {}): InvoiceTerms => {
  const total = add(due, credit);
  const plan = "premium" as PlanCode;
  return {
    invoiceId: id<InvoiceId>("inv", 1),
    accountId: PAYER,
    subscriptionId: id<SubscriptionId>("sub", 1),
    purpose: "first",
    sequence: "1",
    lines: [{ kind: "period", plan, priceVersion: 1, amount: total, period: null }],
    total,
    credit,
    due,
    expiresAt,
  };
};
/** A payment of the gateway: its transaction, and what came. */
export const payment = (
  transactionId: TransactionId,
  amount: Money = DUE,
  gatewayAccount: GatewayAccount = GATEWAY,
) => ({
  gatewayAccount,
  transactionId,
  amount,
});
export const key = (transactionId: TransactionId, gatewayAccount: GatewayAccount = GATEWAY) => ({
  gatewayAccount,
  transactionId,
});

/** Builders show only the fields that a test is about. */
type Of<Union, Type extends string> = Extract<Union, { readonly type: Type }>;
type Over<Fact> = Partial<Omit<Fact, "type">>;
const command =
  <Type extends InvoiceCommand["type"]>(usual: Of<InvoiceCommand, Type>) =>
  (over: Over<Of<InvoiceCommand, Type>> = {}): Of<InvoiceCommand, Type> => ({ ...usual, ...over });
const event =
  <Type extends InvoiceEvent["type"]>(usual: Of<InvoiceEvent, Type>) =>
  (over: Over<Of<InvoiceEvent, Type>> = {}): Of<InvoiceEvent, Type> => ({ ...usual, ...over });

const at = MON;
const capture = key(TX_1);
const decline = { kind: "soft", reason: "insufficient_funds" } as const;

export const issueInvoice = command<"IssueInvoice">({ type: "IssueInvoice", terms: terms(), at });
export const makeOffer = command<"MakeOffer">({ type: "MakeOffer", attemptId: OFFER, gatewayAccount: GATEWAY, at });
export const recordCheck = command<"RecordCheck">({ type: "RecordCheck", attemptId: OFFER, transactionId: TX_1, at });
export const endOffer = command<"EndOffer">({ type: "EndOffer", attemptId: OFFER, at });
export const startCharge = command<"StartCharge">({
  type: "StartCharge",
  attemptId: CHARGE,
  gatewayAccount: GATEWAY,
  cardId: CARD,
  initiator: "schedule",
  at,
});
export const recordSuccess = command<"RecordSuccess">({
  type: "RecordSuccess",
  attemptId: OFFER,
  capture: payment(TX_1),
  accountId: PAYER,
  onlyAuthorised: false,
  at,
});
export const recordDecline = command<"RecordDecline">({
  type: "RecordDecline",
  attemptId: OFFER,
  transactionId: TX_1,
  decline,
  at,
});
export const recordLostAnswer = command<"RecordLostAnswer">({ type: "RecordLostAnswer", attemptId: CHARGE, at });
export const recordEmptyLookUp = command<"RecordEmptyLookUp">({
  type: "RecordEmptyLookUp",
  attemptId: CHARGE,
  by: "find",
  at,
});
export const settleMismatch = command<"SettleMismatch">({
  type: "SettleMismatch",
  payment: capture,
  actor: MANAGER,
  note: "sent back by hand",
  at,
});
export const settleWithNothingDue = command<"SettleWithNothingDue">({ type: "SettleWithNothingDue", at });
export const annulInvoice = command<"AnnulInvoice">({ type: "AnnulInvoice", actor: MANAGER, reason: "staff", at });
export const expireInvoice = command<"ExpireInvoice">({ type: "ExpireInvoice", at });
export const writeOffInvoice = command<"WriteOffInvoice">({ type: "WriteOffInvoice", at });
export const askRefund = command<"AskRefund">({
  type: "AskRefund",
  refundId: RFD_1,
  capture,
  amount: DUE,
  reason: "staff",
  actor: MANAGER,
  at,
});
export const startRefund = command<"StartRefund">({ type: "StartRefund", refundId: RFD_1, at });
export const recordRefund = command<"RecordRefund">({
  type: "RecordRefund",
  refundId: RFD_1,
  transactionId: BACK_1,
  amount: DUE,
  at,
});
export const recordFailedRefund = command<"RecordFailedRefund">({
  type: "RecordFailedRefund",
  refundId: RFD_1,
  reason: "card_closed",
  at,
});
export const recordLostRefundAnswer = command<"RecordLostRefundAnswer">({
  type: "RecordLostRefundAnswer",
  refundId: RFD_1,
  at,
});
export const recordEmptyRefundLookUp = command<"RecordEmptyRefundLookUp">({
  type: "RecordEmptyRefundLookUp",
  refundId: RFD_1,
  by: "find",
  at,
});
export const recordReportedRefund = command<"RecordReportedRefund">({
  type: "RecordReportedRefund",
  capture,
  transactionId: BACK_1,
  amount: DUE,
  at,
});
export const returnCredit = command<"ReturnCredit">({ type: "ReturnCredit", amount: rub(1), at });
export const recordChargeback = command<"RecordChargeback">({ type: "RecordChargeback", capture, at });
export const decideChargeback = command<"DecideChargeback">({
  type: "DecideChargeback",
  capture,
  won: false,
  actor: MANAGER,
  at,
});

export const issued = event<"InvoiceIssued">({ type: "InvoiceIssued", terms: terms(), at });
export const offerMade = event<"OfferMade">({
  type: "OfferMade",
  attemptId: OFFER,
  gatewayAccount: GATEWAY,
  endsAt: hour(1),
  at,
});
export const checkAccepted = event<"CheckAccepted">({
  type: "CheckAccepted",
  attemptId: OFFER,
  transactionId: TX_1,
  at,
});
export const offerClosed = event<"OfferClosed">({
  type: "OfferClosed",
  attemptId: OFFER,
  reason: "superseded",
  at,
});
export const chargeStarted = event<"ChargeStarted">({
  type: "ChargeStarted",
  attemptId: CHARGE,
  gatewayAccount: GATEWAY,
  cardId: CARD,
  initiator: "schedule",
  at,
});
export const paymentSucceeded = event<"PaymentSucceeded">({
  type: "PaymentSucceeded",
  attemptId: OFFER,
  capture: payment(TX_1),
  role: "settling",
  attemptWas: "current",
  at,
});
export const invoicePaid = event<"InvoicePaid">({
  type: "InvoicePaid",
  by: "capture",
  paid: DUE,
  credit: rub(0),
  at,
});
export const paymentDeclined = event<"PaymentDeclined">({
  type: "PaymentDeclined",
  attemptId: OFFER,
  transactionId: TX_1,
  decline,
  at,
});
export const paymentUnknown = event<"PaymentUnknown">({ type: "PaymentUnknown", attemptId: CHARGE, at });
export const lookUpFoundNothing = event<"LookUpFoundNothing">({
  type: "LookUpFoundNothing",
  attemptId: CHARGE,
  by: "find",
  at,
});
export const paymentNeverHappened = event<"PaymentNeverHappened">({
  type: "PaymentNeverHappened",
  attemptId: CHARGE,
  at,
});
export const paymentMismatched = event<"PaymentMismatched">({
  type: "PaymentMismatched",
  attemptId: OFFER,
  payment: capture,
  reason: "amount",
  received: rub(1),
  at,
});
export const mismatchSettled = event<"MismatchSettled">({
  type: "MismatchSettled",
  payment: capture,
  actor: MANAGER,
  note: "sent back by hand",
  at,
});
export const invoiceVoided = event<"InvoiceVoided">({ type: "InvoiceVoided", actor: MANAGER, reason: "staff", at });
export const invoiceExpired = event<"InvoiceExpired">({ type: "InvoiceExpired", at });
export const invoiceWrittenOff = event<"InvoiceWrittenOff">({ type: "InvoiceWrittenOff", at });
export const refundAsked = event<"RefundAsked">({
  type: "RefundAsked",
  refundId: RFD_1,
  capture,
  amount: DUE,
  reason: "staff",
  actor: MANAGER,
  at,
});
export const refundSucceeded = event<"RefundSucceeded">({
  type: "RefundSucceeded",
  refundId: RFD_1,
  transactionId: BACK_1,
  amount: DUE,
  dropped: null,
  overdrawn: false,
  at,
});
export const refundFailed = event<"RefundFailed">({
  type: "RefundFailed",
  refundId: RFD_1,
  reason: "card_closed",
  at,
});
export const refundUnknown = event<"RefundUnknown">({ type: "RefundUnknown", refundId: RFD_1, at });
export const refundLookUpFoundNothing = event<"RefundLookUpFoundNothing">({
  type: "RefundLookUpFoundNothing",
  refundId: RFD_1,
  by: "find",
  at,
});
export const refundReported = event<"RefundReported">({
  type: "RefundReported",
  capture,
  transactionId: BACK_1,
  amount: DUE,
  dropped: null,
  overdrawn: false,
  at,
});
export const creditReturned = event<"CreditReturned">({ type: "CreditReturned", amount: rub(1), at });
export const chargebackRecorded = event<"ChargebackRecorded">({ type: "ChargebackRecorded", capture, at });
export const chargebackDecided = event<"ChargebackDecided">({
  type: "ChargebackDecided",
  capture,
  won: false,
  actor: MANAGER,
  at,
});

export const stateOf = (...history: readonly InvoiceEvent[]): Invoice => history.reduce(evolve, initial);
/** The same, where the history begins with the issue. */
export const issuedStateOf = (...history: readonly InvoiceEvent[]): IssuedInvoice => {
  const state = stateOf(...history);
  if (state.status === "absent") throw new Error("a story begins with the issue");
  return state;
};

export const given = (...history: readonly InvoiceEvent[]) => ({
  when: (asked: InvoiceCommand) => {
    const state = stateOf(...history);
    const decision = decide(asked, state);
    return {
      yields: (...events: readonly InvoiceEvent[]) => expect(decision).toEqual({ ok: true, value: events }),
      refuses: (error: InvoiceRefusal) => expect(decision).toEqual({ ok: false, error }),
      leaves: (status: Invoice["status"]) => {
        if (!decision.ok) throw new Error(`refused: ${decision.error.code}`);
        expect(decision.value.reduce(evolve, state).status).toBe(status);
      },
    };
  },
});
