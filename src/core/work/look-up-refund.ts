import type { Command } from "../billing/command.ts";
import type { RowOf } from "../billing/read-model.ts";
import { invoiceIdOf } from "../billing/stream.ts";
import type { GatewayAccount, RefundId, TransactionId } from "../ids.ts";
import type { Movement } from "../ports/payments.ts";
import { movementsSince } from "./movements.ts";
import { ended, noContract, openRun, soon, unanswered } from "./run.ts";
import type { WorkFunction } from "./work.ts";

const OVER = ["not_found", "refund_unknown"];

/** Looks in the gateway's list for a refund whose answer is missing. */
export const lookUpRefund: WorkFunction = async (ports, row) => {
  const refundId = row.subject as RefundId;
  const rows = await ports.queries.invoice(invoiceIdOf(row.stream));
  if (!rows.ok) return soon(rows.error.code);
  const refunds = rows.value?.refunds ?? [];
  const refund = refunds.find(({ refundKey }) => refundKey === refundId);
  if (refund === undefined) return { status: "done" };
  const payments = ports.paymentsOf(refund.gatewayAccount as GatewayAccount);
  if (payments === null) return noContract(refund.gatewayAccount);

  const moved = await movementsSince(payments, refund.askedAt, ports.now());
  if (!moved.ok) return unanswered(moved.error);
  const run = openRun(ports, row);
  const found = factOf(refund, refunds, moved.value);
  if (found !== null) return ended(await run.byGateway(payments, found), OVER);
  const none = await run.byGateway(payments, { type: "refund.find_nothing", refundId, by: "find" });
  if (none.status === "failed" || !none.outcome.ok) return ended(none, OVER);
  return ended(await run.byGateway(payments, { type: "refund.find_nothing", refundId, by: "list" }), OVER);
};

/**
 * By our own id where the gateway has kept it; else a refund of the same payment and sum that nobody has accounted for.
 * Null: there is none.
 */
const factOf = (
  refund: RowOf<"refunds">,
  known: readonly RowOf<"refunds">[],
  moved: readonly Movement[],
): Command | null => {
  const refundId = refund.refundKey as RefundId;
  const accountedFor = new Set(known.map(({ transactionId }) => transactionId));
  const back = moved.filter((one) => one.kind === "refund").filter((one) => one.of === refund.captureTransactionId);
  const own = back.find((one) => one.refundId === refundId);
  if (own !== undefined)
    return { type: "refund.succeed", refundId, transactionId: own.transactionId, amount: own.amount };
  const nameless = back.find(
    (one) => one.refundId === null && one.amount.minor === refund.amountMinor && !accountedFor.has(one.transactionId),
  );
  if (nameless === undefined) return null;
  return {
    type: "refund.report",
    gatewayAccount: refund.gatewayAccount as GatewayAccount,
    captureTransactionId: refund.captureTransactionId as TransactionId,
    transactionId: nameless.transactionId,
    amount: nameless.amount,
  };
};
