import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readBooks } from "../support/books.ts";
import { becomes, factsOf, invoiceOf, type OnlineHouse, openOnlineHouse } from "../support/online-house.ts";
import { CARD } from "../support/online-viewer.ts";
import type { Call } from "../support/sandbox.ts";
import type { SqlStore } from "../support/stores.ts";
import { until } from "../support/until.ts";

const PRICE = "299.00";

/** A viewer's first paid subscription over HTTP, and all that comes in its way. Each story has a viewer of its own. */
export const firstSubscriptionStories = (name: string, open: () => Promise<SqlStore>): void =>
  describe(`A first subscription over HTTP: ${name}`, () => {
    let house: OnlineHouse;
    beforeAll(async () => {
      house = await openOnlineHouse(await open());
    });
    afterEach(async () => {
      await house.sandbox.calm();
      house.sandbox.askBefore(true);
    });
    afterAll(async () => {
      try {
        await house.sandbox.toldAll();
        // The checker: whatever went wrong above, both ledgers are equal to the kopeck.
        const { theirs, ours, held } = await readBooks(house.store.driver, house.sandbox);
        expect(ours).toEqual([...theirs]);
        expect(held.ours).toBe(held.theirs);
        expect(house.broken).toEqual([]);
      } finally {
        await house.close();
      }
    });

    const newcomer = async () => {
      const viewer = await house.viewer();
      return { viewer, ...(await viewer.subscribes()) };
    };
    /** A payment that the gateway has taken, and whose notification it has lost: the test tells it. */
    const paidInSilence = async () => {
      const { viewer, ...made } = await newcomer();
      await house.sandbox.befall("lost", { operation: "pay" });
      const { attemptId, result } = await viewer.pays(made.invoiceId);
      expect(result).toBe("success");
      const [payment] = house.sandbox.movements(attemptId);
      if (payment === undefined) throw new Error("the gateway has taken it");
      return { viewer, ...made, attemptId, transactionId: payment.id };
    };
    const statusOf = async (invoiceId: string): Promise<string> => (await invoiceOf(house, invoiceId)).invoice.status;
    const netOf = (attempts: readonly string[]): number =>
      attempts
        .flatMap((attempt) => house.sandbox.movements(attempt))
        .filter(({ status }) => status === "Completed")
        .reduce((net, { type, minor }) => net + (type === 1 ? -minor : minor), 0);

    test("one who pays may watch, and reads why it was charged", async () => {
      const { viewer, subscriptionId, invoiceId } = await newcomer();
      expect(await viewer.mayWatch()).toBe(false);
      const { attemptId, result } = await viewer.pays(invoiceId);
      expect(result).toBe("success");
      await becomes(house, invoiceId, "paid");
      expect(await viewer.mayWatch()).toBe(true);
      expect(await viewer.subscription(subscriptionId)).toMatchObject({ status: "active", renews: true });
      expect(await viewer.chain(invoiceId)).toEqual([
        "InvoiceIssued",
        "OfferMade",
        "CheckAccepted",
        "PaymentSucceeded",
        "InvoicePaid",
      ]);
      expect((await viewer.invoice(invoiceId)).captures).toMatchObject([
        { amount: { amount: PRICE }, role: "settling", returned: { amount: "0.00" } },
      ]);
      expect(house.sandbox.movements(attemptId)).toMatchObject([{ minor: 29_900, status: "Completed" }]);
    });

    test("the checker of both ledgers sees a payment that we have not been told of", async () => {
      const { invoiceId, transactionId } = await paidInSilence();
      const named = async () => {
        const { theirs, ours } = await readBooks(house.store.driver, house.sandbox);
        return [theirs, ours].map((side) => side.filter((entry) => entry.transactionId === String(transactionId)));
      };
      const entry = { transactionId: String(transactionId), kind: "payment", currency: "RUB", minor: 29_900n };
      expect(await named()).toEqual([[entry], []]);
      await house.sandbox.tell(house.sandbox.call("pay", transactionId));
      await becomes(house, invoiceId, "paid");
      expect(await named()).toEqual([[entry], [entry]]);
    });

    test("what a request is called goes with its command into the log and onto the bus", async () => {
      const { viewer, invoiceId } = await newcomer();
      await viewer.opensWindow(invoiceId);
      const asked = house.commands.filter(({ requestId }) => requestId === viewer.requestId);
      expect(asked).toMatchObject([
        { command: "subscription.start", refusal: null },
        { command: "invoice.offer", refusal: null },
      ]);
      // A writer in any database of the server holds back what is followed.
      const ours = async () => {
        const told = await house.store.outbox.follow(null, 10_000);
        return told.ok ? told.value.filter(({ stream }) => stream === `invoice/${invoiceId}`) : [];
      };
      await until("both facts can be followed", async () => (await ours()).length === 2);
      expect((await ours()).map(({ event, requestId }) => [event.type, requestId])).toEqual([
        ["InvoiceIssued", viewer.requestId],
        ["OfferMade", viewer.requestId],
      ]);
    });

    test("when the notification is lost, the word of the browser has the gateway asked, and access comes", async () => {
      const { viewer, invoiceId, transactionId } = await paidInSilence();
      expect(await viewer.mayWatch()).toBe(false);
      const hinted = await viewer.request("POST", `/payments/api/v1/invoices/${invoiceId}/look-up`);
      expect(hinted).toMatchObject({ status: 202, json: { id: invoiceId } });
      await becomes(house, invoiceId, "paid");
      expect(await viewer.mayWatch()).toBe(true);
      const chain = await viewer.chain(invoiceId);
      await house.sandbox.tell(house.sandbox.call("pay", transactionId));
      await until("the late callback is done", () =>
        house.commands.some(({ command, refusal }) => command === "payment.succeed" && refusal === null),
      );
      expect(await viewer.chain(invoiceId)).toEqual(chain);
    });

    test("the word of a browser that has not paid moves nothing", async () => {
      const { viewer, invoiceId } = await newcomer();
      await viewer.opensWindow(invoiceId);
      const chain = await viewer.chain(invoiceId);
      for (let times = 0; times < 5; times += 1)
        expect((await viewer.request("POST", `/payments/api/v1/invoices/${invoiceId}/look-up`)).status).toBe(202);
      await Bun.sleep(500);
      expect(await viewer.chain(invoiceId)).toEqual(chain);
      expect(await viewer.mayWatch()).toBe(false);
    });

    test("after a declined card another one pays the same invoice", async () => {
      const { viewer, invoiceId } = await newcomer();
      expect((await viewer.pays(invoiceId, CARD.poor)).result).toBe("fail");
      await until("the decline is known", async () => (await factsOf(house, invoiceId)).includes("PaymentDeclined"));
      expect(await viewer.mayWatch()).toBe(false);
      expect((await viewer.pays(invoiceId)).result).toBe("success");
      await becomes(house, invoiceId, "paid");
      expect(await viewer.mayWatch()).toBe(true);
    });

    test("a payment that the holder refuses in the bank's page takes nothing; approved, the next one pays", async () => {
      const { viewer, invoiceId } = await newcomer();
      const bank = await viewer.presses(await viewer.opensWindow(invoiceId), CARD.threeDs);
      expect(bank.at).toBe("bank");
      expect((await viewer.answersBank(bank, "refuse")).result).toBe("fail");
      await until("the refusal is known", async () => (await factsOf(house, invoiceId)).includes("PaymentDeclined"));
      expect(await statusOf(invoiceId)).toBe("open");
      const again = await viewer.presses(await viewer.opensWindow(invoiceId), CARD.threeDs);
      expect((await viewer.answersBank(again, "approve")).result).toBe("success");
      await becomes(house, invoiceId, "paid");
    });

    test("one who closes the window has paid nothing and may watch nothing", async () => {
      const { viewer, subscriptionId, invoiceId } = await newcomer();
      const { attemptId } = await viewer.opensWindow(invoiceId);
      expect(await statusOf(invoiceId)).toBe("open");
      expect(await viewer.subscription(subscriptionId)).toMatchObject({ status: "incomplete" });
      expect(await viewer.mayWatch()).toBe(false);
      expect(house.sandbox.movements(attemptId)).toEqual([]);
    });

    // The gateway's reason tells which of our codes it has heard: 10, 11, 12.
    test.each([
      ["the sum", { amount: 1 }, 3003],
      ["the currency", { currency: "USD" }, 3003],
      ["the account", { userInfo: { accountId: "acc_01h455vb4pex5vsknk084sn02q" } }, 3002],
      ["the attempt", { externalId: "att_01h455vb4pex5vsknk084sn02q" }, 3001],
    ])("a payer who edits %s in the window can pay nothing", async (_, edited, reason) => {
      const { viewer, invoiceId } = await newcomer();
      const window = await viewer.opensWindow(invoiceId);
      const url = new URL(window.url);
      const intent: unknown = JSON.parse(Buffer.from(url.searchParams.get("intent") ?? "", "base64url").toString());
      const bent = JSON.stringify({ ...Object(intent), ...edited });
      url.searchParams.set("intent", Buffer.from(bent).toString("base64url"));
      const page = await anotherBrowser({ ...window, url: url.href });
      expect((await viewer.presses(page, CARD.good)).result).toBe("fail");
      const heard = house.sandbox.transactions().at(-1);
      expect([heard?.status, heard?.reasonCode]).toEqual(["Declined", reason]);
      expect(await statusOf(invoiceId)).toBe("open");
      expect(await viewer.mayWatch()).toBe(false);
    });

    test("an invoice keeps the price that it showed, whatever the plan costs meanwhile", async () => {
      const viewer = await house.viewer();
      const { invoiceId } = await viewer.subscribes("premium");
      const [plan] = (await house.operator.plans()).filter((each) => each.plan === "premium");
      const price = { ...Object(plan?.price), price: { amount: "599.00", currency: "RUB" } };
      expect(await house.operator.ask({ type: "plan.set_price", plan: "premium", price })).toMatchObject({ ok: true });
      const { attemptId, result } = await viewer.pays(invoiceId);
      expect(result).toBe("success");
      await becomes(house, invoiceId, "paid");
      expect(netOf([attemptId])).toBe(49_900);
      const next = await house.viewer();
      const { invoiceId: dearer } = await next.subscribes("premium");
      expect((await next.invoice(dearer)).due.amount).toBe("599.00");
    });

    test("of 100 requests to subscribe at once, each with its own key, one subscription and one invoice come", async () => {
      const viewer = await house.viewer();
      const asked = await Promise.all(Array.from({ length: 100 }, () => viewer.asksToSubscribe()));
      expect([...new Set(asked.map(({ status }) => status))]).toEqual([201]);
      expect(new Set(asked.map(({ json }) => JSON.stringify(json))).size).toBe(1);
      expect(await viewer.subscriptions()).toMatchObject([{ status: "incomplete" }]);
      expect(await viewer.invoices()).toMatchObject([{ status: "open" }]);
    });

    test("100 requests at once with one key have one outcome, and the key means nothing else any more", async () => {
      const viewer = await house.viewer();
      const asked = await Promise.all(Array.from({ length: 100 }, () => viewer.asksToSubscribe("once")));
      expect([...new Set(asked.map(({ status }) => status))]).toEqual([201]);
      expect(new Set(asked.map(({ json }) => JSON.stringify(json))).size).toBe(1);
      expect(await viewer.asksToSubscribe("once", "premium")).toMatchObject({
        status: 422,
        json: { code: "command_id_reused" },
      });
      expect(await viewer.subscriptions()).toHaveLength(1);
    });

    test("a payment that is told 50 times at once is taken once, and each time acknowledged", async () => {
      const { viewer, invoiceId, transactionId } = await paidInSilence();
      const call = house.sandbox.call("pay", transactionId);
      const heard = await Promise.all(Array.from({ length: 50 }, () => house.sandbox.tell(call)));
      expect(heard).toEqual(Array(50).fill({ status: 200, code: 0 }));
      await becomes(house, invoiceId, "paid");
      expect((await viewer.invoice(invoiceId)).captures).toHaveLength(1);
      expect((await viewer.chain(invoiceId)).filter((type) => type === "PaymentSucceeded")).toHaveLength(1);
    });

    test("a call that is not signed by the gateway, or bent by one bit, has no effect; the true one still has", async () => {
      const { invoiceId, transactionId } = await paidInSilence();
      const { sandbox } = house;
      const call = sandbox.call("pay", transactionId);
      const forged: readonly Call[] = [
        sandbox.signed("pay", call.body, "another secret"),
        { ...call, signature: "" },
        { ...call, signature: call.signature.slice(0, 20) },
        ...everyBit(call.signature, 4),
        ...everyByte(call, 16),
      ];
      const heard = await Promise.all(forged.map((each) => sandbox.tell(each)));
      expect(new Set(heard.map(({ status }) => status))).toEqual(new Set([401]));
      expect(await sandbox.tell(call, "x-nothing")).toMatchObject({ status: 401 });
      expect(await statusOf(invoiceId)).toBe("open");
      expect(await sandbox.tell(call)).toEqual({ status: 200, code: 0 });
      await becomes(house, invoiceId, "paid");
    });
    const everyBit = (signature: string, stride: number): readonly Call[] => {
      const bytes = Buffer.from(signature, "base64");
      return Array.from({ length: (bytes.length * 8) / stride }, (_, place) => {
        const bent = Buffer.from(bytes);
        const bit = place * stride;
        bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return { kind: "pay", body: "", signature: bent.toString("base64") };
      });
    };
    const everyByte = (call: Call, stride: number): readonly Call[] =>
      Array.from({ length: Math.floor(call.body.length / stride) }, (_, place) => {
        const bytes = Buffer.from(call.body, "latin1");
        const at = place * stride;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (place % 7));
        return { ...call, body: bytes.toString("latin1") };
      });

    test("a payment told again later changes nothing, and a check that comes after it is told that it is paid", async () => {
      const { viewer, invoiceId, transactionId } = await paidInSilence();
      const call = house.sandbox.call("pay", transactionId);
      await house.sandbox.tell(call);
      await becomes(house, invoiceId, "paid");
      const chain = await viewer.chain(invoiceId);
      expect(await house.sandbox.tell(call)).toEqual({ status: 200, code: 0 });
      const { code } = await house.sandbox.tell(house.sandbox.signed("check", call.body));
      expect(code).toBe(13);
      await until("all has been taken", nothingToDo);
      expect(await viewer.chain(invoiceId)).toEqual(chain);
    });
    const nothingToDo = async (): Promise<boolean> => {
      const rows = await house.store.driver.query(
        "select 1 from billing.intake where done_at is null and suspended_at is null and wait_until is null",
      );
      return rows.length === 0;
    };

    test("while bus, updater and tasks stand still check and pay are answered; once they go on, all is taken", async () => {
      const { viewer, invoiceId } = await newcomer();
      const window = await viewer.opensWindow(invoiceId);
      await house.rest();
      try {
        expect((await viewer.presses(window, CARD.good)).result).toBe("success");
        await house.sandbox.toldAll();
        expect(await statusOf(invoiceId)).toBe("open");
        expect(await viewer.mayWatch()).toBe(false);
      } finally {
        await house.goOn();
      }
      await becomes(house, invoiceId, "paid");
      expect(await viewer.mayWatch()).toBe(true);
    });

    test("a payment that comes before the question whether it may be made ends the same", async () => {
      const { viewer, invoiceId } = await newcomer();
      house.sandbox.askBefore(false);
      await house.sandbox.befall("lost", { operation: "pay" });
      const { attemptId } = await viewer.pays(invoiceId);
      const call = house.sandbox.call("pay", house.sandbox.movements(attemptId)[0]?.id ?? 0);
      await house.rest();
      try {
        expect(await house.sandbox.tell(call)).toEqual({ status: 200, code: 0 });
        expect(await house.sandbox.tell(house.sandbox.signed("check", call.body))).toEqual({ status: 200, code: 0 });
      } finally {
        await house.goOn();
      }
      await becomes(house, invoiceId, "paid");
      await until("all has been taken", nothingToDo);
      expect(await statusOf(invoiceId)).toBe("paid");
      expect((await viewer.invoice(invoiceId)).captures).toHaveLength(1);
    });

    test("a refund that is told before its payment waits for it", async () => {
      const { viewer, invoiceId, transactionId } = await paidInSilence();
      const { sandbox } = house;
      await sandbox.befall("lost", { operation: "refund" });
      await sandbox.refund(transactionId, PRICE);
      const refund = sandbox.transactions().find(({ originalId }) => originalId === transactionId);
      expect(await sandbox.tell(sandbox.call("refund", refund?.id ?? 0))).toEqual({ status: 200, code: 0 });
      await until("it waits", nothingToDo);
      expect(await statusOf(invoiceId)).toBe("open");
      expect(await sandbox.tell(sandbox.call("pay", transactionId))).toEqual({ status: 200, code: 0 });
      await becomes(house, invoiceId, "refunded");
      expect((await viewer.invoice(invoiceId)).refunded.amount).toBe(PRICE);
    });

    describe("money that does not fit waits for a person, opens nothing, and the payer may pay again", () => {
      test.each([
        ["another sum", { Amount: "298.99" }, "amount"],
        ["another currency", { Currency: "USD" }, "currency"],
        ["another account", { AccountId: "acc_01h455vb4pex5vsknk084sn02q" }, "account"],
        ["no account of ours", { AccountId: "somebody" }, "account"],
        ["only authorised", { Status: "Authorized" }, "only_authorised"],
      ])("%s", async (_, told, reason) => {
        const { viewer, invoiceId, transactionId } = await paidInSilence();
        const call = house.sandbox.call("pay", transactionId, told);
        expect(await house.sandbox.tell(call)).toEqual({ status: 200, code: 0 });
        await until("it is in suspense", async () => (await suspended(transactionId))?.reason === reason);
        expect(await statusOf(invoiceId)).toBe("open");
        expect(await viewer.mayWatch()).toBe(false);
        expect((await viewer.pays(invoiceId)).result).toBe("success");
        await becomes(house, invoiceId, "paid");
      });

      test("of the simulator's own making: a sum that is told wrong, and money that is only held", async () => {
        for (const [fault, operation, reason] of [
          ["wrong_amount", "pay", "amount"],
          ["only_authorised", "widget", "only_authorised"],
        ] as const) {
          const { viewer, invoiceId } = await newcomer();
          await house.sandbox.befall(fault, { operation });
          const { attemptId } = await viewer.pays(invoiceId);
          const [payment] = house.sandbox.movements(attemptId);
          await until("it is in suspense", async () => (await suspended(payment?.id ?? 0))?.reason === reason);
          expect(await viewer.mayWatch()).toBe(false);
          await until("an alarm is raised", async () =>
            house.reports.some(({ what, facts }) => what === "payment_mismatched" && facts["attemptId"] === attemptId),
          );
        }
      });

      test("a payment for nothing of ours is kept, and opens nothing", async () => {
        const { viewer, invoiceId, transactionId } = await paidInSilence();
        const call = house.sandbox.call("pay", transactionId, { InvoiceId: "order-17" });
        expect(await house.sandbox.tell(call)).toEqual({ status: 200, code: 0 });
        await until("it is in suspense", async () => (await suspended(transactionId))?.kind === "callback");
        expect(await statusOf(invoiceId)).toBe("open");
        expect(await viewer.mayWatch()).toBe(false);
      });
      const suspended = async (transactionId: number) =>
        (await house.operator.suspense()).find((each) => each.transactionId === String(transactionId));
    });

    test("of two tabs the older one can pay no more", async () => {
      const { viewer, invoiceId } = await newcomer();
      const older = await viewer.opensWindow(invoiceId);
      const newer = await viewer.opensWindow(invoiceId);
      expect((await viewer.presses(older, CARD.good)).result).toBe("fail");
      expect((await viewer.presses(newer, CARD.good)).result).toBe("success");
      await becomes(house, invoiceId, "paid");
      expect(netOf([older.attemptId, newer.attemptId])).toBe(29_900);
    });

    test("of two payers in one window the second is refused while the first stands in the bank's page", async () => {
      const { viewer, invoiceId } = await newcomer();
      const window = await viewer.opensWindow(invoiceId);
      const first = await viewer.presses(window, CARD.threeDs);
      const second = await viewer.presses(await anotherBrowser(window), CARD.good);
      expect([first.at, second.result]).toEqual(["bank", "fail"]);
      expect((await viewer.answersBank(first, "approve")).result).toBe("success");
      await becomes(house, invoiceId, "paid");
      expect(netOf([window.attemptId])).toBe(29_900);
    });
    const anotherBrowser = async <W extends { readonly url: string }>(window: W): Promise<W> => ({
      ...window,
      html: await (await fetch(window.url)).text(),
    });

    test("of two tabs that pay at the same time one payment is kept and the other goes back by itself", async () => {
      const { viewer, invoiceId } = await newcomer();
      house.sandbox.askBefore(false);
      const tabs = [await viewer.opensWindow(invoiceId), await viewer.opensWindow(invoiceId)];
      const pressed = await Promise.all(tabs.map((tab) => viewer.presses(tab, CARD.good)));
      expect(pressed.map(({ result }) => result)).toEqual(["success", "success"]);
      await becomes(house, invoiceId, "paid");
      await until("the second is there", async () => (await invoiceOf(house, invoiceId)).captures.length === 2);
      await becomes(house, invoiceId, "paid");
      expect(netOf(tabs.map(({ attemptId }) => attemptId))).toBe(29_900);
      expect(await viewer.mayWatch()).toBe(true);
    });

    test("a second payment of a paid invoice goes back by itself", async () => {
      const { viewer, invoiceId } = await newcomer();
      house.sandbox.askBefore(false);
      const window = await viewer.opensWindow(invoiceId);
      await viewer.presses(window, CARD.good);
      await becomes(house, invoiceId, "paid");
      await viewer.presses(await anotherBrowser(window), CARD.good);
      await until("the second is there", async () => (await invoiceOf(house, invoiceId)).captures.length === 2);
      await becomes(house, invoiceId, "paid");
      expect(netOf([window.attemptId])).toBe(29_900);
      const { captures } = await viewer.invoice(invoiceId);
      expect(Object.fromEntries(captures.map(({ role, returned }) => [role, returned.amount]))).toEqual({
        settling: "0.00",
        extra: PRICE,
      });
    });

    test("a payment that is told twice is taken once", async () => {
      const { viewer, invoiceId } = await newcomer();
      await house.sandbox.befall("duplicate", { operation: "pay" });
      await viewer.pays(invoiceId);
      await house.sandbox.toldAll();
      await becomes(house, invoiceId, "paid");
      expect((await viewer.invoice(invoiceId)).captures).toHaveLength(1);
    });

    test("a payment that is told only after a later one of another viewer is taken all the same", async () => {
      const [first, second] = [await newcomer(), await newcomer()];
      await house.sandbox.befall("reorder", { operation: "pay" });
      await first.viewer.pays(first.invoiceId);
      await second.viewer.pays(second.invoiceId);
      await becomes(house, second.invoiceId, "paid");
      await becomes(house, first.invoiceId, "paid");
    });
  });
