import { expect, test } from "bun:test";
import { z } from "zod";
import { problem } from "../../../src/adapters/wire/problems.ts";

const PAID = {
  type: "/problems/invoice_paid",
  title: "Paid already",
  status: 409,
  code: "invoice_paid",
  requestId: "r-1",
};

test("a problem says what, for whom and under which request; the rest may be left out", () => {
  expect(problem.parse(PAID)).toStrictEqual(PAID);
  const whole = {
    ...PAID,
    status: 422,
    detail: "Two fields",
    instance: "/invoices/1",
    errors: [{ pointer: "/amount/amount", code: "malformed_amount" }],
  };
  expect(problem.parse(whole)).toStrictEqual(whole);
});

test("a problem without a code, a request or a status of failure is none", () => {
  for (const name of Object.keys(PAID)) expect(problem.safeParse({ ...PAID, [name]: undefined }).success).toBe(false);
  for (const status of [200, 399, 600, 404.5, "404"])
    expect(problem.safeParse({ ...PAID, status }).success).toBe(false);
  expect(problem.safeParse({ ...PAID, errors: [{ pointer: "/a" }] }).success).toBe(false);
});

test("what is left out is absent, not undefined", () => {
  expect(problem.safeParse({ ...PAID, detail: undefined }).success).toBe(false);
});

test("the problem is in the OpenAPI document under its name", () => {
  const schema = z.toJSONSchema(z.object({ problem }), { io: "input" });
  expect(schema.properties?.["problem"]).toEqual({ $ref: "#/$defs/Problem" });
  expect(schema.$defs?.["Problem"]?.required).toEqual(["type", "title", "status", "code", "requestId"]);
});
