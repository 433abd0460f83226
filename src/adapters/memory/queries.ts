import { bestAccess } from "../../core/billing/access-rows.ts";
import type { RowOf, TableName } from "../../core/billing/read-model.ts";
import type { AccountId } from "../../core/ids.ts";
import type { Page, Queries } from "../../core/ports/queries.ts";
import { ok } from "../../core/result.ts";
import { compareText } from "./due-queue.ts";
import type { Memory } from "./memory.ts";

export const memoryQueries = (memory: Memory): Queries => {
  const group = <Name extends TableName>(table: Name, value: string) => memory.tables.group(table, value);
  const withPrices = (plan: RowOf<"plans">) => ({
    plan,
    prices: group("prices", plan.code).toSorted((a, b) => a.version - b.version),
  });
  const accessRows = (account: AccountId) =>
    group("access", account).toSorted(
      (a, b) => b.tier - a.tier || b.untilAt - a.untilAt || compareText(a.source, b.source),
    );
  return {
    plans: async (which) =>
      ok(
        memory.tables
          .all("plans")
          .filter(({ status }) => which === "all" || status === "on_sale")
          .sort((a, b) => a.rank - b.rank || compareText(a.code, b.code))
          .map(withPrices),
      ),
    plan: async (code) => {
      const plan = memory.tables.row("plans", { code });
      return ok(plan === null ? null : withPrices(plan));
    },
    customer: async (accountId) => {
      const customer = memory.tables.row("customers", { accountId });
      if (customer === null) return ok(null);
      const credits = group("credits", accountId).toSorted((a, b) => compareText(a.currency, b.currency));
      const cards = group("cards", accountId).toSorted(by("savedAt", "cardId"));
      return ok({ customer, credits, cards });
    },
    subscription: async (subscriptionId) => ok(memory.tables.row("subscriptions", { subscriptionId })),
    subscriptionsOf: async (account, page) =>
      ok(newestFirst(group("subscriptions", account), ({ subscriptionId }) => subscriptionId, page)),
    invoice: async (invoiceId) => {
      const invoice = memory.tables.row("invoices", { invoiceId });
      if (invoice === null) return ok(null);
      const attempts = group("attempts", invoiceId).toSorted(by("madeAt", "attemptId"));
      const captures = group("captures", invoiceId).toSorted(by("capturedAt", "transactionId"));
      const refunds = group("refunds", invoiceId).toSorted(by("askedAt", "refundKey"));
      return ok({ invoice, attempts, captures, refunds });
    },
    invoicesOf: async (account, page) =>
      ok(newestFirst(group("invoices", account), ({ invoiceId }) => invoiceId, page)),
    attempt: async (attemptId) => {
      const attempt = memory.tables.row("attempts", { attemptId });
      const invoice = attempt === null ? null : memory.tables.row("invoices", { invoiceId: attempt.invoiceId });
      return ok(attempt === null || invoice === null ? null : { attempt, invoice });
    },
    capture: async (gatewayAccount, transactionId) =>
      ok(memory.tables.row("captures", { gatewayAccount, transactionId })),
    access: async (account, at) => ok(bestAccess(accessRows(account), at)),
    accessRows: async (account) => ok(accessRows(account)),
    events: async (stream, afterVersion, limit) =>
      ok(memory.streams.get(stream)?.recorded.slice(afterVersion, afterVersion + limit) ?? []),
    due: async (at, kinds, after, limit) => {
      const rows: RowOf<"due">[] = [];
      for (const row of memory.tables.due.behind(after)) {
        if (row.dueAt > at || rows.length >= limit) break;
        if ((kinds as readonly string[]).includes(row.kind)) rows.push(row);
      }
      return ok(rows);
    },
    mismatches: async (limit) =>
      ok(
        memory.tables
          .all("mismatches")
          .filter(({ settled }) => !settled)
          .sort(
            (a, b) =>
              a.receivedAt - b.receivedAt ||
              compareText(a.gatewayAccount, b.gatewayAccount) ||
              compareText(a.transactionId, b.transactionId),
          )
          .slice(0, limit),
      ),
  };
};

/** By an instant, then by an id. */
const by =
  <At extends string, Id extends string>(at: At, id: Id) =>
  (
    a: { readonly [Column in At]: number } & { readonly [Column in Id]: string },
    b: { readonly [Column in At]: number } & { readonly [Column in Id]: string },
  ): number =>
    a[at] - b[at] || compareText(a[id], b[id]);

const newestFirst = <R>(rows: readonly R[], id: (row: R) => string, { after, limit }: Page): readonly R[] =>
  rows
    .filter((row) => after === null || id(row) < after)
    .sort((a, b) => compareText(id(b), id(a)))
    .slice(0, limit);
