import { describe, expect, test } from "bun:test";
import { evolve, mayCharge } from "../../../src/core/customer/customer.ts";
import { Bug } from "../../../src/core/result.ts";
import {
  addCredit,
  after,
  claim,
  closeDispute,
  consent,
  dispute,
  erase,
  given,
  invoice,
  knownAfter,
  minute,
  PAYER,
  release,
  removeCard,
  reserve,
  STAFF,
  saveCard,
  subscription,
  take,
  useTrial,
  withdraw,
} from "../../support/customer.ts";

const at = minute(1);
const [FIRST, SECOND] = [subscription(1), subscription(2)];
const queue = take({ subscriptionId: SECOND, place: "queued" });
const ready = [consent(), saveCard()];

describe("the places of an account", () => {
  test("are one for the current subscription and one for the next", () => {
    given(take())
      .when(take({ subscriptionId: SECOND }))
      .refuses({ code: "place_taken", subscriptionId: FIRST });
    given(take(), queue)
      .when(take({ subscriptionId: subscription(3), place: "queued" }))
      .refuses({ code: "place_taken", subscriptionId: SECOND });
  });

  test("the next one moves up when the current one has ended", () => {
    const released = given(take(), queue).when(release({ at }));
    released.yields({ type: "SubscriptionReleased", subscriptionId: FIRST, movesUp: SECOND, at });
    expect(released.state).toMatchObject({ current: SECOND, queued: null });
  });

  test("the next one that comes to nothing leaves the current one where it is", () => {
    const released = given(take(), queue).when(release({ subscriptionId: SECOND, at }));
    released.yields({ type: "SubscriptionReleased", subscriptionId: SECOND, movesUp: null, at });
    expect(released.state).toMatchObject({ current: FIRST, queued: null });
  });

  test("are free again for another subscription", () => {
    expect(after(take(), release(), take({ subscriptionId: SECOND }))).toMatchObject({ current: SECOND });
  });

  test("never hold the same subscription twice, also when its order is told again after it moved up", () => {
    given(take())
      .when(take({ place: "queued" }))
      .changesNothing();
    given(take(), queue, release()).when(queue).changesNothing();
  });

  test("an end that is told again ends nothing else", () => {
    given(take(), queue, release()).when(release()).changesNothing();
  });
});

describe("consent to automatic renewal", () => {
  test("is which text, and when; each yes is a record of its own", () => {
    given(consent())
      .when(consent({ textVersion: "v2", at }))
      .yields({ type: "ConsentGiven", accountId: PAYER, textVersion: "v2", at });
    expect(knownAfter(consent({ textVersion: "v2", at })).consent).toEqual({
      textVersion: "v2",
      givenAt: at,
      withdrawnAt: null,
    });
  });

  test("taken back makes every later charge impossible, and leaves a dated record", () => {
    const refused = given(...ready).when(withdraw({ at }));
    refused.yields({ type: "ConsentWithdrawn", accountId: PAYER, at });
    expect(mayCharge(refused.state)).toBe(false);
    expect(refused.state).toMatchObject({ consent: { textVersion: "v1", withdrawnAt: at } });
  });

  test("may be taken back before it was ever given, by an account that we have never seen", () => {
    const refused = given().when(withdraw({ at }));
    refused.yields({ type: "ConsentWithdrawn", accountId: PAYER, at });
    expect(mayCharge(refused.state)).toBe(false);
    // The record is of a no: it names no text and no yes.
    expect(refused.state).toMatchObject({ consent: { textVersion: null, givenAt: null, withdrawnAt: at } });
    given(saveCard()).when(withdraw({ at })).yields({ type: "ConsentWithdrawn", accountId: PAYER, at });
  });

  test("keeps the date of the first refusal", () => {
    given(...ready, withdraw({ at }))
      .when(withdraw({ at: minute(2) }))
      .changesNothing();
  });

  test("given anew after a refusal lets charges be made again, and that one can be taken back too", () => {
    const anew = [...ready, withdraw(), consent({ at })];
    expect(mayCharge(after(...anew))).toBe(true);
    given(...anew)
      .when(withdraw({ at: minute(2) }))
      .yields({ type: "ConsentWithdrawn", accountId: PAYER, at: minute(2) });
  });
});

describe("a trial", () => {
  test("is used once by an account, whatever becomes of its subscription", () => {
    given(take()).when(useTrial({ at })).yields({ type: "TrialUsed", at });
    expect(knownAfter(take(), useTrial(), release()).trialUsed).toBe(true);
    given(take(), useTrial(), release()).when(useTrial({ at })).changesNothing();
  });
});

describe("a chargeback", () => {
  test("counts for each invoice by itself: while any is open, the account is not charged", () => {
    const both = [...ready, dispute(), dispute({ invoiceId: invoice(2) })];
    given(...both, closeDispute())
      .when(claim())
      .refuses({ code: "dispute_open" });
    given(...both, closeDispute(), closeDispute({ invoiceId: invoice(2) }))
      .when(claim())
      .changesNothing();
  });
});

describe("an erased customer", () => {
  const erased = [...ready, take(), addCredit(), reserve(), erase({ at })];

  test("is erased by somebody, once", () => {
    given(...ready)
      .when(erase({ at }))
      .yields({ type: "CustomerErased", accountId: PAYER, actor: STAFF, at });
    given(...erased)
      .when(erase({ at: minute(2) }))
      .changesNothing();
  });

  test("has no card and no consent any more, from that very instant", () => {
    const state = knownAfter(...erased);
    expect(state.cards.map(({ status, preferred }) => [status, preferred])).toEqual([["removed", false]]);
    expect(state.consent?.withdrawnAt).toBe(at);
    expect(mayCharge(state)).toBe(false);
  });

  test("keeps the date of a refusal that came before", () => {
    expect(knownAfter(...ready, withdraw(), erase({ at })).consent?.withdrawnAt).toBe(withdraw().at);
  });

  test("begins nothing new", () => {
    for (const asked of [take({ subscriptionId: SECOND }), queue, consent({ at }), saveCard(), reserve()])
      given(...erased)
        .when(asked)
        .refuses({ code: "customer_erased" });
  });

  test("may be one whom billing has never seen", () => {
    given(erase()).when(take()).refuses({ code: "customer_erased" });
  });

  test("may still refuse what is refused already", () => {
    for (const asked of [withdraw(), removeCard()])
      given(...erased)
        .when(asked)
        .changesNothing();
  });

  test("whose payment was under way may still begin the trial that it paid for: facts are never refused", () => {
    given(...erased)
      .when(useTrial({ at: minute(2) }))
      .yields({ type: "TrialUsed", at: minute(2) });
  });
});

test("a log in which a fact of the account does not fit is a bug, never a guess", () => {
  const taken = { type: "SubscriptionTaken", accountId: PAYER, subscriptionId: SECOND, at } as const;
  expect(() => evolve(after(take()), { ...taken, place: "current" })).toThrow(Bug);
  expect(() => evolve(after(), { ...taken, place: "queued" })).toThrow(Bug);
  const released = { type: "SubscriptionReleased", subscriptionId: SECOND, movesUp: null, at } as const;
  expect(() => evolve(after(take()), released)).toThrow(Bug);
  expect(() => evolve(after(), { type: "TrialUsed", at })).toThrow(Bug);
  const opened = { type: "DisputeOpened", accountId: PAYER, invoiceId: invoice(1), at } as const;
  expect(() => evolve(after(dispute()), opened)).toThrow(Bug);
  expect(() => evolve(after(take()), { type: "DisputeClosed", invoiceId: invoice(1), at })).toThrow(Bug);
});
