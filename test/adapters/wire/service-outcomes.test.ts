import { expect, test } from "bun:test";
import fc from "fast-check";
import { COMMAND_TYPES } from "../../../src/adapters/wire/commands.ts";
import { busNameOf } from "../../../src/adapters/wire/service-commands.ts";
import {
  parseServiceOutcome,
  printServiceOutcome,
  subjectOfOutcome,
} from "../../../src/adapters/wire/service-outcomes.ts";
import * as wire from "../../../src/adapters/wire/vocabulary.ts";
import type { CommandId } from "../../../src/core/ids.ts";
import type { ServiceOutcome } from "../../../src/core/ports/services.ts";
import type { Outcome } from "../../../src/core/ports/storage.ts";
import { instant } from "../../support/cinema.ts";
import { arbitraryOf } from "./from-schema.ts";

const DONE: ServiceOutcome = {
  id: "cmd_01h455vb4pex5vsknk084sn02q" as CommandId,
  service: "shop",
  commandId: "bundle-88",
  command: "subscription.start",
  replyTo: "_INBOX.secret",
  outcome: { ok: true, value: { subscriptionId: "sub_01h455vb4pex5vsknk084sn02q" } },
  at: instant("2026-01-31T09:05:00Z"),
};
const REFUSED: Outcome = { ok: false, refusal: { code: "invoice_paid", facts: { status: "paid" } } };

const words = fc.dictionary(fc.stringMatching(/^[a-z][a-zA-Z]{0,20}$/), fc.string());
const outcomes: fc.Arbitrary<ServiceOutcome> = fc.record({
  id: arbitraryOf(wire.commandId) as fc.Arbitrary<CommandId>,
  service: fc.option(fc.stringMatching(/^[a-z-]{1,20}$/)),
  commandId: fc.option(fc.stringMatching(/^[\x21-\x7e]{1,128}$/)),
  command: fc.constantFrom(...COMMAND_TYPES),
  replyTo: fc.option(fc.string()),
  outcome: fc.oneof(
    words.map((value) => ({ ok: true as const, value })),
    fc.record({ code: fc.string(), facts: words }).map((refusal) => ({ ok: false as const, refusal })),
  ),
  at: arbitraryOf(wire.instant) as fc.Arbitrary<ServiceOutcome["at"]>,
});

test("an outcome is a CloudEvent that names the command as its sender knows it", () => {
  expect(subjectOfOutcome(DONE)).toBe("billing.events.command.done");
  expect(JSON.parse(printServiceOutcome(DONE))).toEqual({
    specversion: "1.0",
    id: "cmd_01h455vb4pex5vsknk084sn02q",
    source: "matinee",
    type: "billing.events.command.done",
    subject: "billing.commands.subscription.arrange",
    time: "2026-01-31T09:05:00.000Z",
    datacontenttype: "application/json",
    data: {
      commandId: "bundle-88",
      sender: "shop",
      command: "subscription.arrange",
      outcome: { ok: true, value: { subscriptionId: "sub_01h455vb4pex5vsknk084sn02q" } },
    },
  });
});

test("a refusal has a subject of its own, and may be of nobody whom we know", () => {
  const refused: ServiceOutcome = { ...DONE, service: null, commandId: null, outcome: REFUSED };
  expect(subjectOfOutcome(refused)).toBe("billing.events.command.refused");
  expect(JSON.parse(printServiceOutcome(refused))).toMatchObject({
    type: "billing.events.command.refused",
    data: { commandId: null, sender: null, outcome: REFUSED },
  });
});

test("where its sender wants to hear is told to nobody", () => {
  expect(printServiceOutcome(DONE)).not.toContain("secret");
});

test("an outcome is heard as it was told", () => {
  fc.assert(
    fc.property(outcomes, ({ replyTo, ...outcome }) => {
      const heard = parseServiceOutcome(printServiceOutcome({ ...outcome, replyTo }));
      expect(heard).toStrictEqual({ ok: true, value: { ...outcome, command: busNameOf(outcome.command) } });
    }),
  );
});

test("what is no outcome is told so, and nothing is thrown", () => {
  const detail = (over: object) => {
    const heard = parseServiceOutcome(JSON.stringify({ ...JSON.parse(printServiceOutcome(DONE)), ...over }));
    return heard.ok ? "heard" : heard.error.detail;
  };
  expect(detail({})).toBe("heard");
  expect(detail({ type: "billing.events.command.refused" })).toBe("/type unknown_value");
  expect(detail({ type: "billing.events.invoice.paid" })).toBe("/type unknown_value");
  expect(detail({ id: "cmd_1" })).toBe("/id malformed_id");
  expect(detail({ data: {} })).toStartWith("/data/commandId missing");
  for (const text of ["", "null", "[]", "{"])
    expect(parseServiceOutcome(text)).toEqual({ ok: false, error: { code: "malformed", detail: "/ malformed_json" } });
});
