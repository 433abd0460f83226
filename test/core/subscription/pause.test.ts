import { describe, expect, test } from "bun:test";
import { accessOf } from "../../../src/core/subscription/access.ts";
import { DAY_MS, plusMs } from "../../../src/core/time.ts";
import {
  after,
  afterFrom,
  aheadPaid,
  as,
  B1,
  B2,
  dates,
  FIRST,
  firstPaid,
  givenAfter,
  inState,
  instant,
  invoice,
  invoiceAhead,
  MID,
  msk,
  passBoundary,
  pause,
  quote,
  RENEWAL,
  RUNNING,
  resume,
  rub,
  START,
  start,
  stop,
  UNTIL,
  undo,
  zone,
} from "../../support/subscription.ts";
import { AT_END, HALF_MS, KEPT, PLANNED } from "./situations.ts";

describe("a pause now", () => {
  test("keeps the unused seconds and their value, and stops access", () => {
    const at = plusMs(MID, 600);
    const { pause: kept } = givenAfter(...RUNNING)
      .when(pause(at, "now", UNTIL))
      .event("SubscriptionPaused");
    const { running } = as(after(...RUNNING), "active");
    expect(kept).toEqual({
      since: at,
      until: UNTIL,
      kept: { running, unusedMs: HALF_MS, unused: rub(155) },
      number: 1,
      paidPeriods: 1,
    });
    expect(accessOf(after(...KEPT))).toBeNull();
  });

  test("needs no card, and is open to one who has stopped: the rest then runs out after it", () => {
    const stopped = after(...RUNNING, stop(MID), pause(MID, "now", UNTIL), resume(UNTIL, { by: "schedule" }));
    const { running, endsAtPeriodEnd } = as(stopped, "active");
    expect([dates(running.period), endsAtPeriodEnd?.by]).toEqual([
      "2026-02-14T21:00:00Z..2026-03-02T09:00:00Z",
      "payer",
    ]);
    inState(stopped).when(passBoundary(running.period.end)).happens("SubscriptionEnded");
  });

  test("is 90 local days long at most, counted from the pause", () => {
    const berlin = zone("Europe/Berlin");
    const began = instant("2026-02-01T00:00:00+01:00");
    const running = inState(after(start(began, { zone: berlin }), firstPaid(began)));
    // 90 local days after midnight of 1 February is midnight of 2 May, in summer time.
    const latest = instant("2026-05-02T00:00:00+02:00");
    running.when(pause(began, "now", latest)).happens("SubscriptionPaused");
    running.when(pause(began, "now", plusMs(latest, 1))).refuses({ code: "pause_too_long", latest });
  });

  test("has an end ahead of it", () => {
    for (const until of [MID, plusMs(MID, -DAY_MS)])
      givenAfter(...RUNNING)
        .when(pause(MID, "now", until))
        .refuses({ code: "pause_not_ahead" });
  });

  test("is refused with a period paid ahead, and from the boundary on", () => {
    givenAfter(...RUNNING, invoiceAhead(MID), aheadPaid(MID))
      .when(pause(MID, "now", UNTIL))
      .refuses({ code: "period_paid_ahead" });
    givenAfter(...RUNNING)
      .when(pause(B1, "now", UNTIL))
      .refuses({ code: "boundary_passed", boundary: B1 });
  });

  test("takes the place of one that was planned", () => {
    const { state } = givenAfter(...PLANNED).when(pause(MID, "now", UNTIL));
    expect(as(state, "paused").pause.kept).not.toBeNull();
  });

  test("of a period that has not begun keeps the period and not a second more", () => {
    // Queued behind another one that was then cancelled: it moved up, and its period still begins on 1 February.
    const movedUp = after(start(START, { beginsAt: B1 }), firstPaid(), { type: "MoveUp", at: START });
    const { pause: paused } = inState(movedUp)
      .when(pause(MID, "now", UNTIL))
      .event("SubscriptionPaused");
    expect([paused.kept?.unusedMs, paused.kept?.unused]).toEqual([B2 - B1, rub(310)]);
  });
});

describe("a pause at the period's end", () => {
  test("leaves the period alone, and keeps nothing", () => {
    expect(as(after(...PLANNED), "active").plannedPause).toEqual({ until: UNTIL });
    const { pause: begun } = givenAfter(...PLANNED)
      .when(passBoundary(B1))
      .event("SubscriptionPaused");
    expect(begun).toEqual({ since: B1, until: UNTIL, kept: null, number: 1, paidPeriods: 1 });
    expect(accessOf(after(...AT_END))).toBeNull();
  });

  test("begins at the boundary, however late that is found, with no invoice and no need of a card", () => {
    const found = inState(after(...PLANNED)).when(passBoundary(plusMs(B1, 3 * DAY_MS), { mayCharge: false }));
    expect(found.event("SubscriptionPaused").pause.since).toBe(B1);
  });

  test("is 90 local days long at most, counted from the end of all that is paid", () => {
    const latest = msk("2026-05-02T10:00"); // 90 local days after 1 February.
    givenAfter(...RUNNING)
      .when(pause(MID, "at_period_end", latest))
      .happens("PausePlanned");
    givenAfter(...RUNNING)
      .when(pause(MID, "at_period_end", plusMs(latest, 1)))
      .refuses({ code: "pause_too_long", latest });
    givenAfter(...RUNNING)
      .when(pause(MID, "at_period_end", B1))
      .refuses({ code: "pause_not_ahead" });
    const ahead = givenAfter(...RUNNING, invoiceAhead(MID), aheadPaid(MID));
    ahead.when(pause(MID, "at_period_end", plusMs(latest, DAY_MS))).happens("PausePlanned");
    ahead.when(pause(MID, "at_period_end", B2)).refuses({ code: "pause_not_ahead" });
  });

  test("comes after the period that was paid ahead", () => {
    const ahead = after(
      ...RUNNING,
      invoiceAhead(MID),
      aheadPaid(MID),
      pause(MID, "at_period_end", msk("2026-04-01T00:00")),
    );
    const second = inState(ahead).when(passBoundary(B1));
    second.happens("PaidPeriodBegan");
    inState(second.state).when(passBoundary(B2)).happens("SubscriptionPaused");
  });

  test("can be moved, told twice, and dropped by hand until it begins", () => {
    const planned = inState(after(...PLANNED));
    planned.when(pause(MID, "at_period_end", UNTIL)).changesNothing();
    const moved = planned.when(pause(MID, "at_period_end", plusMs(UNTIL, DAY_MS)));
    expect(as(moved.state, "active").plannedPause?.until).toBe(plusMs(UNTIL, DAY_MS));
    const dropped = planned.when(resume(MID));
    dropped.yields({ type: "PauseDropped", at: MID });
    inState(dropped.state).when(passBoundary(B1)).happens("RenewalInvoiced");
  });

  test("takes away grace: nothing is on its way", () => {
    expect(accessOf(after(...RUNNING))?.until).toBe(plusMs(B1, 7 * DAY_MS));
    expect(accessOf(after(...PLANNED))?.until).toBe(B1);
  });

  test("is refused to one who has stopped, and dropped by a stop; an undo does not bring it back", () => {
    givenAfter(...RUNNING, stop(MID))
      .when(pause(MID, "at_period_end", UNTIL))
      .refuses({ code: "renewal_stopped" });
    expect(as(after(...PLANNED, stop(MID), undo(MID)), "active").plannedPause).toBeNull();
  });

  test("hinders the payment of the period after it, which has no dates yet", () => {
    givenAfter(...PLANNED)
      .when(invoiceAhead(MID))
      .refuses({ code: "pause_planned", until: UNTIL });
    givenAfter(...RUNNING, invoiceAhead(MID))
      .when(pause(MID, "at_period_end", UNTIL))
      .refuses({ code: "renewal_in_progress", invoiceId: invoice(4) });
  });
});

describe("a stop while paused", () => {
  test("forfeits nothing: the kept rest runs out at once, then it ends", () => {
    const at = msk("2026-02-10T10:00");
    const stopped = givenAfter(...KEPT).when(stop(at));
    stopped.happens("RenewalStopped", "SubscriptionResumed");
    const { period } = as(stopped.state, "active").running;
    expect([period.start, period.end, accessOf(stopped.state)?.until]).toEqual([
      at,
      plusMs(at, HALF_MS),
      plusMs(at, HALF_MS),
    ]);
    const over = inState(stopped.state).when(passBoundary(period.end));
    over.yields({ type: "SubscriptionEnded", reason: "payer_stopped", leaves: null, at: period.end });
    inState(stopped.state).when(undo(at)).happens("RenewalRestored");
  });

  test("of a pause that kept nothing ends at once, the invoice of a resume void", () => {
    const at = plusMs(B1, DAY_MS);
    const over = { type: "SubscriptionEnded", reason: "payer_stopped", at } as const;
    givenAfter(...AT_END)
      .when(stop(at))
      .yields({ ...over, leaves: null });
    givenAfter(...AT_END, resume(at))
      .when(stop(at))
      .yields({ ...over, leaves: { invoiceId: RENEWAL, as: "void" } });
  });
});

describe("while paused", () => {
  test("nothing is invoiced, and no plan is changed", () => {
    for (const state of [after(...KEPT), after(...AT_END)]) {
      inState(state).when(passBoundary(B2)).changesNothing();
      inState(state).when(quote(B2)).refuses({ code: "subscription_paused" });
      inState(state).when(invoiceAhead(B2)).refuses({ code: "subscription_paused" });
      inState(state)
        .when(pause(B2, "now", msk("2026-03-20T00:00")))
        .changesNothing();
    }
  });

  test("money that went back makes the kept rest worth less, in proportion", () => {
    // Half of the period is kept, so half of what goes back had been for it: (310 - 100) / 2.
    const less = afterFrom(after(...KEPT), {
      type: "RecordPeriodRefund",
      invoiceId: FIRST,
      amount: rub(100),
      at: plusMs(MID, DAY_MS),
    });
    expect(as(less, "paused").pause.kept).toMatchObject({
      unused: rub(105),
      running: { value: rub(210), paid: rub(210) },
    });
    expect(as(afterFrom(less, resume(UNTIL)), "active").running.value).toEqual(rub(105));
  });
});
