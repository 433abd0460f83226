import type { AttemptId, GatewayAccount, RefundId, TransactionId } from "../../core/ids.ts";
import { type Money, money } from "../../core/money.ts";
import type {
  ChargeAnswer,
  ChargeRequest,
  Movement,
  PaymentFault,
  Payments,
  RefundAnswer,
} from "../../core/ports/payments.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { Instant } from "../../core/time.ts";

/** What befalls one request that moves money. `lost`: it is done, and nobody hears of it. */
export type Fate = "done" | "lost" | "never_arrives" | "unavailable" | "pending" | { readonly refused: string };

/** A gateway in memory with books of its own. It never lies in look-ups; what requests meet is told beforehand. */
export type MemoryPayments = Payments & {
  readonly books: readonly Movement[];
  /** What the next requests meet, in order; after them all goes well. */
  befall(...fates: readonly Fate[]): void;
  /** A payer pays an attempt in the widget. */
  take(attemptId: AttemptId, amount: Money, over?: Partial<Pick<Payment, "accountId" | "status">>): Payment;
};
type Payment = Extract<Movement, { readonly kind: "payment" }>;

export const memoryPayments = (gatewayAccount: GatewayAccount, now: () => Instant): MemoryPayments => {
  const books: Movement[] = [];
  const fates: Fate[] = [];
  const next = (): TransactionId => `${books.length + 1}` as TransactionId;
  const enter = <M extends Movement>(movement: M): M => {
    books.push(movement);
    return movement;
  };
  const take: MemoryPayments["take"] = (attemptId, amount, over = {}) =>
    enter({
      kind: "payment",
      transactionId: next(),
      attemptId,
      at: now(),
      status: "captured",
      amount,
      accountId: null,
      ...over,
    });
  const leftOf = (of: TransactionId): bigint =>
    books.reduce((left, one) => {
      if (one.kind === "payment" && one.transactionId === of) return left + one.amount.minor;
      return one.kind === "refund" && one.of === of ? left - one.amount.minor : left;
    }, 0n);

  const charge = ({ attemptId, accountId, amount }: ChargeRequest): Result<ChargeAnswer, PaymentFault> => {
    const fate = fates.shift() ?? "done";
    const fault = faultOf(fate);
    if (fault !== null && fate !== "lost") return err(fault);
    if (typeof fate === "object") {
      const decline = { kind: "hard", reason: "refused" } as const;
      const { transactionId } = enter({ kind: "decline", transactionId: next(), attemptId, at: now(), decline });
      return ok({ status: "declined", transactionId, decline });
    }
    const { transactionId } = take(attemptId, amount, { accountId });
    if (fault !== null) return err(fault);
    if (fate === "pending") return ok({ status: "pending" });
    return ok({ status: "captured", transactionId, amount, accountId, onlyAuthorised: false });
  };

  const refund = (refundId: RefundId | null, of: TransactionId, amount: Money): Result<RefundAnswer, PaymentFault> => {
    const fate = fates.shift() ?? "done";
    const fault = faultOf(fate);
    if (fault !== null && fate !== "lost") return err(fault);
    if (typeof fate === "object") return ok({ status: "refused", reason: fate.refused });
    if (amount.minor > leftOf(of)) return ok({ status: "refused", reason: "more than is left" });
    const { transactionId } = enter({
      kind: "refund",
      transactionId: next(),
      attemptId: null,
      at: now(),
      of,
      amount,
      refundId,
    });
    if (fault !== null) return err(fault);
    return ok(fate === "pending" ? { status: "pending" } : { status: "done", transactionId });
  };

  return {
    gatewayAccount,
    books,
    befall: (...more) => void fates.push(...more),
    take,
    widget: (offer) => ({
      gateway: "memory",
      script: "about:blank",
      parameters: JSON.stringify({ attemptId: offer.attemptId, saveCard: offer.saveCard }),
      page: null,
    }),
    charge: async (request) => charge(request),
    find: async (attemptId) => {
      const about = books.filter((one) => one.attemptId === attemptId);
      const paid = about.find((one): one is Payment => one.kind === "payment");
      if (paid !== undefined) {
        const { transactionId, amount, accountId, status } = paid;
        return ok({ status: "captured", transactionId, amount, accountId, onlyAuthorised: status === "authorised" });
      }
      const last = about.at(-1);
      if (last?.kind !== "decline") return ok({ status: "nothing" });
      return ok({ status: "declined", transactionId: last.transactionId, decline: last.decline });
    },
    list: async ({ start, end }) => ok(books.filter(({ at }) => start <= at && at < end)),
    refund: async ({ refundId, transactionId, amount }) => refund(refundId, transactionId, amount),
    void: async (_, transactionId) => {
      const held = books.find((one) => one.transactionId === transactionId);
      if (held?.kind !== "payment") return ok({ status: "refused", reason: "there is no such hold" });
      return refund(null, transactionId, money(leftOf(transactionId), held.amount.currency));
    },
  };
};

const faultOf = (fate: Fate): PaymentFault | null => {
  if (fate === "unavailable") return { code: "gateway_unavailable", retryAfterMs: 1000 };
  return fate === "lost" || fate === "never_arrives" ? { code: "answer_lost" } : null;
};
