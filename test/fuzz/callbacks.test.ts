import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { type Dice, openDice } from "../support/dice.ts";
import { invoiceOf, newTransaction, offers, payForm, subscribes } from "./support/cast.ts";
import { CALLBACKS, type Call, openDoorHouse } from "./support/door.ts";
import { hmacOf } from "./support/house.ts";
import {
  anySigned,
  bytesOf,
  decodedForm,
  headersOf,
  type Signed,
  signForm,
  signJson,
} from "./support/notifications.ts";
import { LONG, SEED, say } from "./support/seed.ts";

setDefaultTimeout(LONG ? 7_200_000 : 60_000);
const SAMPLES = LONG ? 100 : 3;
const CALLS = LONG ? 1_000_000 : 20_000;
const MOST_MS = 2000;

const door = await openDoorHouse();
const dice = openDice(SEED);
let forged = 0;
let slowestMs = 0;
beforeAll(() => {
  say(`callbacks: FUZZ_SEED=${SEED}`);
});
afterAll(async () => {
  say(`callbacks: ${forged} forgeries, the slowest answer took ${Math.round(slowestMs)} ms`);
  await door.house.close();
});

/** It is turned away for what it is, in time, and leaves nothing. */
const isTurnedAway = async (call: Call, what: string): Promise<void> => {
  const before = door.kept();
  const { status, text, ms } = await door.call(call);
  forged += 1;
  slowestMs = Math.max(slowestMs, ms);
  const isRefused = (status === 401 || status === 404 || status === 413) && text.includes('"requestId"');
  if (isRefused && door.kept() === before && ms <= MOST_MS && door.house.broken.length === 0) return;
  throw new Error(`${what}: ${status} ${text}, kept ${door.kept() - before}, ${ms} ms, ${JSON.stringify(call)}`);
};
const callOf = (signed: Signed, over: Partial<Call> = {}): Call => ({
  kind: signed.kind,
  headers: headersOf(signed),
  body: signed.body,
  ...over,
});
const withSignature = (signed: Signed, signature: string): Call =>
  callOf(signed, { headers: headersOf({ ...signed, signature }) });

const flipped = (bytes: Uint8Array, bit: number): Uint8Array<ArrayBuffer> => {
  const copy = new Uint8Array(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
};
/** Another way of writing the same signed text, which the second header cannot tell apart. */
const saysTheSame = ({ header, contentType, body }: Signed, other: Uint8Array): boolean =>
  header === "x-content-hmac" && contentType !== "application/json" && decodedForm(body) === decodedForm(other);
/** Whether these characters can stand in a header at all. */
const canBeSent = (value: string): boolean => {
  try {
    return new Headers({ x: value }).get("x") === value;
  } catch {
    return false;
  }
};

const forgeries = (): readonly (readonly [what: string, forge: (signed: Signed) => Call])[] => {
  const signedBy = (change: (signature: string) => string) => (signed: Signed) =>
    withSignature(signed, change(signed.signature));
  const saying = (change: (body: Uint8Array) => Uint8Array<ArrayBuffer>) => (signed: Signed) =>
    callOf(signed, { body: change(signed.body) });
  const added = (headers: Readonly<Record<string, string>>, without: boolean) => (signed: Signed) =>
    callOf(signed, { headers: without ? headers : { ...headersOf(signed), ...headers } });
  const text = (body: Uint8Array): string => new TextDecoder().decode(body);
  return [
    ["no signature", added({ "content-type": "application/json" }, true)],
    ["an empty signature", signedBy(() => "")],
    ["a signature in other letters", signedBy((signature) => signature.toLowerCase())],
    ["a signature in hex", signedBy((signature) => Buffer.from(signature, "base64").toString("hex"))],
    ["a signature without its padding", signedBy((signature) => signature.replace("=", ""))],
    ["a signature and more", signedBy((signature) => `${signature}=`)],
    ["a signature told twice", signedBy((signature) => `${signature}, ${signature}`)],
    ["a signature of nothing", signedBy(() => hmacOf(""))],
    ["another secret", (signed) => withSignature(signed, hmacOf(signed.body, "another secret"))],
    ["an empty secret", (signed) => withSignature(signed, hmacOf(signed.body, "\u0000"))],
    ["the digest without a secret", signedBy(() => new Bun.CryptoHasher("sha256").update("x").digest("base64"))],
    ["a signature of 64 KiB", signedBy((signature) => signature.repeat(1500))],
    [
      "a wrong first header beside a right second one",
      (signed) =>
        callOf(signed, {
          headers: {
            "content-type": signed.contentType,
            "content-hmac": hmacOf("x"),
            "x-content-hmac": hmacOf(decodedForm(signed.body) ?? ""),
          },
        }),
    ],
    ["a byte more", saying((body) => new Uint8Array([...body, 0x26]))],
    ["a mark of byte order before", saying((body) => new Uint8Array([0xef, 0xbb, 0xbf, ...body]))],
    ["a sum that was added", saying((body) => bytesOf(`${text(body)}&Amount=1.00`))],
    ["a field that was put before", saying((body) => bytesOf(`Amount=1.00&${text(body)}`))],
    ["UTF-16", saying((body) => new Uint8Array(Buffer.from(text(body), "utf16le")))],
    [
      "Latin letters for all",
      saying((body) => new Uint8Array(Buffer.from(text(body), "latin1").map((byte) => byte ^ 0x20))),
    ],
    [
      "gzip",
      (signed) =>
        callOf(signed, {
          body: Bun.gzipSync(signed.body),
          headers: { ...headersOf(signed), "content-encoding": "gzip" },
        }),
    ],
    ["another kind's path that is none", (signed) => callOf(signed, { kind: "chargeback" })],
    ["a path that climbs", (signed) => callOf(signed, { kind: "pay%2f..%2fpay" })],
    ["a prototype's name as its kind", (signed) => callOf(signed, { kind: "__proto__" })],
    ["64 KiB and more", (signed) => callOf(signed, { body: new Uint8Array(64 * 1024 + 1).fill(0x61) })],
    ["64 KiB", (signed) => callOf(signed, { body: new Uint8Array(64 * 1024).fill(0x61) })],
    ["a length that is told as another", added({ "content-length": "70000" }, false)],
    [
      "GET, its signature over the body",
      (signed) => callOf(signed, { method: "GET", query: "TransactionId=1&Amount=1.00" }),
    ],
    ["GET without a query", (signed) => callOf(signed, { method: "GET" })],
    ["nothing at all", (signed) => callOf(signed, { body: null, headers: {} })],
  ];
};

/** Cuts, repeats, replaces and adds a few bytes. */
const bent = (body: Uint8Array, { below, about }: Dice): Uint8Array<ArrayBuffer> => {
  const bytes = [...body];
  for (let times = about(1, 8); times > 0; times -= 1) {
    const at = below(bytes.length + 1);
    const some = Array.from({ length: about(1, 4) }, () => below(256));
    bytes.splice(at, below(4), ...([some, [], bytes.slice(at, at + 30), [...bytesOf("&Amount=1.00")]][below(4)] ?? []));
  }
  return new Uint8Array(bytes);
};
const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(Buffer.from(b));

describe("a forgery", () => {
  test("of one bit of the body is turned away, whichever bit it is", async () => {
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const signed = anySigned(dice);
      for (let bit = 0; bit < signed.body.length * 8; bit += 1) {
        const body = flipped(signed.body, bit);
        if (!saysTheSame(signed, body)) await isTurnedAway(callOf(signed, { body }), `bit ${bit} of the body`);
      }
    }
  });

  test("of one bit of the signature is turned away, whichever bit it is", async () => {
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const signed = anySigned(dice);
      const letters = Buffer.from(signed.signature, "latin1");
      for (let bit = 0; bit < letters.length * 8; bit += 1) {
        const signature = Buffer.from(flipped(letters, bit)).toString("latin1");
        if (canBeSent(signature)) await isTurnedAway(withSignature(signed, signature), `bit ${bit} of the signature`);
      }
    }
  });

  test("that is cut short anywhere is turned away", async () => {
    const signed = anySigned(dice);
    for (let length = 0; length < signed.body.length; length += 1)
      await isTurnedAway(callOf(signed, { body: signed.body.slice(0, length) }), `${length} bytes`);
  });

  test.each(forgeries())("by %s is turned away", async (what, forge) => {
    for (let sample = 0; sample < SAMPLES * 4; sample += 1) await isTurnedAway(forge(anySigned(dice)), what);
  });

  test("bent at random is turned away, however often it is tried", async () => {
    while (forged < CALLS) {
      const signed = anySigned(dice);
      for (let times = 0; times < 50; times += 1) {
        const body = bent(signed.body, dice);
        if (!isEqual(body, signed.body) && !saysTheSame(signed, body))
          await isTurnedAway(callOf(signed, { body }), "bent");
      }
    }
  });
});

/** A viewer's open payment, and the gateway's notification of it. */
const openPayment = async () => {
  const viewer = await door.house.newcomer();
  const { invoiceId } = await subscribes(door.house, viewer);
  const attemptId = await offers(door.house, viewer, invoiceId);
  const fields = { TransactionId: newTransaction(), InvoiceId: attemptId, AccountId: viewer.accountId };
  const status = async () => {
    await door.house.settle();
    const { invoice, captures } = await invoiceOf(door.house, invoiceId);
    return { status: invoice.status, captures: captures.length };
  };
  return { form: payForm(fields), status };
};
const jsonOf = (form: string): string => JSON.stringify(Object.fromEntries(new URLSearchParams(form)));
const chunks = (bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> =>
  new ReadableStream({
    start: (body) => {
      for (let at = 0; at < bytes.length; at += 7) body.enqueue(bytes.slice(at, at + 7));
      body.close();
    },
  });

describe("what the gateway itself has signed", () => {
  const form = (form: string) => callOf(signForm("pay", form));
  const VARIANTS: readonly (readonly [string, (form: string) => Call])[] = [
    ["a form", form],
    ["a form by the second header", (told) => callOf(signForm("pay", told, "x-content-hmac"))],
    ["JSON", (told) => callOf(signJson("pay", jsonOf(told)))],
    ["a form that names its letters", (told) => named(form(told), "application/x-www-form-urlencoded; charset=utf-8")],
    [
      "a form that names other letters",
      (told) => named(form(told), "application/x-www-form-urlencoded; charset=windows-1251"),
    ],
    [
      "JSON that names its letters",
      (told) => named(callOf(signJson("pay", jsonOf(told))), "Application/JSON; charset=UTF-8"),
    ],
    ["percent signs with small letters", (told) => form(told.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()))],
    [
      "everything behind percent signs",
      (told) =>
        form(
          told.replace(/Premium|Visa|Test/g, (word) =>
            word.replace(/./g, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
          ),
        ),
    ],
    ["many chunks", (told) => ({ ...form(told), body: chunks(bytesOf(told)) })],
    [
      "a claim of compression",
      (told) => ({ ...form(told), headers: { ...form(told).headers, "content-encoding": "gzip" } }),
    ],
    ["GET", (told) => ({ ...form(told), method: "GET", query: told, body: null })],
  ];
  const named = (call: Call, contentType: string): Call => ({
    ...call,
    headers: { ...call.headers, "content-type": contentType },
  });

  test.each(VARIANTS)("as %s is taken, and once, however often it comes", async (_, variant) => {
    const payment = await openPayment();
    for (let times = 0; times < 3; times += 1) {
      const { status, text } = await door.call(variant(payment.form));
      expect([status, text]).toEqual([200, '{"code":0}']);
    }
    expect(await payment.status()).toEqual({ status: "paid", captures: 1 });
  });

  const UNREADABLE: readonly (readonly [string, (form: string) => Signed])[] = [
    ["a field twice", (told) => signForm("pay", `${told}&Amount=299.00`)],
    ["a sum twice, the second one smaller", (told) => signForm("pay", `${told}&Amount=1.00`)],
    ["a mark of byte order before it", (told) => signForm("pay", `\ufeff${told}`)],
    ["an escape that is none", (told) => signForm("pay", `${told}&Name=%zz`)],
    ["half of a letter", (told) => signForm("pay", `${told}&Name=%d0`)],
    ["NUL in its account", (told) => signForm("pay", told.replace("AccountId=", "AccountId=%00"))],
    ["a sum in another spelling", (told) => signForm("pay", told.replace("299.00", "2.99e2"))],
    ["JSON that is none", (told) => signJson("pay", told)],
    ["JSON cut short", (told) => signJson("pay", jsonOf(told).slice(0, -1))],
    ["JSON that is nested deeply", () => signJson("pay", "[".repeat(10_000))],
    ["a prototype in JSON", () => signJson("pay", '{"__proto__":{"TransactionId":"1","Amount":"1.00"}}')],
    ["nothing in it", () => signForm("pay", "")],
  ];
  test.each(UNREADABLE)("with %s pays nothing, breaks nothing, and is kept for a person", async (_, sign) => {
    const payment = await openPayment();
    const before = door.kept();
    const { status, text } = await door.call(callOf(sign(payment.form)));
    expect([status, text]).toEqual([200, '{"code":0}']);
    expect(door.kept()).toBeGreaterThan(before);
    expect(await payment.status()).toEqual({ status: "open", captures: 0 });
    expect(door.house.broken).toEqual([]);
  });
});

/** Says these bytes over a socket, and hears what comes until the server or `patienceMs` ends it. */
const sayOver = (
  port: number,
  said: string,
  patienceMs = MOST_MS,
): Promise<{ readonly heard: string; readonly ms: number }> =>
  new Promise((resolve, reject) => {
    const sinceMs = performance.now();
    let heard = "";
    const socket = connect(port, "127.0.0.1", () => void socket.write(said));
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ heard, ms: performance.now() - sinceMs });
    };
    const timer = setTimeout(end, patienceMs);
    socket.on("data", (data) => {
      heard += data.toString("utf8");
      if (heard.includes('"requestId"') || heard.includes('{"code"')) end();
    });
    socket.on("close", end);
    socket.on("error", reject);
  });

describe("over a socket", () => {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    fetch: (request) => door.house.app.fetch(request),
  });
  afterAll(() => server.stop(true));
  const head = (length: string, signature: string): string =>
    `POST ${CALLBACKS}/pay HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-HMAC: ${signature}\r\n${length}\r\n\r\n`;
  const portOf = (): number => server.port ?? 0;

  test("a body in chunks is taken as the one that was signed", async () => {
    const { form, status } = await openPayment();
    const half = Math.floor(form.length / 2);
    const [one, two] = [form.slice(0, half), form.slice(half)];
    const body = [one, two, ""].map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("");
    const { heard } = await sayOver(portOf(), `${head("Transfer-Encoding: chunked", hmacOf(form))}${body}`);
    expect(heard).toContain('{"code":0}');
    expect(await status()).toEqual({ status: "paid", captures: 1 });
  });

  test("a body that is shorter than was said leaves nothing", async () => {
    const { form, status } = await openPayment();
    const before = door.kept();
    await sayOver(portOf(), `${head(`Content-Length: ${form.length + 10}`, hmacOf(form))}${form}`, 500);
    expect(door.kept()).toBe(before);
    expect(await status()).toEqual({ status: "open", captures: 0 });
  });

  test("a body that is longer than was said counts as far as was said", async () => {
    const { form, status } = await openPayment();
    const before = door.kept();
    const { heard } = await sayOver(portOf(), `${head(`Content-Length: ${form.length - 1}`, hmacOf(form))}${form}`);
    expect(heard).toContain(" 401 ");
    expect(door.kept()).toBe(before);
    expect(await status()).toEqual({ status: "open", captures: 0 });
  });

  test("two lengths, or a length beside chunks, are not believed", async () => {
    const { form, status } = await openPayment();
    const before = door.kept();
    const lengths = [
      `Content-Length: ${form.length}\r\nContent-Length: ${form.length - 1}`,
      `Content-Length: ${form.length}\r\nTransfer-Encoding: chunked`,
    ];
    for (const length of lengths) {
      const { heard } = await sayOver(portOf(), `${head(length, hmacOf(form))}${form}`, 500);
      expect(heard).not.toContain('{"code":0}');
    }
    expect(door.kept()).toBe(before);
    expect(await status()).toEqual({ status: "open", captures: 0 });
  });
});
