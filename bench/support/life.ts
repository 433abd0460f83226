import type { Actor } from "../../src/core/actor.ts";
import type { Executed } from "../../src/core/billing/billing.ts";
import type { Command, Received } from "../../src/core/billing/command.ts";
import { fold } from "../../src/core/billing/fold.ts";
import type { DueKind } from "../../src/core/billing/read-model.ts";
import { rowsOf } from "../../src/core/billing/rows.ts";
import { subscriptionStream } from "../../src/core/billing/stream.ts";
import type { AttemptId, InvoiceId, SubscriptionId } from "../../src/core/ids.ts";
import { DEFAULT_POLICY } from "../../src/core/policy.ts";
import type { Instant } from "../../src/core/time.ts";
import {
  AT_GATEWAY,
  accountNamed,
  type Cinema,
  cardNamed,
  GATEWAY,
  MOSCOW,
  PREMIUM,
  PRICE,
  payer,
  START,
  SYSTEM,
  told,
  transactionNamed,
} from "../../test/support/cinema.ts";

/** Carries out one command; whoever watches a life puts itself here. */
export type Act = (received: Received) => Promise<Executed>;

const doing = (cinema: Cinema, act: Act) => async (actor: Actor, command: Command) =>
  told(await act(cinema.received(actor, command)));

/** Who is about to pay: an account with an open first invoice, the widget open and the gateway's `check` answered. */
export const aboutToPay = async (cinema: Cinema, name: string, act: Act = cinema.updater.execute) => {
  const accountId = accountNamed(name);
  const does = doing(cinema, act);
  const start = { type: "subscription.start", accountId, plan: PREMIUM, zone: MOSCOW, consent: "v1" } as const;
  const started = await does(payer(accountId), start);
  const invoiceId = started["invoiceId"] as InvoiceId;
  const offered = await does(payer(accountId), { type: "invoice.offer", invoiceId, consent: "v1" });
  const payment = paymentOf(offered["attemptId"] as AttemptId, `${accountId}.first`, name);
  await does(AT_GATEWAY, {
    type: "payment.check",
    attemptId: payment.attemptId,
    transactionId: payment.transactionId,
  });
  return { accountId, subscriptionId: started["subscriptionId"] as SubscriptionId, payment };
};

/** The callback of a right payment by a card that is to be kept. */
const paymentOf = (attemptId: AttemptId, transaction: string, card: string) =>
  ({
    type: "payment.succeed",
    attemptId,
    gatewayAccount: GATEWAY,
    transactionId: transactionNamed(transaction),
    amount: PRICE,
    accountId: null,
    onlyAuthorised: false,
    cardId: cardNamed(card),
  }) as const;

/**
 * A subscriber's typical life: subscribes with consent, pays, is told and renewed, is declined once and paid at the next
 * step, then stops, and the end comes. Moves the cinema's clock.
 */
export const live = async (cinema: Cinema, name: string, act: Act = cinema.updater.execute): Promise<void> => {
  cinema.moveTo(START);
  const { accountId, subscriptionId, payment } = await aboutToPay(cinema, name, act);
  const does = doing(cinema, act);
  const now = () => waitingOf(cinema, subscriptionId);
  const renewal = async (): Promise<InvoiceId> => {
    cinema.moveTo((await now()).due("give_notice"));
    await does(SYSTEM, { type: "subscription.give_notice", subscriptionId });
    cinema.moveTo((await now()).due("pass_boundary"));
    await does(SYSTEM, { type: "subscription.pass_boundary", subscriptionId });
    return (await now()).openInvoice();
  };
  const charge = async (invoiceId: InvoiceId): Promise<AttemptId> => {
    cinema.moveTo((await now()).due("charge_renewal"));
    const charged = await does(SYSTEM, { type: "invoice.charge", invoiceId, cardId: null });
    return charged["attemptId"] as AttemptId;
  };

  await does(AT_GATEWAY, payment);
  await does(AT_GATEWAY, paymentOf(await charge(await renewal()), `${accountId}.second`, name));
  const invoiceId = await renewal();
  const decline = { kind: "soft", reason: "insufficient_funds" } as const;
  await does(AT_GATEWAY, { type: "payment.decline", attemptId: await charge(invoiceId), transactionId: null, decline });
  await does(AT_GATEWAY, paymentOf(await charge(invoiceId), `${accountId}.third`, name));
  await does(payer(accountId), { type: "subscription.stop", subscriptionId });
  cinema.moveTo((await now()).due("pass_boundary"));
  await does(SYSTEM, { type: "subscription.pass_boundary", subscriptionId });
};

/** What a subscription waits for, read from its events as a sweep would read it from its rows. */
const waitingOf = async (cinema: Cinema, subscriptionId: SubscriptionId) => {
  const stream = subscriptionStream(subscriptionId);
  const loaded = await cinema.store.storage.load([{ by: "stream", stream }]);
  const events = loaded.ok ? (loaded.value.get(stream)?.events ?? []) : [];
  const rows = rowsOf(fold(stream, events), DEFAULT_POLICY);
  return {
    due: (kind: DueKind): Instant => {
      const found = rows.find(({ table, row }) => table === "due" && "kind" in row && row.kind === kind);
      if (found?.table !== "due") throw new Error(`nothing waits for ${kind}`);
      return found.row.dueAt;
    },
    openInvoice: (): InvoiceId => {
      const found = rows.find(({ table }) => table === "subscriptions");
      if (found?.table !== "subscriptions" || found.row.openInvoice === null) throw new Error("no invoice is open");
      return found.row.openInvoice as InvoiceId;
    },
  };
};
