import type { DomainEvent } from "../billing/domain.ts";
import type { Fact } from "../ports/outbox.ts";
import type { Report } from "../ports/reports.ts";

/** Facts that a person must look at, though all went on without one. Null: nothing of the kind. */
export const alarmOf = ({ event, requestId }: Pick<Fact, "event" | "requestId">): Report | null => {
  const report = reportOf(event);
  return report === null || requestId === null ? report : { ...report, facts: { ...report.facts, requestId } };
};

const reportOf = (event: DomainEvent): Report | null => {
  switch (event.type) {
    case "PaymentMismatched": {
      const { attemptId, reason, payment } = event;
      return alarm("payment_mismatched", { attemptId, reason, transactionId: payment.transactionId });
    }
    case "PaymentSucceeded":
      // We had held that it failed: somebody told us something wrong.
      if (event.attemptWas !== "declined" && event.attemptWas !== "never_happened") return null;
      return alarm("payment_contradicts", { attemptId: event.attemptId, attemptWas: event.attemptWas });
    case "RefundSucceeded":
    case "RefundReported":
      return event.overdrawn ? alarm("refund_overdrawn", { transactionId: event.transactionId }) : null;
    case "ChargebackRecorded":
      return alarm("chargeback", { transactionId: event.capture.transactionId });
    default:
      return null;
  }
};

const alarm = (what: string, facts: Report["facts"]): Report => ({ level: "alarm", what, facts });
