import type { Actor } from "../actor.ts";
import type { NewPrice, PlanDescription } from "../catalog/plan.ts";
import type {
  AccountId,
  AttemptId,
  CardId,
  CommandId,
  GatewayAccount,
  InvoiceId,
  PlanCode,
  QuoteId,
  RefundId,
  SetupId,
  SubscriptionId,
  TransactionId,
} from "../ids.ts";
import type { Decline, InvoiceLine, LookUp } from "../invoice/invoice.ts";
import type { Money } from "../money.ts";
import type { Instant, Zone } from "../time.ts";

/**
 * What billing can be asked. Named `<aggregate>.<verb>`, on the bus too. A command carries who and what, never a sum that
 * our own rows know, never a token: a card goes by its id, and its token waits in the vault.
 */
export type Command = PlanCommands | PayerCommands | StaffCommands | GatewayFacts | OwnWork;

type PlanCommands =
  | {
      readonly type: "plan.create";
      readonly plan: PlanCode;
      readonly description: PlanDescription;
      readonly price: NewPrice;
    }
  | { readonly type: "plan.describe"; readonly plan: PlanCode; readonly description: PlanDescription }
  | { readonly type: "plan.set_price"; readonly plan: PlanCode; readonly price: NewPrice }
  | { readonly type: "plan.archive"; readonly plan: PlanCode }
  | { readonly type: "plan.restore"; readonly plan: PlanCode };

type PayerCommands =
  /** `consent`: version of the text on automatic renewal that the payer has ticked; asked anew for each subscription. */
  | {
      readonly type: "subscription.start";
      readonly accountId: AccountId;
      readonly plan: PlanCode;
      readonly zone: Zone;
      readonly consent: string | null;
    }
  | { readonly type: "subscription.stop"; readonly subscriptionId: SubscriptionId }
  | { readonly type: "subscription.undo_stop"; readonly subscriptionId: SubscriptionId }
  | {
      readonly type: "subscription.cancel";
      readonly subscriptionId: SubscriptionId;
      readonly refund:
        | { readonly by: "policy" }
        | { readonly by: "staff"; readonly amount: Money; readonly reason: string };
    }
  | { readonly type: "subscription.quote_change"; readonly subscriptionId: SubscriptionId; readonly plan: PlanCode }
  | { readonly type: "subscription.change"; readonly subscriptionId: SubscriptionId; readonly quoteId: QuoteId }
  | { readonly type: "subscription.drop_change"; readonly subscriptionId: SubscriptionId }
  | { readonly type: "subscription.pay_ahead"; readonly subscriptionId: SubscriptionId }
  /** `until`: a local date, as in "2026-12-24"; the pause ends at its local 00:00. */
  | {
      readonly type: "subscription.pause";
      readonly subscriptionId: SubscriptionId;
      readonly when: "now" | "at_period_end";
      readonly until: string;
    }
  | { readonly type: "subscription.resume"; readonly subscriptionId: SubscriptionId }
  /** Asks for widget JSON. With `consent` the widget asks for a token as well. */
  | { readonly type: "invoice.offer"; readonly invoiceId: InvoiceId; readonly consent: string | null }
  | { readonly type: "setup.offer"; readonly accountId: AccountId; readonly consent: string }
  | { readonly type: "consent.withdraw"; readonly accountId: AccountId }
  | { readonly type: "card.remove"; readonly accountId: AccountId; readonly cardId: CardId }
  | { readonly type: "card.prefer"; readonly accountId: AccountId; readonly cardId: CardId };

type StaffCommands =
  | { readonly type: "invoice.issue"; readonly accountId: AccountId; readonly lines: readonly InvoiceLine[] }
  | { readonly type: "invoice.annul"; readonly invoiceId: InvoiceId }
  | { readonly type: "invoice.write_off"; readonly invoiceId: InvoiceId }
  /** `access`: whether the subscription that the invoice paid for goes on or ends. */
  | {
      readonly type: "payment.refund";
      readonly invoiceId: InvoiceId;
      readonly gatewayAccount: GatewayAccount;
      readonly transactionId: TransactionId;
      readonly amount: Money;
      readonly access: "keep" | "end";
    }
  | {
      readonly type: "payment.settle_mismatch";
      readonly invoiceId: InvoiceId;
      readonly gatewayAccount: GatewayAccount;
      readonly transactionId: TransactionId;
      readonly note: string;
    }
  | {
      readonly type: "payment.decide_chargeback";
      readonly invoiceId: InvoiceId;
      readonly gatewayAccount: GatewayAccount;
      readonly transactionId: TransactionId;
      readonly won: boolean;
    }
  | { readonly type: "credit.add"; readonly accountId: AccountId; readonly amount: Money; readonly reason: string }
  | { readonly type: "account.erase"; readonly accountId: AccountId };

/** What a gateway told, by callback or in an answer; already verified and translated by its adapter. */
type GatewayFacts =
  | { readonly type: "payment.check"; readonly attemptId: AttemptId; readonly transactionId: TransactionId }
  /** `cardId`: the card whose token came along and is in the vault already. */
  | {
      readonly type: "payment.succeed";
      readonly attemptId: AttemptId;
      readonly gatewayAccount: GatewayAccount;
      readonly transactionId: TransactionId;
      readonly amount: Money;
      readonly accountId: AccountId | null;
      readonly onlyAuthorised: boolean;
      readonly cardId: CardId | null;
    }
  | {
      readonly type: "payment.decline";
      readonly attemptId: AttemptId;
      readonly transactionId: TransactionId | null;
      readonly decline: Decline;
    }
  | { readonly type: "payment.lose_answer"; readonly attemptId: AttemptId }
  | { readonly type: "payment.find_nothing"; readonly attemptId: AttemptId; readonly by: LookUp }
  | {
      readonly type: "payment.charge_back";
      readonly gatewayAccount: GatewayAccount;
      readonly transactionId: TransactionId;
    }
  | {
      readonly type: "refund.succeed";
      readonly refundId: RefundId;
      readonly transactionId: TransactionId;
      readonly amount: Money;
    }
  | { readonly type: "refund.fail"; readonly refundId: RefundId; readonly reason: string }
  | { readonly type: "refund.lose_answer"; readonly refundId: RefundId }
  | { readonly type: "refund.find_nothing"; readonly refundId: RefundId; readonly by: LookUp }
  /** A refund that the gateway tells of by the transaction that it gives back. */
  | {
      readonly type: "refund.report";
      readonly gatewayAccount: GatewayAccount;
      readonly captureTransactionId: TransactionId;
      readonly transactionId: TransactionId;
      readonly amount: Money;
    }
  | {
      readonly type: "setup.hold";
      readonly setupId: SetupId;
      readonly transactionId: TransactionId;
      readonly amount: Money;
      readonly accountId: AccountId | null;
      readonly captured: boolean;
    }
  | { readonly type: "setup.decline"; readonly setupId: SetupId }
  | { readonly type: "setup.void"; readonly setupId: SetupId }
  | { readonly type: "setup.lose_void_answer"; readonly setupId: SetupId }
  /** A look-up tells that the sum is still held. */
  | { readonly type: "setup.find_held"; readonly setupId: SetupId };

/** What our own sweeps and workers ask when something falls due. */
type OwnWork =
  /** The intent to charge a saved card, and the claim to it. `cardId` null: the preferred one. */
  | { readonly type: "invoice.charge"; readonly invoiceId: InvoiceId; readonly cardId: CardId | null }
  /** The intent to send a refund that was asked for, and the claim to it. */
  | { readonly type: "refund.start"; readonly refundId: RefundId }
  | { readonly type: "invoice.expire"; readonly invoiceId: InvoiceId }
  | { readonly type: "invoice.end_offer"; readonly invoiceId: InvoiceId; readonly attemptId: AttemptId }
  /** The answer to a renewal's charge has been unknown for 24 hours. */
  | { readonly type: "invoice.give_up_waiting"; readonly invoiceId: InvoiceId }
  | { readonly type: "subscription.pass_boundary"; readonly subscriptionId: SubscriptionId }
  | { readonly type: "subscription.close_dunning"; readonly subscriptionId: SubscriptionId }
  /** The notice that is due now; what it says follows from the subscription. */
  | { readonly type: "subscription.give_notice"; readonly subscriptionId: SubscriptionId }
  | { readonly type: "setup.ask_void"; readonly setupId: SetupId }
  | { readonly type: "setup.expire"; readonly setupId: SetupId };

export type CommandType = Command["type"];

/** A command as it was accepted: who asked, and the id that makes it happen once. */
export type Received = {
  /** Scoped: see design 1.5. What the command makes gets ids derived from it. */
  readonly id: CommandId;
  /** Of the parsed body. The same id with another fingerprint is another command: refused. */
  readonly fingerprint: string;
  readonly actor: Actor;
  /** When it was accepted, stored with it: a second run sees the same instant. */
  readonly receivedAt: Instant;
  readonly command: Command;
};
