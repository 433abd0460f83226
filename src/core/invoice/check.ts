import type { RowOf } from "../billing/read-model.ts";
import type { GatewayAccount, TransactionId } from "../ids.ts";
import type { Money } from "../money.ts";
import type { CheckRefusal } from "../ports/callbacks.ts";
import type { Instant } from "../time.ts";
import { awaitsAnswer, CHECK_HOLD_MS } from "./reading.ts";

/** What a gateway asks before it takes money. */
export type AskedCheck = {
  readonly gatewayAccount: GatewayAccount;
  readonly transactionId: TransactionId;
  readonly amount: Money;
  /** As the gateway names the payer; null when it names none. */
  readonly account: string | null;
};
type Known = { readonly attempt: RowOf<"attempts">; readonly invoice: RowOf<"invoices"> };

/**
 * Whether a payment may go on, by the rows of its attempt alone: it is answered while all else is down. Null: it may.
 * Source: design, part 4, "`check` reads Postgres".
 */
export const whyNotPay = (asked: AskedCheck, known: Known | null, at: Instant): CheckRefusal | null => {
  if (known === null || known.attempt.gatewayAccount !== asked.gatewayAccount) return "no_such_attempt";
  const { attempt, invoice } = known;
  if (asked.account !== attempt.accountId) return "other_account";
  if (asked.amount.minor !== attempt.amountMinor || asked.amount.currency !== attempt.currency) return "other_amount";
  // The gateway asks about our own charges too: the claim to charge was the yes, also when another payment came meanwhile.
  if (attempt.kind === "charge") return awaitsAnswer(attempt) ? null : "closed";
  if (PAID.has(invoice.status)) return "not_now";
  if (invoice.status === "processing") return "not_now";
  if (invoice.status !== "open" || attempt.status !== "current") return "closed";
  if (isOver(attempt.endsAt, at) || isOver(invoice.expiresAt, at)) return "closed";
  const { checkTransactionId, checkedAt } = attempt;
  const isHeld = checkedAt !== null && checkTransactionId !== asked.transactionId && at < checkedAt + CHECK_HOLD_MS;
  return isHeld ? "not_now" : null;
};

const PAID: ReadonlySet<string> = new Set(["paid", "partly_refunded", "refunded"]);
const isOver = (endsAt: Instant | null, at: Instant): boolean => endsAt !== null && at >= endsAt;
