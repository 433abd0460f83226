import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type BoxOffice, openBoxOffice, problemIn } from "./support/box-office.ts";

/** Every write of the user API, and whether it reads a body. */
const WRITES = [
  ["/auth/api/v1/sign-up", "reads"],
  ["/auth/api/v1/login", "reads"],
  ["/auth/api/v1/refresh", "reads"],
  ["/auth/api/v1/logout", "ignores"],
  ["/subscriptions/api/v1/subscriptions", "reads"],
  ["/subscriptions/api/v1/subscriptions/sub_01h455vb4pex5vsknk084sn02q/stop", "ignores"],
  ["/subscriptions/api/v1/subscriptions/sub_01h455vb4pex5vsknk084sn02q/undo-stop", "ignores"],
  ["/payments/api/v1/invoices/inv_01h455vb4pex5vsknk084sn02q/pay", "reads"],
] as const;
const READERS = WRITES.filter(([, body]) => body === "reads").map(([path]) => path);

const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const bytes = (...given: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(given);
const JSON_TYPE = "application/json";

type Untidy = readonly [name: string, raw: string | Uint8Array<ArrayBuffer>, contentType: string, code: string];
const BODIES: readonly Untidy[] = [
  ["half of a JSON", '{"email":', JSON_TYPE, "malformed_json"],
  ["two JSONs", "{}{}", JSON_TYPE, "malformed_json"],
  ["a text", '"text"', JSON_TYPE, "malformed_body"],
  ["a number", "7", JSON_TYPE, "malformed_body"],
  ["null", "null", JSON_TYPE, "malformed_body"],
  ["a list", "[]", JSON_TYPE, "malformed_body"],
  ["NaN", "NaN", JSON_TYPE, "malformed_json"],
  ["NUL", "\0", JSON_TYPE, "malformed_json"],
  ["an unknown field", '{"admin":true}', JSON_TYPE, "malformed_body"],
  ["the field __proto__", '{"__proto__":{"consent":true}}', JSON_TYPE, "malformed_body"],
  ["the field constructor", '{"constructor":{"prototype":{"consent":true}}}', JSON_TYPE, "malformed_body"],
  ["a field twice", '{"email":"a@b.c","email":"d@e.f"}', JSON_TYPE, "malformed_json"],
  ["a field twice, once in escapes", '{"plan":1,"\\u0070lan":2}', JSON_TYPE, "malformed_json"],
  ["10,000 lists in each other", nested(10_000), JSON_TYPE, "malformed_json"],
  ["33 lists in each other", nested(33), JSON_TYPE, "malformed_json"],
  ["a number beyond the safe ones", '{"consent":9007199254740993}', JSON_TYPE, "malformed_body"],
  ["bytes that are no UTF-8", bytes(0x7b, 0xff, 0x7d), JSON_TYPE, "malformed_json"],
  ["UTF-16", bytes(0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00), JSON_TYPE, "malformed_json"],
  ["a form", "email=a%40b.c", "application/x-www-form-urlencoded", "unsupported_media_type"],
  ["a text by its own account", "{}", "text/plain", "unsupported_media_type"],
  ["JSON in Latin-1", "{}", "application/json; charset=iso-8859-1", "unsupported_media_type"],
  ["two types at once", "{}", "application/json, text/plain", "unsupported_media_type"],
  ["no type at all", "{}", "", "unsupported_media_type"],
  ["10 MB", "x".repeat(10_000_000), JSON_TYPE, "body_too_large"],
];

const post = async (
  office: BoxOffice,
  path: string,
  token: string,
  raw: string | Uint8Array<ArrayBuffer>,
  contentType: string,
) =>
  office.ask("POST", path, {
    token,
    raw,
    headers: { "content-type": contentType, "content-length": String(raw.length) },
  });

describe.each(WRITES)("%s, which %s its body", (path, body) => {
  test.each(BODIES)("is asked with %s", async (_, raw, contentType, code) => {
    const office = await openBoxOffice();
    const { token } = await office.newcomer();
    const answer = await post(office, path, token, raw, contentType);
    if (body === "reads" || code === "body_too_large") expect(problemIn(answer).code as string).toBe(code);
    else expect([204, 404]).toContain(answer.status);
    expect(office.logged.every(({ error }) => error === undefined)).toBe(true);
  });
});

test.each(READERS)("%s takes no field of the wrong type, whatever it is", async (path) => {
  const office = await openBoxOffice();
  const fields = ["email", "password", "refreshToken", "plan", "zone", "consent", "consentVersion", "language", "pass"];
  const wrong: readonly unknown[] = [1, null, [], {}, "\ud800", "\0", "x".repeat(5000), { toString: 1 }, [["a"]]];
  let people = 0;
  for (const field of fields)
    for (const value of wrong) {
      // Each from an address of its own, so that no limit answers in the schema's place.
      people += 1;
      const from = `198.51.${people >> 8}.${people & 255}`;
      const { token } = people % 100 === 1 ? await office.newcomer() : { token: "" };
      const answer = await office.ask("POST", path, { body: { [field]: value }, token, from });
      expect(problemIn(answer).status).toBeLessThan(500);
    }
});

test("what may be written as a body is answered with a problem or done, and never a fault of ours", async () => {
  const office = await openBoxOffice();
  let asked = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...READERS), fc.json({ maxDepth: 4 }), async (path, raw) => {
      asked += 1;
      const from = `203.0.${asked >> 8}.${asked & 255}`;
      const answer = await office.ask("POST", path, { raw, from });
      expect(answer.status).toBeLessThan(500);
    }),
    { numRuns: 300 },
  );
  expect(office.logged.filter(({ error }) => error !== undefined)).toEqual([]);
});

test("what may stand in a path is answered with a problem, and never a fault of ours", async () => {
  const office = await openBoxOffice();
  const { token } = await office.newcomer();
  const bases = [
    "/payments/api/v1/invoices/",
    "/subscriptions/api/v1/plans/",
    "/problems/",
    "/docs/assets/",
    "/payments/api/v1/callbacks/",
  ];
  let asked = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...bases), fc.string({ unit: "binary", minLength: 1 }), async (base, tail) => {
      fc.pre(tail.isWellFormed());
      asked += 1;
      const path = `${base}${encodeURIComponent(tail)}`;
      const answer = await office.ask("GET", path, {
        token: asked > 100 ? "" : token,
        from: `203.1.${asked >> 8}.${asked & 255}`,
      });
      expect(answer.status).toBeLessThan(500);
    }),
    { numRuns: 300 },
  );
  for (const tail of ["%", "%E0%A4%A", "%c0%80", "%2e%2e%2f"])
    for (const base of bases)
      expect((await office.ask("GET", `${base}${tail}`, { from: "203.2.0.1" })).status).toBeLessThan(500);
  expect(office.logged.filter(({ error }) => error !== undefined)).toEqual([]);
});

test("a body that announces nothing is cut off", async () => {
  const office = await openBoxOffice();
  const endless = new ReadableStream<Uint8Array>({ pull: (stream) => stream.enqueue(new Uint8Array(16_384)) });
  const request = new Request("http://localhost/auth/api/v1/login", {
    method: "POST",
    body: endless,
    headers: { "content-type": JSON_TYPE },
  });
  expect((await office.app.fetch(request)).status).toBe(413);
});

/** What is answered to these very bytes by a server of Bun's; the line of the status. */
const answered = async (app: BoxOffice["app"], request: string): Promise<string> => {
  const server = Bun.serve({ port: 0, fetch: (asked, connection) => app.fetch(asked, connection) });
  const heard = Promise.withResolvers<string>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port ?? 0,
    socket: {
      data: (_, chunk) => heard.resolve(chunk.toString("latin1")),
      error: (_, error) => heard.reject(error),
    },
  });
  socket.write(request);
  const [line = ""] = (await heard.promise).split("\r\n");
  socket.end();
  await server.stop(true);
  return line;
};
const LOG_IN = '{"email":"anna@example.com","password":"long enough, I hope"}';

test.each([
  ["as much as it holds", `Content-Length: ${LOG_IN.length}\r\n\r\n${LOG_IN}`, "401"],
  ["less than it holds", `Content-Length: 5\r\n\r\n${LOG_IN}`, "400"],
  ["two lengths", `Content-Length: 5\r\nContent-Length: ${LOG_IN.length}\r\n\r\n${LOG_IN}`, "400"],
  ["a length, and comes in pieces", `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":`, "400"],
] as const)("a body that announces %s is not read beyond that", async (_, rest, status) => {
  const { app } = await openBoxOffice();
  const head = `POST /auth/api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${JSON_TYPE}\r\n`;
  expect((await answered(app, head + rest)).split(" ")[1]).toBe(status);
});
