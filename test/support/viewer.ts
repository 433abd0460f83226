import type { Executed } from "../../src/core/billing/billing.ts";
import type { Command } from "../../src/core/billing/command.ts";
import { customerStream, invoiceStream, subscriptionStream } from "../../src/core/billing/stream.ts";
import type {
  AttemptId,
  CardId,
  InvoiceId,
  PlanCode,
  QuoteId,
  SetupId,
  SubscriptionId,
  TransactionId,
} from "../../src/core/ids.ts";
import { type Money, money } from "../../src/core/money.ts";
import type { Instant } from "../../src/core/time.ts";
import { accountNamed, answered, type Cinema, cardNamed, GATEWAY, MOSCOW, PREMIUM, told } from "./cinema.ts";
import { chargeBy, tellOf } from "./due-work.ts";
import type { Gateway } from "./gateway.ts";

const PAGE = { after: null, limit: 200 } as const;

/** A viewer and all that he does and sees. What he sees are rows, never the state of a machine. */
export const viewerOf = (cinema: Cinema, gateway: Gateway, name: string) => {
  const accountId = accountNamed(name);
  const { queries } = cinema.store;
  const asks = (command: Command, id?: string): Promise<Executed> => cinema.byPayer(accountId, command, id);

  const subscriptions = async () => answered(await queries.subscriptionsOf(accountId, PAGE));
  const customer = async () => answered(await queries.customer(accountId));
  const subscription = async () => {
    const current = (await customer())?.customer.currentSubscription ?? (await subscriptions())[0]?.subscriptionId;
    const row = current === undefined ? null : answered(await queries.subscription(current as SubscriptionId));
    if (row === null) throw new Error(`${name} has no subscription`);
    return row;
  };
  const subscriptionId = async () => (await subscription()).subscriptionId as SubscriptionId;
  const invoices = async () => answered(await queries.invoicesOf(accountId, PAGE));
  /** The newest that is out, else the newest. */
  const invoiceId = async (): Promise<InvoiceId> => {
    const all = await invoices();
    const newest = [...all].sort((a, b) => b.issuedAt - a.issuedAt);
    const one = newest.find(({ status }) => status === "open" || status === "processing") ?? newest[0];
    if (one === undefined) throw new Error(`${name} has no invoice`);
    return one.invoiceId as InvoiceId;
  };
  const invoiceRows = async (id?: InvoiceId) => {
    const rows = answered(await queries.invoice(id ?? (await invoiceId())));
    if (rows === null) throw new Error("an invoice of that id was issued");
    return rows;
  };
  const dueOf = async (id: InvoiceId): Promise<Money> => {
    const { invoice } = await invoiceRows(id);
    return money(invoice.dueMinor, invoice.currency as Money["currency"]);
  };
  const opensWidget = async (id?: InvoiceId, consent: string | null = null): Promise<AttemptId> =>
    told(await asks({ type: "invoice.offer", invoiceId: id ?? (await invoiceId()), consent }))[
      "attemptId"
    ] as AttemptId;
  const on = async (command: { readonly type: string }, id?: SubscriptionId) =>
    asks({ ...command, subscriptionId: id ?? (await subscriptionId()) } as Command);

  return {
    accountId,
    asks,
    starts: (over: { plan?: PlanCode; consent?: string | null } = {}) =>
      asks({ type: "subscription.start", accountId, plan: PREMIUM, zone: MOSCOW, consent: "v1", ...over }),
    opensWidget,
    /** Pays in the widget. `card`: ticks automatic renewal, and the card's token comes along. */
    pays: async ({ invoice, card, amount }: { invoice?: InvoiceId; card?: string; amount?: Money } = {}) => {
      const id = invoice ?? (await invoiceId());
      const attemptId = await opensWidget(id, card === undefined ? null : "v1");
      const taken = gateway.take(attemptId, amount ?? (await dueOf(id)));
      return cinema.byGateway({ ...tellOf(taken), cardId: card === undefined ? null : cardNamed(card) } as Command);
    },
    /** Pays by hand with a card that is saved. */
    charges: async (card: string | null = null, invoice?: InvoiceId) => {
      const id = invoice ?? (await invoiceId());
      const cardId = card === null ? null : cardNamed(card);
      return chargeBy(() => asks({ type: "invoice.charge", invoiceId: id, cardId }), cinema, gateway, id);
    },
    stops: (id?: SubscriptionId) => on({ type: "subscription.stop" }, id),
    undoesStop: () => on({ type: "subscription.undo_stop" }),
    cancels: (id?: SubscriptionId) =>
      on({ type: "subscription.cancel", refund: { by: "policy" } } as { type: string }, id),
    quotes: async (plan: PlanCode) =>
      told(await on({ type: "subscription.quote_change", plan } as { type: string }))["quoteId"] as QuoteId,
    changes: (quoteId: QuoteId) => on({ type: "subscription.change", quoteId } as { type: string }),
    paysAhead: () => on({ type: "subscription.pay_ahead" }),
    pauses: (when: "now" | "at_period_end", until: string) =>
      on({ type: "subscription.pause", when, until } as { type: string }),
    resumes: () => on({ type: "subscription.resume" }),
    withdrawsConsent: () => asks({ type: "consent.withdraw", accountId }),
    removesCard: (card: string) => asks({ type: "card.remove", accountId, cardId: cardNamed(card) as CardId }),
    prefersCard: (card: string) => asks({ type: "card.prefer", accountId, cardId: cardNamed(card) }),
    erases: () => asks({ type: "account.erase", accountId }),
    /** Proves a card without a payment: opens the widget, the gateway holds a small sum. */
    provesCard: async () => {
      const setupId = told(await asks({ type: "setup.offer", accountId, consent: "v1" }))["setupId"] as SetupId;
      const held = gateway.hold(setupId, cinema.policy.cardProof);
      return { setupId, executed: await cinema.byGateway(tellOf(held)) };
    },

    /** Staff gives money of a payment back. */
    isRefunded: async (transaction: string, amount: Money, access: "keep" | "end" = "keep", invoice?: InvoiceId) =>
      cinema.byStaff({
        type: "payment.refund",
        invoiceId: invoice ?? (await invoiceId()),
        gatewayAccount: GATEWAY,
        transactionId: transaction as TransactionId,
        amount,
        access,
      }),

    dueOf,
    subscription,
    subscriptions,
    subscriptionId,
    customer,
    invoices,
    invoiceId,
    invoiceRows,
    status: async () => (await subscription()).status,
    invoiceStatus: async (id?: InvoiceId) => (await invoiceRows(id)).invoice.status,
    credit: async () => {
      const credit = (await customer())?.credits[0];
      return credit === undefined ? null : { balance: credit.balanceMinor, reserved: credit.reservedMinor };
    },
    watchesUntil: async (at: Instant = cinema.at()) => answered(await queries.access(accountId, at))?.untilAt ?? null,
    /** Work of his that waits, by kind. */
    waitsFor: async () => {
      const rows = (await cinema.waiting()).filter((row) => row.accountId === accountId);
      return Object.fromEntries(rows.map(({ kind, dueAt }) => [kind, dueAt]));
    },
    facts: async () => {
      const chains = [
        ...(await cinema.chain(customerStream(accountId))),
        ...(await Promise.all(
          (
            await subscriptions()
          ).map(({ subscriptionId: id }) => cinema.chain(subscriptionStream(id as SubscriptionId))),
        )),
        ...(await Promise.all(
          (await invoices()).map(({ invoiceId: id }) => cinema.chain(invoiceStream(id as InvoiceId))),
        )),
      ].flat();
      return chains.map(({ type }) => type);
    },
  };
};
export type Viewer = ReturnType<typeof viewerOf>;
