import { beforeAll, describe, expect, test } from "bun:test";
import { type Diagnostic, Parser } from "@asyncapi/parser";
import { Ajv, type ValidateFunction } from "ajv";
import fc from "fast-check";
import { asyncApi } from "../../../src/adapters/wire/asyncapi.ts";
import { printFact, subjectOfFact } from "../../../src/adapters/wire/cloud-events.ts";
import { COMMAND_BODIES, printCommand } from "../../../src/adapters/wire/commands.ts";
import { SUBJECT_OF_EVENT } from "../../../src/adapters/wire/event-subjects.ts";
import type { Json, JsonObject } from "../../../src/adapters/wire/json.ts";
import {
  commandTypeOfSubject,
  SERVICE_COMMANDS,
  serviceCommands,
} from "../../../src/adapters/wire/service-commands.ts";
import { OUTCOME_SUBJECTS, printServiceOutcome } from "../../../src/adapters/wire/service-outcomes.ts";
import { answerQuery, QUERY_NAMES, querySubject } from "../../../src/adapters/wire/service-queries.ts";
import type { Command } from "../../../src/core/billing/command.ts";
import * as ids from "../../../src/core/ids.ts";
import type { Fact } from "../../../src/core/ports/outbox.ts";
import { DAY_MS, parseInstant } from "../../../src/core/time.ts";
import { answered, commandNamed, PRICE, SERVICE, START } from "../../support/cinema.ts";
import { openShop, paid } from "../../support/shop.ts";
import { changed, fieldsOf } from "./bodies.ts";
import { EVENT_TYPES, exampleFactsOf, factsOf } from "./facts.ts";
import { examplesOf } from "./from-schema.ts";

type Node = Readonly<Record<string, unknown>>;
type Message = {
  readonly name: string;
  readonly payload: Node;
  readonly headers: Node;
  readonly examples: readonly Node[];
};

const document = asyncApi();
const messages = Object.entries(document.components.messages) as readonly (readonly [
  string,
  unknown,
])[] as readonly (readonly [string, Message])[];

const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addFormat("date-time", (raw: string) => parseInstant(raw).ok);
ajv.addSchema(document, "bus");
/** Judges values by a part of the document, in the document: its references mean what they mean there. */
const judgeOf = (...path: readonly string[]): ValidateFunction =>
  ajv.compile({ $ref: `bus#/${path.map((part) => encodeURIComponent(part)).join("/")}` });
const payloadJudges = new Map(messages.map(([key]) => [key, judgeOf("components", "messages", key, "payload")]));
const judge = (subject: string, payload: unknown): readonly string[] => {
  const validate = payloadJudges.get(subject.replace(/^billing\./, ""));
  if (validate === undefined) return [`no message for ${subject}`];
  return validate(payload)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
};
const judgeFact = (fact: Fact) => judge(subjectOfFact(fact), JSON.parse(printFact(fact)));

test("the committed document is the one that the schemas make", async () => {
  const committed = await Bun.file(new URL("../../../docs/asyncapi.json", import.meta.url)).text();
  // Else `bun run asyncapi` was forgotten.
  expect(committed === `${JSON.stringify(document, null, 2)}\n`).toBe(true);
});

describe("the document", () => {
  let diagnostics: readonly Diagnostic[] = [];
  beforeAll(async () => {
    diagnostics = (await new Parser().parse(JSON.stringify(document))).diagnostics;
  });

  test("is AsyncAPI 3.0.0 without an error or a warning", () => {
    // That there is a 3.1.0 is no complaint about this one.
    expect(diagnostics.filter(({ code }) => code !== "asyncapi-latest-version")).toEqual([]);
  });

  test("and the parser that says so does complain of a broken one", async () => {
    const { info: _, ...headless } = document;
    const broken = await new Parser().parse(JSON.stringify(headless));
    expect(broken.diagnostics.some(({ severity }) => severity === 0)).toBe(true);
  });

  test("has every subject of the bus, each with a message and an operation, and no other", () => {
    const addresses = Object.values(document.channels).flatMap(({ address }) => (address === null ? [] : [address]));
    const subjects = [
      ...SERVICE_COMMANDS.map(({ subject }) => subject),
      ...Object.values(OUTCOME_SUBJECTS),
      ...Object.values(SUBJECT_OF_EVENT),
      ...QUERY_NAMES.map(querySubject),
    ];
    expect(new Set(addresses)).toEqual(new Set(subjects));
    expect(addresses).toHaveLength(subjects.length);
    for (const [key, channel] of Object.entries(document.channels)) {
      expect(Object.keys(Object(channel["messages"]))).not.toBeEmpty();
      if (channel["address"] === null) continue;
      const action = key.startsWith("events.") ? "send" : "receive";
      expect(document.operations[key]).toMatchObject({ action, channel: { $ref: `#/channels/${key}` } });
    }
  });

  test("answers every command where its sender wants to hear it, and every question", () => {
    for (const [key, operation] of Object.entries(document.operations)) {
      if (key.startsWith("commands."))
        expect(operation).toMatchObject({ reply: { channel: { $ref: "#/channels/replies" } } });
      if (key.startsWith("queries."))
        expect(operation).toMatchObject({
          reply: { channel: { $ref: `#/channels/${key.replace("queries", "answers")}` } },
        });
    }
  });

  test("refers to nothing that is not there, and has no schema that nobody refers to", () => {
    const text = JSON.stringify(document);
    const refs = new Set([...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = ""]) => path));
    for (const path of refs) {
      const found = path.split("/").reduce<unknown>((part, name) => Object(part)[name], document);
      expect({ path, found: found !== undefined }).toEqual({ path, found: true });
    }
    for (const name of Object.keys(document.components.schemas)) expect(refs).toContain(`components/schemas/${name}`);
  });
});

describe.each(messages.map(([key, message]) => ({ key, message })))("the example of $key", ({ key, message }) => {
  test("is a message as the document describes it", () => {
    expect(message.examples).not.toBeEmpty();
    const headers = judgeOf("components", "messages", key, "headers");
    for (const example of message.examples) {
      expect(judge(key, example["payload"])).toEqual([]);
      if (example["headers"] !== undefined) expect(headers(example["headers"])).toBe(true);
    }
  });
});

describe("commands", () => {
  const isCommand = ([key]: readonly [string, Message]) => key.startsWith("commands.");

  test("are read as their examples have them", () => {
    for (const [, { name, examples }] of messages.filter(isCommand)) {
      const payload = new TextEncoder().encode(JSON.stringify(examples[0]?.["payload"]));
      expect(serviceCommands.parse(commandTypeOfSubject(name) ?? "", payload)).toMatchObject({ ok: true });
    }
  });

  test("of every variant fit the document, and with a field too many they do not", () => {
    for (const { type, subject } of SERVICE_COMMANDS)
      for (const body of examplesOf(COMMAND_BODIES[type])) {
        const { type: _, ...data } = printCommand({ type, ...(body as object) } as Command);
        const payload = { specversion: "1.0", id: "1", source: "shop", type: subject, data };
        expect(judge(subject, payload)).toEqual([]);
        expect(judge(subject, { ...payload, data: { ...data, actor: "me" } })).not.toEqual([]);
        expect(judge(subject, { ...payload, id: "a b" })).not.toEqual([]);
      }
  });
});

describe("facts fit what the document says of them", () => {
  test("of every type and variant", () => {
    for (const fact of EVENT_TYPES.flatMap(exampleFactsOf)) expect(judgeFact(fact)).toEqual([]);
  });

  test("whatever they hold", () => {
    fc.assert(
      fc.property(fc.constantFrom(...EVENT_TYPES).chain(factsOf), (fact) => expect(judgeFact(fact)).toEqual([])),
      { numRuns: 500 },
    );
  });

  test("of a story as it was played", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    const { transactionId } = shop.payments.take(opened.attemptId, PRICE, { accountId: opened.accountId });
    await shop.tell(paid(opened, { transactionId }));
    await shop.settle();
    await shop.state.execute({
      id: commandNamed("refund"),
      fingerprint: "refund",
      actor: SERVICE,
      receivedAt: shop.now(),
      command: {
        type: "payment.refund",
        invoiceId: opened.invoiceId,
        gatewayAccount: shop.payments.gatewayAccount,
        transactionId,
        amount: PRICE,
        access: "end",
      },
    });
    for (let day = 0; day < 3; day += 1) {
      await shop.works();
      shop.wait(DAY_MS);
    }
    const facts = answered(await shop.store.outbox.unrelayed(500));
    expect(facts.map(({ event }) => event.type)).toContainValues([
      "InvoicePaid",
      "SubscriptionActivated",
      "RefundSucceeded",
    ]);
    for (const fact of facts) expect(judgeFact(fact)).toEqual([]);
  });

  test("and one that lost a field or holds another kind of value does not", () => {
    for (const type of EVENT_TYPES) {
      const [fact] = exampleFactsOf(type);
      if (fact === undefined) throw new Error("every type has an example");
      const told = JSON.parse(printFact(fact)) as JsonObject;
      for (const path of fieldsOf(told).filter(([first]) => first !== "accountid" && first !== "requestid")) {
        expect({ type, path, bent: judge(SUBJECT_OF_EVENT[type], bent(told, path, undefined)).length > 0 }).toEqual({
          type,
          path,
          bent: true,
        });
        expect(judge(SUBJECT_OF_EVENT[type], bent(told, path, { not: ["this"] }))).not.toEqual([]);
      }
    }
  });
  const bent = (told: JsonObject, path: readonly (string | number)[], to: Json | undefined) =>
    changed(told, path, () => to);
});

test("outcomes fit what the document says of them, each under its own subject only", () => {
  const outcome = {
    id: commandNamed("asked"),
    service: "shop",
    commandId: "order-1",
    command: "invoice.annul",
    replyTo: null,
    at: START,
  };
  const done = printServiceOutcome({ ...outcome, outcome: { ok: true, value: { invoiceId: "inv_1" } } });
  const refused = printServiceOutcome({
    ...outcome,
    outcome: { ok: false, refusal: { code: "not_found", facts: {} } },
  });
  expect(judge(OUTCOME_SUBJECTS.done, JSON.parse(done))).toEqual([]);
  expect(judge(OUTCOME_SUBJECTS.refused, JSON.parse(refused))).toEqual([]);
  expect(judge(OUTCOME_SUBJECTS.done, JSON.parse(refused))).not.toEqual([]);
  const lying = done.replace('"ok":true', '"ok":false');
  expect(judge(OUTCOME_SUBJECTS.done, JSON.parse(lying))).not.toEqual([]);
});

test("answers fit what the document says of them", async () => {
  const shop = await openShop();
  const { accountId, invoiceId, subscriptionId } = await shop.opensWidget();
  const asked = {
    access: { accountId },
    customer: { accountId },
    invoice: { invoiceId },
    plans: {},
    subscription: { subscriptionId },
  };
  for (const name of QUERY_NAMES) {
    const queries = { ...shop.store.queries, now: async () => shop.now() };
    const answer = JSON.parse(await answerQuery(name, JSON.stringify(asked[name]), queries));
    expect(answer.ok).toBe(true);
    expect(judge(`billing.answers.${name}`, answer)).toEqual([]);
    expect(judge(`billing.answers.${name}`, { ok: true })).not.toEqual([]);
    expect(judge(`billing.queries.${name}`, asked[name])).toEqual([]);
    expect(judge(`billing.queries.${name}`, { ...asked[name], more: 1 })).not.toEqual([]);
    const wrong = JSON.parse(await answerQuery(name, "{", queries));
    expect(judge(`billing.answers.${name}`, wrong)).toEqual([]);
  }
});

test.each([
  ["AccountId", ids.parseAccountId, "acc"],
  ["InvoiceId", ids.parseInvoiceId, "inv"],
  ["SubscriptionId", ids.parseSubscriptionId, "sub"],
  ["PlanCode", ids.parsePlanCode, "premium-4k"],
  ["GatewayAccount", ids.parseGatewayAccount, "acme:shop_1"],
  ["TransactionId", ids.parseTransactionId, "2031456789"],
] as const)("%s is described as it is read", (name, parse, stem) => {
  const validate = judgeOf("components", "schemas", name);
  const near = fc.tuple(
    fc.constantFrom(stem, `${stem}_01h455vb4pex5vsknk084sn02q`),
    fc.string({ maxLength: 3 }),
    fc.nat(30),
  );
  fc.assert(
    fc.property(near, ([start, more, at]) => {
      const raw = start.slice(0, at) + more + start.slice(at);
      expect({ raw, fits: validate(raw) }).toEqual({ raw, fits: parse(raw).ok });
    }),
    { numRuns: 500 },
  );
});
