import { describe, expect, test } from "bun:test";
import type { AttemptId } from "../../../src/core/ids.ts";
import { cardNamed, GATEWAY, PRICE, transactionNamed } from "../../support/cinema.ts";
import { type BoxOffice, openBoxOffice, problemIn } from "./support/box-office.ts";

const BASE = "/subscriptions/api/v1";
const subscribe = (office: BoxOffice, token: string, over: Record<string, unknown> = {}, key?: string) =>
  office.ask("POST", `${BASE}/subscriptions`, {
    token,
    body: { plan: "premium", ...over },
    headers: key === undefined ? {} : { "idempotency-key": key },
  });

/** Subscribes and pays with a card, which is saved. */
const subscriber = async (office: BoxOffice) => {
  const { token } = await office.newcomer();
  const { json } = await subscribe(office, token, { consent: true });
  const pay = await office.ask("POST", `/payments/api/v1/invoices/${json.invoice.id}/pay`, { token });
  await office.cinema.byGateway({
    type: "payment.succeed",
    attemptId: pay.json.attemptId as AttemptId,
    gatewayAccount: GATEWAY,
    transactionId: transactionNamed(`t ${json.invoice.id}`.replace(" ", "")),
    amount: PRICE,
    accountId: null,
    onlyAuthorised: false,
    cardId: cardNamed(json.invoice.id),
  });
  return { token, id: json.subscription.id as string };
};

describe("subscribing", () => {
  test("gives a subscription that waits for its invoice to be paid", async () => {
    const office = await openBoxOffice();
    const { token } = await office.newcomer();
    const { status, json, headers } = await subscribe(office, token, {
      consent: true,
      consentVersion: "v1",
      zone: "Europe/Moscow",
    });
    expect(status).toBe(201);
    expect(json.subscription).toMatchObject({
      status: "incomplete",
      plan: "premium",
      price: { amount: "299.00", currency: "RUB" },
      zone: "Europe/Moscow",
      openInvoiceId: json.invoice.id,
    });
    expect(json.invoice).toMatchObject({
      status: "open",
      due: { amount: "299.00", currency: "RUB" },
      purpose: "first",
    });
    expect(headers.get("location")).toBe(`${BASE}/subscriptions/${json.subscription.id}`);
    const found = await office.ask("GET", headers.get("location") ?? "", { token });
    expect(found.json).toEqual(json.subscription);
  });

  test("twice with one key is done once; with another body it is refused; another viewer's key is another", async () => {
    const office = await openBoxOffice();
    const [anna, boris] = [await office.newcomer(), await office.newcomer()];
    const [first, again] = [
      await subscribe(office, anna.token, {}, "k-1"),
      await subscribe(office, anna.token, {}, "k-1"),
    ];
    expect([again.status, again.json]).toEqual([201, first.json]);
    expect(problemIn(await subscribe(office, anna.token, { plan: "basic" }, "k-1"))).toMatchObject({
      status: 422,
      code: "command_id_reused",
    });
    expect((await subscribe(office, boris.token, {}, "k-1")).json.subscription.id).not.toBe(first.json.subscription.id);
  });

  test.each(["two words", "x".repeat(256), "naïve", "k-1, k-2"])("the key %p is refused", async (key) => {
    const office = await openBoxOffice();
    const { token } = await office.newcomer();
    const answer = await subscribe(office, token, {}, key);
    expect(problemIn(answer)).toMatchObject({ status: 400, code: "malformed_idempotency_key" });
  });

  test("to what is not there is refused", async () => {
    const office = await openBoxOffice();
    const { token } = await office.newcomer();
    expect(problemIn(await subscribe(office, token, { plan: "nothing" })).code).toBe("plan_not_found");
    expect(problemIn(await subscribe(office, token, { plan: "Not A Code" }))).toMatchObject({
      code: "malformed_body",
      errors: [{ pointer: "/plan", code: "malformed_id" }],
    });
  });

  test("to another plan while one runs names the subscription to change", async () => {
    const office = await openBoxOffice();
    const { token, id } = await subscriber(office);
    const answer = await subscribe(office, token, { plan: "basic" });
    expect(problemIn(answer)).toMatchObject({ status: 409, code: "change_of_plan", facts: { subscriptionId: id } });
  });

  test("binds nobody by a text of consent that has been replaced", async () => {
    const office = await openBoxOffice();
    const { token } = await office.newcomer();
    const answer = await subscribe(office, token, { consent: true, consentVersion: "v0" });
    expect(problemIn(answer)).toMatchObject({ code: "consent_replaced", facts: { consentVersion: "v1" } });
    expect((await office.ask("GET", `${BASE}/subscriptions`, { token })).json.items).toEqual([]);
  });

  test("that takes longer is answered with where to ask, for its owner only", async () => {
    const office = await openBoxOffice();
    const [anna, boris] = [await office.newcomer(), await office.newcomer()];
    office.go("slowly");
    const { status, json, headers } = await subscribe(office, anna.token);
    expect([status, json.status, headers.get("location")]).toEqual([202, "running", json.statusUrl]);
    const asked = await office.ask("GET", json.statusUrl, { token: anna.token });
    expect([asked.status, asked.json]).toEqual([202, json]);
    expect(problemIn(await office.ask("GET", json.statusUrl, { token: boris.token })).code).toBe("not_found");
  });

  test("that could not be accepted is safe to repeat, and says when", async () => {
    const office = await openBoxOffice();
    const { token } = await office.newcomer();
    office.go("not_at_all");
    const answer = await subscribe(office, token, {}, "k-1");
    expect([problemIn(answer).code, answer.headers.get("retry-after")]).toEqual(["storage_unavailable", "1"]);
    expect(answer.text).not.toContain("hunter2");
    office.go("at_once");
    expect((await subscribe(office, token, {}, "k-1")).status).toBe(201);
  });
});

describe("my subscriptions", () => {
  test("are paged newest first by a cursor, and link to the next page", async () => {
    const office = await openBoxOffice();
    const { token } = await office.newcomer();
    const ids: string[] = [];
    for (const plan of ["basic", "premium", "basic"]) {
      office.cinema.moveTo(new Date(office.cinema.at() + 1000).toISOString());
      ids.unshift((await subscribe(office, token, { plan })).json.subscription.id);
    }
    const first = await office.ask("GET", `${BASE}/subscriptions?limit=2`, { token });
    const [, next = ""] = /^<([^>]+)>; rel="next"$/.exec(first.headers.get("link") ?? "") ?? [];
    const second = await office.ask("GET", next, { token });
    const seen = [...first.json.items, ...second.json.items];
    expect(seen.map(({ id }) => id)).toEqual(ids);
    expect(seen.map(({ status }) => status)).toEqual(["incomplete", "ended", "ended"]);
    expect([second.json.nextCursor, second.headers.get("link")]).toEqual([null, null]);
  });

  test.each([
    "limit=0",
    "limit=101",
    "limit=x",
    "limit=1e1x",
    "limit=1&limit=2",
    "cursor=zz",
    "cursor=!",
    "cursor=aW52XzE",
  ])("are not shown by the query %s", async (query) => {
    const office = await openBoxOffice();
    const { token } = await office.newcomer();
    const answer = await office.ask("GET", `${BASE}/subscriptions?${query}`, { token });
    expect(problemIn(answer)).toMatchObject({ status: 422, code: "malformed_query" });
  });

  test("of another viewer are told from none by nobody", async () => {
    const office = await openBoxOffice();
    const [{ id }, boris] = [await subscriber(office), await office.newcomer()];
    const absent = "sub_01h455vb4pex5vsknk084sn02q";
    for (const [method, tail] of [
      ["GET", ""],
      ["POST", "/stop"],
      ["POST", "/undo-stop"],
    ] as const) {
      const answers = await Promise.all(
        [id, absent, "sub_x", "inv_01h455vb4pex5vsknk084sn02q"].map((one) =>
          office.ask(method, `${BASE}/subscriptions/${one}${tail}`, { token: boris.token }),
        ),
      );
      const told = answers.map((answer) => ({ ...problemIn(answer), requestId: "" }));
      expect(told[0]).toMatchObject({ status: 404 });
      expect(new Set(told.map(({ code }) => code))).toEqual(new Set(["not_found"]));
    }
  });
});

describe("stopping", () => {
  test("keeps access until the paid end, and can be undone", async () => {
    const office = await openBoxOffice();
    const { token, id } = await subscriber(office);
    const stopped = await office.ask("POST", `${BASE}/subscriptions/${id}/stop`, { token });
    expect([stopped.status, stopped.json.status, stopped.json.renews]).toEqual([200, "active", false]);
    const undone = await office.ask("POST", `${BASE}/subscriptions/${id}/undo-stop`, { token });
    expect([undone.status, undone.json.renews]).toEqual([200, true]);
    const again = await office.ask("POST", `${BASE}/subscriptions/${id}/undo-stop`, { token });
    expect(problemIn(again)).toMatchObject({ status: 409, code: "renewal_not_stopped" });
  });

  test("that takes longer says where to ask", async () => {
    const office = await openBoxOffice();
    const { token, id } = await subscriber(office);
    office.go("slowly");
    for (const tail of ["stop", "undo-stop"])
      expect((await office.ask("POST", `${BASE}/subscriptions/${id}/${tail}`, { token })).status).toBe(202);
  });
});

describe("access", () => {
  test("is there while a paid period runs, and not before", async () => {
    const office = await openBoxOffice();
    const { token: stranger } = await office.newcomer();
    expect((await office.ask("GET", `${BASE}/access`, { token: stranger })).json).toEqual({
      allowed: false,
      tier: null,
      quality: null,
      streams: null,
      until: null,
    });
    const { token } = await subscriber(office);
    expect((await office.ask("GET", `${BASE}/access`, { token })).json).toMatchObject({
      allowed: true,
      tier: 2,
      quality: "uhd",
      streams: 2,
    });
    expect((await office.ask("GET", `${BASE}/access`)).status).toBe(401);
  });
});

describe("a command", () => {
  test("tells what it came to: what it made, or the problem", async () => {
    const office = await openBoxOffice();
    const { token } = await office.newcomer();
    const made = await subscribe(office, token);
    await subscribe(office, token, { plan: "nothing" });
    const [done = "", refused = ""] = office.commandIds();
    const success = await office.ask("GET", `${BASE}/commands/${done}`, { token });
    expect([success.status, success.json]).toEqual([
      200,
      {
        commandId: done,
        status: "done",
        outcome: { ok: true, value: { subscriptionId: made.json.subscription.id, invoiceId: made.json.invoice.id } },
      },
    ]);
    const refusal = await office.ask("GET", `${BASE}/commands/${refused}`, { token });
    expect(refusal.json.outcome).toMatchObject({ ok: false, problem: { code: "plan_not_found", status: 404 } });
    expect(problemIn(await office.ask("GET", `${BASE}/commands/cmd_x`, { token })).code).toBe("not_found");
  });
});
