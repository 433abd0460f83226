import { embeddedBus } from "../../src/adapters/embedded/bus.ts";
import { type Fate, memoryPayments } from "../../src/adapters/memory/payments.ts";
import { openMemory } from "../../src/adapters/memory/store.ts";
import { intakeBodies } from "../../src/adapters/wire/intake-bodies.ts";
import { billing } from "../../src/core/billing/billing.ts";
import type { Command } from "../../src/core/billing/command.ts";
import { invoiceStream, subscriptionStream } from "../../src/core/billing/stream.ts";
import type { AccountId, AttemptId, InvoiceId, SubscriptionId, TransactionId } from "../../src/core/ids.ts";
import { DEFAULT_POLICY } from "../../src/core/policy.ts";
import type { CallbackVerdict, Told } from "../../src/core/ports/callbacks.ts";
import type { Report } from "../../src/core/ports/reports.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { type Instant, plusMs } from "../../src/core/time.ts";
import { callbackDoor } from "../../src/core/work/callback-door.ts";
import { type Requested, requests } from "../../src/core/work/requests.ts";
import { updater } from "../../src/core/work/updater.ts";
import { WORK_KINDS, type WorkDone, workOn } from "../../src/core/work/work.ts";
import {
  accountNamed,
  answered,
  GATEWAY,
  MONTHLY,
  MOSCOW,
  PREMIUM,
  PRICE,
  payer,
  START,
  sha256,
  staff,
} from "./cinema.ts";

/**
 * The application without its processes: requests and callbacks come in, the State Updater takes them when the test says so,
 * and workers do what is due. The clock is in the test's hand.
 */
export const openShop = async ({
  store = openMemory(),
  patienceMs = 10_000,
}: {
  readonly store?: Store;
  readonly patienceMs?: number;
} = {}) => {
  let at: Instant = START;
  let made = 0;
  const now = () => at;
  const reports: Report[] = [];
  const newName = (): string => {
    made += 1;
    return `${made}`;
  };
  const fail = (error: unknown) => {
    throw error;
  };
  const bus = embeddedBus(fail);
  const payments = memoryPayments(GATEWAY, now);
  const clock = { now: async () => at };
  const common = { digest: sha256, bodies: intakeBodies, now };
  const state = billing({
    storage: store.storage,
    clock,
    digest: sha256,
    policy: DEFAULT_POLICY,
    gatewayAccount: GATEWAY,
  });
  const updating = updater({
    ...common,
    billing: state,
    intake: store.intake,
    bus,
    reports: (report) => void reports.push(report),
    onCommitted: () => undefined,
    onServed: () => undefined,
    log: () => undefined,
  });
  const asking = requests({
    ...common,
    intake: store.intake,
    storage: store.storage,
    bus,
    newKey: newName,
    patienceMs,
  });
  const door = callbackDoor({
    ...common,
    gateway: "sandbox",
    gatewayAccount: GATEWAY,
    intake: store.intake,
    queries: store.queries,
    vault: store.vault,
    bus,
    clock,
  });
  const work = workOn({
    billing: state,
    queries: store.queries,
    paymentsOf: (account) => (account === GATEWAY ? payments : null),
    digest: sha256,
    reports: (report) => void reports.push(report),
    now,
    newRun: newName,
    pause: async () => undefined,
  });

  const settle = async (): Promise<void> => {
    while (await updating.sweep());
  };
  const due = async () => answered(await store.queries.due(at, WORK_KINDS, null, 500));
  const ask = async (accountId: AccountId, command: Command, key: string | null = null): Promise<Requested> => {
    const [operation, requestId] = [`POST ${command.type}`, `request for ${command.type}`];
    const asked = asking.ask({ actor: payer(accountId), command, accountId, operation, key, requestId });
    await Bun.sleep(0);
    await settle();
    return asked;
  };
  const tell = (told: Told, eventKey = keyOf(told), raw = JSON.stringify(told, printed)): Promise<CallbackVerdict> =>
    door.take({ eventKey, told }, { raw, requestId: `request of ${eventKey}` });

  const description = {
    title: { ru: "Премиум", en: "Premium" },
    text: { ru: "Всё кино", en: "All films" },
    entitlement: { tier: 1, quality: "uhd" as const, streams: 2 },
    rank: 1,
  };
  const receivedAt = at;
  await state.execute({
    id: `cmd_${"0".repeat(26)}` as never,
    fingerprint: "first plan",
    actor: staff("owner"),
    receivedAt,
    command: { type: "plan.create", plan: PREMIUM, description, price: MONTHLY },
  });

  return {
    store,
    bus,
    state,
    asking,
    updating,
    door,
    payments,
    reports,
    now,
    tell,
    ask,
    settle,
    due,
    work,
    befall: (...fates: readonly Fate[]) => payments.befall(...fates),
    wait: (ms: number) => {
      at = plusMs(at, ms);
    },
    /** Does all that is due now once; answers what each came to. */
    works: async (): Promise<readonly (WorkDone & { readonly kind: string })[]> => {
      const done = [];
      for (const row of await due()) done.push({ kind: row.kind, ...(await work(row)) });
      return done;
    },
    /** A viewer subscribes and opens the widget. */
    opensWidget: async (name = "anna"): Promise<Opened> => {
      const accountId = accountNamed(name);
      const start = { type: "subscription.start", accountId, plan: PREMIUM, zone: MOSCOW, consent: "v1" } as const;
      const { subscriptionId, invoiceId } = toldBy(await ask(accountId, start));
      const offer = { type: "invoice.offer", invoiceId: invoiceId as InvoiceId, consent: "v1" } as const;
      const { attemptId } = toldBy(await ask(accountId, offer));
      return {
        accountId,
        subscriptionId: subscriptionId as SubscriptionId,
        invoiceId: invoiceId as InvoiceId,
        attemptId: attemptId as AttemptId,
      };
    },
    invoice: async (id: InvoiceId) => {
      const rows = answered(await store.queries.invoice(id));
      if (rows === null) throw new Error("it was issued");
      return rows;
    },
    subscription: async (id: SubscriptionId) => answered(await store.queries.subscription(id)),
    facts: async (opened: Opened) =>
      [
        ...answered(await store.queries.events(subscriptionStream(opened.subscriptionId), 0, 500)),
        ...answered(await store.queries.events(invoiceStream(opened.invoiceId), 0, 500)),
      ].map(({ event }) => event.type),
  };
};
export type Shop = Awaited<ReturnType<typeof openShop>>;
export type Opened = {
  readonly accountId: AccountId;
  readonly subscriptionId: SubscriptionId;
  readonly invoiceId: InvoiceId;
  readonly attemptId: AttemptId;
};

/** What an accepted request came to. */
export const toldBy = (requested: Requested): Readonly<Record<string, string>> => {
  if (requested.status !== "done" || !requested.outcome.ok)
    throw new Error(`not done: ${JSON.stringify(requested, printed)}`);
  return requested.outcome.value;
};

type PaymentTold = Extract<Told, { readonly kind: "payment" }>;
/** Each shows what is right; a test changes what it is about. */
export const paid = (opened: Opened, over: Partial<PaymentTold> = {}): PaymentTold => ({
  kind: "payment",
  reference: opened.attemptId,
  transactionId: "9001" as TransactionId,
  amount: PRICE,
  account: opened.accountId,
  onlyAuthorised: false,
  card: null,
  ...over,
});
type CheckTold = Extract<Told, { readonly kind: "check" }>;
export const checked = (opened: Opened, over: Partial<CheckTold> = {}): CheckTold => ({
  kind: "check",
  reference: opened.attemptId,
  transactionId: "9001" as TransactionId,
  amount: PRICE,
  account: opened.accountId,
  ...over,
});
type RefundTold = Extract<Told, { readonly kind: "refund" }>;
export const refunded = (over: Partial<RefundTold> & { readonly amount: string }): RefundTold => ({
  kind: "refund",
  reference: null,
  of: "9001" as TransactionId,
  transactionId: "9101" as TransactionId,
  currency: null,
  refundId: null,
  ...over,
});

const keyOf = (told: Told): string => `${told.kind}:${"transactionId" in told ? told.transactionId : ""}`;
const printed = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}` : value);
