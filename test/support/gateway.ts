import type { AttemptId, RefundId, SetupId, TransactionId } from "../../src/core/ids.ts";
import type { Decline } from "../../src/core/invoice/invoice.ts";
import type { Money } from "../../src/core/money.ts";
import { transactionNamed } from "./cinema.ts";

/** One movement in the gateway's own books. A refund without our id was made at the gateway's own desk. */
export type Movement = { readonly transactionId: TransactionId; readonly amount: Money } & (
  | { readonly kind: "payment"; readonly attemptId: AttemptId; readonly onlyAuthorised: boolean }
  | { readonly kind: "decline"; readonly attemptId: AttemptId; readonly decline: Decline }
  | { readonly kind: "hold"; readonly setupId: SetupId; voided: boolean }
  | { readonly kind: "refund"; readonly of: TransactionId; readonly refundId: RefundId | null }
);

/** What befalls one request: whether it gets there, what comes of it, and whether we hear of it. */
export type Fate =
  | "done"
  | "done_unheard"
  | "never_arrives"
  /** It is done, and we are told by callback: `untold` holds it until then. */
  | "pending"
  | Decline
  | { readonly unheard: Decline }
  /** Another sum is taken than we asked for. */
  | { readonly takes: Money }
  | "only_authorised"
  /** Of a refund or a void: the gateway will not. */
  | "refused";

export type Answer<T> = { readonly heard: true; readonly movement: T } | "unheard" | "pending" | "refused";

export const SOFT: Decline = { kind: "soft", reason: "insufficient_funds" };
export const HARD: Decline = { kind: "hard", reason: "card_expired" };
export const ASK_PAYER: Decline = { kind: "ask_payer", reason: "authentication_required" };
export const OUTAGE: Decline = { kind: "our_outage", reason: "gateway_unavailable" };

/**
 * A gateway with books of its own: what really happened, whatever we were told of it. It answers look-ups by these and
 * never lies in them. `fates` befall the next requests in order; after them all goes well.
 */
export const openGateway = (fates: Fate[] = []) => {
  const books: Movement[] = [];
  const untold: Movement[] = [];
  const lost = new Set<TransactionId>();
  let count = 0;
  const next = (): TransactionId => {
    count += 1;
    return transactionNamed(`t${count}`);
  };
  const enter = <M extends Movement>(movement: M): M => {
    books.push(movement);
    return movement;
  };
  const fate = (): Fate => fates.shift() ?? "done";

  /** What of a payment has not gone back. */
  const left = (of: TransactionId): bigint => {
    if (lost.has(of)) return 0n;
    return books.reduce((all, one) => {
      if (one.kind === "payment" && one.transactionId === of) return all + one.amount.minor;
      return one.kind === "refund" && one.of === of ? all - one.amount.minor : all;
    }, 0n);
  };
  const take = (attemptId: AttemptId, amount: Money, onlyAuthorised = false) =>
    enter({ kind: "payment", transactionId: next(), attemptId, amount, onlyAuthorised });
  const decline = (attemptId: AttemptId, amount: Money, why: Decline) =>
    enter({ kind: "decline", transactionId: next(), attemptId, amount, decline: why });

  return {
    books,
    /** What has happened and is still to be told by callback. */
    untold,
    /** What befalls the next requests, after what was said before. */
    befall: (...more: readonly Fate[]) => void fates.push(...more),
    /** From now on all goes well. */
    heal: () => void fates.splice(0),
    /** The bank has taken back what was left of a payment. */
    lose: (of: TransactionId) => void lost.add(of),
    /** A payer pays in the widget, or is declined there. */
    take,
    decline,
    /** Holds a small sum to prove a card. */
    hold: (setupId: SetupId, amount: Money) =>
      enter({ kind: "hold", transactionId: next(), setupId, amount, voided: false }),
    /** Gives money back from the gateway's own desk, or for `refundId`. */
    giveBack: (of: TransactionId, amount: Money, refundId: RefundId | null = null) =>
      enter({ kind: "refund", transactionId: next(), of, refundId, amount }),

    charge: (attemptId: AttemptId, amount: Money): Answer<Extract<Movement, { attemptId: AttemptId }>> => {
      const befalls = fate();
      if (befalls === "never_arrives") return "unheard";
      if (befalls === "done_unheard") {
        take(attemptId, amount);
        return "unheard";
      }
      if (befalls === "pending") {
        untold.push(take(attemptId, amount));
        return "pending";
      }
      if (typeof befalls === "object" && "unheard" in befalls) {
        decline(attemptId, amount, befalls.unheard);
        return "unheard";
      }
      if (typeof befalls === "object" && "takes" in befalls)
        return { heard: true, movement: take(attemptId, befalls.takes) };
      if (typeof befalls === "object") return { heard: true, movement: decline(attemptId, amount, befalls) };
      return { heard: true, movement: take(attemptId, amount, befalls === "only_authorised") };
    },
    refund: (refundId: RefundId, of: TransactionId, amount: Money): Answer<Extract<Movement, { kind: "refund" }>> => {
      const befalls = fate();
      // No gateway gives back more than it took.
      if (befalls === "refused" || amount.minor > left(of)) return "refused";
      if (befalls === "never_arrives") return "unheard";
      const movement = enter({ kind: "refund", transactionId: next(), of, refundId, amount } as const);
      if (befalls === "pending") untold.push(movement);
      if (befalls === "pending" || befalls === "done_unheard") return befalls === "pending" ? "pending" : "unheard";
      return { heard: true, movement };
    },
    void: (setupId: SetupId): { readonly heard: boolean } => {
      const befalls = fate();
      const held = books.find((one) => one.kind === "hold" && one.setupId === setupId);
      if (befalls !== "never_arrives" && befalls !== "refused" && held?.kind === "hold") held.voided = true;
      return { heard: befalls !== "never_arrives" && befalls !== "done_unheard" && befalls !== "refused" };
    },

    /** The last word on an attempt: money when there is any, else a decline. */
    ofAttempt: (attemptId: AttemptId) => {
      const about = books.filter(
        (one) => (one.kind === "payment" || one.kind === "decline") && one.attemptId === attemptId,
      );
      return about.find((one) => one.kind === "payment") ?? about.at(-1) ?? null;
    },
    ofRefund: (refundId: RefundId) => books.find((one) => one.kind === "refund" && one.refundId === refundId) ?? null,
    left,
    isKnown: (setupId: SetupId) => books.some((one) => one.kind === "hold" && one.setupId === setupId),
    isHeld: (setupId: SetupId) => books.some((one) => one.kind === "hold" && one.setupId === setupId && !one.voided),
  };
};
export type Gateway = ReturnType<typeof openGateway>;
