import { beforeAll, describe, expect, test } from "bun:test";
import { openMemory } from "../../src/adapters/memory/store.ts";
import { type Operation, readDocument } from "./support/document.ts";
import { type Answer, type Ask, openFuzzHouse } from "./support/house.ts";
import { complaintsOf } from "./support/verdict.ts";
import { INSIDE } from "./support/weather.ts";

let operations: readonly Operation[];
beforeAll(async () => {
  operations = await readDocument(await openFuzzHouse(openMemory()));
});

const ACCESS: Ask = { method: "GET", path: "/subscriptions/api/v1/access" };
const NONE = { allowed: false, tier: null, quality: null, streams: null, until: null };
const answer = (
  status: number,
  body: unknown,
  over: Partial<Answer> = {},
  headers: Record<string, string> = {},
): Answer => ({
  status,
  headers: new Headers({
    "content-type": status < 400 ? "application/json" : "application/problem+json",
    "x-request-id": "r1",
    ...headers,
  }),
  text: typeof body === "string" ? body : JSON.stringify(body),
  ms: 1,
  ...over,
});
const problemOf = (status: number, code: string, over: object = {}) => ({
  type: `/problems/${code}`,
  title: "No",
  status,
  code,
  requestId: "r1",
  ...over,
});
const complaints = (given: Answer, asked: Ask = ACCESS, secrets: readonly string[] = []) =>
  complaintsOf(operations, asked, given, secrets);

/** A guard that lets all through would look just the same as one that has nothing to complain of. */
describe("the fuzzer's own judge", () => {
  test("has nothing to say of right answers", () => {
    expect(complaints(answer(200, NONE))).toEqual([]);
    expect(complaints(answer(401, problemOf(401, "unauthorized"), {}, { "www-authenticate": "Bearer" }))).toEqual([]);
  });

  const WRONG: readonly (readonly [string, () => readonly string[]])[] = [
    ["a status that is not documented", () => complaints(answer(418, problemOf(418, "teapot")))],
    ["a body with a field too many", () => complaints(answer(200, { ...NONE, token: "x" }))],
    ["a body with a field too few", () => complaints(answer(200, { allowed: true }))],
    ["a body that is cut short", () => complaints(answer(200, '{"allowed":'))],
    ["another media type", () => complaints(answer(200, NONE, {}, { "content-type": "text/html" }))],
    [
      "a refusal that is no problem",
      () =>
        complaints(answer(503, problemOf(503, "x"), {}, { "content-type": "application/json", "retry-after": "1" })),
    ],
    ["a problem of another request", () => complaints(answer(404, problemOf(404, "x", { requestId: "r2" })))],
    [
      "a problem that tells another status",
      () => complaints(answer(401, problemOf(404, "x"), {}, { "www-authenticate": "Bearer" })),
    ],
    [
      "a problem whose type is another's",
      () => complaints(answer(401, problemOf(401, "x", { type: "/problems/y" }), {}, { "www-authenticate": "Bearer" })),
    ],
    ["401 that does not say how to log in", () => complaints(answer(401, problemOf(401, "unauthorized")))],
    ["503 that does not say when", () => complaints(answer(503, problemOf(503, "storage_unavailable")))],
    ["words of the database", () => complaints(answer(500, problemOf(500, "internal_error", { detail: INSIDE })))],
    [
      "a stack trace",
      () =>
        complaints(answer(500, problemOf(500, "internal_error", { detail: "x\n    at ask (/srv/src/app.ts:1:1)" }))),
    ],
    ["an answer that takes too long", () => complaints(answer(200, NONE, { ms: 2001 }))],
    [
      "a password that is told back",
      () =>
        complaints(
          answer(422, problemOf(422, "x", { detail: "no: green bicycles" })),
          { method: "POST", path: "/auth/api/v1/login" },
          ["green bicycles"],
        ),
    ],
    ["an answer where nothing is served", () => complaints(answer(200, NONE), { method: "GET", path: "/nowhere" })],
    ["an answer to a method that is not served", () => complaints(answer(200, NONE), { ...ACCESS, method: "PUT" })],
    [
      "a body where there shall be none",
      () => complaints(answer(204, "x"), { method: "POST", path: "/auth/api/v1/logout" }),
    ],
  ];
  test.each(WRONG)("complains of %s", (_, found) => {
    expect(found()).not.toEqual([]);
  });
});
