import type {
  AccountId,
  AttemptId,
  CardId,
  GatewayAccount,
  InvoiceId,
  RefundId,
  SetupId,
  TransactionId,
} from "../ids.ts";
import type { Decline, Initiator } from "../invoice/invoice.ts";
import type { Money } from "../money.ts";
import type { Result } from "../result.ts";
import type { Instant, Period } from "../time.ts";

/** One account at one gateway. Speaks of attempts and refunds; the gateway's own words end in the adapter. */
export interface Payments {
  readonly gatewayAccount: GatewayAccount;
  /** What the payer's page passes to the gateway's widget. Nothing is asked of the gateway; nothing moves until the payer acts. */
  widget(offer: WidgetOffer): Widget;
  /**
   * Charges a saved card. Called once for an attempt, right after its intent was committed, and never again: a gateway's
   * own idempotency lasts an hour, so an unanswered charge is looked up.
   * @returns a decline is an answer; a fault means that there was no usable one
   */
  charge(charge: ChargeRequest): Promise<Result<ChargeAnswer, PaymentFault>>;
  /** What the gateway knows of one attempt. Says nothing of what it has not heard yet. */
  find(attemptId: AttemptId): Promise<Result<Found, PaymentFault>>;
  /** All movements of a stretch of time, at most a day, in any order: the last word on what happened. */
  list(period: Period): Promise<Result<readonly Movement[], PaymentFault>>;
  /** Gives money of one capture back. Called once for a refund; an unanswered one is looked up in the list. */
  refund(refund: RefundRequest): Promise<Result<RefundAnswer, PaymentFault>>;
  /** Lets go of money that is only held (a card set-up). */
  void(setupId: SetupId, transactionId: TransactionId): Promise<Result<RefundAnswer, PaymentFault>>;
}

export type WidgetOffer = {
  readonly attemptId: AttemptId;
  readonly invoiceId: InvoiceId;
  readonly accountId: AccountId;
  readonly amount: Money;
  readonly description: string;
  readonly language: "ru" | "en";
  /** Only when the payer has ticked automatic renewal. */
  readonly saveCard: boolean;
  readonly email: string | null;
};
export type Widget = {
  readonly gateway: string;
  /** Address of the script that the payer's page loads. */
  readonly script: string;
  /** Defined by the gateway's widget and opaque to us: JSON text that the page passes to it, unchanged. */
  readonly parameters: string;
  /** A page that shows the widget by itself, where the gateway has one. */
  readonly page: string | null;
};

export type ChargeRequest = {
  readonly attemptId: AttemptId;
  readonly accountId: AccountId;
  readonly cardId: CardId;
  /** From the vault, never from an event. */
  readonly token: string;
  readonly amount: Money;
  readonly initiator: Initiator;
  readonly description: string;
};
export type Captured = {
  readonly transactionId: TransactionId;
  readonly amount: Money;
  readonly accountId: AccountId | null;
  readonly onlyAuthorised: boolean;
};
export type ChargeAnswer =
  | ({ readonly status: "captured" } & Captured)
  | { readonly status: "declined"; readonly transactionId: TransactionId | null; readonly decline: Decline }
  /** The gateway will tell by callback. */
  | { readonly status: "pending" };
export type Found = ChargeAnswer | { readonly status: "nothing" };

export type Movement = {
  readonly transactionId: TransactionId;
  /** Null: it names no attempt of ours. */
  readonly attemptId: AttemptId | null;
  readonly at: Instant;
} & (
  | {
      readonly kind: "payment";
      /** `voided`: what was only authorised has been let go of. */
      readonly status: "captured" | "authorised" | "voided";
      readonly amount: Money;
      readonly accountId: AccountId | null;
    }
  | { readonly kind: "decline"; readonly decline: Decline }
  /** `refundId`: ours, where the gateway has kept it. */
  | { readonly kind: "refund"; readonly of: TransactionId; readonly amount: Money; readonly refundId: RefundId | null }
);

export type RefundRequest = {
  readonly refundId: RefundId;
  readonly transactionId: TransactionId;
  readonly amount: Money;
};
export type RefundAnswer =
  | { readonly status: "done"; readonly transactionId: TransactionId }
  | { readonly status: "refused"; readonly reason: string }
  | { readonly status: "pending" };

export type PaymentFault =
  /** Nothing was asked: no connection, too many requests. Safe to ask again. */
  | { readonly code: "gateway_unavailable"; readonly retryAfterMs: number }
  /** Money may have moved. Look it up; never ask again under a new id. */
  | { readonly code: "answer_lost" };
