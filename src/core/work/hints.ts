import type { RowOf } from "../billing/read-model.ts";
import { invoiceStream } from "../billing/stream.ts";
import type { InvoiceId } from "../ids.ts";
import type { Tasks, TasksFault } from "../ports/tasks.ts";
import { ok, type Result } from "../result.ts";
import type { Instant } from "../time.ts";

/** The payer's browser says that a payment went through. A hint that brings a look-up, never a fact. Source: design, part 3. */
export type Hints = {
  /**
   * Has the gateway asked soon about those attempts of one invoice that may have been paid. Said again and again it is asked
   * ever more rarely.
   * @returns how many those are
   */
  paid(attempts: readonly RowOf<"attempts">[]): Promise<Result<number, TasksFault>>;
};

/** With these it is known what became of the money. */
const SETTLED: readonly string[] = ["succeeded", "mismatched"];
/** A browser has paid in one of the windows that it has opened last. */
const MOST = 3;

export const hints = ({ tasks }: { readonly tasks: Pick<Tasks, "add"> }): Hints => ({
  paid: async (attempts) => {
    const asked = attempts
      .filter(({ kind, status }) => kind === "offer" && !SETTLED.includes(status))
      .sort((a, b) => b.madeAt - a.madeAt)
      .slice(0, MOST);
    if (asked.length === 0) return ok(0);
    const added = await tasks.add(asked.map(lookUpOf));
    return added.ok ? ok(asked.length) : added;
  },
});

/** As if it were due. One attempt gives one row, so that a hint given twice is one task. */
const lookUpOf = ({ attemptId, invoiceId, accountId, madeAt }: RowOf<"attempts">): RowOf<"due"> => ({
  kind: "look_up_payment",
  subject: attemptId,
  stream: invoiceStream(invoiceId as InvoiceId),
  accountId,
  dueAt: madeAt as Instant,
});
