import { afterAll, afterEach, beforeAll, describe, expect, setSystemTime, test } from "bun:test";
import type { FaultName } from "../../src/adapters/sandbox/gateway/faults.ts";
import { readBooks } from "../support/books.ts";
import { becomes, factsOf, invoiceOf, type OnlineHouse, openOnlineHouse } from "../support/online-house.ts";
import { CARD } from "../support/online-viewer.ts";
import type { SqlStore } from "../support/stores.ts";
import { until } from "../support/until.ts";

const [SECOND_MS, HOUR_MS] = [1000, 3_600_000];

/**
 * What takes hours: deadlines, look-ups, refunds whose answer is lost. The process's own clock is moved, so that the real sweeps
 * find what is due; timers go on as ever.
 * @param faults what befalls a refund, one after the other
 */
export const lateStories = (name: string, open: () => Promise<SqlStore>, faults: readonly FaultName[]): void =>
  describe(`What takes hours, over HTTP: ${name}`, () => {
    let house: OnlineHouse;
    beforeAll(async () => {
      house = await openOnlineHouse(await open());
      wait(0);
    });
    afterEach(async () => {
      await house.sandbox.calm();
      house.sandbox.askBefore(true);
    });
    afterAll(async () => {
      try {
        const { theirs, ours, held } = await readBooks(house.store.driver, house.sandbox);
        expect(ours).toEqual([...theirs]);
        expect(held.ours).toBe(held.theirs);
        expect(house.broken).toEqual([]);
      } finally {
        setSystemTime();
        await house.close();
      }
    });

    /** Moves the clock; between moves it stands still. */
    const wait = (ms: number): void => {
      setSystemTime(new Date(Date.now() + ms));
    };
    /** Time runs, far faster than in the world, until something has come about. */
    const timeRunsUntil = (what: string, holds: () => Promise<boolean>): Promise<void> =>
      until(what, async () => {
        if (await holds()) return true;
        wait(20 * SECOND_MS);
        return false;
      });
    const newcomer = async () => {
      const viewer = await house.viewer();
      return { viewer, ...(await viewer.subscribes()) };
    };
    const statusOf = async (invoiceId: string): Promise<string> => (await invoiceOf(house, invoiceId)).invoice.status;

    /** The gateway has asked, and its question is on record: without it there would be nothing to look up. */
    const isChecked = (invoiceId: string): Promise<void> =>
      until("the check is on record", async () => (await factsOf(house, invoiceId)).includes("CheckAccepted"));

    test("a payment whose notification is lost is found when its hour is over", async () => {
      const { viewer, invoiceId } = await newcomer();
      await house.sandbox.befall("lost", { operation: "pay" });
      expect((await viewer.pays(invoiceId)).result).toBe("success");
      await isChecked(invoiceId);
      expect(await statusOf(invoiceId)).toBe("open");
      wait(HOUR_MS);
      await becomes(house, invoiceId, "paid");
      await viewer.comesBack();
      expect(await viewer.mayWatch()).toBe(true);
      expect((await viewer.chain(invoiceId)).slice(-3)).toEqual(["PaymentUnknown", "PaymentSucceeded", "InvoicePaid"]);
    });

    test("a decline whose notification is lost is found when its hour is over", async () => {
      const { viewer, invoiceId } = await newcomer();
      await house.sandbox.befall("lost", { operation: "fail" });
      expect((await viewer.pays(invoiceId, CARD.poor)).result).toBe("fail");
      await isChecked(invoiceId);
      wait(HOUR_MS);
      await until("it is declined", async () => (await invoiceOf(house, invoiceId)).attempts[0]?.status === "declined");
      await viewer.comesBack();
      expect((await viewer.pays(invoiceId)).result).toBe("success");
      await becomes(house, invoiceId, "paid");
    });

    test("an invoice that nobody pays expires, its window pays no more, and what comes all the same goes back", async () => {
      const { viewer, subscriptionId, invoiceId } = await newcomer();
      const window = await viewer.opensWindow(invoiceId);
      wait(24 * HOUR_MS);
      await becomes(house, invoiceId, "expired");
      expect((await viewer.presses(window, CARD.good)).result).toBe("fail");
      house.sandbox.askBefore(false);
      const again = { ...window, html: await (await fetch(window.url)).text() };
      expect((await viewer.presses(again, CARD.good)).result).toBe("success");
      await until("the money has come", async () => (await invoiceOf(house, invoiceId)).captures.length === 1);
      await becomes(house, invoiceId, "expired");
      const [, payment, refund] = house.sandbox.movements(window.attemptId);
      expect([payment?.minor, refund?.minor, refund?.originalId]).toEqual([29_900, 29_900, payment?.id]);
      await viewer.comesBack();
      expect(await viewer.subscription(subscriptionId)).toMatchObject({ status: "ended" });
      expect(await viewer.mayWatch()).toBe(false);
    });

    test("money for an attempt that we never made waits a day for it, and then for a person", async () => {
      const { viewer, invoiceId } = await newcomer();
      await house.sandbox.befall("lost", { operation: "pay" });
      const { attemptId } = await viewer.pays(invoiceId);
      const id = house.sandbox.movements(attemptId)[0]?.id ?? 0;
      const unknown = { InvoiceId: "att_01h455vb4pex5vsknk084sn02q" };
      expect(await house.sandbox.tell(house.sandbox.call("pay", id, unknown))).toEqual({ status: 200, code: 0 });
      const waits = async (): Promise<boolean> =>
        (
          await house.store.driver.query(
            "select 1 from billing.intake where transaction_id = $1 and wait_until is not null",
            [String(id)],
          )
        ).length === 1;
      await until("it waits", waits);
      wait(24 * HOUR_MS);
      await until("it is on the suspense list", async () =>
        (await house.operator.suspense()).some(({ transactionId }) => transactionId === String(id)),
      );
      // It is told once the row is there, so a moment later.
      await until("a person is told why", () =>
        house.reports.some(({ what, facts }) => what === "intake_suspended" && facts["reason"] === "not_found"),
      );
    });

    describe("a refund goes back once, whatever befalls the request", () => {
      for (const fault of faults)
        test(fault, async () => {
          const { viewer, invoiceId } = await newcomer();
          const { attemptId } = await viewer.pays(invoiceId);
          await becomes(house, invoiceId, "paid");
          await house.sandbox.befall(fault, { operation: "/payments/refund" });
          await refundAll(invoiceId);
          // What never got there is proved by look-ups that lie minutes apart, and asked anew under another id.
          const isAskedAnew = fault === "never_arrives" || fault === "500";
          const isBack = async (): Promise<boolean> => (await statusOf(invoiceId)) === "refunded";
          await (isAskedAnew ? timeRunsUntil("it has gone back", isBack) : until("it has gone back", isBack));
          await house.sandbox.toldAll();
          const [payment, ...back] = house.sandbox.movements(attemptId);
          expect(back).toMatchObject([{ type: 1, minor: 29_900, originalId: payment?.id }]);
          await viewer.comesBack();
          const { refunds, refunded } = await viewer.invoice(invoiceId);
          expect(refunds.map(({ status }) => status).sort()).toEqual(isAskedAnew ? ["done", "failed"] : ["done"]);
          expect(refunded.amount).toBe("299.00");
          expect(await viewer.mayWatch()).toBe(false);
        });
      const refundAll = async (invoiceId: string): Promise<void> => {
        const [paid] = await house.operator.payments(invoiceId);
        if (paid === undefined) throw new Error("it was paid");
        const { gatewayAccount, transactionId, left: amount } = paid;
        const refund = { type: "payment.refund", invoiceId, gatewayAccount, transactionId, amount, access: "end" };
        expect(await house.operator.ask(refund)).toMatchObject({ ok: true });
      };
    });
  });
