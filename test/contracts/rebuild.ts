import { describe, expect, test } from "bun:test";
import { fold } from "../../src/core/billing/fold.ts";
import { keyOf } from "../../src/core/billing/projection.ts";
import { READ_MODEL, type Row, type TableName } from "../../src/core/billing/read-model.ts";
import { rowsOf } from "../../src/core/billing/rows.ts";
import type { StreamName } from "../../src/core/billing/stream.ts";
import type { RefundId } from "../../src/core/ids.ts";
import { DEFAULT_POLICY } from "../../src/core/policy.ts";
import type { OutboxMessage } from "../../src/core/ports/outbox.ts";
import type { RebuildReport, RowsOf } from "../../src/core/ports/rebuild.ts";
import type { Committed } from "../../src/core/ports/storage.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { Bug } from "../../src/core/result.ts";
import {
  accountNamed,
  answered,
  BASIC,
  type Cinema,
  cardNamed,
  MONTHLY,
  openCinema,
  PREMIUM,
  rub,
  START,
  told,
  transactionNamed,
} from "../support/cinema.ts";
import { appending, commitOf, hour, newAccount, newStream, row, waitingCommand } from "../support/commits.ts";
import { until } from "../support/until.ts";
import { followAll } from "./outbox.ts";
import { type Open, type Subject, shared } from "./subject.ts";

const ROWS_OF: RowsOf = (stream, events) => rowsOf(fold(stream, events), DEFAULT_POLICY);

/** What `src/core/ports/rebuild.ts` promises, asked of one adapter after several months of a cinema. */
export const rebuildContract = (name: string, open: Open): void =>
  describe(`Rebuild: ${name}`, () => {
    const subject = shared(async () => {
      const store = await open();
      await months(openCinema(store));
      return store;
    });
    const rebuild = async (mode: "check" | "replace", rows: RowsOf = ROWS_OF): Promise<RebuildReport> =>
      answered(await subject.store.rebuild(mode, rows, () => undefined));

    test("rows made again from events alone are identical to those that were written along", async () => {
      const log = await logOf(subject.store);
      const report = await rebuild("check");
      expect(report).toEqual({ events: log.length, streams: namesIn(log).length, differences: [], identical: true });
      process.stdout.write(`rebuilt: ${log.length} events of ${report.streams} streams\n`);
      expect(log.length).toBeGreaterThan(80);
    });

    test("progress is told, and ends with all streams done", async () => {
      const told: (readonly [number, number])[] = [];
      const report = answered(await subject.store.rebuild("check", ROWS_OF, (done, all) => told.push([done, all])));
      expect(told.at(-1)).toEqual([report.streams, report.streams]);
      for (const [i, [done, all]] of told.entries()) {
        expect(all).toBe(report.streams);
        expect(done).toBeGreaterThanOrEqual(told[i - 1]?.[0] ?? 0);
      }
    });

    for (const table of Object.keys(READ_MODEL) as TableName[]) {
      test(`a row of ${table} that is gone, changed or too many is named, and mended only when told to`, async () => {
        const sound = (await soundRows(subject.store)).filter((one) => one.table === table);
        const [first, second] = sound;
        if (first === undefined) throw new Bug(`the months of a cinema leave no row in ${table}`);
        const surplus = row(table) as unknown as Row;
        const changed = second === undefined ? [] : [tampered(second)];
        await behindTheBack(subject, { removed: [first], written: [...changed, surplus] });

        const differences = [
          { table, key: nameOf(first), how: "missing" as const },
          ...changed.map((one) => ({ table, key: nameOf(one), how: "differs" as const })),
          { table, key: nameOf(surplus), how: "extra" as const },
        ].sort((a, b) => (a.key < b.key ? -1 : 1));
        for (const mode of ["check", "check", "replace"] as const) {
          const report = await rebuild(mode);
          expect(report.differences).toEqual(differences);
          expect(report.identical).toBe(false);
        }
        expect((await rebuild("check")).differences).toEqual([]);
      });
    }

    test("at most a hundred differences are named, and all of them are mended", async () => {
      const written = Array.from({ length: 130 }, () => row("notices"));
      await behindTheBack(subject, { written });
      const report = await rebuild("replace");
      expect(report.differences).toHaveLength(100);
      expect(report.identical).toBe(false);
      expect((await rebuild("check")).identical).toBe(true);
    });

    test("the log, outcomes, intake, outbox marks and vault are left as they are", async () => {
      const { store } = subject;
      const [entry, account] = [waitingCommand(), newAccount()];
      const card = { kind: "card", name: "crd", secret: "token", keptAt: hour(0), expiresAt: null } as const;
      answered(await store.intake.accept(entry));
      answered(await store.vault.keep(account, card));
      const before = await logOf(store);
      answered(await store.outbox.relayed(before.slice(0, 3).map(({ position }) => position)));
      const unrelayed = answered(await store.outbox.unrelayed(10_000));
      await behindTheBack(subject, { removed: (await soundRows(store)).slice(0, 5) });
      await rebuild("replace");
      expect(await logOf(store)).toEqual(before);
      expect(answered(await store.outbox.unrelayed(10_000))).toEqual(unrelayed);
      expect(answered(await store.intake.due(hour(1), 10))).toContainEqual(entry);
      expect(answered(await store.vault.open(account, "card", "crd"))).toBe("token");
      for (const { causedBy } of before) expect(answered(await store.storage.outcome(causedBy))).not.toBeNull();
    });

    test("writers are locked out until it is over, and lose nothing", async () => {
      const [stream, written] = [newStream(), row("notices")];
      let over = false;
      const waiting: Promise<Committed>[] = [];
      const write = async (): Promise<Committed> => {
        const [answer] = await subject.store.storage.commit([
          commitOf({ appends: [appending(stream, 0, { events: [], written: [written] })] }),
        ]);
        if (answer === undefined) throw new Bug("a commit is answered");
        expect(over).toBe(true);
        return answered(answer);
      };
      // The last word that its caller hears before it lets go again; all that follows is the comparison.
      const rows: RowsOf = (name, events) => {
        if (waiting.length === 0) waiting.push(write());
        return ROWS_OF(name, events);
      };
      const lastWord = (done: number, all: number): void => {
        over = done === all;
      };
      expect(answered(await subject.store.rebuild("replace", rows, lastWord)).identical).toBe(true);
      expect(waiting).toHaveLength(1);
      await Promise.all(waiting);
      // Written after the rows were made anew, and so no event of theirs.
      const [only, ...more] = (await rebuild("replace")).differences;
      expect([only, more]).toEqual([{ table: "notices", key: nameOf(written), how: "extra" }, []]);
    });

    test("events that do not fold stop it, change nothing and leave nobody locked out", async () => {
      const sound = await soundRows(subject.store);
      await behindTheBack(subject, { removed: sound.slice(0, 1) });
      const broken: RowsOf = () => {
        throw new Bug("does not fold");
      };
      expect(await rebuild("replace", broken).catch((error: unknown) => error)).toBeInstanceOf(Bug);
      expect((await rebuild("check")).differences).toHaveLength(1);
      await behindTheBack(subject, { written: sound.slice(0, 1) });
      expect((await rebuild("check")).identical).toBe(true);
    });
  });

/** Changes rows as no event has: by a commit that appends nothing. */
const behindTheBack = async (
  { store }: Subject,
  changes: { readonly removed?: readonly Row[]; readonly written?: readonly Row[] },
): Promise<void> => {
  const [answer] = await store.storage.commit([
    commitOf({ appends: [appending(newStream(), 0, { events: [], ...changes })] }),
  ]);
  expect(answer?.ok).toBe(true);
};

/** The whole log. A writer in any database of the server withholds what is newest: it is waited for. */
const logOf = async (store: Store): Promise<readonly OutboxMessage[]> => {
  const newest = answered(await store.outbox.unrelayed(10_000)).at(-1);
  let log: readonly OutboxMessage[] = [];
  await until("the whole log may be read", async () => {
    log = await followAll(store, null, 10_000);
    return newest === undefined || log.some(({ position }) => position === newest.position);
  });
  return log;
};
const namesIn = (log: readonly { readonly stream: StreamName }[]) => [...new Set(log.map(({ stream }) => stream))];

/** All rows as they should be. */
const soundRows = async (store: Store): Promise<readonly Row[]> => {
  const loaded = answered(
    await store.storage.load(namesIn(await logOf(store)).map((stream) => ({ by: "stream", stream }))),
  );
  const rows = [...loaded].flatMap(([stream, { events }]) => ROWS_OF(stream, events));
  return rows.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
};

const nameOf = ({ table, row: cells }: Row): string =>
  READ_MODEL[table].key.map((column) => String((cells as Readonly<Record<string, unknown>>)[column])).join("/");

/** The row with one column changed, no more than a slip of the pen, where no constraint objects. */
const tampered = ({ table, row: cells }: Row): Row => {
  const free: { readonly [Name in TableName]: string } = {
    plans: "rank",
    prices: "receiptObject",
    customers: "disputes",
    credits: "balanceMinor",
    cards: "savedAt",
    setups: "amountMinor",
    subscriptions: "startedAt",
    periods: "valueMinor",
    access: "streams",
    notices: "givenAt",
    invoices: "refundedMinor",
    attempts: "madeAt",
    captures: "capturedAt",
    refunds: "askedAt",
    mismatches: "receivedMinor",
    due: "dueAt",
  };
  const values = cells as unknown as Readonly<Record<string, number | bigint>>;
  const value = values[free[table]] ?? 0;
  return { table, row: { ...cells, [free[table]]: typeof value === "bigint" ? value + 1n : value + 1 } } as never;
};

/** Two subscribers of every sort: so there are rows of every kind, some finished and some that wait. */
const months = async (cinema: Cinema): Promise<void> => {
  await cinema.sell(BASIC, MONTHLY, 1);
  await cinema.sell(PREMIUM, MONTHLY, 2);
  for (const round of ["one", "two"]) {
    const paid = await subscriber(cinema, `pays ${round}`);
    told(await cinema.byStaff({ type: "credit.add", accountId: paid.accountId, amount: rub(500), reason: "sorry" }));
    told(await cinema.byPayer(paid.accountId, { type: "setup.offer", accountId: paid.accountId, consent: "v1" }));

    const wrong = await cinema.start(accountNamed(`rebuild wrong ${round}`));
    const attemptId = await cinema.offer(accountNamed(`rebuild wrong ${round}`), wrong.invoiceId);
    told(await cinema.pay(attemptId, rub(1), `rebuild-wrong-${round}`));

    const left = await subscriber(cinema, `leaves ${round}`);
    const cancel = {
      type: "subscription.cancel",
      subscriptionId: left.subscriptionId,
      refund: { by: "policy" },
    } as const;
    told(await cinema.byPayer(left.accountId, cancel));
    const [capture] = answered(await cinema.store.queries.invoice(left.invoiceId))?.refunds ?? [];
    const refundId = (capture?.refundKey ?? "") as RefundId;
    told(await cinema.bySystem({ type: "refund.start", refundId }));
    const transactionId = transactionNamed(`rebuild-back-${round}`);
    if (round === "one")
      told(await cinema.byGateway({ type: "refund.succeed", refundId, transactionId, amount: rub(29_900) }));

    const renewed = await subscriber(cinema, `renews ${round}`);
    cinema.moveTo("2026-02-25T08:30:00Z");
    told(await cinema.bySystem({ type: "subscription.give_notice", subscriptionId: renewed.subscriptionId }));
    cinema.moveTo("2026-02-28T09:00:00Z");
    told(await cinema.bySystem({ type: "subscription.pass_boundary", subscriptionId: renewed.subscriptionId }));
    cinema.moveTo(START);
  }
};

/** Who has paid a first month with a card that was saved. */
const subscriber = async (cinema: Cinema, name: string) => {
  const accountId = accountNamed(`rebuild ${name}`);
  const { subscriptionId, invoiceId } = await cinema.start(accountId);
  const attemptId = await cinema.offer(accountId, invoiceId, "v1");
  const transaction = `rebuild-${name.replace(" ", "-")}`;
  told(await cinema.pay(attemptId, rub(29_900), transaction, cardNamed(`rebuild ${name}`)));
  return { accountId, subscriptionId, invoiceId };
};
