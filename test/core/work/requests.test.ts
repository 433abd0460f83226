import { describe, expect, test } from "bun:test";
import { openMemory } from "../../../src/adapters/memory/store.ts";
import type { Command } from "../../../src/core/billing/command.ts";
import type { CommandId } from "../../../src/core/ids.ts";
import { err } from "../../../src/core/result.ts";
import { accountNamed, MOSCOW, PREMIUM, payer } from "../../support/cinema.ts";
import { openShop, toldBy } from "../../support/shop.ts";

const ANNA = accountNamed("anna");
const BORIS = accountNamed("boris");
const starting = (accountId = ANNA, consent: string | null = "v1"): Command => ({
  type: "subscription.start",
  accountId,
  plan: PREMIUM,
  zone: MOSCOW,
  consent,
});

describe("A caller's request", () => {
  test("is answered with its outcome", async () => {
    const shop = await openShop();
    expect(toldBy(await shop.ask(ANNA, starting()))).toMatchObject({ subscriptionId: expect.stringMatching(/^sub_/) });
  });

  test("asked again with its key is answered the same, and nothing is done twice", async () => {
    const shop = await openShop();
    const first = await shop.ask(ANNA, starting(), "k");
    const again = await shop.ask(ANNA, starting(), "k");
    expect(again).toEqual(first);
    const subscriptions = await shop.store.queries.subscriptionsOf(ANNA, { after: null, limit: 10 });
    expect(subscriptions.ok && subscriptions.value).toHaveLength(1);
  });

  test("a hundred times at once with one key is one command", async () => {
    const shop = await openShop();
    const all = await Promise.all(Array.from({ length: 100 }, () => shop.ask(ANNA, starting(), "k")));
    expect(new Set(all.map((one) => JSON.stringify(one))).size).toBe(1);
  });

  test("of another body under a used key is refused, whatever became of the first", async () => {
    const shop = await openShop();
    const first = await shop.ask(ANNA, starting(), "k");
    const other = await shop.ask(ANNA, starting(ANNA, null), "k");
    expect(other).toEqual({ status: "key_reused", id: first.status === "failed" ? ("" as CommandId) : first.id });
  });

  test("has a key of its account's own: two viewers may use the same", async () => {
    const shop = await openShop();
    const [anna, boris] = [await shop.ask(ANNA, starting(), "k"), await shop.ask(BORIS, starting(BORIS), "k")];
    expect(toldBy(anna)["subscriptionId"]).not.toBe(toldBy(boris)["subscriptionId"] ?? "");
  });

  test("has a key of its operation's own", async () => {
    const shop = await openShop();
    const started = toldBy(await shop.ask(ANNA, starting(), "k"));
    const stop = { type: "subscription.stop", subscriptionId: started["subscriptionId"] as never } as const;
    expect(await shop.ask(ANNA, stop, "k")).toMatchObject({ status: "done", outcome: { ok: true } });
  });

  test("under another key is another one", async () => {
    const shop = await openShop();
    const [one, other] = [await shop.ask(ANNA, starting(), "k1"), await shop.ask(ANNA, starting(), "k2")];
    expect(one.status === "done" && other.status === "done" && one.id !== other.id).toBe(true);
  });

  test("without a key stands for itself", async () => {
    const shop = await openShop();
    const [one, other] = [await shop.ask(ANNA, starting()), await shop.ask(ANNA, starting())];
    expect(one.status === "done" && other.status === "done" && one.id !== other.id).toBe(true);
  });

  test("that is refused is told so again, not tried again", async () => {
    const shop = await openShop();
    const unknown = { ...starting(), plan: "none" as never };
    const refused = await shop.ask(ANNA, unknown, "k");
    expect(refused).toMatchObject({ outcome: { ok: false, refusal: { code: "plan_not_found" } } });
    expect(await shop.ask(ANNA, unknown, "k")).toEqual(refused);
  });

  test("that nobody takes in time is running, and its owner alone is told what became of it", async () => {
    const shop = await openShop({ patienceMs: 5 });
    const asked = await shop.asking.ask({
      actor: payer(ANNA),
      command: starting(),
      accountId: ANNA,
      operation: "POST /subscriptions",
      key: "k",
      requestId: "req-1",
    });
    if (asked.status !== "running") throw new Error(`it is ${asked.status}`);
    const status = async (account = ANNA) => {
      const told = await shop.asking.status(asked.id, account);
      return told.ok ? told.value : told.error;
    };
    expect(await status()).toEqual({ status: "running" });
    await shop.settle();
    expect(await status()).toMatchObject({ status: "done", outcome: { ok: true } });
    expect(await status(BORIS)).toBeNull();
  });

  test("whose outcome the bus has lost is answered from the database", async () => {
    const shop = await openShop({ patienceMs: 20 });
    Object.assign(shop.bus, { tellOutcome: async () => ({ ok: true, value: null }) });
    expect(await shop.ask(ANNA, starting())).toMatchObject({ status: "done" });
  });

  test("that the database did not take fails, and may be asked again", async () => {
    const store = openMemory();
    const shop = await openShop({ store });
    const fault = { code: "storage_unavailable", detail: "" } as const;
    const accept = store.intake.accept;
    Object.assign(store.intake, { accept: async () => err(fault) });
    expect(await shop.ask(ANNA, starting(), "k")).toEqual({ status: "failed", fault });
    Object.assign(store.intake, { accept });
    expect(await shop.ask(ANNA, starting(), "k")).toMatchObject({ status: "done" });
  });

  test("a callback's row is no command: nobody is told its status", async () => {
    const shop = await openShop();
    const opened = await shop.opensWidget();
    await shop.tell({
      kind: "decline",
      reference: opened.attemptId,
      transactionId: "1" as never,
      decline: { kind: "hard", reason: "refused" },
    });
    const due = await shop.store.intake.due(shop.now(), 10);
    const id = due.ok ? (due.value[0]?.id as CommandId) : ("" as CommandId);
    expect(await shop.asking.status(id, opened.accountId)).toEqual({ ok: true, value: null });
  });
});
