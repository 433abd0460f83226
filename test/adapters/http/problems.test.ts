import { describe, expect, test } from "bun:test";
import { PROBLEM_CODES, type ProblemCode, problemOf } from "../../../src/adapters/http/problems.ts";
import { problem } from "../../../src/adapters/wire/problems.ts";
import { openBoxOffice, problemIn } from "./support/box-office.ts";

test.each([
  ["invoice_paid", 409],
  ["not_found", 404],
  ["forbidden", 403],
  ["command_id_reused", 422],
  ["storage_unavailable", 503],
  ["tasks_unavailable", 503],
  ["too_many_requests", 429],
  ["wrong_credentials", 401],
  ["body_too_large", 413],
  ["malformed_json", 400],
] satisfies [ProblemCode, number][])("%s is answered with %d", (code, status) => {
  expect(problem.parse(problemOf(code, "en", "r-1"))).toMatchObject({
    type: `/problems/${code}`,
    status,
    code,
    requestId: "r-1",
  });
});

test("facts and field errors go with a problem, and are left out where there are none", () => {
  const errors = [{ pointer: "/email", code: "missing" }];
  expect(problemOf("malformed_body", "en", "r-1", { errors, facts: { left: "1.00 RUB" } })).toMatchObject({
    errors,
    facts: { left: "1.00 RUB" },
  });
  expect(Object.keys(problemOf("not_found", "en", "r-1", { facts: {} }))).not.toContain("facts");
});

describe.each(PROBLEM_CODES)("the problem %s", (code) => {
  test("has a title in both languages, and a page at its type", async () => {
    const office = await openBoxOffice();
    const { type, title, status } = problemOf(code, "ru", "r-1");
    expect(title).toMatch(/^[А-ЯЁI]/);
    expect(problemOf(code, "en", "r-1").title).toMatch(/^[A-Z]/);
    const page = await office.ask("GET", type, { headers: { "accept-language": "ru" } });
    expect([page.status, page.json]).toEqual([
      200,
      { type, code, status, title, meaning: expect.stringMatching(/[а-яё]/) },
    ]);
  });
});

test("a problem's page is HTML to a browser, and JSON to all others", async () => {
  const office = await openBoxOffice();
  const page = await office.ask("GET", "/problems/invoice_paid", { headers: { accept: "text/html,*/*;q=0.8" } });
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(page.text).toContain("The invoice has been paid already");
  expect((await office.ask("GET", "/problems/invoice_paid", { headers: { accept: "*/*" } })).json.status).toBe(409);
});

test.each(["nothing", "constructor", "__proto__", "toString"])("there is no problem named %s", async (code) => {
  const office = await openBoxOffice();
  expect(problemIn(await office.ask("GET", `/problems/${code}`)).code).toBe("no_such_route");
});
