import { describe, expect, test } from "bun:test";
import type { DueKind, RowOf } from "../../src/core/billing/read-model.ts";
import type { AccountId } from "../../src/core/ids.ts";
import type { Page } from "../../src/core/ports/queries.ts";
import type { Instant } from "../../src/core/time.ts";
import { answered, DUE_KINDS, OTHER_GATEWAY } from "../support/cinema.ts";
import {
  appending,
  bringing,
  commitOf,
  day,
  facts,
  hour,
  newAccount,
  newCommand,
  newInvoice,
  newPlan,
  newStream,
  newSubscription,
  type RowIn,
  row,
} from "../support/commits.ts";
import { given, type Open, type Subject, shared } from "./subject.ts";

/** What `src/core/ports/queries.ts` promises, asked of one adapter. */
export const queriesContract = (name: string, open: Open): void =>
  describe(`Queries: ${name}`, () => {
    const subject = shared(open);
    describe("by id", () => byId(subject));
    describe("pages", () => pages(subject));
    describe("access", () => access(subject));
    describe("due work", () => dueWork(subject));
    describe("lists", () => lists(subject));
  });

const byId = (subject: Subject): void => {
  test("a plan comes with its prices by version", async () => {
    const plan = row("plans", { priceVersion: 3, textRu: "Всё\nкино" });
    const { code } = plan.row;
    const prices = [
      row("prices", { plan: code, version: 10 }),
      row("prices", { plan: code, version: 2, trialKind: "free", trialDays: 7, trialCard: false }),
      row("prices", { plan: code, version: 1, trialKind: "paid", trialMinor: 100n, introMinor: 9n, introPeriods: 3 }),
    ];
    await given(subject, bringing(plan, ...prices, row("prices")));
    const found = answered(await subject.store.queries.plan(code as never));
    expect(found).toEqual({ plan: plan.row, prices: prices.toReversed().map((price) => price.row) });
    expect(answered(await subject.store.queries.plan(newPlan()))).toBeNull();
  });

  test("a customer comes with credits by currency and cards by age", async () => {
    const customer = row("customers", { consentText: "v1", consentGivenAt: hour(1), consentWithdrawnAt: hour(2) });
    const { accountId } = customer.row;
    const credits = [row("credits", { accountId, currency: "EUR" }), row("credits", { accountId, currency: "RUB" })];
    const [one, two] = [
      row("cards", { accountId, savedAt: hour(2) }),
      row("cards", { accountId, preferred: false, savedAt: hour(2) }),
    ];
    const old = row("cards", { accountId, gatewayAccount: OTHER_GATEWAY, savedAt: hour(1), status: "removed" });
    await given(subject, bringing(two, one, ...credits.toReversed(), old, customer, row("cards"), row("credits")));
    const together = [one, two].map((card) => card.row).sort((a, b) => (a.cardId < b.cardId ? -1 : 1));
    expect(answered(await subject.store.queries.customer(accountId as never))).toEqual({
      customer: customer.row,
      credits: credits.map((credit) => credit.row),
      cards: [old.row, ...together],
    });
    expect(answered(await subject.store.queries.customer(newAccount()))).toBeNull();
  });

  test("a subscription is shown as it was committed last", async () => {
    const subscription = row("subscriptions", { waitingPlan: "basic", pausedUntil: day(9), nextTryAt: hour(7) });
    await given(subject, bringing(subscription));
    const id = subscription.row.subscriptionId as never;
    expect(answered(await subject.store.queries.subscription(id))).toEqual(subscription.row);
    const ended = { ...subscription.row, status: "ended", endedAt: day(3), endReason: "stopped", periodEnd: null };
    await given(subject, bringing(row("subscriptions", ended)));
    expect(answered(await subject.store.queries.subscription(id))).toEqual(ended);
    expect(answered(await subject.store.queries.subscription(newSubscription()))).toBeNull();
  });

  test("an invoice comes with attempts, captures and refunds, each oldest first", async () => {
    const invoice = row("invoices");
    const { invoiceId } = invoice.row;
    const attempts = [1, 2, 3].map((n) =>
      row("attempts", { invoiceId, kind: "offer", status: "closed", madeAt: hour(n) }),
    );
    const captures = [1, 2].map((n) => row("captures", { invoiceId, role: "extra", capturedAt: hour(n) }));
    const refunds = [1, 2].map((n) => row("refunds", { invoiceId, status: "done", askedAt: hour(n) }));
    const others = [row("attempts"), row("captures"), row("refunds")];
    await given(subject, bringing(...[...attempts, ...captures, ...refunds].reverse(), invoice, ...others));
    expect(answered(await subject.store.queries.invoice(invoiceId as never))).toEqual({
      invoice: invoice.row,
      attempts: attempts.map((one) => one.row),
      captures: captures.map((one) => one.row),
      refunds: refunds.map((one) => one.row),
    });
    expect(answered(await subject.store.queries.invoice(newInvoice()))).toBeNull();
  });

  test("an attempt comes with its invoice", async () => {
    const invoice = row("invoices", { status: "processing" });
    const attempt = row("attempts", { invoiceId: invoice.row.invoiceId, checkTransactionId: "t", checkedAt: hour(1) });
    await given(
      subject,
      bringing(
        invoice,
        attempt,
        row("attempts", { ...attempt.row, attemptId: "att_other", kind: "offer", status: "closed" }),
      ),
    );
    const id = attempt.row.attemptId as never;
    expect(answered(await subject.store.queries.attempt(id))).toEqual({ attempt: attempt.row, invoice: invoice.row });
    expect(answered(await subject.store.queries.attempt("att_none" as never))).toBeNull();
  });

  test("a row that was removed is not shown", async () => {
    const [stream, invoice] = [newStream(), row("invoices")];
    await given(
      subject,
      commitOf({ appends: [appending(stream, 0, { written: [invoice] })] }),
      commitOf({ appends: [appending(stream, 1, { removed: [invoice] })] }),
    );
    expect(answered(await subject.store.queries.invoice(invoice.row.invoiceId as never))).toBeNull();
    const page = { after: null, limit: 10 };
    expect(answered(await subject.store.queries.invoicesOf(invoice.row.accountId as never, page))).toEqual([]);
  });

  test("a chain of facts is read oldest first, behind a version, with cause and time", async () => {
    const stream = newStream();
    const [first, second] = [newCommand(), newCommand()];
    await given(
      subject,
      commitOf({ id: first, recordedAt: hour(1), appends: [appending(stream, 0, { events: facts(1, 2) })] }),
      commitOf({ id: second, recordedAt: hour(2), appends: [appending(stream, 2, { events: facts(3) })] }),
    );
    const [one, two, three] = facts(1, 2, 3);
    const chain = [
      { version: 1, event: one, causedBy: first, recordedAt: hour(1) },
      { version: 2, event: two, causedBy: first, recordedAt: hour(1) },
      { version: 3, event: three, causedBy: second, recordedAt: hour(2) },
    ];
    const read = async (after: number, limit: number) =>
      answered(await subject.store.queries.events(stream, after, limit));
    expect(await read(0, 10)).toEqual(chain as never);
    expect(await read(1, 1)).toEqual(chain.slice(1, 2) as never);
    expect(await read(3, 10)).toEqual([]);
    expect(answered(await subject.store.queries.events(newStream(), 0, 10))).toEqual([]);
  });
};

const pages = (subject: Subject): void => {
  const walk = async <R>(read: (page: Page) => Promise<readonly R[]>, id: (row: R) => string, limit: number) => {
    const seen: R[] = [];
    for (let after: string | null = null; ; ) {
      const page = await read({ after, limit });
      expect(page.length).toBeLessThanOrEqual(limit);
      const last = page.at(-1);
      if (last === undefined) return seen;
      seen.push(...page);
      after = id(last);
    }
  };

  test("invoices of an account are paged newest first, each once, whatever the page's size", async () => {
    const accountId = newAccount();
    const invoices = Array.from({ length: 7 }, () => row("invoices", { accountId }));
    await given(subject, bringing(...invoices, row("invoices")));
    const newest = invoices.map((one) => one.row).sort((a, b) => (a.invoiceId < b.invoiceId ? 1 : -1));
    const read = async (page: Page) => answered(await subject.store.queries.invoicesOf(accountId, page));
    for (const limit of [1, 3, 7, 200]) expect(await walk(read, (one) => one.invoiceId, limit)).toEqual(newest);
    expect(answered(await subject.store.queries.invoicesOf(newAccount(), { after: null, limit: 10 }))).toEqual([]);
  });

  test("subscriptions of an account are paged newest first, each once", async () => {
    const accountId = newAccount();
    const subscriptions = Array.from({ length: 5 }, () => row("subscriptions", { accountId, status: "ended" }));
    await given(subject, bringing(...subscriptions, row("subscriptions")));
    const newest = subscriptions.map((one) => one.row).sort((a, b) => (a.subscriptionId < b.subscriptionId ? 1 : -1));
    const read = async (page: Page) => answered(await subject.store.queries.subscriptionsOf(accountId, page));
    for (const limit of [1, 2, 200]) expect(await walk(read, (one) => one.subscriptionId, limit)).toEqual(newest);
  });

  test("what is issued while somebody pages changes nothing of the pages to come", async () => {
    const accountId = newAccount();
    const all = Array.from({ length: 5 }, () => row("invoices", { accountId })).sort((a, b) =>
      a.row.invoiceId < b.row.invoiceId ? 1 : -1,
    );
    const [newest, ...older] = all;
    await given(subject, bringing(...older));
    const read = async (page: Page) => answered(await subject.store.queries.invoicesOf(accountId, page));
    const first = await read({ after: null, limit: 2 });
    if (newest !== undefined) await given(subject, bringing(newest));
    const rest = await read({ after: first.at(-1)?.invoiceId ?? null, limit: 10 });
    expect([...first, ...rest]).toEqual(older.map((one) => one.row));
  });
};

const access = (subject: Subject): void => {
  const bestOf = async (accountId: string, at: Instant) =>
    answered(await subject.store.queries.access(accountId as never, at));

  test("access begins with its first instant and is over with its last", async () => {
    const one = row("access", { fromAt: hour(1), untilAt: hour(2) });
    await given(subject, bringing(one));
    const at = async (instant: number) => (await bestOf(one.row.accountId, instant as Instant)) !== null;
    expect([await at(hour(1) - 1), await at(hour(1)), await at(hour(2) - 1), await at(hour(2))]).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(await bestOf(newAccount(), hour(1))).toBeNull();
  });

  test("of the rows that cover an instant the highest tier counts, of equal tiers the one that lasts longest", async () => {
    const accountId = newAccount();
    const rows = {
      high: row("access", { accountId, tier: 3, fromAt: hour(2), untilAt: hour(4) }),
      long: row("access", { accountId, tier: 2, fromAt: hour(0), untilAt: hour(9), quality: "uhd", streams: 4 }),
      short: row("access", { accountId, tier: 2, fromAt: hour(1), untilAt: hour(5) }),
      low: row("access", { accountId, tier: 1, fromAt: hour(0), untilAt: hour(99) }),
      others: row("access", { tier: 9, fromAt: hour(0), untilAt: hour(99) }),
    };
    await given(subject, bringing(...Object.values(rows)));
    const expected: readonly (readonly [number, RowIn<"access"> | null])[] = [
      [-1, null],
      [0, rows.long],
      [2, rows.high],
      [4, rows.long],
      [9, rows.low],
      [99, null],
    ];
    for (const [hours, best] of expected) expect(await bestOf(accountId, hour(hours))).toEqual(best?.row ?? null);
  });

  test("all rows of an account come in the order in which they count, whenever they cover", async () => {
    const accountId = newAccount();
    const inOrder = [
      row("access", { accountId, tier: 3, fromAt: hour(2), untilAt: hour(4) }),
      row("access", { accountId, tier: 2, fromAt: hour(50), untilAt: hour(60) }),
      row("access", { accountId, tier: 2, source: "subscription/a", fromAt: hour(1), untilAt: hour(5) }),
      row("access", { accountId, tier: 2, source: "subscription/b", fromAt: hour(0), untilAt: hour(5) }),
      row("access", { accountId, tier: 1, fromAt: hour(-9), untilAt: hour(-8) }),
    ];
    await given(subject, bringing(...inOrder.toReversed(), row("access")));
    const rowsOf = async (account: AccountId) => answered(await subject.store.queries.accessRows(account));
    expect(await rowsOf(accountId)).toEqual(inOrder.map((one) => one.row));
    expect(await rowsOf(newAccount())).toEqual([]);
  });

  test("of many who ask at once each is told its own, at its own instant", async () => {
    const rows = Array.from({ length: 40 }, (_, n) =>
      row("access", { tier: n, fromAt: hour(0), untilAt: hour(n + 1) }),
    );
    await given(subject, bringing(...rows));
    const asked = [...rows, ...rows].map(({ row: { accountId } }, n) => bestOf(accountId, hour(n % 2 === 0 ? 0 : 20)));
    const expected = [...rows, ...rows].map(({ row }, n) => (n % 2 === 0 || row.tier >= 20 ? row : null));
    expect(await Promise.all(asked)).toEqual(expected);
    expect(await Promise.all([bestOf(newAccount(), hour(0)), bestOf(newAccount(), hour(0))])).toEqual([null, null]);
  });

  test("access that was granted while others wait for their answers is seen by whoever asks then", async () => {
    const { row: granted, ...one } = row("access", { fromAt: hour(0), untilAt: hour(1) });
    const early = bestOf(granted.accountId, hour(0));
    await given(subject, bringing({ row: granted, ...one }));
    expect(await bestOf(granted.accountId, hour(0))).toEqual(granted);
    await early;
  });
};

const dueWork = (subject: Subject): void => {
  /** A stretch of time for one test alone: the sweep sees the work of all. */
  let eras = 0;
  const newEra = () => {
    eras += 1;
    const start = day(-10_000 + 100 * eras);
    return {
      at: (n: number) => (start + n) as Instant,
      before: { kind: "", subject: "", stream: "", accountId: null, dueAt: (start - 1) as Instant },
    };
  };
  const due = async (
    at: Instant,
    after: RowOf<"due"> | null,
    limit = 1000,
    kinds: readonly DueKind[] = DUE_KINDS,
  ): Promise<readonly RowOf<"due">[]> => answered(await subject.store.queries.due(at, kinds, after, limit));

  test("work is due from its instant on, in the order of instant, kind and subject", async () => {
    const { at, before } = newEra();
    const inOrder = [
      row("due", { dueAt: at(1), kind: "void_hold", subject: "b" }),
      row("due", { dueAt: at(2), kind: "charge_renewal", subject: "z" }),
      row("due", { dueAt: at(2), kind: "expire_invoice", subject: "A", accountId: newAccount() }),
      row("due", { dueAt: at(2), kind: "expire_invoice", subject: "a" }),
      row("due", { dueAt: at(3), kind: "charge_renewal", subject: "y" }),
    ];
    await given(subject, bringing(...inOrder.toReversed()));
    const rows = inOrder.map((one) => one.row);
    expect(await due(at(0), before)).toEqual([]);
    expect(await due(at(2), before)).toEqual(rows.slice(0, 4));
    expect(await due(at(3), before)).toEqual(rows);
    expect(await due(at(3), before, 2)).toEqual(rows.slice(0, 2));
    expect((await due(at(3), null)).filter(({ dueAt }) => dueAt >= at(0))).toEqual(rows);
  });

  test("only the kinds asked for are given", async () => {
    const { at, before } = newEra();
    const kinds = ["charge_renewal", "give_notice", "send_refund"] as const;
    const rows = kinds.map((kind) => row("due", { dueAt: at(1), kind, subject: "same" }));
    await given(subject, bringing(...rows));
    const found = await due(at(1), before, 10, ["send_refund", "charge_renewal"]);
    expect(found.map(({ kind }) => kind)).toEqual(["charge_renewal", "send_refund"]);
    expect(await due(at(1), before, 10, [])).toEqual([]);
  });

  test("a sweep that carries its last row forward sees each row once, whatever the size of its batches", async () => {
    const { at, before } = newEra();
    const rows = Array.from({ length: 40 }, (_, i) =>
      row("due", { dueAt: at(i % 4), kind: DUE_KINDS[i % 3] ?? "resume", subject: `s${(i * 17) % 40}` }),
    );
    await given(subject, bringing(...rows));
    const whole = await due(at(9), before);
    expect(whole).toHaveLength(40);
    for (const limit of [1, 7, 40, 41]) {
      const seen: RowOf<"due">[] = [];
      for (let after = before as RowOf<"due">; ; ) {
        const batch = await due(at(9), after, limit);
        seen.push(...batch);
        after = batch.at(-1) ?? after;
        if (batch.length < limit) break;
      }
      expect(seen).toEqual([...whole]);
    }
  });

  test("work that is put off or done leaves its place, also in the middle of a sweep", async () => {
    const { at, before } = newEra();
    const stream = newStream();
    const [first, second, third] = [1, 2, 3].map((n) => row("due", { dueAt: at(n), subject: `${stream} ${n}` }));
    if (first === undefined || second === undefined || third === undefined) throw new Error("three rows");
    await given(subject, commitOf({ appends: [appending(stream, 0, { written: [first, second, third] })] }));
    expect(await due(at(9), before, 1)).toEqual([first.row]);
    const later = row("due", { ...first.row, dueAt: at(5) });
    await given(subject, commitOf({ appends: [appending(stream, 1, { written: [later], removed: [second] })] }));
    expect(await due(at(9), first.row)).toEqual([third.row, later.row]);
    expect(await due(at(9), before)).toEqual([third.row, later.row]);
    expect(await due(at(4), before)).toEqual([third.row]);
  });
};

const lists = (subject: Subject): void => {
  test("plans come by rank, then by code; those on sale, or all", async () => {
    const codes = [newPlan(), newPlan(), newPlan(), newPlan()].sort();
    const [a, b, c, d] = codes.map((code, i) => row("plans", { code, rank: [5, 5, 1, 9][i] ?? 0 }));
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error("four plans");
    const archived = row("plans", { ...d.row, status: "archived" });
    await given(subject, bringing(b, archived, a, c, row("prices", { plan: b.row.code })));
    const listed = async (which: "on_sale" | "all") =>
      answered(await subject.store.queries.plans(which)).filter(({ plan }) => codes.includes(plan.code as never));
    expect((await listed("all")).map(({ plan }) => plan)).toEqual([c.row, a.row, b.row, archived.row]);
    expect((await listed("on_sale")).map(({ plan }) => plan)).toEqual([c.row, a.row, b.row]);
    expect((await listed("all")).map(({ prices }) => prices.length)).toEqual([0, 0, 1, 0]);
  });

  test("mismatches that nobody has settled come oldest first, and no more than asked for", async () => {
    const [first, second, third] = [1, 2, 3].map((n) => row("mismatches", { receivedAt: day(-20_000 + n) }));
    if (first === undefined || second === undefined || third === undefined) throw new Error("three mismatches");
    const settled = row("mismatches", { ...second.row, settled: true });
    await given(subject, bringing(third, second, first));
    expect(answered(await subject.store.queries.mismatches(2))).toEqual([first.row, second.row]);
    await given(subject, bringing(settled));
    expect(answered(await subject.store.queries.mismatches(2))).toEqual([first.row, third.row]);
  });
};
