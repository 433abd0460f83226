import { z } from "zod";
import { kindOf, type StreamKind, type StreamName } from "../../core/billing/stream.ts";
import * as ids from "../../core/ids.ts";
import type { Fact } from "../../core/ports/outbox.ts";
import { Bug, err, ok, type Result } from "../../core/result.ts";
import { readerOf } from "./compiled.ts";
import type { EventType } from "./event-bodies.ts";
import { SUBJECT_OF_EVENT } from "./event-subjects.ts";
import { decodeEvent, encodeEvent } from "./events.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { malformed } from "./malformed.ts";
import { inWords, readJson } from "./messages.ts";
import { accountId, commandId, instant } from "./vocabulary.ts";

// Committed facts as everybody hears of them: CloudEvents 1.0, structured, in JSON. Source: the CloudEvents specification and
// its JSON format, both 1.0.2. Names of our own attributes have small letters and digits only, as it asks.

export const EVENT_SUBJECTS = "billing.events.>";
/** Of every message that holds a CloudEvent: the value of its header `Content-Type`. */
export const CLOUD_EVENT_TYPE = "application/cloudevents+json";
/** Who tells: us, in every message. */
export const SOURCE = "matinee";

/** What stands around every fact. */
export const factEnvelope = z.object({
  specversion: z.literal("1.0"),
  id: z.string(),
  source: z.literal(SOURCE),
  type: z.string(),
  subject: z.string(),
  time: instant,
  datacontenttype: z.literal("application/json"),
  dataschema: z.string(),
  streamversion: z.int().min(1),
  accountid: accountId.exactOptional(),
  causedby: commandId,
  requestid: z.string().exactOptional(),
  data: z.record(z.string(), z.unknown()),
});

const readEnvelope = readerOf(factEnvelope);

export const subjectOfFact = ({ event }: Fact): string => SUBJECT_OF_EVENT[event.type];
/** The same fact published again bears the same id: the bus knows it by that for a while, and readers for ever. */
export const idOfFact = ({ stream, version }: Pick<Fact, "stream" | "version">): string => `${stream}/${version}`;
export const dataSchemaOf = (type: EventType, schema: number): string => `${SOURCE}:${type}/${schema}`;

export const printFact = (fact: Fact): string => {
  const { schema, body } = encodeEvent(fact.event);
  return JSON.stringify({
    specversion: "1.0",
    id: idOfFact(fact),
    source: SOURCE,
    type: subjectOfFact(fact),
    subject: fact.stream,
    time: instant.encode(fact.recordedAt),
    datacontenttype: "application/json",
    dataschema: dataSchemaOf(fact.event.type, schema),
    streamversion: fact.version,
    // An attribute without a value is left out: CloudEvents has no null.
    ...(fact.accountId === null ? {} : { accountid: fact.accountId }),
    causedby: fact.causedBy,
    ...(fact.requestId === null ? {} : { requestid: fact.requestId }),
    data: body,
  });
};

/** What does not fit is told: a fact on the bus may come from a newer version of this program. */
export const parseFact = (text: string): Result<Fact, { readonly code: "malformed"; readonly detail: string }> => {
  const json = readJson(text);
  if (!isJsonObject(json)) return wrong("/ malformed_json");
  const envelope = readEnvelope().safeDecode(json as z.input<typeof factEnvelope>, { reportInput: true });
  if (!envelope.success) return wrong(inWords(malformed(envelope.error)));
  const { subject, dataschema, data, ...told } = envelope.data;
  if (!isStreamName(subject)) return wrong("/subject malformed_stream");
  const event = readEvent(dataschema, data as JsonObject);
  if (!event.ok) return event;
  const fact: Fact = {
    stream: subject,
    version: told.streamversion,
    event: event.value,
    accountId: told.accountid ?? null,
    causedBy: told.causedby,
    requestId: told.requestid ?? null,
    recordedAt: told.time,
  };
  // What is told twice must be told the same: a reader may go by either.
  if (told.id !== idOfFact(fact)) return wrong("/id unknown_value");
  if (told.type !== subjectOfFact(fact)) return wrong("/type unknown_value");
  return told.type.startsWith(`billing.events.${kindOf(subject)}.`) ? ok(fact) : wrong("/subject unknown_value");
};

const readEvent = (dataSchema: string, data: JsonObject): Result<Fact["event"], Wrong> => {
  const [, type, schema] = /^matinee:(\w+)\/(\d{1,4})$/.exec(dataSchema) ?? [];
  if (type === undefined || schema === undefined) return wrong("/dataschema malformed_schema");
  try {
    return ok(decodeEvent(type, Number(schema), data));
  } catch (bug) {
    // To the log a fact that cannot be read is a Bug, for it wrote it; here another version may have.
    if (bug instanceof Bug) return wrong(bug.message);
    throw bug;
  }
};

type Wrong = { readonly code: "malformed"; readonly detail: string };
const wrong = (detail: string) => err({ code: "malformed", detail });

const ID_OF_STREAM = {
  plan: ids.parsePlanCode,
  customer: ids.parseAccountId,
  subscription: ids.parseSubscriptionId,
  invoice: ids.parseInvoiceId,
  setup: ids.parseSetupId,
} as const satisfies Record<StreamKind, (raw: string) => { readonly ok: boolean }>;

const isStreamName = (raw: string): raw is StreamName => {
  const kind = kindOf(raw as StreamName);
  return Object.hasOwn(ID_OF_STREAM, kind) && ID_OF_STREAM[kind](raw.slice(kind.length + 1)).ok;
};
