import type { Executed } from "../../src/core/billing/billing.ts";
import type { Command } from "../../src/core/billing/command.ts";
import type { DueKind, RowOf } from "../../src/core/billing/read-model.ts";
import type { AttemptId, InvoiceId, RefundId, SetupId, SubscriptionId } from "../../src/core/ids.ts";
import { type Money, money } from "../../src/core/money.ts";
import { type Instant, later, MINUTE_MS, plusMs } from "../../src/core/time.ts";
import { answered, type Cinema, GATEWAY, told } from "./cinema.ts";
import type { Gateway, Movement } from "./gateway.ts";

// What the workers of src/core/work will do with a row of due work, told in as few words as the stories need.

type Due = RowOf<"due">;
type Worker = (cinema: Cinema, gateway: Gateway, row: Due) => Promise<Executed>;

/** How the gateway tells of a movement of an attempt, in its answer, by callback or when it is looked up. */
export const tellOf = (movement: Movement): Command => {
  const { transactionId, amount } = movement;
  switch (movement.kind) {
    case "payment": {
      const { attemptId, onlyAuthorised } = movement;
      const told = { attemptId, transactionId, amount, onlyAuthorised, accountId: null, cardId: null };
      return { type: "payment.succeed", gatewayAccount: GATEWAY, ...told };
    }
    case "decline":
      return { type: "payment.decline", attemptId: movement.attemptId, transactionId, decline: movement.decline };
    case "refund":
      return movement.refundId === null
        ? {
            type: "refund.report",
            gatewayAccount: GATEWAY,
            captureTransactionId: movement.of,
            transactionId,
            amount,
          }
        : { type: "refund.succeed", refundId: movement.refundId, transactionId, amount };
    case "hold":
      return {
        type: "setup.hold",
        setupId: movement.setupId,
        transactionId,
        amount,
        accountId: null,
        captured: false,
      };
  }
};

const invoiceOf = ({ stream }: Due) => stream.slice("invoice/".length) as InvoiceId;
const accepted = (executed: Executed): boolean => executed.status === "done" && executed.outcome.ok;

/** Charges a saved card: the claim first, then the request, then what came of it. */
export const chargeBy = async (
  claim: () => Promise<Executed>,
  cinema: Cinema,
  gateway: Gateway,
  invoiceId: InvoiceId,
): Promise<Executed> => {
  const claimed = await claim();
  if (!accepted(claimed)) return claimed;
  const attemptId = told(claimed)["attemptId"] as AttemptId;
  const answer = gateway.charge(attemptId, await dueOf(cinema, invoiceId));
  if (answer === "refused") throw new Error("a charge is declined, not refused");
  if (answer === "pending") return claimed;
  return answer === "unheard"
    ? cinema.bySystem({ type: "payment.lose_answer", attemptId })
    : cinema.byGateway(tellOf(answer.movement));
};
const dueOf = async ({ store }: Cinema, invoiceId: InvoiceId): Promise<Money> => {
  const invoice = answered(await store.queries.invoice(invoiceId))?.invoice;
  if (invoice === undefined) throw new Error("what is charged has been issued");
  return money(invoice.dueMinor, invoice.currency as Money["currency"]);
};

const refundRow = async ({ store }: Cinema, row: Due) => {
  const refunds = answered(await store.queries.invoice(invoiceOf(row)))?.refunds ?? [];
  const refund = refunds.find(({ refundKey }) => refundKey === row.subject);
  if (refund === undefined) throw new Error("what waits to be sent was asked for");
  return refund;
};

export const WORKERS: Readonly<Record<DueKind, Worker>> = {
  end_offer: (cinema, _, row) =>
    cinema.bySystem({ type: "invoice.end_offer", invoiceId: invoiceOf(row), attemptId: row.subject as AttemptId }),
  expire_invoice: (cinema, _, row) => cinema.bySystem({ type: "invoice.expire", invoiceId: row.subject as InvoiceId }),
  give_up_waiting: (cinema, _, row) => cinema.bySystem({ type: "invoice.give_up_waiting", invoiceId: invoiceOf(row) }),
  look_up_payment: async (cinema, gateway, row) => {
    const attemptId = row.subject as AttemptId;
    const found = gateway.ofAttempt(attemptId);
    if (found !== null) return cinema.byGateway(tellOf(found));
    // The list is read as well; what does not prove anything yet changes nothing.
    await cinema.byGateway({ type: "payment.find_nothing", attemptId, by: "find" });
    return cinema.byGateway({ type: "payment.find_nothing", attemptId, by: "list" });
  },
  send_refund: async (cinema, gateway, row) => {
    const refundId = row.subject as RefundId;
    const claimed = await cinema.bySystem({ type: "refund.start", refundId });
    if (!accepted(claimed)) return claimed;
    const { captureTransactionId, amountMinor, currency } = await refundRow(cinema, row);
    const amount = money(amountMinor, currency as Money["currency"]);
    const answer = gateway.refund(refundId, captureTransactionId as never, amount);
    if (answer === "refused")
      return cinema.byGateway({ type: "refund.fail", refundId, reason: "the gateway will not" });
    if (answer === "pending") return claimed;
    return answer === "unheard"
      ? cinema.bySystem({ type: "refund.lose_answer", refundId })
      : cinema.byGateway(tellOf(answer.movement));
  },
  look_up_refund: async (cinema, gateway, row) => {
    const refundId = row.subject as RefundId;
    const found = gateway.ofRefund(refundId);
    if (found !== null) return cinema.byGateway(tellOf(found));
    await cinema.byGateway({ type: "refund.find_nothing", refundId, by: "find" });
    return cinema.byGateway({ type: "refund.find_nothing", refundId, by: "list" });
  },
  pass_boundary: (cinema, _, row) =>
    cinema.bySystem({ type: "subscription.pass_boundary", subscriptionId: row.subject as SubscriptionId }),
  close_dunning: (cinema, _, row) =>
    cinema.bySystem({ type: "subscription.close_dunning", subscriptionId: row.subject as SubscriptionId }),
  resume: (cinema, _, row) =>
    cinema.bySystem({ type: "subscription.resume", subscriptionId: row.subject as SubscriptionId }),
  give_notice: (cinema, _, row) =>
    cinema.bySystem({ type: "subscription.give_notice", subscriptionId: row.subject as SubscriptionId }),
  charge_renewal: async (cinema, gateway, row) => {
    const subscription = answered(await cinema.store.queries.subscription(row.subject as SubscriptionId));
    const invoiceId = subscription?.openInvoice as InvoiceId;
    const claim = () => cinema.bySystem({ type: "invoice.charge", invoiceId, cardId: null });
    return chargeBy(claim, cinema, gateway, invoiceId);
  },
  void_hold: async (cinema, gateway, row) => {
    const setupId = row.subject as SetupId;
    const claimed = await cinema.bySystem({ type: "setup.ask_void", setupId });
    if (!accepted(claimed)) return claimed;
    return gateway.void(setupId).heard
      ? cinema.byGateway({ type: "setup.void", setupId })
      : cinema.bySystem({ type: "setup.lose_void_answer", setupId });
  },
  look_up_hold: (cinema, gateway, row) => {
    const setupId = row.subject as SetupId;
    return cinema.byGateway({ type: gateway.isHeld(setupId) ? "setup.find_held" : "setup.void", setupId });
  },
  expire_setup: (cinema, _, row) => cinema.bySystem({ type: "setup.expire", setupId: row.subject as SetupId }),
};

/** At one instant: look-ups, notices, ends, charges, deadlines. Source: billing rules, Time. */
const ORDER: Readonly<Record<DueKind, number>> = {
  look_up_payment: 0,
  look_up_refund: 0,
  look_up_hold: 0,
  give_notice: 1,
  end_offer: 2,
  expire_invoice: 2,
  expire_setup: 2,
  pass_boundary: 2,
  resume: 2,
  charge_renewal: 3,
  send_refund: 3,
  void_hold: 3,
  give_up_waiting: 4,
  close_dunning: 4,
};

export const inOrder = (rows: readonly Due[]): readonly Due[] =>
  [...rows].sort(
    (a, b) =>
      a.dueAt - b.dueAt || ORDER[a.kind as DueKind] - ORDER[b.kind as DueKind] || (a.subject < b.subject ? -1 : 1),
  );

export const doWork = (cinema: Cinema, gateway: Gateway, row: Due): Promise<Executed> =>
  WORKERS[row.kind as DueKind](cinema, gateway, row);

/** Work that was refused is asked again later, and ever later. */
const WAITS_MS = [1, 15, 60, 6 * 60, 24 * 60].map((minutes) => minutes * MINUTE_MS);

/**
 * Plays all that is due up to and with an instant, each at its own due instant; between moves the clock stands still.
 * Work that stays due after it was done is put off a little: it waits for something else.
 */
export const playTo = async (cinema: Cinema, gateway: Gateway, until: Instant): Promise<number> => {
  const putOff = new Map<string, { readonly at: Instant; readonly times: number }>();
  const nameOf = ({ kind, subject, dueAt }: Due) => `${kind} ${subject} ${dueAt}`;
  let played = 0;
  for (;;) {
    const waiting = (await cinema.waiting())
      .map((row) => ({ row, at: later(row.dueAt, putOff.get(nameOf(row))?.at ?? row.dueAt) }))
      .filter(({ at }) => at <= until);
    const first = waiting.reduce((all, { at }) => Math.min(all, at), Number.POSITIVE_INFINITY);
    const [row] = inOrder(waiting.filter(({ at }) => at <= later(first as Instant, cinema.at())).map((one) => one.row));
    if (row === undefined) break;
    const at = putOff.get(nameOf(row))?.at ?? row.dueAt;
    cinema.moveTo(later(at, cinema.at()));
    await doWork(cinema, gateway, row);
    played += 1;
    const times = putOff.get(nameOf(row))?.times ?? 0;
    putOff.set(nameOf(row), { at: plusMs(cinema.at(), WAITS_MS[times] ?? 24 * 60 * MINUTE_MS), times: times + 1 });
  }
  cinema.moveTo(later(until, cinema.at()));
  return played;
};
