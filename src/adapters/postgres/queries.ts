import { bestAccess } from "../../core/billing/access-rows.ts";
import type { RowOf, TableName } from "../../core/billing/read-model.ts";
import type { AccountId } from "../../core/ids.ts";
import type { Page, Queries } from "../../core/ports/queries.ts";
import { decodeEvent } from "../wire/events.ts";
import type { Driver, Parameter } from "./driver.ts";
import { answered } from "./faults.ts";
import { groupRead } from "./group-read.ts";
import { COLUMNS, instantOfDate, printInstant, readRow } from "./rows.ts";

/** Behind every id that we make: where the first page of a list that runs backwards begins. */
const LAST_ID = "~";

export const postgresQueries = (driver: Driver): Queries => {
  const rows = async <Name extends TableName>(
    table: Name,
    where: string,
    params: readonly Parameter[],
  ): Promise<RowOf<Name>[]> =>
    (await driver.query(`select * from billing.${table} ${where}`, params)).map((row) => readRow(table, row));
  const one = async <Name extends TableName>(
    table: Name,
    where: string,
    params: readonly Parameter[],
  ): Promise<RowOf<Name> | null> => (await rows(table, where, params))[0] ?? null;
  const newestFirst = <Name extends TableName>(table: Name, id: string, account: string, { after, limit }: Page) =>
    rows(table, `where account_id = $1 and ${id} < $2 order by ${id} desc limit $3`, [
      account,
      after ?? LAST_ID,
      limit,
    ]);
  const withPrices = async (plans: readonly RowOf<"plans">[]) => {
    const prices = await rows("prices", "where plan = any($1::text[]) order by plan, version", [
      plans.map(({ code }) => code),
    ]);
    return plans.map((plan) => ({ plan, prices: prices.filter((price) => price.plan === plan.code) }));
  };
  /** Best first. An account has a row for each subscription of its that lasts: few. */
  const accessOf = groupRead(async (accounts: readonly AccountId[]) =>
    Map.groupBy(
      await rows("access", "where account_id = any($1::text[]) order by tier desc, until_at desc, source", [accounts]),
      ({ accountId }) => accountId as AccountId,
    ),
  );

  return {
    plans: (which) =>
      answered(async () =>
        withPrices(await rows("plans", "where $1 = 'all' or status = 'on_sale' order by rank, code", [which])),
      ),
    plan: (code) => answered(async () => (await withPrices(await rows("plans", "where code = $1", [code])))[0] ?? null),
    customer: (account) =>
      answered(async () => {
        const customer = await one("customers", "where account_id = $1", [account]);
        if (customer === null) return null;
        const credits = await rows("credits", "where account_id = $1 order by currency", [account]);
        const cards = await rows("cards", "where account_id = $1 order by saved_at, card_id", [account]);
        return { customer, credits, cards };
      }),
    subscription: (id) => answered(() => one("subscriptions", "where subscription_id = $1", [id])),
    subscriptionsOf: (account, page) => answered(() => newestFirst("subscriptions", "subscription_id", account, page)),
    invoice: (id) =>
      answered(async () => {
        const invoice = await one("invoices", "where invoice_id = $1", [id]);
        if (invoice === null) return null;
        const attempts = await rows("attempts", "where invoice_id = $1 order by made_at, attempt_id", [id]);
        const captures = await rows("captures", "where invoice_id = $1 order by captured_at, transaction_id", [id]);
        const refunds = await rows("refunds", "where invoice_id = $1 order by asked_at, refund_key", [id]);
        return { invoice, attempts, captures, refunds };
      }),
    invoicesOf: (account, page) => answered(() => newestFirst("invoices", "invoice_id", account, page)),
    attempt: (id) =>
      answered(async () => {
        const [row] = await driver.query(ATTEMPT_WITH_INVOICE, [id]);
        return row === undefined
          ? null
          : { attempt: readRow("attempts", row, "a_"), invoice: readRow("invoices", row, "i_") };
      }),
    capture: (gatewayAccount, transactionId) =>
      answered(() =>
        one("captures", "where gateway_account = $1 and transaction_id = $2", [gatewayAccount, transactionId]),
      ),
    access: (account, at) => answered(async () => bestAccess((await accessOf(account)) ?? [], at)),
    accessRows: (account) => answered(async () => (await accessOf(account)) ?? []),
    events: (stream, afterVersion, limit) =>
      answered(async () => {
        const found = await driver.query(
          "select version, type, schema, body, caused_by, recorded_at from billing.chain_of($1, $2, $3)",
          [stream, afterVersion, limit],
        );
        return found.map((row) => ({
          version: row["version"] as number,
          event: decodeEvent(row["type"] as string, row["schema"] as number, row["body"]),
          causedBy: row["caused_by"] as string,
          recordedAt: instantOfDate(row["recorded_at"]),
        }));
      }),
    due: (at, kinds, after, limit) =>
      answered(() =>
        after === null
          ? rows(
              "due",
              "where due_at <= $1::timestamptz and kind = any($2::text[]) order by due_at, kind, subject limit $3",
              [printInstant(at), kinds, limit],
            )
          : rows(
              "due",
              `where due_at <= $1::timestamptz and kind = any($2::text[]) and (due_at, kind, subject) > ($4::timestamptz, $5, $6)
               order by due_at, kind, subject limit $3`,
              [printInstant(at), kinds, limit, printInstant(after.dueAt), after.kind, after.subject],
            ),
      ),
    mismatches: (limit) =>
      answered(() =>
        rows("mismatches", "where not settled order by received_at, gateway_account, transaction_id limit $1", [limit]),
      ),
  };
};

const columns = (table: TableName, alias: string): string =>
  COLUMNS[table].map(({ sql }) => `${alias}.${sql} as ${alias}_${sql}`).join(", ");
const ATTEMPT_WITH_INVOICE = `select ${columns("attempts", "a")}, ${columns("invoices", "i")}
  from billing.attempts a join billing.invoices i using (invoice_id) where a.attempt_id = $1`;
