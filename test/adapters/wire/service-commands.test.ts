import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { COMMAND_BODIES, COMMAND_TYPES, printCommand } from "../../../src/adapters/wire/commands.ts";
import {
  busNameOf,
  commandTypeOfSubject,
  coreTypeOf,
  MOST_BYTES,
  SERVICE_COMMANDS,
  serviceCommands,
  subjectOfCommand,
} from "../../../src/adapters/wire/service-commands.ts";
import type { Command, CommandType } from "../../../src/core/billing/command.ts";
import { arbitraryOf } from "./from-schema.ts";

const INVOICE = "inv_01h455vb4pex5vsknk084sn02q";
const annul = (over: object = {}) => ({
  specversion: "1.0",
  id: "order-1",
  source: "shop",
  type: "billing.commands.invoice.annul",
  data: { invoiceId: INVOICE },
  ...over,
});
const bytes = (message: unknown): Uint8Array =>
  new TextEncoder().encode(typeof message === "string" ? message : JSON.stringify(message));
const parse = (message: unknown, name = "invoice.annul") => serviceCommands.parse(name, bytes(message));
const refusalOf = (message: unknown, name?: string) => {
  const parsed = parse(message, name);
  return parsed.ok ? null : parsed.error;
};

const sent = (command: Command, id: string) => {
  const { type, ...data } = printCommand(command);
  return annul({ id, type: subjectOfCommand(busNameOf(String(type))), data });
};

describe("the names of commands on the bus", () => {
  test("are the core's, but for the one that other services have always known", () => {
    expect(SERVICE_COMMANDS).toEqual([
      { type: "subscription.start", subject: "billing.commands.subscription.arrange" },
      { type: "subscription.stop", subject: "billing.commands.subscription.stop" },
      { type: "invoice.issue", subject: "billing.commands.invoice.issue" },
      { type: "invoice.annul", subject: "billing.commands.invoice.annul" },
      { type: "payment.refund", subject: "billing.commands.payment.refund" },
    ]);
    for (const type of COMMAND_TYPES) expect(coreTypeOf(busNameOf(type))).toBe(type);
    expect(new Set(COMMAND_TYPES.map(busNameOf)).size).toBe(COMMAND_TYPES.length);
  });

  test("are two words behind the prefix, and no other subject names one", () => {
    for (const type of COMMAND_TYPES) expect(commandTypeOfSubject(subjectOfCommand(type))).toBe(type);
    for (const rest of ["", "invoice", "invoice.", ".issue", "a.b.c", "invoice.is sue", "invoice..issue"])
      expect(commandTypeOfSubject(`billing.commands.${rest}`)).toBeNull();
    for (const subject of ["", "billing.events.invoice.issued", "Xbilling.commands.invoice.issue"])
      expect(commandTypeOfSubject(subject)).toBeNull();
  });
});

describe("a command", () => {
  const commands = fc
    .constantFrom(...SERVICE_COMMANDS.map(({ type }) => type))
    .chain((type: CommandType) =>
      arbitraryOf(COMMAND_BODIES[type]).map((body) => ({ type, ...(body as object) }) as Command),
    );
  const ids = fc.stringMatching(/^[\x21-\x7e]{1,128}$/);

  test("is read as it was sent, under its sender's own id", () => {
    fc.assert(
      fc.property(commands, ids, (command, id) => {
        const read = parse(sent(command, id), busNameOf(command.type));
        expect(read).toStrictEqual({ ok: true, value: { id, command } });
      }),
      { numRuns: 300 },
    );
  });

  test("that no service may ask is read all the same: rights are asked where it is executed", () => {
    const read = parse(annul({ type: "billing.commands.plan.archive", data: { plan: "premium" } }), "plan.archive");
    expect(read).toEqual({
      ok: true,
      value: { id: "order-1", command: { type: "plan.archive", plan: "premium" as never } },
    });
  });

  test("may bear what else CloudEvents and its sender know", () => {
    const more = {
      time: "2026-01-31T09:05:00+03:00",
      datacontenttype: "application/json",
      subject: "x",
      traceparent: "1",
    };
    expect(parse(annul(more)).ok).toBe(true);
  });
});

describe("what does not fit is told by place and code", () => {
  const detail = (over: object) => refusalOf(annul(over))?.detail;

  test("of the envelope", () => {
    expect(detail({})).toBeUndefined();
    expect(detail({ specversion: "0.3" })).toBe("/specversion unknown_value");
    expect(detail({ id: undefined, source: undefined })).toBe("/id missing, /source missing");
    for (const id of ["", "a b", "é", "\n", "x".repeat(129)]) expect(detail({ id })).toBe("/id malformed_id");
    expect(detail({ type: "billing.commands.invoice.issue" })).toBe("/type unknown_value");
    expect(detail({ time: "yesterday" })).toBe("/time malformed_instant");
    expect(detail({ datacontenttype: "text/xml" })).toBe("/datacontenttype unknown_value");
    expect(detail({ data: undefined })).toBe("/data missing");
    for (const data of [null, [], "x", 7]) expect(detail({ data })).toBe("/data wrong_type");
  });

  test("of the command", () => {
    expect(detail({ data: {} })).toBe("/data/invoiceId missing");
    expect(detail({ data: { invoiceId: "inv_x", actor: "me" } })).toBe(
      "/data/invoiceId malformed_id, /data/actor unknown_field",
    );
    expect(detail({ data: { invoiceId: INVOICE, type: "invoice.issue" } })).toBe("/data/type unknown_field");
  });

  test("of both at once", () => {
    expect(detail({ id: "", data: {} })).toBe("/id malformed_id, /data/invoiceId missing");
  });

  test("of no message at all", () => {
    const told = (message: unknown) => refusalOf(message)?.detail;
    for (const text of ["", "{", "\ufeff{}", "NaN", "{'a':1}", "[".repeat(60_000)])
      expect(told(text)).toBe("/ malformed_json");
    for (const json of [null, [], 7, "x"]) expect(told(JSON.stringify(json))).toBe("/ wrong_type");
    expect(serviceCommands.parse("invoice.annul", Uint8Array.from([0x7b, 0xff, 0x7d]))).toMatchObject({
      error: { detail: "/ malformed_json" },
    });
  });
});

test("a message is read up to 64 KiB and no further", () => {
  const padded = (size: number) => {
    const message = JSON.stringify(annul());
    return message + " ".repeat(size - message.length);
  };
  expect(parse(padded(MOST_BYTES)).ok).toBe(true);
  expect(refusalOf(padded(MOST_BYTES + 1))?.detail).toBe("/ too_long");
});

test("what is nested beyond any use is refused, and nothing breaks on it", () => {
  const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
  expect(refusalOf(nested(10_000))).toEqual({ code: "malformed", id: null, command: null, detail: "/ too_deep" });
  expect(refusalOf(JSON.stringify(annul()).replace(`"${INVOICE}"`, nested(50)))?.detail).toBe("/ too_deep");
});

describe("what cannot be read is kept for a version that can", () => {
  test("when this one does not know the command", () => {
    expect(refusalOf(annul({ type: "billing.commands.invoice.freeze" }), "invoice.freeze")).toEqual({
      code: "malformed",
      id: "order-1",
      command: { type: "invoice.freeze", invoiceId: INVOICE },
      detail: "/type unknown_value",
    });
  });

  test("when a later one may know its fields", () => {
    expect(refusalOf(annul({ data: { invoiceId: INVOICE, because: "late" } }))?.command).toEqual({
      type: "invoice.annul",
      invoiceId: INVOICE,
      because: "late",
    });
    expect(refusalOf(annul({ source: "", data: { because: "late" } }))?.command).toEqual({
      type: "invoice.annul",
      because: "late",
    });
    const arranged = annul({ type: "billing.commands.subscription.arrange", data: { plan: "premium" } });
    expect(refusalOf(arranged, "subscription.arrange")?.command).toEqual({
      type: "subscription.start",
      plan: "premium",
    });
  });

  test("but nothing that could be executed now, for its sender is told that nothing comes of it", () => {
    for (const message of [
      annul({ source: "" }),
      annul({ type: "x" }),
      annul({ data: { invoiceId: INVOICE, type: "x" } }),
    ])
      expect(refusalOf(message)?.command).toBeNull();
    const started = annul({ type: "billing.commands.subscription.start" });
    expect(refusalOf(started, "subscription.start")).toEqual({
      code: "malformed",
      id: "order-1",
      command: null,
      detail: "/type unknown_value",
    });
  });
});

describe("whatever arrives, the answer is a command or what is wrong with it", () => {
  const NAMES = [
    ...SERVICE_COMMANDS.map(({ type }) => busNameOf(type)),
    "subscription.start",
    "x.y",
    "__proto__.a",
    "",
  ];
  const judge = (name: string, payload: Uint8Array): void => {
    const parsed = serviceCommands.parse(name, payload);
    if (parsed.ok) return;
    expect(parsed.error.detail).not.toBe("");
    if (parsed.error.id !== null) expect(parsed.error.id).toMatch(/^[\x21-\x7e]{1,128}$/);
    // It goes into the database as text, and out of it again.
    const { command } = parsed.error;
    if (command !== null) expect(JSON.parse(JSON.stringify(command))["type"]).toBe(coreTypeOf(name));
  };

  test("of bytes", () => {
    fc.assert(fc.property(fc.constantFrom(...NAMES), fc.uint8Array({ maxLength: 200 }), judge), { numRuns: 1000 });
  });

  test("of JSON, and of what JSON only looks like", () => {
    const nasty = fc.oneof(
      fc.jsonValue(),
      fc
        .constantFrom('"\u0000"', '"\\u0000"', '"\\ud800"', "1e999", "-0", "9".repeat(400), '{"__proto__":{"id":1}}')
        .map((text) => ({ RAW: text })),
    );
    const key = fc.constantFrom("id", "type", "data", "time", "__proto__", "constructor", "specversion");
    const inData = fc.dictionary(fc.constantFrom("invoiceId", "__proto__", "type", "toString", "amount"), nasty);
    const raw = (value: unknown) =>
      JSON.stringify(value).replaceAll(/\{"RAW":"((?:[^"\\]|\\.)*)"\}/g, (_, text) => JSON.parse(`"${text}"`));
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), key, nasty, inData, (name, field, value, data) => {
        judge(name, bytes(raw({ ...annul({ type: subjectOfCommand(name) }), [field]: value })));
        judge(name, bytes(raw(annul({ type: subjectOfCommand(name), data }))));
      }),
      { numRuns: 1000 },
    );
  });
});
