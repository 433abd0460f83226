import { type Query, type Row, text, whole } from "./database.ts";
import type { Movement } from "./ledger.ts";

/** What our database says of money, and of what should not be left lying. */
export type Books = {
  readonly captures: readonly Capture[];
  readonly mismatches: readonly (Movement & { readonly gatewayAccount: string })[];
  readonly refunds: readonly Refund[];
  /** Callbacks that wait for a person; `sum` null: the callback's facts name none. */
  readonly suspended: readonly Suspended[];
  /** Callbacks that were taken in, done or not, as in "pay 3000000001". */
  readonly kept: ReadonlySet<string>;
  readonly invoices: readonly Invoice[];
  readonly subscriptions: readonly { readonly id: string; readonly status: string; readonly accessRows: number }[];
  /** Of access that hangs on no subscription. */
  readonly strayAccess: readonly string[];
  /** Payments and refunds as the chains of events tell them. */
  readonly told: { readonly payments: readonly Movement[]; readonly refunds: readonly Movement[] };
  /** What is wrong with itself: complaints in plain words. */
  readonly loose: readonly string[];
};
export type Capture = Movement & {
  readonly gatewayAccount: string;
  readonly invoiceId: string;
  readonly role: string;
  readonly reserved: bigint;
  readonly returned: bigint;
};
export type Refund = {
  readonly key: string;
  readonly id: string | null;
  readonly of: string;
  readonly gatewayAccount: string;
  readonly status: string;
  readonly minor: bigint;
  readonly currency: string;
};
export type Suspended = {
  readonly id: string;
  readonly sum: { readonly minor: bigint; readonly currency: string } | null;
};
export type Invoice = {
  readonly id: string;
  readonly status: string;
  readonly due: bigint;
  readonly credit: bigint;
  readonly refunded: bigint;
};

export const readBooks = async (query: Query): Promise<Books> => ({
  captures: (await query("select * from billing.captures")).map((row) => ({
    ...movementOf(row, "captured_minor"),
    gatewayAccount: text(row["gateway_account"]),
    invoiceId: text(row["invoice_id"]),
    role: text(row["role"]),
    reserved: whole(row["reserved_minor"]),
    returned: whole(row["returned_minor"]),
  })),
  mismatches: (await query("select * from billing.mismatches")).map((row) => ({
    ...movementOf(row, "received_minor"),
    gatewayAccount: text(row["gateway_account"]),
  })),
  refunds: (await query("select * from billing.refunds")).map((row) => ({
    key: text(row["refund_key"]),
    id: row["transaction_id"] === null ? null : text(row["transaction_id"]),
    of: text(row["capture_transaction_id"]),
    gatewayAccount: text(row["gateway_account"]),
    status: text(row["status"]),
    minor: whole(row["amount_minor"]),
    currency: text(row["currency"]),
  })),
  suspended: (
    await query(
      "select transaction_id, body from billing.intake where kind = 'callback' and suspended_at is not null and done_at is null",
    )
  ).flatMap(suspendedOf),
  kept: new Set(
    (await query("select transaction_id, body from billing.intake where kind = 'callback'")).flatMap(keptOf),
  ),
  invoices: (await query("select * from billing.invoices")).map((row) => ({
    id: text(row["invoice_id"]),
    status: text(row["status"]),
    due: whole(row["due_minor"]),
    credit: whole(row["credit_minor"]),
    refunded: whole(row["refunded_minor"]),
  })),
  subscriptions: (
    await query(
      `select subscription_id, status,
         (select count(*) from billing.access where source = 'subscription/' || subscription_id) as rows
       from billing.subscriptions`,
    )
  ).map((row) => ({
    id: text(row["subscription_id"]),
    status: text(row["status"]),
    accessRows: Number(row["rows"]),
  })),
  strayAccess: (
    await query(
      `select source from billing.access where not exists
         (select from billing.subscriptions where 'subscription/' || subscription_id = source)`,
    )
  ).map((row) => text(row["source"])),
  told: {
    payments: (await query(factsOf("('PaymentSucceeded', 'PaymentMismatched')"))).map(toldPayment),
    refunds: (await query(factsOf("('RefundSucceeded', 'RefundReported')"))).map(toldRefund),
  },
  loose: (await Promise.all(LOOSE.map(async ([what, sql]) => complaintsOf(what, await query(sql))))).flat(),
});

/** What must not be there once all is quiet: each row is a complaint. */
const LOOSE: readonly (readonly [string, string])[] = [
  [
    "was never brought to the bus",
    "select stream || ' v' || version as name from billing.outbox where relayed_at is null",
  ],
  [
    "has no message in the outbox",
    `select stream || ' v' || version as name from billing.events
     where not exists (select from billing.outbox m where (m.stream, m.version) = (events.stream, events.version))`,
  ],
  ["lies in the intake", "select id as name from billing.intake where done_at is null and suspended_at is null"],
  [
    "is done and has no outcome",
    `select id as name from billing.intake where done_at is not null
     and not exists (select from billing.outcomes where command_id = id)`,
  ],
  [
    // For 90 days; a check is answered and not kept.
    "was told by the gateway, and what it said is not in the vault",
    `select id as name from billing.intake where kind = 'callback' and received_at > now() - interval '89 days'
     and body::jsonb #>> '{command,type}' is distinct from 'payment.check'
     and not exists (select from billing.vault where vault.kind = 'callback' and vault.name = intake.id)`,
  ],
  [
    "can be charged by nobody: its token is not in the vault",
    `select card_id as name from billing.cards where status <> 'removed'
     and not exists (select from billing.vault where vault.kind = 'card' and vault.name = card_id)`,
  ],
  [
    "has a gap between its versions",
    "select stream as name from billing.events group by stream having min(version) <> 1 or max(version) <> count(*)",
  ],
  [
    "has another version than its events",
    `select stream as name from billing.streams
     where version <> (select count(*) from billing.events where events.stream = streams.stream)`,
  ],
];

const complaintsOf = (what: string, rows: readonly Row[]): readonly string[] =>
  rows.map((row) => `${text(row["name"])} ${what}`);

const factsOf = (types: string): string => `select type, body from billing.events where type in ${types}`;

type Json = { readonly [name: string]: Json } | string | number | boolean | null | undefined;
/** A member by its path; undefined where there is none. */
const at = (value: Json, ...path: readonly string[]): Json =>
  path.reduce<Json>((inner, name) => (typeof inner === "object" && inner !== null ? inner[name] : undefined), value);

const toldPayment = ({ type, body }: Row): Movement => {
  const fact = body as Json;
  return type === "PaymentSucceeded"
    ? movementAt(at(fact, "capture", "transactionId"), at(fact, "capture", "amount"))
    : movementAt(at(fact, "payment", "transactionId"), at(fact, "received"));
};
const toldRefund = ({ body }: Row): Movement =>
  movementAt(at(body as Json, "transactionId"), at(body as Json, "amount"));

const movementAt = (id: Json, sum: Json): Movement => ({ id: String(id), ...sumOf(sum) });

/** Digits after the point. Source: ISO 4217. */
const DIGITS: Readonly<Record<string, number>> = { EUR: 2, JPY: 0, KWD: 3, RUB: 2, USD: 2 };
const sumOf = (sum: Json): { readonly minor: bigint; readonly currency: string } => {
  const currency = String(at(sum, "currency"));
  const [units = "", fraction = ""] = String(at(sum, "amount")).split(".");
  return { minor: BigInt(units + fraction.padEnd(DIGITS[currency] ?? 0, "0")), currency };
};

/** What a suspended callback is about: by its command, or, where it concerns nothing of ours, by the row alone. */
const suspendedOf = ({ transaction_id: known, body }: Row): readonly Suspended[] => {
  const command = at(JSON.parse(text(body)) as Json, "command");
  const id = at(command, "transactionId") ?? known;
  if (id === null || id === undefined) return [];
  const amount = at(command, "amount");
  return [{ id: text(id), sum: amount === undefined ? null : sumOf(amount) }];
};

/** The gateway's word for what a callback told. A check is asked, and moves nothing. */
const TOLD: Readonly<Record<string, string>> = {
  "payment.succeed": "pay",
  "payment.decline": "fail",
  "refund.succeed": "refund",
  "refund.report": "refund",
  payment: "pay",
  refund: "refund",
};
const keptOf = ({ transaction_id: known, body }: Row): readonly string[] => {
  const json = JSON.parse(text(body)) as Json;
  const kind = TOLD[String(at(json, "command", "type") ?? at(json, "foreign", "what"))];
  const id = at(json, "command", "transactionId") ?? known;
  return kind === undefined ? [] : [`${kind} ${text(id)}`];
};

const movementOf = (row: Row, minor: string): Movement => ({
  id: text(row["transaction_id"]),
  minor: whole(row[minor]),
  currency: text(row["currency"]),
});
