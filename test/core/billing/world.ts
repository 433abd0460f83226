import type { Executed } from "../../../src/core/billing/billing.ts";
import type { Command, Received } from "../../../src/core/billing/command.ts";
import type { RowOf } from "../../../src/core/billing/read-model.ts";
import type { AccountId, CardId, InvoiceId, RefundId, SubscriptionId, TransactionId } from "../../../src/core/ids.ts";
import { type Money, money } from "../../../src/core/money.ts";
import type { Commit, Storage } from "../../../src/core/ports/storage.ts";
import { formatInstant, type Instant } from "../../../src/core/time.ts";
import { openStore } from "../../support/billing-store.ts";
import { accountNamed, answered, type Cinema, GATEWAY, openCinema, rub, type Watcher } from "../../support/cinema.ts";
import { tellOf } from "../../support/due-work.ts";
import { type Gateway, type Movement, openGateway } from "../../support/gateway.ts";
import { Broken } from "./books.ts";
import { type Dice, PLANS } from "./dice.ts";
import { type Ledger, openLedger, told } from "./ledger.ts";

// A small cinema in which anything is asked and told at any time, and a gateway that knows what really happened.

export type World = {
  readonly cinema: Cinema;
  readonly gateway: Gateway;
  readonly ledger: Ledger;
  /** Every command that was executed, with billing time and what it came to. */
  readonly log: { readonly received: Received; readonly at: Instant; readonly executed: Executed }[];
  /** What was written, in order. */
  readonly commits: readonly Commit[];
  /** What a gateway has told and may tell again. */
  readonly told: Command[];
  readonly accounts: readonly AccountId[];
};

const VIEWERS = ["anna", "boris", "vera"].map(accountNamed);

export const openWorld = async (): Promise<World> => {
  const store = await openStore();
  const gateway = openGateway();
  const ledger = openLedger(gateway);
  const log: World["log"] = [];
  const commits: Commit[] = [];
  const storage: Storage = told(store.storage, (commit) => {
    commits.push(commit);
    ledger.hear(commit);
  });
  const watcher: Watcher = async (received, executed) => {
    log.push({ received, at: cinema.at(), executed });
    if (executed.status === "failed") {
      const isHeld = executed.fault.code === "contention" && executed.fault.detail.startsWith("invoices_one_");
      if (!isHeld || !("subscriptionId" in received.command))
        throw new Broken(`failed: ${JSON.stringify(executed.fault)}`);
      ledger.count("held");
      return;
    }
    if (executed.outcome.ok) ledger.count(`took effect: ${received.command.type}`);
    for (const account of VIEWERS) {
      const may = answered(await store.queries.access(account, cinema.at())) !== null;
      const should = ledger.mayWatch(account, cinema.at());
      if (may !== should)
        throw new Broken(
          `I4: may watch is ${may}, not ${should}, at ${formatInstant(cinema.at())} after ${received.command.type}`,
        );
    }
  };
  const cinema: Cinema = openCinema({ ...store, storage }, { watcher });
  for (const { code, price, rank } of PLANS) await cinema.sell(code, price, rank);
  return { cinema, gateway, ledger, log, told: [], accounts: VIEWERS, commits };
};

// What there is to ask about, newest first.

const PAGE = { after: null, limit: 200 } as const;
export const pick = <T>(all: readonly T[], { nth }: Dice): T | undefined => all[Math.min(nth, all.length - 1)];
export const whose = ({ who }: Dice): AccountId => VIEWERS[who] ?? accountNamed("anna");
const invoicesOf = async ({ cinema }: Pick<World, "cinema">, account: AccountId) =>
  answered(await cinema.store.queries.invoicesOf(account, PAGE));
export const someInvoice = async (world: Pick<World, "cinema">, dice: Dice): Promise<RowOf<"invoices"> | undefined> => {
  const all = await invoicesOf(world, whose(dice));
  const out = all.filter(({ status }) => status === "open" || status === "processing");
  return pick(dice.sure && out.length > 0 ? out : all, dice);
};
export const booksOf = async (world: Pick<World, "cinema">, account: AccountId) =>
  Promise.all(
    (await invoicesOf(world, account)).map(async ({ invoiceId }) => {
      const rows = answered(await world.cinema.store.queries.invoice(invoiceId as InvoiceId));
      if (rows === null) throw new Error("an invoice that is listed is there");
      return rows;
    }),
  );
export const someSubscription = async ({ cinema }: Pick<World, "cinema">, dice: Dice): Promise<SubscriptionId> => {
  const rows = answered(await cinema.store.queries.subscriptionsOf(whose(dice), PAGE));
  const running = rows.filter(({ status }) => status !== "ended");
  const row = pick(dice.sure && running.length > 0 ? running : rows, dice);
  return (row?.subscriptionId ?? "sub_00000000000000000000000000") as SubscriptionId;
};
export const attemptsOf = async (world: World, dice: Dice) =>
  (await booksOf(world, whose(dice))).flatMap(({ attempts }) => [...attempts].reverse());
export const someAttempt = async (world: World, dice: Dice): Promise<RowOf<"attempts"> | undefined> => {
  const all = await attemptsOf(world, dice);
  const open = all.filter(({ status }) => ["current", "in_flight", "unknown"].includes(status));
  return pick(dice.sure && open.length > 0 ? open : all, dice);
};
export const someCapture = async (world: World, dice: Dice) =>
  pick(
    (await booksOf(world, whose(dice))).flatMap(({ captures }) => captures),
    dice,
  );
export const someRefund = async (world: World, dice: Dice) => {
  const all = (await booksOf(world, whose(dice)))
    .flatMap(({ refunds }) => refunds)
    .filter(({ refundKey }) => refundKey.startsWith("rfd_"));
  const open = all.filter(({ status }) => ["reserved", "in_flight", "unknown"].includes(status));
  return pick(dice.sure && open.length > 0 ? open : all, dice)?.refundKey as RefundId | undefined;
};
export const someCard = async ({ cinema }: Pick<World, "cinema">, dice: Dice): Promise<CardId | null> => {
  const cards = answered(await cinema.store.queries.customer(whose(dice)))?.cards ?? [];
  return (pick([...cards].reverse(), dice)?.cardId ?? null) as CardId | null;
};
export const sumOf = (minor: bigint): Money => money(minor, "RUB");
export const sureSum = (dice: Dice, right: bigint): Money => (dice.sure ? sumOf(right) : rub(dice.amount));

/** A gateway tells what has happened: now, once more, or later by itself. */
export const tell = async (world: World, movement: Movement, cardId: CardId | null = null): Promise<void> => {
  const fact = tellOf(movement);
  const command: Command = fact.type === "payment.succeed" ? { ...fact, cardId } : fact;
  world.told.push(command);
  await world.cinema.byGateway(command);
};

/** A person decides the first dispute of an account that is open. Answers whether there was one. */
export const decideDispute = async (world: World, account: AccountId, won: boolean): Promise<boolean> => {
  const captures = (await booksOf(world, account)).flatMap((rows) => rows.captures);
  const disputed = captures.find(({ dispute }) => dispute === "open");
  if (disputed === undefined) return false;
  const { invoiceId, transactionId } = disputed as unknown as { invoiceId: InvoiceId; transactionId: TransactionId };
  if (!won) world.gateway.lose(transactionId);
  await world.cinema.byStaff({
    type: "payment.decide_chargeback",
    invoiceId,
    gatewayAccount: GATEWAY,
    transactionId,
    won,
  });
  return true;
};
