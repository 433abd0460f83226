import { describe, expect, test } from "bun:test";
import { READ_MODEL, type Row } from "../../src/core/billing/read-model.ts";
import { Bug } from "../../src/core/result.ts";
import { OTHER_GATEWAY } from "../support/cinema.ts";
import { accepted, appending, bringing, commitOf, facts, newInvoice, newStream, row } from "../support/commits.ts";
import type { SqlStore } from "../support/stores.ts";
import { CHECKED, SHARED, STAYING } from "./constraint-cases.ts";
import { commitOne, given, outcomeOf, type Subject, shared, sqlOf, versionOf } from "./subject.ts";

export const constraints = (subject: Subject): void => {
  for (const [constraint, { says, rows }] of Object.entries(SHARED)) {
    test(`${says}: ${constraint}`, async () => {
      const { stands, refused, allowed } = rows();
      await given(subject, bringing(stands));
      const conflict = { ok: false, error: { code: "unique_conflict", constraint } } as const;
      expect(await commitOne(subject, bringing(refused))).toEqual(conflict);
      await given(subject, ...allowed.map((one) => bringing(one)));
      expect(await commitOne(subject, bringing(refused))).toEqual(conflict);
      // The row that holds the place may change, and stands in nobody's way but the others'.
      await given(subject, bringing(stands));
    });
  }

  for (const [constraint, { says, rows }] of Object.entries(STAYING)) {
    test(`${says}: ${constraint}`, async () => {
      const { stands, moved, changed } = rows();
      await given(subject, bringing(stands));
      const conflict = { ok: false, error: { code: "unique_conflict", constraint } } as const;
      expect(await commitOne(subject, bringing(moved))).toEqual(conflict);
      await given(subject, bringing(changed));
      expect(await commitOne(subject, bringing(moved))).toEqual(conflict);
      // What is gone belongs to nobody any more.
      const removing = appending(newStream(), 0, { removed: [changed] });
      await given(subject, commitOf({ appends: [removing] }), bringing(moved));
    });
  }

  for (const [constraint, { says, refused, allowed }] of Object.entries(CHECKED)) {
    test(`${says}: ${constraint}`, async () => {
      for (const one of refused) {
        const commit = bringing(one);
        const bug = await commitOne(subject, commit).catch((error: unknown) => error);
        expect(bug).toBeInstanceOf(Bug);
        expect(String(bug)).toContain(constraint);
        expect(await outcomeOf(subject, commit.command.id)).toBeNull();
      }
      await given(subject, ...allowed.map((one) => bringing(one)));
    });
  }

  const conflict = { ok: false, error: { code: "unique_conflict", constraint: "transactions_once" } } as const;

  test("a transaction stands once, among captures and mismatches together: transactions_once", async () => {
    const [capture, mismatch] = [row("captures"), row("mismatches")];
    await given(subject, bringing(capture), bringing(mismatch));
    for (const { transactionId } of [capture.row, mismatch.row]) {
      for (const refused of [row("captures", { transactionId }), row("mismatches", { transactionId })])
        expect(await commitOne(subject, bringing(refused))).toEqual(conflict);
      await given(subject, bringing(row("captures", { transactionId, gatewayAccount: OTHER_GATEWAY })));
    }
    // What is told again of the same invoice changes its row.
    await given(subject, bringing(row("captures", { ...capture.row, dispute: "open" })));
    await given(subject, bringing(row("mismatches", { ...mismatch.row, settled: true })));
  });

  test("a mismatch that turns out right becomes a capture in one commit, of its own invoice or another", async () => {
    for (const invoiceId of [null, newInvoice()]) {
      const mismatch = row("mismatches");
      await given(subject, bringing(mismatch));
      const { transactionId } = mismatch.row;
      const capture = row("captures", { transactionId, invoiceId: invoiceId ?? mismatch.row.invoiceId });
      await given(
        subject,
        commitOf({ appends: [appending(newStream(), 0, { removed: [mismatch], written: [capture] })] }),
      );
      expect(await commitOne(subject, bringing(mismatch))).toEqual(conflict);
    }
  });

  test("a commit that writes one row twice is a Bug of ours, and takes no other with it", async () => {
    const [twice, other] = [row("invoices"), newStream()];
    const { storage } = subject.store;
    const bug = await storage
      .commit([bringing(twice, twice), commitOf({ appends: [appending(other, 0)] })])
      .catch((error: unknown) => error);
    expect(bug).toBeInstanceOf(Bug);
    expect(await versionOf(subject, other)).toBe(1);
  });

  test.each([
    ["NUL", "a\0b"],
    ["half a character", "a\ud800b"],
  ])(
    "a text with %s, which no database holds, is a Bug of the commit that brings it and takes no other with it",
    async (_, text) => {
      const [fact] = facts(1);
      if (fact?.type !== "CreditAdded") throw new Bug("a fact is a gift");
      const source = { from: "staff", actor: { kind: "system" }, reason: text } as const;
      for (const bad of [
        bringing(row("invoices", { sequence: text })),
        commitOf({ appends: [appending(newStream(), 0, { events: [{ ...fact, source }] })] }),
        commitOf({ outcome: accepted({ said: text }) }),
      ]) {
        const other = newStream();
        const good = commitOf({ appends: [appending(other, 0)] });
        expect(await subject.store.storage.commit([bad, good]).catch((error: unknown) => error)).toBeInstanceOf(Bug);
        expect(await outcomeOf(subject, bad.command.id)).toBeNull();
        expect(await versionOf(subject, other)).toBe(1);
      }
      // Such characters written out, as a text about them would, are a text like any other.
      await given(subject, commitOf({ outcome: accepted({ said: "\\u0000 \\ud800 \\\\u0000" }) }));
    },
  );

  test("a change is refused as a new row is", async () => {
    const capture = row("captures", { capturedMinor: 100n, reservedMinor: 100n });
    await given(subject, bringing(capture));
    const above = row("captures", { ...capture.row, reservedMinor: 101n });
    expect(await commitOne(subject, bringing(above)).catch((error: unknown) => error)).toBeInstanceOf(Bug);
    const invoice = row("invoices", { status: "void" });
    const { subscriptionId } = invoice.row;
    await given(subject, bringing(invoice), bringing(row("invoices", { subscriptionId })));
    const reopened = row("invoices", { ...invoice.row, sequence: "2", status: "open" });
    const error = { code: "unique_conflict", constraint: "invoices_one_open" } as const;
    expect(await commitOne(subject, bringing(reopened))).toEqual({ ok: false, error });
  });

  test("a column that is never empty holds a value, and one that may be empty needs none", async () => {
    for (const table of Object.keys(READ_MODEL) as (keyof typeof READ_MODEL)[]) {
      const sound = row(table);
      const columns: readonly (readonly [string, string])[] = Object.entries(READ_MODEL[table].columns);
      for (const [column, kind] of columns) {
        const emptied = { table, row: { ...sound.row, [column]: null } } as unknown as Row;
        const answer = await commitOne(subject, bringing(emptied)).catch((error: unknown) => error);
        const taken = answer instanceof Bug ? "refused" : "taken";
        expect([table, column, taken]).toEqual([table, column, kind.endsWith("?") ? "taken" : "refused"]);
      }
    }
  });
};

/** What a store that prints and parses owes besides, and that these tables name all that the database holds. */
export const sqlConstraintsContract = (name: string, open: () => Promise<SqlStore>): void =>
  describe(`Constraints in SQL: ${name}`, () => {
    const subject = shared(open);

    test("an event that cannot be written is a Bug of its commit, and takes no other with it", async () => {
      const other = newStream();
      const [bad, good] = [
        commitOf({ appends: [appending(newStream(), 0, { events: [{ type: "NeverHeardOf" } as never] })] }),
        commitOf({ appends: [appending(other, 0)] }),
      ];
      expect(await subject.store.storage.commit([bad, good]).catch((error: unknown) => error)).toBeInstanceOf(Bug);
      expect(await versionOf(subject, other)).toBe(1);
    });

    test("every constraint that the database has on rows is in this table", async () => {
      const found = await sqlOf(subject).driver.query(
        `select conname as name from pg_constraint join pg_class on pg_class.oid = conrelid
       where connamespace = 'billing'::regnamespace and contype in ('c', 'x') and relname = any($1::text[])
       union select indexrelid::regclass::text from pg_index join pg_class on pg_class.oid = indrelid
       where relnamespace = 'billing'::regnamespace and indisunique and not indisprimary and relname = any($1::text[])`,
        [Object.keys(READ_MODEL)],
      );
      const names = found.map(({ name }) => String(name).replace(/^billing\./, "")).sort();
      expect(names).toEqual([...Object.keys(SHARED), ...Object.keys(CHECKED)].sort());
    });
  });
