import type { Actor } from "../actor.ts";
import type { AccountId, CardId, GatewayAccount, InvoiceId, SubscriptionId } from "../ids.ts";
import { add, type Currency, equal, isPositive, type Money, subtract, sum, zero } from "../money.ts";
import { err, invariant, ok, type Result, unreachable } from "../result.ts";
import type { Instant } from "../time.ts";

/** What belongs to an account as a whole. Its stream orders all that must not happen twice at once for one payer. */
export type Customer = { readonly status: "absent" } | KnownCustomer;
export type KnownCustomer = {
  readonly status: "known" | "erased";
  readonly accountId: AccountId;
  readonly current: SubscriptionId | null;
  /** Starts where the current one ends. */
  readonly queued: SubscriptionId | null;
  readonly trialUsed: boolean;
  readonly credits: readonly Credit[];
  readonly cards: readonly Card[];
  readonly consent: Consent | null;
  /** Invoices with an open chargeback: while there is one, nothing is charged to this account. */
  readonly disputes: readonly InvoiceId[];
};

/** Money of the account that was not taken by a gateway now: what a change left over. One for each currency. */
export type Credit = {
  readonly currency: Currency;
  /** All that is there, reserved or not; never below zero. */
  readonly balance: Money;
  readonly reservations: readonly { readonly invoiceId: InvoiceId; readonly amount: Money }[];
};
/** A saved card by its id; the token is in the vault, and worth something at one gateway account only. */
export type Card = {
  readonly cardId: CardId;
  readonly gatewayAccount: GatewayAccount;
  readonly savedAt: Instant;
  /** `blocked`: a hard decline forbids any automatic try with it. */
  readonly status: "active" | "blocked" | "removed";
  /** The card that automatic charges use. */
  readonly preferred: boolean;
};
/** The payer's word on automatic renewal, for the whole account. Taken back, or refused before any yes, it is a dated no. */
export type Consent =
  | { readonly textVersion: string; readonly givenAt: Instant; readonly withdrawnAt: Instant | null }
  | { readonly textVersion: null; readonly givenAt: null; readonly withdrawnAt: Instant };

type At = { readonly at: Instant };
export type CustomerCommand =
  | (At & {
      readonly type: "TakeSubscription";
      readonly accountId: AccountId;
      readonly subscriptionId: SubscriptionId;
      readonly place: "current" | "queued";
    })
  /** A trial has begun: there is one for each account. */
  | (At & { readonly type: "UseTrial" })
  /** The subscription has ended or come to nothing: its place is free; a queued one moves up. */
  | (At & { readonly type: "ReleaseSubscription"; readonly subscriptionId: SubscriptionId })
  | (At & { readonly type: "GiveConsent"; readonly accountId: AccountId; readonly textVersion: string })
  /** Always accepted: from this commit on nothing is charged. */
  | (At & { readonly type: "WithdrawConsent"; readonly accountId: AccountId })
  | (At & {
      readonly type: "SaveCard";
      readonly accountId: AccountId;
      readonly cardId: CardId;
      readonly gatewayAccount: GatewayAccount;
    })
  | (At & { readonly type: "RemoveCard"; readonly cardId: CardId })
  | (At & { readonly type: "PreferCard"; readonly cardId: CardId })
  | (At & { readonly type: "BlockCard"; readonly cardId: CardId })
  | (At & {
      readonly type: "AddCredit";
      readonly accountId: AccountId;
      readonly amount: Money;
      readonly source: CreditSource;
    })
  | (At & {
      readonly type: "ReserveCredit";
      readonly accountId: AccountId;
      readonly invoiceId: InvoiceId;
      readonly amount: Money;
    })
  | (At & { readonly type: "SpendCredit"; readonly invoiceId: InvoiceId })
  | (At & { readonly type: "FreeCredit"; readonly invoiceId: InvoiceId })
  /** Whether a charge may be made now: leaves no fact here, but the commit expects this stream as it was read. */
  | (At & {
      readonly type: "ClaimCharge";
      readonly invoiceId: InvoiceId;
      readonly cardId: CardId;
      readonly byPayer: boolean;
    })
  | (At & { readonly type: "OpenDispute"; readonly accountId: AccountId; readonly invoiceId: InvoiceId })
  | (At & { readonly type: "CloseDispute"; readonly invoiceId: InvoiceId })
  | (At & { readonly type: "EraseCustomer"; readonly accountId: AccountId; readonly actor: Actor });
export type CreditSource =
  | {
      readonly from: "change" | "refund";
      readonly invoiceId: InvoiceId | null;
      readonly subscriptionId: SubscriptionId | null;
    }
  | { readonly from: "staff"; readonly actor: Actor; readonly reason: string };

export type CustomerEvent =
  | (At & {
      readonly type: "SubscriptionTaken";
      readonly accountId: AccountId;
      readonly subscriptionId: SubscriptionId;
      readonly place: "current" | "queued";
    })
  | (At & { readonly type: "TrialUsed" })
  | (At & {
      readonly type: "SubscriptionReleased";
      readonly subscriptionId: SubscriptionId;
      readonly movesUp: SubscriptionId | null;
    })
  | (At & { readonly type: "ConsentGiven"; readonly accountId: AccountId; readonly textVersion: string })
  | (At & { readonly type: "ConsentWithdrawn"; readonly accountId: AccountId })
  | (At & {
      readonly type: "CardSaved";
      readonly accountId: AccountId;
      readonly cardId: CardId;
      readonly gatewayAccount: GatewayAccount;
    })
  | (At & { readonly type: "CardRemoved"; readonly cardId: CardId })
  | (At & { readonly type: "CardPreferred"; readonly cardId: CardId })
  | (At & { readonly type: "CardBlocked"; readonly cardId: CardId })
  | (At & {
      readonly type: "CreditAdded";
      readonly accountId: AccountId;
      readonly amount: Money;
      readonly source: CreditSource;
    })
  | (At & {
      readonly type: "CreditReserved";
      readonly accountId: AccountId;
      readonly invoiceId: InvoiceId;
      readonly amount: Money;
    })
  | (At & { readonly type: "CreditSpent"; readonly invoiceId: InvoiceId; readonly amount: Money })
  | (At & { readonly type: "CreditFreed"; readonly invoiceId: InvoiceId; readonly amount: Money })
  | (At & { readonly type: "DisputeOpened"; readonly accountId: AccountId; readonly invoiceId: InvoiceId })
  | (At & { readonly type: "DisputeClosed"; readonly invoiceId: InvoiceId })
  | (At & { readonly type: "CustomerErased"; readonly accountId: AccountId; readonly actor: Actor });

export type CustomerRefusal =
  | { readonly code: "customer_not_found" }
  | { readonly code: "customer_erased" }
  | { readonly code: "place_taken"; readonly subscriptionId: SubscriptionId }
  | { readonly code: "card_unknown" }
  | { readonly code: "card_removed" }
  | { readonly code: "card_blocked" }
  | { readonly code: "consent_missing" }
  | { readonly code: "dispute_open" }
  | { readonly code: "credit_too_small"; readonly available: Money }
  | { readonly code: "amount_not_positive" };

type Decision = Result<readonly CustomerEvent[], CustomerRefusal>;
type Of<Type> = Extract<CustomerCommand, { type: Type }>;
export const initial: Customer = { status: "absent" };

/** What happens next to a customer, or why not. */
export const decide = (command: CustomerCommand, state: Customer): Decision => {
  if (state.status === "erased" && !OUTLIVES_ERASURE.has(command.type)) return err({ code: "customer_erased" });
  if (state.status === "absent" && !("accountId" in command)) return err({ code: "customer_not_found" });
  const { at } = command;
  switch (command.type) {
    case "TakeSubscription":
      return take(command, state);
    case "ReleaseSubscription":
      return release(command, state);
    case "UseTrial":
      return state.status !== "absent" && state.trialUsed ? ok([]) : ok([{ type: "TrialUsed", at }]);
    case "GiveConsent":
      return giveConsent(command, state);
    case "WithdrawConsent":
      return withdrawConsent(command, state);
    case "SaveCard":
    case "RemoveCard":
    case "PreferCard":
    case "BlockCard":
      return onCard(command, state);
    case "AddCredit":
    case "ReserveCredit":
    case "SpendCredit":
    case "FreeCredit":
      return onCredit(command, state);
    case "ClaimCharge":
      return claimCharge(command, state);
    case "OpenDispute":
      return hasDispute(state, command.invoiceId)
        ? ok([])
        : ok([{ type: "DisputeOpened", accountId: command.accountId, invoiceId: command.invoiceId, at }]);
    case "CloseDispute":
      return hasDispute(state, command.invoiceId)
        ? ok([{ type: "DisputeClosed", invoiceId: command.invoiceId, at }])
        : ok([]);
    case "EraseCustomer":
      return state.status === "erased"
        ? ok([])
        : ok([{ type: "CustomerErased", accountId: command.accountId, actor: command.actor, at }]);
    default:
      return unreachable(command, "decide");
  }
};

/**
 * Facts of money and of the end go on after a person was erased: sums stay, what is personal does not. A payment that was
 * under way may still begin a trial, and a refusal of charges is never itself refused.
 */
const OUTLIVES_ERASURE: ReadonlySet<CustomerCommand["type"]> = new Set([
  "ReleaseSubscription",
  "UseTrial",
  "WithdrawConsent",
  "RemoveCard",
  "AddCredit",
  "SpendCredit",
  "FreeCredit",
  "OpenDispute",
  "CloseDispute",
  "EraseCustomer",
] as const);

/**
 * Whether automatic charges are allowed: consent stands, and a card that they may use; at one gateway account, when that is
 * given. An open dispute takes neither away: it makes a charge wait until a person has decided (see `ClaimCharge`).
 */
export const mayCharge = (customer: Customer, at?: GatewayAccount): boolean =>
  customer.status === "known" &&
  customer.consent !== null &&
  customer.consent.withdrawnAt === null &&
  chargeableCard(customer, at) !== null;

/** The preferred card that automatic charges may use; at one gateway account, when that is given. */
export const chargeableCard = (customer: Customer, at?: GatewayAccount): Card | null =>
  customer.status === "known"
    ? (customer.cards.find(
        (card) => card.preferred && card.status === "active" && (at === undefined || card.gatewayAccount === at),
      ) ?? null)
    : null;

/** Credit that an invoice may reserve: none of an erased customer, whose credit stays in the books. */
export const availableCredit = (customer: Customer, currency: Currency): Money => {
  const credit = customer.status === "known" ? customer.credits.find((one) => one.currency === currency) : undefined;
  if (credit === undefined) return zero(currency);
  return subtract(
    credit.balance,
    sum(
      credit.reservations.map(({ amount }) => amount),
      currency,
    ),
  );
};

/** A subscription has one place: one that has moved up is not queued again when it is told again. */
const take = ({ accountId, subscriptionId, place, at }: Of<"TakeSubscription">, state: Customer): Decision => {
  const holder = state.status === "absent" ? null : state[place];
  if (state.status !== "absent" && [state.current, state.queued].includes(subscriptionId)) return ok([]);
  if (holder !== null) return err({ code: "place_taken", subscriptionId: holder });
  return ok([{ type: "SubscriptionTaken", accountId, subscriptionId, place, at }]);
};

const release = ({ subscriptionId, at }: Of<"ReleaseSubscription">, state: Customer): Decision => {
  if (state.status === "absent" || (state.current !== subscriptionId && state.queued !== subscriptionId)) return ok([]);
  const movesUp = state.current === subscriptionId ? state.queued : null;
  return ok([{ type: "SubscriptionReleased", subscriptionId, movesUp, at }]);
};

/** Every yes is a record of its own: each subscription asks anew. The same yes at the same instant is told twice. */
const giveConsent = ({ accountId, textVersion, at }: Of<"GiveConsent">, state: Customer): Decision => {
  const consent = state.status === "absent" ? null : state.consent;
  const repeated = consent?.withdrawnAt === null && consent.textVersion === textVersion && consent.givenAt === at;
  return repeated ? ok([]) : ok([{ type: "ConsentGiven", accountId, textVersion, at }]);
};

/** Always accepted, and always leaves a dated record: also a refusal before any yes. Source: 376-FZ. */
const withdrawConsent = ({ accountId, at }: Of<"WithdrawConsent">, state: Customer): Decision => {
  const withdrawn = state.status !== "absent" && state.consent !== null && state.consent.withdrawnAt !== null;
  return withdrawn ? ok([]) : ok([{ type: "ConsentWithdrawn", accountId, at }]);
};

const onCard = (command: Of<"SaveCard" | "RemoveCard" | "PreferCard" | "BlockCard">, state: Customer): Decision => {
  const { cardId, at } = command;
  const card = cardsOf(state).find((one) => one.cardId === cardId);
  if (command.type === "SaveCard") {
    const { accountId, gatewayAccount } = command;
    return card === undefined ? ok([{ type: "CardSaved", accountId, cardId, gatewayAccount, at }]) : ok([]);
  }
  if (card === undefined) return err({ code: "card_unknown" });
  if (command.type === "RemoveCard")
    return card.status === "removed"
      ? ok([])
      : ok([{ type: "CardRemoved", cardId, at }, ...successorOf(card, state, at)]);
  if (card.status === "removed") return err({ code: "card_removed" });
  if (command.type === "BlockCard")
    return card.status === "blocked" ? ok([]) : ok([{ type: "CardBlocked", cardId, at }]);
  if (card.status === "blocked") return err({ code: "card_blocked" });
  return card.preferred ? ok([]) : ok([{ type: "CardPreferred", cardId, at }]);
};

/** When the preferred card goes, the newest active one of the same gateway account takes its place. */
const successorOf = (removed: Card, state: Customer, at: Instant): readonly CustomerEvent[] => {
  if (!removed.preferred) return [];
  const others = cardsOf(state).filter(
    (card) =>
      card.cardId !== removed.cardId && card.status === "active" && card.gatewayAccount === removed.gatewayAccount,
  );
  const newest = others.at(-1);
  return newest === undefined ? [] : [{ type: "CardPreferred", cardId: newest.cardId, at }];
};

const onCredit = (
  command: Of<"AddCredit" | "ReserveCredit" | "SpendCredit" | "FreeCredit">,
  state: Customer,
): Decision => {
  const { at } = command;
  switch (command.type) {
    case "AddCredit": {
      const { accountId, amount, source } = command;
      return isPositive(amount)
        ? ok([{ type: "CreditAdded", accountId, amount, source, at }])
        : err({ code: "amount_not_positive" });
    }
    case "ReserveCredit": {
      const { accountId, invoiceId, amount } = command;
      if (!isPositive(amount)) return err({ code: "amount_not_positive" });
      if (reservationOf(state, invoiceId) !== null) return ok([]);
      const available = availableCredit(state, amount.currency);
      return available.minor < amount.minor
        ? err({ code: "credit_too_small", available })
        : ok([{ type: "CreditReserved", accountId, invoiceId, amount, at }]);
    }
    case "SpendCredit":
    case "FreeCredit": {
      const { invoiceId } = command;
      const amount = reservationOf(state, invoiceId);
      if (amount === null) return ok([]);
      return ok([{ type: command.type === "SpendCredit" ? "CreditSpent" : "CreditFreed", invoiceId, amount, at }]);
    }
    default:
      return unreachable(command, "onCredit");
  }
};

const claimCharge = ({ cardId, byPayer }: Of<"ClaimCharge">, state: Customer): Decision => {
  if (state.status === "absent") return err({ code: "customer_not_found" });
  const card = state.cards.find((one) => one.cardId === cardId);
  if (card === undefined) return err({ code: "card_unknown" });
  if (card.status === "removed") return err({ code: "card_removed" });
  if (state.disputes.length > 0) return err({ code: "dispute_open" });
  if (byPayer) return ok([]); // The payer is here and asks for it: no standing consent is needed, and a card may be tried again.
  if (state.consent === null || state.consent.withdrawnAt !== null) return err({ code: "consent_missing" });
  return card.status === "blocked" ? err({ code: "card_blocked" }) : ok([]);
};

const cardsOf = (state: Customer): readonly Card[] => (state.status === "absent" ? [] : state.cards);
const hasDispute = (state: Customer, invoiceId: InvoiceId): boolean =>
  state.status !== "absent" && state.disputes.includes(invoiceId);
const reservationOf = (state: Customer, invoiceId: InvoiceId): Money | null => {
  if (state.status === "absent") return null;
  return (
    state.credits.flatMap(({ reservations }) => reservations).find((one) => one.invoiceId === invoiceId)?.amount ?? null
  );
};

/** Applies a fact. An event that does not fit means a corrupt stream. */
export const evolve = (state: Customer, event: CustomerEvent): Customer => {
  const known = state.status === "absent" ? unknownYet(event) : state;
  switch (event.type) {
    case "SubscriptionTaken":
      invariant(known[event.place] === null, "a place is taken when it is free");
      // With none before it nothing would ever move it up, and its payer would wait for ever.
      invariant(event.place === "current" || known.current !== null, "a subscription is queued behind another");
      return { ...known, [event.place]: event.subscriptionId };
    case "SubscriptionReleased":
      if (known.queued === event.subscriptionId) return { ...known, queued: null };
      invariant(known.current === event.subscriptionId, "a place is freed by its holder");
      return { ...known, current: event.movesUp, queued: null };
    case "TrialUsed":
      return { ...known, trialUsed: true };
    case "ConsentGiven":
      return { ...known, consent: { textVersion: event.textVersion, givenAt: event.at, withdrawnAt: null } };
    case "ConsentWithdrawn":
      return {
        ...known,
        consent: { ...(known.consent ?? { textVersion: null, givenAt: null }), withdrawnAt: event.at },
      };
    case "CardSaved": {
      const { cardId, gatewayAccount, at: savedAt } = event;
      invariant(!known.cards.some((card) => card.cardId === cardId), "a card is saved once");
      const others = known.cards.map((card) =>
        card.gatewayAccount === gatewayAccount ? { ...card, preferred: false } : card,
      );
      return { ...known, cards: [...others, { cardId, gatewayAccount, savedAt, status: "active", preferred: true }] };
    }
    case "CardRemoved":
      return { ...known, cards: change(known.cards, event.cardId, { status: "removed", preferred: false }) };
    case "CardBlocked":
      return { ...known, cards: change(known.cards, event.cardId, { status: "blocked" }) };
    case "CardPreferred": {
      const chosen = known.cards.find(({ cardId }) => cardId === event.cardId);
      invariant(chosen?.status === "active", "a preferred card may be charged");
      const cards = known.cards.map((card) =>
        card.gatewayAccount === chosen.gatewayAccount ? { ...card, preferred: card === chosen } : card,
      );
      return { ...known, cards };
    }
    case "CreditAdded":
      return { ...known, credits: addCredit(known.credits, event.amount) };
    case "CreditReserved":
      return {
        ...known,
        credits: onAccount(known.credits, event.amount, (credit) => ({
          ...credit,
          reservations: [...credit.reservations, { invoiceId: event.invoiceId, amount: event.amount }],
        })),
      };
    case "CreditSpent":
      return {
        ...known,
        credits: onAccount(known.credits, event.amount, (credit) => ({
          ...dropReservation(credit, event),
          balance: subtract(credit.balance, event.amount),
        })),
      };
    case "CreditFreed":
      return {
        ...known,
        credits: onAccount(known.credits, event.amount, (credit) => dropReservation(credit, event)),
      };
    case "DisputeOpened":
      invariant(!known.disputes.includes(event.invoiceId), "an invoice has one dispute at a time");
      return { ...known, disputes: [...known.disputes, event.invoiceId] };
    case "DisputeClosed":
      invariant(known.disputes.includes(event.invoiceId), "only an open dispute is closed");
      return { ...known, disputes: known.disputes.filter((id) => id !== event.invoiceId) };
    case "CustomerErased": {
      const consent =
        known.consent === null ? null : { ...known.consent, withdrawnAt: known.consent.withdrawnAt ?? event.at };
      return {
        ...known,
        status: "erased",
        consent,
        cards: known.cards.map((card) => ({ ...card, status: "removed" as const, preferred: false })),
      };
    }
    default:
      return unreachable(event, "evolve");
  }
};

const unknownYet = (event: CustomerEvent): KnownCustomer => {
  invariant("accountId" in event, "a customer's first fact names the account");
  return {
    status: "known",
    accountId: event.accountId,
    current: null,
    queued: null,
    trialUsed: false,
    credits: [],
    cards: [],
    consent: null,
    disputes: [],
  };
};

const change = (cards: readonly Card[], cardId: CardId, over: Partial<Card>): readonly Card[] => {
  invariant(
    cards.some((card) => card.cardId === cardId && card.status !== "removed"),
    "a card is saved before it changes, and a removed one never does",
  );
  return cards.map((card) => (card.cardId === cardId ? { ...card, ...over } : card));
};

const addCredit = (credits: readonly Credit[], amount: Money): readonly Credit[] =>
  credits.some(({ currency }) => currency === amount.currency)
    ? onAccount(credits, amount, (credit) => ({ ...credit, balance: add(credit.balance, amount) }))
    : [...credits, { currency: amount.currency, balance: amount, reservations: [] }];

const onAccount = (
  credits: readonly Credit[],
  { currency }: Money,
  move: (credit: Credit) => Credit,
): readonly Credit[] => {
  invariant(
    credits.some((credit) => credit.currency === currency),
    "credit is added before it moves",
  );
  return credits.map((credit) => {
    if (credit.currency !== currency) return credit;
    const moved = move(credit);
    invariant(
      moved.balance.minor >=
        sum(
          moved.reservations.map(({ amount }) => amount),
          currency,
        ).minor,
      "credit covers what is reserved of it",
    );
    return moved;
  });
};

type Moved = Extract<CustomerEvent, { type: "CreditSpent" | "CreditFreed" }>;
const dropReservation = (credit: Credit, { invoiceId, amount }: Moved): Credit => {
  invariant(
    credit.reservations.some((one) => one.invoiceId === invoiceId && equal(one.amount, amount)),
    "what is spent or freed was reserved",
  );
  return { ...credit, reservations: credit.reservations.filter((one) => one.invoiceId !== invoiceId) };
};
