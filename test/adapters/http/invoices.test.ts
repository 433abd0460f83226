import { describe, expect, test } from "bun:test";
import type { AttemptId, InvoiceId } from "../../../src/core/ids.ts";
import { err } from "../../../src/core/result.ts";
import { hints } from "../../../src/core/work/hints.ts";
import { PRICE, rub, SERVICE_LINE, staff } from "../../support/cinema.ts";
import { type BoxOffice, openBoxOffice, problemIn } from "./support/box-office.ts";

const BASE = "/payments/api/v1/invoices";
const subscribed = async (office: BoxOffice, body: Record<string, unknown> = {}) => {
  const { token, accountId } = await office.newcomer();
  const { json } = await office.ask("POST", "/subscriptions/api/v1/subscriptions", {
    token,
    body: { plan: "premium", ...body },
  });
  return { token, accountId, id: json.invoice.id as InvoiceId };
};
const pay = (office: BoxOffice, token: string, id: string, body?: unknown) =>
  office.ask("POST", `${BASE}/${id}/pay`, { token, ...(body === undefined ? {} : { body }) });

describe("paying", () => {
  test("gives what the gateway's widget needs, with sum and payer from our own rows", async () => {
    const office = await openBoxOffice();
    const { token, id, accountId } = await subscribed(office);
    const { status, json } = await office.ask("POST", `${BASE}/${id}/pay`, {
      token,
      headers: { "accept-language": "ru" },
    });
    expect([status, json]).toEqual([
      200,
      {
        attemptId: expect.stringMatching(/^att_/),
        gateway: "acme",
        script: "https://acme.test/widget.js",
        page: `https://acme.test/pay/${json.attemptId}`,
        widget: {
          reference: json.attemptId,
          amount: "299.00",
          invoiceId: id,
          accountId,
          description: "Подписка «Премиум»",
          language: "ru",
          saveCard: false,
          email: "viewer-1@example.com",
        },
      },
    ]);
  });

  test.each([
    [{}, undefined, false],
    [{ consent: true }, undefined, true],
    [{ consent: true }, {}, true],
    [{ consent: true }, { consent: false }, false],
    [{}, { consent: true, consentVersion: "v1" }, true],
    [{ consent: false }, { consent: false }, false],
  ])("after subscribing with %p, with %p, saves the card: %p", async (first, body, saved) => {
    const office = await openBoxOffice();
    const { token, id } = await subscribed(office, first);
    expect((await pay(office, token, id, body)).json.widget.saveCard).toBe(saved);
  });

  test("a consent that was taken back saves no card", async () => {
    const office = await openBoxOffice();
    const { token, id, accountId } = await subscribed(office, { consent: true });
    office.cinema.moveTo("2026-01-31T09:30:00Z");
    await office.cinema.byPayer(accountId as never, { type: "consent.withdraw", accountId: accountId as never });
    expect((await pay(office, token, id)).json.widget.saveCard).toBe(false);
  });

  test("a consent that was given for an earlier subscription saves no card", async () => {
    const office = await openBoxOffice();
    const { token } = await subscribed(office, { consent: true });
    office.cinema.moveTo("2026-01-31T09:30:00Z");
    const { json } = await office.ask("POST", "/subscriptions/api/v1/subscriptions", {
      token,
      body: { plan: "basic" },
    });
    expect((await pay(office, token, json.invoice.id)).json.widget.saveCard).toBe(false);
  });

  test("never takes a sum from the caller", async () => {
    const office = await openBoxOffice();
    const { token, id } = await subscribed(office);
    const answer = await pay(office, token, id, { amount: "1.00" });
    expect(problemIn(answer)).toMatchObject({
      code: "malformed_body",
      errors: [{ pointer: "/amount", code: "unknown_field" }],
    });
  });

  test("what is paid is refused, and what is somebody else's is not there", async () => {
    const office = await openBoxOffice();
    const { token, id } = await subscribed(office);
    const { json } = await pay(office, token, id);
    await office.cinema.pay(json.attemptId as AttemptId, PRICE, "t1");
    expect(problemIn(await pay(office, token, id))).toMatchObject({
      status: 409,
      code: "invoice_paid",
      facts: { status: "paid" },
    });
    const { token: stranger } = await office.newcomer();
    for (const one of [id, "inv_01h455vb4pex5vsknk084sn02q", "inv_x"])
      expect(problemIn(await pay(office, stranger, one)).code).toBe("not_found");
  });

  test("that takes longer says where to ask", async () => {
    const office = await openBoxOffice();
    const { token, id } = await subscribed(office);
    office.go("slowly");
    const answer = await pay(office, token, id);
    expect([answer.status, answer.headers.get("location")]).toEqual([202, answer.json.statusUrl]);
  });
});

describe("the browser's word that all went well", () => {
  const lookUp = (office: BoxOffice, token: string, id: string) =>
    office.ask("POST", `${BASE}/${id}/look-up`, { token });

  test("has the gateway asked, and changes nothing by itself", async () => {
    const office = await openBoxOffice();
    const { token, id } = await subscribed(office);
    const { json } = await pay(office, token, id);
    const answer = await lookUp(office, token, id);
    expect([answer.status, answer.json]).toMatchObject([202, { id, status: "open" }]);
    expect(answer.headers.get("location")).toBe(`${BASE}/${id}`);
    expect(office.looksUp).toEqual([`look_up_payment ${json.attemptId}`]);
    expect((await office.ask("GET", `${BASE}/${id}`, { token })).json).toEqual(answer.json);
  });

  test("where no window was opened, or all of it is known, asks nobody", async () => {
    const office = await openBoxOffice();
    const { token, id } = await subscribed(office);
    expect(await lookUp(office, token, id)).toMatchObject({ status: 200, json: { status: "open" } });
    const { json } = await pay(office, token, id);
    await office.cinema.pay(json.attemptId as AttemptId, PRICE, "t1");
    expect(await lookUp(office, token, id)).toMatchObject({ status: 200, json: { status: "paid" } });
    expect(office.looksUp).toEqual([]);
  });

  test("about somebody else's invoice, or none, is about nothing", async () => {
    const office = await openBoxOffice();
    const { id } = await subscribed(office);
    const { token: stranger } = await office.newcomer();
    for (const one of [id, "inv_01h455vb4pex5vsknk084sn02q", "inv_x"])
      expect(problemIn(await lookUp(office, stranger, one)).code).toBe("not_found");
    expect(office.looksUp).toEqual([]);
  });

  test("is turned away when it would be lost", async () => {
    const lost = hints({ tasks: { add: async () => err({ code: "tasks_unavailable", detail: "away" } as const) } });
    const office = await openBoxOffice({ hints: lost });
    const { token, id } = await subscribed(office);
    await pay(office, token, id);
    expect(problemIn(await lookUp(office, token, id))).toMatchObject({ status: 503, code: "tasks_unavailable" });
  });
});

describe("my invoices", () => {
  test("are listed newest first, page by page", async () => {
    const office = await openBoxOffice();
    const { token, accountId, id } = await subscribed(office);
    office.cinema.moveTo("2026-01-31T10:00:00Z");
    await office.cinema.ask(staff("manager"), {
      type: "invoice.issue",
      accountId: accountId as never,
      lines: [SERVICE_LINE],
    });
    const first = await office.ask("GET", `${BASE}?limit=1`, { token });
    expect(first.json.items).toMatchObject([
      { purpose: "staff", plan: null, total: { amount: "100.00", currency: "RUB" } },
    ]);
    const second = await office.ask("GET", `${BASE}?limit=1&cursor=${first.json.nextCursor}`, { token });
    expect([second.json.items[0].id, second.json.nextCursor]).toEqual([id, null]);
  });

  test("one shows its attempts, payments and refunds, without a word of the gateway's account", async () => {
    const office = await openBoxOffice();
    const { token, id } = await subscribed(office);
    const { json } = await pay(office, token, id);
    await office.cinema.pay(json.attemptId as AttemptId, PRICE, "t1");
    await office.cinema.pay(json.attemptId as AttemptId, PRICE, "t2");
    const { json: invoice, text } = await office.ask("GET", `${BASE}/${id}`, { token });
    expect(invoice).toMatchObject({
      status: "paid",
      attempts: [{ id: json.attemptId, kind: "offer", status: "succeeded" }],
      captures: [
        { transactionId: "t1", role: "settling", amount: { amount: "299.00" }, returned: { amount: "0.00" } },
        { transactionId: "t2", role: "extra" },
      ],
      refunds: [{ amount: { amount: "299.00" }, status: "on_its_way", reason: "extra_payment" }],
    });
    expect(text).not.toContain("sandbox:main");
  });

  test("of another viewer, or none, are not there", async () => {
    const office = await openBoxOffice();
    const [{ id }, { token }] = [await subscribed(office), await office.newcomer()];
    for (const one of [id, "inv_01h455vb4pex5vsknk084sn02q", "sub_01h455vb4pex5vsknk084sn02q", "%F0", "..%2f"])
      for (const tail of ["", "/events"])
        expect(problemIn(await office.ask("GET", `${BASE}/${one}${tail}`, { token })).status).toBe(404);
  });
});

describe("why was I charged", () => {
  test("is told from the first fact to the last, page by page", async () => {
    const office = await openBoxOffice();
    const { token, id } = await subscribed(office);
    const { json } = await pay(office, token, id);
    await office.cinema.pay(json.attemptId as AttemptId, rub(29_900), "t1");
    const told: string[] = [];
    let path: string | null = `${BASE}/${id}/events?limit=1`;
    while (path !== null) {
      const page = await office.ask("GET", path, { token, headers: { "accept-language": "ru" } });
      told.push(
        ...page.json.items.map(({ version, title }: { version: number; title: string }) => `${version} ${title}`),
      );
      path = page.json.nextCursor === null ? null : `${BASE}/${id}/events?limit=1&cursor=${page.json.nextCursor}`;
    }
    expect(told).toEqual([
      "1 Выставлен счёт на 299,00\u00a0₽ за новую подписку.",
      "2 Вы открыли форму оплаты.",
      "3 Получен платёж на 299,00\u00a0₽.",
      "4 Счёт оплачен.",
    ]);
  });
});
