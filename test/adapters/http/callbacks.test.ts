import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MOST_BODY_BYTES } from "../../../src/adapters/http/body.ts";
import { type BoxOffice, openBoxOffice, problemIn } from "./support/box-office.ts";
import { signatureOf } from "./support/door.ts";

const PATH = "/payments/api/v1/callbacks/acme/fail";
const RAW = '{"reference":"att_1","transaction":"t1"}';
const call = (
  office: BoxOffice,
  raw: string | Uint8Array<ArrayBuffer>,
  signature: string | null = signatureOf(raw),
  path = PATH,
) => office.ask("POST", path, { raw, headers: signature === null ? {} : { "x-signature": signature } });

describe("a callback", () => {
  test("that is signed is taken with its bytes as sent, and answered in the gateway's words", async () => {
    const office = await openBoxOffice();
    const answer = await call(office, RAW);
    expect([answer.status, answer.text, answer.headers.get("content-type")]).toEqual([
      200,
      '{"code":0}',
      "application/json",
    ]);
    expect(office.gateway.taken).toEqual([{ eventKey: "fail t1", raw: RAW }]);
  });

  test.each([
    ["no_such_attempt", 200, '{"code":13}'],
    ["try_again", 503, '{"code":13}'],
  ] as const)("with the verdict %s is answered %d", async (verdict, status, text) => {
    const office = await openBoxOffice();
    office.gateway.decides(verdict);
    const answer = await call(office, RAW);
    expect([answer.status, answer.text]).toEqual([status, text]);
  });

  test("that comes by GET is signed over its query", async () => {
    const office = await openBoxOffice();
    const query = "InvoiceId=att_1&Amount=1%2C5";
    const ask = (signature: string) => office.ask("GET", `${PATH}?${query}`, { headers: { "x-signature": signature } });
    expect((await ask(signatureOf(query))).status).toBe(200);
    expect(office.gateway.taken).toEqual([{ eventKey: query, raw: query }]);
    expect((await ask(signatureOf("other"))).status).toBe(401);
  });

  test.each([
    ["no signature", null],
    ["an empty one", ""],
    ["a wrong one", signatureOf("other")],
  ])("with %s is refused and kept nowhere", async (_, signature) => {
    const office = await openBoxOffice();
    const answer = await call(office, RAW, signature);
    expect(problemIn(answer)).toMatchObject({ status: 401, code: "callback_not_signed" });
    expect(answer.headers.get("www-authenticate")).not.toBeNull();
    expect(office.gateway.taken).toEqual([]);
  });

  test("that is signed and makes no sense is kept for a person, as it came", async () => {
    const office = await openBoxOffice();
    expect((await call(office, "{}")).text).toBe('{"code":0}');
    expect((await call(office, Uint8Array.of(0xff, 0x00))).text).toBe('{"code":0}');
    expect(office.gateway.unreadable).toEqual([
      { kind: "fail", field: "reference", raw: "{}" },
      { kind: "fail", field: "reference", raw: "base64:/wA=" },
    ]);
    expect(office.gateway.taken).toEqual([]);
  });

  test("of an unknown gateway or kind is served nowhere", async () => {
    const office = await openBoxOffice();
    for (const path of [
      "acme/nothing",
      "other/fail",
      "__proto__/fail",
      "acme/constructor",
      "acme/%00",
      "acme/%E0%A4%A",
    ]) {
      const answer = await call(office, RAW, signatureOf(RAW), `/payments/api/v1/callbacks/${path}`);
      expect(problemIn(answer).status).toBe(404);
    }
    expect(office.gateway.taken).toEqual([]);
  });

  test("above 64 KiB is refused before its signature is looked at", async () => {
    const office = await openBoxOffice();
    const [most, more] = ["x".repeat(MOST_BODY_BYTES), "x".repeat(MOST_BODY_BYTES + 1)];
    expect((await call(office, most)).status).toBe(200);
    expect(problemIn(await call(office, more)).code).toBe("body_too_large");
    const endless = new ReadableStream<Uint8Array>({ pull: (stream) => stream.enqueue(new Uint8Array(16_384)) });
    const streamed = new Request(`http://localhost${PATH}`, { method: "POST", body: endless });
    expect((await office.app.fetch(streamed)).status).toBe(413);
    expect(office.gateway.taken).toEqual([]);
  });

  test("is never limited, and needs neither log-in nor work done", async () => {
    const office = await openBoxOffice();
    office.go("not_at_all");
    for (let i = 0; i < 150; i += 1) expect((await call(office, RAW)).status).toBe(200);
  });

  test("of any bytes is never a fault of ours", async () => {
    const office = await openBoxOffice();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (given, signed) => {
        const bytes = Uint8Array.from(given);
        const answer = await call(office, bytes, signed ? signatureOf(bytes) : "AAAA");
        expect(answer.status).toBe(signed ? 200 : 401);
      }),
      { numRuns: 200 },
    );
    expect(office.gateway.taken).toEqual([]);
  });
});
