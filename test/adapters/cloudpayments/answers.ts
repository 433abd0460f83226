import type { AccountId, AttemptId } from "../../../src/core/ids.ts";
import type { Decline } from "../../../src/core/invoice/invoice.ts";
import { money } from "../../../src/core/money.ts";
import type { Found, RefundAnswer } from "../../../src/core/ports/payments.ts";
import { transactionNamed } from "../../support/cinema.ts";
import { newAccount } from "../../support/commits.ts";
import { fixtureOf } from "./fixtures.ts";

/** Stands for the account in the fixtures, which is not one of ours. */
export const ACCOUNT: AccountId = newAccount();
/** A fixture's answer with our account in it; all else is byte for byte the gateway's. */
export const answerIn = (name: string): string =>
  fixtureOf(name).body.replace(/"AccountId":\s*"[^"]*"/, `"AccountId":"${ACCOUNT}"`);
/** What the fixtures call an attempt. */
export const attemptNamed = (name: string): AttemptId => name as AttemptId;

const captured = (id: string, minor: bigint, onlyAuthorised = false): Found => ({
  status: "captured",
  transactionId: transactionNamed(id),
  amount: money(minor, "RUB"),
  accountId: ACCOUNT,
  onlyAuthorised,
});
const declined = (id: string | null, decline: Decline): Found => ({
  status: "declined",
  transactionId: id === null ? null : transactionNamed(id),
  decline,
});
const NO_MONEY: Decline = { kind: "soft", reason: "insufficient_funds" };
const CHALLENGED: Decline = { kind: "ask_payer", reason: "authentication_required" };
const REFUSED: Decline = { kind: "hard", reason: "refused" };

/** Answers to a charge, those of other methods with the same shape among them, and what they come to. */
export const CHARGES: Readonly<Record<string, Found>> = {
  "tokens.charge.completed": captured("897728064", 5_900n),
  "tokens.charge.declined_5051": declined("891583633", NO_MONEY),
  "cards.charge.declined_5051": declined("891583633", NO_MONEY),
  "cards.auth.authorized": captured("891510444", 1_000n, true),
  "cards.charge.3ds_required": declined("891463508", CHALLENGED),
  "gem.cards.charge.3ds_minimal.response": declined("12345", CHALLENGED),
  "gem.cards.charge.completed.response": captured("12345", 1_000n),
  "gem.post3ds.success.response": captured("12345", 1_000n),
  "gem.post3ds.declined.response": declined("12345", NO_MONEY),
  "api.error.validation": declined(null, REFUSED),
  "api.error.amount_required": declined(null, REFUSED),
};

/** Answers to a look-up by the attempt's id, and what they come to. */
export const LOOK_UPS: Readonly<Record<string, readonly [attempt: string, Found]>> = {
  "payments.find.not_found.response": ["123456789", { status: "nothing" }],
  "gem.payments.get.not_found.response": ["123456789", { status: "nothing" }],
  "gem.payments.find.completed.response": ["1234567", captured("12345", 1_000n)],
  "gem.payments.find.declined.response": ["1234567", declined("12345", NO_MONEY)],
  "gem.payments.get.declined.response": ["1234567", declined("12345", NO_MONEY)],
  "gem.payments.get.refunded.response": ["1234567", captured("12345", 1_000n)],
  "payments.get.response": ["12345", captured("897749645", 15_900n)],
};

/** Answers to a refund, and what they come to. */
export const REFUNDS: Readonly<Record<string, RefundAnswer>> = {
  "payments.refund.response": { status: "done", transactionId: transactionNamed("568") },
  "gem.payments.refund.no_model.response": { status: "pending" },
  "gem.payments.refund.error.response": { status: "refused", reason: "Error message" },
};

/** Answers to letting go of a hold: that of transaction 455. */
export const VOIDS: Readonly<Record<string, RefundAnswer>> = {
  "payments.void.response": { status: "done", transactionId: transactionNamed("455") },
  "gem.payments.void.error.response": { status: "refused", reason: "Error message" },
};

/** Pages of the list; each has the one declined payment of 2021-03-09. */
export const LISTS = ["payments.list.v2.response", "payments.list.by_day.response"] as const;

/** Requests that ours are compared with, field by field. */
export const REQUESTS = [
  "tokens.charge.request",
  "payments.find.not_found.request",
  "gem.payments.find.completed.request",
  "gem.payments.find.declined.request",
  "payments.list.v2.request",
  "payments.refund.request",
  "gem.payments.refund.no_model.request",
  "gem.payments.refund.error.request",
  "payments.void.request",
  "gem.payments.void.error.request",
  "widget.intent.single_tokenize",
] as const;
