import { termsOf } from "../catalog/plan.ts";
import type { Terms } from "../catalog/terms.ts";
import { mayCharge } from "../customer/customer.ts";
import type { SubscriptionId } from "../ids.ts";
import { err, invariant, ok } from "../result.ts";
import { HOUR_MS, type Instant, plusMs } from "../time.ts";
import type { Command } from "./command.ts";
import { type Desk, issueInvoice } from "./desk.ts";
import type { Handled } from "./refusal.ts";

type Start = Extract<Command, { type: "subscription.start" }>;

/** Starts a subscription, or says what to do instead. Source: design, part 5, rows "start again". */
export const start = (desk: Desk, command: Start): Handled => {
  const { work, at } = desk;
  const plan = work.plan(command.plan);
  if (plan.status === "absent") return err({ code: "plan_not_found" });
  const customer = work.customer(command.accountId);
  const currentId = customer.status === "absent" ? null : customer.current;
  if (currentId === null) return begin(desk, command, { place: "current", beginsAt: null });

  const current = work.subscription(currentId);
  switch (current.status) {
    case "absent":
    case "ended":
      return begin(desk, command, { place: "current", beginsAt: null });
    case "incomplete": {
      const { invoiceId } = current;
      invariant(invoiceId !== null, "a subscription waits for its first invoice");
      if (current.terms.plan === command.plan) return ok({ subscriptionId: currentId, invoiceId });
      const annulled = work.onInvoice(invoiceId, {
        type: "AnnulInvoice",
        actor: desk.received.actor,
        reason: "plan_replaced",
        at,
      });
      if (!annulled.ok) return annulled;
      // The void ends the old subscription and frees its place before the new one takes it.
      desk.settle();
      return begin(desk, command, { place: "current", beginsAt: null });
    }
    case "trialing":
    case "active": {
      const stopped = current.endsAtPeriodEnd?.by === "payer" && current.status === "active" && current.ahead === null;
      if (stopped && current.renewal !== null)
        return err({ code: "invoice_outstanding", invoiceId: current.renewal.invoiceId });
      if (stopped) return queue(desk, command, current.running.period.end);
      return current.terms.plan === command.plan
        ? err({ code: `subscription_${current.status}` })
        : err({ code: "change_of_plan", subscriptionId: currentId });
    }
    case "past_due":
      return err({ code: "invoice_outstanding", invoiceId: current.renewal.invoiceId });
    case "paused":
      return err({ code: "subscription_paused" });
  }
};

/** Paid now, begins where the running one ends. The same plan asked for again is answered with what is queued. */
const queue = (desk: Desk, command: Start, beginsAt: Instant): Handled => {
  const customer = desk.work.customer(command.accountId);
  const queuedId = customer.status === "absent" ? null : customer.queued;
  if (queuedId === null) return begin(desk, command, { place: "queued", beginsAt });
  const queued = desk.work.subscription(queuedId);
  return queued.status === "incomplete" && queued.invoiceId !== null && queued.terms.plan === command.plan
    ? ok({ subscriptionId: queuedId, invoiceId: queued.invoiceId })
    : err({ code: "place_taken", subscriptionId: queuedId });
};

type Place = { readonly place: "current" | "queued"; readonly beginsAt: Instant | null };
const begin = (desk: Desk, command: Start, { place, beginsAt }: Place): Handled => {
  const { work, at, newId } = desk;
  const { accountId, zone } = command;
  const plan = work.plan(command.plan);
  if (plan.status === "absent") return err({ code: "plan_not_found" });
  if (plan.status === "archived") return err({ code: "plan_archived" });
  const terms = place === "queued" ? withoutTrial(termsOf(plan)) : trialIfUnused(desk, command, termsOf(plan));

  const subscriptionId = newId.subscription("subscription");
  if (command.consent !== null) {
    const consented = work.onCustomer(accountId, { type: "GiveConsent", accountId, textVersion: command.consent, at });
    if (!consented.ok) return consented;
  }
  const taken = work.onCustomer(accountId, { type: "TakeSubscription", accountId, subscriptionId, place, at });
  if (!taken.ok) return taken;

  const asked = { type: "StartSubscription", subscriptionId, accountId, zone, terms, beginsAt, at } as const;
  if (terms.trial.kind === "free") {
    const renews = command.consent !== null && mayCharge(work.customer(accountId), desk.gatewayAccount);
    if (terms.trial.card && !renews) return err({ code: "card_required" });
    const started = work.onSubscription(subscriptionId, { ...asked, first: { kind: "free_trial", renews } });
    return started.ok ? ok({ subscriptionId }) : started;
  }
  const invoiceId = newId.invoice("first");
  const started = work.onSubscription(subscriptionId, { ...asked, first: { kind: "invoice", invoiceId } });
  if (!started.ok) return started;
  invoiceFirst(desk, accountId, subscriptionId, terms);
  return ok({ subscriptionId, invoiceId });
};

const invoiceFirst = (
  desk: Desk,
  accountId: Start["accountId"],
  subscriptionId: SubscriptionId,
  terms: Terms,
): void => {
  const paidTrial = terms.trial.kind === "paid" ? terms.trial : null;
  const amount = paidTrial?.price ?? terms.intro?.price ?? terms.price;
  issueInvoice(desk, {
    invoiceId: desk.newId.invoice("first"),
    accountId,
    subscriptionId,
    purpose: "first",
    sequence: "1",
    lines: [
      {
        kind: paidTrial === null ? "period" : "trial",
        plan: terms.plan,
        priceVersion: terms.priceVersion,
        amount,
        period: null,
      },
    ],
    currency: amount.currency,
    expiresAt: plusMs(desk.at, desk.policy.firstInvoiceHours * HOUR_MS),
  });
};

/** One trial an account, free or paid. Who has had it pays for the first period at once. */
const trialIfUnused = (desk: Desk, { accountId }: Start, terms: Terms): Terms => {
  const customer = desk.work.customer(accountId);
  return customer.status !== "absent" && customer.trialUsed ? withoutTrial(terms) : terms;
};
const withoutTrial = (terms: Terms): Terms => ({ ...terms, trial: { kind: "none" } });
