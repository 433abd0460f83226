import { billing } from "../../../src/core/billing/billing.ts";
import { fold } from "../../../src/core/billing/fold.ts";
import type { RowOf } from "../../../src/core/billing/read-model.ts";
import { rowsOf } from "../../../src/core/billing/rows.ts";
import type { AccountId, InvoiceId, TransactionId } from "../../../src/core/ids.ts";
import { DAY_MS, formatInstant, type Instant, plusMs } from "../../../src/core/time.ts";
import { openStore } from "../../support/billing-store.ts";
import { answered, GATEWAY, sha256 } from "../../support/cinema.ts";
import { playTo } from "../../support/due-work.ts";
import { accountIn, type Books, demand, known, printed } from "./books.ts";
import { told } from "./ledger.ts";
import { booksOf, decideDispute, tell, type World } from "./world.ts";

// What must be true at the end of any story.

/** I9: what is read is what follows from the events, row by row. */
export const rowsFollowFromEvents = async ({ cinema }: World): Promise<void> => {
  const rows = cinema.store.rebuild(
    "check",
    (stream, events) => rowsOf(fold(stream, events), cinema.policy),
    () => undefined,
  );
  const report = answered(await rows);
  demand(report.identical, "I9: rows are those that follow from the events", report.differences);
};

/** Faults heal: what was not told is told, people decide what waits for them, and the sweeps run. */
export const heal = async (world: World): Promise<void> => {
  const { cinema, gateway, accounts } = world;
  gateway.heal();
  for (const movement of gateway.untold.splice(0)) await tell(world, movement);
  for (const account of accounts) while (await decideDispute(world, account, true));
  for (const { invoiceId, transactionId } of answered(await cinema.store.queries.mismatches(200))) {
    await cinema.byStaff({
      type: "payment.settle_mismatch",
      invoiceId: invoiceId as InvoiceId,
      gatewayAccount: GATEWAY,
      transactionId: transactionId as TransactionId,
      note: "settled",
    });
  }
  await playTo(cinema, gateway, plusMs(cinema.at(), 40 * DAY_MS));
};

/** A sweep that is asked again in vain: it may be two days behind, not more. */
const LATE_MS = 2 * DAY_MS;

/** A renewal that is out and whose only card a bank has forbidden may wait for another until its period is over. */
const waitsForMore = async ({ cinema }: World, { kind, accountId }: RowOf<"due">): Promise<boolean> => {
  if (kind !== "charge_renewal") return false;
  const cards = answered(await cinema.store.queries.customer(accountId as AccountId))?.cards ?? [];
  return !cards.some(({ status, preferred }) => preferred && status === "active");
};

/** I12: nothing waits that should not. */
export const nothingWaits = async (world: World): Promise<void> => {
  const { cinema, ledger, accounts } = world;
  const overdue: RowOf<"due">[] = [];
  for (const row of await cinema.dueNow()) {
    if (row.dueAt < cinema.at() - LATE_MS && !(await waitsForMore(world, row))) overdue.push(row);
  }
  demand(overdue.length === 0, `I12: all that is due is done at ${formatInstant(cinema.at())}`, overdue);
  demand(ledger.openSetups().length === 0, "I12: each set-up has its end", ledger.openSetups());
  for (const account of accounts) {
    for (const { attempts, refunds } of await booksOf({ cinema }, account)) {
      const unanswered = attempts.filter(({ status }) => ["current", "in_flight", "unknown"].includes(status));
      demand(unanswered.length === 0, "I12: each attempt has its end", unanswered);
      const open = refunds.filter(({ status }) => ["reserved", "in_flight", "unknown"].includes(status));
      demand(open.length === 0, "I12: each refund has its end", open);
    }
  }
};

/** I1, I2, 10: our books and the gateway's agree to the last kopeck. */
export const booksAgree = async ({ cinema, gateway, ledger, accounts }: World): Promise<void> => {
  const { books } = ledger;
  for (const movement of gateway.books) {
    const { kind, transactionId } = movement;
    if (kind === "payment")
      demand(
        books.captures.has(transactionId) !== books.suspense.has(transactionId),
        "I1: what was taken is in one book",
        transactionId,
      );
  }
  for (const account of accounts) {
    for (const { captures } of await booksOf({ cinema }, account)) {
      for (const { transactionId, capturedMinor, role, dispute } of captures) {
        if (dispute === "lost") continue;
        const booked = known(books.captures, transactionId);
        const back = capturedMinor - gateway.left(transactionId as TransactionId);
        demand(booked.back === back, "I1: what went back is booked", transactionId);
        const isGone = role === "settling" || booked.refused || back === capturedMinor;
        demand(isGone, "I2: money that came twice has gone back", transactionId);
      }
    }
    const rows = answered(await cinema.store.queries.customer(account))?.credits[0];
    const { balance, reserved } = ledger.creditOf(account);
    demand(
      (rows?.balanceMinor ?? 0n) === balance && (rows?.reservedMinor ?? 0n) === reserved,
      "10: credit is in the books",
      [account, rows],
    );
  }
  for (const account of accounts)
    demand(isBacked(books, account), "no more is owed as credit than was paid and kept", account);
  for (const [slot, kept] of ledger.keptCharges())
    demand(kept <= 1, "I2: at most one charge is kept for a period", slot);
};

/**
 * Credit that came of payments stands against money that is still ours, or was credit before. What a person, a gateway or a
 * bank took back beside it is not for us to judge.
 */
const isBacked = (books: Books, account: string): boolean => {
  const { owed, spent } = accountIn(books, account);
  const own = [...books.captures.values()].filter(({ invoice }) => books.invoices.get(invoice)?.account === account);
  if (own.some(({ byHand, overdrawn, dispute }) => byHand || overdrawn || dispute === "lost")) return true;
  const kept = own.reduce((all, { minor, back }) => all + minor - back, 0n);
  return owed <= kept + spent;
};

/** 2: ids derive from their cause. The same commands on another store, at the same instants, leave the very same events. */
export const secondRunIsTheSame = async ({ cinema, log, commits }: World): Promise<void> => {
  const again: string[] = [];
  const store = await openStore();
  let now: Instant = cinema.at();
  const updater = billing({
    storage: told(store.storage, ({ appends }) => void again.push(printed(appends))),
    clock: { now: async () => now },
    digest: sha256,
    policy: cinema.policy,
    gatewayAccount: GATEWAY,
  });
  for (const { received, at } of log) {
    now = at;
    await updater.execute(received);
  }
  // Of a batch those that had to go behind others were written later: each by itself is the same.
  const first = commits.map(({ appends }) => printed(appends));
  demand(printed(again.sort()) === printed(first.sort()), "2: a second run makes the same", again.length);
};
