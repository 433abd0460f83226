import { availableCredit } from "../customer/customer.ts";
import {
  type AccountId,
  type AttemptId,
  type CardId,
  encodeDerivedId,
  type GatewayAccount,
  type IdKind,
  type InvoiceId,
  type NoticeId,
  type QuoteId,
  type RefundId,
  type SetupId,
  type SubscriptionId,
} from "../ids.ts";
import type { InvoiceLine, Purpose } from "../invoice/invoice.ts";
import { type Currency, smaller, subtract, sum } from "../money.ts";
import type { BillingPolicy } from "../policy.ts";
import type { Digest } from "../ports/digest.ts";
import { Bug, type Result } from "../result.ts";
import type { Instant } from "../time.ts";
import type { Received } from "./command.ts";
import type { InvoiceIndex } from "./subject.ts";
import type { MachineRefusal, Workspace } from "./workspace.ts";

/** One decision at work: what was asked, when, and the streams it concerns. */
export type Desk = {
  readonly work: Workspace;
  readonly received: Received;
  /** Billing time of this decision. */
  readonly at: Instant;
  readonly policy: BillingPolicy;
  /** Where new money is taken. */
  readonly gatewayAccount: GatewayAccount;
  readonly newId: NewId;
  readonly index: InvoiceIndex;
  /** Draws all consequences of what has been decided so far; what is decided next sees them. */
  settle(): void;
};

/** Ids of what this command makes: the same command and name give the same id again. */
export type NewId = {
  attempt(name: string): AttemptId;
  card(name: string): CardId;
  invoice(name: string): InvoiceId;
  notice(name: string): NoticeId;
  quote(name: string): QuoteId;
  refund(name: string): RefundId;
  setup(name: string): SetupId;
  subscription(name: string): SubscriptionId;
};

export const newIds = (digest: Digest, received: Pick<Received, "id" | "receivedAt">): NewId => {
  const derive = (kind: IdKind, name: string) =>
    encodeDerivedId(kind, digest(`${received.id}/${kind}/${name}`), received.receivedAt);
  return {
    attempt: (name) => derive("attempt", name) as AttemptId,
    card: (name) => derive("card", name) as CardId,
    invoice: (name) => derive("invoice", name) as InvoiceId,
    notice: (name) => derive("notice", name) as NoticeId,
    quote: (name) => derive("quote", name) as QuoteId,
    refund: (name) => derive("refund", name) as RefundId,
    setup: (name) => derive("setup", name) as SetupId,
    subscription: (name) => derive("subscription", name) as SubscriptionId,
  };
};

/** A machine refuses what can only be accepted here: our own code has broken a promise. */
export const must = (ran: Result<null, MachineRefusal>): void => {
  if (!ran.ok) throw new Bug(`a follow-up was refused: ${ran.error.code}`);
};

/** The refusals named are an answer too; any other is a Bug. */
export const may = (ran: Result<null, MachineRefusal>, ...codes: readonly MachineRefusal["code"][]): void => {
  if (!ran.ok && !codes.includes(ran.error.code)) throw new Bug(`a follow-up was refused: ${ran.error.code}`);
};

/** Issues an invoice; what the account has of credit pays its share first. */
export const issueInvoice = (
  { work, at }: Desk,
  invoice: {
    readonly invoiceId: InvoiceId;
    readonly accountId: AccountId;
    readonly subscriptionId: SubscriptionId | null;
    readonly purpose: Purpose;
    readonly sequence: string;
    readonly lines: readonly InvoiceLine[];
    readonly currency: Currency;
    readonly expiresAt: Instant | null;
  },
): void => {
  const { currency, ...rest } = invoice;
  const total = sum(
    invoice.lines.map((line) => line.amount),
    currency,
  );
  const credit = smaller(availableCredit(work.customer(invoice.accountId), currency), total);
  const terms = { ...rest, total, credit, due: subtract(total, credit) };
  // Its id derives from this command's: one that exists says that the command was done before, as storage will answer.
  may(work.onInvoice(invoice.invoiceId, { type: "IssueInvoice", terms, at }), "invoice_exists");
};
