import type { CommandType } from "../../../src/core/billing/command.ts";
import type {
  AttemptId,
  InvoiceId,
  PlanCode,
  QuoteId,
  SetupId,
  SubscriptionId,
  TransactionId,
} from "../../../src/core/ids.ts";
import { DAY_MS, formatInstant, plusMs } from "../../../src/core/time.ts";
import { answered, cardNamed, GATEWAY, MONTHLY, MOSCOW, payer, rub } from "../../support/cinema.ts";
import { chargeBy, WORKERS } from "../../support/due-work.ts";
import { HARD, SOFT } from "../../support/gateway.ts";
import {
  asked,
  byGateway,
  byOwner,
  byPayer,
  byService,
  bySystem,
  type Happening,
  isDone,
  onAttempt,
  onCapture,
  onInvoice,
  onRefund,
  onSetup,
  onSubscription,
} from "./askers.ts";
import { type Dice, PLANS, ZONES } from "./dice.ts";
import {
  attemptsOf,
  decideDispute,
  pick,
  someAttempt,
  someCapture,
  someCard,
  someInvoice,
  someRefund,
  someSubscription,
  sumOf,
  sureSum,
  tell,
  type World,
  whose,
} from "./world.ts";

const description = (dice: Dice) => ({
  title: { ru: "План", en: `Plan ${dice.amount}` },
  text: { ru: "Кино", en: "Films" },
  entitlement: { tier: dice.nth, quality: "hd" as const, streams: 1 },
  rank: PLANS[dice.plan]?.rank ?? 1,
});
const planOf = (dice: Dice) => PLANS[dice.plan] ?? PLANS[0];

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

/** Each command has its row, so that none is forgotten; those of sweeps come out of turn here and in turn by `wait`. */
export const COMMANDS: Readonly<Record<CommandType, Happening>> = {
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
        zone: ZONES[dice.zone] ?? MOSCOW,
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
    onInvoice((invoiceId, { yes }) => ({ type: "invoice.offer", invoiceId, consent: yes ? "v2" : null })),
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
    onInvoice((invoiceId) => ({ type: "invoice.annul", invoiceId })),
  ),
  "invoice.write_off": asked(
    0.7,
    byOwner,
    onInvoice((invoiceId) => ({ type: "invoice.write_off", invoiceId })),
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
      const setupId = pick(world.ledger.setups(), dice);
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
    onInvoice((invoiceId) => ({ type: "invoice.expire", invoiceId })),
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
    onInvoice((invoiceId) => ({ type: "invoice.give_up_waiting", invoiceId })),
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
