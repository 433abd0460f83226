import { describe, expect, test } from "bun:test";
import {
  type CustomerCommand,
  type CustomerEvent,
  type CustomerRefusal,
  decide,
  evolve,
} from "../../../src/core/customer/customer.ts";
import { Bug } from "../../../src/core/result.ts";
import {
  addCredit,
  after,
  blockCard,
  card,
  claim,
  closeDispute,
  consent,
  dispute,
  erase,
  free,
  invoice,
  minute,
  preferCard,
  release,
  removeCard,
  reserve,
  rub,
  saveCard,
  spend,
  subscription,
  take,
  useTrial,
  withdraw,
} from "../../support/customer.ts";

// What an account as a whole answers, whatever is asked of it: design part 5 (Consent, Credit, Trials), part 4 (chargeback).
const READY = [consent(), saveCard()];
const SUBSCRIBED = [...READY, take(), useTrial()];
const QUEUED = take({ subscriptionId: subscription(2), place: "queued" });
const HOLDING = [...SUBSCRIBED, addCredit(), reserve()];
const COLUMNS = {
  absent: [],
  no_consent: [saveCard()],
  no_card: [consent()],
  ready: READY,
  subscribed: SUBSCRIBED,
  queued: [...SUBSCRIBED, QUEUED],
  withdrawn: [...SUBSCRIBED, withdraw()],
  two_cards: [...SUBSCRIBED, saveCard({ cardId: card(2) })],
  blocked: [...SUBSCRIBED, blockCard()],
  removed: [...SUBSCRIBED, removeCard()],
  credit: HOLDING, // 100 roubles, of which 60 are reserved
  disputed: [...SUBSCRIBED, dispute()],
  erased: [...HOLDING, dispute(), erase()],
} satisfies Readonly<Record<string, readonly CustomerCommand[]>>;
type Column = keyof typeof COLUMNS;
const NAMES = Object.keys(COLUMNS) as Column[];

/** `bug`: no command leads there, and our own code would break a promise. */
type Outcome = "bug" | "nothing new" | `refused: ${CustomerRefusal["code"]}` | readonly CustomerEvent["type"][];
type Row = Readonly<Record<Column, Outcome>>;
const NOT_FOUND = "refused: customer_not_found";
const ERASED = "refused: customer_erased";
const NOTHING = "nothing new";
const BUG = "bug";
/** What begins with an account: it makes an unknown one known, and an erased one never known again. */
const anywhere = (outcome: Outcome): Row => ({ ...everywhere(outcome), absent: outcome, erased: ERASED });
/** What needs an account that is there. */
const existing = (outcome: Outcome): Row => ({ ...everywhere(outcome), absent: NOT_FOUND, erased: ERASED });
/** Facts of money and of the end, which outlive a person's erasure. */
const always = (outcome: Outcome): Row => ({ ...everywhere(outcome), absent: NOT_FOUND });
const everywhere = (outcome: Outcome): Row => Object.fromEntries(NAMES.map((name) => [name, outcome])) as Row;

const at = minute(1);
const [NEW_CARD, SUB_9, INV_9] = [card(9), subscription(9), invoice(9)];
const TAKEN = "refused: place_taken";
const NO_CARD = "refused: card_unknown";

const TABLE: Readonly<Record<string, readonly [CustomerCommand, Row]>> = {
  // The places of subscriptions
  "take the current place": [
    take({ subscriptionId: SUB_9, at }),
    {
      ...anywhere(TAKEN),
      absent: ["SubscriptionTaken"],
      no_consent: ["SubscriptionTaken"],
      no_card: ["SubscriptionTaken"],
      ready: ["SubscriptionTaken"],
    },
  ],
  "take the current place again": [
    take({ at }),
    {
      ...anywhere(NOTHING),
      absent: ["SubscriptionTaken"],
      no_consent: ["SubscriptionTaken"],
      no_card: ["SubscriptionTaken"],
      ready: ["SubscriptionTaken"],
    },
  ],
  "queue behind the current one": [
    take({ subscriptionId: SUB_9, place: "queued", at }),
    { ...anywhere(["SubscriptionTaken"]), queued: TAKEN, absent: BUG, no_consent: BUG, no_card: BUG, ready: BUG },
  ],
  "queue behind itself": [
    take({ place: "queued", at }),
    { ...anywhere(NOTHING), absent: BUG, no_consent: BUG, no_card: BUG, ready: BUG },
  ],
  "release the current one": [
    release({ at }),
    { ...always(["SubscriptionReleased"]), no_consent: NOTHING, no_card: NOTHING, ready: NOTHING },
  ],
  "release the queued one": [
    release({ subscriptionId: subscription(2), at }),
    { ...always(NOTHING), queued: ["SubscriptionReleased"] },
  ],
  "release one that has no place": [release({ subscriptionId: SUB_9, at }), always(NOTHING)],
  "use the trial": [
    useTrial({ at }),
    { ...always(NOTHING), no_consent: ["TrialUsed"], no_card: ["TrialUsed"], ready: ["TrialUsed"] },
  ],

  // Consent
  "give consent": [consent({ textVersion: "v2", at }), anywhere(["ConsentGiven"])],
  "give consent in the same words": [consent({ at }), anywhere(["ConsentGiven"])],
  "the same consent, told again": [
    consent(),
    { ...anywhere(NOTHING), absent: ["ConsentGiven"], no_consent: ["ConsentGiven"], withdrawn: ["ConsentGiven"] },
  ],
  "withdraw consent": [withdraw({ at }), { ...everywhere(["ConsentWithdrawn"]), withdrawn: NOTHING, erased: NOTHING }],

  // Cards
  "save a new card": [saveCard({ cardId: NEW_CARD, at }), anywhere(["CardSaved"])],
  "save the card again": [saveCard({ at }), { ...anywhere(NOTHING), absent: ["CardSaved"], no_card: ["CardSaved"] }],
  "remove the card": [
    removeCard({ at }),
    { ...always(["CardRemoved"]), no_card: NO_CARD, removed: NOTHING, erased: NOTHING },
  ],
  "remove a card that is not there": [removeCard({ cardId: NEW_CARD, at }), always(NO_CARD)],
  "prefer the card": [
    preferCard({ at }),
    {
      ...existing(NOTHING),
      no_card: NO_CARD,
      two_cards: ["CardPreferred"],
      blocked: "refused: card_blocked",
      removed: "refused: card_removed",
    },
  ],
  "block the card after a hard decline": [
    blockCard({ at }),
    { ...existing(["CardBlocked"]), no_card: NO_CARD, blocked: NOTHING, removed: "refused: card_removed" },
  ],

  // Credit
  "add credit": [addCredit({ at }), everywhere(["CreditAdded"])],
  "add nothing": [addCredit({ amount: rub(0), at }), everywhere("refused: amount_not_positive")],
  "add less than nothing": [addCredit({ amount: rub(-1), at }), everywhere("refused: amount_not_positive")],
  "reserve all that is free": [
    reserve({ invoiceId: INV_9, amount: rub(40), at }),
    { ...anywhere("refused: credit_too_small"), credit: ["CreditReserved"] },
  ],
  "reserve more than is free": [
    reserve({ invoiceId: INV_9, amount: rub(40.01), at }),
    anywhere("refused: credit_too_small"),
  ],
  "reserve nothing": [reserve({ invoiceId: INV_9, amount: rub(0), at }), anywhere("refused: amount_not_positive")],
  "reserve for the same invoice again": [
    reserve({ at }),
    { ...anywhere("refused: credit_too_small"), credit: NOTHING },
  ],
  "spend what was reserved": [spend({ at }), { ...always(NOTHING), credit: ["CreditSpent"], erased: ["CreditSpent"] }],
  "spend what was not reserved": [spend({ invoiceId: INV_9, at }), always(NOTHING)],
  "free what was reserved": [free({ at }), { ...always(NOTHING), credit: ["CreditFreed"], erased: ["CreditFreed"] }],
  "free what was not reserved": [free({ invoiceId: INV_9, at }), always(NOTHING)],

  // Charges
  "claim a charge": [
    claim({ at }),
    {
      ...existing(NOTHING),
      no_consent: "refused: consent_missing",
      no_card: NO_CARD,
      withdrawn: "refused: consent_missing",
      blocked: "refused: card_blocked",
      removed: "refused: card_removed",
      disputed: "refused: dispute_open",
    },
  ],
  "claim a charge that the payer asks for": [
    claim({ byPayer: true, at }),
    { ...existing(NOTHING), no_card: NO_CARD, removed: "refused: card_removed", disputed: "refused: dispute_open" },
  ],
  "claim a charge of a card that is not there": [claim({ cardId: NEW_CARD, at }), existing(NO_CARD)],

  // Disputes, and the end
  "a chargeback": [dispute({ at }), { ...everywhere(["DisputeOpened"]), disputed: NOTHING, erased: NOTHING }],
  "a chargeback of another invoice": [dispute({ invoiceId: INV_9, at }), everywhere(["DisputeOpened"])],
  "a chargeback is decided": [
    closeDispute({ at }),
    { ...always(NOTHING), disputed: ["DisputeClosed"], erased: ["DisputeClosed"] },
  ],
  "erase the customer": [erase({ at }), { ...everywhere(["CustomerErased"]), erased: NOTHING }],
};
/** Does not compile when a command is missing; a row for each is asked for below. */
const COMMANDS: Readonly<Record<CustomerCommand["type"], true>> = {
  TakeSubscription: true,
  UseTrial: true,
  ReleaseSubscription: true,
  GiveConsent: true,
  WithdrawConsent: true,
  SaveCard: true,
  RemoveCard: true,
  PreferCard: true,
  BlockCard: true,
  AddCredit: true,
  ReserveCredit: true,
  SpendCredit: true,
  FreeCredit: true,
  ClaimCharge: true,
  OpenDispute: true,
  CloseDispute: true,
  EraseCustomer: true,
};

describe("the customer's table", () => {
  test.each(Object.entries(TABLE))("%s", (_, [command, cells]) => {
    const outcomes = NAMES.map((name) => [name, outcomeOf(command, name)]);
    expect(Object.fromEntries(outcomes)).toEqual(cells);
  });

  test("has a row for each command", () => {
    const rows = new Set(Object.values(TABLE).map(([{ type }]) => type));
    expect([...rows].sort()).toEqual((Object.keys(COMMANDS) as CustomerCommand["type"][]).sort());
  });
});

const outcomeOf = (command: CustomerCommand, column: Column): Outcome => {
  const state = after(...COLUMNS[column]);
  const decision = decide(command, state);
  if (!decision.ok) return `refused: ${decision.error.code}`;
  expect(decision.value.every((event) => event.at === command.at)).toBe(true);
  try {
    decision.value.reduce(evolve, state);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(Bug);
    return "bug";
  }
  return decision.value.length === 0 ? "nothing new" : decision.value.map(({ type }) => type);
};
