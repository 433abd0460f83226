import { describe, expect, test } from "bun:test";
import { DEFAULT_POLICY } from "../../../src/core/policy.ts";
import { chargeDue } from "../../../src/core/subscription/due.ts";
import { NOTICES_KEPT } from "../../../src/core/subscription/evolve.ts";
import { announcementOf, noticeDue, noticeToGive } from "../../../src/core/subscription/notices.ts";
import type { NoticeKind, Subscription } from "../../../src/core/subscription/subscription.ts";
import { DAY_MS, HOUR_MS, type Instant, MINUTE_MS, plusMs } from "../../../src/core/time.ts";
import {
  AHEAD,
  after,
  afterFrom,
  aheadPaid,
  B1,
  B2,
  BASIC,
  cancel,
  change,
  changePaid,
  declined,
  firstPaid,
  givenAfter,
  inState,
  instant,
  invoiceAhead,
  MID,
  msk,
  notice,
  noticeId,
  PREMIUM,
  passBoundary,
  pause,
  quote,
  RUNNING,
  renewalPaid,
  resume,
  rub,
  START,
  start,
  stop,
  TRIAL_END,
  terms,
  UNTIL,
  undo,
  zone,
} from "../../support/subscription.ts";
import { AT_END, DUE, GRACE_END, KEPT, PLANNED, TRIALS } from "./situations.ts";

/** Three local days before the boundary of 1 February, and the hour by which a notice is planned earlier. */
const THREE_DAYS = msk("2026-01-29T10:00");
const NOTICE = msk("2026-01-29T09:00");
const running = after(...RUNNING);

/** Gives the notice that is due at an instant, as the sweep does. */
let given = 100;
const noticed = (state: Subscription, at: Instant): Subscription => {
  const wanted = noticeToGive(state, DEFAULT_POLICY, at);
  if (wanted === null) return state;
  given += 1;
  return afterFrom(state, { type: "GiveNotice", notice: { noticeId: noticeId(given), ...wanted }, at });
};
const dueAt = (state: Subscription): Instant | null => noticeDue(state, DEFAULT_POLICY)?.at ?? null;
const told = (state: Subscription, at: Instant) => noticeToGive(state, DEFAULT_POLICY, at);

describe("what is announced", () => {
  const ZERO = terms({ intro: { price: rub(0), periods: 3 } });
  const cases: readonly (readonly [string, Subscription, readonly [NoticeKind, Instant, number | null] | null])[] = [
    ["a renewal is reminded of", running, ["renewal_reminder", B1, 310]],
    [
      "after an upgrade it is the new price",
      after(...RUNNING, quote(MID), change(MID), changePaid(MID)),
      ["renewal_reminder", B1, 620],
    ],
    [
      "while an upgrade is unpaid the old one",
      after(...RUNNING, quote(MID), change(MID)),
      ["renewal_reminder", B1, 310],
    ],
    [
      "before a downgrade the price to come",
      after(...RUNNING, quote(MID, BASIC), change(MID)),
      ["renewal_reminder", B1, 155],
    ],
    ["the end of a trial that renews is its first full charge", TRIALS.free, ["trial_ending", TRIAL_END, 310]],
    ["of a paid trial as well", TRIALS.paid, ["trial_ending", TRIAL_END, 310]],
    ["the end of a trial without card or consent is an end", TRIALS.without_card, ["ending", TRIAL_END, null]],
    ["missing consent is an end", after(...RUNNING, stop(MID, "no_consent")), ["ending", B1, null]],
    [
      "begun without consent it ends at its first period's end",
      after(start(), firstPaid(START, { consent: false })),
      ["ending", B1, null],
    ],
    ["after the payer's own stop nothing", after(...RUNNING, stop(MID)), null],
    ["in a trial that the payer stopped nothing", afterFrom(TRIALS.free, stop(START)), null],
    ["for a sum of zero nothing", after(start(START, { terms: ZERO }), firstPaid(START, { value: rub(0) })), null],
    [
      "while the next period awaits its payer by hand",
      after(...RUNNING, invoiceAhead(MID)),
      ["renewal_reminder", B1, 310],
    ],
    ["for a period paid ahead nothing", after(...RUNNING, invoiceAhead(MID), aheadPaid(MID)), null],
    [
      "after it the next charge",
      after(...RUNNING, invoiceAhead(MID), aheadPaid(MID), passBoundary(B1)),
      ["renewal_reminder", B2, 310],
    ],
    [
      "a period paid ahead and no consent: the end of it, once it has begun",
      after(...RUNNING, invoiceAhead(MID), aheadPaid(MID), stop(MID, "no_consent"), passBoundary(B1)),
      ["ending", B2, null],
    ],
    ["retries need none", after(...DUE, declined(B1)), null],
    ["before a planned pause nothing", after(...PLANNED), null],
    ["while a pause keeps time nothing", after(...KEPT), null],
    ["while a pause keeps nothing the charge of its resume", after(...AT_END), ["renewal_reminder", UNTIL, 310]],
    ["for a resume by hand nothing", after(...AT_END, resume(plusMs(B1, DAY_MS))), null],
    ["while paused without consent nothing", after(...AT_END, stop(plusMs(B1, 1), "no_consent")), null],
    ["before the first payment nothing", after(start()), null],
    ["of what has ended nothing", after(...RUNNING, cancel(MID)), null],
  ];
  for (const [fact, state, expected] of cases) {
    test(fact, () => {
      const wanted = announcementOf(state);
      const short = wanted === null ? null : [wanted.kind, wanted.on, wanted.amount];
      const [kind, on, roubles] = expected ?? [];
      expect<unknown>(short).toEqual(
        expected === null ? null : [kind, on, roubles === null ? null : rub(roubles ?? 0)],
      );
      expect(noticeDue(state, DEFAULT_POLICY) === null).toBe(expected === null);
    });
  }

  test("counts the intro price", () => {
    const intro = terms({ intro: { price: rub(99), periods: 2 } });
    const first = after(start(START, { terms: intro }), firstPaid(START, { value: rub(99) }));
    expect(announcementOf(first)?.amount).toEqual(rub(99));
    const paused = afterFrom(first, pause(MID, "at_period_end", UNTIL), passBoundary(B1));
    expect(announcementOf(paused)?.amount).toEqual(rub(99));
    const second = afterFrom(first, passBoundary(B1), renewalPaid(B1, { value: rub(99) }));
    expect(announcementOf(second)?.amount).toEqual(rub(310));
  });
});

describe("a notice", () => {
  test("is planned one hour before its three local days", () => {
    expect(noticeDue(running, DEFAULT_POLICY)).toEqual({ kind: "renewal_reminder", at: NOTICE });
    expect(told(running, plusMs(NOTICE, -1))).toBeNull();
    expect(told(running, NOTICE)).toEqual({
      kind: "renewal_reminder",
      givenAt: NOTICE,
      announcedAt: B1,
      amount: rub(310),
    });
  });

  test("counts local days over a DST change", () => {
    const berlin = zone("Europe/Berlin");
    const began = instant("2026-02-28T10:00:00+01:00");
    const state = after(start(began, { zone: berlin }), firstPaid(began));
    // The boundary is 28 March, 10:00; a year later it would be in summer time.
    expect(dueAt(state)).toBe(instant("2026-03-25T09:00:00+01:00"));
    const spring = instant("2026-03-01T10:00:00+01:00");
    const later = after(
      start(spring, { zone: berlin, terms: terms({ length: { unit: "day", count: 30 } }) }),
      firstPaid(spring),
    );
    // 31 March, 10:00 in summer time: three local days before it is 28 March, 10:00 in winter time.
    expect(dueAt(later)).toBe(instant("2026-03-28T09:00:00+01:00"));
  });

  test("follows the operator's days", () => {
    expect(noticeDue(running, { ...DEFAULT_POLICY, noticeDays: 5 })?.at).toBe(msk("2026-01-27T09:00"));
  });

  test("on time lets the charge be made at the boundary", () => {
    for (const at of [NOTICE, plusMs(NOTICE, 59 * MINUTE_MS), THREE_DAYS]) {
      const state = noticed(running, at);
      expect([dueAt(state), told(state, B1)]).toEqual([null, null]);
      expect(chargeDue(afterFrom(state, passBoundary(B1)))?.from).toBe(B1);
    }
  });

  test("that is late goes out at once and names the later date, for which the charge waits", () => {
    const at = plusMs(THREE_DAYS, 1);
    const late = told(running, at);
    expect(late?.announcedAt).toBe(plusMs(B1, 1));
    const due = afterFrom(noticed(running, at), passBoundary(B1));
    expect(chargeDue(due)?.from).toBe(plusMs(B1, 1));
    const missed = noticed(after(...DUE), plusMs(B1, DAY_MS));
    expect(chargeDue(missed)).toMatchObject({ from: plusMs(B1, 4 * DAY_MS), before: GRACE_END });
  });

  test("that is missing holds the charge", () => {
    expect(chargeDue(after(...DUE))).toBeNull();
    expect(dueAt(after(...DUE))).toBe(NOTICE);
  });

  test("in a period shorter than three days is given when it begins, the whole period before the charge", () => {
    const daily = terms({ length: { unit: "day", count: 1 } });
    const state = after(start(START, { terms: daily }), firstPaid());
    const boundary = plusMs(START, DAY_MS);
    expect([dueAt(state), told(state, START)?.announcedAt]).toEqual([START, boundary]);
    // A sweep that comes a minute late puts the charge off by that minute.
    const due = afterFrom(noticed(state, plusMs(START, MINUTE_MS)), passBoundary(boundary));
    expect(chargeDue(due)?.from).toBe(plusMs(boundary, MINUTE_MS));
  });

  test("serves for its sum or less", () => {
    const reminded = noticed(running, NOTICE);
    const cheaper = afterFrom(reminded, quote(THREE_DAYS, BASIC), change(THREE_DAYS));
    expect([dueAt(cheaper), chargeDue(afterFrom(cheaper, passBoundary(B1)))?.from]).toEqual([null, B1]);
  });

  test("for less than the charge is followed by a right one, and the charge waits for that", () => {
    const at = msk("2026-01-30T10:00");
    const dearer = afterFrom(noticed(running, NOTICE), quote(at), change(at), changePaid(at));
    expect(dueAt(dearer)).toBe(NOTICE);
    expect(told(dearer, at)).toMatchObject({ amount: PREMIUM.price, announcedAt: plusMs(at, 3 * DAY_MS) });
    const due = afterFrom(noticed(dearer, at), passBoundary(B1));
    expect(chargeDue(due)?.from).toBe(plusMs(at, 3 * DAY_MS));
  });

  test("that went out still counts after an undo; a missing one goes out at once", () => {
    const reminded = afterFrom(noticed(running, NOTICE), stop(THREE_DAYS), undo(plusMs(THREE_DAYS, HOUR_MS)));
    expect(dueAt(reminded)).toBeNull();
    const at = msk("2026-01-31T10:00");
    const missing = afterFrom(running, stop(MID), undo(at));
    expect(told(missing, at)).toMatchObject({ kind: "renewal_reminder", announcedAt: plusMs(at, 3 * DAY_MS) });
  });

  test("of an end does not stand for a charge, nor that of a charge for an end", () => {
    const at = msk("2026-01-30T10:00");
    const ending = noticed(afterFrom(running, stop(MID, "no_consent")), NOTICE);
    expect(dueAt(ending)).toBeNull();
    expect(told(afterFrom(ending, undo(at)), at)?.kind).toBe("renewal_reminder");
    const reminded = afterFrom(noticed(running, NOTICE), stop(at, "no_consent"));
    expect(told(reminded, at)?.kind).toBe("ending");
  });

  test("of an end goes out at once inside the three days, and names the end all the same", () => {
    const at = msk("2026-01-31T22:00");
    expect(told(afterFrom(running, stop(at, "no_consent")), at)).toEqual({
      kind: "ending",
      givenAt: at,
      announcedAt: B1,
      amount: null,
    });
  });

  test("given before grace is over is worth nothing after it: a new one comes first, at that instant", () => {
    // The charge was noticed in time and could not be made within grace.
    const unpaid = afterFrom(noticed(running, NOTICE), passBoundary(B1));
    expect(chargeDue(unpaid)).toMatchObject({ from: B1, before: GRACE_END });
    expect([dueAt(unpaid), told(unpaid, plusMs(GRACE_END, -1))]).toEqual([GRACE_END, null]);
    const again = noticed(unpaid, GRACE_END);
    expect([dueAt(again), chargeDue(again)]).toEqual([
      null,
      expect.objectContaining({ from: plusMs(GRACE_END, 3 * DAY_MS), before: B2 }),
    ]);
  });

  test("that names a date after grace holds the charge until a new one has been given", () => {
    const state = noticed(after(...DUE), plusMs(GRACE_END, -DAY_MS));
    expect([chargeDue(state), dueAt(state)]).toEqual([null, GRACE_END]);
  });

  test("of a boundary that was found after grace is given anew, and names three days from then", () => {
    const found = msk("2026-02-20T10:00");
    const due = afterFrom(noticed(running, NOTICE), passBoundary(found));
    expect(chargeDue(due)?.before).toBe(GRACE_END);
    expect(told(due, found)?.announcedAt).toBe(plusMs(found, 3 * DAY_MS));
    expect(chargeDue(noticed(due, found))).toMatchObject({
      from: plusMs(found, 3 * DAY_MS),
      before: msk("2026-03-20T10:00"),
    });
  });

  test("given after grace serves however long the charge takes, though the period that it buys begins later", () => {
    const daily = terms({ length: { unit: "day", count: 1 } });
    const [boundary, lapse] = [plusMs(START, DAY_MS), plusMs(START, 2 * DAY_MS)];
    const unpaid = after(start(START, { terms: daily }), firstPaid(), passBoundary(boundary));
    const at = plusMs(lapse, 1000);
    const due = afterFrom(noticed(unpaid, at), passBoundary(plusMs(at, 2 * DAY_MS)));
    expect([chargeDue(due)?.from, told(due, plusMs(at, 2 * DAY_MS))]).toEqual([plusMs(at, DAY_MS), null]);
  });

  test("of a trial's end serves for the first charge, also when that has fallen due", () => {
    const planned = plusMs(TRIAL_END, -3 * DAY_MS - HOUR_MS);
    expect(dueAt(TRIALS.free)).toBe(planned);
    const due = afterFrom(noticed(TRIALS.free, planned), passBoundary(TRIAL_END));
    expect([dueAt(due), chargeDue(due)?.from]).toEqual([plusMs(TRIAL_END, 7 * DAY_MS), TRIAL_END]);
  });
});

describe("the notice of a pause", () => {
  const paused = after(...AT_END);
  const planned = msk("2026-02-11T23:00");

  test("at the period's end comes three days before the resume, which is charged then", () => {
    expect([dueAt(paused), told(paused, planned)?.announcedAt]).toEqual([planned, UNTIL]);
    const resumed = afterFrom(noticed(paused, planned), resume(UNTIL, { by: "schedule" }));
    expect(chargeDue(resumed)?.from).toBe(UNTIL);
  });

  test("that was missed at the resume comes then, and the charge three days later", () => {
    const resumed = afterFrom(paused, resume(UNTIL, { by: "schedule" }));
    expect([chargeDue(resumed), dueAt(resumed)]).toEqual([null, planned]);
    expect(chargeDue(noticed(resumed, UNTIL))?.from).toBe(plusMs(UNTIL, 3 * DAY_MS));
  });

  test("now comes after the resume, three days before the rest has run out", () => {
    const resumed = after(...KEPT, resume(UNTIL, { by: "schedule" }));
    const end = plusMs(UNTIL, 15.5 * DAY_MS);
    expect([dueAt(resumed), told(resumed, B2)?.announcedAt]).toEqual([
      plusMs(end, -3 * DAY_MS - HOUR_MS),
      plusMs(B2, 3 * DAY_MS),
    ]);
  });

  test("now with a rest shorter than that comes with the resume, the whole rest before the charge", () => {
    const late = msk("2026-01-31T10:00");
    const resumed = after(...RUNNING, pause(late, "now", UNTIL), resume(UNTIL, { by: "schedule" }));
    expect([dueAt(resumed), told(resumed, UNTIL)?.announcedAt]).toEqual([UNTIL, plusMs(UNTIL, DAY_MS)]);
  });

  test("that had gone out before a pause now does not count after it: the charge has another date", () => {
    const reminded = afterFrom(noticed(running, NOTICE), pause(THREE_DAYS, "now", UNTIL), resume(UNTIL));
    expect(told(reminded, UNTIL)).toMatchObject({ kind: "renewal_reminder", announcedAt: plusMs(UNTIL, 3 * DAY_MS) });
  });
});

describe("a notice is recorded", () => {
  test("once for each kind, announced date and sum, whatever its id", () => {
    const reminded = inState(noticed(running, NOTICE));
    reminded.when(notice(THREE_DAYS, { noticeId: noticeId(900) })).changesNothing();
    reminded.when(notice(THREE_DAYS, { noticeId: noticeId(900), amount: rub(620) })).happens("NoticeGiven");
    reminded.when(notice(THREE_DAYS, { noticeId: noticeId(900), announcedAt: B2 })).happens("NoticeGiven");
    reminded.when(notice(THREE_DAYS, { noticeId: noticeId(900), kind: "ending", amount: null })).happens("NoticeGiven");
  });

  test("once for each id, and without a date each time: two receipts are two", () => {
    const receipt = (n: number) => notice(MID, { noticeId: noticeId(n), kind: "receipt", announcedAt: null });
    const once = givenAfter(...RUNNING, receipt(901));
    once.when(receipt(901)).changesNothing();
    once.when(receipt(902)).happens("NoticeGiven");
  });

  test("also of what has ended, and not of what has never begun", () => {
    givenAfter(...RUNNING, cancel(MID))
      .when(notice(MID, { kind: "cancelled", announcedAt: null, amount: null }))
      .happens("NoticeGiven");
    givenAfter().when(notice(MID)).refuses({ code: "subscription_not_found" });
  });

  test("and the state remembers the newest ones", () => {
    const many = Array.from({ length: NOTICES_KEPT + 5 }, (_, n) =>
      notice(MID, { noticeId: noticeId(500 + n), kind: "receipt", announcedAt: null }),
    );
    const state = after(...RUNNING, ...many);
    const kept = state.status === "absent" ? [] : state.notices.map((each) => each.noticeId);
    expect(kept).toEqual(many.slice(5).map((each) => each.notice.noticeId));
  });
});

test("a period that the payer was to pay by hand is announced as the renewal that it becomes", () => {
  const due = afterFrom(noticed(after(...RUNNING, invoiceAhead(MID)), NOTICE), passBoundary(B1));
  expect(chargeDue(due)).toEqual({ invoiceId: AHEAD, from: B1, before: GRACE_END });
});
