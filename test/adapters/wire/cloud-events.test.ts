import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { idOfFact, parseFact, printFact, subjectOfFact } from "../../../src/adapters/wire/cloud-events.ts";
import { SUBJECT_OF_EVENT } from "../../../src/adapters/wire/event-subjects.ts";
import type { JsonObject } from "../../../src/adapters/wire/json.ts";
import type { AccountId, CommandId } from "../../../src/core/ids.ts";
import type { Fact } from "../../../src/core/ports/outbox.ts";
import { instant } from "../../support/cinema.ts";
import { EVENT_TYPES, exampleFactsOf, factsOf, kindOfEvent } from "./facts.ts";

const anyFact = fc.constantFrom(...EVENT_TYPES).chain(factsOf);
const printed = (fact: Fact): JsonObject => JSON.parse(printFact(fact));
const PAID: Fact = {
  stream: "invoice/inv_01h455vb4pex5vsknk084sn02q" as Fact["stream"],
  version: 4,
  event: {
    type: "InvoicePaid",
    by: "capture",
    paid: { minor: 29_900n, currency: "RUB" },
    credit: { minor: 0n, currency: "RUB" },
    at: instant("2026-01-31T09:05:00Z"),
  },
  accountId: "acc_01h455vb4pex5vsknk084sn02q" as AccountId,
  causedBy: "cmd_01h455vb4pex5vsknk084sn02q" as CommandId,
  requestId: "req-7",
  recordedAt: instant("2026-01-31T09:05:00.123Z"),
};

describe("the names of facts on the bus", () => {
  test("are one for each fact, and no two facts share one", () => {
    expect(Object.keys(SUBJECT_OF_EVENT).sort()).toEqual([...EVENT_TYPES].sort());
    expect(new Set(Object.values(SUBJECT_OF_EVENT)).size).toBe(EVENT_TYPES.length);
  });

  test.each(EVENT_TYPES)("%s says its aggregate once, and the rest in small letters", (type) => {
    const kind = kindOfEvent(type);
    const words = type.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).slice(1);
    const rest = words.startsWith(`${kind}_`) ? words.slice(kind.length + 1) : words;
    expect(SUBJECT_OF_EVENT[type]).toBe(`billing.events.${kind}.${rest}`);
  });
});

describe("a fact", () => {
  test("is a CloudEvent whose type is its subject and whose id is its place in its stream", () => {
    expect(subjectOfFact(PAID)).toBe("billing.events.invoice.paid");
    expect(idOfFact(PAID)).toBe("invoice/inv_01h455vb4pex5vsknk084sn02q/4");
    expect(printed(PAID)).toEqual({
      specversion: "1.0",
      id: "invoice/inv_01h455vb4pex5vsknk084sn02q/4",
      source: "matinee",
      type: "billing.events.invoice.paid",
      subject: "invoice/inv_01h455vb4pex5vsknk084sn02q",
      time: "2026-01-31T09:05:00.123Z",
      datacontenttype: "application/json",
      dataschema: "matinee:InvoicePaid/1",
      streamversion: 4,
      accountid: "acc_01h455vb4pex5vsknk084sn02q",
      causedby: "cmd_01h455vb4pex5vsknk084sn02q",
      requestid: "req-7",
      data: {
        at: "2026-01-31T09:05:00.000Z",
        by: "capture",
        paid: { amount: "299.00", currency: "RUB" },
        credit: { amount: "0.00", currency: "RUB" },
      },
    });
  });

  test("comes back from the bus as it was", () => {
    fc.assert(
      fc.property(anyFact, (fact) => expect(parseFact(printFact(fact))).toStrictEqual({ ok: true, value: fact })),
      { numRuns: 1000 },
    );
  });

  test("of every type and variant comes back as it was", () => {
    for (const fact of EVENT_TYPES.flatMap(exampleFactsOf))
      expect(parseFact(printFact(fact))).toStrictEqual({ ok: true, value: fact });
  });

  test("has attributes as CloudEvents names them, and none without a value", () => {
    fc.assert(
      fc.property(anyFact, (fact) => {
        for (const [name, value] of Object.entries(printed(fact))) {
          expect(name).toMatch(/^[a-z0-9]{1,20}$/);
          expect(value).not.toBeNull();
        }
      }),
    );
    expect(Object.keys(printed({ ...PAID, accountId: null, requestId: null }))).not.toContainAnyValues([
      "accountid",
      "requestid",
    ]);
  });

  test("is read past what a later writer has added", () => {
    const later = { ...printed(PAID), traceparent: "00-1", data: { ...(printed(PAID)["data"] as object), tax: "20" } };
    expect(parseFact(JSON.stringify(later))).toStrictEqual({ ok: true, value: PAID });
  });
});

describe("what this version cannot read is told, and nothing is thrown", () => {
  const told = (over: object): string => {
    const read = parseFact(JSON.stringify({ ...printed(PAID), ...over }));
    return read.ok ? "read" : read.error.detail;
  };

  test("a newer schema, and a fact that it has never heard of", () => {
    expect(told({})).toBe("read");
    expect(told({ dataschema: "matinee:InvoicePaid/2" })).toBe(
      "InvoicePaid schema 2 is newer than 1, the newest known here",
    );
    expect(told({ dataschema: "matinee:InvoiceForgotten/1" })).toBe("unknown event InvoiceForgotten");
    for (const dataschema of ["matinee:__proto__/1", "matinee:constructor/1"])
      expect(told({ dataschema })).toStartWith("unknown event");
    for (const dataschema of ["", "InvoicePaid/1", "matinee:InvoicePaid/x", "matinee:InvoicePaid/1/2"])
      expect(told({ dataschema })).toBe("/dataschema malformed_schema");
  });

  test("a body that does not fit", () => {
    expect(told({ data: { at: "2026-01-31T09:05:00Z", by: "capture" } })).toStartWith("InvoicePaid schema 1: /paid");
  });

  test("an envelope that contradicts itself", () => {
    expect(told({ type: "billing.events.invoice.issued" })).toBe("/type unknown_value");
    expect(told({ id: "invoice/inv_01h455vb4pex5vsknk084sn02q/5" })).toBe("/id unknown_value");
    expect(told({ streamversion: 5 })).toBe("/id unknown_value");
    expect(told({ subject: "subscription/sub_01h455vb4pex5vsknk084sn02q" })).toBe("/id unknown_value");
    for (const subject of ["invoice/x", "ticket/1", "invoice", "/", ""])
      expect(told({ subject, id: `${subject}/4` })).toBe("/subject malformed_stream");
  });

  test("a fact that stands in the stream of another machine", () => {
    const stream = "subscription/sub_01h455vb4pex5vsknk084sn02q";
    expect(told({ subject: stream, id: `${stream}/4` })).toBe("/subject unknown_value");
  });

  test("an attribute that is missing or of another kind", () => {
    for (const name of Object.keys(printed(PAID)).filter((each) => !["accountid", "requestid"].includes(each))) {
      expect(told({ [name]: undefined })).toBe(`/${name} missing`);
      expect(told({ [name]: ["not this"] })).toStartWith(`/${name} `);
    }
    expect(told({ streamversion: 0 })).toBe("/streamversion too_small");
  });

  test("anything else at all", () => {
    for (const text of ["", "null", "[]", '"x"', "7", "{", "[".repeat(100_000)])
      expect(parseFact(text)).toEqual({ ok: false, error: { code: "malformed", detail: "/ malformed_json" } });
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => expect(parseFact(text).ok).toBe(false)));
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(printed(PAID))), fc.jsonValue(), (name, value) => {
        const read = parseFact(JSON.stringify({ ...printed(PAID), [name]: value }));
        expect(read.ok || read.error.detail.length > 0).toBe(true);
      }),
    );
  });
});
