import type { Actor } from "../../src/core/actor.ts";
import { billing, type Executed } from "../../src/core/billing/billing.ts";
import type { Command, Received } from "../../src/core/billing/command.ts";
import type { NewPrice } from "../../src/core/catalog/plan.ts";
import {
  type AccountId,
  type AttemptId,
  type CardId,
  type CommandId,
  encodeDerivedId,
  type GatewayAccount,
  type InvoiceId,
  type PlanCode,
  type SubscriptionId,
  type TransactionId,
} from "../../src/core/ids.ts";
import { type Money, money } from "../../src/core/money.ts";
import { type BillingPolicy, DEFAULT_POLICY } from "../../src/core/policy.ts";
import type { Digest } from "../../src/core/ports/digest.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { type Instant, parseInstant, type Zone } from "../../src/core/time.ts";

export const MOSCOW = "Europe/Moscow" as Zone;
export const GATEWAY = "sandbox:main" as GatewayAccount;
export const PREMIUM = "premium" as PlanCode;
export const rub = (kopecks: number): Money => money(BigInt(kopecks), "RUB");

export const instant = (text: string): Instant => {
  const parsed = parseInstant(text);
  if (!parsed.ok) throw new Error(`not an instant: ${text}`);
  return parsed.value;
};

export const sha256: Digest = (text) => new Uint8Array(new Bun.CryptoHasher("sha256").update(text).digest().buffer);
const START = instant("2026-01-31T09:00:00Z");

/** An id of its own for each name, the same in every run. */
const named = (kind: Parameters<typeof encodeDerivedId>[0], name: string): string =>
  encodeDerivedId(kind, sha256(`${kind} ${name}`), START);
export const accountNamed = (name: string): AccountId => named("account", name) as AccountId;
export const cardNamed = (name: string): CardId => named("card", name) as CardId;
export const commandNamed = (name: string): CommandId => named("command", name) as CommandId;
export const transactionNamed = (name: string): TransactionId => name as TransactionId;

export const MONTHLY: NewPrice = {
  price: rub(29_900),
  length: { unit: "month", count: 1 },
  trial: { kind: "none" },
  intro: null,
  receipt: { vat: "20", object: 4, method: 4 },
};

const MANAGER: Actor = { kind: "staff", name: "manager-1", role: "owner" };
const SYSTEM: Actor = { kind: "system" };
const AT_GATEWAY: Actor = { kind: "gateway", name: "sandbox" };

/** A cinema at work: billing over a store, its clock in our hand, and its people's acts by name. */
export const openCinema = (store: Store, policy: BillingPolicy = DEFAULT_POLICY) => {
  let now = START;
  let count = 0;
  const updater = billing({
    storage: store.storage,
    clock: { now: async () => now },
    digest: sha256,
    policy,
    gatewayAccount: GATEWAY,
  });

  const received = (actor: Actor, command: Command, name = `command ${count++}`): Received => ({
    id: commandNamed(name),
    fingerprint: JSON.stringify(command, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
    actor,
    receivedAt: now,
    command,
  });
  const told = (executed: Executed): Readonly<Record<string, string>> => {
    if (executed.status === "failed") throw new Error(`failed: ${JSON.stringify(executed.fault)}`);
    if (!executed.outcome.ok) throw new Error(`refused: ${JSON.stringify(executed.outcome.refusal)}`);
    return executed.outcome.value;
  };
  const ask = async (actor: Actor, command: Command, name?: string): Promise<Executed> =>
    updater.execute(received(actor, command, name));
  const payer = (accountId: AccountId): Actor => ({ kind: "payer", accountId });

  return {
    store,
    updater,
    received,
    ask,
    told,
    payer,
    at: () => now,
    moveTo: (at: Instant | string) => {
      now = typeof at === "string" ? instant(at) : at;
    },
    bySystem: (command: Command) => ask(SYSTEM, command),
    byStaff: (command: Command) => ask(MANAGER, command),
    byGateway: (command: Command, name?: string) => ask(AT_GATEWAY, command, name),
    byPayer: (accountId: AccountId, command: Command, name?: string) => ask(payer(accountId), command, name),
    sell: async (plan: PlanCode = PREMIUM, price: NewPrice = MONTHLY, rank = 1) => {
      const description = {
        title: { ru: "Премиум", en: "Premium" },
        text: { ru: "Всё кино", en: "All films" },
        entitlement: { tier: rank, quality: "uhd" as const, streams: 2 },
        rank,
      };
      return told(await ask(MANAGER, { type: "plan.create", plan, description, price }));
    },
    start: async (accountId: AccountId, plan: PlanCode = PREMIUM, consent: string | null = "v1") =>
      told(await ask(payer(accountId), { type: "subscription.start", accountId, plan, zone: MOSCOW, consent })) as {
        subscriptionId: SubscriptionId;
        invoiceId: InvoiceId;
      },
    /** Opens the widget. */
    offer: async (accountId: AccountId, invoiceId: InvoiceId, consent: string | null = null) =>
      (told(await ask(payer(accountId), { type: "invoice.offer", invoiceId, consent }))["attemptId"] ??
        "") as AttemptId,
    /** The gateway tells that an attempt has been paid. */
    pay: async (attemptId: AttemptId, amount: Money, transaction: string, cardId: CardId | null = null) =>
      ask(AT_GATEWAY, {
        type: "payment.succeed",
        attemptId,
        gatewayAccount: GATEWAY,
        transactionId: transactionNamed(transaction),
        amount,
        accountId: null,
        onlyAuthorised: false,
        cardId,
      }),
  };
};
export type Cinema = ReturnType<typeof openCinema>;
