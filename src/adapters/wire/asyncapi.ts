import type { StreamKind } from "../../core/billing/stream.ts";
import { commandExample, factExample, namedExample, outcomeExample } from "./asyncapi-examples.ts";
import { answerSchema, commandSchema, type Node, namedSchemas, questionSchema, schemaRef } from "./asyncapi-schemas.ts";
import { BUS_REFUSALS, COMMAND_TEXTS, FACT_TEXTS, INTRODUCTION, OUTCOME_TEXTS, QUERY_TEXTS } from "./asyncapi-texts.ts";
import { CLOUD_EVENT_TYPE, dataSchemaOf } from "./cloud-events.ts";
import type { EventType } from "./event-bodies.ts";
import { SUBJECT_OF_EVENT } from "./event-subjects.ts";
import { newestSchema } from "./events.ts";
import { SERVICE_COMMANDS, type ServiceCommandType } from "./service-commands.ts";
import { OUTCOME_SUBJECTS } from "./service-outcomes.ts";
import { QUERY_NAMES, type QueryName, querySubject } from "./service-queries.ts";

export type AsyncApi = Node & {
  readonly channels: Readonly<Record<string, Node>>;
  readonly operations: Readonly<Record<string, Node>>;
  readonly components: Node & {
    readonly schemas: Readonly<Record<string, Node>>;
    readonly messages: Readonly<Record<string, Node>>;
  };
};

/** The bus as others see it, made of the very schemas that messages are read and printed with. */
export const asyncApi = (): AsyncApi => {
  const schemas = namedSchemas();
  const parts = [
    ...SERVICE_COMMANDS.map(({ type, subject }) => commandPart(type, subject)),
    repliesPart(),
    ...outcomeParts(),
    ...EVENT_TYPES.map((type) => factPart(type, schemas)),
    ...QUERY_NAMES.map((name) => queryPart(name, schemas)),
  ];
  const all = (kind: keyof Part) => Object.assign({}, ...parts.map((part) => part[kind])) as Record<string, Node>;
  return {
    asyncapi: "3.0.0",
    info: INFO,
    defaultContentType: CLOUD_EVENT_TYPE,
    servers: { nats: SERVER },
    channels: all("channels"),
    operations: all("operations"),
    components: {
      messages: all("messages"),
      schemas,
      securitySchemes: SECURITY,
      correlationIds: CORRELATION_IDS,
      replyAddresses: { replyTo: REPLY_TO },
    },
  };
};

/** What one subject brings into the document. */
type Part = {
  readonly channels: Readonly<Record<string, Node>>;
  readonly operations: Readonly<Record<string, Node>>;
  readonly messages: Readonly<Record<string, Node>>;
};

/** As in "commands.invoice.issue": what all subjects have in front says nothing. */
const keyOf = (subject: string): string => subject.slice("billing.".length);
const ref = (...path: readonly string[]): Node => ({ $ref: `#/${path.join("/")}` });
const channelOf = (address: string | null, summary: string, ...messages: readonly string[]): Node => ({
  address,
  summary,
  servers: [ref("servers", "nats")],
  messages: Object.fromEntries(messages.map((name) => [name, ref("components", "messages", name)])),
});
/** The envelope, and what of it is particular to one message. */
const within = (envelope: string, properties: Node): Node => ({
  allOf: [schemaRef(envelope), { type: "object", properties }],
});

const commandPart = (type: ServiceCommandType, subject: string): Part => {
  const key = keyOf(subject);
  const { summary, description } = COMMAND_TEXTS[type];
  const message = {
    name: subject,
    title: summary,
    summary,
    contentType: CLOUD_EVENT_TYPE,
    headers: schemaRef("CommandHeaders"),
    correlationId: ref("components", "correlationIds", "command"),
    payload: within("CommandEnvelope", { type: { const: subject }, data: schemaRef(commandSchema(type)) }),
    examples: [commandExample(type, subject)],
  };
  const operation = {
    action: "receive",
    summary,
    description,
    tags: [{ name: "Commands" }],
    channel: ref("channels", key),
    messages: [ref("channels", key, "messages", key)],
    security: [ref("components", "securitySchemes", "natsUser"), ref("components", "securitySchemes", "serviceToken")],
    reply: {
      address: ref("components", "replyAddresses", "replyTo"),
      channel: ref("channels", "replies"),
      messages: Object.values(OUTCOME_SUBJECTS).map((outcome) =>
        ref("channels", "replies", "messages", keyOf(outcome)),
      ),
    },
  };
  return {
    channels: { [key]: channelOf(subject, summary, key) },
    operations: { [key]: operation },
    messages: { [key]: message },
  };
};

const repliesPart = (): Part => ({
  channels: {
    replies: channelOf(
      null,
      "What a command came to, where its sender wants to hear it",
      ...OUTCOMES.map(([, key]) => key),
    ),
  },
  operations: {},
  messages: {},
});

const outcomeParts = (): readonly Part[] =>
  OUTCOMES.map(([kind, key]) => {
    const subject = OUTCOME_SUBJECTS[kind];
    const summary = OUTCOME_TEXTS[kind];
    return {
      channels: { [key]: channelOf(subject, summary, key) },
      operations: { [key]: sending(key, summary, "Outcomes") },
      messages: {
        [key]: {
          name: subject,
          title: summary,
          summary,
          contentType: CLOUD_EVENT_TYPE,
          headers: schemaRef("EventHeaders"),
          correlationId: ref("components", "correlationIds", "outcome"),
          payload: within("OutcomeEnvelope", {
            type: { const: subject },
            data: {
              type: "object",
              properties: { outcome: { type: "object", properties: { ok: { const: kind === "done" } } } },
            },
          }),
          examples: [outcomeExample(kind)],
        },
      },
    };
  });

const sending = (key: string, summary: string, tag: string): Node => ({
  action: "send",
  summary,
  tags: [{ name: tag }],
  channel: ref("channels", key),
  messages: [ref("channels", key, "messages", key)],
});

const factPart = (type: EventType, schemas: Readonly<Record<string, Node>>): Part => {
  const subject = SUBJECT_OF_EVENT[type];
  const key = keyOf(subject);
  const summary = FACT_TEXTS[type];
  const dataschema = dataSchemaOf(type, newestSchema(type));
  const kind = subject.split(".")[2] as StreamKind;
  const message = {
    name: subject,
    title: type,
    summary,
    contentType: CLOUD_EVENT_TYPE,
    headers: schemaRef("EventHeaders"),
    payload: within("FactEnvelope", {
      type: { const: subject },
      dataschema: { const: dataschema },
      data: schemaRef(type),
    }),
    examples: [factExample(type, kind, schemas)],
  };
  return {
    channels: { [key]: channelOf(subject, summary, key) },
    operations: { [key]: sending(key, summary, "Facts") },
    messages: { [key]: message },
  };
};

const queryPart = (name: QueryName, schemas: Readonly<Record<string, Node>>): Part => {
  const subject = querySubject(name);
  const key = keyOf(subject);
  const answerKey = `answers.${name}`;
  const summary = QUERY_TEXTS[name];
  const operation = {
    action: "receive",
    summary,
    tags: [{ name: "Queries" }],
    channel: ref("channels", key),
    messages: [ref("channels", key, "messages", key)],
    reply: { channel: ref("channels", answerKey), messages: [ref("channels", answerKey, "messages", answerKey)] },
  };
  return {
    channels: {
      [key]: channelOf(subject, summary, key),
      [answerKey]: channelOf(null, "The inbox that the request names", answerKey),
    },
    operations: { [key]: operation },
    messages: {
      [key]: { name: subject, ...question(name, summary, schemas) },
      [answerKey]: { name: answerKey, ...answer(name, summary, schemas) },
    },
  };
};

const AS_JSON = { contentType: "application/json", headers: { type: "object", description: "None is needed" } };
const question = (name: QueryName, summary: string, schemas: Readonly<Record<string, Node>>): Node => ({
  ...AS_JSON,
  title: summary,
  summary,
  payload: schemaRef(questionSchema(name)),
  examples: [{ name: "question", payload: namedExample(questionSchema(name), schemas) }],
});
const answer = (name: QueryName, summary: string, schemas: Readonly<Record<string, Node>>): Node => ({
  ...AS_JSON,
  title: `Answer: ${summary}`,
  summary: `Answer: ${summary}`,
  payload: {
    oneOf: [
      answered(true, { value: schemaRef(answerSchema(name)) }),
      answered(false, { error: schemaRef("QueryError") }),
    ],
  },
  examples: [
    { name: "answer", payload: { ok: true, value: namedExample(answerSchema(name), schemas) } },
    { name: "error", payload: { ok: false, error: { code: "unavailable", detail: "storage_unavailable" } } },
  ],
});
const answered = (isOk: boolean, told: Node): Node => ({
  type: "object",
  required: ["ok", ...Object.keys(told)],
  properties: { ok: { const: isOk }, ...told },
});

const EVENT_TYPES = Object.keys(SUBJECT_OF_EVENT) as readonly EventType[];
const OUTCOMES = (["done", "refused"] as const).map((kind) => [kind, keyOf(OUTCOME_SUBJECTS[kind])] as const);

const REPLY_TO = {
  description: "The subject that the sender names. Not the reply subject of NATS, which is where the bus acknowledges.",
  location: "$message.header#/Reply-To",
};
const CORRELATION_IDS = {
  command: { description: "The sender's own id, told again with the outcome", location: "$message.payload#/id" },
  outcome: { description: "The sender's own id for the command", location: "$message.payload#/data/commandId" },
};
const SECURITY = {
  natsUser: { type: "userPassword", description: "A NATS user of the service's own, with rights to subjects" },
  serviceToken: {
    type: "http",
    scheme: "bearer",
    description:
      "In the header `Authorization` of each command: the token that the operator has made for the service. It says who asks.",
  },
};
const SERVER = {
  host: "{host}",
  protocol: "nats",
  title: "NATS",
  description: "JetStream, 2.9 or newer; streams `BILLING_COMMANDS` and `BILLING_EVENTS`",
  variables: { host: { default: "127.0.0.1:4222", description: "Host and port of any server of the cluster" } },
  security: [ref("components", "securitySchemes", "natsUser")],
};
const REFUSALS = Object.entries(BUS_REFUSALS).map(([code, meaning]) => `- \`${code}\`: ${meaning}`);
const INFO = {
  title: "Matinee: the bus",
  version: "1",
  license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
  description: [INTRODUCTION, "", "## Refusals of the bus", "", ...REFUSALS].join("\n"),
  tags: [
    { name: "Commands", description: "What services may ask for" },
    { name: "Outcomes", description: "What commands came to" },
    { name: "Facts", description: "What has happened, of each stream in its order" },
    { name: "Queries", description: "What services may ask" },
  ],
};
