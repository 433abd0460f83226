import { createHmac } from "node:crypto";
import { behaviourOf, cardTypeOf, printExpiry, type TypedCard } from "./cards.ts";
import type { Courier } from "./courier.ts";
import type { FaultDice } from "./faults.ts";
import { type Ledger, PAYMENT, REFUND, type SavedCard, type Status, type Transaction } from "./ledger.ts";

export type TillParts = {
  readonly ledger: Ledger;
  readonly courier: Pick<Courier, "add" | "check">;
  readonly faults: FaultDice;
  readonly publicId: string;
  readonly now: () => number;
};
export type Till = ReturnType<typeof openTill>;

/** A payment that somebody asks for. Sums are minor units. */
export type Order = Pick<
  Transaction,
  | "minor"
  | "currency"
  | "invoiceId"
  | "accountId"
  | "email"
  | "description"
  | "jsonData"
  | "culture"
  | "ipAddress"
  | "initiator"
>;
/** What of a card goes into a transaction. */
export type CardFace = Pick<
  Transaction,
  "cardFirstSix" | "cardLastFour" | "cardExpires" | "cardType" | "holder" | "token"
>;
/** How a payment ends when nobody objects. */
export type Ending = {
  /** Of the bank; zero is success. */
  readonly outcome: number;
  readonly twoStage: boolean;
  /** For the faults: "widget" or a method's path. */
  readonly operation: string;
  /** To be saved when the payment succeeds. */
  readonly save: SavedCard | null;
};
/** A movement that can't be made, in the words of the API. */
export type Refusal = { readonly refused: string };

const YEAR_MS = 365 * 24 * 3600 * 1000;
const AUTHENTICATION_FAILED = 5206;

/**
 * Where money moves. A payment takes two steps: `begin` asks the merchant and changes nothing; `end` writes what became of it,
 * in the caller's transaction of the ledger.
 */
export const openTill = ({ ledger, courier, faults, publicId, now }: TillParts) => {
  const numberKey = ledger.factOr("number_key", () => randomHex(32));
  const secretOf = (text: string): string => createHmac("sha256", numberKey).update(text).digest("hex");

  const book = (transaction: Transaction): Transaction => {
    ledger.write(transaction);
    return transaction;
  };
  const succeed = (begun: Transaction, { twoStage, operation, save }: Ending): Transaction => {
    const onlyHeld = twoStage || faults.take(["only_authorised"], operation) !== null;
    const at = now();
    if (save !== null) ledger.saveCard(save);
    const paid = book({
      ...begun,
      status: onlyHeld ? "Authorized" : "Completed",
      reasonCode: 0,
      authorisedAt: at,
      confirmedAt: onlyHeld ? null : at,
      token: save?.token ?? begun.token,
    });
    courier.add("pay", paid);
    return paid;
  };
  const decline = (begun: Transaction, reasonCode: number): Transaction => {
    const declined = book({ ...begun, status: "Declined", reasonCode });
    courier.add("fail", declined);
    return declined;
  };

  return {
    /** The card as this terminal knows it; the same number and account have the same token. */
    saved: (card: TypedCard, accountId: string): SavedCard => ({
      token: `tk_${secretOf(`${publicId} ${accountId} ${card.number}`).slice(0, 29)}`,
      accountId,
      firstSix: card.number.slice(0, 6),
      lastFour: card.number.slice(-4),
      month: card.month,
      year: card.year,
      type: cardTypeOf(card.number),
      holder: card.holder || null,
      outcome: behaviourOf(card.number).byToken,
    }),
    /** @returns the transaction that is not written yet, and the merchant's objection: a reason code, or zero */
    begin: async (order: Order, face: CardFace, twoStage: boolean) => {
      const begun: Transaction = {
        ...order,
        ...face,
        id: nextId(ledger),
        type: PAYMENT,
        status: twoStage ? "Authorized" : "Completed",
        reasonCode: 0,
        createdAt: now(),
        authorisedAt: null,
        confirmedAt: null,
        originalId: null,
      };
      return { begun, objection: await courier.check(begun) };
    },
    end: (begun: Transaction, objection: number, ending: Ending): Transaction => {
      const reasonCode = objection === 0 ? ending.outcome : objection;
      return reasonCode === 0 ? succeed(begun, ending) : decline(begun, reasonCode);
    },
    /** The holder is sent to the bank's page first. */
    awaitHolder: (begun: Transaction): Transaction => book({ ...begun, status: "AwaitingAuthentication" }),
    /** The holder came back. Asked again, it changes nothing. */
    authenticated: (id: number, approved: boolean, ending: Ending): Transaction | null => {
      const begun = ledger.transaction(id);
      if (begun?.status !== "AwaitingAuthentication") return begun;
      const outcome = approved ? ending.outcome : AUTHENTICATION_FAILED;
      return outcome === 0 ? succeed(begun, ending) : decline(begun, outcome);
    },
    confirm: (id: number, minor: number): Transaction | Refusal => {
      const held = paymentIn(ledger, id, "Authorized");
      if ("refused" in held) return held;
      if (minor > held.minor) return { refused: "Amount is greater than the authorized amount" };
      const confirmed = book({ ...held, minor, status: "Completed", confirmedAt: now() });
      courier.add("confirm", confirmed);
      return confirmed;
    },
    letGo: (id: number): Transaction | Refusal => {
      const held = paymentIn(ledger, id, "Authorized");
      if ("refused" in held) return held;
      const cancelled = book({ ...held, status: "Cancelled" });
      courier.add("cancel", cancelled);
      return cancelled;
    },
    refund: (id: number, minor: number, jsonData: string | null): Transaction | Refusal => {
      const payment = paymentIn(ledger, id, "Completed");
      if ("refused" in payment) return payment;
      if (now() - payment.createdAt > YEAR_MS) return { refused: "The payment is older than one year" };
      if (ledger.refundedMinor(id) + minor > payment.minor)
        return { refused: "Amount is greater than the rest of the payment" };
      const at = now();
      const refunded = book({
        ...payment,
        id: nextId(ledger),
        type: REFUND,
        minor,
        jsonData,
        createdAt: at,
        authorisedAt: at,
        confirmedAt: at,
        originalId: id,
      });
      courier.add("refund", refunded);
      return refunded;
    },
  };
};

export const faceOf = (card: TypedCard): CardFace => ({
  cardFirstSix: card.number.slice(0, 6),
  cardLastFour: card.number.slice(-4),
  cardExpires: printExpiry(card),
  cardType: cardTypeOf(card.number),
  holder: card.holder || null,
  token: null,
});

export const faceOfSaved = (card: SavedCard): CardFace => ({
  cardFirstSix: card.firstSix,
  cardLastFour: card.lastFour,
  cardExpires: printExpiry(card),
  cardType: card.type,
  holder: card.holder,
  token: card.token,
});

export const randomHex = (digits: number): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(Math.ceil(digits / 2))))
    .toString("hex")
    .slice(0, digits);

/** Above 2^31, where the live gateway's ids are, so that nobody keeps them in 32 bits. */
const FIRST_ID = 3_000_000_001;
const nextId = (ledger: Ledger): number =>
  ledger.atomically(() => {
    const id = Number(ledger.factOr("next_id", () => String(FIRST_ID)));
    ledger.setFact("next_id", String(id + 1));
    return id;
  });

const paymentIn = (ledger: Ledger, id: number, status: Status): Transaction | Refusal => {
  const payment = ledger.transaction(id);
  if (payment === null || payment.type !== PAYMENT) return { refused: "Transaction not found" };
  return payment.status === status ? payment : { refused: `Transaction is ${payment.status}` };
};
