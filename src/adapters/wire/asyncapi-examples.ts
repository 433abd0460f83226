import {
  customerStream,
  invoiceStream,
  planStream,
  setupStream,
  subscriptionStream,
} from "../../core/billing/stream.ts";
import type { ServiceOutcome } from "../../core/ports/services.ts";
import type { Node } from "./asyncapi-schemas.ts";
import { CLOUD_EVENT_TYPE, idOfFact, printFact } from "./cloud-events.ts";
import type { EventType } from "./event-bodies.ts";
import { decodeEvent, newestSchema } from "./events.ts";
import type { ServiceCommandType } from "./service-commands.ts";
import { printServiceOutcome } from "./service-outcomes.ts";
import { accountId, commandId, instant, invoiceId, planCode, setupId, subscriptionId } from "./vocabulary.ts";

// What the document shows beside its schemas: messages as they are really read and printed.

type Schemas = Readonly<Record<string, Node>>;

const EXAMPLE = "01h455vb4pex5vsknk084sn02q";
const ACCOUNT = accountId.decode(`acc_${EXAMPLE}`);
const INVOICE = invoiceId.decode(`inv_${EXAMPLE}`);
const SUBSCRIPTION = subscriptionId.decode(`sub_${EXAMPLE}`);
const CAUSE = commandId.decode(`cmd_${EXAMPLE}`);
const AT = instant.decode("2026-01-31T09:05:00.000Z");

const STREAMS = {
  plan: planStream(planCode.decode("premium")),
  customer: customerStream(ACCOUNT),
  subscription: subscriptionStream(SUBSCRIPTION),
  invoice: invoiceStream(INVOICE),
  setup: setupStream(setupId.decode(`set_${EXAMPLE}`)),
} as const;
/** No other fact stands before these in its stream. */
const FIRST: ReadonlySet<EventType> = new Set(["PlanCreated", "InvoiceIssued", "SubscriptionStarted", "SetupOffered"]);

export const factExample = (type: EventType, kind: keyof typeof STREAMS, schemas: Schemas): Node => {
  const fact = {
    stream: STREAMS[kind],
    version: FIRST.has(type) ? 1 : 3,
    event: decodeEvent(type, newestSchema(type), namedExample(type, schemas)),
    accountId: kind === "plan" ? null : ACCOUNT,
    causedBy: CAUSE,
    requestId: "0198c0de-7000-7000-8000-000000000000",
    recordedAt: AT,
  };
  return {
    name: type,
    headers: { "Content-Type": CLOUD_EVENT_TYPE, "Nats-Msg-Id": idOfFact(fact) },
    payload: JSON.parse(printFact(fact)),
  };
};

const OUTCOMES = {
  done: {
    commandId: "order-1017",
    command: "invoice.issue",
    outcome: { ok: true, value: { invoiceId: INVOICE } },
  },
  refused: {
    commandId: "order-1017-called-off",
    command: "invoice.annul",
    outcome: { ok: false, refusal: { code: "invoice_paid", facts: { status: "paid" } } },
  },
} as const;

export const outcomeExample = (kind: keyof typeof OUTCOMES): Node => {
  const told: ServiceOutcome = { id: CAUSE, service: "shop", replyTo: null, at: AT, ...OUTCOMES[kind] };
  return {
    name: kind,
    headers: { "Content-Type": CLOUD_EVENT_TYPE, "Nats-Msg-Id": told.id },
    payload: JSON.parse(printServiceOutcome(told)),
  };
};

const COMMANDS: Readonly<Record<ServiceCommandType, { readonly id: string; readonly data: Node }>> = {
  "invoice.issue": {
    id: "order-1017",
    data: {
      accountId: ACCOUNT,
      lines: [
        {
          kind: "service",
          plan: null,
          priceVersion: null,
          amount: { amount: "1500.00", currency: "RUB" },
          period: null,
        },
      ],
    },
  },
  "invoice.annul": { id: "order-1017-called-off", data: { invoiceId: INVOICE } },
  "subscription.start": {
    id: "bundle-88",
    data: { accountId: ACCOUNT, plan: "premium", zone: "Europe/Moscow", consent: "v1" },
  },
  "subscription.stop": { id: "bundle-88-over", data: { subscriptionId: SUBSCRIPTION } },
  "payment.refund": {
    id: "complaint-31",
    data: {
      invoiceId: INVOICE,
      gatewayAccount: "cloudpayments:pk_shop_1",
      transactionId: "2031456789",
      amount: { amount: "149.50", currency: "RUB" },
      access: "keep",
    },
  },
};

export const commandExample = (type: ServiceCommandType, subject: string): Node => {
  const { id, data } = COMMANDS[type];
  return {
    name: id,
    headers: { Authorization: "Bearer <token>", "Reply-To": "_INBOX.shop.1", "Content-Type": CLOUD_EVENT_TYPE },
    payload: { specversion: "1.0", id, source: "shop", type: subject, time: instant.encode(AT), data },
  };
};

/** Of what one of the document's schemas describes. */
export const namedExample = (name: string, schemas: Schemas): unknown => exampleOf(schemas[name] ?? {}, schemas);

/** What stands for a field by its name, so that an example reads as something that may have happened. */
const FIELDS: Node = {
  at: "2026-01-31T09:05:00.000Z",
  start: "2026-01-31T09:05:00.000Z",
  end: "2026-02-28T09:05:00.000Z",
  until: "2026-03-07T09:05:00.000Z",
  graceUntil: "2026-03-07T09:05:00.000Z",
  putOffUntil: "2026-01-31T10:05:00.000Z",
  endsAt: "2026-01-31T10:05:00.000Z",
  expiresAt: "2026-02-01T09:05:00.000Z",
  dueAt: "2026-02-01T09:05:00.000Z",
  closesAt: "2026-02-07T09:05:00.000Z",
  announcedAt: "2026-02-28T09:05:00.000Z",
  closedAt: null,
  endedAt: null,
  endReason: null,
  pausedUntil: null,
  nextTryAt: null,
  waitingPlan: null,
  queuedSubscriptionId: null,
  openInvoiceId: null,
  beginsAt: null,
  intro: null,
  dropped: null,
  movesUp: null,
  overdrawn: false,
  captured: false,
  ahead: false,
  credit: { amount: "0.00", currency: "RUB" },
  surplus: { amount: "0.00", currency: "RUB" },
  refunded: { amount: "0.00", currency: "RUB" },
  returned: { amount: "0.00", currency: "RUB" },
  asked: { amount: "0.00", currency: "RUB" },
  reserved: { amount: "0.00", currency: "RUB" },
  unused: { amount: "149.50", currency: "RUB" },
  disputes: 0,
  ru: "Премиум",
  en: "Premium",
  name: "shop",
  note: "The payer was called back",
  reason: "The film did not play",
  sequence: "1",
  textVersion: "v1",
  wall: "2026-01-31T12:05:00",
  days: 7,
  rank: 2,
  tier: 2,
  streams: 2,
  object: 4,
  method: 4,
  fullMs: 2_419_200_000,
  unusedMs: 1_209_600_000,
};

/** The same for closed sets of words: the first that is one of the set. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  quality: ["uhd"],
  status: ["paid", "active", "succeeded", "done"],
  unit: ["month"],
  vat: ["20"],
};

/** An example of what a schema allows. Of alternatives the first, and null only where a field's name says so. */
const exampleOf = (schema: Node, schemas: Schemas, field = ""): unknown => {
  const inside = (part: unknown, of = field): unknown => exampleOf(part as Node, schemas, of);
  const { $ref, properties, items } = schema;
  // "One kind, or null" is said as a list.
  const [type, orNull] = [schema["type"]].flat();
  if ("const" in schema) return schema["const"];
  if (Array.isArray(schema["enum"])) return wordOf(schema["enum"], field);
  if (typeof $ref === "string") return inside(schemas[$ref.replace(/^.*\//, "")] ?? {});
  const own = jsonTypeOf(FIELDS[field]);
  if (own !== undefined && (own === type || own === orNull)) return FIELDS[field];
  if (Array.isArray(schema["examples"])) return schema["examples"][0];
  const choices = schema["anyOf"] ?? schema["oneOf"] ?? schema["allOf"];
  if (Array.isArray(choices)) return FIELDS[field] === null ? null : inside(choices[0]);
  if (type === "array") return [inside(items)];
  if (type === "object")
    return Object.fromEntries(Object.entries(Object(properties)).map(([name, part]) => [name, inside(part, name)]));
  return type === "boolean" ? true : type === "string" ? "text" : 1;
};

const wordOf = (words: readonly unknown[], field: string): unknown =>
  WORDS[field]?.find((word) => words.includes(word)) ?? words[0];

const jsonTypeOf = (value: unknown): string | undefined => {
  if (value === undefined) return undefined;
  if (value === null) return "null";
  return typeof value === "number" ? "integer" : typeof value;
};
