import { expect, test } from "bun:test";
import type { Executed } from "../../src/core/billing/billing.ts";
import { invoiceStream } from "../../src/core/billing/stream.ts";
import type { InvoiceId, SubscriptionId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports/store.ts";
import {
  accountNamed,
  type Cinema,
  cardNamed,
  GATEWAY,
  MOSCOW,
  openCinema,
  PREMIUM,
  rub,
  transactionNamed,
} from "../support/cinema.ts";

/** Races of the real core over a real store; each starts everything at once and counts what has come of it. */
export const races = (open: () => Promise<Store>): void => {
  const withCinema = async (run: (cinema: Cinema) => Promise<void>): Promise<void> => {
    const store = await open();
    const cinema = openCinema(store);
    await cinema.sell();
    await run(cinema);
    await store.close();
  };
  const accepted = (executed: readonly Executed[]) =>
    executed.flatMap((one) => (one.status === "done" && one.outcome.ok ? [one.outcome.value] : []));
  /** Who met too many others at once comes back, as a consumer would. */
  const insist = async (run: () => Promise<Executed>): Promise<Executed> => {
    for (;;) {
      const executed = await run();
      if (executed.status === "done") return executed;
      expect(executed.fault.code).toBe("contention");
    }
  };
  const times = <T>(n: number, run: (i: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: n }, (_, i) => run(i)));

  test(
    "of 100 starts with one id there is one subscription, and all are told of it",
    () =>
      withCinema(async (cinema) => {
        const accountId = accountNamed("one id");
        const start = { type: "subscription.start", accountId, plan: PREMIUM, zone: MOSCOW, consent: null } as const;
        const executed = await times(100, () => insist(() => cinema.byPayer(accountId, start, "the same key")));
        expect(new Set(accepted(executed).map((told) => told["subscriptionId"])).size).toBe(1);
        expect(accepted(executed)).toHaveLength(100);
        const subscriptions = await cinema.store.queries.subscriptionsOf(accountId, { after: null, limit: 200 });
        expect(subscriptions.ok && subscriptions.value).toHaveLength(1);
      }),
    60_000,
  );

  test(
    "of 100 starts with 100 ids there is one open invoice",
    () =>
      withCinema(async (cinema) => {
        const accountId = accountNamed("many ids");
        const start = { type: "subscription.start", accountId, plan: PREMIUM, zone: MOSCOW, consent: null } as const;
        const executed = await times(100, (i) => insist(() => cinema.byPayer(accountId, start, `key ${i}`)));
        expect(new Set(accepted(executed).map((told) => told["invoiceId"])).size).toBe(1);
        const invoices = await cinema.store.queries.invoicesOf(accountId, { after: null, limit: 200 });
        expect(invoices.ok && invoices.value.filter(({ status }) => status === "open")).toHaveLength(1);
        expect(invoices.ok && invoices.value).toHaveLength(1);
      }),
    60_000,
  );

  test(
    "of 100 refunds of 10 of a capture of 100, ten are made",
    () =>
      withCinema(async (cinema) => {
        const accountId = accountNamed("refunds");
        const { invoiceId } = await cinema.start(accountId);
        const attemptId = await cinema.offer(accountId, invoiceId);
        await cinema.pay(attemptId, rub(29_900), "t1");
        const refund = {
          type: "payment.refund",
          invoiceId,
          gatewayAccount: GATEWAY,
          transactionId: transactionNamed("t1"),
          amount: rub(2990),
          access: "keep",
        } as const;
        // One refund of a capture is in flight at a time: each waits for its turn, is made, or is told that nothing is left.
        const outcomes = await times(100, async (i) => {
          for (let tries = 0; ; tries += 1) {
            const executed = await insist(() =>
              cinema.ask({ kind: "staff", name: "f", role: "finance" }, refund, `refund ${i} ${tries}`),
            );
            if (executed.status !== "done") continue;
            if (!executed.outcome.ok) {
              if (executed.outcome.refusal.code === "refund_in_flight") continue;
              return executed.outcome.refusal.code;
            }
            const refundId = executed.outcome.value["refundId"] as never;
            await insist(() =>
              cinema.byGateway(
                { type: "refund.succeed", refundId, transactionId: transactionNamed(`r${i}`), amount: rub(2990) },
                `done ${i}`,
              ),
            );
            return "refunded";
          }
        });
        expect(outcomes.filter((outcome) => outcome === "refunded")).toHaveLength(10);
        expect(new Set(outcomes)).toEqual(new Set(["refunded", "refund_above_captured"]));
        const rows = await cinema.store.queries.invoice(invoiceId);
        expect(rows.ok && rows.value?.invoice.status).toBe("refunded");
        expect(rows.ok && rows.value?.captures[0]?.returnedMinor).toBe(29_900n);
      }),
    120_000,
  );

  test(
    "a charge's intent and a withdrawal of consent never both come first",
    () =>
      withCinema(async (cinema) => {
        let charged = 0;
        for (let round = 0; round < 20; round += 1) {
          const accountId = accountNamed(`withdraws ${round}`);
          const invoiceId = await renewalOut(cinema, accountId, `${round}`);
          const [charge] = await Promise.all([
            insist(() => cinema.bySystem({ type: "invoice.charge", invoiceId, cardId: null })),
            insist(() => cinema.byPayer(accountId, { type: "consent.withdraw", accountId })),
          ]);
          const chain = await cinema.store.queries.events(invoiceStream(invoiceId), 0, 100);
          const customer = await cinema.store.queries.events(`customer/${accountId}`, 0, 100);
          if (!chain.ok || !customer.ok) throw new Error("the store answers");
          const started = chain.value.find(({ event }) => event.type === "ChargeStarted");
          const withdrawn = customer.value.find(({ event }) => event.type === "ConsentWithdrawn");
          expect(withdrawn).toBeDefined();
          expect(started !== undefined).toBe(charge.status === "done" && charge.outcome.ok);
          if (started !== undefined) charged += 1;
          // After the withdrawal no further intent is accepted.
          const again = await cinema.bySystem({ type: "invoice.charge", invoiceId, cardId: null });
          expect(again.status === "done" && again.outcome.ok).toBe(false);
        }
        process.stdout.write(`charge against withdrawal: ${charged} of 20 charged first\n`);
      }),
    120_000,
  );
};

/** A subscriber with card and consent whose first renewal has just been invoiced, its notice given. */
const renewalOut = async (
  cinema: Cinema,
  accountId: ReturnType<typeof accountNamed>,
  name: string,
): Promise<InvoiceId> => {
  cinema.moveTo("2026-01-31T09:00:00Z");
  const { subscriptionId, invoiceId } = await cinema.start(accountId);
  const attemptId = await cinema.offer(accountId, invoiceId, "v1");
  await cinema.pay(attemptId, rub(29_900), `first ${name}`.replace(" ", "-"), cardNamed(name));
  cinema.moveTo("2026-02-25T08:30:00Z");
  const subscription = await cinema.store.queries.subscription(subscriptionId as SubscriptionId);
  const boundary = subscription.ok ? (subscription.value?.periodEnd ?? null) : null;
  if (boundary === null) throw new Error("the subscription is active");
  cinema.told(await cinema.bySystem({ type: "subscription.give_notice", subscriptionId }));
  cinema.moveTo(boundary);
  cinema.told(await cinema.bySystem({ type: "subscription.pass_boundary", subscriptionId }));
  const after = await cinema.store.queries.subscription(subscriptionId);
  return ((after.ok && after.value?.openInvoice) || "") as InvoiceId;
};
