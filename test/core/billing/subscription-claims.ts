import type { CustomerEvent } from "../../../src/core/customer/customer.ts";
import type { SubscriptionEvent } from "../../../src/core/subscription/subscription.ts";
import { earlier, type Instant, plusLocalDays, SECOND_MS } from "../../../src/core/time.ts";
import {
  type Account,
  accountIn,
  type Books,
  demand,
  known,
  type Subscription,
  type SubscriptionStatus,
} from "./books.ts";

const GRACE_DAYS = 7;

/** I9: the only moves that a status makes. */
const MOVES: Readonly<Record<SubscriptionStatus, readonly SubscriptionStatus[]>> = {
  incomplete: ["trialing", "active", "ended"],
  trialing: ["active", "past_due", "ended"],
  active: ["active", "past_due", "paused", "ended"],
  past_due: ["active", "ended"],
  paused: ["active", "past_due", "ended"],
  ended: [],
};

/** I9 and I11, and what the oracle of I4 needs to know. */
export const claimsOnSubscriptions = ({ subscriptions }: Books) => {
  const moves = (one: Subscription, to: SubscriptionStatus): void => {
    demand(MOVES[one.status].includes(to), "I9: a subscription makes only listed moves", [one.status, to]);
    one.status = to;
  };
  /** Time begins to run, or a period is added to it. */
  const runs = (
    one: Subscription,
    { start, end }: { readonly start: Instant; readonly end: Instant },
    behind = false,
  ) => {
    demand(start < end, "I11: a period has a length", [start, end]);
    one.times = behind ? [...one.times, { start, end }] : [{ start, end }];
    one.lastEnd = end;
    one.grace = plusLocalDays(end, GRACE_DAYS, one.zone);
    one.closesAt = null;
    one.renewal = null;
  };

  return (id: string, event: SubscriptionEvent): void => {
    if (event.type === "SubscriptionStarted") {
      const { accountId: account, zone, at: lastEnd } = event;
      const none = {
        stopped: false,
        pausePlanned: false,
        freeTrial: false,
        grace: null,
        closesAt: null,
        renewal: null,
      };
      subscriptions.set(id, { status: "incomplete", account, zone, lastEnd, ...none, times: [], notices: [] });
      return;
    }
    const one = known(subscriptions, id);
    switch (event.type) {
      case "TrialStarted":
        moves(one, "trialing");
        one.stopped = !event.renews;
        one.freeTrial = event.trial.kind === "free";
        return runs(one, event.trial.period);
      case "SubscriptionActivated":
        moves(one, "active");
        one.stopped = !event.renews;
        return runs(one, event.running.period);
      case "SubscriptionRenewed": {
        const { start } = event.running.period;
        demand(start >= one.lastEnd, "I11: periods never overlap", [event, one.lastEnd]);
        // A gap is honest only when nothing joins any more: the period begins with its payment.
        const joins = start === one.lastEnd || event.at - start < SECOND_MS;
        demand(joins, "I11: periods join, or the new one begins at its payment", [event, one.lastEnd]);
        if (!event.ahead) moves(one, "active");
        one.freeTrial &&= event.ahead;
        return runs(one, event.running.period, event.ahead);
      }
      case "PaidPeriodBegan":
        if (one.status === "trialing") moves(one, "active");
        one.freeTrial = false;
        return;
      case "PlanChanged":
        return event.running === null ? undefined : runs(one, event.running.period);
      case "RenewalStopped":
        one.stopped = true;
        return;
      case "RenewalRestored":
        one.stopped = false;
        return;
      case "PausePlanned":
        one.pausePlanned = true;
        return;
      case "PauseDropped":
        one.pausePlanned = false;
        return;
      case "SubscriptionPaused":
        moves(one, "paused");
        one.pausePlanned = false;
        one.times = [];
        one.grace = null;
        one.lastEnd = earlier(event.at, one.lastEnd); // What was kept begins again when it begins.
        return;
      case "SubscriptionResumed":
        moves(one, "active");
        return runs(one, event.running.period);
      case "RenewalInvoiced":
      case "RenewalFellDue": {
        const { invoiceId: invoice, amount, period, askedBy } = event.renewal;
        one.renewal = { invoice, minor: amount.minor, end: period.end, byPayer: askedBy === "payer" };
        return;
      }
      case "RenewalWithdrawn":
        one.renewal = null;
        return;
      case "NoticeGiven":
        one.notices.push({ on: event.notice.announcedAt, minor: event.notice.amount?.minor ?? null });
        return;
      case "SubscriptionFellPastDue":
        moves(one, "past_due");
        if (one.grace !== null && one.freeTrial) one.grace = earlier(event.at, one.grace);
        one.closesAt = event.dunning.closesAt;
        return;
      case "DunningMoved":
        one.closesAt = event.dunning.closesAt;
        return;
      case "SubscriptionEnded":
        moves(one, "ended");
        one.times = [];
        one.grace = null;
        return;
      default: // Says nothing of time or access.
    }
  };
};

/** I4: by the paid periods, trials and grace that the events tell of. */
export const mayWatch = ({ subscriptions }: Books, account: string, at: Instant): boolean =>
  [...subscriptions.values()].some((one) => one.account === account && watches(one, at));

const watches = (
  { times, grace, lastEnd, closesAt, status, stopped, pausePlanned }: Subscription,
  at: Instant,
): boolean => {
  if (times.some(({ start, end }) => start <= at && at < end)) return true;
  const hasBegun = times[0] !== undefined && times[0].start <= at;
  if (!hasBegun || grace === null || at < lastEnd || at >= grace) return false;
  return status === "past_due" ? closesAt === null || at < closesAt : !stopped && !pausePlanned;
};

/** 10, and what of I7 belongs to the account. */
export const claimsOnAccounts =
  (books: Books) =>
  (id: string, event: CustomerEvent): void => {
    const one = accountIn(books, id);
    switch (event.type) {
      case "ConsentGiven":
        one.consent = true;
        return;
      case "ConsentWithdrawn":
        one.consent = false;
        return;
      case "CardRemoved":
        one.removed.add(event.cardId);
        return;
      case "CustomerErased":
        one.erased = true;
        one.consent = false;
        return;
      case "DisputeOpened":
        one.disputes.add(event.invoiceId);
        return;
      case "DisputeClosed":
        one.disputes.delete(event.invoiceId);
        return;
      case "CreditAdded":
        one.added += event.amount.minor;
        if (event.source.from !== "staff") one.owed += event.amount.minor;
        return;
      case "CreditReserved":
        one.reserved.set(event.invoiceId, event.amount.minor);
        demand(creditOf(one).free >= 0n, "10: credit is never below zero", event);
        return;
      case "CreditSpent":
      case "CreditFreed":
        demand(
          one.reserved.get(event.invoiceId) === event.amount.minor,
          "10: what is spent or freed was reserved",
          event,
        );
        if (event.type === "CreditSpent") one.spent += event.amount.minor;
        one.reserved.delete(event.invoiceId);
        return;
      default: // Says nothing of money or leave to charge.
    }
  };

export const creditOf = ({ added, spent, reserved }: Account) => {
  const held = [...reserved.values()].reduce((all, minor) => all + minor, 0n);
  return { balance: added - spent, reserved: held, free: added - spent - held };
};
