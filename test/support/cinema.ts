import type { Actor, StaffRole } from "../../src/core/actor.ts";
import { billing, type Executed } from "../../src/core/billing/billing.ts";
import type { Command, Received } from "../../src/core/billing/command.ts";
import type { DueKind, RowOf } from "../../src/core/billing/read-model.ts";
import type { StreamName } from "../../src/core/billing/stream.ts";
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
import type { InvoiceLine } from "../../src/core/invoice/invoice.ts";
import { type Money, money } from "../../src/core/money.ts";
import { type BillingPolicy, DEFAULT_POLICY } from "../../src/core/policy.ts";
import type { Digest } from "../../src/core/ports/digest.ts";
import type { Store } from "../../src/core/ports/store.ts";
import type { Result } from "../../src/core/result.ts";
import { type Instant, parseInstant, type Zone } from "../../src/core/time.ts";

export const MOSCOW = "Europe/Moscow" as Zone;
export const GATEWAY = "sandbox:main" as GatewayAccount;
export const OTHER_GATEWAY = "sandbox:other" as GatewayAccount;
export const BASIC = "basic" as PlanCode;
export const PREMIUM = "premium" as PlanCode;
export const rub = (kopecks: number): Money => money(BigInt(kopecks), "RUB");

export const instant = (text: string): Instant => {
  const parsed = parseInstant(text);
  if (!parsed.ok) throw new Error(`not an instant: ${text}`);
  return parsed.value;
};
/** A wall clock in Moscow, where the stories take place: "2026-02-28 12:00". */
export const msk = (wall: string): Instant => instant(`${wall.replace(" ", "T")}:00+03:00`);

export const sha256: Digest = (text) => new Uint8Array(new Bun.CryptoHasher("sha256").update(text).digest().buffer);
/** 31 January, noon in Moscow: the day that short months are measured by. */
export const START = instant("2026-01-31T09:00:00Z");

/** An id of its own for each name, the same in every run. */
const named = (kind: Parameters<typeof encodeDerivedId>[0], name: string): string =>
  encodeDerivedId(kind, sha256(`${kind} ${name}`), START);
export const accountNamed = (name: string): AccountId => named("account", name) as AccountId;
export const cardNamed = (name: string): CardId => named("card", name) as CardId;
export const commandNamed = (name: string): CommandId => named("command", name) as CommandId;
export const transactionNamed = (name: string): TransactionId => name as TransactionId;

export const PRICE = rub(29_900);
export const MONTHLY: NewPrice = {
  price: PRICE,
  length: { unit: "month", count: 1 },
  trial: { kind: "none" },
  intro: null,
  receipt: { vat: "20", object: 4, method: 4 },
};

/** What staff may ask for beside any subscription. */
export const SERVICE_LINE: InvoiceLine = {
  kind: "service",
  plan: null,
  priceVersion: null,
  amount: rub(10_000),
  period: null,
};

export const staff = (role: StaffRole): Actor => ({ kind: "staff", name: `${role}-1`, role });
export const payer = (accountId: AccountId): Actor => ({ kind: "payer", accountId });
export const SERVICE: Actor = { kind: "service", name: "partner" };
export const SYSTEM: Actor = { kind: "system" };
export const AT_GATEWAY: Actor = { kind: "gateway", name: "sandbox" };

export const DUE_KINDS = Object.keys({
  end_offer: true,
  expire_invoice: true,
  look_up_payment: true,
  send_refund: true,
  look_up_refund: true,
  give_up_waiting: true,
  pass_boundary: true,
  charge_renewal: true,
  close_dunning: true,
  resume: true,
  give_notice: true,
  void_hold: true,
  look_up_hold: true,
  expire_setup: true,
} satisfies Readonly<Record<DueKind, true>>) as readonly DueKind[];

/** The end of time, for questions about all that is still to come. */
const EVER = instant("9000-01-01T00:00:00Z");

/** What a command came to when it was accepted; anything else is not what the story is about. */
export const told = (executed: Executed): Readonly<Record<string, string>> => {
  if (executed.status === "failed") throw new Error(`failed: ${JSON.stringify(executed.fault)}`);
  if (!executed.outcome.ok) throw new Error(`refused: ${JSON.stringify(executed.outcome.refusal)}`);
  return executed.outcome.value;
};
/** The refusal's code and facts, on one level; "accepted" when there was none. */
export const refusalOf = (executed: Executed): Readonly<Record<string, string>> => {
  if (executed.status === "failed") throw new Error(`failed: ${JSON.stringify(executed.fault)}`);
  if (executed.outcome.ok) return { code: "accepted" };
  return { code: executed.outcome.refusal.code, ...executed.outcome.refusal.facts };
};
export const answered = <T, E>(result: Result<T, E>): T => {
  if (!result.ok) throw new Error(`the store answers: ${JSON.stringify(result.error)}`);
  return result.value;
};

/** Told of each command and what it came to, before the next one is asked. */
export type Watcher = (received: Received, executed: Executed) => Promise<void>;

/** A cinema at work: billing over a store, its clock in our hand, and its people's acts by name. */
export const openCinema = (
  store: Store,
  {
    policy = DEFAULT_POLICY,
    gatewayAccount = GATEWAY,
    watcher = async () => undefined,
  }: { readonly policy?: BillingPolicy; readonly gatewayAccount?: GatewayAccount; readonly watcher?: Watcher } = {},
) => {
  let now = START;
  let count = 0;
  const updater = billing({
    storage: store.storage,
    clock: { now: async () => now },
    digest: sha256,
    policy,
    gatewayAccount,
  });

  const received = (actor: Actor, command: Command, name = `${gatewayAccount} command ${count++}`): Received => ({
    id: commandNamed(name),
    fingerprint: JSON.stringify(command, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
    actor,
    receivedAt: now,
    command,
  });
  const ask = async (actor: Actor, command: Command, name?: string): Promise<Executed> => {
    const asked = received(actor, command, name);
    const executed = await updater.execute(asked);
    await watcher(asked, executed);
    return executed;
  };
  const askAll = async (questions: readonly (readonly [Actor, Command])[]): Promise<readonly Executed[]> => {
    const asked = questions.map(([actor, command]) => received(actor, command));
    const executed = await updater.executeAll(asked);
    for (const [i, one] of asked.entries()) await watcher(one, executed[i] as Executed);
    return executed;
  };
  const due = async (at: Instant): Promise<readonly RowOf<"due">[]> =>
    answered(await store.queries.due(at, DUE_KINDS, null, 1000));

  return {
    store,
    policy,
    updater,
    received,
    ask,
    /** As one batch. */
    askAll,
    told,
    payer,
    at: () => now,
    moveTo: (at: Instant | string) => {
      now = typeof at === "string" ? instant(at) : at;
    },
    bySystem: (command: Command) => ask(SYSTEM, command),
    byStaff: (command: Command) => ask(staff("owner"), command),
    byGateway: (command: Command, name?: string) => ask(AT_GATEWAY, command, name),
    byPayer: (accountId: AccountId, command: Command, name?: string) => ask(payer(accountId), command, name),
    sell: async (plan: PlanCode = PREMIUM, price: NewPrice = MONTHLY, rank = 1) => {
      const description = {
        title: { ru: "Премиум", en: "Premium" },
        text: { ru: "Всё кино", en: "All films" },
        entitlement: { tier: rank, quality: "uhd" as const, streams: 2 },
        rank,
      };
      return told(await ask(staff("owner"), { type: "plan.create", plan, description, price }));
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
    /** All work that is due now; with `EVER` all that is still to come. */
    dueNow: () => due(now),
    waiting: () => due(EVER),
    /** The facts of a stream, oldest first. */
    chain: async (stream: StreamName) =>
      answered(await store.queries.events(stream, 0, 10_000)).map(({ event }) => event),
  };
};
export type Cinema = ReturnType<typeof openCinema>;
