import { Elysia } from "elysia";
import { z } from "zod";
import { invoiceStream } from "../../core/billing/stream.ts";
import {
  type AccountId,
  type AttemptId,
  type InvoiceId,
  type PlanCode,
  parseInvoiceId,
  type SubscriptionId,
} from "../../core/ids.ts";
import { type Currency, money } from "../../core/money.ts";
import type { Widget } from "../../core/ports/payments.ts";
import { invariant } from "../../core/result.ts";
import { attemptId, invoiceId } from "../wire/vocabulary.ts";
import { ask, running, runningView, wordOf } from "./asking.ts";
import { jsonBody } from "./body.ts";
import { consentFields, tickedVersion } from "./consent.ts";
import { members } from "./guards.ts";
import { chainEventView, presentFact } from "./invoice-chain.ts";
import { invoiceDetailView, invoiceView, presentInvoice, presentInvoiceDetail } from "./invoice-view.ts";
import type { HttpPorts } from "./ports.ts";
import { type Language, Refused, refusedByFault } from "./problems.ts";
import { idempotency, inLanguage, linkToNext, nextCursor, pageOf, pageQuery, problems } from "./schemas.ts";

const listView = z.object({ items: z.array(invoiceView), nextCursor }).meta({ id: "Invoices" });
const chainView = z.object({ items: z.array(chainEventView), nextCursor }).meta({ id: "InvoiceChain" });
const payBody = z.strictObject(consentFields).meta({
  id: "Pay",
  description:
    "`consent` ticks automatic renewal or takes the tick away for this payment; left out, the consent of the subscription stands",
  examples: [{}, { consent: true, consentVersion: "v1" }],
});
const payView = z
  .object({
    attemptId: z.string(),
    gateway: z.string(),
    script: z.string().meta({ description: "Address of the script that the page loads" }),
    page: z.string().nullable().meta({ description: "A page that shows the widget by itself, where there is one" }),
    widget: z
      .record(z.string(), z.unknown())
      .meta({ description: "The gateway's own: pass it to its widget unchanged" }),
  })
  .meta({
    id: "PaymentOffer",
    examples: [
      {
        attemptId: "att_01h455vb4pex5vsknk084sn02q",
        gateway: "cloudpayments",
        script: "https://widget.cloudpayments.ru/bundles/cloudpayments.js",
        page: null,
        widget: { amount: 299, currency: "RUB", externalId: "att_01h455vb4pex5vsknk084sn02q" },
      },
    ],
  });
const params = z.object({ id: invoiceId.meta({ examples: ["inv_01h455vb4pex5vsknk084sn02q"] }) });

const BASE = "/payments/api/v1/invoices";
const described = (operationId: string, summary: string) => ({
  operationId,
  summary,
  tags: ["Payments"],
  security: [{ bearer: [] }],
});
type Ports = Pick<HttpPorts, "requests" | "queries" | "accounts" | "limits" | "payments" | "hints">;

export const invoiceRoutes = (ports: Ports) => new Elysia().use(reading(ports)).use(paying(ports)).use(hinting(ports));

const reading = (ports: Ports) =>
  new Elysia()
    .use(members(ports))
    .get(
      "/invoices",
      async ({ member, query: { limit, cursor = null }, set, status }) => {
        const rows = await ports.queries.invoicesOf(member.accountId, { after: cursor, limit: limit + 1 });
        if (!rows.ok) throw refusedByFault(rows.error);
        const page = pageOf(rows.value, limit, (row) => row.invoiceId);
        Object.assign(set.headers, linkToNext(BASE, limit, page.nextCursor));
        return status(200, { items: page.shown.map(presentInvoice), nextCursor: page.nextCursor });
      },
      {
        query: pageQuery((raw) => parseInvoiceId(raw).ok),
        response: { 200: listView, ...problems(401, 422, 503) },
        detail: described("listInvoices", "My invoices, newest first"),
      },
    )
    .get(
      "/invoices/:id",
      async ({ member, params: { id }, status }) =>
        status(200, presentInvoiceDetail(await mine(ports, member.accountId, id))),
      {
        params,
        response: { 200: invoiceDetailView, ...problems(401, 404, 503) },
        detail: described("getInvoice", "One of my invoices, with its attempts, payments and refunds"),
      },
    )
    .get(
      "/invoices/:id/events",
      async ({ member, params: { id }, query: { limit, cursor = "0" }, visit, set, status }) => {
        await mine(ports, member.accountId, id);
        const facts = await ports.queries.events(invoiceStream(id), Number(cursor), limit + 1);
        if (!facts.ok) throw refusedByFault(facts.error);
        const page = pageOf(facts.value, limit, ({ version }) => String(version));
        Object.assign(set.headers, linkToNext(`${BASE}/${id}/events`, limit, page.nextCursor));
        const items = page.shown.map((fact) => presentFact(fact, visit.language));
        return status(200, { items, nextCursor: page.nextCursor });
      },
      {
        params,
        query: pageQuery((raw) => /^\d{1,9}$/.test(raw)),
        response: { 200: chainView, ...problems(401, 404, 422, 503) },
        detail: described("listInvoiceEvents", "Why was I charged: all that happened to an invoice, oldest first"),
      },
    );

const paying = (ports: Ports) =>
  new Elysia().use(members(ports)).post(
    "/invoices/:id/pay",
    async ({ body, params: { id }, member, headers, visit, set, status }) => {
      const consent = tickedVersion(body);
      const command = { type: "invoice.offer", invoiceId: id, consent } as const;
      const key = headers["idempotency-key"];
      const asked = await ask(ports, { member, visit }, "POST /invoices/{id}/pay", key, command);
      if (asked.status === "running") {
        set.headers["location"] = running(asked).statusUrl;
        return status(202, running(asked));
      }
      const offered = attemptId.decode(wordOf(asked.told, "attemptId"));
      const widget = await widgetOf(ports, member.accountId, offered, body.consent, visit.language);
      return status(200, presentWidget(offered, widget));
    },
    {
      parse: [jsonBody, "json"],
      headers: idempotency,
      params,
      body: payBody,
      response: { 200: payView, 202: runningView, ...problems(400, 401, 404, 409, 413, 415, 422, 503) },
      detail: described("payInvoice", "Open the gateway's widget for an invoice"),
    },
  );

/** The widget told the page that all went well; the gateway's call may still be under way, or lost. */
const hinting = (ports: Ports) =>
  new Elysia().use(members(ports)).post(
    "/invoices/:id/look-up",
    async ({ params: { id }, member, set, status }) => {
      const rows = await mine(ports, member.accountId, id);
      const asked = await ports.hints.paid(rows.attempts);
      if (!asked.ok) throw refusedByFault(asked.error);
      if (asked.value === 0) return status(200, presentInvoiceDetail(rows));
      set.headers["location"] = `${BASE}/${id}`;
      return status(202, presentInvoiceDetail(rows));
    },
    {
      params,
      response: { 200: invoiceDetailView, 202: invoiceDetailView, ...problems(401, 404, 413, 503) },
      detail: {
        ...described("lookUpInvoice", "Have the gateway asked whether an invoice was paid"),
        description:
          "For the page whose widget said that all went well: 202, and the invoice changes once the gateway has said so. 200: nothing is left to ask",
      },
    },
  );

/** Somebody else's is told from none by nobody. */
const mine = async ({ queries }: Ports, accountId: AccountId, id: InvoiceId) => {
  const rows = await queries.invoice(id);
  if (!rows.ok) throw refusedByFault(rows.error);
  if (rows.value?.invoice.accountId !== accountId) throw new Refused("not_found");
  return rows.value;
};

/** Sum, currency and payer come from our own rows, whatever the request said. */
const widgetOf = async (
  ports: Ports,
  accountId: AccountId,
  offered: AttemptId,
  ticked: boolean | undefined,
  language: Language,
): Promise<Widget> => {
  const [found, account] = await Promise.all([ports.queries.attempt(offered), ports.accounts.account(accountId)]);
  if (!found.ok) throw refusedByFault(found.error);
  if (!account.ok) throw refusedByFault(account.error);
  invariant(found.value !== null, "an attempt that was told of is there");
  const { attempt, invoice } = found.value;
  return ports.payments.widget({
    attemptId: offered,
    invoiceId: invoice.invoiceId as InvoiceId,
    accountId,
    amount: money(attempt.amountMinor, attempt.currency as Currency),
    description: await describe(ports, invoice.plan as PlanCode | null, language),
    language,
    saveCard: ticked ?? (await consentStands(ports, accountId, invoice.subscriptionId as SubscriptionId | null)),
    email: account.value?.email ?? null,
  });
};

/** A consent was given for the subscription that this pays for, and has not been taken back. Source: billing rules, Consent. */
const consentStands = async ({ queries }: Ports, accountId: AccountId, id: SubscriptionId | null): Promise<boolean> => {
  if (id === null) return false;
  const [customer, subscription] = await Promise.all([queries.customer(accountId), queries.subscription(id)]);
  if (!customer.ok) throw refusedByFault(customer.error);
  if (!subscription.ok) throw refusedByFault(subscription.error);
  const { consentGivenAt = null, consentWithdrawnAt = null } = customer.value?.customer ?? {};
  const startedAt = subscription.value?.startedAt;
  if (consentGivenAt === null || startedAt === undefined) return false;
  return consentGivenAt >= startedAt && (consentWithdrawnAt === null || consentWithdrawnAt < consentGivenAt);
};

/** What stands on the payer's bank statement and in the widget. */
const describe = async ({ queries }: Ports, code: PlanCode | null, language: Language): Promise<string> => {
  const plan = code === null ? null : await queries.plan(code);
  if (plan !== null && !plan.ok) throw refusedByFault(plan.error);
  const title = plan?.value?.plan;
  if (title === undefined) return inLanguage(language, "Оплата счёта", "Payment of an invoice");
  return inLanguage(language, `Подписка «${title.titleRu}»`, `Subscription: ${title.titleEn}`);
};

const presentWidget = (offered: AttemptId, { gateway, script, page, parameters }: Widget) => ({
  attemptId: offered,
  gateway,
  script,
  page,
  widget: JSON.parse(parameters) as Record<string, unknown>,
});
