import type { AccountId, CardId, GatewayAccount, SetupId, TransactionId } from "../ids.ts";
import { equal, type Money } from "../money.ts";
import { err, invariant, ok, type Result, unreachable } from "../result.ts";
import { HOUR_MS, type Instant, plusMs } from "../time.ts";

/**
 * A card set-up: a small sum is authorised to prove the card and voided again; no invoice. The card counts only after the
 * authorisation, and the void is looked up until it is certain.
 */
export type Setup =
  | { readonly status: "absent" }
  | (Asked & { readonly status: "offered" })
  /** The card is proved. `void`: to be asked, asked and not answered yet, or its answer lost and being looked up. */
  | (Asked &
      Held & { readonly status: "voiding"; readonly void: "due" | "in_flight" | "unknown"; readonly voidAt: Instant })
  | (Asked & Held & { readonly status: "done"; readonly voidedAt: Instant })
  /** `mismatched`: what was held is not what was asked; a person has to look at it. */
  | (Asked & {
      readonly status: "mismatched";
      readonly transactionId: TransactionId;
      readonly received: Money;
      readonly closedAt: Instant;
    })
  | (Asked & { readonly status: "declined" | "expired"; readonly closedAt: Instant });
type Asked = {
  readonly setupId: SetupId;
  readonly accountId: AccountId;
  readonly gatewayAccount: GatewayAccount;
  readonly cardId: CardId;
  readonly amount: Money;
  readonly offeredAt: Instant;
  readonly endsAt: Instant;
};
/** `captured`: the gateway took the money instead of holding it; then the void is a refund. */
type Held = { readonly transactionId: TransactionId; readonly heldAt: Instant; readonly captured: boolean };

type At = { readonly at: Instant };
export type SetupCommand =
  | (At & {
      readonly type: "OfferSetup";
      readonly setupId: SetupId;
      readonly accountId: AccountId;
      readonly gatewayAccount: GatewayAccount;
      readonly cardId: CardId;
      readonly amount: Money;
    })
  | (At & {
      readonly type: "RecordHold";
      readonly transactionId: TransactionId;
      readonly amount: Money;
      readonly accountId: AccountId | null;
      readonly captured: boolean;
    })
  | (At & { readonly type: "RecordSetupDecline" })
  /** The intent to void: committed before the gateway is asked. */
  | (At & { readonly type: "AskVoid" })
  | (At & { readonly type: "RecordVoid" })
  /** The void's answer was lost: the gateway is asked what happened. */
  | (At & { readonly type: "RecordLostVoidAnswer" })
  /** A look-up tells that the sum is still held: the void is asked again. */
  | (At & { readonly type: "RecordStillHeld" })
  | (At & { readonly type: "ExpireSetup" });
export type SetupEvent =
  | (At & {
      readonly type: "SetupOffered";
      readonly setupId: SetupId;
      readonly accountId: AccountId;
      readonly gatewayAccount: GatewayAccount;
      readonly cardId: CardId;
      readonly amount: Money;
      readonly endsAt: Instant;
    })
  | (At & { readonly type: "CardProved"; readonly transactionId: TransactionId; readonly captured: boolean })
  | (At & { readonly type: "SetupDeclined" })
  | (At & { readonly type: "SetupMismatched"; readonly transactionId: TransactionId; readonly received: Money })
  | (At & { readonly type: "VoidAsked" })
  | (At & { readonly type: "VoidUnknown" })
  | (At & { readonly type: "VoidFailed" })
  | (At & { readonly type: "HoldVoided" })
  | (At & { readonly type: "SetupExpired" });
export type SetupRefusal =
  | { readonly code: "setup_not_found" }
  | { readonly code: "setup_exists" }
  | { readonly code: "setup_closed" }
  | { readonly code: "void_in_flight" }
  | { readonly code: "setup_not_over"; readonly endsAt: Instant };

type Decision = Result<readonly SetupEvent[], SetupRefusal>;
type Of<Type> = Extract<SetupCommand, { type: Type }>;
type Offered = Exclude<Setup, { status: "absent" }>;
/** How long the widget may stay open. Source: design, part 4, offers. */
const OFFER_MS = HOUR_MS;

export const initial: Setup = { status: "absent" };

/** What happens next to a card set-up, or why not. */
export const decide = (command: SetupCommand, state: Setup): Decision => {
  if (command.type === "OfferSetup") return offer(command, state);
  if (state.status === "absent") return err({ code: "setup_not_found" });
  const { at } = command;
  switch (command.type) {
    case "RecordHold":
      return hold(command, state);
    case "RecordSetupDecline":
      return state.status === "offered" ? ok([{ type: "SetupDeclined", at }]) : ok([]);
    case "AskVoid":
      if (state.status !== "voiding") return state.status === "done" ? ok([]) : err({ code: "setup_closed" });
      return state.void === "due" ? ok([{ type: "VoidAsked", at }]) : err({ code: "void_in_flight" });
    case "RecordVoid":
      return state.status === "voiding"
        ? ok([{ type: "HoldVoided", at }])
        : state.status === "done"
          ? ok([])
          : err({ code: "setup_closed" });
    case "RecordLostVoidAnswer":
      return state.status === "voiding" && state.void === "in_flight" ? ok([{ type: "VoidUnknown", at }]) : ok([]);
    case "RecordStillHeld":
      return state.status === "voiding" && state.void !== "due" ? ok([{ type: "VoidFailed", at }]) : ok([]);
    case "ExpireSetup":
      if (state.status !== "offered") return ok([]);
      return at < state.endsAt
        ? err({ code: "setup_not_over", endsAt: state.endsAt })
        : ok([{ type: "SetupExpired", at }]);
    default:
      return unreachable(command, "decide");
  }
};

const offer = (command: Of<"OfferSetup">, state: Setup): Decision => {
  if (state.status !== "absent") return err({ code: "setup_exists" });
  const { setupId, accountId, gatewayAccount, cardId, amount, at } = command;
  return ok([
    { type: "SetupOffered", setupId, accountId, gatewayAccount, cardId, amount, endsAt: plusMs(at, OFFER_MS), at },
  ]);
};

/**
 * Money that is held is a fact, also after the offer was declined or its hour was over: the card is proved, the sum voided.
 * A set-up takes one payment. A second one must not pass for the first told again, or nobody would void it: it is refused,
 * and goes the way of money that arrives for something unknown.
 */
const hold = ({ transactionId, amount, accountId, captured, at }: Of<"RecordHold">, state: Offered): Decision => {
  if ("transactionId" in state) return state.transactionId === transactionId ? ok([]) : err({ code: "setup_closed" });
  const wrong = !equal(amount, state.amount) || (accountId !== null && accountId !== state.accountId);
  return ok([
    wrong
      ? { type: "SetupMismatched", transactionId, received: amount, at }
      : { type: "CardProved", transactionId, captured, at },
  ]);
};

/** Applies a fact. An event that does not fit means a corrupt stream. */
export const evolve = (state: Setup, event: SetupEvent): Setup => {
  if (event.type === "SetupOffered") {
    invariant(state.status === "absent", "a set-up is offered once");
    const { setupId, accountId, gatewayAccount, cardId, amount, endsAt, at: offeredAt } = event;
    return { status: "offered", setupId, accountId, gatewayAccount, cardId, amount, endsAt, offeredAt };
  }
  invariant(state.status !== "absent", "a set-up is offered before anything else");
  const { setupId, accountId, gatewayAccount, cardId, amount, endsAt, offeredAt } = state;
  const asked: Asked = { setupId, accountId, gatewayAccount, cardId, amount, endsAt, offeredAt };
  switch (event.type) {
    case "CardProved": {
      invariant(!("transactionId" in state), "a set-up takes one payment");
      const { transactionId, captured, at } = event;
      return { ...asked, status: "voiding", transactionId, captured, heldAt: at, void: "due", voidAt: at };
    }
    case "SetupMismatched":
      invariant(!("transactionId" in state), "a set-up takes one payment");
      return {
        ...asked,
        status: "mismatched",
        transactionId: event.transactionId,
        received: event.received,
        closedAt: event.at,
      };
    case "SetupDeclined":
      invariant(state.status === "offered", "only an offer is declined");
      return { ...asked, status: "declined", closedAt: event.at };
    case "SetupExpired":
      invariant(state.status === "offered", "only an offer expires");
      return { ...asked, status: "expired", closedAt: event.at };
    case "VoidAsked":
    case "VoidUnknown":
    case "VoidFailed":
      invariant(state.status === "voiding", "only what is held is voided");
      return { ...state, void: VOID_AFTER[event.type], voidAt: event.at };
    case "HoldVoided": {
      invariant(state.status === "voiding", "only what is held is voided");
      const { transactionId, captured, heldAt } = state;
      return { ...asked, status: "done", transactionId, captured, heldAt, voidedAt: event.at };
    }
    default:
      return unreachable(event, "evolve");
  }
};
const VOID_AFTER = { VoidAsked: "in_flight", VoidUnknown: "unknown", VoidFailed: "due" } as const;
