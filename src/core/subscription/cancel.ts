import { currencyOf } from "../catalog/terms.ts";
import type { InvoiceId } from "../ids.ts";
import { add, compare, isZero, type Money, zero } from "../money.ts";
import type { BillingPolicy } from "../policy.ts";
import { err, invariant, ok, type Result } from "../result.ts";
import type { Instant } from "../time.ts";
import { currentEnd } from "./periods.ts";
import { type PaidTime, refundByPolicy } from "./proration.ts";
import { doesNotFit, nothingNew } from "./refusal.ts";
import type {
  Active,
  CancelWithRefund,
  Decision,
  RecordPeriodRefund,
  RefundRule,
  Subscription,
  SubscriptionEvent,
  SubscriptionRefusal,
  Trialing,
  TrialPeriod,
} from "./subscription.ts";

/** Ends now, also with a charge in flight. Source: design part 5, the table (cancel with refund) and Cancel. */
export const cancelWithRefund = (command: CancelWithRefund, state: Subscription, policy: BillingPolicy): Decision => {
  if (state.status === "absent" || state.status === "ended") return doesNotFit(state);
  const back = refundOf(command, state, policy);
  if (!back.ok) return back;
  const { actor, refund, at } = command;
  const reason = refund.by === "staff" ? refund.reason : null;
  const unpaid = unpaidInvoice(state);
  return ok([
    { type: "SubscriptionCancelled", actor, ...back.value, reason, at },
    {
      type: "SubscriptionEnded",
      reason: actor.kind === "staff" ? "staff" : "payer_cancelled",
      leaves: unpaid === null ? null : { invoiceId: unpaid, as: "void" },
      at,
    },
  ]);
};

/** The value that later sums are taken of is less by what went back. Source: design part 5, Parts of a period. */
export const recordPeriodRefund = ({ invoiceId, amount, at }: RecordPeriodRefund, state: Subscription): Decision => {
  if (state.status === "absent") return doesNotFit(state);
  if (!timesPaid(state).some(({ invoices }) => invoices.includes(invoiceId))) return nothingNew;
  const refunded: SubscriptionEvent = { type: "PeriodRefunded", invoiceId, amount, at };
  if (state.status !== "active" || state.change === null) return ok([refunded]);
  // The sums of an open change were taken of the old value.
  return ok([{ type: "ChangeAbandoned", invoiceId: state.change.invoiceId, because: "refunded", at }, refunded]);
};

type Existing = Exclude<Subscription, { status: "absent" | "ended" }>;
type Back = { readonly refund: Money; readonly invoices: readonly InvoiceId[]; readonly rule: RefundRule };

const refundOf = (
  { refund, at }: CancelWithRefund,
  state: Existing,
  policy: BillingPolicy,
): Result<Back, SubscriptionRefusal> => {
  const currency = currencyOf(state.terms);
  const invoices = timesPaid(state).flatMap((time) => time.invoices);
  if (refund.by === "policy") {
    const { rule, amount } = policyRefund(state, at, policy);
    return ok({ refund: amount, invoices: isZero(amount) ? [] : invoices, rule });
  }
  invariant(refund.amount.minor >= 0n, "a refund is not negative");
  if (refund.amount.currency !== currency) return err({ code: "currency_differs" });
  const most = timesPaid(state).reduce((sum, { paid }) => add(sum, paid), zero(currency));
  if (compare(refund.amount, most) > 0) return err({ code: "refund_above_paid", most });
  return ok({ refund: refund.amount, invoices: isZero(refund.amount) ? [] : invoices, rule: "staff" });
};

const policyRefund = (
  state: Existing,
  at: Instant,
  policy: BillingPolicy,
): { readonly rule: RefundRule; readonly amount: Money } => {
  const nothing = { rule: "nothing", amount: zero(currencyOf(state.terms)) } as const;
  switch (state.status) {
    case "trialing":
    case "active":
      return refundOfRunning(state, at, policy);
    case "paused": // Its unused time, also within the window: the table says so.
      if (state.pause.kept === null || isZero(state.pause.kept.unused)) return nothing;
      return { rule: "unused", amount: state.pause.kept.unused };
    case "incomplete":
    case "past_due":
      return nothing;
  }
};

/** A period paid ahead goes back whole while it has not begun. Source: billing rules, Refunds. */
const refundOfRunning = (
  state: Trialing | Active,
  at: Instant,
  policy: BillingPolicy,
): { readonly rule: RefundRule; readonly amount: Money } => {
  const { ahead, zone } = state;
  if (ahead !== null && at >= currentEnd(state)) return refundByPolicy(ahead, at, zone, policy);
  const current = state.status === "trialing" ? trialTime(state.trial) : state.running;
  const { rule, amount } = refundByPolicy(current, at, zone, policy);
  return { rule, amount: ahead === null ? amount : add(amount, ahead.paid) };
};

/** All that is paid and not over, newest first. */
const timesPaid = (state: Subscription): readonly (PaidTime & { readonly invoices: readonly InvoiceId[] })[] => {
  switch (state.status) {
    case "trialing":
      return [...(state.ahead === null ? [] : [state.ahead]), trialTime(state.trial)];
    case "active":
      return [...(state.ahead === null ? [] : [state.ahead]), state.running];
    case "paused":
      return state.pause.kept === null ? [] : [state.pause.kept.running];
    case "absent":
    case "incomplete":
    case "past_due":
    case "ended":
      return [];
  }
};

const trialTime = ({
  period,
  value,
  invoices,
  paidAt,
}: TrialPeriod): PaidTime & { readonly invoices: readonly InvoiceId[] } => ({
  stretch: period,
  value,
  paid: value,
  invoices,
  paidAt,
});

const unpaidInvoice = (state: Existing): InvoiceId | null => {
  switch (state.status) {
    case "incomplete":
      return state.invoiceId;
    case "trialing":
    case "paused":
    case "past_due":
      return state.renewal?.invoiceId ?? null;
    case "active":
      return state.renewal?.invoiceId ?? state.change?.invoiceId ?? null;
  }
};
