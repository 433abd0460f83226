import type { BillingPolicy } from "../policy.ts";
import { err, ok } from "../result.ts";
import type { Instant } from "../time.ts";
import { halted } from "./dunning.ts";
import { resumedRest } from "./pause.ts";
import { paidUntil } from "./periods.ts";
import { doesNotFit, nothingNew } from "./refusal.ts";
import type {
  Active,
  Decision,
  EndReason,
  PastDue,
  Paused,
  Stopper,
  StopRenewing,
  Subscription,
  SubscriptionEvent,
  Trialing,
  UndoStop,
} from "./subscription.ts";

/**
 * Always accepted, also with a charge in flight: from that commit on no new request is sent.
 * Source: design part 5, the table (stop renewing) and Cancel.
 */
export const stopRenewing = (command: StopRenewing, state: Subscription, policy: BillingPolicy): Decision => {
  switch (state.status) {
    case "absent":
      return doesNotFit(state);
    case "incomplete":
      // Without consent a first payment begins a subscription that ends by itself: there is nothing to stop.
      if (command.by === "no_consent") return nothingNew;
      return ok([ended("payer_stopped", state.invoiceId, command.at)]);
    case "trialing":
    case "active":
      return ok(stopRunning(command, state));
    case "past_due":
      return ok(stopPastDue(command, state));
    case "paused":
      return ok(stopPaused(command, state, policy));
    case "ended":
      return nothingNew;
  }
};

/** Until the paid end, if card and consent stand. A waiting change does not come back. Source: design part 5, the table. */
export const undoStop = ({ mayCharge, at }: UndoStop, state: Subscription): Decision => {
  if (state.status !== "trialing" && state.status !== "active") return doesNotFit(state);
  if (state.endsAtPeriodEnd === null) return err({ code: "renewal_not_stopped" });
  if (at >= paidUntil(state)) return err({ code: "boundary_passed", boundary: paidUntil(state) });
  if (!mayCharge) return err({ code: "card_or_consent_missing" });
  return ok([{ type: "RenewalRestored", at }]);
};

/** From the boundary on there is no period left at whose end it could end: it ends now, its invoice void. */
const stopRunning = ({ by, at }: StopRenewing, state: Trialing | Active): readonly SubscriptionEvent[] => {
  if (state.renewal?.askedBy === "schedule") return [ended(reasonOf(by), state.renewal.invoiceId, at)];
  if (isStoppedBy(by, state)) return [];
  const stopped: SubscriptionEvent = { type: "RenewalStopped", by, at };
  return by === "payer" ? [...dropPlans(state, at), stopped] : [stopped];
};

/** A payer's stop takes back what he had asked for. Source: design part 5, Direction of a change: stopping drops it. */
const dropPlans = (state: Trialing | Active, at: Instant): readonly SubscriptionEvent[] => {
  const events: SubscriptionEvent[] = [];
  if (state.renewal !== null) events.push({ type: "RenewalWithdrawn", invoiceId: state.renewal.invoiceId, at });
  if (state.status === "trialing") return events;
  if (state.change !== null)
    events.push({ type: "ChangeAbandoned", invoiceId: state.change.invoiceId, because: "stopped", at });
  if (state.waitingChange !== null) events.push({ type: "ChangeDropped", at });
  if (state.plannedPause !== null) events.push({ type: "PauseDropped", at });
  return events;
};

/** Without card or consent the tries stop, and the invoice can be paid by hand until the end. Source: design part 5, The ladder's end. */
const stopPastDue = ({ by, at }: StopRenewing, state: PastDue): readonly SubscriptionEvent[] => {
  if (by === "payer") return [ended("payer_stopped", state.renewal.invoiceId, at)];
  if (state.endsAtPeriodEnd !== null) return [];
  const stopped: SubscriptionEvent = { type: "RenewalStopped", by, at };
  if (state.dunning.nextTry === null) return [stopped];
  return [stopped, { type: "DunningMoved", dunning: halted(state), because: "halted", at }];
};

/** The kept rest runs out, then it ends: it is not forfeited. Source: design part 5, the table; billing rules, Pause. */
const stopPaused = ({ by, at }: StopRenewing, state: Paused, policy: BillingPolicy): readonly SubscriptionEvent[] => {
  const { renewal, pause } = state;
  if (by === "no_consent") {
    if (renewal?.askedBy === "schedule") return [ended("no_card_or_consent", renewal.invoiceId, at)];
    const withdrawn: readonly SubscriptionEvent[] =
      renewal === null ? [] : [{ type: "RenewalWithdrawn", invoiceId: renewal.invoiceId, at }];
    return isStoppedBy(by, state) ? withdrawn : [...withdrawn, { type: "RenewalStopped", by, at }];
  }
  if (isStoppedBy(by, state)) return [];
  if (pause.kept === null) return [ended("payer_stopped", renewal?.invoiceId ?? null, at)];
  const dropped: readonly SubscriptionEvent[] = state.waitingChange === null ? [] : [{ type: "ChangeDropped", at }];
  const running = resumedRest(pause.kept, at, state, policy);
  return [...dropped, { type: "RenewalStopped", by, at }, { type: "SubscriptionResumed", running, at }];
};

/** The payer's own stop outranks missing consent: nothing is announced after it. */
const isStoppedBy = (by: Stopper, { endsAtPeriodEnd }: Trialing | Active | Paused): boolean =>
  endsAtPeriodEnd !== null && (endsAtPeriodEnd.by === by || endsAtPeriodEnd.by === "payer");

const reasonOf = (by: Stopper): EndReason => (by === "payer" ? "payer_stopped" : "no_card_or_consent");

const ended = (reason: EndReason, unpaid: PastDue["renewal"]["invoiceId"] | null, at: Instant): SubscriptionEvent => ({
  type: "SubscriptionEnded",
  reason,
  leaves: unpaid === null ? null : { invoiceId: unpaid, as: "void" },
  at,
});
