import { expect, test } from "bun:test";
import fc from "fast-check";
import { COMMAND_BODIES, COMMAND_TYPES } from "../../../src/adapters/wire/commands.ts";
import { parseIntakeBody, printIntakeBody } from "../../../src/adapters/wire/intake-bodies.ts";
import { actor } from "../../../src/adapters/wire/vocabulary.ts";
import type { Asked } from "../../../src/core/ports/intake-bodies.ts";
import { arbitraryOf, examplesOf } from "./from-schema.ts";

const asked = fc
  .constantFrom(...COMMAND_TYPES)
  .chain((type) =>
    fc.record({
      actor: arbitraryOf(actor),
      command: arbitraryOf(COMMAND_BODIES[type]).map((body) => ({ type, ...(body as object) })),
    }),
  )
  .map((value) => value as Asked);
const INVOICE = String(examplesOf(COMMAND_BODIES["invoice.annul"].shape.invoiceId)[0]);

test("a row says who asked for what, and is read as it was written", () => {
  fc.assert(
    fc.property(asked, (row) =>
      expect(parseIntakeBody(printIntakeBody(row).body)).toStrictEqual({ ok: true, value: row }),
    ),
  );
});

test("a row's form", () => {
  const row = {
    actor: { kind: "staff", name: "stf_7", role: "finance" },
    command: { type: "invoice.annul", invoiceId: INVOICE },
  };
  expect(JSON.parse(printIntakeBody(row as Asked).body)).toStrictEqual(row);
});

test("a row that does not fit is told field by field, for the dead letters", () => {
  const errors = (text: string) => {
    const read = parseIntakeBody(text);
    return read.ok ? [] : read.error.errors;
  };
  const command = { type: "invoice.annul", invoiceId: INVOICE };
  expect(errors("{")).toEqual([{ pointer: "", code: "malformed_json" }]);
  expect(errors("[]")).toEqual([{ pointer: "", code: "malformed_json" }]);
  expect(errors(JSON.stringify({ command }))).toEqual([{ pointer: "/actor", code: "missing" }]);
  expect(errors(JSON.stringify({ actor: { kind: "god" }, command }))).toEqual([
    { pointer: "/actor/kind", code: "unknown_value" },
  ]);
  expect(errors(JSON.stringify({ actor: { kind: "system" } }))).toEqual([{ pointer: "/command", code: "wrong_type" }]);
  expect(errors(JSON.stringify({ actor: { kind: "system" }, command: { ...command, invoiceId: "inv_1" } }))).toEqual([
    { pointer: "/command/invoiceId", code: "malformed_id" },
  ]);
});
