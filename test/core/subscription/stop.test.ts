import { describe, expect, test } from "bun:test";
import { DEFAULT_POLICY } from "../../../src/core/policy.ts";
import { accessOf } from "../../../src/core/subscription/access.ts";
import { chargeDue, dueOf } from "../../../src/core/subscription/due.ts";
import { announcementOf } from "../../../src/core/subscription/notices.ts";
import { DAY_MS, HOUR_MS, plusMs } from "../../../src/core/time.ts";
import {
  AHEAD,
  after,
  afterFrom,
  aheadPaid,
  as,
  B1,
  B2,
  BASIC,
  CHANGE,
  change,
  changePaid,
  declined,
  FIRST,
  firstPaid,
  givenAfter,
  HARD,
  inState,
  invoiceAhead,
  MID,
  passBoundary,
  pause,
  quote,
  RENEWAL,
  RUNNING,
  renewalPaid,
  resume,
  START,
  start,
  stop,
  TRIAL_END,
  UNTIL,
  undo,
} from "../../support/subscription.ts";
import { DUE, KEPT, PLANNED, TRIALS } from "./situations.ts";

const byPayer = (at = MID) => ({ by: "payer", at }) as const;

describe("a stop", () => {
  test("leaves access to the paid date, and ends there with no invoice", () => {
    const stopped = givenAfter(...RUNNING).when(stop(MID));
    stopped.yields({ type: "RenewalStopped", by: "payer", at: MID });
    expect([as(stopped.state, "active").endsAtPeriodEnd, accessOf(stopped.state)?.until]).toEqual([byPayer(), B1]);
    inState(stopped.state)
      .when(passBoundary(B1))
      .yields({ type: "SubscriptionEnded", reason: "payer_stopped", leaves: null, at: B1 });
  });

  test("leaves nothing to announce and nothing to charge, only the end", () => {
    const stopped = after(...RUNNING, stop(MID));
    expect([announcementOf(stopped), chargeDue(stopped)]).toEqual([null, null]);
    expect(dueOf(stopped, DEFAULT_POLICY)).toEqual([{ kind: "pass_boundary", at: B1 }]);
  });

  test("in a trial ends with the trial, whether it was paid or free", () => {
    for (const trial of [TRIALS.free, TRIALS.paid]) {
      const stopped = afterFrom(trial, stop(plusMs(START, DAY_MS)));
      expect(accessOf(stopped)?.until).toBe(TRIAL_END);
      inState(stopped)
        .when(passBoundary(TRIAL_END))
        .yields({ type: "SubscriptionEnded", reason: "payer_stopped", leaves: null, at: TRIAL_END });
    }
  });

  test("told twice is one stop, and outranks missing consent, whichever came first", () => {
    givenAfter(...RUNNING, stop(MID))
      .when(stop(plusMs(MID, 1)))
      .changesNothing();
    givenAfter(...RUNNING, stop(MID))
      .when(stop(plusMs(MID, 1), "no_consent"))
      .changesNothing();
    const both = after(...RUNNING, stop(MID, "no_consent"), stop(plusMs(MID, 1)));
    expect(as(both, "active").endsAtPeriodEnd).toEqual(byPayer(plusMs(MID, 1)));
    expect(announcementOf(both)).toBeNull();
  });

  test("takes back all that had been asked for: a period ahead, a change, a change that waits, a pause", () => {
    const at = plusMs(MID, HOUR_MS);
    const flag = { type: "RenewalStopped", by: "payer", at } as const;
    givenAfter(...RUNNING, invoiceAhead(MID))
      .when(stop(at))
      .yields({ type: "RenewalWithdrawn", invoiceId: AHEAD, at }, flag);
    givenAfter(...RUNNING, quote(MID), change(MID))
      .when(stop(at))
      .yields({ type: "ChangeAbandoned", invoiceId: CHANGE, because: "stopped", at }, flag);
    givenAfter(...RUNNING, quote(MID, BASIC), change(MID))
      .when(stop(at))
      .yields({ type: "ChangeDropped", at }, flag);
    givenAfter(...PLANNED)
      .when(stop(at))
      .yields({ type: "PauseDropped", at }, flag);
    const trialAhead = afterFrom(TRIALS.free, invoiceAhead(START));
    inState(trialAhead).when(stop(at)).happens("RenewalWithdrawn", "RenewalStopped");
  });

  test("sends a payment that was on its way back in full", () => {
    inState(after(...RUNNING, quote(MID), change(MID), stop(MID)))
      .when(changePaid(MID))
      .yields({ type: "PaymentTurnedBack", invoiceId: CHANGE, at: MID });
    inState(after(...RUNNING, invoiceAhead(MID), stop(MID)))
      .when(aheadPaid(MID))
      .yields({ type: "PaymentTurnedBack", invoiceId: AHEAD, at: MID });
  });

  test("while the renewal is out ends at once, its invoice void; a charge in flight that succeeded goes back", () => {
    const at = plusMs(B1, 2000);
    const leaves = { invoiceId: RENEWAL, as: "void" } as const;
    for (const [by, reason] of [
      ["payer", "payer_stopped"],
      ["no_consent", "no_card_or_consent"],
    ] as const) {
      const ended = givenAfter(...DUE).when(stop(at, by));
      ended.yields({ type: "SubscriptionEnded", reason, leaves, at });
      expect(dueOf(ended.state, DEFAULT_POLICY)).toEqual([]);
      inState(ended.state)
        .when(renewalPaid(plusMs(at, 1)))
        .yields({ type: "PaymentTurnedBack", invoiceId: RENEWAL, at: plusMs(at, 1) });
      inState(ended.state)
        .when(declined(plusMs(at, 1)))
        .changesNothing();
    }
    const trialDue = afterFrom(TRIALS.free, passBoundary(TRIAL_END));
    inState(trialDue).when(stop(TRIAL_END)).yields({
      type: "SubscriptionEnded",
      reason: "payer_stopped",
      leaves,
      at: TRIAL_END,
    });
  });

  test("before the first payment ends it, the invoice void; missing consent alone stops nothing there", () => {
    givenAfter(start())
      .when(stop(START))
      .yields({
        type: "SubscriptionEnded",
        reason: "payer_stopped",
        leaves: { invoiceId: FIRST, as: "void" },
        at: START,
      });
    givenAfter(start()).when(stop(START, "no_consent")).changesNothing();
  });

  test("while past due ends it, its invoice void", () => {
    for (const decline of [undefined, HARD])
      givenAfter(...DUE, declined(B1, decline))
        .when(stop(plusMs(B1, DAY_MS)))
        .yields({
          type: "SubscriptionEnded",
          reason: "payer_stopped",
          leaves: { invoiceId: RENEWAL, as: "void" },
          at: plusMs(B1, DAY_MS),
        });
  });

  test("between the boundary and its passing still ends it without an invoice", () => {
    const late = after(...RUNNING, stop(plusMs(B1, HOUR_MS)));
    inState(late)
      .when(passBoundary(plusMs(B1, 2 * HOUR_MS)))
      .happens("SubscriptionEnded");
    expect(accessOf(late)?.until).toBe(B1);
  });

  test("of a queued one ends at the end of its period", () => {
    const queued = after(start(START, { beginsAt: B1 }), firstPaid(), stop(MID));
    expect(accessOf(queued)).toMatchObject({ from: B1, until: B2 });
    inState(queued).when(passBoundary(B2)).happens("SubscriptionEnded");
  });
});

describe("consent withdrawn, or the last card removed", () => {
  test("is no stop by the payer: what he has asked for stays", () => {
    const planned = after(...PLANNED, stop(MID, "no_consent"));
    expect(as(planned, "active").plannedPause).not.toBeNull();
    const ahead = after(...RUNNING, invoiceAhead(MID), stop(MID, "no_consent"));
    inState(ahead).when(aheadPaid(MID)).happens("SubscriptionRenewed");
    const open = after(...RUNNING, quote(MID), change(MID), stop(MID, "no_consent"));
    inState(open).when(changePaid(MID)).happens("PlanChanged");
  });

  test("ends it at the boundary, with an announcement of the end", () => {
    const halted = after(...RUNNING, stop(MID, "no_consent"));
    expect(announcementOf(halted)).toMatchObject({ kind: "ending", on: B1, amount: null });
    expect(accessOf(halted)?.until).toBe(B1);
    inState(halted)
      .when(passBoundary(B1))
      .yields({ type: "SubscriptionEnded", reason: "no_card_or_consent", leaves: null, at: B1 });
  });

  test("while paused lets the rest run when its time has come, and then ends it", () => {
    const kept = after(...KEPT, stop(plusMs(MID, 1), "no_consent"));
    expect(kept.status).toBe("paused");
    const resumed = as(afterFrom(kept, resume(UNTIL, { by: "schedule", mayCharge: false })), "active");
    expect(resumed.endsAtPeriodEnd?.by).toBe("no_consent");
    inState(resumed).when(passBoundary(resumed.running.period.end)).happens("SubscriptionEnded");
  });
});

describe("an undo", () => {
  test("takes the flag off, and the subscription renews as if nothing had been", () => {
    const undone = givenAfter(...RUNNING, stop(MID)).when(undo(plusMs(MID, DAY_MS)));
    undone.yields({ type: "RenewalRestored", at: plusMs(MID, DAY_MS) });
    expect(undone.state).toEqual(after(...RUNNING));
    inState(undone.state).when(passBoundary(B1)).happens("RenewalInvoiced");
  });

  test("is possible until the paid date, and at that instant no more", () => {
    const stopped = inState(after(...RUNNING, stop(MID)));
    stopped.when(undo(plusMs(B1, -1))).happens("RenewalRestored");
    stopped.when(undo(B1)).refuses({ code: "boundary_passed", boundary: B1 });
    const ahead = inState(after(...RUNNING, invoiceAhead(MID), aheadPaid(MID), stop(MID)));
    ahead.when(undo(plusMs(B2, -1))).happens("RenewalRestored");
    ahead.when(undo(B2)).refuses({ code: "boundary_passed", boundary: B2 });
    const trial = inState(afterFrom(TRIALS.free, stop(START)));
    trial.when(undo(plusMs(TRIAL_END, -1))).happens("RenewalRestored");
    trial.when(undo(TRIAL_END)).refuses({ code: "boundary_passed", boundary: TRIAL_END });
  });

  test("needs card and consent, whoever stopped it", () => {
    for (const by of ["payer", "no_consent"] as const) {
      const stopped = inState(after(...RUNNING, stop(MID, by)));
      stopped.when(undo(MID, false)).refuses({ code: "card_or_consent_missing" });
      stopped.when(undo(MID, true)).happens("RenewalRestored");
    }
  });

  test("is for a stopped subscription that runs", () => {
    givenAfter(...RUNNING)
      .when(undo(MID))
      .refuses({ code: "renewal_not_stopped" });
    givenAfter(...DUE, declined(B1), stop(B1, "no_consent"))
      .when(undo(B1))
      .refuses({ code: "subscription_past_due" });
    givenAfter(...RUNNING, stop(MID), passBoundary(B1))
      .when(undo(B1))
      .refuses({ code: "subscription_ended" });
    givenAfter(...RUNNING, stop(MID), pause(MID, "now", UNTIL))
      .when(undo(MID))
      .refuses({ code: "subscription_paused" });
  });

  test("brings back nothing that the stop had dropped", () => {
    const undone = as(
      after(...RUNNING, quote(MID, BASIC), change(MID), pause(MID, "at_period_end", UNTIL), stop(MID), undo(MID)),
      "active",
    );
    expect([undone.waitingChange, undone.plannedPause, undone.change]).toEqual([null, null, null]);
  });
});
