import type { GatewayAccount, RefundId, TransactionId } from "../ids.ts";
import type { Decline } from "../invoice/invoice.ts";
import type { Currency, Money } from "../money.ts";
import type { Result } from "../result.ts";

/**
 * What a gateway tells us by calling. The adapter verifies the signature over the raw bytes before anything is parsed,
 * and translates; who it concerns and what follows is decided elsewhere, the same for every gateway.
 */
export interface Callbacks {
  /** The word in the callback's path, as in "cloudpayments". */
  readonly gateway: string;
  readonly gatewayAccount: GatewayAccount;
  /** Reads one call. Nothing of it may be believed or kept when it is refused. */
  read(kind: string, call: RawCall): Result<CallbackRead, CallbackRefusal>;
  /** What the gateway expects to hear, in its own words. */
  answer(kind: string, verdict: CallbackVerdict): CallbackAnswer;
}

export type RawCall = {
  readonly method: string;
  /** As sent, without the question mark. */
  readonly query: string;
  readonly header: (name: string) => string | null;
  readonly body: Uint8Array;
};
export type CallbackRefusal =
  /** The path names no kind of callback of this gateway. */
  | { readonly code: "unknown_kind" }
  /** No signature, or a wrong one. */
  | { readonly code: "not_signed" }
  /** Signed, and not to be read: a field is missing or makes no sense. */
  | { readonly code: "malformed"; readonly field: string };

export type CallbackRead = {
  /** Unique within the gateway account: the same key is the same fact told again. */
  readonly eventKey: string;
  readonly told: Told;
};

/** One fact in the domain's words. `reference` is what we named the payment: an attempt's id, or something foreign. */
export type Told =
  /** May this payment go on? Nothing has moved yet. */
  | {
      readonly kind: "check";
      readonly reference: string | null;
      readonly transactionId: TransactionId;
      readonly amount: Money;
      readonly account: string | null;
    }
  | {
      readonly kind: "payment";
      readonly reference: string | null;
      readonly transactionId: TransactionId;
      readonly amount: Money;
      readonly account: string | null;
      /** Blocked and not taken. */
      readonly onlyAuthorised: boolean;
      readonly card: SavedCard | null;
    }
  | {
      readonly kind: "decline";
      readonly reference: string | null;
      readonly transactionId: TransactionId;
      readonly decline: Decline;
    }
  | {
      readonly kind: "refund";
      readonly reference: string | null;
      /** The payment that is given back. */
      readonly of: TransactionId;
      readonly transactionId: TransactionId;
      /** Decimal text, as in "299.00". Its currency is the payment's where the gateway names none. */
      readonly amount: string;
      readonly currency: Currency | null;
      /** Ours, where the gateway has carried it along. */
      readonly refundId: RefundId | null;
    }
  /** Something that changes nothing here; its raw body is kept all the same. */
  | { readonly kind: "other"; readonly what: string };

/** What the vault keeps of a card. */
export type SavedCard = {
  readonly token: string;
  /** As in "424242******4242". */
  readonly mask: string;
  /** As in "12/27"; null when the gateway tells none. */
  readonly expires: string | null;
};

export type CallbackVerdict =
  /** Committed; or, of a check, the payment may go on. */
  | "accepted"
  | CheckRefusal
  /** Signed and not to be read, and kept for a person: a fact has been taken, a check is refused. */
  | "unreadable"
  /** Could not be kept: the gateway shall call again. */
  | "try_again";
/** Why a payment may not go on. Source: design, part 4. */
export type CheckRefusal = "no_such_attempt" | "other_account" | "other_amount" | "closed" | "not_now";
export type CallbackAnswer = { readonly status: number; readonly contentType: string; readonly body: string };
