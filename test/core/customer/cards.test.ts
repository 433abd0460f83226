import { describe, expect, test } from "bun:test";
import { type Customer, chargeableCard, evolve, mayCharge } from "../../../src/core/customer/customer.ts";
import { Bug } from "../../../src/core/result.ts";
import {
  after,
  blockCard,
  card,
  claim,
  closeDispute,
  consent,
  dispute,
  erase,
  GATEWAY,
  given,
  knownAfter,
  minute,
  OTHER_GATEWAY,
  PAYER,
  preferCard,
  removeCard,
  saveCard,
  withdraw,
} from "../../support/customer.ts";

const [FIRST, SECOND, THIRD] = [card(1), card(2), card(3)];
const TWO = [consent(), saveCard(), saveCard({ cardId: SECOND })];
const at = minute(1);
const preferred = (state: Customer) =>
  state.status === "absent" ? [] : state.cards.filter((one) => one.preferred).map(({ cardId }) => cardId);

describe("saved cards", () => {
  test("are known by their id, the gateway account where they are worth something, and the day", () => {
    given()
      .when(saveCard({ at }))
      .yields({ type: "CardSaved", accountId: PAYER, cardId: FIRST, gatewayAccount: GATEWAY, at });
    expect(knownAfter(saveCard({ at })).cards).toEqual([
      { cardId: FIRST, gatewayAccount: GATEWAY, savedAt: at, status: "active", preferred: true },
    ]);
  });

  test("the newest is the one that automatic charges use", () => {
    expect(preferred(after(...TWO))).toEqual([SECOND]);
  });

  test("another is used from when the payer prefers it", () => {
    const chosen = given(...TWO).when(preferCard({ at }));
    chosen.yields({ type: "CardPreferred", cardId: FIRST, at });
    expect(preferred(chosen.state)).toEqual([FIRST]);
  });

  test("each gateway account has a preferred one of its own", () => {
    const state = after(...TWO, saveCard({ cardId: THIRD, gatewayAccount: OTHER_GATEWAY }));
    expect(preferred(state)).toEqual([SECOND, THIRD]);
    expect(chargeableCard(state, GATEWAY)?.cardId).toBe(SECOND);
    expect(chargeableCard(state, OTHER_GATEWAY)?.cardId).toBe(THIRD);
    expect(preferred(after(...TWO, saveCard({ cardId: THIRD, gatewayAccount: OTHER_GATEWAY }), preferCard()))).toEqual([
      FIRST,
      THIRD,
    ]);
  });

  test("a removed one leaves a dated record, and the newest of the others takes its place", () => {
    given(...TWO, saveCard({ cardId: THIRD }))
      .when(removeCard({ cardId: THIRD, at }))
      .yields({ type: "CardRemoved", cardId: THIRD, at }, { type: "CardPreferred", cardId: SECOND, at });
  });

  test("of those that were not preferred, a removed one changes nothing else", () => {
    given(...TWO)
      .when(removeCard({ at }))
      .yields({ type: "CardRemoved", cardId: FIRST, at });
  });

  test("only an active card of the same gateway account takes the place of a removed one", () => {
    given(saveCard(), blockCard(), saveCard({ cardId: SECOND }))
      .when(removeCard({ cardId: SECOND, at }))
      .yields({ type: "CardRemoved", cardId: SECOND, at });
    given(saveCard({ gatewayAccount: OTHER_GATEWAY }), saveCard({ cardId: SECOND }))
      .when(removeCard({ cardId: SECOND, at }))
      .yields({ type: "CardRemoved", cardId: SECOND, at });
  });

  test("a removed one is never charged, preferred or blocked again, and never comes back", () => {
    const removed = [...TWO, removeCard()];
    given(...removed)
      .when(claim({ byPayer: true }))
      .refuses({ code: "card_removed" });
    given(...removed)
      .when(preferCard())
      .refuses({ code: "card_removed" });
    given(...removed)
      .when(blockCard())
      .refuses({ code: "card_removed" });
    given(...removed)
      .when(saveCard())
      .changesNothing();
    given(...removed)
      .when(removeCard())
      .changesNothing();
  });
});

describe("after a hard decline a card", () => {
  const blocked = [consent(), saveCard(), blockCard()];

  test("is no more for automatic charges, and stays where the payer sees it", () => {
    const state = knownAfter(...blocked);
    expect(state.cards.map(({ status, preferred: is }) => [status, is])).toEqual([["blocked", true]]);
    expect([chargeableCard(state), mayCharge(state)]).toEqual([null, false]);
    given(...blocked)
      .when(claim())
      .refuses({ code: "card_blocked" });
    given(...blocked)
      .when(preferCard())
      .refuses({ code: "card_blocked" });
  });

  test("may be tried again by the payer", () => {
    given(...blocked)
      .when(claim({ byPayer: true }))
      .changesNothing();
  });

  test("gives way to a new one", () => {
    const state = after(...blocked, saveCard({ cardId: SECOND }));
    expect([chargeableCard(state)?.cardId, mayCharge(state)]).toEqual([SECOND, true]);
  });
});

describe("a charge by our own request", () => {
  const ready = [consent(), saveCard()];

  test("needs consent, an active card, and no dispute", () => {
    expect(mayCharge(after(...ready))).toBe(true);
    const without = [
      [saveCard()],
      [consent()],
      [...ready, withdraw()],
      [...ready, removeCard()],
      [...ready, blockCard()],
      [...ready, erase()],
      [],
    ];
    expect(without.map((history) => mayCharge(after(...history)))).toEqual(without.map(() => false));
  });

  test("leaves no fact: the commit that makes it expects this stream as it was read", () => {
    given(...ready)
      .when(claim({ at }))
      .changesNothing();
  });

  test("that the payer asks for needs no standing consent", () => {
    given(...ready, withdraw())
      .when(claim({ byPayer: true }))
      .changesNothing();
  });

  test("waits while any chargeback of the account is open, also when the payer asks", () => {
    const disputed = [...ready, dispute()];
    for (const byPayer of [false, true])
      given(...disputed)
        .when(claim({ byPayer }))
        .refuses({ code: "dispute_open" });
    given(...disputed, closeDispute())
      .when(claim())
      .changesNothing();
  });
});

test("a log in which a card does not fit is a bug, never a guess", () => {
  const saved = { type: "CardSaved", accountId: PAYER, cardId: FIRST, gatewayAccount: GATEWAY, at } as const;
  expect(() => evolve(after(saveCard()), saved)).toThrow(Bug);
  for (const type of ["CardRemoved", "CardBlocked", "CardPreferred"] as const) {
    expect(() => evolve(after(saveCard()), { type, cardId: SECOND, at })).toThrow(Bug);
    expect(() => evolve(after(saveCard(), removeCard()), { type, cardId: FIRST, at })).toThrow(Bug);
  }
  expect(() => evolve(after(...TWO, blockCard()), { type: "CardPreferred", cardId: FIRST, at })).toThrow(Bug);
});
