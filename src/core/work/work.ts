import type { Billing } from "../billing/billing.ts";
import type { DueKind, RowOf } from "../billing/read-model.ts";
import type { Clock } from "../ports/clock.ts";
import type { Digest } from "../ports/digest.ts";
import type { Mail } from "../ports/mail.ts";
import type { Payments } from "../ports/payments.ts";
import type { Queries } from "../ports/queries.ts";
import type { Vault } from "../ports/vault.ts";

/** What every piece of timed work is made of. Over ports only, so that a simulation runs the real ones. */
export type WorkPorts = {
  readonly billing: Billing;
  readonly queries: Queries;
  readonly payments: Payments;
  readonly vault: Pick<Vault, "open">;
  readonly mail: Mail;
  readonly clock: Clock;
  readonly digest: Digest;
};

/** Does what one due row asks for. May run twice, on two machines, and die anywhere in between. */
export type WorkFunction = (row: RowOf<"due">) => Promise<WorkDone>;
export type WorkDone =
  | { readonly status: "done" }
  /** The row was out of date: somebody else did it, or it is not wanted any more. */
  | { readonly status: "nothing_to_do" }
  /** Stays due and is tried again after this time. */
  | { readonly status: "later"; readonly afterMs: number; readonly because: string };

/** One worker for each kind of due work: a new kind does not compile until it has one. */
export type Work = Readonly<Record<DueKind, WorkFunction>>;
export type MakeWork = (ports: WorkPorts) => Work;
