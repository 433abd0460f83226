import { describe, expect, test } from "bun:test";
import type { Actor } from "../../../src/core/actor.ts";
import type { Command, CommandType } from "../../../src/core/billing/command.ts";
import {
  AT_GATEWAY,
  accountNamed,
  GATEWAY,
  MONTHLY,
  MOSCOW,
  payer,
  refusalOf,
  rub,
  SERVICE,
  SERVICE_LINE,
  SYSTEM,
  staff,
  transactionNamed,
} from "../../support/cinema.ts";
import { openHouse } from "../../support/house.ts";

const ASKERS = {
  payer: payer(accountNamed("anna")),
  support: staff("support"),
  manager: staff("manager"),
  finance: staff("finance"),
  owner: staff("owner"),
  service: SERVICE,
  gateway: AT_GATEWAY,
  system: SYSTEM,
} as const satisfies Readonly<Record<string, Actor>>;
type Asker = keyof typeof ASKERS;

/**
 * Who may ask for what, told once more and in other words than the product's table: a mark for each asker, in the order
 * payer, support, manager, finance, owner | service | gateway | system.
 */
const RIGHTS: Readonly<Record<CommandType, string>> = {
  // Plans and prices are the manager's, and the owner's.
  "plan.create": "..m.o|.|.|.",
  "plan.describe": "..m.o|.|.|.",
  "plan.set_price": "..m.o|.|.|.",
  "plan.archive": "..m.o|.|.|.",
  "plan.restore": "..m.o|.|.|.",
  // A subscription is its payer's; support and managers act for him. Services arrange and stop.
  "subscription.start": "psm.o|v|.|.",
  "subscription.stop": "psm.o|v|.|.",
  "subscription.undo_stop": "psm.o|.|.|.",
  "subscription.cancel": "psm.o|.|.|.",
  "subscription.quote_change": "psm.o|.|.|.",
  "subscription.change": "psm.o|.|.|.",
  "subscription.drop_change": "psm.o|.|.|.",
  "subscription.pause": "psm.o|.|.|.",
  "subscription.resume": "psm.o|.|.|y",
  "consent.withdraw": "psm.o|.|.|.",
  "card.remove": "psm.o|.|.|.",
  // What takes money of a payer, or his yes, only he may ask.
  "subscription.pay_ahead": "p....|.|.|.",
  "invoice.offer": "p....|.|.|.",
  "setup.offer": "p....|.|.|.",
  "card.prefer": "p....|.|.|.",
  "invoice.charge": "p....|.|.|y",
  "account.erase": "p...o|.|.|.",
  // Money by hand is finance's, and the owner's; managers and services issue and annul.
  "invoice.issue": "..mfo|v|.|.",
  "invoice.annul": "..mfo|v|.|y",
  "invoice.write_off": "...fo|.|.|.",
  "payment.refund": "...fo|v|.|.",
  "payment.settle_mismatch": "...fo|.|.|.",
  "payment.decide_chargeback": "...fo|.|.|.",
  "credit.add": "...fo|.|.|.",
  // Facts are the gateway's. That an answer was lost, we know ourselves.
  "payment.check": ".....|.|g|.",
  "payment.succeed": ".....|.|g|.",
  "payment.decline": ".....|.|g|.",
  "payment.lose_answer": ".....|.|g|y",
  "payment.find_nothing": ".....|.|g|.",
  "payment.charge_back": ".....|.|g|.",
  "refund.succeed": ".....|.|g|.",
  "refund.fail": ".....|.|g|.",
  "refund.lose_answer": ".....|.|g|y",
  "refund.find_nothing": ".....|.|g|.",
  "refund.report": ".....|.|g|.",
  "setup.hold": ".....|.|g|.",
  "setup.decline": ".....|.|g|.",
  "setup.void": ".....|.|g|.",
  "setup.lose_void_answer": ".....|.|g|y",
  "setup.find_held": ".....|.|g|.",
  // Timed work is our own.
  "refund.start": ".....|.|.|y",
  "invoice.expire": ".....|.|.|y",
  "invoice.end_offer": ".....|.|.|y",
  "invoice.give_up_waiting": ".....|.|.|y",
  "subscription.pass_boundary": ".....|.|.|y",
  "subscription.close_dunning": ".....|.|.|y",
  "subscription.give_notice": ".....|.|.|y",
  "setup.ask_void": ".....|.|.|y",
  "setup.expire": ".....|.|.|y",
};
const MARKS: Readonly<Record<Asker, string>> = {
  payer: "p",
  support: "s",
  manager: "m",
  finance: "f",
  owner: "o",
  service: "v",
  gateway: "g",
  system: "y",
};

const accountId = accountNamed("anna");
const description = {
  title: { ru: "Кино", en: "Films" },
  text: { ru: "Кино", en: "Films" },
  entitlement: { tier: 1, quality: "hd", streams: 1 },
  rank: 1,
} as const;
const capture = { invoiceId: "inv_0" as never, gatewayAccount: GATEWAY, transactionId: transactionNamed("t1") };
const fact = { transactionId: transactionNamed("t1"), amount: rub(1) };
const FIELDS = {
  plan: "new-plan",
  description,
  price: MONTHLY,
  accountId,
  zone: MOSCOW,
  consent: "v1",
  subscriptionId: "sub_0",
  refund: { by: "policy" },
  quoteId: "quo_0",
  when: "now",
  until: "2026-02-10",
  cardId: "crd_0",
  lines: [SERVICE_LINE],
  reason: "for a test",
  note: "for a test",
  won: true,
  access: "keep",
  attemptId: "att_0",
  refundId: "rfd_0",
  setupId: "set_0",
  onlyAuthorised: false,
  captured: false,
  decline: { kind: "soft", reason: "refused" },
  by: "find",
  captureTransactionId: "t1",
  ...capture,
  ...fact,
} as const;

/** A command of a type with the fields that it has. That it fits nothing does not matter: rights come first. */
const FIELDS_OF: Readonly<Record<string, readonly (keyof typeof FIELDS)[]>> = {
  "plan.create": ["plan", "description", "price"],
  "plan.describe": ["plan", "description"],
  "plan.set_price": ["plan", "price"],
  plan: ["plan"],
  "subscription.start": ["accountId", "plan", "zone", "consent"],
  "subscription.cancel": ["subscriptionId", "refund"],
  "subscription.quote_change": ["subscriptionId", "plan"],
  "subscription.change": ["subscriptionId", "quoteId"],
  "subscription.pause": ["subscriptionId", "when", "until"],
  subscription: ["subscriptionId"],
  "invoice.offer": ["invoiceId", "consent"],
  "invoice.issue": ["accountId", "lines"],
  "invoice.charge": ["invoiceId", "cardId"],
  "invoice.end_offer": ["invoiceId", "attemptId"],
  invoice: ["invoiceId"],
  "setup.offer": ["accountId", "consent"],
  setup: ["setupId", "transactionId", "amount", "captured"],
  consent: ["accountId"],
  card: ["accountId", "cardId"],
  credit: ["accountId", "amount", "reason"],
  account: ["accountId"],
  "payment.charge_back": ["gatewayAccount", "transactionId"],
  "payment.refund": ["invoiceId", "gatewayAccount", "transactionId", "amount", "access"],
  "payment.settle_mismatch": ["invoiceId", "gatewayAccount", "transactionId", "note"],
  "payment.decide_chargeback": ["invoiceId", "gatewayAccount", "transactionId", "won"],
  payment: ["attemptId", "gatewayAccount", "transactionId", "amount", "onlyAuthorised", "decline", "by"],
  "refund.report": ["gatewayAccount", "captureTransactionId", "transactionId", "amount"],
  refund: ["refundId", "transactionId", "amount", "reason", "by"],
};
const commandOf = (type: CommandType): Command => {
  const fields = FIELDS_OF[type] ?? FIELDS_OF[type.slice(0, type.indexOf("."))] ?? [];
  return { type, ...Object.fromEntries(fields.map((field) => [field, FIELDS[field]])) } as unknown as Command;
};

describe("who may ask for what", () => {
  test.each(Object.entries(RIGHTS) as [CommandType, string][])("%s", async (type, rights) => {
    const { cinema } = await openHouse();
    for (const [asker, actor] of Object.entries(ASKERS) as [Asker, Actor][]) {
      const { code } = refusalOf(await cinema.ask(actor, commandOf(type)));
      expect([asker, code !== "forbidden"]).toEqual([asker, rights.includes(MARKS[asker])]);
    }
  });

  test("a forbidden command has done nothing", async () => {
    const { cinema, anna } = await openHouse();
    for (const [asker, actor] of Object.entries(ASKERS)) {
      if (asker !== "owner" && asker !== "finance") {
        await cinema.ask(actor, { type: "credit.add", accountId, amount: rub(100), reason: "mine" });
      }
    }
    expect(await anna.customer()).toBeNull();
  });
});
