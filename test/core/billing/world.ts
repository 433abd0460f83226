import fc from "fast-check";
import type { Actor } from "../../../src/core/actor.ts";
import type { Executed } from "../../../src/core/billing/billing.ts";
import type { Command, CommandType, Received } from "../../../src/core/billing/command.ts";
import type { RowOf } from "../../../src/core/billing/read-model.ts";
import type { NewPrice } from "../../../src/core/catalog/plan.ts";
import type {
  AccountId,
  AttemptId,
  CardId,
  InvoiceId,
  PlanCode,
  QuoteId,
  RefundId,
  SetupId,
  SubscriptionId,
  TransactionId,
} from "../../../src/core/ids.ts";
import { type Money, money } from "../../../src/core/money.ts";
import type { Commit, Storage } from "../../../src/core/ports/storage.ts";
import {
  DAY_MS,
  formatInstant,
  type Instant,
  MINUTE_MS,
  parseZone,
  plusMs,
  type Zone,
} from "../../../src/core/time.ts";
import { openStore } from "../../support/billing-store.ts";
import {
  AT_GATEWAY,
  accountNamed,
  answered,
  type Cinema,
  cardNamed,
  GATEWAY,
  MONTHLY,
  openCinema,
  payer,
  rub,
  SERVICE,
  SYSTEM,
  staff,
  type Watcher,
} from "../../support/cinema.ts";
import { chargeBy, playTo, tellOf, WORKERS } from "../../support/due-work.ts";
import {
  ASK_PAYER,
  type Fate,
  type Gateway,
  HARD,
  type Movement,
  OUTAGE,
  openGateway,
  SOFT,
} from "../../support/gateway.ts";
import { Broken, type Ledger, openLedger, told } from "./ledger.ts";

// A small cinema in which anything is asked and told at any time, and a gateway that knows what really happened.

const zoneOf = (raw: string): Zone => {
  const zone = parseZone(raw);
  if (!zone.ok) throw new Error(`no zone: ${raw}`);
  return zone.value;
};
const ZONES = ["Europe/Moscow", "Europe/Berlin", "Asia/Vladivostok"].map(zoneOf);
const ACCOUNTS = ["anna", "boris", "vera"].map(accountNamed);

const plan = (code: string, rank: number, over: Partial<NewPrice>) => ({
  code: code as PlanCode,
  rank,
  price: { ...MONTHLY, ...over },
});
const WEEK = { unit: "week", count: 1 } as const;
const YEAR = { unit: "year", count: 1 } as const;
export const PLANS = [
  plan("basic", 1, { price: rub(19_900) }),
  plan("premium", 2, { price: rub(29_900), intro: { price: rub(9900), periods: 2 } }),
  plan("weekly", 1, { price: rub(7000), length: WEEK }),
  plan("gold", 3, { price: rub(12_000), length: WEEK, trial: { kind: "free", days: 3, card: false } }),
  plan("yearly", 2, { price: rub(299_000), length: YEAR }),
  plan("proved", 2, { price: rub(9000), length: WEEK, trial: { kind: "free", days: 7, card: true } }),
  plan("tasted", 2, { price: rub(9000), length: WEEK, trial: { kind: "paid", days: 3, price: rub(100) } }),
  plan("gratis", 1, { price: rub(5000), length: WEEK, intro: { price: rub(0), periods: 1 } }),
] as const;

/** What chance decides about one step. Small numbers pick among what there is, newest first. */
const weighted = <T>(...choices: readonly (readonly [weight: number, value: T])[]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));
/** In minutes. */
const DAY = 24 * 60;
const FATES: fc.Arbitrary<Fate> = weighted<Fate>(
  [10, "done"],
  [3, SOFT],
  [2, HARD],
  [1, ASK_PAYER],
  [1, OUTAGE],
  [3, "done_unheard"],
  [3, "never_arrives"],
  [4, "pending"],
  [1, "refused"],
  [1, { unheard: SOFT }],
  [1, { takes: rub(100) }],
  [1, "only_authorised"],
);
const DICE = fc.record({
  who: weighted([5, 0], [2, 1], [1, 2]),
  nth: weighted([6, 0], [3, 1], [1, 2], [1, 5]),
  plan: fc.nat(PLANS.length - 1),
  zone: fc.nat(ZONES.length - 1),
  yes: fc.boolean(),
  sure: weighted([7, true], [1, false]),
  fates: fc.array(FATES, { maxLength: 3 }),
  amount: fc.constantFrom(100, 2500, 10_000, 29_900, 60_000),
  days: fc.constantFrom(1, 3, 10, 40, 100),
  waitsMs: fc.constantFrom(
    ...[0, 1, 6, 20, 2 * 60, DAY, DAY, 2 * DAY, 3 * DAY, 7 * DAY, 15 * DAY].map((minutes) => minutes * MINUTE_MS),
  ),
});
export type Dice = typeof DICE extends fc.Arbitrary<infer T> ? T : never;
export type Step = readonly [name: StepName, dice: Dice];

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
  /** Subscriptions whose next invoice has met another one of its number that could not be closed. */
  readonly heldNumbers: Set<string>;
};

export const openWorld = async (): Promise<World> => {
  const store = await openStore();
  const gateway = openGateway();
  const ledger = openLedger(gateway);
  const log: World["log"] = [];
  const heldNumbers = new Set<string>();
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
      heldNumbers.add(received.command.subscriptionId);
      ledger.count("held");
      return;
    }
    if (executed.outcome.ok) ledger.count(`took effect: ${received.command.type}`);
    for (const account of ACCOUNTS) {
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
  return { cinema, gateway, ledger, log, told: [], accounts: ACCOUNTS, heldNumbers, commits };
};

// What there is to ask about, newest first.

const PAGE = { after: null, limit: 200 } as const;
const pick = <T>(all: readonly T[], { nth }: Dice): T | undefined => all[Math.min(nth, all.length - 1)];
const whose = ({ who }: Dice): AccountId => ACCOUNTS[who] ?? accountNamed("anna");
const invoicesOf = async ({ cinema }: Pick<World, "cinema">, account: AccountId) =>
  answered(await cinema.store.queries.invoicesOf(account, PAGE));
const someInvoice = async (world: Pick<World, "cinema">, dice: Dice): Promise<RowOf<"invoices"> | undefined> => {
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
const someSubscription = async ({ cinema }: Pick<World, "cinema">, dice: Dice): Promise<SubscriptionId> => {
  const rows = answered(await cinema.store.queries.subscriptionsOf(whose(dice), PAGE));
  const running = rows.filter(({ status }) => status !== "ended");
  const row = pick(dice.sure && running.length > 0 ? running : rows, dice);
  return (row?.subscriptionId ?? "sub_00000000000000000000000000") as SubscriptionId;
};
const attemptsOf = async (world: World, dice: Dice) =>
  (await booksOf(world, whose(dice))).flatMap(({ attempts }) => [...attempts].reverse());
const someAttempt = async (world: World, dice: Dice): Promise<RowOf<"attempts"> | undefined> => {
  const all = await attemptsOf(world, dice);
  const open = all.filter(({ status }) => ["current", "in_flight", "unknown"].includes(status));
  return pick(dice.sure && open.length > 0 ? open : all, dice);
};
const someCapture = async (world: World, dice: Dice) =>
  pick(
    (await booksOf(world, whose(dice))).flatMap(({ captures }) => captures),
    dice,
  );
const someRefund = async (world: World, dice: Dice) => {
  const all = (await booksOf(world, whose(dice)))
    .flatMap(({ refunds }) => refunds)
    .filter(({ refundKey }) => refundKey.startsWith("rfd_"));
  const open = all.filter(({ status }) => ["reserved", "in_flight", "unknown"].includes(status));
  return pick(dice.sure && open.length > 0 ? open : all, dice)?.refundKey as RefundId | undefined;
};
const someCard = async ({ cinema }: Pick<World, "cinema">, dice: Dice): Promise<CardId | null> => {
  const cards = answered(await cinema.store.queries.customer(whose(dice)))?.cards ?? [];
  return (pick([...cards].reverse(), dice)?.cardId ?? null) as CardId | null;
};
const setups = ({ ledger }: World): readonly SetupId[] => [...ledger.setups].reverse();
const sumOf = (minor: bigint): Money => money(minor, "RUB");
const sureSum = (dice: Dice, right: bigint): Money => (dice.sure ? sumOf(right) : rub(dice.amount));

const isDone = (executed: Executed): boolean => executed.status === "done" && executed.outcome.ok;

/** One thing that may happen. Returns without asking when there is nothing that it could be about. */
type Happening = { readonly weight: number; readonly happens: (world: World, dice: Dice) => Promise<unknown> };
type Ask = (world: World, dice: Dice) => Promise<Command | null> | Command | null;
const asked = (weight: number, actor: (world: World, dice: Dice) => Actor, ask: Ask): Happening => ({
  weight,
  happens: async (world, dice) => {
    const command = await ask(world, dice);
    return command === null ? null : world.cinema.ask(actor(world, dice), command);
  },
});
const byPayer = (_: World, dice: Dice): Actor => payer(whose(dice));
const byOwner = (): Actor => staff("owner");
const byService = (): Actor => SERVICE;
const bySystem = (): Actor => SYSTEM;
const byGateway = (): Actor => AT_GATEWAY;
const onSubscription =
  (command: (subscriptionId: SubscriptionId, dice: Dice) => Command): Ask =>
  async (world, dice) =>
    command(await someSubscription(world, dice), dice);
const onInvoice =
  (
    command: (
      invoice: RowOf<"invoices"> & { readonly invoiceId: InvoiceId },
      dice: Dice,
      world: World,
    ) => Command | Promise<Command>,
  ): Ask =>
  async (world, dice) => {
    const invoice = await someInvoice(world, dice);
    return invoice === undefined
      ? null
      : command(invoice as RowOf<"invoices"> & { readonly invoiceId: InvoiceId }, dice, world);
  };
const onAttempt =
  (command: (attemptId: AttemptId, dice: Dice) => Command | null): Ask =>
  async (world, dice) => {
    const attempt = await someAttempt(world, dice);
    return attempt === undefined ? null : command(attempt.attemptId as AttemptId, dice);
  };
const onCapture =
  (
    command: (
      capture: {
        readonly invoiceId: InvoiceId;
        readonly gatewayAccount: typeof GATEWAY;
        readonly transactionId: TransactionId;
      },
      minor: bigint,
      dice: Dice,
    ) => Command,
  ): Ask =>
  async (world, dice) => {
    const row = await someCapture(world, dice);
    if (row === undefined) return null;
    const transactionId = row.transactionId as TransactionId;
    return command(
      { invoiceId: row.invoiceId as InvoiceId, gatewayAccount: GATEWAY, transactionId },
      row.capturedMinor,
      dice,
    );
  };
const onRefund =
  (command: (refundId: RefundId, world: World) => Command | null): Ask =>
  async (world, dice) => {
    const refundId = await someRefund(world, dice);
    return refundId === undefined ? null : command(refundId, world);
  };
const onSetup =
  (command: (setupId: SetupId, world: World) => Command | null): Ask =>
  (world, dice) => {
    const setupId = pick(setups(world), dice);
    return setupId === undefined ? null : command(setupId, world);
  };
const description = (dice: Dice) => ({
  title: { ru: "План", en: `Plan ${dice.amount}` },
  text: { ru: "Кино", en: "Films" },
  entitlement: { tier: dice.nth, quality: "hd" as const, streams: 1 },
  rank: PLANS[dice.plan]?.rank ?? 1,
});
const planOf = (dice: Dice) => PLANS[dice.plan] ?? PLANS[0];

/** A gateway tells what has happened: now, once more, or later by itself. */
export const tell = async (world: World, movement: Movement, cardId: CardId | null = null): Promise<void> => {
  const fact = tellOf(movement);
  const command: Command = fact.type === "payment.succeed" ? { ...fact, cardId } : fact;
  world.told.push(command);
  await world.cinema.byGateway(command);
};

/** A payer acts in an open widget: the gateway asks first, as a rule, and takes money only when it hears a yes. */
const payInWidget = async (world: World, dice: Dice): Promise<void> => {
  const { cinema, gateway } = world;
  const offers = (await attemptsOf(world, dice)).filter(({ kind }) => kind === "offer");
  const current = offers.filter(({ status }) => status === "current");
  const attempt = pick(dice.sure && current.length > 0 ? current : offers, dice);
  if (attempt === undefined) return;
  const attemptId = attempt.attemptId as AttemptId;
  if (dice.sure || dice.yes) {
    const transactionId = `c${gateway.books.length}` as TransactionId;
    const checked = await cinema.byGateway({ type: "payment.check", attemptId, transactionId });
    if (checked.status !== "done" || !checked.outcome.ok) return;
  }
  const [fate] = dice.fates;
  if (typeof fate === "object" && "kind" in fate)
    return tell(world, gateway.decline(attemptId, sumOf(attempt.amountMinor), fate));
  const taken = gateway.take(attemptId, sureSum(dice, attempt.amountMinor), fate === "only_authorised");
  const cardId = dice.sure ? cardNamed(`${whose(dice)} ${gateway.books.length}`) : null;
  if (dice.waitsMs > DAY_MS) {
    gateway.untold.push(taken);
    return;
  }
  await tell(world, taken, cardId);
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

/** Each command has its row, so that none is forgotten; those of sweeps come out of turn here and in turn by `wait`. */
const COMMANDS: Readonly<Record<CommandType, Happening>> = {
  "plan.create": asked(0.2, byOwner, (_, dice) => ({
    type: "plan.create",
    plan: `plan-${dice.amount}` as PlanCode,
    description: description(dice),
    price: MONTHLY,
  })),
  "plan.describe": asked(0.3, byOwner, (_, dice) => ({
    type: "plan.describe",
    plan: planOf(dice).code,
    description: description(dice),
  })),
  "plan.set_price": asked(0.5, byOwner, (_, dice) => {
    const { code, price } = planOf(dice);
    return {
      type: "plan.set_price",
      plan: code,
      price: {
        ...price,
        price: rub(price.price.minor === 0n ? 100 : Number(price.price.minor) + dice.amount),
        intro: null,
      },
    };
  }),
  "plan.archive": asked(0.3, byOwner, (_, dice) => ({ type: "plan.archive", plan: planOf(dice).code })),
  "plan.restore": asked(0.6, byOwner, (_, dice) => ({ type: "plan.restore", plan: planOf(dice).code })),
  "subscription.start": {
    weight: 9,
    happens: async (world, dice) => {
      const started = await world.cinema.ask(byPayer(world, dice), {
        type: "subscription.start",
        accountId: whose(dice),
        plan: planOf(dice).code,
        zone: ZONES[dice.zone] ?? zoneOf("UTC"),
        consent: dice.sure ? "v1" : null,
      });
      // Who subscribes, as a rule pays at once.
      if (!isDone(started) || (!dice.sure && !dice.yes)) return;
      await COMMANDS["invoice.offer"].happens(world, { ...dice, nth: 0, sure: true, yes: true });
      await payInWidget(world, { ...dice, nth: 0, yes: true });
    },
  },
  "subscription.stop": asked(
    1.2,
    byPayer,
    onSubscription((subscriptionId) => ({ type: "subscription.stop", subscriptionId })),
  ),
  "subscription.undo_stop": asked(
    5,
    byPayer,
    onSubscription((subscriptionId) => ({ type: "subscription.undo_stop", subscriptionId })),
  ),
  "subscription.cancel": asked(
    0.8,
    (world, dice) => (dice.yes ? byPayer(world, dice) : byOwner()),
    onSubscription((subscriptionId, dice) => ({
      type: "subscription.cancel",
      subscriptionId,
      refund: dice.yes || dice.sure ? { by: "policy" } : { by: "staff", amount: rub(dice.amount), reason: "kindness" },
    })),
  ),
  "subscription.quote_change": asked(
    1,
    byPayer,
    onSubscription((subscriptionId, dice) => ({
      type: "subscription.quote_change",
      subscriptionId,
      plan: planOf(dice).code,
    })),
  ),
  "subscription.change": {
    weight: 5,
    happens: async ({ cinema }, dice) => {
      const quoted = await cinema.ask(payer(whose(dice)), {
        type: "subscription.quote_change",
        subscriptionId: await someSubscription({ cinema }, dice),
        plan: planOf(dice).code,
      });
      if (quoted.status !== "done" || !quoted.outcome.ok) return;
      const { subscriptionId, quoteId } = quoted.outcome.value as { subscriptionId: SubscriptionId; quoteId: QuoteId };
      await cinema.ask(payer(whose(dice)), { type: "subscription.change", subscriptionId, quoteId });
    },
  },
  "subscription.drop_change": asked(
    2,
    byPayer,
    onSubscription((subscriptionId) => ({ type: "subscription.drop_change", subscriptionId })),
  ),
  "subscription.pay_ahead": asked(
    2.5,
    byPayer,
    onSubscription((subscriptionId) => ({ type: "subscription.pay_ahead", subscriptionId })),
  ),
  "subscription.pause": asked(3, byPayer, async (world, dice) => ({
    type: "subscription.pause",
    subscriptionId: await someSubscription(world, dice),
    when: dice.yes ? "now" : "at_period_end",
    until: formatInstant(plusMs(world.cinema.at(), dice.days * DAY_MS)).slice(0, 10),
  })),
  "subscription.resume": asked(
    2,
    byPayer,
    onSubscription((subscriptionId) => ({ type: "subscription.resume", subscriptionId })),
  ),
  "invoice.offer": asked(
    5,
    byPayer,
    onInvoice(({ invoiceId }, { yes }) => ({ type: "invoice.offer", invoiceId, consent: yes ? "v2" : null })),
  ),
  "setup.offer": {
    weight: 1.5,
    happens: async (world, dice) => {
      const { cinema, gateway } = world;
      const offered = await cinema.ask(payer(whose(dice)), {
        type: "setup.offer",
        accountId: whose(dice),
        consent: "v1",
      });
      if (offered.status !== "done" || !offered.outcome.ok || dice.yes) return;
      const setupId = offered.outcome.value["setupId"] as SetupId;
      await tell(world, gateway.hold(setupId, sureSum(dice, cinema.policy.cardProof.minor)));
    },
  },
  "consent.withdraw": asked(0.5, byPayer, (_, dice) => ({ type: "consent.withdraw", accountId: whose(dice) })),
  "card.remove": asked(0.6, byPayer, async (world, dice) => {
    const cardId = await someCard(world, dice);
    return cardId === null ? null : { type: "card.remove", accountId: whose(dice), cardId };
  }),
  "card.prefer": asked(1, byPayer, async (world, dice) => {
    const cardId = await someCard(world, dice);
    return cardId === null ? null : { type: "card.prefer", accountId: whose(dice), cardId };
  }),
  "invoice.issue": asked(1, byService, (_, dice) => ({
    type: "invoice.issue",
    accountId: whose(dice),
    lines: [{ kind: "service", plan: null, priceVersion: null, amount: rub(dice.amount), period: null }],
  })),
  "invoice.annul": asked(
    0.7,
    byOwner,
    onInvoice(({ invoiceId }) => ({ type: "invoice.annul", invoiceId })),
  ),
  "invoice.write_off": asked(
    0.7,
    byOwner,
    onInvoice(({ invoiceId }) => ({ type: "invoice.write_off", invoiceId })),
  ),
  "payment.refund": asked(
    3,
    byOwner,
    onCapture((capture, minor, dice) => ({
      type: "payment.refund",
      ...capture,
      amount: sureSum({ ...dice, sure: dice.yes }, minor),
      access: dice.sure ? "keep" : "end",
    })),
  ),
  "payment.settle_mismatch": asked(1, byOwner, async ({ cinema }) => {
    const [mismatch] = answered(await cinema.store.queries.mismatches(1));
    if (mismatch === undefined) return null;
    const { invoiceId, transactionId } = mismatch as unknown as { invoiceId: InvoiceId; transactionId: TransactionId };
    return { type: "payment.settle_mismatch", invoiceId, gatewayAccount: GATEWAY, transactionId, note: "looked at" };
  }),
  "payment.decide_chargeback": { weight: 3, happens: (world, dice) => decideDispute(world, whose(dice), dice.yes) },
  "credit.add": asked(0.7, byOwner, (_, dice) => ({
    type: "credit.add",
    accountId: whose(dice),
    amount: rub(dice.amount),
    reason: "an outage",
  })),
  "account.erase": asked(0.1, byPayer, (_, dice) => ({ type: "account.erase", accountId: whose(dice) })),
  "payment.check": asked(
    1,
    byGateway,
    onAttempt((attemptId, { amount }) => ({
      type: "payment.check",
      attemptId,
      transactionId: `x${amount}` as TransactionId,
    })),
  ),
  "payment.succeed": { weight: 14, happens: payInWidget },
  "payment.decline": {
    weight: 1,
    happens: async (world, dice) => {
      const attempt = await someAttempt(world, dice);
      if (attempt?.kind !== "offer") return;
      await tell(
        world,
        world.gateway.decline(attempt.attemptId as AttemptId, sumOf(attempt.amountMinor), dice.yes ? SOFT : HARD),
      );
    },
  },
  "payment.lose_answer": asked(
    1,
    bySystem,
    onAttempt((attemptId) => ({ type: "payment.lose_answer", attemptId })),
  ),
  "payment.find_nothing": {
    weight: 1,
    happens: async (world, dice) => {
      const attempt = await someAttempt(world, dice);
      if (attempt === undefined || world.gateway.ofAttempt(attempt.attemptId as AttemptId) !== null) return;
      await world.cinema.byGateway({
        type: "payment.find_nothing",
        attemptId: attempt.attemptId as AttemptId,
        by: dice.yes ? "find" : "list",
      });
    },
  },
  "payment.charge_back": asked(
    0.8,
    byGateway,
    onCapture(({ gatewayAccount, transactionId }) => ({ type: "payment.charge_back", gatewayAccount, transactionId })),
  ),
  "refund.succeed": {
    weight: 1,
    happens: async (world, dice) => {
      const refundId = await someRefund(world, dice);
      const done = refundId === undefined ? null : world.gateway.ofRefund(refundId);
      if (done !== null) await tell(world, done);
    },
  },
  "refund.fail": asked(
    0.6,
    byGateway,
    onRefund((refundId, { gateway }) =>
      gateway.ofRefund(refundId) === null ? { type: "refund.fail", refundId, reason: "no" } : null,
    ),
  ),
  "refund.lose_answer": asked(
    0.7,
    bySystem,
    onRefund((refundId) => ({ type: "refund.lose_answer", refundId })),
  ),
  "refund.find_nothing": asked(
    1,
    byGateway,
    onRefund((refundId, { gateway }) =>
      gateway.ofRefund(refundId) === null ? { type: "refund.find_nothing", refundId, by: "find" } : null,
    ),
  ),
  "refund.report": {
    weight: 1,
    happens: async (world, dice) => {
      const capture = await someCapture(world, dice);
      if (capture === undefined) return;
      const of = capture.transactionId as TransactionId;
      const left = world.gateway.left(of);
      const minor = dice.yes || BigInt(dice.amount) > left ? left : BigInt(dice.amount);
      if (minor > 0n) await tell(world, world.gateway.giveBack(of, sumOf(minor)));
    },
  },
  "setup.hold": {
    weight: 1.5,
    happens: async (world, dice) => {
      const setupId = pick(setups(world), dice);
      if (setupId !== undefined && !world.gateway.isKnown(setupId))
        await tell(world, world.gateway.hold(setupId, sureSum(dice, world.cinema.policy.cardProof.minor)));
    },
  },
  "setup.decline": asked(
    0.5,
    byGateway,
    onSetup((setupId) => ({ type: "setup.decline", setupId })),
  ),
  "setup.void": asked(
    0.5,
    byGateway,
    onSetup((setupId, { gateway }) =>
      gateway.isKnown(setupId) && !gateway.isHeld(setupId) ? { type: "setup.void", setupId } : null,
    ),
  ),
  "setup.lose_void_answer": asked(
    0.2,
    bySystem,
    onSetup((setupId) => ({ type: "setup.lose_void_answer", setupId })),
  ),
  "setup.find_held": asked(
    0.2,
    byGateway,
    onSetup((setupId, { gateway }) => (gateway.isHeld(setupId) ? { type: "setup.find_held", setupId } : null)),
  ),
  "invoice.charge": {
    weight: 4,
    happens: async ({ cinema, gateway }, dice) => {
      const invoice = await someInvoice({ cinema }, dice);
      if (invoice === undefined) return;
      const invoiceId = invoice.invoiceId as InvoiceId;
      gateway.befall(...dice.fates);
      const cardId = dice.sure ? null : await someCard({ cinema }, dice);
      await chargeBy(
        () => cinema.ask(payer(whose(dice)), { type: "invoice.charge", invoiceId, cardId }),
        cinema,
        gateway,
        invoiceId,
      );
    },
  },
  "refund.start": {
    weight: 0.5,
    happens: async (world, dice) => {
      const row = (await world.cinema.dueNow()).find(({ kind }) => kind === "send_refund");
      if (row !== undefined) await WORKERS.send_refund(world.cinema, world.gateway, row);
      else await COMMANDS["refund.succeed"].happens(world, dice);
    },
  },
  "invoice.expire": asked(
    0.3,
    bySystem,
    onInvoice(({ invoiceId }) => ({ type: "invoice.expire", invoiceId })),
  ),
  "invoice.end_offer": asked(0.5, bySystem, async (world, dice) => {
    const attempt = await someAttempt(world, dice);
    return attempt === undefined
      ? null
      : {
          type: "invoice.end_offer",
          invoiceId: attempt.invoiceId as InvoiceId,
          attemptId: attempt.attemptId as AttemptId,
        };
  }),
  "invoice.give_up_waiting": asked(
    0.5,
    bySystem,
    onInvoice(({ invoiceId }) => ({ type: "invoice.give_up_waiting", invoiceId })),
  ),
  "subscription.pass_boundary": asked(
    0.5,
    bySystem,
    onSubscription((subscriptionId) => ({ type: "subscription.pass_boundary", subscriptionId })),
  ),
  "subscription.close_dunning": asked(
    0.5,
    bySystem,
    onSubscription((subscriptionId) => ({ type: "subscription.close_dunning", subscriptionId })),
  ),
  "subscription.give_notice": asked(
    0.5,
    bySystem,
    onSubscription((subscriptionId) => ({ type: "subscription.give_notice", subscriptionId })),
  ),
  "setup.ask_void": asked(
    0.2,
    bySystem,
    onSetup((setupId) => ({ type: "setup.ask_void", setupId })),
  ),
  "setup.expire": asked(
    0.5,
    bySystem,
    onSetup((setupId) => ({ type: "setup.expire", setupId })),
  ),
};
export const COMMAND_TYPES = Object.keys(COMMANDS) as CommandType[];

const OTHERS = {
  /** Time goes on, and the sweeps do what falls due meanwhile. */
  wait: {
    weight: 22,
    happens: async ({ cinema, gateway }: World, dice: Dice) => {
      gateway.befall(...dice.fates);
      await playTo(cinema, gateway, plusMs(cinema.at(), dice.waitsMs));
    },
  },
  /** Time goes on, and the scheduler stands still. */
  sleep: {
    weight: 2,
    happens: async ({ cinema }: World, dice: Dice) => {
      cinema.moveTo(plusMs(cinema.at(), dice.waitsMs));
      await cinema.bySystem({ type: "invoice.expire", invoiceId: "inv_00000000000000000000000000" as InvoiceId });
    },
  },
  /** A callback that was long on its way arrives. */
  hear: {
    weight: 5,
    happens: async (world: World, dice: Dice) => {
      const movement = pick([...world.gateway.untold].reverse(), dice);
      if (movement === undefined) return;
      world.gateway.untold.splice(world.gateway.untold.indexOf(movement), 1);
      await tell(world, movement);
    },
  },
  /** A command is delivered once more: it changes nothing and answers the same. */
  again: {
    weight: 4,
    happens: async (world: World, dice: Dice) => {
      const kept = world.log.filter(isKept);
      const one = kept[kept.length - 1 - dice.nth * dice.days];
      if (one !== undefined) await isDoneOnce(world, one);
    },
  },
  /** A gateway tells again what it has told, and hears nothing else. */
  repeat: {
    weight: 4,
    happens: async (world: World, dice: Dice) => {
      const fact = pick([...world.told].reverse(), dice);
      if (fact === undefined || fact.type === "payment.decline") return;
      const before = world.ledger.counted();
      await world.cinema.byGateway(fact);
      if (world.ledger.counted() !== before) throw new Broken(`I3: told again, ${fact.type} acted again`);
    },
  },
} as const satisfies Readonly<Record<string, Happening>>;

type Logged = World["log"][number];
/** Successes are recorded, and refusals of outside callers. */
export const isKept = ({ received, executed }: Logged): boolean =>
  isDone(executed) || (executed.status === "done" && !["system", "gateway"].includes(received.actor.kind));
/** 12: a command has one outcome. */
export const isDoneOnce = async ({ cinema, ledger }: World, { received, executed }: Logged): Promise<void> => {
  const before = ledger.counted();
  const again = await cinema.updater.execute(received);
  const same = JSON.stringify({ ...executed, repeated: true }) === JSON.stringify(again);
  if (!same) throw new Broken(`12: ${received.command.type} again: ${JSON.stringify([again, executed])}`);
  if (ledger.counted() !== before) throw new Broken(`12: ${received.command.type} acted twice`);
};

export const HAPPENINGS = { ...COMMANDS, ...OTHERS };
export type StepName = keyof typeof HAPPENINGS;
const NAMES = Object.keys(HAPPENINGS) as StepName[];

/** Takes a step. Who has no subscription, as a rule begins one first: an empty house tells no stories. */
export const step = async (world: World, [name, dice]: Step): Promise<void> => {
  const current =
    answered(await world.cinema.store.queries.customer(whose(dice)))?.customer.currentSubscription ?? null;
  if (current === null && dice.sure) await COMMANDS["subscription.start"].happens(world, dice);
  await HAPPENINGS[name].happens(world, dice);
};

/** Picks a happening by its weight: `n` is anything from 0 on. */
const WEIGHTS = NAMES.flatMap((name) => Array.from({ length: Math.ceil(HAPPENINGS[name].weight * 10) }, () => name));

/** Each story has its own humours: a few things happen in it far more often than in others. */
export const stories = (steps: number): fc.Arbitrary<readonly Step[]> =>
  fc.noBias(
    fc
      .record({
        loud: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 3, maxLength: 9 }),
        throws: fc.array(fc.tuple(fc.nat(1_000_000), fc.boolean(), DICE), {
          minLength: steps / 2,
          maxLength: steps,
          size: "max",
        }),
      })
      .map(({ loud, throws }) =>
        throws.map(([n, isLoud, dice]): Step => {
          const names = isLoud && dice.yes ? loud : WEIGHTS;
          return [names[n % names.length] ?? "wait", dice];
        }),
      ),
  );
