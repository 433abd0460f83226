import { describe, expect, test } from "bun:test";
import { DEFAULT_POLICY } from "../../../src/core/policy.ts";
import { accessOf } from "../../../src/core/subscription/access.ts";
import { chargeDue, dueOf } from "../../../src/core/subscription/due.ts";
import type { Subscription, SubscriptionCommand } from "../../../src/core/subscription/subscription.ts";
import { DAY_MS, HOUR_MS, type Instant, MINUTE_MS, plusMs } from "../../../src/core/time.ts";
import {
  ASK_PAYER,
  after,
  afterFrom,
  as,
  B1,
  B2,
  card,
  closeDunning,
  declined,
  firstPaid,
  givenAfter,
  HARD,
  inState,
  instant,
  neverHappened,
  newCard,
  notice,
  OUTAGE,
  passBoundary,
  RENEWAL,
  renewalPaid,
  SOFT,
  START,
  start,
  stop,
  terms,
  unknown24h,
  zone,
} from "../../support/subscription.ts";
import { DUE } from "./situations.ts";

const day = (days: number, ms = 0): Instant => plusMs(B1, days * DAY_MS + ms);
const ladder = (...commands: readonly SubscriptionCommand[]) =>
  as(after(...DUE, declined(B1), ...commands), "past_due").dunning;
const dueKinds = (state: Subscription): readonly string[] =>
  dueOf(state, DEFAULT_POLICY).map(({ kind, at }) => `${kind} at day ${(at - B1) / DAY_MS}`);

describe("the ladder", () => {
  test("has steps 1, 3, 5 and 7 local days after the first decline", () => {
    const { steps, nextTry, endsAt } = ladder();
    expect(steps).toEqual([day(1), day(3), day(5), day(7)]);
    expect(nextTry).toEqual({ at: day(1), dueAt: day(1), newCard: false });
    expect(endsAt).toBe(day(7));
  });

  test("counts local days: a step after a DST change comes an hour earlier", () => {
    const berlin = zone("Europe/Berlin");
    const began = instant("2026-02-28T10:00:00+01:00");
    const boundary = instant("2026-03-28T10:00:00+01:00");
    const state = after(start(began, { zone: berlin }), firstPaid(began), passBoundary(boundary), declined(boundary));
    expect(as(state, "past_due").dunning.steps[0]).toBe(plusMs(boundary, 23 * HOUR_MS));
  });

  test("goes on to its next step with each soft decline, and its last step's decline closes it", () => {
    const third = after(...DUE, declined(B1), declined(day(1)), declined(day(3)), declined(day(5)));
    expect(as(third, "past_due").dunning.nextTry?.at).toBe(day(7));
    const last = inState(third).when(declined(day(7)));
    last.happens("RenewalDeclined", "DunningMoved", "SubscriptionEnded");
    expect(last.event("SubscriptionEnded")).toEqual({
      type: "SubscriptionEnded",
      reason: "unpaid",
      leaves: { invoiceId: RENEWAL, as: "uncollectible" },
      at: day(7),
    });
  });

  test("collapses missed steps into one try", () => {
    expect(ladder(declined(day(4))).nextTry?.at).toBe(day(5));
  });

  test("that a decline is told of twice has moved once", () => {
    const again = declined(day(1));
    const moved = after(...DUE, declined(B1), again);
    inState(moved).when(again).changesNothing();
  });

  test("is not begun by a payer's own try", () => {
    const { state } = givenAfter(...DUE).when(declined(day(0, MINUTE_MS), HARD, { initiator: "payer" }));
    expect(state.status).toBe("active");
  });

  test("leaves out the steps at or after the end of the unpaid period, which then closes it", () => {
    const weekly = terms({ length: { unit: "week", count: 1 } });
    const boundary = plusMs(START, 7 * DAY_MS);
    const end = plusMs(START, 14 * DAY_MS);
    const began = after(start(START, { terms: weekly }), firstPaid(), passBoundary(boundary), declined(boundary));
    const { steps, endsAt } = as(began, "past_due").dunning;
    expect(steps).toEqual([1, 3, 5].map((days) => plusMs(boundary, days * DAY_MS)));
    expect(endsAt).toBe(end);
    const tried = afterFrom(began, ...steps.map((step) => declined(step)));
    expect(as(tried, "past_due").dunning).toMatchObject({ nextTry: null, closesAt: end });
    inState(tried)
      .when(closeDunning(plusMs(end, -1)))
      .refuses({ code: "dunning_not_over", closesAt: end });
    inState(tried).when(closeDunning(end)).happens("SubscriptionEnded");
  });

  test("while a try is to come closes at the end of the unpaid period at the latest", () => {
    expect(ladder().closesAt).toBe(B2);
    expect(dueKinds(after(...DUE, declined(B1)))).toEqual(["charge_renewal at day 1", "close_dunning at day 28"]);
  });

  test("makes no try at or after the end of the unpaid period, however late its worker comes", () => {
    const pastDue = after(...DUE, declined(B1));
    expect(chargeDue(pastDue)).toEqual({ invoiceId: RENEWAL, from: day(1), before: B2 });
    const cards = afterFrom(pastDue, newCard(plusMs(B2, -1)));
    expect(chargeDue(cards)).toMatchObject({ from: plusMs(B2, -1), before: B2 });
    expect(chargeDue(afterFrom(pastDue, newCard(B2)))).toBeNull();
  });

  test("without steps leaves the payer until the end of the unpaid period", () => {
    const none = { ...DEFAULT_POLICY, dunningDays: [] };
    const { state } = givenAfter(...DUE).when(declined(B1), none);
    expect(as(state, "past_due").dunning).toMatchObject({ nextTry: null, closesAt: B2 });
  });
});

describe("a hard decline, or one that asks for the payer", () => {
  for (const decline of [HARD, ASK_PAYER]) {
    test(`stops the tries at once (${decline.kind}), and the ladder closes at the instant of its last step`, () => {
      const halted = after(...DUE, declined(B1, decline));
      expect(as(halted, "past_due").dunning).toMatchObject({ nextTry: null, closesAt: day(7) });
      expect(dueKinds(halted)).toEqual(["close_dunning at day 7"]);
      const onStep = after(...DUE, declined(B1), declined(day(1), decline));
      expect(as(onStep, "past_due").dunning).toMatchObject({ nextTry: null, closesAt: day(7) });
    });
  }

  test("at the last step closes the ladder as a soft one does", () => {
    const last = after(...DUE, declined(B1), declined(day(1)), declined(day(3)), declined(day(5)));
    inState(last)
      .when(declined(day(7), HARD))
      .happens("RenewalDeclined", "DunningMoved", "SubscriptionEnded");
  });

  test("leaves the invoice to be paid by hand", () => {
    givenAfter(...DUE, declined(B1, HARD))
      .when(renewalPaid(day(2), { by: "payer" }))
      .happens("SubscriptionRenewed");
  });
});

describe("an outage of ours", () => {
  test("at the boundary is tried again after 60 minutes, and nothing counts as declined", () => {
    const { state } = givenAfter(...DUE).when(declined(B1, OUTAGE));
    expect(as(state, "active").renewal?.putOffUntil).toBe(plusMs(B1, 60 * MINUTE_MS));
    expect(accessOf(state)?.until).toBe(day(7));
  });

  test("at a step is tried again after 60 minutes and uses up no step", () => {
    const moved = ladder(declined(day(1), OUTAGE));
    expect(moved.nextTry).toEqual({ at: day(1, HOUR_MS), dueAt: day(1), newCard: false });
    expect(ladder(declined(day(1), OUTAGE), declined(day(1, HOUR_MS))).nextTry?.at).toBe(day(3));
  });

  test("does not close the ladder at its last step", () => {
    const last = ladder(declined(day(1)), declined(day(3)), declined(day(5)), declined(day(7), OUTAGE));
    expect(last.nextTry?.at).toBe(day(7, HOUR_MS));
  });

  test("is no decline of the card", () => {
    const twice = ladder(declined(day(1), OUTAGE), declined(day(1, HOUR_MS), OUTAGE));
    expect(twice.nextTry?.at).toBe(day(1, 2 * HOUR_MS));
  });
});

describe("two declines of one card", () => {
  const own = (at: Instant, cardId = card(1)) => declined(at, SOFT, { initiator: "payer", cardId });

  test("the payer's own among them, put the next automatic try 24 hours after the last", () => {
    // Step 1 was declined at day 1, the payer tries at days 2.5 and 2.75: step 3 waits until day 3.75.
    const moved = ladder(declined(day(1)), own(day(2.5)), own(day(2.75)));
    expect(moved.nextTry).toEqual({ at: day(3.75), dueAt: day(3), newCard: false });
  });

  test("do so however far apart they are, up to the last instant of the 24 hours", () => {
    expect(ladder(own(day(1))).nextTry?.at).toBe(day(2));
    expect(ladder(declined(day(1)), own(plusMs(day(2), -1))).nextTry?.at).toBe(day(3));
    expect(ladder(declined(day(1)), own(plusMs(day(2), 1))).nextTry?.at).toBe(plusMs(day(3), 1));
  });

  test("a single one makes nothing wait", () => {
    expect(ladder().nextTry?.at).toBe(day(1));
    expect(ladder(newCard(day(2)), own(day(2.5), card(2))).nextTry?.at).toBe(day(2));
  });

  test("of another card, or of one that is not saved, leave the ladder as it is", () => {
    expect(ladder(own(day(0.5), card(7)), own(day(0.6), card(7))).nextTry?.at).toBe(day(1));
    const unsaved = declined(day(0.5), SOFT, { initiator: "payer", cardId: null });
    expect(ladder(unsaved, declined(day(0.6), SOFT, { initiator: "payer", cardId: null })).nextTry?.at).toBe(day(1));
  });

  test("use up no step", () => {
    const moved = ladder(own(day(0.25)), own(day(0.5)));
    expect(moved.nextTry).toEqual({ at: day(1.5), dueAt: day(1), newCard: false });
    expect(ladder(own(day(0.25)), own(day(0.5)), declined(day(1.5))).nextTry?.at).toBe(day(3));
  });

  test("put a first charge off as well", () => {
    const tried = after(
      ...DUE,
      own(plusMs(B1, HOUR_MS)),
      own(plusMs(B1, 2 * HOUR_MS)),
      notice(plusMs(B1, -4 * DAY_MS)),
    );
    expect(dueKinds(tried)).toContain(`charge_renewal at day ${26 / 24}`);
  });
});

describe("a new card", () => {
  test("is tried at once and uses up no step", () => {
    const moved = ladder(newCard(day(2)));
    expect(moved.nextTry).toEqual({ at: day(2), dueAt: day(2), newCard: true });
    expect([moved.steps, moved.cardId]).toEqual([ladder().steps, card(2)]);
  });

  test("starts a stopped ladder again; declined softly, the steps still to come go on with it", () => {
    const halted = after(...DUE, declined(B1, HARD), newCard(day(4)));
    expect(as(halted, "past_due").dunning).toMatchObject({ nextTry: { at: day(4) }, closesAt: B2 });
    const tried = afterFrom(halted, declined(day(4), SOFT, { cardId: card(2) }));
    expect(as(tried, "past_due").dunning).toMatchObject({ nextTry: { at: day(5), newCard: false }, endsAt: day(7) });
  });

  test("that is declined for good stops the ladder again, whose end stayed", () => {
    const halted = after(...DUE, declined(B1, HARD), newCard(day(4)), declined(day(4), HARD, { cardId: card(2) }));
    expect(as(halted, "past_due").dunning).toMatchObject({ nextTry: null, closesAt: day(7) });
  });

  test("is still tried when the old card's decline comes after it", () => {
    for (const late of [SOFT, HARD]) {
      const moved = ladder(newCard(day(2)), declined(day(2, MINUTE_MS), late, { triedAt: day(1) }));
      expect(moved.nextTry).toEqual({ at: day(2), dueAt: day(2), newCard: true });
    }
  });

  test("is tried at once even after two declines of the old one", () => {
    const own = declined(day(0.5), SOFT, { initiator: "payer" });
    expect(ladder(own, newCard(day(0.75))).nextTry?.at).toBe(day(0.75));
  });

  test("told of twice is tried once", () => {
    givenAfter(...DUE, declined(B1), newCard(day(2)))
      .when(newCard(day(2)))
      .changesNothing();
  });
});

describe("a card removed or consent withdrawn while past due", () => {
  const halted = after(...DUE, declined(B1), stop(day(2), "no_consent"));

  test("stops the tries; the invoice can be paid by hand, and the subscription then ends at its period's end", () => {
    expect(as(halted, "past_due").dunning).toMatchObject({ nextTry: null, closesAt: day(7) });
    const paid = afterFrom(halted, renewalPaid(day(3), { by: "payer" }));
    expect(as(paid, "active").endsAtPeriodEnd?.by).toBe("no_consent");
  });

  test("sends an automatic charge that was in flight back in full, and the subscription ends", () => {
    for (const by of ["schedule", "look_up"] as const) {
      inState(halted)
        .when(renewalPaid(day(3), { by }))
        .yields(
          { type: "PaymentTurnedBack", invoiceId: RENEWAL, at: day(3) },
          { type: "SubscriptionEnded", reason: "no_card_or_consent", leaves: null, at: day(3) },
        );
    }
    const back = afterFrom(halted, renewalPaid(day(3), { by: "schedule" }));
    inState(back)
      .when(renewalPaid(day(4), { by: "look_up" }))
      .changesNothing();
  });

  test("is undone by a new card, which is tried at once", () => {
    const again = inState(halted).when(newCard(day(3)));
    again.happens("RenewalRestored", "DunningMoved");
    expect(as(again.state, "past_due")).toMatchObject({ endsAtPeriodEnd: null, dunning: { nextTry: { at: day(3) } } });
  });

  test("is no stop by the payer, which would end the subscription", () => {
    givenAfter(...DUE, declined(B1))
      .when(stop(day(2)))
      .yields({
        type: "SubscriptionEnded",
        reason: "payer_stopped",
        leaves: { invoiceId: RENEWAL, as: "void" },
        at: day(2),
      });
  });
});

describe("an answer that is unknown", () => {
  test("for 24 hours counts as the first decline", () => {
    const fell = givenAfter(...DUE).when(unknown24h(day(1)));
    expect(fell.event("SubscriptionFellPastDue")).toMatchObject({
      because: "unknown",
      dunning: { declinedAt: day(1) },
    });
    expect(as(fell.state, "past_due").dunning.nextTry?.at).toBe(day(2));
  });

  test("and turns out never to have happened is tried again at once, no step used", () => {
    const again = after(...DUE, unknown24h(day(1)), neverHappened(day(1.5)));
    expect(as(again, "past_due").dunning.nextTry?.at).toBe(day(1.5));
    expect(as(afterFrom(again, declined(day(1.5))), "past_due").dunning.nextTry?.at).toBe(day(2));
  });

  test("and never happened does not outrun the wait after two declines", () => {
    const own = (at: Instant) => declined(at, SOFT, { initiator: "payer" });
    givenAfter(...DUE, declined(B1), own(day(0.25)), own(day(0.5)))
      .when(neverHappened(day(1)))
      .changesNothing();
  });

  test("and proves declined is a decline at the instant of the answer", () => {
    const known = after(...DUE, unknown24h(day(1)), declined(day(1.5), SOFT, { triedAt: B1 }));
    expect(as(known, "past_due").dunning.nextTry?.at).toBe(day(2));
    const hard = after(...DUE, unknown24h(day(1)), declined(day(1.5), HARD, { triedAt: B1 }));
    expect(as(hard, "past_due").dunning.nextTry).toBeNull();
  });

  test("and proves paid is paid at the instant of the answer", () => {
    const fell = after(...DUE, unknown24h(day(1)));
    const early = inState(fell)
      .when(renewalPaid(day(6), { by: "look_up" }))
      .event("SubscriptionRenewed");
    const late = inState(fell)
      .when(renewalPaid(day(8), { by: "look_up" }))
      .event("SubscriptionRenewed");
    expect([early.running.period.start, late.running.period.start]).toEqual([B1, day(8)]);
  });
});

describe("grace", () => {
  test("goes on through the ladder, so that a renewal under way takes nothing away", () => {
    expect(accessOf(after(...DUE))?.until).toBe(day(7));
    expect(accessOf(after(...DUE, declined(B1)))).toMatchObject({ from: START, until: day(7) });
  });

  test("never goes past the end of the unpaid period", () => {
    const daily = terms({ length: { unit: "day", count: 2 } });
    const boundary = plusMs(START, 2 * DAY_MS);
    const active = after(start(START, { terms: daily }), firstPaid());
    expect(accessOf(active)?.until).toBe(plusMs(boundary, 2 * DAY_MS));
    expect(accessOf(afterFrom(active, passBoundary(boundary)))?.until).toBe(plusMs(boundary, 2 * DAY_MS));
  });

  test("ends with a stopped ladder, however late its close is recorded, and comes back with a new card", () => {
    const short = { ...DEFAULT_POLICY, dunningDays: [1, 3] };
    const { state: halted } = givenAfter(...DUE).when(declined(B1, HARD), short);
    expect(accessOf(halted)?.until).toBe(day(3));
    expect(accessOf(afterFrom(halted, newCard(day(2))))?.until).toBe(day(7));
    expect(
      inState(halted)
        .when(renewalPaid(day(4), { by: "payer" }))
        .event("SubscriptionRenewed").running.period.start,
    ).toBe(day(4));
  });
});
