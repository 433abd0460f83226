import { z } from "zod";
import { type Currency, MINOR_DIGITS } from "../../core/money.ts";
import { CLOUD_EVENT_TYPE, factEnvelope } from "./cloud-events.ts";
import { COMMAND_BODIES } from "./commands.ts";
import { EVENT_BODIES } from "./event-bodies.ts";
import { isJsonObject } from "./json.ts";
import { outcome } from "./outcomes.ts";
import { busNameOf, commandEnvelope, SERVICE_COMMANDS } from "./service-commands.ts";
import { outcomeEnvelope } from "./service-outcomes.ts";
import { QUERIES, QUERY_NAMES, queryError } from "./service-queries.ts";
import * as part from "./stored-values.ts";
import * as wire from "./vocabulary.ts";

/** A part of the document: plain JSON, seen through whatever its place in AsyncAPI says. */
export type Node = { readonly [name: string]: unknown };

type Named = { readonly id: string } & Node;
const named = z.registry<Named>();
/** The document's schemas are named after what they describe. @param more what the schema can't say of itself */
const name = (schema: z.ZodType, id: string, more: Node = {}) => named.add(schema, { ...more, id });

const BASE_32 = "[0-7][0-9a-hjkmnp-tv-z]{25}";
const EXAMPLE_ID = "01h455vb4pex5vsknk084sn02q";
const idOf = (prefix: string) => ({
  pattern: `^${prefix}_${BASE_32}$`,
  examples: [`${prefix}_${EXAMPLE_ID}`],
});
name(wire.accountId, "AccountId", idOf("acc"));
name(wire.attemptId, "AttemptId", idOf("att"));
name(wire.cardId, "CardId", idOf("crd"));
name(wire.commandId, "CommandId", idOf("cmd"));
name(wire.invoiceId, "InvoiceId", idOf("inv"));
name(wire.noticeId, "NoticeId", idOf("ntc"));
name(wire.quoteId, "QuoteId", idOf("quo"));
name(wire.refundId, "RefundId", idOf("rfd"));
name(wire.setupId, "SetupId", idOf("set"));
name(wire.subscriptionId, "SubscriptionId", idOf("sub"));
name(wire.planCode, "PlanCode", { pattern: "^[a-z][a-z0-9-]{0,38}[a-z0-9]$", examples: ["premium"] });
name(wire.gatewayAccount, "GatewayAccount", {
  description: "Our account at a payment gateway. A transaction's number is unique within one.",
  pattern: "^[a-z][a-z0-9_]{0,23}:[A-Za-z0-9_.-]{1,64}$",
  examples: ["cloudpayments:pk_shop_1"],
});
name(wire.transactionId, "TransactionId", {
  description: "The gateway's own number of a movement of money",
  pattern: "^[A-Za-z0-9_.:-]{1,64}$",
  examples: ["2031456789"],
});
name(wire.zone, "Zone", { description: "A time zone's IANA name, never an offset", examples: ["Europe/Moscow"] });
name(wire.instant, "Instant", {
  description: "RFC 3339. We tell UTC with milliseconds; any offset may be sent.",
  format: "date-time",
  examples: ["2026-01-31T09:00:00.000Z"],
});

const sum = (description: string, sign: string, more: Node = {}) => ({
  ...more,
  description,
  properties: {
    amount: {
      type: "string",
      description: "Decimal, with no more digits than the currency has; as told by us with all of them",
      pattern: `^${sign}[0-9]{1,15}(\\.[0-9]{1,3})?$`,
    },
    currency: { type: "string", enum: Object.keys(MINOR_DIGITS) satisfies string[] as readonly Currency[] },
  },
  examples: [{ amount: "299.00", currency: "RUB" }],
});
name(wire.storedMoney, "Money", sum("A sum as we tell it; below zero where something is taken off", "-?"));
name(wire.money, "MoneyAsked", sum("A sum as it is to be sent: never below zero", ""));
name(wire.signedMoney, "SignedMoneyAsked", sum("A sum that may be below zero", "-?"));

name(wire.actor, "Actor", {
  description: "Who asked for it",
  examples: [{ kind: "staff", name: "stf_7", role: "manager" }],
});
name(part.period, "Period", { description: "Half-open: `end` does not belong to it" });
name(part.planDescription, "PlanDescription");
name(part.priceVersion, "PriceVersion");
name(part.terms, "Terms", { description: "What a subscriber has agreed to" });
name(part.invoiceTerms, "InvoiceTerms", { description: "What is fixed when an invoice is issued" });
name(part.captureKey, "CaptureKey", { description: "Names money that a gateway has taken" });
name(part.captured, "Captured");
name(part.decline, "Decline");
name(part.runningPeriod, "RunningPeriod");
name(part.trialPeriod, "TrialPeriod");
name(part.renewal, "Renewal");
name(part.dunning, "Dunning", { description: "The ladder of tries after a declined renewal" });
name(part.waitingChange, "WaitingChange");
name(part.quote, "Quote", { description: "What a change of plan costs" });
name(part.notice, "Notice", { description: "What a payer was told" });
name(part.pause, "Pause");

name(factEnvelope, "FactEnvelope", {
  description: "CloudEvents 1.0. Attributes that are not listed are to be passed over.",
});
name(commandEnvelope, "CommandEnvelope", {
  description: "CloudEvents 1.0. Attributes that are not listed are passed over.",
});
name(outcomeEnvelope, "OutcomeEnvelope", { description: "CloudEvents 1.0" });
name(outcome, "Outcome", { description: "What a command came to: ids of what it made, or why it was refused" });
name(queryError, "QueryError", { description: "`code` is for programs, `detail` for people" });

/** As schemas are named: "invoice.write_off" is InvoiceWriteOff. */
export const pascal = (words: string): string =>
  words.replace(/(?:^|[._])([a-z])/g, (_, first: string) => first.toUpperCase());
export const commandSchema = (type: string): string => `${pascal(busNameOf(type))}Data`;
export const questionSchema = (query: string): string => `${pascal(query)}Question`;
export const answerSchema = (query: string): string => `${pascal(query)}Answer`;

for (const [type, body] of Object.entries<z.ZodType>(EVENT_BODIES)) name(body, type);
for (const { type } of SERVICE_COMMANDS) name(COMMAND_BODIES[type], commandSchema(type));
for (const query of QUERY_NAMES) {
  name(QUERIES[query].asked, questionSchema(query));
  name(QUERIES[query].value, answerSchema(query));
}

export const schemaRef = (id: string): Node => ({ $ref: `#/components/schemas/${id}` });

const text = (description: string, more: Node = {}): Node => ({ type: "string", description, ...more });
const CONTENT_TYPE = text("Of a CloudEvent in structured mode", { const: CLOUD_EVENT_TYPE });
/** What stands beside a message. */
const HEADERS: Readonly<Record<string, Node>> = {
  CommandHeaders: {
    type: "object",
    required: ["Authorization"],
    properties: {
      Authorization: text("`Bearer` and the service's token. It must be good when the bus takes the command.", {
        pattern: "^Bearer [^ ]+$",
      }),
      "Reply-To": text(
        "Where the outcome is to be told: below `_INBOX.` or `billing.replies.<service>.`; left out: nowhere but on `billing.events.command.>`",
        { pattern: "^[A-Za-z0-9_.-]{1,200}$" },
      ),
      "Content-Type": CONTENT_TYPE,
      "Nats-Msg-Id": text(
        "Any. A command is known again by its sender and its `id`, and by nothing else, so that each delivery is answered.",
      ),
    },
  },
  EventHeaders: {
    type: "object",
    properties: { "Content-Type": CONTENT_TYPE, "Nats-Msg-Id": text("The event's `id`") },
  },
};

/** All of them in the dialect that AsyncAPI has by itself, and as they are on the wire: what the core makes of them is not told. */
export const namedSchemas = (): Readonly<Record<string, Node>> => {
  const { schemas } = z.toJSONSchema(named, {
    target: "draft-7",
    io: "input",
    uri: (id) => `#/components/schemas/${id}`,
    // The printer takes examples away from what reads and prints, as if they were the core's values.
    override: ({ zodSchema, jsonSchema }) => {
      const { id: _, ...own } = { ...named.get(zodSchema), ...z.globalRegistry.get(zodSchema) };
      Object.assign(jsonSchema, own);
    },
  });
  const printed = Object.entries(schemas)
    .map(([id, { $schema, $id, ...schema }]) => [id, tidied(schema) as Node] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...Object.fromEntries(printed), ...HEADERS };
};

const tidied = (part: unknown): unknown => {
  if (Array.isArray(part)) return part.map(tidied);
  if (!isJsonObject(part)) return part;
  const { $ref, description, allOf, ...rest } = part as Node;
  // Beside a reference nothing counts in this dialect, and of what the printer leaves there only the description is meant.
  const refs = $ref === undefined ? allOf : [{ $ref }];
  if (Array.isArray(refs)) return description === undefined ? refs[0] : { allOf: refs, description };
  const kept = Object.entries(rest).filter(([name, value]) => !isNoise(name, value));
  return {
    ...(description === undefined ? {} : { description }),
    ...Object.fromEntries(kept.map(([name, value]) => [name, tidiedPart(name, value)])),
  };
};
const tidiedPart = (name: string, value: unknown): unknown => {
  if (name === "examples") return value;
  // Names of fields are no words of the dialect.
  if (name !== "properties") return tidied(value);
  return Object.fromEntries(Object.entries(value as Node).map(([field, schema]) => [field, tidied(schema)]));
};

/** True of every whole number and of every key, said of each: it only hides the bounds that mean something. */
const isNoise = (name: string, value: unknown): boolean =>
  name === "propertyNames" ||
  ((name === "minimum" || name === "maximum") && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER);
