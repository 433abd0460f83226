import { describe, expect, test } from "bun:test";
import type { CommitFaults } from "../../../src/adapters/memory/storage.ts";
import { openMemory } from "../../../src/adapters/memory/store.ts";
import { billing, type Executed } from "../../../src/core/billing/billing.ts";
import type { Command } from "../../../src/core/billing/command.ts";
import { invoiceStream } from "../../../src/core/billing/stream.ts";
import type { Commit, CommitFailure, Storage } from "../../../src/core/ports/storage.ts";
import { err } from "../../../src/core/result.ts";
import {
  AT_GATEWAY,
  accountNamed,
  BASIC,
  type Cinema,
  commandNamed,
  GATEWAY,
  openCinema,
  PRICE,
  payer,
  refusalOf,
  rub,
  SYSTEM,
  sha256,
  staff,
  told,
  transactionNamed,
} from "../../support/cinema.ts";
import { tellOf } from "../../support/due-work.ts";
import { SOFT } from "../../support/gateway.ts";
import { openHouse, openHouseOfSubscriber, subscribes } from "../../support/house.ts";
import { invoiced, startOf } from "./situations.ts";

const CONFLICTS: Readonly<Record<string, CommitFailure>> = {
  version: { code: "version_conflict", stream: "plan/premium" as never },
  unique: { code: "unique_conflict", constraint: "invoices_one_open" },
};

/** A storage that loses races: the first `times` commits meet a failure, before which somebody else acts. */
const losing = (
  storage: Storage,
  times: number,
  failure: CommitFailure,
  meanwhile = async (): Promise<unknown> => null,
): Storage & { readonly tries: number } => {
  const counted = { tries: 0 };
  return {
    ...storage,
    get tries() {
      return counted.tries;
    },
    commit: async (commits) => {
      counted.tries += 1;
      if (counted.tries > times) return storage.commit(commits);
      await meanwhile();
      return commits.map(() => err(failure));
    },
  };
};
const over = (cinema: Cinema, storage: Storage) =>
  billing({
    storage,
    clock: { now: async () => cinema.at() },
    digest: sha256,
    policy: cinema.policy,
    gatewayAccount: GATEWAY,
  });
const accountId = accountNamed("anna");
const START = startOf(accountId);

describe("whoever wrote first", () => {
  test.each(Object.entries(CONFLICTS))("by %s: decided again, three times", async (_, failure) => {
    const { cinema, store } = await openHouse();
    const storage = losing(store.storage, 3, failure);
    const executed = await over(cinema, storage).execute(cinema.received(payer(accountId), START));
    expect([refusalOf(executed)["code"], storage.tries]).toEqual(["accepted", 4]);
  });

  test.each(Object.entries(CONFLICTS))("by %s: then a fault that says to come back", async (_, failure) => {
    const { cinema, store, anna } = await openHouse();
    const storage = losing(store.storage, 4, failure);
    const executed = await over(cinema, storage).execute(cinema.received(payer(accountId), START));
    expect(executed).toMatchObject({ status: "failed", fault: { code: "contention" } });
    expect([storage.tries, await anna.subscriptions()]).toEqual([4, []]);
  });

  test("a decision made again sees what was written meanwhile: a charge gives way to a withdrawal of consent", async () => {
    const house = await invoiced();
    const invoiceId = await house.anna.invoiceId();
    // The claim has been decided, its commit not yet written, when the payer takes his consent back.
    const conflict: CommitFailure = { code: "version_conflict", stream: `customer/${house.anna.accountId}` };
    const storage = losing(house.store.storage, 1, conflict, () => house.anna.withdrawsConsent());
    const charge = house.cinema.received(SYSTEM, { type: "invoice.charge", invoiceId, cardId: null });
    const executed = await over(house.cinema, storage).execute(charge);
    expect(refusalOf(executed)["code"]).toBe("consent_missing");
    expect((await house.cinema.chain(invoiceStream(invoiceId))).map(({ type }) => type)).not.toContain("ChargeStarted");
  });

  test("the store itself orders the two: what a charge has only read must still stand", async () => {
    // Past due a withdrawal leaves the invoice as it is: nothing but the customer's stream tells of it.
    const house = await openHouseOfSubscriber({ fates: [SOFT] });
    await house.playTo("2026-02-28 13:00");
    house.sleepTo("2026-03-01 12:00");
    const invoiceId = await house.anna.invoiceId();
    let late: (() => Promise<unknown>) | null = () => house.anna.withdrawsConsent();
    const storage: Storage = {
      ...house.store.storage,
      commit: async (commits) => {
        const act = late;
        late = null;
        await act?.();
        return house.store.storage.commit(commits);
      },
    };
    const charge = house.cinema.received(SYSTEM, { type: "invoice.charge", invoiceId, cardId: null });
    expect(refusalOf(await over(house.cinema, storage).execute(charge))["code"]).toBe("consent_missing");
  });
});

describe("a store that does not answer", () => {
  const withFaults = async (...faults: ReturnType<CommitFaults>[]) => {
    let armed = false;
    const store = openMemory({ faults: () => (armed ? (faults.shift() ?? null) : null) });
    const cinema = openCinema(store);
    await cinema.sell();
    armed = true;
    return { store, cinema };
  };

  test("has written nothing: the caller may try again", async () => {
    const { cinema } = await withFaults("unavailable");
    const start = cinema.received(payer(accountId), START);
    expect(await cinema.updater.execute(start)).toMatchObject({
      status: "failed",
      fault: { code: "storage_unavailable" },
    });
    expect(refusalOf(await cinema.updater.execute(start))["code"]).toBe("accepted");
  });

  test("may have written all: the outcome tells, and nothing is done twice", async () => {
    const { cinema, store } = await withFaults({ lostAfter: 1 });
    const executed = await cinema.updater.execute(cinema.received(payer(accountId), START, "one key"));
    expect(executed).toMatchObject({ status: "done", repeated: true, outcome: { ok: true } });
    const subscriptions = await store.queries.subscriptionsOf(accountId, { after: null, limit: 9 });
    expect(subscriptions.ok && subscriptions.value).toHaveLength(1);
  });

  test("may have written nothing: then it is decided again", async () => {
    const { cinema } = await withFaults({ lostAfter: 0 }, { lostAfter: 0 });
    const executed = await cinema.updater.execute(cinema.received(payer(accountId), START));
    expect(executed).toMatchObject({ status: "done", repeated: false, outcome: { ok: true } });
  });

  test("and stays silent about the outcome: the caller is told that it is not known", async () => {
    const { cinema, store } = await openHouse();
    const command = cinema.received(payer(accountId), START);
    const unknown: CommitFailure = { code: "commit_unknown", commandId: command.id };
    const silent: Storage = {
      ...losing(store.storage, 1, unknown),
      outcome: async () => err({ code: "storage_unavailable", detail: "silent" }),
    };
    expect(await over(cinema, silent).execute(command)).toEqual({ status: "failed", fault: unknown });
  });

  test("cannot be read: nothing is decided", async () => {
    const { cinema, store } = await openHouse();
    const down = { code: "storage_unavailable", detail: "down" } as const;
    const unread: Storage = { ...store.storage, load: async () => err(down) };
    const commands = [START, START].map((command) => cinema.received(payer(accountId), command));
    expect(await over(cinema, unread).executeAll(commands)).toEqual([
      { status: "failed", fault: down },
      { status: "failed", fault: down },
    ]);
  });
});

describe("a batch", () => {
  /** Counts the commits that were written together. */
  const counting = (storage: Storage) => {
    const sizes: number[] = [];
    return {
      sizes,
      storage: {
        ...storage,
        commit: (commits: readonly Commit[]) => {
          sizes.push(commits.length);
          return storage.commit(commits);
        },
      },
    };
  };
  const codes = (executed: readonly Executed[]) => executed.map((one) => refusalOf(one)["code"]);

  test("of different accounts is written in one transaction, each answered in order", async () => {
    const { cinema, store } = await openHouse();
    const { sizes, storage } = counting(store.storage);
    const names = Array.from({ length: 20 }, (_, n) => accountNamed(`viewer ${n}`));
    const starts = names.map((one) => cinema.received(payer(one), startOf(one)));
    const executed = await over(cinema, storage).executeAll(starts);
    expect(sizes).toEqual([20]);
    for (const [n, one] of executed.entries()) {
      const subscription = await store.queries.subscription(told(one)["subscriptionId"] as never);
      expect(subscription.ok && subscription.value?.accountId).toBe(names[n]);
    }
  });

  test("of one account is done in the order in which it came", async () => {
    const { cinema, anna, store } = await openHouse();
    await subscribes(anna);
    const subscriptionId = await anna.subscriptionId();
    const commands: readonly Command[] = [
      startOf(accountId, BASIC), // While it runs, another plan is a change.
      { type: "subscription.stop", subscriptionId },
      startOf(accountId, BASIC), // After the stop it is queued.
      { type: "subscription.undo_stop", subscriptionId }, // And then the end may not move.
    ];
    const received = commands.map((command) => cinema.received(payer(anna.accountId), command));
    const executed = await over(cinema, store.storage).executeAll(received);
    expect(codes(executed)).toEqual(["change_of_plan", "accepted", "accepted", "place_taken"]);
  });

  test("each command is judged by what the ones before it have done, not by what stood before the batch", async () => {
    const { cinema, anna, gateway, store } = await openHouse();
    await anna.starts();
    const attemptId = await anna.opensWidget();
    const taken = gateway.take(attemptId, PRICE);
    const { transactionId } = taken;
    const [subscriptionId, invoiceId] = [await anna.subscriptionId(), await anna.invoiceId()];
    const received = [
      cinema.received(AT_GATEWAY, tellOf(taken)),
      cinema.received(payer(anna.accountId), {
        type: "subscription.pause",
        subscriptionId,
        when: "now",
        until: "2026-02-10",
      }),
      cinema.received(staff("finance"), {
        type: "payment.refund",
        invoiceId,
        gatewayAccount: GATEWAY,
        transactionId,
        amount: rub(1),
        access: "keep",
      }),
    ];
    expect(codes(await over(cinema, store.storage).executeAll(received))).toEqual(["accepted", "accepted", "accepted"]);
  });

  test("a fact about a payment that an earlier one of the batch tells of is not lost", async () => {
    const { cinema, anna, gateway, store } = await openHouse();
    await anna.starts();
    const attemptId = await anna.opensWidget();
    const taken = gateway.take(attemptId, PRICE);
    const { transactionId } = taken;
    const back = {
      gatewayAccount: GATEWAY,
      captureTransactionId: transactionId,
      transactionId: transactionNamed("back"),
      amount: rub(1),
    } as const;
    const commands: readonly Command[] = [
      tellOf(taken),
      { type: "refund.report", ...back },
      { type: "payment.charge_back", gatewayAccount: GATEWAY, transactionId },
    ];
    const received = commands.map((command) => cinema.received(AT_GATEWAY, command));
    expect(codes(await over(cinema, store.storage).executeAll(received))).toEqual(["accepted", "accepted", "accepted"]);
    expect((await anna.invoiceRows()).captures).toMatchObject([{ returnedMinor: 1n, dispute: "open" }]);
  });

  test("one command delivered twice in it is done once, and both are told", async () => {
    const { cinema, anna, store } = await openHouse();
    const once = cinema.received(payer(anna.accountId), START, "one key");
    const [first, second] = await over(cinema, store.storage).executeAll([once, { ...once }]);
    expect([first, second]).toMatchObject([
      { status: "done", repeated: false },
      { status: "done", repeated: true },
    ]);
    expect(await anna.subscriptions()).toHaveLength(1);
  });

  test("one that loses every race fails alone", async () => {
    const { cinema, anna, boris, store } = await openHouse();
    const unlucky = commandNamed("unlucky");
    const storage: Storage = {
      ...store.storage,
      commit: async (commits) => {
        const results = await store.storage.commit(commits.filter(({ command }) => command.id !== unlucky));
        const conflict = err({ code: "unique_conflict", constraint: "of somebody else" } as const);
        let next = 0;
        return commits.map(({ command }) => (command.id === unlucky ? conflict : (results[next++] ?? conflict)));
      },
    };
    const received = [
      cinema.received(payer(anna.accountId), startOf(anna.accountId), "unlucky"),
      cinema.received(payer(boris.accountId), startOf(boris.accountId)),
    ];
    const executed = await over(cinema, storage).executeAll(received);
    expect(executed).toMatchObject([{ status: "failed", fault: { code: "contention" } }, { status: "done" }]);
  });

  test("an empty one is answered with nothing", async () => {
    const { cinema, store } = await openHouse();
    expect(await over(cinema, store.storage).executeAll([])).toEqual([]);
  });
});
