import type { Driver } from "../../src/adapters/postgres/driver.ts";
import type { Sandbox } from "./sandbox.ts";

type Entry = {
  readonly transactionId: string;
  readonly kind: string;
  readonly currency: string;
  readonly minor: bigint;
};
/** What of all that the gateway has moved stands where with us. */
export type Books = {
  /** Payments and refunds, as the gateway has them, less those that wait for a person here. */
  readonly theirs: readonly Entry[];
  readonly ours: readonly Entry[];
  /** Transactions that wait for a person, or for their payment to be known. */
  readonly inSuspense: readonly string[];
  /** Kopecks that the gateway holds for us, all in all; and that we believe it does. */
  readonly held: { readonly theirs: bigint; readonly ours: bigint };
};

/**
 * Holds the gateway's ledger against ours, transaction by transaction. Written over the tables and the gateway's books alone,
 * so that no code of the product judges itself.
 */
export const readBooks = async (driver: Pick<Driver, "query">, sandbox: Sandbox): Promise<Books> => {
  const [captures, refunds, suspense] = await Promise.all([
    driver.query("select transaction_id, currency, captured_minor as minor from billing.captures"),
    driver.query(
      "select transaction_id, currency, amount_minor as minor from billing.refunds where status in ('done', 'reported')",
    ),
    driver.query(
      `select transaction_id from billing.mismatches where not settled
       union select transaction_id from billing.intake
       where transaction_id is not null and done_at is null and (suspended_at is not null or wait_until is not null)`,
    ),
  ]);
  const waits = new Set(suspense.map((row) => String(row["transaction_id"])));
  const ours = [
    ...captures.map((row) => entryOf("payment", row)),
    ...refunds.map((row) => entryOf("refund", row)),
  ].sort(byTransaction);
  const known = new Set(ours.map(({ transactionId }) => transactionId));
  const theirs = sandbox
    .transactions()
    .filter(({ status }) => status === "Completed" || status === "Authorized")
    .map(
      ({ id, type, currency, minor }): Entry => ({
        transactionId: String(id),
        kind: type === 1 ? "refund" : "payment",
        currency,
        minor: BigInt(minor),
      }),
    )
    .filter(({ transactionId }) => known.has(transactionId) || !waits.has(transactionId))
    .sort(byTransaction);
  return { theirs, ours, inSuspense: [...waits].sort(), held: { theirs: heldBy(theirs), ours: heldBy(ours) } };
};

const entryOf = (kind: string, row: Readonly<Record<string, unknown>>): Entry => ({
  transactionId: String(row["transaction_id"]),
  kind,
  currency: String(row["currency"]),
  minor: BigInt(String(row["minor"])),
});
const byTransaction = (a: Entry, b: Entry): number => Number(a.transactionId) - Number(b.transactionId);
const heldBy = (entries: readonly Entry[]): bigint =>
  entries.reduce((total, { kind, minor }) => (kind === "refund" ? total - minor : total + minor), 0n);
