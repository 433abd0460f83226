import fc from "fast-check";
import { EVENT_BODIES, type EventType } from "../../../src/adapters/wire/event-bodies.ts";
import { SUBJECT_OF_EVENT } from "../../../src/adapters/wire/event-subjects.ts";
import * as wire from "../../../src/adapters/wire/vocabulary.ts";
import type { DomainEvent } from "../../../src/core/billing/domain.ts";
import type { StreamKind } from "../../../src/core/billing/stream.ts";
import type { Fact } from "../../../src/core/ports/outbox.ts";
import { accountNamed, commandNamed, START } from "../../support/cinema.ts";
import { arbitraryOf, examplesOf } from "./from-schema.ts";

export const EVENT_TYPES = Object.keys(EVENT_BODIES) as EventType[];
export const kindOfEvent = (type: EventType): StreamKind => SUBJECT_OF_EVENT[type].split(".")[2] as StreamKind;

const NAME_OF_STREAM = {
  plan: wire.planCode,
  customer: wire.accountId,
  subscription: wire.subscriptionId,
  invoice: wire.invoiceId,
  setup: wire.setupId,
} as const;

/** Any fact of a type that can ever be told. */
export const factsOf = (type: EventType): fc.Arbitrary<Fact> => {
  const kind = kindOfEvent(type);
  return fc.record({
    stream: arbitraryOf(NAME_OF_STREAM[kind]).map((name) => `${kind}/${name}` as Fact["stream"]),
    version: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    event: arbitraryOf(EVENT_BODIES[type]).map((body) => ({ type, ...(body as object) }) as DomainEvent),
    accountId: fc.option(arbitraryOf(wire.accountId) as fc.Arbitrary<NonNullable<Fact["accountId"]>>),
    causedBy: arbitraryOf(wire.commandId) as fc.Arbitrary<Fact["causedBy"]>,
    requestId: fc.option(fc.stringMatching(/^[\x21-\x7e]{1,64}$/)),
    recordedAt: arbitraryOf(wire.instant) as fc.Arbitrary<Fact["recordedAt"]>,
  });
};

/** A few facts of a type that between them show each of its variants. */
export const exampleFactsOf = (type: EventType): readonly Fact[] =>
  examplesOf(EVENT_BODIES[type]).map((body) => {
    const kind = kindOfEvent(type);
    return {
      stream: `${kind}/${examplesOf(NAME_OF_STREAM[kind])[0]}` as Fact["stream"],
      version: 1,
      event: { type, ...(body as object) } as DomainEvent,
      accountId: accountNamed("anna"),
      causedBy: commandNamed("asked"),
      requestId: "req-1",
      recordedAt: START,
    };
  });
