import { describe, expect, test } from "bun:test";
import type { CloudPaymentsConfig } from "../../../src/adapters/cloudpayments/payments.ts";
import { money } from "../../../src/core/money.ts";
import type { Payments } from "../../../src/core/ports/payments.ts";
import { instantOf } from "../../../src/core/time.ts";
import { transactionNamed } from "../../support/cinema.ts";
import { newAccount, newAttempt, newCard, newRefund } from "../../support/commits.ts";
import { until } from "../../support/until.ts";
import { fixtureOf } from "./fixtures.ts";
import { clientOf, fakeGateway, rawGateway, saying } from "./gateway.ts";

const amount = money(100n, "RUB");
const FOUND_NOTHING = fixtureOf("payments.find.not_found.response").body;
const SETUP = "set_01kg9mfmm0fq8t765h93g2xk9g" as never;

/** Calls that move money, and calls that only look. */
const MOVES = {
  charge: (client: Payments) =>
    client.charge({
      attemptId: newAttempt(),
      accountId: newAccount(),
      cardId: newCard(),
      token: "tk_1",
      amount,
      initiator: "payer",
      description: "",
    }),
  refund: (client: Payments) => client.refund({ refundId: newRefund(), transactionId: transactionNamed("1"), amount }),
  void: (client: Payments) => client.void(SETUP, transactionNamed("1")),
};
const LOOKS = {
  find: (client: Payments) => client.find(newAttempt()),
  list: (client: Payments) => client.list({ start: instantOf(0), end: instantOf(1) }),
};
const CALLS = { ...MOVES, ...LOOKS };
type Call = keyof typeof CALLS;

const lost = { ok: false, error: { code: "answer_lost" } };
const unavailable = (retryAfterMs: unknown = expect.any(Number)) => ({
  ok: false,
  error: { code: "gateway_unavailable", retryAfterMs },
});
/** What each call says when the request went out and no usable answer came. */
const answersTo = async (url: string, over: Partial<CloudPaymentsConfig> = {}) => {
  const client = clientOf(url, over);
  const answers = await Promise.all(
    Object.entries(CALLS).map(async ([name, ask]) => [name, await ask(client)] as const),
  );
  return Object.fromEntries(answers) as Record<Call, unknown>;
};
const MAY_HAVE_HAPPENED = {
  charge: lost,
  refund: lost,
  void: lost,
  find: unavailable(),
  list: unavailable(),
};
const ALL_UNAVAILABLE = (retryAfterMs?: unknown) =>
  Object.fromEntries(Object.keys(CALLS).map((name) => [name, unavailable(retryAfterMs)])) as Record<Call, unknown>;

describe("when a request may have arrived, money may have moved", () => {
  test.each([
    ["500", () => new Response("{}", { status: 500 })],
    ["502 of a proxy", () => new Response("<html>", { status: 502 })],
    ["400", () => new Response(fixtureOf("api.error.validation").body, { status: 400 })],
    ["204", () => new Response(null, { status: 204 })],
    ["201", () => new Response(fixtureOf("payments.refund.response").body, { status: 201 })],
    ["HTML", () => new Response("<html><body>Maintenance</body></html>")],
    ["nothing", () => new Response("")],
    ["JSON cut short", () => new Response('{"Success":tr')],
    ["JSON null", () => new Response("null")],
    ["bytes that are no text", () => new Response(Uint8Array.of(0x22, 0xff, 0x22))],
    ["JSON deeper than the stack", () => new Response("[".repeat(1_000_000))],
    ["more bytes than any answer has", () => new Response(`{"Success":true,"Message":"${"a".repeat(5_000_000)}"}`)],
  ])("answered with %s", async (_, answer) => {
    await using gateway = fakeGateway(answer);
    expect(await answersTo(gateway.url)).toEqual(MAY_HAVE_HAPPENED);
  });

  test("and the server closes at once", async () => {
    await using gateway = await rawGateway((socket) => socket.once("data", () => socket.destroy()));
    expect(await answersTo(gateway.url)).toEqual(MAY_HAVE_HAPPENED);
  });

  test("and the connection is reset", async () => {
    await using gateway = await rawGateway((socket) => socket.once("data", () => socket.resetAndDestroy()));
    expect(await answersTo(gateway.url)).toEqual(MAY_HAVE_HAPPENED);
  });

  test("and the body is cut in the middle", async () => {
    await using gateway = await rawGateway((socket) =>
      socket.once("data", () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"Success":true}');
        socket.end();
      }),
    );
    expect(await answersTo(gateway.url)).toEqual(MAY_HAVE_HAPPENED);
  });

  test("and no answer comes in time", async () => {
    await using gateway = await rawGateway(() => undefined);
    expect(await answersTo(gateway.url, { deadlineMs: 50 })).toEqual(MAY_HAVE_HAPPENED);
  });

  test("and the body never ends", async () => {
    await using gateway = await rawGateway((socket) =>
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n")),
    );
    expect(await answersTo(gateway.url, { deadlineMs: 50 })).toEqual(MAY_HAVE_HAPPENED);
  });

  test("and the connection hears no abort", async () => {
    const deaf = Object.assign(() => new Promise<Response>(() => undefined), { preconnect: () => undefined });
    expect(await answersTo("", { deadlineMs: 20, send: deaf })).toEqual(MAY_HAVE_HAPPENED);
  });

  test("and the gateway sends us elsewhere, where neither request nor credentials go", async () => {
    await using elsewhere = saying(FOUND_NOTHING);
    for (const status of [301, 302, 303, 307, 308]) {
      await using gateway = saying("", { status, headers: { location: elsewhere.url } });
      expect(await answersTo(gateway.url)).toEqual(MAY_HAVE_HAPPENED);
      expect(gateway.heard.length).toBe(Object.keys(CALLS).length);
    }
    expect(elsewhere.heard).toEqual([]);
  });
});

describe("when nothing was done, it is safe to ask again", () => {
  test("as nobody listens", async () => {
    const gateway = await rawGateway(() => undefined);
    await gateway[Symbol.asyncDispose]();
    expect(await answersTo(gateway.url)).toEqual(ALL_UNAVAILABLE(30_000));
  });

  test.each(["ENOTFOUND", "EAI_AGAIN"])("as the name leads nowhere: %s", async (code) => {
    const nameless = Object.assign(() => Promise.reject(Object.assign(new TypeError(code), { code })), {
      preconnect: () => undefined,
    });
    expect(await answersTo("", { send: nameless })).toEqual(ALL_UNAVAILABLE());
  });

  test.each([
    ["7", 7_000],
    ["86400", 600_000],
    [null, 5_000],
    ["", 5_000],
    ["soon", 5_000],
    ["-1", 5_000],
    ["Wed, 25 Nov 2026 03:00:00 GMT", 5_000],
  ])("as too many requests are running, told to wait: %j", async (told, waitMs) => {
    await using gateway = saying("", { status: 429, headers: told === null ? {} : { "retry-after": told } });
    expect(await answersTo(gateway.url)).toEqual(ALL_UNAVAILABLE(waitMs));
  });

  test.each([401, 403])("as our credentials are refused with %i", async (status) => {
    await using gateway = saying("", { status });
    expect(await answersTo(gateway.url)).toEqual(ALL_UNAVAILABLE(300_000));
  });
});

describe("requests at once", () => {
  test("are no more than the gateway takes, and all are made", async () => {
    let [running, most] = [0, 0];
    await using gateway = fakeGateway(async () => {
      running += 1;
      most = Math.max(most, running);
      await Bun.sleep(5);
      running -= 1;
      return new Response(FOUND_NOTHING);
    });
    const client = clientOf(gateway.url, { concurrency: 3 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => LOOKS.find(client)));
    expect(answers.filter((answer) => answer.ok)).toHaveLength(20);
    expect([most, gateway.heard.length]).toEqual([3, 20]);
  });

  test.each([
    ["test_api_1", 5],
    ["pk_1", 30],
  ])("of the terminal %s are %i", async (publicId, limit) => {
    await using gateway = await rawGateway(() => undefined);
    const client = clientOf(gateway.url, { publicId, deadlineMs: 300 });
    const asked = Promise.all(Array.from({ length: limit + 5 }, () => LOOKS.find(client)));
    await until("all that may run are running", () => gateway.connections() === limit);
    await asked;
  });

  test("that wait in vain for a free place were never sent", async () => {
    await using gateway = await rawGateway(() => undefined);
    const client = clientOf(gateway.url, { concurrency: 1, deadlineMs: 50 });
    const answers: readonly unknown[] = await Promise.all([1, 2, 3].map(() => MOVES.charge(client)));
    expect(answers).toEqual([lost, unavailable(), unavailable()]);
    expect(gateway.connections()).toBe(1);
  });

  test("free their place however they end", async () => {
    let answers = 0;
    await using gateway = fakeGateway(() => {
      answers += 1;
      return answers % 2 === 1 ? new Response("", { status: 500 }) : new Response(FOUND_NOTHING);
    });
    const client = clientOf(gateway.url, { concurrency: 1 });
    const heard = [];
    for (let i = 0; i < 6; i += 1) heard.push((await LOOKS.find(client)).ok);
    expect(heard).toEqual([false, true, false, true, false, true]);
  });

  test("never share a connection, so that none gets the late answer of another", async () => {
    await using gateway = await rawGateway((socket) =>
      socket.on("data", () => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${FOUND_NOTHING.length}\r\n\r\n${FOUND_NOTHING}`);
      }),
    );
    const client = clientOf(gateway.url);
    for (let i = 0; i < 3; i += 1) expect((await LOOKS.find(client)).ok).toBeTrue();
    expect(gateway.connections()).toBe(3);
  });
});
