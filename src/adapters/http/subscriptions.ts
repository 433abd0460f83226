import { Elysia } from "elysia";
import { z } from "zod";
import type { Command } from "../../core/billing/command.ts";
import type { RowOf } from "../../core/billing/read-model.ts";
import { type AccountId, type InvoiceId, parseSubscriptionId, type SubscriptionId } from "../../core/ids.ts";
import { formatInstant } from "../../core/time.ts";
import { planCode, subscriptionId, zone } from "../wire/vocabulary.ts";
import { subscriptionStatus } from "../wire/words.ts";
import { ask, running, runningView, wordOf } from "./asking.ts";
import { jsonBody } from "./body.ts";
import { consentFields, tickedVersion } from "./consent.ts";
import { members, unauthorized } from "./guards.ts";
import { invoiceView, presentInvoice } from "./invoice-view.ts";
import type { HttpPorts } from "./ports.ts";
import { Refused, refusedByFault } from "./problems.ts";
import {
  idempotency,
  instantOrNull,
  instantView,
  linkToNext,
  moneyOf,
  moneyView,
  nextCursor,
  pageOf,
  pageQuery,
  problems,
} from "./schemas.ts";

const subscriptionView = z
  .object({
    id: z.string(),
    status: subscriptionStatus,
    plan: z.string(),
    price: moneyView,
    place: z.enum(["current", "queued"]).meta({ description: "queued: begins when the current one ends" }),
    zone: z.string(),
    startedAt: instantView,
    period: z
      .object({ number: z.int(), start: instantView, end: instantView })
      .nullable()
      .meta({ description: "The one that runs; number 0 is a trial" }),
    renews: z.boolean(),
    waitingPlan: z.string().nullable().meta({ description: "The plan from the next period on" }),
    pausedUntil: instantView.nullable(),
    openInvoiceId: z.string().nullable().meta({ description: "To be paid" }),
    nextTryAt: instantView.nullable().meta({ description: "When the card is charged again after a decline" }),
    endedAt: instantView.nullable(),
    endReason: z.string().nullable(),
  })
  .meta({
    id: "Subscription",
    examples: [
      {
        id: "sub_01h455vb4pex5vsknk084sn02q",
        status: "active",
        plan: "premium",
        price: { amount: "299.00", currency: "RUB" },
        place: "current",
        zone: "Europe/Moscow",
        startedAt: "2026-01-31T09:00:00.000Z",
        period: { number: 1, start: "2026-01-31T09:00:00.000Z", end: "2026-02-28T09:00:00.000Z" },
        renews: true,
        waitingPlan: null,
        pausedUntil: null,
        openInvoiceId: null,
        nextTryAt: null,
        endedAt: null,
        endReason: null,
      },
    ],
  });
const subscribed = z
  .object({ subscription: subscriptionView, invoice: invoiceView.nullable() })
  .meta({ id: "Subscribed", description: "`invoice` is to be paid next; null: a free trial has begun" });
const subscribeBody = z
  .strictObject({
    plan: planCode,
    ...consentFields,
    zone: zone.optional().meta({ description: "In which days are counted; the account's if left out" }),
  })
  .meta({ id: "Subscribe", examples: [{ plan: "premium", consent: true, consentVersion: "v1" }] });
const listView = z.object({ items: z.array(subscriptionView), nextCursor }).meta({ id: "Subscriptions" });
const params = z.object({ id: subscriptionId.meta({ examples: ["sub_01h455vb4pex5vsknk084sn02q"] }) });

const BASE = "/subscriptions/api/v1/subscriptions";
const described = (operationId: string, summary: string) => ({
  operationId,
  summary,
  tags: ["Subscriptions"],
  security: [{ bearer: [] }],
});
type Ports = Pick<HttpPorts, "requests" | "queries" | "accounts" | "limits">;

export const subscriptionRoutes = (ports: Ports) => new Elysia().use(reading(ports)).use(writing(ports));

const reading = (ports: Ports) =>
  new Elysia()
    .use(members(ports))
    .get(
      "/subscriptions",
      async ({ member, query: { limit, cursor = null }, set, status }) => {
        const rows = await ports.queries.subscriptionsOf(member.accountId, { after: cursor, limit: limit + 1 });
        if (!rows.ok) throw refusedByFault(rows.error);
        const page = pageOf(rows.value, limit, (row) => row.subscriptionId);
        Object.assign(set.headers, linkToNext(BASE, limit, page.nextCursor));
        return status(200, { items: page.shown.map(present), nextCursor: page.nextCursor });
      },
      {
        query: pageQuery((raw) => parseSubscriptionId(raw).ok),
        response: { 200: listView, ...problems(401, 422, 503) },
        detail: described("listSubscriptions", "My subscriptions, newest first"),
      },
    )
    .get(
      "/subscriptions/:id",
      async ({ member, params: { id }, status }) => status(200, await mine(ports, member.accountId, id)),
      {
        params,
        response: { 200: subscriptionView, ...problems(401, 404, 503) },
        detail: described("getSubscription", "One of my subscriptions"),
      },
    );

const writing = (ports: Ports) =>
  new Elysia()
    .use(members(ports))
    .post(
      "/subscriptions",
      async ({ body, member, visit, headers, set, status }) => {
        const { accountId } = member;
        const command: Command = {
          type: "subscription.start",
          accountId,
          plan: body.plan,
          zone: body.zone ?? (await zoneOf(ports, accountId)),
          consent: tickedVersion(body),
        };
        const asked = await ask(ports, { member, visit }, "POST /subscriptions", headers["idempotency-key"], command);
        if (asked.status === "running") {
          set.headers["location"] = running(asked).statusUrl;
          return status(202, running(asked));
        }
        const id = wordOf(asked.told, "subscriptionId") as SubscriptionId;
        set.headers["location"] = `${BASE}/${id}`;
        return status(201, {
          subscription: await mine(ports, accountId, id),
          invoice: await invoiceToPay(ports, asked.told["invoiceId"] as InvoiceId | undefined),
        });
      },
      {
        parse: [jsonBody, "json"],
        headers: idempotency,
        body: subscribeBody,
        response: { 201: subscribed, 202: runningView, ...problems(400, 401, 404, 409, 413, 415, 422, 503) },
        detail: described("subscribe", "Subscribe to a plan"),
      },
    )
    .post(
      "/subscriptions/:id/stop",
      async ({ params: { id }, member, visit, headers, set, status }) => {
        const command: Command = { type: "subscription.stop", subscriptionId: id };
        const key = headers["idempotency-key"];
        const asked = await ask(ports, { member, visit }, "POST /subscriptions/{id}/stop", key, command);
        if (asked.status === "done") return status(200, await mine(ports, member.accountId, id));
        set.headers["location"] = running(asked).statusUrl;
        return status(202, running(asked));
      },
      {
        parse: "none",
        headers: idempotency,
        params,
        response: { 200: subscriptionView, 202: runningView, ...problems(400, 401, 404, 409, 413, 422, 503) },
        detail: described("stopRenewing", "Stop renewing: access stays until the end of what is paid"),
      },
    )
    .post(
      "/subscriptions/:id/undo-stop",
      async ({ params: { id }, member, visit, headers, set, status }) => {
        const command: Command = { type: "subscription.undo_stop", subscriptionId: id };
        const key = headers["idempotency-key"];
        const asked = await ask(ports, { member, visit }, "POST /subscriptions/{id}/undo-stop", key, command);
        if (asked.status === "done") return status(200, await mine(ports, member.accountId, id));
        set.headers["location"] = running(asked).statusUrl;
        return status(202, running(asked));
      },
      {
        parse: "none",
        headers: idempotency,
        params,
        response: { 200: subscriptionView, 202: runningView, ...problems(400, 401, 404, 409, 413, 422, 503) },
        detail: described("undoStop", "Renew again, until the end of what is paid"),
      },
    );

/** Somebody else's is told from none by nobody. */
const mine = async ({ queries }: Ports, accountId: AccountId, id: SubscriptionId) => {
  const row = await queries.subscription(id);
  if (!row.ok) throw refusedByFault(row.error);
  if (row.value?.accountId !== accountId) throw new Refused("not_found");
  return present(row.value);
};

const invoiceToPay = async ({ queries }: Ports, id: InvoiceId | undefined) => {
  if (id === undefined) return null;
  const rows = await queries.invoice(id);
  if (!rows.ok) throw refusedByFault(rows.error);
  return rows.value === null ? null : presentInvoice(rows.value.invoice);
};

const zoneOf = async ({ accounts }: Ports, accountId: AccountId) => {
  const account = await accounts.account(accountId);
  if (!account.ok) throw refusedByFault(account.error);
  if (account.value === null) throw unauthorized(true);
  return zone.decode(account.value.zone);
};

const present = (row: RowOf<"subscriptions">): z.output<typeof subscriptionView> => ({
  id: row.subscriptionId,
  status: row.status as z.output<typeof subscriptionStatus>,
  plan: row.plan,
  price: moneyOf(row.priceMinor, row.currency),
  place: row.place as "current" | "queued",
  zone: row.zone,
  startedAt: formatInstant(row.startedAt),
  period:
    row.periodNumber === null || row.periodStart === null || row.periodEnd === null
      ? null
      : { number: row.periodNumber, start: formatInstant(row.periodStart), end: formatInstant(row.periodEnd) },
  renews: row.renews,
  waitingPlan: row.waitingPlan,
  pausedUntil: instantOrNull(row.pausedUntil),
  openInvoiceId: row.openInvoice,
  nextTryAt: instantOrNull(row.nextTryAt),
  endedAt: instantOrNull(row.endedAt),
  endReason: row.endReason,
});
