import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type House, openHouse } from "../crash/matrix/house.ts";
import { endingOf, playStory } from "../crash/matrix/story.ts";
import { newFolder } from "../support/program.ts";
import { pgliteStore } from "../support/stores.ts";
import { check, printReport, type Report } from "./check.ts";
import { readLedger } from "./ledger.ts";

// A checker that never complains proves nothing: both sides of a true story are doctored, and each lie must be told of.

const folder = newFolder();
let house: House;
beforeAll(async () => {
  house = await openHouse(await pgliteStore());
  const play = await house.play(null);
  expect(await playStory(house, play, "whole")).toEqual(endingOf("whole"));
  await play.close();
});
afterAll(async () => {
  await house.close();
  folder.remove();
});

/** Checks a copy of the gateway's books in which something was changed. */
const withBooks = async (...statements: readonly string[]): Promise<Report> => {
  const file = join(folder.path, crypto.randomUUID());
  house.ledger.run("vacuum into ?", [file]);
  const copy = new Database(file, { strict: true });
  try {
    for (const statement of statements) copy.run(statement);
    return await check(readLedger(copy), house.store.driver.query);
  } finally {
    copy.close();
  }
};

/** Checks our database as it is after some statements, and takes them back. */
const withRows = async (...statements: readonly string[]): Promise<Report> => {
  let report: Report | null = null;
  const takenBack = new Error("taken back");
  await house.store.driver
    .transaction(async (query, script) => {
      await script(UNGUARDED);
      for (const statement of statements) await query(statement);
      report = await check(readLedger(house.ledger), (text) => query(text));
      throw takenBack;
    })
    .catch((error: unknown) => {
      if (error !== takenBack) throw error;
    });
  if (report === null) throw new Error("it was checked");
  return report;
};
/** What the database itself would refuse: a lie has to get past its guards first. */
const UNGUARDED = `
  set local session_replication_role = replica;
  alter table billing.captures drop constraint captures_requests_covered;
  alter table billing.invoices drop constraint invoices_sums;
  drop index billing.captures_one_settling;
  drop index billing.refunds_once;
`;

test("of a true story both sides are equal", async () => {
  const report = await house.check();
  expect(report.differences).toEqual([]);
  // Three payments for us, of which two went back and a part of the third; one for nobody of ours.
  expect(report).toMatchObject({ payments: 4, refunds: 3, invoices: 1, held: { RUB: 49_800n } });
  expect(printReport(report)).toEndWith("both sides are equal");
});

const SETTLING = "(select transaction_id from billing.captures where role = 'settling')";
const EXTRA = "(select min(transaction_id) from billing.captures where role = 'extra')";

describe("a lie in the gateway's books is told of", () => {
  test.each([
    [
      "a payment that we never heard of",
      "update transactions set id = id + 900 where type = 0 and status = 'Completed' and id = (select min(id) from transactions where status = 'Completed')",
      /stands nowhere with us/,
    ],
    [
      "another sum",
      "update transactions set minor = minor + 1 where type = 0 and invoiceId like 'att_%'",
      /is 29901 RUB \(minor\) to the gateway and a capture of 29900/,
    ],
    [
      "another currency",
      "update transactions set currency = 'USD' where type = 0 and invoiceId like 'att_%'",
      /29900 USD \(minor\) to the gateway/,
    ],
    [
      "a payment that was declined",
      "update transactions set status = 'Declined' where type = 0 and invoiceId like 'att_%'",
      /is no payment of the gateway's/,
    ],
    [
      "a payment that was only held",
      "update transactions set status = 'Authorized' where type = 0 and invoiceId like 'att_%'",
      /is no payment of the gateway's/,
    ],
    [
      "a refund that we never heard of",
      "update transactions set id = id + 900 where type = 1",
      /stands 0 times with us/,
    ],
    [
      "a refund by one kopeck less",
      "update transactions set minor = minor - 1 where type = 1",
      /refund \d+ is 29899 RUB \(minor\) of/,
    ],
    [
      "a refund of another payment",
      "update transactions set originalId = originalId + 900 where type = 1",
      /to the gateway and 29900 RUB \(minor\) of/,
    ],
    [
      "a refund that was not made",
      "update transactions set status = 'Declined' where type = 1",
      /is none of the gateway's/,
    ],
    [
      "books of somebody else",
      "update facts set value = 'pk_other' where name = 'public_id'",
      /whose books these are not/,
    ],
  ])("%s", async (_, statement, complaint) => {
    const { differences } = await withBooks(statement);
    expect(differences.join("\n")).toMatch(complaint);
  });
});

describe("a lie in our database is told of", () => {
  test.each([
    [
      "a forgotten capture",
      `delete from billing.captures where transaction_id = ${SETTLING}`,
      /stands nowhere with us/,
    ],
    [
      "an invented capture",
      "insert into billing.captures select gateway_account, '77', invoice_id, attempt_id, account_id, 'extra', currency, 100, 0, 100, captured_at, dispute from billing.captures limit 1",
      /capture 77 of 100 RUB \(minor\) is no payment of the gateway's/,
    ],
    [
      "a capture by one kopeck less",
      `update billing.captures set captured_minor = captured_minor - 1 where transaction_id = ${SETTLING}`,
      /a capture of 29899 RUB/,
    ],
    [
      "a payment that stands twice",
      `insert into billing.mismatches select gateway_account, transaction_id, invoice_id, attempt_id, account_id, 'amount', currency, captured_minor, captured_at, true from billing.captures where role = 'settling'`,
      /stands 2 times: capture, mismatch/,
    ],
    [
      "two settling captures",
      `update billing.captures set role = 'settling' where transaction_id = ${EXTRA}`,
      /has 2 settling captures/,
    ],
    [
      "an extra capture that has not gone back",
      `update billing.captures set returned_minor = 0 where transaction_id = ${EXTRA}`,
      /extra capture \d+ of 29900 has gone back by 0/,
    ],
    [
      "more reserved than is there",
      `update billing.captures set reserved_minor = 30000 where transaction_id = ${SETTLING}`,
      /has 30000 reserved and 10000 returned/,
    ],
    [
      "a refund that is taken for a payment",
      `update billing.captures set transaction_id = (select transaction_id from billing.refunds limit 1) where transaction_id = ${SETTLING}`,
      /capture \d+ is a refund to the gateway/,
    ],
    [
      "something reserved for no refund",
      `update billing.captures set reserved_minor = 1 where transaction_id = ${SETTLING}`,
      /has 1 reserved and refunds of 0 on their way/,
    ],
    [
      "a kopeck that went back by no refund",
      `update billing.captures set returned_minor = returned_minor + 1 where transaction_id = ${SETTLING}`,
      /has 10001 returned and refunds of 10000 made/,
    ],
    [
      "a forgotten refund",
      `delete from billing.refunds where capture_transaction_id = ${SETTLING}`,
      /stands 0 times with us/,
    ],
    [
      "a refund that is still on its way",
      `update billing.refunds set status = 'unknown', transaction_id = null where capture_transaction_id = ${SETTLING}`,
      /is still unknown/,
    ],
    [
      "a refund that stands twice",
      `insert into billing.refunds select 'rfd_again', invoice_id, account_id, gateway_account, capture_transaction_id, currency, amount_minor, status, reason, asked_at, transaction_id from billing.refunds where capture_transaction_id = ${SETTLING}`,
      /stands 2 times with us/,
    ],
    [
      "an invented refund",
      `insert into billing.refunds select 'rfd_more', invoice_id, account_id, gateway_account, capture_transaction_id, currency, 1, 'done', reason, asked_at, '78' from billing.refunds limit 1`,
      /our refund rfd_more of 1 RUB \(minor\) is none of the gateway's/,
    ],
    [
      "an invoice that is not what its payment makes it",
      "update billing.invoices set status = 'paid'",
      /is paid where its payment makes it partly_refunded/,
    ],
    [
      "an invoice that says another sum went back",
      "update billing.invoices set refunded_minor = 1",
      /says 1 went back, its payment 10000/,
    ],
    [
      "an invoice that was paid with another sum",
      "update billing.invoices set due_minor = due_minor + 1",
      /was due 29901 and paid with 29900/,
    ],
    ["a paid invoice that nobody paid", "delete from billing.captures", /is partly_refunded and nobody paid it/],
    ["an open invoice that was paid", "update billing.invoices set status = 'open'", /is open, and \d+ paid it/],
    ["an active subscription without access", "delete from billing.access", /is active and has 0 rows of access/],
    ["access after the end", "update billing.subscriptions set status = 'ended'", /is ended and has 1 rows of access/],
    ["access that comes from nowhere", "update billing.access set source = 'subscription/gone'", /which is not there/],
    [
      "a message that was not brought",
      "update billing.outbox set relayed_at = null where position = 1",
      /was never brought to the bus/,
    ],
    ["a message that is lost", "delete from billing.outbox where position = 3", /has no message in the outbox/],
    [
      "a row that lies in the intake",
      "update billing.intake set done_at = null where kind = 'command'",
      /lies in the intake/,
    ],
    ["a command without an outcome", "delete from billing.outcomes", /is done and has no outcome/],
    [
      "a gap in a chain of events",
      "delete from billing.events where stream like 'invoice/%' and version = 2",
      /invoice\/\S+ has a gap between its versions/,
    ],
    [
      "a chain that lacks its end",
      "delete from billing.events where stream like 'invoice/%' and version = (select max(version) from billing.events where stream like 'invoice/%')",
      /has another version than its events/,
    ],
    [
      "an event that tells another sum",
      `update billing.events set body = jsonb_set(body, '{capture,amount,amount}', '"299.01"') where type = 'PaymentSucceeded'`,
      /of 29901 RUB \(minor\) is told by an event and has no row/,
    ],
    [
      "a payment that no event tells",
      "delete from billing.events where type = 'PaymentSucceeded'",
      /payment \d+ of 29900 RUB \(minor\) has a row and is told by no event/,
    ],
    [
      "a callback that was answered and not kept",
      "delete from billing.intake where body like '%payment.decline%'",
      /fail \d+ was answered with success and is not kept/,
    ],
    [
      "a callback of which only the facts are left",
      "delete from billing.vault where kind = 'callback'",
      /what it said is not in the vault/,
    ],
    ["a card without its token", "delete from billing.vault where kind = 'card'", /crd_\S+ can be charged by nobody/],
    [
      "a payment that nobody has put before a person",
      "delete from billing.intake where suspended_at is not null",
      /stands nowhere with us/,
    ],
  ])("%s", async (_, statement, complaint) => {
    const { differences } = await withRows(statement);
    expect(differences.join("\n")).toMatch(complaint);
  });

  test("and what was doctored is as it was", async () => {
    expect((await house.check()).differences).toEqual([]);
  });
});
