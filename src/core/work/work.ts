import type { Billing } from "../billing/billing.ts";
import type { DueKind, RowOf } from "../billing/read-model.ts";
import type { GatewayAccount } from "../ids.ts";
import type { Digest } from "../ports/digest.ts";
import type { Payments } from "../ports/payments.ts";
import type { Queries } from "../ports/queries.ts";
import type { Reports } from "../ports/reports.ts";
import type { Instant } from "../time.ts";
import { endOffer, expireInvoice } from "./deadlines.ts";
import { lookUpPayment } from "./look-up-payment.ts";
import { lookUpRefund } from "./look-up-refund.ts";
import { sendRefund } from "./send-refund.ts";

/** What every piece of timed work is made of. Over ports only, so that a simulation runs the real ones. */
export type WorkPorts = {
  readonly billing: Billing;
  readonly queries: Pick<Queries, "attempt" | "invoice">;
  /** Null: we have no contract with that gateway account any more. */
  readonly paymentsOf: (account: GatewayAccount) => Payments | null;
  readonly digest: Digest;
  readonly reports: Reports;
  /** Wall time. */
  readonly now: () => Instant;
  /** Equals nothing that was made before: names one run. */
  readonly newRun: () => string;
  readonly pause: (ms: number) => Promise<void>;
};

/** Does what one due row asks for. May run twice, on two machines, and die anywhere in between. */
export type WorkFunction = (ports: WorkPorts, row: RowOf<"due">) => Promise<WorkDone>;
export type WorkDone =
  /** Or somebody else did it, or it is not wanted any more: the row is out of date. */
  | { readonly status: "done" }
  /** Stays due and is tried again after this time. */
  | { readonly status: "later"; readonly afterMs: number; readonly because: string };

/** The kinds of due work that are done today, each with its worker. Renewals, notices and card set-ups have none yet. */
export const WORKERS = {
  look_up_payment: lookUpPayment,
  send_refund: sendRefund,
  look_up_refund: lookUpRefund,
  end_offer: endOffer,
  expire_invoice: expireInvoice,
} as const satisfies Partial<Record<DueKind, WorkFunction>>;
export type WorkKind = keyof typeof WORKERS;
export const WORK_KINDS = Object.keys(WORKERS) as readonly WorkKind[];

const isWorkKind = (kind: string): kind is WorkKind => Object.hasOwn(WORKERS, kind);

/** The worker of every kind. */
export const workOn =
  (ports: WorkPorts) =>
  async (row: RowOf<"due">): Promise<WorkDone> =>
    isWorkKind(row.kind) ? WORKERS[row.kind](ports, row) : { status: "done" };
