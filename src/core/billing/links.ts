import type { InvoiceId } from "../ids.ts";
import type { RunningPeriod, Subscription } from "../subscription/subscription.ts";
import type { State } from "./domain.ts";
import { customerStream, invoiceStream, type StreamName, subscriptionStream } from "./stream.ts";

/**
 * The streams that a decision about this one may need. Loading one brings all of them along, so that a command costs one
 * read. What is over is not linked: the set stays small however long a subscriber has been with us.
 */
export const linksOf = (state: State): readonly StreamName[] => {
  switch (state.kind) {
    case "plan":
      return [];
    case "customer": {
      if (state.state.status === "absent") return [];
      const { current, queued } = state.state;
      return [current, queued].filter((id) => id !== null).map(subscriptionStream);
    }
    case "setup":
      return state.state.status === "absent" ? [] : [customerStream(state.state.accountId)];
    case "subscription":
      if (state.state.status === "absent") return [];
      return [customerStream(state.state.accountId), ...invoicesOf(state.state).map(invoiceStream)];
    case "invoice": {
      if (state.state.status === "absent") return [];
      const { accountId, subscriptionId } = state.state.terms;
      return [customerStream(accountId), ...(subscriptionId === null ? [] : [subscriptionStream(subscriptionId)])];
    }
  }
};

/** The invoices that matter to a subscription now: those that are out, and those that paid for time not yet used up. */
export const invoicesOf = (subscription: Exclude<Subscription, { status: "absent" }>): readonly InvoiceId[] => {
  switch (subscription.status) {
    case "incomplete":
      return subscription.invoiceId === null ? [] : [subscription.invoiceId];
    case "trialing":
      return [...subscription.trial.invoices, ...paidAhead(subscription), ...outstanding(subscription.renewal)];
    case "active": {
      const { running, renewal, change } = subscription;
      return [...running.invoices, ...paidAhead(subscription), ...outstanding(renewal), ...outstanding(change)];
    }
    case "past_due":
      return [subscription.renewal.invoiceId];
    case "paused":
      return [...(subscription.pause.kept?.running.invoices ?? []), ...outstanding(subscription.renewal)];
    case "ended":
      return [];
  }
};

const paidAhead = ({ ahead }: { readonly ahead: RunningPeriod | null }): readonly InvoiceId[] => ahead?.invoices ?? [];
const outstanding = (one: { readonly invoiceId: InvoiceId } | null): readonly InvoiceId[] =>
  one === null ? [] : [one.invoiceId];
