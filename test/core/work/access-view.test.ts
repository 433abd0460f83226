import { describe, expect, test } from "bun:test";
import type { RowOf } from "../../../src/core/billing/read-model.ts";
import type { AccountId, TransactionId } from "../../../src/core/ids.ts";
import type { Queries } from "../../../src/core/ports/queries.ts";
import { err, ok } from "../../../src/core/result.ts";
import { type Instant, MINUTE_MS, plusMs, SECOND_MS } from "../../../src/core/time.ts";
import { accessView } from "../../../src/core/work/access-view.ts";
import { relaying } from "../../../src/core/work/relay.ts";
import { answered, commandNamed, GATEWAY, PRICE, START, staff } from "../../support/cinema.ts";
import { hour, newAccount, row } from "../../support/commits.ts";
import { openShop, paid } from "../../support/shop.ts";

type Access = RowOf<"access">;

/** A view that has just heard a beat, and its wall clock in our hand. The database holds what a test puts into it. */
const open = ({ most }: { readonly most?: number } = {}) => {
  const rows = new Map<AccountId, readonly Access[]>();
  const held: { readonly account: AccountId; answer(): void }[] = [];
  let [at, reads, isHeld]: [Instant, number, boolean] = [START, 0, false];
  const queries: Pick<Queries, "accessRows"> = {
    accessRows: async (account) => {
      reads += 1;
      const found = rows.get(account) ?? [];
      if (!isHeld) return ok(found);
      return new Promise((resolve) => void held.push({ account, answer: () => resolve(ok(found)) }));
    },
  };
  const wall = () => at;
  const view = accessView(most === undefined ? { queries, wall } : { queries, wall, most });
  view.beat(at);
  return {
    view,
    wall,
    may: async (account: AccountId, when: Instant = hour(0)) => answered(await view.access(account, when)),
    /** Commits this to be all that an account may watch. */
    commit: (account: AccountId, ...granted: readonly Partial<Access>[]): readonly Access[] => {
      const all = granted.map((one) => row("access", { accountId: account, ...one }).row);
      rows.set(account, all);
      return all;
    },
    reads: () => reads,
    /** From now on the database has looked, and does not answer until it is told to. */
    holds: () => {
      isHeld = true;
    },
    answers: () => {
      isHeld = false;
      for (const { answer } of held.splice(0)) answer();
    },
    passes: (ms: number) => {
      at = plusMs(at, ms);
    },
  };
};
const [anna, boris] = [newAccount(), newAccount()];

describe("The access view", () => {
  test("reads an account once, and then answers from memory", async () => {
    const { may, commit, reads, holds } = open();
    const [granted] = commit(anna, {});
    expect(await may(anna)).toEqual(granted ?? null);
    holds();
    expect(await may(anna)).toEqual(granted ?? null);
    expect(reads()).toBe(1);
  });

  test("remembers as well who may not watch", async () => {
    const { may, reads } = open();
    expect([await may(anna), await may(anna)]).toEqual([null, null]);
    expect(reads()).toBe(1);
  });

  test("reads once for many who ask about one account at once, each for its own instant", async () => {
    const { may, commit, reads } = open();
    const [high, low] = commit(
      anna,
      { tier: 2, fromAt: hour(1), untilAt: hour(2) },
      { fromAt: hour(0), untilAt: hour(9) },
    );
    const asked = [0, 1, 2, 9].map((n) => may(anna, hour(n)));
    expect(await Promise.all(asked)).toEqual([low ?? null, high ?? null, low ?? null, null]);
    expect(reads()).toBe(1);
  });

  test("forgets an account when it hears a fact about it, and no other", async () => {
    const { view, may, commit, reads } = open();
    await may(anna);
    await may(boris);
    const [granted] = commit(anna, {});
    expect(await may(anna)).toBeNull();
    await view.heard({ accountId: null });
    await view.heard({ accountId: anna });
    expect(await may(anna)).toEqual(granted ?? null);
    await may(boris);
    expect(reads()).toBe(3);
  });

  test("does not keep what was read before a fact that it heard meanwhile", async () => {
    const { view, may, commit, holds, answers } = open();
    holds();
    const early = may(anna);
    const [granted] = commit(anna, {});
    await view.heard({ accountId: anna });
    answers();
    expect(await early).toBeNull();
    expect(await may(anna)).toEqual(granted ?? null);
  });

  test("tells nobody who asks after a fact what a read from before it finds", async () => {
    const { view, may, commit, holds, answers } = open();
    holds();
    const early = may(anna);
    const [granted] = commit(anna, {});
    await view.heard({ accountId: anna });
    const late = may(anna);
    answers();
    expect([await early, await late, await may(anna)]).toEqual([null, granted ?? null, granted ?? null]);
  });

  test("keeps nothing of a read that ends over a gap", async () => {
    const { view, wall, may, commit, holds, answers } = open();
    holds();
    const early = may(anna);
    const [granted] = commit(anna, {});
    view.gap();
    view.beat(wall());
    answers();
    expect(await early).toBeNull();
    expect(await may(anna)).toEqual(granted ?? null);
  });

  test("forgets all accounts at a gap", async () => {
    const { view, wall, may, commit } = open();
    await may(anna);
    const [granted] = commit(anna, {});
    view.gap();
    view.beat(wall());
    expect(await may(anna)).toEqual(granted ?? null);
  });

  test("reads anew at the next instant at which a row begins or ends, and before the last one", async () => {
    const { may, commit, reads } = open();
    const [first, second] = commit(anna, { fromAt: hour(1), untilAt: hour(2) }, { fromAt: hour(3), untilAt: hour(4) });
    const asked: readonly (readonly [at: Instant, answer: Access | undefined, reads: number])[] = [
      [hour(0), undefined, 1],
      [plusMs(hour(1), -1), undefined, 1],
      [hour(1), first, 2],
      [plusMs(hour(2), -1), first, 2],
      [hour(2), undefined, 3],
      [hour(3), second, 4],
      [hour(4), undefined, 5],
      [hour(999), undefined, 5],
      [plusMs(hour(4), -1), second, 6],
    ];
    for (const [at, answer, after] of asked) {
      expect(await may(anna, at)).toEqual(answer ?? null);
      expect(reads()).toBe(after);
    }
  });

  test("is bypassed before the first beat and after a gap, and then keeps nothing", async () => {
    const { view, wall, may, commit, reads } = open();
    view.gap();
    await may(anna);
    const [granted] = commit(anna, {});
    expect(await may(anna)).toEqual(granted ?? null);
    expect(reads()).toBe(2);
    expect(view.state()).toEqual({ entries: 0, lastBeatAt: null, isTrusted: false });
    view.beat(wall());
    await may(anna);
    await may(anna);
    expect(reads()).toBe(3);
    expect(view.state()).toEqual({ entries: 1, lastBeatAt: wall(), isTrusted: true });
  });

  test("is bypassed when the last beat is older than 15 s, until there is another", async () => {
    const { view, wall, may, reads, passes } = open();
    await may(anna);
    passes(15 * SECOND_MS);
    await may(anna);
    expect(reads()).toBe(1);
    passes(1);
    await may(anna);
    await may(boris);
    expect(reads()).toBe(3);
    expect(view.state()).toMatchObject({ entries: 1, isTrusted: false });
    view.beat(wall());
    await may(anna);
    await may(boris);
    expect(reads()).toBe(4);
  });

  test("counts a beat from when all was heard, not from when it came", async () => {
    const { view, wall, may, reads, passes } = open();
    passes(60 * SECOND_MS);
    view.beat(plusMs(wall(), -15 * SECOND_MS));
    await may(anna);
    await may(anna);
    expect(reads()).toBe(1);
    view.beat(plusMs(wall(), -20 * SECOND_MS));
    expect(view.state().lastBeatAt).toBe(plusMs(wall(), -15 * SECOND_MS));
    passes(1);
    await may(anna);
    expect(reads()).toBe(2);
  });

  test("is trusted no longer for a beat from a clock that is ahead", () => {
    const { view, wall, passes } = open();
    passes(60 * SECOND_MS);
    view.beat(plusMs(wall(), 2 * SECOND_MS));
    passes(15 * SECOND_MS);
    expect(view.state().isTrusted).toBe(true);
    passes(1);
    expect(view.state().isTrusted).toBe(false);
  });

  test("is bypassed when its own clock was set back, until the next beat, and reads all anew", async () => {
    const { view, wall, may, reads, passes } = open();
    await may(anna);
    passes(-60 * MINUTE_MS);
    await may(anna);
    expect(reads()).toBe(2);
    view.beat(wall());
    await may(anna);
    await may(anna);
    expect(reads()).toBe(3);
  });

  test("reads a quiet account again after five minutes", async () => {
    const { view, wall, may, reads, passes } = open();
    await may(anna);
    passes(5 * MINUTE_MS);
    view.beat(wall());
    await may(anna);
    expect(reads()).toBe(1);
    passes(1);
    await may(anna);
    await may(anna);
    expect(reads()).toBe(2);
  });

  test("holds no more accounts than it may, and drops the one that was read first", async () => {
    const { view, may, reads } = open({ most: 3 });
    const accounts = Array.from({ length: 4 }, () => newAccount());
    for (const account of accounts) await may(account);
    expect(view.state().entries).toBe(3);
    for (const account of accounts.slice(1)) await may(account);
    expect(reads()).toBe(4);
    await may(accounts[0] ?? anna);
    expect([reads(), view.state().entries]).toEqual([5, 3]);
  });

  test("tells a fault as it is, also a bug, and asks anew the next time", async () => {
    const fault = err({ code: "storage_unavailable", detail: "away" } as const);
    const answers: (() => ReturnType<Queries["accessRows"]>)[] = [
      async () => fault,
      () => Promise.reject(new Error("broken")),
    ];
    const accessRows: Queries["accessRows"] = async () => answers.shift()?.() ?? ok([]);
    const view = accessView({ queries: { accessRows }, wall: () => START });
    view.beat(START);
    expect(await view.access(anna, START)).toEqual(fault);
    expect(await view.access(anna, START).catch(String)).toBe("Error: broken");
    expect(view.state().entries).toBe(0);
    expect(await view.access(anna, START)).toEqual(ok(null));
    expect(view.state().entries).toBe(1);
  });

  test("grants access when a payment is heard of, and ends it when it was given back", async () => {
    const shop = await openShop();
    const view = accessView({ queries: shop.store.queries, wall: shop.now });
    await shop.bus.subscribe(view.heard, view);
    const { outbox } = shop.store;
    const relayed = relaying({ outbox, bus: shop.bus, reports: () => undefined, now: shop.now });
    const opened = await shop.opensWidget();
    await relayed.step();
    const may = async () => answered(await view.access(opened.accountId, shop.now()));
    expect(view.state().isTrusted).toBe(true);

    expect(await may()).toBeNull();
    await shop.tell(paid(opened));
    await shop.settle();
    expect(await may()).toBeNull();
    await relayed.step();
    expect(await may()).toEqual(answered(await shop.store.queries.access(opened.accountId, shop.now())));
    expect(await may()).toMatchObject({ accountId: opened.accountId, quality: "uhd" });

    const { invoiceId } = opened;
    const transactionId = "9001" as TransactionId;
    await shop.state.execute({
      id: commandNamed("refund"),
      fingerprint: "refund",
      actor: staff("owner"),
      receivedAt: shop.now(),
      command: {
        type: "payment.refund",
        invoiceId,
        gatewayAccount: GATEWAY,
        transactionId,
        amount: PRICE,
        access: "end",
      },
    });
    expect(await may()).not.toBeNull();
    await relayed.step();
    expect(await may()).toBeNull();
  });
});
