import { expect, test } from "bun:test";
import { httpApp } from "../../../src/adapters/http/app.ts";
import { problem } from "../../../src/adapters/wire/problems.ts";

const ready = { ok: true, parts: { storage: "ready" } };
const ask = (path: string, headers: Record<string, string> = {}, health = async () => ready) =>
  httpApp({ ready: health }).fetch(new Request(`http://localhost${path}`, { headers }));

test("a process is ready when all of its parts are", async () => {
  expect((await ask("/health/ready")).status).toBe(200);
  const answer = await ask("/health/ready", {}, async () => ({ ok: false, parts: { storage: "not_ready" } }));
  expect([answer.status, await answer.json()]).toEqual([503, { status: "not_ready", parts: { storage: "not_ready" } }]);
});

test("what goes wrong inside is told as a problem without a word of the cause", async () => {
  const answer = await ask("/health/ready", {}, async () => {
    throw new Error("password hunter2 was refused");
  });
  const text = await answer.text();
  expect([answer.status, answer.headers.get("content-type")]).toEqual([500, "application/problem+json"]);
  expect(problem.parse(JSON.parse(text)).code).toBe("internal_error");
  expect(text).not.toContain("hunter2");
});

test("a problem carries the caller's own request id, or one of ours when that would not fit a log line", async () => {
  const idOf = async (given: string) => {
    const answer = await ask("/nowhere", { "x-request-id": given });
    const { requestId } = problem.parse(await answer.json());
    expect(answer.headers.get("x-request-id")).toBe(requestId);
    return requestId;
  };
  expect(await idOf("job-7.retry_2")).toBe("job-7.retry_2");
  expect(await idOf("two words")).toMatch(/^[0-9a-f-]{36}$/);
  expect(await idOf("x".repeat(65))).toMatch(/^[0-9a-f-]{36}$/);
});

test.each([
  ["", "Nothing is served here"],
  ["de", "Nothing is served here"],
  ["ru", "Такого адреса нет"],
  ["ru-RU,ru;q=0.9,en;q=0.8", "Такого адреса нет"],
  ["en;q=0.8, RU;q=0.7", "Nothing is served here"],
  ["fr, ru;q=0.1", "Такого адреса нет"],
  ["ru;q=0", "Nothing is served here"],
  ["ru;q=x", "Nothing is served here"],
])("with Accept-Language %p its title is %p", async (language, title) => {
  const answer = await ask("/nowhere", { "accept-language": language });
  expect(problem.parse(await answer.json())).toMatchObject({ status: 404, code: "no_such_route", title });
});
