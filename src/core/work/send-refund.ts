import { invoiceIdOf } from "../billing/stream.ts";
import type { GatewayAccount, RefundId, TransactionId } from "../ids.ts";
import { type Currency, money } from "../money.ts";
import type { Payments, RefundAnswer, RefundRequest } from "../ports/payments.ts";
import { type Instant, MINUTE_MS, plusMs } from "../time.ts";
import { ended, noContract, openRun, soon } from "./run.ts";
import type { WorkFunction, WorkPorts } from "./work.ts";

/** Somebody else has claimed it, or it has been answered. */
const NOT_OURS = ["refund_in_flight", "refund_closed", "refund_unknown", "not_found"];
const OVER = ["refund_unknown", "not_found"];
/** How often a request that certainly did not get there is sent again by the worker that holds the claim. */
const TRIES = 3;
const LONGEST_PAUSE_MS = 30_000;
/** How long a claim is good for sending. Well below the 5 minutes after which the gateway is asked about it. */
const CLAIM_MS = 3 * MINUTE_MS;

/**
 * Sends a refund that was asked for. The claim is committed as the last thing before the request: of two workers one is
 * refused, and after a dead one the gateway is asked before anything is sent again.
 */
export const sendRefund: WorkFunction = async (ports, row) => {
  const refundId = row.subject as RefundId;
  const rows = await ports.queries.invoice(invoiceIdOf(row.stream));
  if (!rows.ok) return soon(rows.error.code);
  const refund = rows.value?.refunds.find(({ refundKey }) => refundKey === refundId);
  if (refund === undefined) return { status: "done" };
  const payments = ports.paymentsOf(refund.gatewayAccount as GatewayAccount);
  if (payments === null) return noContract(refund.gatewayAccount);

  const run = openRun(ports, row);
  const sendBy = plusMs(ports.now(), CLAIM_MS);
  const claimed = await run.bySystem({ type: "refund.start", refundId });
  if (claimed.status === "failed" || !claimed.outcome.ok) return ended(claimed, NOT_OURS);

  const amount = money(refund.amountMinor, refund.currency as Currency);
  const request = { refundId, transactionId: refund.captureTransactionId as TransactionId, amount };
  const answer = await send(ports, payments, request, sendBy);
  if (answer === "lost") return ended(await run.bySystem({ type: "refund.lose_answer", refundId }), OVER);
  switch (answer.status) {
    case "pending": // The gateway tells by callback; if it does not, the look-up falls due.
      return { status: "done" };
    case "refused":
      ports.reports({ level: "alarm", what: "refund_refused", facts: { refundId, reason: answer.reason } });
      return ended(await run.byGateway(payments, { type: "refund.fail", refundId, reason: answer.reason }), OVER);
    case "done": {
      const { transactionId } = answer;
      return ended(await run.byGateway(payments, { type: "refund.succeed", refundId, transactionId, amount }), OVER);
    }
  }
};

/**
 * `lost`: it may have been carried out. What certainly was not asked is asked again, by this worker and no other.
 * @param sendBy a worker that stood still (a frozen machine) must not send after it: another may have been given the refund
 */
const send = async (
  { pause, now }: WorkPorts,
  payments: Payments,
  request: RefundRequest,
  sendBy: Instant,
): Promise<RefundAnswer | "lost"> => {
  for (let left = TRIES; left > 0 && now() < sendBy; left -= 1) {
    const answer = await payments.refund(request);
    if (answer.ok) return answer.value;
    if (answer.error.code === "answer_lost") return "lost";
    if (left > 1) await pause(Math.min(answer.error.retryAfterMs, LONGEST_PAUSE_MS));
  }
  return "lost"; // Nothing was asked; the look-ups will prove it, and it is asked anew.
};
