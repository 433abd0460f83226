import { expect, test } from "bun:test";
import { type ProblemCode, problemOf } from "../../../src/adapters/http/problems.ts";
import { problem } from "../../../src/adapters/wire/problems.ts";

test.each([
  ["invoice_paid", 409],
  ["not_found", 404],
  ["forbidden", 403],
  ["command_id_reused", 422],
  ["storage_unavailable", 503],
] satisfies [ProblemCode, number][])("%s is answered with %d, in both languages", (code, status) => {
  const [en, ru] = (["en", "ru"] as const).map((language) => problem.parse(problemOf(code, language, "r-1")));
  expect(en).toMatchObject({ type: `/problems/${code}`, status, code, requestId: "r-1" });
  expect(ru?.title).toMatch(/^[А-ЯЁ]/);
  expect(en?.title).toMatch(/^[A-Z]/);
});
