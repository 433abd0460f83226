import { describe, expect, test } from "bun:test";
import { Bug } from "../../../src/core/result.ts";
import { accessOf } from "../../../src/core/subscription/access.ts";
import { DAY_MS, plusMs } from "../../../src/core/time.ts";
import {
  AHEAD,
  accountId,
  after,
  afterFrom,
  aheadPaid,
  as,
  B1,
  B2,
  dates,
  declined,
  FIRST,
  FREE,
  firstPaid,
  givenAfter,
  inState,
  invoiceAhead,
  MOSCOW,
  PAID,
  passBoundary,
  renewalPaid,
  rub,
  STANDARD,
  START,
  start,
  stop,
  subscriptionId,
  TRIAL_END,
  undo,
} from "../../support/subscription.ts";
import { freeTrial } from "./situations.ts";

describe("a start", () => {
  test("with an invoice waits for its payment", () => {
    givenAfter().when(start()).yields({
      type: "SubscriptionStarted",
      subscriptionId,
      accountId,
      zone: MOSCOW,
      terms: STANDARD,
      beginsAt: null,
      invoiceId: FIRST,
      at: START,
    });
    expect(accessOf(after(start()))).toBeNull();
  });

  test("that is paid without consent ends at its period's end", () => {
    const { state } = givenAfter(start()).when(firstPaid(START, { consent: false }));
    expect(as(state, "active").endsAtPeriodEnd).toEqual({ by: "no_consent", at: START });
    const over = inState(state).when(passBoundary(B1));
    over.yields({ type: "SubscriptionEnded", reason: "no_card_or_consent", leaves: null, at: B1 });
  });

  test("that is never paid ends with nothing begun, and a payment that comes later goes back", () => {
    const ended = after(start(), {
      type: "AbandonStart",
      invoiceId: FIRST,
      reason: "never_paid",
      at: plusMs(START, DAY_MS),
    });
    expect(as(ended, "ended").reason).toBe("never_paid");
    inState(ended)
      .when(firstPaid(plusMs(START, 2 * DAY_MS)))
      .happens("PaymentTurnedBack");
  });

  test("waits for its own invoice: another one's payment goes back, another one's end is refused", () => {
    givenAfter(start())
      .when(firstPaid(START, { invoiceId: AHEAD }))
      .yields({ type: "PaymentTurnedBack", invoiceId: AHEAD, at: START });
    givenAfter(start())
      .when({ type: "AbandonStart", invoiceId: AHEAD, reason: "never_paid", at: START })
      .refuses({ code: "subscription_incomplete" });
  });

  test("that is stopped before it is paid leaves its invoice void", () => {
    const at = plusMs(START, 1000);
    givenAfter(start())
      .when(stop(at))
      .yields({ type: "SubscriptionEnded", reason: "payer_stopped", leaves: { invoiceId: FIRST, as: "void" }, at });
  });

  test("told of its payment again, even years later, keeps the money", () => {
    const first = after(start(), firstPaid());
    const renewed = afterFrom(first, passBoundary(B1), renewalPaid(B1));
    for (const state of [first, renewed]) inState(state).when(firstPaid(B2)).changesNothing();
    inState(renewed).when(renewalPaid(B2)).changesNothing();
  });

  test("of a queued one begins where the one before it ends, and later when it is paid later", () => {
    const queued = start(START, { beginsAt: B1 });
    const onTime = as(after(queued, firstPaid(START)), "active");
    expect([onTime.place, dates(onTime.running.period)]).toEqual([
      "queued",
      "2026-02-01T07:00:00Z..2026-03-01T07:00:00Z",
    ]);
    expect(accessOf(onTime)?.from).toBe(B1);
    const late = as(after(queued, firstPaid(plusMs(B1, 1000))), "active");
    expect(late.running.period.start).toBe(plusMs(B1, 1000));
  });

  test("of a queued one that moved up unpaid begins at its payment", () => {
    const at = plusMs(START, DAY_MS);
    const movedUp = after(start(START, { beginsAt: B1 }), { type: "MoveUp", at });
    const { running } = inState(movedUp).when(firstPaid(at)).event("SubscriptionActivated");
    expect([as(movedUp, "incomplete").place, running.period.start]).toEqual(["current", at]);
  });
});

describe("a trial", () => {
  test("that is free begins at once, with no invoice, and costs nothing", () => {
    const { trial } = givenAfter().when(freeTrial(false)).event("TrialStarted");
    expect(trial).toEqual({
      kind: "free",
      period: { start: START, end: TRIAL_END },
      value: rub(0),
      invoices: [],
      paidAt: null,
      graceUntil: plusMs(TRIAL_END, 7 * DAY_MS),
    });
  });

  test("that is free is in the terms, and is never queued", () => {
    const asked = { first: { kind: "free_trial", renews: true } } as const;
    expect(() => after(start(START, asked))).toThrow(Bug);
    expect(() => after(start(START, { ...asked, terms: FREE, beginsAt: B1 }))).toThrow(Bug);
  });

  test("without card and consent ends with no invoice", () => {
    givenAfter(freeTrial(false))
      .when(passBoundary(TRIAL_END))
      .yields({ type: "SubscriptionEnded", reason: "trial_over", leaves: null, at: TRIAL_END });
  });

  test("that was without consent goes on into a period once card and consent stand", () => {
    const at = plusMs(START, DAY_MS);
    givenAfter(freeTrial(false), undo(at)).when(passBoundary(TRIAL_END)).happens("RenewalInvoiced");
  });

  test("ends in a first period whose anchor is the trial's end", () => {
    const { renewal } = givenAfter(freeTrial(true)).when(passBoundary(TRIAL_END)).event("RenewalInvoiced");
    expect([renewal.number, renewal.paidPeriods, renewal.amount]).toEqual([1, 1, rub(310)]);
    const active = as(after(freeTrial(true), passBoundary(TRIAL_END), renewalPaid(TRIAL_END)), "active");
    expect(active.running.anchor.wall).toBe("2026-01-15T10:00:00");
    expect(dates(active.running.period)).toBe("2026-01-15T07:00:00Z..2026-02-15T07:00:00Z");
  });

  test("that is paid is no period of the intro price", () => {
    const withIntro = { ...PAID, intro: { price: rub(99), periods: 1 } };
    const trialing = after(start(START, { terms: withIntro }), firstPaid(START, { value: rub(14) }));
    expect(as(trialing, "trialing").trial.value).toEqual(rub(14));
    const { renewal } = inState(trialing).when(passBoundary(TRIAL_END)).event("RenewalInvoiced");
    expect(renewal.amount).toEqual(rub(99));
  });

  test("that is free has grace only until the first decline; one that was paid keeps its grace", () => {
    const at = plusMs(TRIAL_END, 60_000);
    const free = after(freeTrial(true), passBoundary(TRIAL_END));
    expect(accessOf(free)?.until).toBe(plusMs(TRIAL_END, 7 * DAY_MS));
    expect(accessOf(afterFrom(free, declined(at)))?.until).toBe(at);
    const paid = after(start(START, { terms: PAID }), firstPaid(START, { value: rub(14) }), passBoundary(TRIAL_END));
    expect(accessOf(afterFrom(paid, declined(at)))?.until).toBe(plusMs(TRIAL_END, 7 * DAY_MS));
  });

  test("can be followed by a period that the payer pays ahead by hand, without a card", () => {
    const at = plusMs(START, DAY_MS);
    const paid = after(freeTrial(false), invoiceAhead(at), aheadPaid(at));
    expect(as(paid, "trialing").ahead?.period.start).toBe(TRIAL_END);
    const began = as(afterFrom(paid, passBoundary(TRIAL_END, { mayCharge: false })), "active");
    expect([began.running.number, began.running.invoices]).toEqual([1, [AHEAD]]);
  });
});
