import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EVENT_BODIES, type EventType } from "../../../src/adapters/wire/event-bodies.ts";
import { decodeEvent, encodeEvent, newestSchema } from "../../../src/adapters/wire/events.ts";
import type { JsonObject } from "../../../src/adapters/wire/json.ts";
import type { DomainEvent } from "../../../src/core/billing/domain.ts";
import { Bug } from "../../../src/core/result.ts";
import { changed, fieldsOf, objectsOf, pointer } from "./bodies.ts";
import { arbitraryOf, examplesOf } from "./from-schema.ts";

const TYPES = Object.keys(EVENT_BODIES) as EventType[];
const eventsOf = (type: EventType) =>
  arbitraryOf(EVENT_BODIES[type]).map((body) => ({ type, ...(body as object) }) as DomainEvent);
const bodiesOf = (type: EventType): readonly JsonObject[] =>
  examplesOf(EVENT_BODIES[type]).map((body) => encodeEvent({ type, ...(body as object) } as DomainEvent).body);

const problemOf = (attempt: () => unknown): Error => {
  try {
    attempt();
  } catch (thrown) {
    if (thrown instanceof Error) return thrown;
  }
  throw new Error("nothing was thrown");
};

describe.each(TYPES)("%s", (type) => {
  test("comes back from the log as it was", () => {
    fc.assert(
      fc.property(eventsOf(type), (event) => {
        const stored = encodeEvent(event);
        expect(stored.type).toBe(type);
        expect(decodeEvent(stored.type, stored.schema, JSON.parse(JSON.stringify(stored.body)))).toStrictEqual(event);
      }),
      { numRuns: 50 },
    );
  });

  test("is printed as JSON alone: no bigint, no undefined, no name of its own", () => {
    for (const body of bodiesOf(type)) {
      expect(JSON.parse(JSON.stringify(body))).toStrictEqual(body);
      expect(body).not.toHaveProperty("type");
    }
  });

  test("is refused when any field is missing, and the Bug says where", () => {
    for (const body of bodiesOf(type)) {
      for (const path of fieldsOf(body)) {
        const bug = problemOf(() =>
          decodeEvent(
            type,
            newestSchema(type),
            changed(body, path, () => undefined),
          ),
        );
        expect(bug).toBeInstanceOf(Bug);
        expect(bug.message).toStartWith(`${type} schema ${newestSchema(type)}: `);
        expect(bug.message).toContain(`${pointer(path)} `);
      }
    }
  });

  test("is refused when any field is of another kind", () => {
    for (const body of bodiesOf(type)) {
      for (const path of fieldsOf(body)) {
        const bug = problemOf(() =>
          decodeEvent(
            type,
            newestSchema(type),
            changed(body, path, () => ({ not: ["this"] })),
          ),
        );
        expect(bug).toBeInstanceOf(Bug);
        expect(bug.message).toContain(pointer(path));
      }
    }
  });

  test("is read past the fields that a later writer has added", () => {
    for (const body of bodiesOf(type)) {
      for (const path of objectsOf(body)) {
        const later = changed(body, path, (part) => ({
          ...(part as JsonObject),
          addedLater: { deep: [1] },
          constructor: "x",
        }));
        expect(decodeEvent(type, newestSchema(type), later)).toStrictEqual(decodeEvent(type, newestSchema(type), body));
      }
    }
  });
});

test("whatever the log holds, an event or a Bug comes out", () => {
  fc.assert(
    fc.property(fc.constantFrom(...TYPES), fc.jsonValue(), (type, body) => {
      const seen = (() => {
        try {
          return decodeEvent(type, 1, body).type;
        } catch (thrown) {
          return thrown;
        }
      })();
      expect(seen === type || seen instanceof Bug).toBe(true);
    }),
  );
});

test("an event of an unknown name is a Bug that says so", () => {
  for (const type of ["InvoiceForgotten", "constructor", "__proto__", ""])
    expect(problemOf(() => decodeEvent(type, 1, {}))).toEqual(new Bug(`unknown event ${type}`));
});

test("a schema newer than this program knows is a Bug that names both", () => {
  const bug = problemOf(() => decodeEvent("InvoiceExpired", 2, { at: "2026-03-02T09:00:00Z" }));
  expect(bug).toEqual(new Bug("InvoiceExpired schema 2 is newer than 1, the newest known here"));
});

test.each([0, -1, 1.5, Number.NaN])("there is no schema %p", (schema) => {
  expect(() => decodeEvent("InvoiceExpired", schema, { at: "2026-03-02T09:00:00Z" })).toThrow(Bug);
});

test("a sum that could not be read again is not written", () => {
  const credit = { minor: 10n ** 15n, currency: "RUB" } as const;
  const event = { ...decodeEvent("CreditReturned", 1, bodiesOf("CreditReturned")[0]), amount: credit } as DomainEvent;
  expect(() => encodeEvent(event)).toThrow(Bug);
});

test("an event that lost a field on its way is not written", () => {
  const { attemptId: _, ...rest } = decodeEvent("PaymentUnknown", 1, bodiesOf("PaymentUnknown")[0]) as DomainEvent & {
    attemptId: string;
  };
  const bug = problemOf(() => encodeEvent(rest as DomainEvent));
  expect(bug).toBeInstanceOf(Bug);
  expect(bug.message).toStartWith("PaymentUnknown cannot be written: /attemptId ");
});
