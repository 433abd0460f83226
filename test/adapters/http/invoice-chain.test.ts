import { describe, expect, test } from "bun:test";
import { presentFact } from "../../../src/adapters/http/invoice-chain.ts";
import { decodeEvent } from "../../../src/adapters/wire/events.ts";
import type { AttemptId } from "../../../src/core/ids.ts";
import type { InvoiceEvent } from "../../../src/core/invoice/invoice.ts";
import { MAX_MINOR, money } from "../../../src/core/money.ts";
import { instant, START } from "../../support/cinema.ts";
import { storedSamples } from "../wire/stored-samples.ts";
import { INVOICE_EVENT_TYPES } from "./support/invoice-event-types.ts";

const SAMPLES = (await storedSamples()).filter(({ type }) => (INVOICE_EVENT_TYPES as readonly string[]).includes(type));

test("every fact of an invoice has a sample to tell it by", () => {
  expect(new Set(SAMPLES.map(({ type }) => type))).toEqual(new Set(INVOICE_EVENT_TYPES));
});

describe.each(SAMPLES.map((sample) => [sample.type, sample] as const))("%s", (type, { schema, samples }) => {
  const facts = samples.map(({ body }, i) => ({
    version: i + 1,
    event: decodeEvent(type, schema, body),
    causedBy: "cmd_secret",
    recordedAt: START,
  }));

  test("is a plain sentence in both languages", () => {
    for (const fact of facts) {
      expect(presentFact(fact, "en").title).toMatch(/^[A-Z0-9¥$€-].*\.$/);
      expect(presentFact(fact, "ru").title).toMatch(/^[А-ЯЁ0-9-].*\.$/);
      expect(presentFact(fact, "ru").title).not.toBe(presentFact(fact, "en").title);
    }
  });

  test("shows no id of ours, no name of staff, no note, no gateway's account or number", () => {
    for (const fact of facts) {
      const shown = JSON.stringify([presentFact(fact, "en"), presentFact(fact, "ru")]);
      for (const secret of secretsOf(fact.event)) expect(shown).not.toContain(secret);
      expect(shown).not.toMatch(/cmd_|att_|crd_|rfd_/);
    }
  });
});

test.each(["suspected_fraud", "card_lost_or_stolen"] as const)(
  "a decline for %s is told as a plain refusal",
  (reason) => {
    const event: InvoiceEvent = {
      type: "PaymentDeclined",
      attemptId: "att_1" as AttemptId,
      transactionId: null,
      decline: { kind: "hard", reason },
      at: instant("2026-01-31T09:00:00Z"),
    };
    const shown = presentFact({ version: 3, event, causedBy: "", recordedAt: START }, "en");
    expect(shown).toMatchObject({
      title: "The payment was declined: your bank refused it.",
      fields: { reason: "refused" },
    });
    expect(JSON.stringify(shown)).not.toContain(reason);
  },
);

test("sums are written as the reader's language writes them, to the last minor unit", () => {
  const event: InvoiceEvent = { type: "CreditReturned", amount: money(MAX_MINOR, "RUB"), at: START };
  const fact = { version: 1, event, causedBy: "", recordedAt: START };
  expect(presentFact(fact, "en").title).toStartWith("RUB\u00a09,999,999,999,999.99 ");
  expect(presentFact(fact, "ru").title).toStartWith("9\u00a0999\u00a0999\u00a0999\u00a0999,99\u00a0₽ ");
  expect(presentFact(fact, "en").fields.amount).toEqual({ amount: "9999999999999.99", currency: "RUB" });
});

/** Words that an event holds and that are none of the payer's business. */
const secretsOf = (event: unknown): readonly string[] => {
  const { actor, note, reason, payment, capture, transactionId, type } = Object(event);
  return [
    ...(actor?.kind === "staff" || actor?.kind === "service" ? [actor.name] : []),
    note,
    type === "RefundFailed" ? reason : undefined,
    payment?.transactionId,
    payment?.gatewayAccount,
    capture?.transactionId,
    capture?.gatewayAccount,
    transactionId,
  ].filter((secret): secret is string => typeof secret === "string");
};
