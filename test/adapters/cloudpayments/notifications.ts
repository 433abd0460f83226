import { money } from "../../../src/core/money.ts";
import type { CallbackRead } from "../../../src/core/ports/callbacks.ts";
import { transactionNamed } from "../../support/cinema.ts";

const rub = (minor: bigint) => money(minor, "RUB");
const recurrent = (eventKey: string): CallbackRead => ({ eventKey, told: { kind: "other", what: "recurrent" } });
const paid = (id: string, minor: bigint, reference: string | null, account: string) =>
  ({
    kind: "payment",
    reference,
    transactionId: transactionNamed(id),
    amount: rub(minor),
    account,
    card: null,
  }) as const;
const taken = { onlyAuthorised: false };
const declined = (
  id: string,
  reference: string | null,
  decline: "soft" | "hard" | "ask_payer",
  reason: "insufficient_funds" | "refused" | "authentication_failed",
): CallbackRead => ({
  eventKey: `fail:${id}`,
  told: { kind: "decline", reference, transactionId: transactionNamed(id), decline: { kind: decline, reason } },
});
const MIR = { token: "tk_255c42192323f2e09ea17635302c3", mask: "220000******0004", expires: "12/30" };
const VISA = {
  token: "9BBEF19476623CA56C17DA75FD57734DBF82530686043A6E491C6D71BEFE8F6E",
  mask: "411111******1111",
  expires: "01/19",
};

/** What each notification among the fixtures says. */
export const NOTIFICATIONS: Readonly<Record<string, CallbackRead>> = {
  "notification.check.widget_recurrent": {
    eventKey: "check:1701609",
    told: {
      kind: "check",
      reference: "1234567",
      transactionId: transactionNamed("1701609"),
      amount: rub(12_300n),
      account: "user@example.com",
    },
  },
  "notification.pay.widget_recurrent_initial": {
    eventKey: "pay:1701609",
    told: { ...paid("1701609", 12_300n, "1234567", "user@example.com"), ...taken, card: VISA },
  },
  "notification.fail.insufficient_funds": declined("1701658", "1234567", "soft", "insufficient_funds"),
  "notification.recurrent.past_due": recurrent(
    "recurrent:sc_a38ca02005d40db7d32b36a0097b0:PastDue:11:22:2015-11-18 20:29:05",
  ),
  "notification.recurrent.cancelled": recurrent("recurrent:sc_00000000000000000000000000001:Cancelled:2:0:"),
  "notification.recurrent.rejected": recurrent("recurrent:sc_00000000000000000000000000001:Rejected:1:0:"),
  "notification.recurrent.cancelled_2026": recurrent(
    "recurrent:sc_00000000000000000000000000002:Cancelled:0:0:2026-04-05 09:59:34",
  ),
  "notification.pay.recurring_charge_by_gateway": {
    eventKey: "pay:71000001",
    told: { ...paid("71000001", 5_000n, null, "user@example.com"), ...taken },
  },
  "notification.fail.recurring_initial_do_not_honor": declined("71000002", null, "hard", "refused"),
  "notification.pay.token_charge_2026": {
    eventKey: "pay:3059300327",
    told: { ...paid("3059300327", 49_900n, "inv_2026_08_0001", "user_x"), ...taken, card: MIR },
  },
  "notification.pay.two_stage_authorized": {
    eventKey: "pay:3059300328",
    told: { ...paid("3059300328", 49_900n, "inv_2026_08_0002", "user_x"), onlyAuthorised: true, card: MIR },
  },
  "notification.pay.sbp": {
    eventKey: "pay:3059300329",
    told: { ...paid("3059300329", 49_900n, "inv_2026_08_0003", "user_x"), ...taken },
  },
  "notification.fail.with_retry_after": declined("3192600857", "inv_2026_08_0004", "soft", "insufficient_funds"),
  "notification.fail.authentication_failed": declined(
    "3192600858",
    "inv_2026_08_0005",
    "ask_payer",
    "authentication_failed",
  ),
  "notification.confirm": {
    eventKey: "confirm:3059300328",
    told: { ...paid("3059300328", 49_900n, "inv_2026_08_0002", "user_x"), ...taken },
  },
  "notification.cancel": { eventKey: "cancel:3059300328", told: { kind: "other", what: "cancel" } },
  "notification.refund.partial": {
    eventKey: "refund:3200000001",
    told: {
      kind: "refund",
      reference: "inv_2026_08_0001",
      of: transactionNamed("3059300327"),
      transactionId: transactionNamed("3200000001"),
      amount: "100.00",
      currency: null,
      refundId: null,
    },
  },
  "notification.pay.json_format": {
    eventKey: "pay:3059300330",
    told: { ...paid("3059300330", 49_900n, "inv_2026_08_0006", "user_x"), ...taken },
  },
  "notification.receipt": { eventKey: "receipt:12321123", told: { kind: "other", what: "receipt" } },
};
