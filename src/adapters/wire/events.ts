import type { DomainEvent } from "../../core/billing/domain.ts";
import { EVENT_BODIES, type EventType } from "./event-bodies.ts";
import type { JsonObject } from "./json.ts";
import { type Encoded, type Upcast, versionedCodec } from "./versioned.ts";

/** From each older schema of a body to the next one; see `versionedCodec`. All events are at schema 1 so far. */
const UPCASTS: { readonly [Type in EventType]?: readonly Upcast[] } = {};

const codec = versionedCodec<DomainEvent>(EVENT_BODIES, UPCASTS);

/** The newest schema number of an event: what `encodeEvent` writes. */
export const newestSchema = (type: EventType): number => codec.newestSchema(type);

/** Bodies of events that were read to be told on, as they are stored. */
const asStored = new WeakMap<DomainEvent, Encoded>();

/** The event in its newest schema; `at` is in the body, `type` beside it. */
export const encodeEvent = (event: DomainEvent): Encoded => asStored.get(event) ?? codec.encode(event);

/**
 * Reads a stored event of any schema ever written. Keys that a newer writer has added are passed over; anything missing
 * or malformed, an unknown type and a newer schema are a Bug that names type, schema and path.
 */
export const decodeEvent = (type: string, schema: number, body: unknown): DomainEvent =>
  codec.decode(type, schema, body);

/** The same for who tells it on: a body that is stored in its newest schema is not made anew. */
export const decodeEventToTell = (type: string, schema: number, body: unknown): DomainEvent => {
  const event = codec.decode(type, schema, body);
  if (schema === codec.newestSchema(event.type)) asStored.set(event, { type, schema, body: body as JsonObject });
  return event;
};
