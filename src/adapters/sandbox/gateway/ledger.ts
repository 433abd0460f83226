import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

export type Status = "AwaitingAuthentication" | "Authorized" | "Completed" | "Cancelled" | "Declined";
export const PAYMENT = 0;
export const REFUND = 1;

/** One movement of money, or a try at one. Sums are minor units, instants are epoch milliseconds. */
export type Transaction = {
  readonly id: number;
  readonly type: typeof PAYMENT | typeof REFUND;
  readonly minor: number;
  readonly currency: string;
  readonly status: Status;
  readonly reasonCode: number;
  readonly createdAt: number;
  readonly authorisedAt: number | null;
  readonly confirmedAt: number | null;
  readonly invoiceId: string | null;
  readonly accountId: string | null;
  readonly email: string | null;
  readonly description: string | null;
  readonly jsonData: string | null;
  readonly culture: string;
  readonly ipAddress: string | null;
  /** Who began a charge by token: 0 the merchant, 1 the holder. Null for the widget. */
  readonly initiator: number | null;
  readonly cardFirstSix: string;
  readonly cardLastFour: string;
  /** MM/YY. */
  readonly cardExpires: string;
  readonly cardType: string;
  readonly holder: string | null;
  readonly token: string | null;
  /** Of a refund: the payment. */
  readonly originalId: number | null;
};

/** A card that was saved for one account. Its number is not kept, only what the card shall do. */
export type SavedCard = {
  readonly token: string;
  readonly accountId: string;
  readonly firstSix: string;
  readonly lastFour: string;
  readonly month: number;
  readonly year: number;
  readonly type: string;
  readonly holder: string | null;
  /** Reason code of a charge by the token. */
  readonly outcome: number;
};

export const KINDS = ["check", "pay", "fail", "confirm", "refund", "recurrent", "cancel"] as const;
export type Kind = (typeof KINDS)[number];
/** Where and how notifications of a kind are sent. */
export type Subscription = {
  readonly enabled: boolean;
  /** Null: the address that follows from where the merchant answers. */
  readonly address: string | null;
  readonly method: "POST" | "GET";
};

export type NotificationState = "pending" | "delivered" | "lost" | "given_up";
export type Notification = {
  readonly id: number;
  readonly kind: Kind;
  readonly transactionId: number;
  readonly contentType: string;
  readonly body: string;
  readonly state: NotificationState;
  readonly attempts: number;
  /** Wall time of the next try. */
  readonly dueAt: number;
  /** Waits for another one to be delivered first. */
  readonly held: boolean;
};

export type KeptAnswer = { readonly status: number; readonly body: string };
/** A payment on the page, by the key that its form was given. */
export type Session = {
  readonly key: string;
  readonly transactionId: number;
  /** As it came with the page's address. */
  readonly intent: string;
  /** What happens once the holder has been authenticated: JSON. */
  readonly plan: string;
};
export type Window = {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Null: all. */
  readonly statuses: readonly string[] | null;
  readonly offset: number;
  readonly limit: number;
};

export type Ledger = ReturnType<typeof openLedger>;

const FIELDS = {
  id: "integer primary key",
  type: "integer not null",
  minor: "integer not null check (minor > 0)",
  currency: "text not null",
  status: "text not null",
  reasonCode: "integer not null",
  createdAt: "integer not null",
  authorisedAt: "integer",
  confirmedAt: "integer",
  invoiceId: "text",
  accountId: "text",
  email: "text",
  description: "text",
  jsonData: "text",
  culture: "text not null",
  ipAddress: "text",
  initiator: "integer",
  cardFirstSix: "text not null",
  cardLastFour: "text not null",
  cardExpires: "text not null",
  cardType: "text not null",
  holder: "text",
  token: "text",
  originalId: "integer references transactions",
} as const satisfies Record<keyof Transaction, string>;
const CARD_FIELDS = {
  token: "text primary key",
  accountId: "text not null",
  firstSix: "text not null",
  lastFour: "text not null",
  month: "integer not null",
  year: "integer not null",
  type: "text not null",
  holder: "text",
  outcome: "integer not null",
} as const satisfies Record<keyof SavedCard, string>;

const columns = (fields: Readonly<Record<string, string>>): string =>
  Object.entries(fields)
    .map(([name, type]) => `${name} ${type}`)
    .join(", ");
const names = (fields: Readonly<Record<string, string>>): string => Object.keys(fields).join(", ");
const places = (fields: Readonly<Record<string, string>>): string =>
  Object.keys(fields)
    .map((name) => `$${name}`)
    .join(", ");

const SCHEMA = `
  create table if not exists facts (name text primary key, value text not null);
  create table if not exists transactions (${columns(FIELDS)});
  create index if not exists transactions_by_time on transactions (createdAt, id);
  create index if not exists transactions_by_invoice on transactions (invoiceId, id);
  create index if not exists refunds_by_payment on transactions (originalId) where originalId is not null;
  create table if not exists cards (${columns(CARD_FIELDS)});
  create table if not exists notifications (
    id integer primary key autoincrement, kind text not null, transactionId integer not null, contentType text not null,
    body text not null, state text not null, attempts integer not null, dueAt integer not null, held integer not null);
  create index if not exists notifications_due on notifications (dueAt) where state = 'pending';
  create table if not exists answers (
    requestId text primary key, status integer not null, body text not null, keptAt integer not null);
  create index if not exists answers_by_time on answers (keptAt);
  create table if not exists subscriptions (
    kind text primary key, enabled integer not null, address text, method text not null);
  create table if not exists sessions (
    key text primary key, transactionId integer not null, intent text not null, plan text not null);
`;

/**
 * The gateway's own books. Every change is one transaction of SQLite, so that a killed process leaves a payment, its kept
 * answer and its notifications whole or not at all.
 * @param folder where `gateway.sqlite` is; null keeps everything in memory
 */
export const openLedger = (folder: string | null) => {
  if (folder !== null) mkdirSync(folder, { recursive: true });
  const db = new Database(folder === null ? ":memory:" : join(folder, "gateway.sqlite"), {
    create: true,
    strict: true,
  });
  db.run("pragma journal_mode = wal");
  // A killed process loses nothing; a power cut may lose the last moment, as it may with the embedded database beside it.
  db.run("pragma synchronous = normal");
  db.run("pragma busy_timeout = 5000");
  db.run(SCHEMA);
  return {
    atomically: <T>(work: () => T): T => db.transaction(work).immediate(),
    close: () => db.close(),
    ...factTable(db),
    ...transactionTable(db),
    ...cardTable(db),
    ...notificationTable(db),
    ...answerTable(db),
    ...subscriptionTable(db),
    ...sessionTable(db),
  };
};

const factTable = (db: Database) => {
  const read = db.query<{ value: string }, [string]>("select value from facts where name = ?");
  const write = db.query("insert or replace into facts values ($name, $value)");
  const fact = (name: string): string | null => read.get(name)?.value ?? null;
  return {
    fact,
    setFact: (name: string, value: string) => void write.run({ name, value }),
    /** The fact; made and kept when there is none yet. */
    factOr: (name: string, make: () => string): string => {
      const known = fact(name);
      if (known !== null) return known;
      const value = make();
      write.run({ name, value });
      return value;
    },
  };
};

const transactionTable = (db: Database) => {
  const insert = db.query(`insert or replace into transactions (${names(FIELDS)}) values (${places(FIELDS)})`);
  const byId = db.query<Transaction, [number]>("select * from transactions where id = ?");
  const last = db.query<Transaction, { invoiceId: string; type: number }>(
    "select * from transactions where invoiceId = $invoiceId and type <= $type order by id desc limit 1",
  );
  const refunded = db.query<{ minor: number }, [number]>(
    "select coalesce(sum(minor), 0) as minor from transactions where originalId = ?",
  );
  const within = db.query<
    Transaction,
    { fromMs: number; untilMs: number; statuses: string; limit: number; offset: number }
  >(
    `select * from transactions where createdAt between $fromMs and $untilMs
       and ($statuses = '' or instr($statuses, ',' || status || ',') > 0)
     order by createdAt, id limit $limit offset $offset`,
  );
  const latest = db.query<Transaction, [number]>("select * from transactions order by id desc limit ?");
  return {
    /** Writes a transaction, or its new state. */
    write: (transaction: Transaction) => void insert.run(transaction),
    transaction: (id: number): Transaction | null => byId.get(id),
    /** The last operation with the merchant's order number. */
    lastOf: (invoiceId: string, which: "payments" | "all"): Transaction | null =>
      last.get({ invoiceId, type: which === "all" ? REFUND : PAYMENT }),
    refundedMinor: (paymentId: number): number => refunded.get(paymentId)?.minor ?? 0,
    /** Both ends included, in order of creation. */
    within: ({ statuses, ...window }: Window): readonly Transaction[] =>
      within.all({ ...window, statuses: statuses === null ? "" : `,${statuses.join(",")},` }),
    /** The newest first. */
    latest: (limit: number): readonly Transaction[] => latest.all(limit),
  };
};

const cardTable = (db: Database) => {
  const insert = db.query(`insert or replace into cards (${names(CARD_FIELDS)}) values (${places(CARD_FIELDS)})`);
  const byToken = db.query<SavedCard, [string]>("select * from cards where token = ?");
  const page = db.query<SavedCard, { limit: number; offset: number }>(
    "select * from cards order by rowid limit $limit offset $offset",
  );
  return {
    saveCard: (card: SavedCard) => void insert.run(card),
    card: (token: string): SavedCard | null => byToken.get(token),
    cards: (limit: number, offset: number): readonly SavedCard[] => page.all({ limit, offset }),
  };
};

type NotificationRow = Omit<Notification, "held"> & { readonly held: number };
const notificationTable = (db: Database) => {
  const insert = db.query(
    `insert into notifications (kind, transactionId, contentType, body, state, attempts, dueAt, held)
     values ($kind, $transactionId, $contentType, $body, $state, $attempts, $dueAt, $held)`,
  );
  const due = db.query<NotificationRow, [number]>(
    "select * from notifications where state = 'pending' and dueAt <= ? order by dueAt, id",
  );
  const pending = db.query<NotificationRow, []>(
    "select * from notifications where state = 'pending' order by dueAt, id",
  );
  const all = db.query<NotificationRow, []>("select * from notifications order by id");
  const mark = db.query("update notifications set state = $state, attempts = $attempts, dueAt = $dueAt where id = $id");
  const release = db.query("update notifications set held = 0, dueAt = $now where held = 1 and state = 'pending'");
  const read = (row: NotificationRow): Notification => ({ ...row, held: row.held === 1 });
  return {
    addNotification: (one: Omit<Notification, "id">) => void insert.run({ ...one, held: one.held ? 1 : 0 }),
    dueNotifications: (now: number): readonly Notification[] => due.all(now).map(read),
    pendingNotifications: (): readonly Notification[] => pending.all().map(read),
    notifications: (): readonly Notification[] => all.all().map(read),
    markNotification: ({ id, state, attempts, dueAt }: Pick<Notification, "id" | "state" | "attempts" | "dueAt">) =>
      void mark.run({ id, state, attempts, dueAt }),
    releaseHeld: (now: number) => void release.run({ now }),
  };
};

const answerTable = (db: Database) => {
  const insert = db.query("insert or replace into answers values ($requestId, $status, $body, $keptAt)");
  const read = db.query<KeptAnswer, { requestId: string; since: number }>(
    "select status, body from answers where requestId = $requestId and keptAt > $since",
  );
  const forget = db.query("delete from answers where keptAt <= $since");
  return {
    keepAnswer: (requestId: string, answer: KeptAnswer, keptAt: number) =>
      void insert.run({ requestId, ...answer, keptAt }),
    keptAnswer: (requestId: string, since: number): KeptAnswer | null => read.get({ requestId, since }),
    forgetAnswers: (since: number) => void forget.run({ since }),
  };
};

const subscriptionTable = (db: Database) => {
  const read = db.query<{ enabled: number; address: string | null; method: "POST" | "GET" }, [string]>(
    "select enabled, address, method from subscriptions where kind = ?",
  );
  const write = db.query("insert or replace into subscriptions values ($kind, $enabled, $address, $method)");
  return {
    subscription: (kind: Kind): Subscription => {
      const row = read.get(kind);
      return row === null ? { enabled: true, address: null, method: "POST" } : { ...row, enabled: row.enabled === 1 };
    },
    subscribe: (kind: Kind, { enabled, address, method }: Subscription) =>
      void write.run({ kind, enabled: enabled ? 1 : 0, address, method }),
  };
};

const sessionTable = (db: Database) => {
  const insert = db.query("insert into sessions values ($key, $transactionId, $intent, $plan)");
  const read = db.query<Session, [string]>("select * from sessions where key = ?");
  return {
    addSession: (session: Session) => void insert.run(session),
    session: (key: string): Session | null => read.get(key),
  };
};
