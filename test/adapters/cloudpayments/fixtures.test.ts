import { expect, test } from "bun:test";
import { CHARGES, LISTS, LOOK_UPS, REFUNDS, REQUESTS, VOIDS } from "./answers.ts";
import { FIXTURES } from "./fixtures.ts";
import { NOTIFICATIONS } from "./notifications.ts";

const CHECK_ANSWERS = FIXTURES.map(({ name }) => name).filter((name) => name.startsWith("answer."));
const USED: readonly string[] = [
  ...[NOTIFICATIONS, CHARGES, LOOK_UPS, REFUNDS, VOIDS].flatMap(Object.keys),
  ...LISTS,
  ...REQUESTS,
  ...CHECK_ANSWERS,
];

const CARD_FORM = "cards are typed into the gateway's widget, never into a form of ours";
const OWN_SCHEDULE = "we keep the schedule; the gateway's own subscriptions are not asked for";
const BY_ATTEMPT = "a payment is looked up by its attempt, never by the gateway's number";
const PAYOUTS = "nothing is paid out";
const ORDERS = "the widget takes the place of pages by link";
const CABINET = "notifications are switched on in the cabinet, by a person";
const RECEIPTS = "fiscal receipts are not made by us";
const ONE_STAGE = "payments are taken at once, so none is confirmed";

/** Fixtures of what this adapter does not do. */
const UNUSED: Readonly<Record<string, string>> = {
  "api.test.ok": "the first real call shows whether the credentials are right",
  "cards.charge.request": CARD_FORM,
  "gem.cards.charge.3ds_minimal.request": CARD_FORM,
  "gem.cards.charge.completed.request": CARD_FORM,
  "gem.post3ds.success.request": CARD_FORM,
  "gem.post3ds.declined.request": CARD_FORM,
  "payments.confirm.request": ONE_STAGE,
  "payments.confirm.response": ONE_STAGE,
  "gem.payments.confirm.error.request": ONE_STAGE,
  "gem.payments.confirm.error.response": ONE_STAGE,
  "cards.topup.request": PAYOUTS,
  "cards.topup.response": PAYOUTS,
  "token.topup.request": PAYOUTS,
  "token.topup.response": PAYOUTS,
  "payments.get.request": BY_ATTEMPT,
  "gem.payments.get.refunded.request": BY_ATTEMPT,
  "gem.payments.get.declined.request": BY_ATTEMPT,
  "gem.payments.get.not_found.request": BY_ATTEMPT,
  "payments.list.by_day.request": "the list of a stretch of time takes the place of the list of a day",
  "chargebacks.list.request": "disputes are not read yet",
  "chargebacks.list.response": "disputes are not read yet",
  "tokens.list.request": "tokens come with payments",
  "tokens.list.response": "tokens come with payments",
  "subscriptions.create.request": OWN_SCHEDULE,
  "subscriptions.create.response": OWN_SCHEDULE,
  "subscriptions.get.cancelled.request": OWN_SCHEDULE,
  "subscriptions.get.cancelled.response": OWN_SCHEDULE,
  "subscriptions.find.request": OWN_SCHEDULE,
  "subscriptions.find.response": OWN_SCHEDULE,
  "subscriptions.update.request": OWN_SCHEDULE,
  "subscriptions.update.response": OWN_SCHEDULE,
  "subscriptions.cancel.request": OWN_SCHEDULE,
  "subscriptions.cancel.response": OWN_SCHEDULE,
  "gem.subscriptions.create.request": OWN_SCHEDULE,
  "gem.subscriptions.create.response": OWN_SCHEDULE,
  "gem.subscriptions.find.request": OWN_SCHEDULE,
  "gem.subscriptions.find.response": OWN_SCHEDULE,
  "orders.create.request": ORDERS,
  "orders.create.response": ORDERS,
  "orders.cancel.request": ORDERS,
  "orders.cancel.response": ORDERS,
  "gem.orders.cancel.error.request": ORDERS,
  "gem.orders.cancel.error.response": ORDERS,
  "site.notifications.pay.get.response": CABINET,
  "site.notifications.pay.update.request": CABINET,
  "site.notifications.pay.update.response": CABINET,
  "sbp.link.request": ORDERS,
  "sbp.link.response": ORDERS,
  "sbp.banks.request": ORDERS,
  "sbp.banks.response": ORDERS,
  "widget.result.cancel": "what the widget tells the page is a hint, which the page passes on by itself",
  "widget.result.success": "what the widget tells the page is a hint, which the page passes on by itself",
  "widget.result.fail": "what the widget tells the page is a hint, which the page passes on by itself",
  "widget.legacy.pay_options": "the widget is started the new way",
  "kkt.receipt.request": RECEIPTS,
  "kkt.receipt.queued": RECEIPTS,
  "applepay.session.response": "the widget hides it",
};

test("every fixture is put to a test, or to a list with the reason why not", () => {
  const placed = [...new Set([...USED, ...Object.keys(UNUSED)])].sort();
  expect(placed).toEqual(FIXTURES.map(({ name }) => name).sort());
  expect(USED.filter((name) => name in UNUSED)).toEqual([]);
});
