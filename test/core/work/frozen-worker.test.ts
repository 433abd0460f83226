import { expect, test } from "bun:test";
import { MINUTE_MS } from "../../../src/core/time.ts";
import { workOn } from "../../../src/core/work/work.ts";
import { commandNamed, GATEWAY, PRICE, rub, sha256, staff } from "../../support/cinema.ts";
import { openShop, paid } from "../../support/shop.ts";

test("a worker that stood still for half an hour between two tries does not send what has been given to another", async () => {
  const shop = await openShop();
  const opened = await shop.opensWidget();
  const { transactionId } = shop.payments.take(opened.attemptId, PRICE, { accountId: opened.accountId });
  await shop.tell(paid(opened, { transactionId }));
  await shop.settle();
  const amount = rub(10_000);
  await shop.state.execute({
    id: commandNamed("refund"),
    fingerprint: "refund",
    actor: staff("owner"),
    receivedAt: shop.now(),
    command: {
      type: "payment.refund",
      invoiceId: opened.invoiceId,
      gatewayAccount: GATEWAY,
      transactionId,
      amount,
      access: "keep",
    },
  });
  /** A part of the payment: the gateway itself would not mind to give it back twice. */
  const refunded = () => shop.payments.books.flatMap((one) => (one.kind === "refund" ? [one.amount] : []));

  const frozen = workOn({
    billing: shop.state,
    queries: shop.store.queries,
    paymentsOf: () => shop.payments,
    digest: sha256,
    reports: () => undefined,
    now: shop.now,
    newRun: () => "frozen",
    pause: async () => {
      for (let minute = 0; minute < 30; minute += 1) {
        shop.wait(MINUTE_MS);
        await shop.works();
      }
      expect(refunded()).toEqual([amount]);
    },
  });
  const row = (await shop.due()).find(({ kind }) => kind === "send_refund");
  if (row === undefined) throw new Error("it is due");
  shop.befall("unavailable");
  await frozen(row);
  expect(refunded()).toEqual([amount]);
});
