import { describe, expect, test } from "bun:test";
import { z } from "zod";
import type { OpenApi } from "../../../src/adapters/http/openapi.ts";
import { openBoxOffice } from "./support/box-office.ts";

const office = await openBoxOffice();
const whole: OpenApi = (await office.ask("GET", "/docs/json")).json;
const part: OpenApi = (await office.ask("GET", "/subscriptions/api/openapi")).json;

type Node = Record<string, unknown>;
const operations = Object.entries(whole.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    path,
    method,
    operation,
  })),
);

/** Every object of the document that may be a schema or hold one. */
const nodesOf = (value: unknown): readonly Node[] => {
  if (Array.isArray(value)) return value.flatMap(nodesOf);
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.entries(value).filter(([name]) => name !== "examples");
  return [value as Node, ...inner.flatMap(([, each]) => nodesOf(each))];
};

/** A schema of the document, ready to judge values by. */
const judge = (schema: unknown): z.ZodType => {
  const standing = JSON.stringify({ ...Object(schema), $defs: whole.components.schemas });
  // zod takes "uri-reference" for a whole URL.
  const read = standing.replaceAll("#/components/schemas/", "#/$defs/").replaceAll('"format":"uri-reference",', "");
  return z.fromJSONSchema(JSON.parse(read));
};

test("the document is OpenAPI 3.1 of all that is served, and of nothing else", async () => {
  expect(whole.openapi).toBe("3.1.0");
  expect(operations.map(({ name }) => name).sort()).toEqual(
    [
      "GET /",
      "GET /index.html",
      "GET /docs",
      "GET /docs/asyncapi",
      "GET /docs/json",
      "GET /docs/assets/{file}",
      "GET /problems/{code}",
      "GET /health/live",
      "GET /health/ready",
      "POST /auth/api/v1/sign-up",
      "POST /auth/api/v1/login",
      "POST /auth/api/v1/refresh",
      "POST /auth/api/v1/logout",
      "GET /auth/api/v1/me",
      "GET /subscriptions/api/openapi",
      "GET /subscriptions/api/v1/plans",
      "GET /subscriptions/api/v1/plans/{code}",
      "GET /subscriptions/api/v1/subscriptions",
      "POST /subscriptions/api/v1/subscriptions",
      "GET /subscriptions/api/v1/subscriptions/{id}",
      "POST /subscriptions/api/v1/subscriptions/{id}/stop",
      "POST /subscriptions/api/v1/subscriptions/{id}/undo-stop",
      "GET /subscriptions/api/v1/access",
      "GET /subscriptions/api/v1/commands/{id}",
      "GET /payments/api/v1/invoices",
      "GET /payments/api/v1/invoices/{id}",
      "GET /payments/api/v1/invoices/{id}/events",
      "POST /payments/api/v1/invoices/{id}/look-up",
      "POST /payments/api/v1/invoices/{id}/pay",
      "GET /payments/api/v1/callbacks/{gateway}/{kind}",
      "POST /payments/api/v1/callbacks/{gateway}/{kind}",
    ].sort(),
  );
});

test("each path takes the methods that the document names, and no other", async () => {
  for (const [path, methods] of Object.entries(whole.paths)) {
    const options = await office.ask("OPTIONS", path.replace(/\{[^}]+\}/g, "x"));
    const named = Object.keys(methods).map((method) => method.toUpperCase());
    const allowed = (options.headers.get("allow") ?? "")
      .split(", ")
      .filter((each) => each !== "HEAD" && each !== "OPTIONS");
    expect([path, allowed.sort()]).toEqual([path, named.sort()]);
  }
});

describe.each([
  ["the whole", whole],
  ["the Subscriptions API's part", part],
])("in %s", (_, document) => {
  test("every reference leads somewhere, and none is zod's own", () => {
    const names = new Set(Object.keys(document.components.schemas));
    for (const node of nodesOf(document)) {
      expect([node["$defs"], node["$schema"]]).toEqual([undefined, undefined]);
      if (node["$ref"] === undefined) continue;
      const [, name = ""] = /^#\/components\/schemas\/(\w+)$/.exec(String(node["$ref"])) ?? [];
      expect(names).toContain(name);
    }
  });

  test("every schema that stands in it is used", () => {
    const used = new Set(nodesOf(document).map((node) => String(node["$ref"]).split("/").at(-1)));
    expect(Object.keys(document.components.schemas).filter((name) => !used.has(name))).toEqual([]);
  });

  test("every operation has a name of its own, a summary, and a tag that is explained", () => {
    const all = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    const ids = all.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = document.tags.map(({ name }) => name);
    for (const { summary, tags: own } of all) {
      expect(summary).toBeString();
      expect(tags).toContain((own as string[])[0] as string);
    }
  });
});

test("the Subscriptions API's part holds its paths and no other", () => {
  expect(Object.keys(part.paths).sort()).toEqual(
    Object.keys(whole.paths)
      .filter((path) => path.startsWith("/subscriptions/api/v1"))
      .sort(),
  );
  expect(Object.keys(part.components.schemas)).not.toContain("InvoiceDetail");
});

describe("examples", () => {
  const named = Object.entries(whole.components.schemas);
  test("are there for every body, and for every answer that is not a list of such", () => {
    const LISTS = ["Plans", "Subscriptions", "Invoices", "InvoiceChain", "Subscribed"];
    const without = named.filter(([name, schema]) => schema["examples"] === undefined && !LISTS.includes(name));
    expect(without.map(([name]) => name)).toEqual([]);
  });

  test("fit their schemas", () => {
    let judged = 0;
    for (const node of nodesOf(whole)) {
      if (!Array.isArray(node["examples"])) continue;
      const schema = judge({ ...node, examples: undefined });
      for (const example of node["examples"]) {
        judged += 1;
        expect([example, schema.safeParse(example).error]).toEqual([example, undefined]);
      }
    }
    expect(judged).toBeGreaterThan(25);
  });

  test("are judged by a judge that sees faults", () => {
    const money = judge({ $ref: "#/components/schemas/Money" });
    expect(money.safeParse({ amount: "1.00", currency: "RUB" }).success).toBe(true);
    expect(money.safeParse({ amount: 1, currency: "RUB" }).success).toBe(false);
    expect(money.safeParse({ amount: "1.00", currency: "RUB", more: 1 }).success).toBe(false);
  });

  test("of bodies are taken by their routes as far as the schema goes", async () => {
    for (const { method, path, operation } of operations) {
      const schema = Object(operation["requestBody"]).content?.["application/json"]?.schema?.$ref;
      if (schema === undefined) continue;
      const name = String(schema).split("/").at(-1) ?? "";
      for (const body of (whole.components.schemas[name]?.["examples"] ?? []) as unknown[]) {
        const { token } = await office.newcomer();
        const target = path.replace("{id}", "inv_01h455vb4pex5vsknk084sn02q");
        const { json } = await office.ask(method.toUpperCase(), target, { body, token });
        expect(["malformed_body", "malformed_json"]).not.toContain(json.code);
      }
    }
  });
});

describe("answers", () => {
  test("of problems are problems by their type, and lists of the user API tell of limits", () => {
    for (const { name, operation } of operations) {
      const responses = operation["responses"] as Record<string, Node>;
      const isUserApi = !["Callbacks", "Operations", "Pages"].includes((operation["tags"] as string[])[0] ?? "");
      if (isUserApi) expect([name, Object.keys(responses)]).toEqual([name, expect.arrayContaining(["429", "500"])]);
      for (const [status, response] of Object.entries(responses)) {
        expect(response["description"]).toBeString();
        if (Number(status) < 400 || name.includes("/health/")) continue;
        expect([name, status, Object.keys(Object(response["content"]))]).toEqual([
          name,
          status,
          ["application/problem+json"],
        ]);
      }
    }
  });

  test("that are given fit what is written of them", async () => {
    const { token } = await office.newcomer();
    const made = await office.ask("POST", "/subscriptions/api/v1/subscriptions", { token, body: { plan: "premium" } });
    const [sub, inv] = [made.json.subscription.id, made.json.invoice.id];
    const paid = await office.ask("POST", `/payments/api/v1/invoices/${inv}/pay`, { token });
    await office.cinema.pay(paid.json.attemptId, { minor: 29_900n, currency: "RUB" }, "t-doc");
    const cases = [
      ["/subscriptions/api/v1/plans", "/subscriptions/api/v1/plans"],
      ["/subscriptions/api/v1/plans/{code}", "/subscriptions/api/v1/plans/premium"],
      ["/subscriptions/api/v1/subscriptions", "/subscriptions/api/v1/subscriptions"],
      ["/subscriptions/api/v1/subscriptions/{id}", `/subscriptions/api/v1/subscriptions/${sub}`],
      ["/subscriptions/api/v1/access", "/subscriptions/api/v1/access"],
      ["/payments/api/v1/invoices", "/payments/api/v1/invoices"],
      ["/payments/api/v1/invoices/{id}", `/payments/api/v1/invoices/${inv}`],
      ["/payments/api/v1/invoices/{id}/events", `/payments/api/v1/invoices/${inv}/events`],
      ["/auth/api/v1/me", "/auth/api/v1/me"],
      ["/health/ready", "/health/ready"],
    ] as const;
    for (const [path, asked] of cases) {
      const answer = await office.ask("GET", asked, { token });
      const response = Object(whole.paths[path]?.["get"]?.["responses"])[answer.status];
      const fit = judge(response.content["application/json"].schema).safeParse(answer.json);
      expect([path, fit.error]).toEqual([path, undefined]);
    }
  });
});
