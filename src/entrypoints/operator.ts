import { join } from "node:path";
import { z } from "zod";
import { answerOn, askOn, type Questions } from "../adapters/operator/socket.ts";
import { parseCommand, printCommand } from "../adapters/wire/commands.ts";
import type { Billing } from "../core/billing/billing.ts";
import type { RowOf } from "../core/billing/read-model.ts";
import { type CommandId, encodeDerivedId, type PlanCode, parseCommandId, parseInvoiceId } from "../core/ids.ts";
import { type Currency, formatAmount, money } from "../core/money.ts";
import type { Digest } from "../core/ports/digest.ts";
import type { PlanWithPrices } from "../core/ports/queries.ts";
import type { Store } from "../core/ports/store.ts";
import type { Result } from "../core/result.ts";
import { formatInstant, instantOf } from "../core/time.ts";
import { WORK_KINDS } from "../core/work/work.ts";
import type { Config } from "./config.ts";

/**
 * What an operator can do from the command line, on a running Matinee or on its database. All that goes in and out is JSON in
 * the formats of the wire.
 */
export type Operator = {
  /** A command as the wire has it: `{"type": "invoice.annul", "invoiceId": "inv_…"}`. */
  ask(command: unknown): Promise<Answer>;
  plans(): Promise<readonly PlanOnFile[]>;
  /** What of an invoice's payments can still be given back. */
  payments(invoiceId: string): Promise<readonly PaymentOnFile[]>;
  /** Money that waits for a person. */
  suspense(): Promise<readonly SuspenseOnFile[]>;
  /** Rows that nobody could execute, whatever brought them, with the reason. */
  deadLetters(): Promise<readonly DeadLetter[]>;
  /** Has one executed as if it had just come. False: it is none. */
  replay(id: string): Promise<boolean>;
  /** What is committed and not yet on the bus. */
  backlog(): Promise<BacklogOnFile>;
  /** Work that is due now, whoever does it. */
  due(): Promise<readonly DueOnFile[]>;
  /** What the sandbox's gateway is called with; null where the gateway is real: its secret is yours. */
  sandbox(): Promise<Credentials | null>;
  close(): Promise<void>;
};
export type Answer =
  | { readonly ok: true; readonly value: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly code: string; readonly detail: string };

/** As `plan.create` has it, and whether it is on sale. */
export const planOnFile = z.looseObject({
  plan: z.string(),
  status: z.enum(["on_sale", "archived"]).default("on_sale"),
  description: z.unknown(),
  price: z.unknown(),
});
export type PlanOnFile = z.output<typeof planOnFile>;
const paymentOnFile = z.object({
  gatewayAccount: z.string(),
  transactionId: z.string(),
  role: z.string(),
  left: z.object({ amount: z.string(), currency: z.string() }),
});
export type PaymentOnFile = z.output<typeof paymentOnFile>;
const suspenseOnFile = z.object({
  kind: z.enum(["mismatch", "callback", "command"]),
  since: z.string(),
  reason: z.string(),
  gatewayAccount: z.string().nullable(),
  transactionId: z.string().nullable(),
  invoiceId: z.string().nullable(),
  amount: z.string().nullable(),
});
export type SuspenseOnFile = z.output<typeof suspenseOnFile>;
const deadLetter = z.object({
  id: z.string(),
  since: z.string(),
  kind: z.enum(["command", "callback"]),
  /** The service that sent it; null: another way, or nobody who is known. */
  service: z.string().nullable(),
  reason: z.string(),
  body: z.string(),
});
export type DeadLetter = z.output<typeof deadLetter>;
const backlogOnFile = z.object({ messages: z.number(), oldestAt: z.string().nullable() });
export type BacklogOnFile = z.output<typeof backlogOnFile>;
const dueOnFile = z.object({ kind: z.string(), subject: z.string(), dueAt: z.string() });
export type DueOnFile = z.output<typeof dueOnFile>;
const credentials = z.object({ publicId: z.string(), apiSecret: z.string() });
export type Credentials = z.output<typeof credentials>;
const answer = z.union([
  z.object({ ok: z.literal(true), value: z.record(z.string(), z.string()) }),
  z.object({ ok: z.literal(false), code: z.string(), detail: z.string() }),
]);

/** Over the ports of this process. */
export const operatorOf = (
  { queries, intake, outbox, close }: Pick<Store, "queries" | "intake" | "outbox" | "close">,
  billing: Pick<Billing, "execute">,
  digest: Digest,
  sandbox: Credentials | null,
): Operator => ({
  ask: async (json) => {
    const command = parseCommand(json);
    if (!command.ok) {
      const detail = command.error.errors.map(({ pointer, code }) => `${pointer || "/"} ${code}`).join(", ");
      return { ok: false, code: command.error.code, detail };
    }
    const receivedAt = instantOf(Date.now());
    const name = crypto.randomUUID();
    const executed = await billing.execute({
      id: encodeDerivedId("command", digest(`operator/${name}`), receivedAt) as CommandId,
      fingerprint: name,
      actor: { kind: "staff", name: "operator", role: "owner" },
      receivedAt,
      command: command.value,
    });
    if (executed.status === "failed") return { ok: false, code: executed.fault.code, detail: "Try again." };
    const { outcome } = executed;
    if (outcome.ok) return outcome;
    return { ok: false, code: outcome.refusal.code, detail: JSON.stringify(outcome.refusal.facts) };
  },
  plans: async () => answered(await queries.plans("all")).map(printPlan),
  payments: async (raw) => {
    const invoiceId = parseInvoiceId(raw);
    const rows = invoiceId.ok ? answered(await queries.invoice(invoiceId.value)) : null;
    if (rows === null) throw new Error(`There is no invoice ${raw}.`);
    return rows.captures.map(printCapture);
  },
  suspense: async () => [
    ...answered(await queries.mismatches(MOST_ROWS)).map(
      (row): SuspenseOnFile => ({
        kind: "mismatch",
        since: formatInstant(row.receivedAt),
        reason: row.reason,
        gatewayAccount: row.gatewayAccount,
        transactionId: row.transactionId,
        invoiceId: row.invoiceId,
        amount: printSum(row.receivedMinor, row.currency),
      }),
    ),
    ...answered(await intake.suspended(MOST_ROWS)).map(
      (entry): SuspenseOnFile => ({
        kind: entry.kind,
        since: formatInstant(entry.suspendedAt),
        reason: entry.reason,
        gatewayAccount: entry.gatewayAccount,
        transactionId: entry.transactionId,
        invoiceId: null,
        amount: null,
      }),
    ),
  ],
  deadLetters: async () =>
    answered(await intake.suspended(MOST_ROWS)).map((entry) => ({
      id: entry.id,
      since: formatInstant(entry.suspendedAt),
      kind: entry.kind,
      service: entry.sender?.service ?? null,
      reason: entry.reason,
      body: entry.body,
    })),
  replay: async (id) => {
    const commandId = parseCommandId(id);
    return commandId.ok && answered(await intake.replay(commandId.value));
  },
  backlog: async () => {
    const { messages, oldestAt } = answered(await outbox.backlog());
    return { messages, oldestAt: oldestAt === null ? null : formatInstant(oldestAt) };
  },
  due: async () =>
    answered(await queries.due(instantOf(Date.now()), WORK_KINDS, null, MOST_ROWS)).map(({ kind, subject, dueAt }) => ({
      kind,
      subject,
      dueAt: formatInstant(dueAt),
    })),
  sandbox: async () => sandbox,
  close,
});
/** Of each list. A person reads no more. */
const MOST_ROWS = 200;

/** The running process lets its operator in here. */
export const letIn = (config: Config, operator: Operator): { stop(): Promise<void> } => {
  const questions: Questions = {
    are_you_there: async () => true,
    ask: (command) => operator.ask(command),
    plans: () => operator.plans(),
    payments: (invoiceId) => operator.payments(String(invoiceId)),
    suspense: () => operator.suspense(),
    dead_letters: () => operator.deadLetters(),
    replay: (id) => operator.replay(String(id)),
    backlog: () => operator.backlog(),
    due: () => operator.due(),
    sandbox: () => operator.sandbox(),
  };
  return answerOn(socketOf(config), questions);
};

/** The process that runs over the embedded database of this folder; null: none does. */
export const operatorThere = async (config: Config): Promise<Operator | null> => {
  if (config.database !== null) return null;
  const ask = await askOn(socketOf(config));
  if (ask === null) return null;
  return {
    ask: async (command) => answer.parse(await ask("ask", command)),
    plans: async () => z.array(planOnFile).parse(await ask("plans", null)),
    payments: async (invoiceId) => z.array(paymentOnFile).parse(await ask("payments", invoiceId)),
    suspense: async () => z.array(suspenseOnFile).parse(await ask("suspense", null)),
    deadLetters: async () => z.array(deadLetter).parse(await ask("dead_letters", null)),
    replay: async (id) => z.boolean().parse(await ask("replay", id)),
    backlog: async () => backlogOnFile.parse(await ask("backlog", null)),
    due: async () => z.array(dueOnFile).parse(await ask("due", null)),
    sandbox: async () => credentials.nullable().parse(await ask("sandbox", null)),
    close: async () => undefined,
  };
};

const socketOf = ({ dataDir }: Config): string => join(dataDir, "operator.sock");

const printPlan = ({ plan, prices }: PlanWithPrices): PlanOnFile => {
  const price = prices.find(({ version }) => version === plan.priceVersion);
  if (price === undefined) throw new Error(`${plan.code} has no price`);
  const { type: _, ...body } = printCommand({
    type: "plan.create",
    plan: plan.code as PlanCode,
    description: descriptionOf(plan),
    price: priceOf(price),
  });
  return planOnFile.parse({ ...body, status: plan.status });
};
type Create = Extract<Parameters<typeof printCommand>[0], { type: "plan.create" }>;

const descriptionOf = (row: RowOf<"plans">): Create["description"] => ({
  title: { ru: row.titleRu, en: row.titleEn },
  text: { ru: row.textRu, en: row.textEn },
  entitlement: {
    tier: row.tier,
    quality: row.quality as Create["description"]["entitlement"]["quality"],
    streams: row.streams,
  },
  rank: row.rank,
});

const priceOf = (row: RowOf<"prices">): Create["price"] => {
  const currency = row.currency as Currency;
  const days = row.trialDays ?? 0;
  return {
    price: money(row.priceMinor, currency),
    length: { unit: row.lengthUnit as Create["price"]["length"]["unit"], count: row.lengthCount },
    trial:
      row.trialKind === "free"
        ? { kind: "free", days, card: row.trialCard ?? false }
        : row.trialKind === "paid"
          ? { kind: "paid", days, price: money(row.trialMinor ?? 0n, currency) }
          : { kind: "none" },
    intro: row.introMinor === null ? null : { price: money(row.introMinor, currency), periods: row.introPeriods ?? 0 },
    receipt: {
      vat: row.vat as Create["price"]["receipt"]["vat"],
      object: row.receiptObject,
      method: row.receiptMethod,
    },
  };
};

const printCapture = (row: RowOf<"captures">): PaymentOnFile => {
  const { gatewayAccount, transactionId, role, currency, capturedMinor, reservedMinor, returnedMinor } = row;
  const left = money(capturedMinor - reservedMinor - returnedMinor, currency as Currency);
  return { gatewayAccount, transactionId, role, left: { amount: formatAmount(left), currency } };
};

const printSum = (minor: bigint, currency: string): string =>
  `${formatAmount(money(minor, currency as Currency))} ${currency}`;

const answered = <T>(result: Result<T, { readonly code: string }>): T => {
  if (!result.ok) throw new Error(`The database did not answer: ${result.error.code}`);
  return result.value;
};
