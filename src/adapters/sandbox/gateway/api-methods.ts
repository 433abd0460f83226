import { EXPIRED_CARD, isExpired } from "./cards.ts";
import type { Fields } from "./fields.ts";
import { KINDS, type Kind, type Ledger, PAYMENT, type SavedCard, type Transaction, type Window } from "./ledger.ts";
import { faceOfSaved, type Order, type Till } from "./till.ts";
import { type Terminal, transactionModel } from "./transaction-model.ts";

export type Answer = { readonly Model?: unknown; readonly Success: boolean; readonly Message: string | null };
/** What a method does, run in one transaction of the ledger together with the keeping of its answer. */
export type Effect = () => Answer;
export type Method = (fields: Fields) => Effect | Promise<Effect>;

export type MethodParts = {
  readonly ledger: Ledger;
  readonly till: Till;
  readonly terminal: () => Terminal;
  readonly notify: () => string;
  readonly now: () => number;
};

const PER_PAGE = 100;
const DONE: Answer = { Success: true, Message: null };
const wrong = (message: string): Answer => ({ Success: false, Message: message });
/** Ends a method at the first complaint of its fields. */
const refusedBy = (fields: Fields): Effect | null => {
  const { complaint } = fields;
  return complaint === null ? null : () => wrong(complaint);
};

/** The API's methods by path. */
export const apiMethods = (parts: MethodParts): Readonly<Record<string, Method>> => ({
  "/test": () => () => ({ Success: true, Message: crypto.randomUUID() }),
  "/payments/tokens/charge": tokenPayment(parts, "/payments/tokens/charge", false),
  "/payments/tokens/auth": tokenPayment(parts, "/payments/tokens/auth", true),
  ...movements(parts),
  ...lookUps(parts),
  ...lists(parts),
  ...Object.assign({}, ...KINDS.map((kind) => notificationSettings(parts, kind))),
});

const tokenPayment =
  ({ ledger, till, terminal, now }: MethodParts, operation: string, twoStage: boolean): Method =>
  async (fields) => {
    const order = orderOf(fields);
    const token = fields.required("Token");
    if (![0, 1].includes(fields.integer("TrInitiatorCode"))) fields.complain("Invalid TrInitiatorCode value");
    if (![0, 1].includes(fields.integerOr("PaymentScheduled", 0))) fields.complain("Invalid PaymentScheduled value");
    const card = ledger.card(token);
    if (card === null || card.accountId !== order.accountId) fields.complain("Token not found");
    const refused = refusedBy(fields);
    if (refused !== null || card === null) return refused ?? (() => wrong("Token not found"));
    const outcome = outcomeOf(card, now());
    const { begun, objection } = await till.begin(order, faceOfSaved(card), twoStage);
    return () => told(till.end(begun, objection, { outcome, twoStage, operation, save: null }), terminal(), false);
  };

const outcomeOf = (card: SavedCard, atMs: number): number => (isExpired(card, atMs) ? EXPIRED_CARD : card.outcome);

const orderOf = (fields: Fields): Order => ({
  minor: fields.sum("Amount"),
  currency: fields.currency(),
  accountId: fields.required("AccountId"),
  initiator: fields.integerOr("TrInitiatorCode", 0),
  invoiceId: fields.text("InvoiceId"),
  email: fields.text("Email"),
  description: fields.text("Description"),
  jsonData: fields.json("JsonData"),
  culture: fields.text("CultureName") ?? "ru-RU",
  ipAddress: fields.text("IpAddress"),
});

const movements = ({ till }: MethodParts): Readonly<Record<string, Method>> => ({
  "/payments/confirm": (fields) => {
    const [id, minor] = [fields.integer("TransactionId"), fields.sum("Amount")];
    return refusedBy(fields) ?? (() => outcome(till.confirm(id, minor)));
  },
  "/payments/void": (fields) => {
    const id = fields.integer("TransactionId");
    return refusedBy(fields) ?? (() => outcome(till.letGo(id)));
  },
  "/payments/refund": (fields) => {
    const [id, minor, jsonData] = [fields.integer("TransactionId"), fields.sum("Amount"), fields.json("JsonData")];
    const effect = (): Answer => {
      const refund = till.refund(id, minor, jsonData);
      return "refused" in refund ? wrong(refund.refused) : { Model: { TransactionId: refund.id }, ...DONE };
    };
    return refusedBy(fields) ?? effect;
  },
});

const outcome = (moved: ReturnType<Till["letGo"]>): Answer => ("refused" in moved ? wrong(moved.refused) : DONE);

const lookUps = ({ ledger, terminal }: MethodParts): Readonly<Record<string, Method>> => {
  const found = (transaction: Transaction | null): Answer =>
    transaction === null ? wrong("Not found") : told(transaction, terminal(), isRefunded(ledger, transaction));
  const find =
    (which: "payments" | "all"): Method =>
    (fields) => {
      const invoiceId = fields.required("InvoiceId");
      return refusedBy(fields) ?? (() => found(ledger.lastOf(invoiceId, which)));
    };
  return {
    "/payments/get": (fields) => {
      const id = fields.integer("TransactionId");
      return refusedBy(fields) ?? (() => found(ledger.transaction(id)));
    },
    "/payments/find": find("payments"),
    "/v2/payments/find": find("all"),
  };
};

const lists = ({ ledger, terminal }: MethodParts): Readonly<Record<string, Method>> => {
  const rows = (window: Window): Answer => ({
    Model: ledger.within(window).map((one) => transactionModel(one, terminal(), isRefunded(ledger, one))),
    ...DONE,
  });
  return {
    "/payments/list": (fields) => {
      const day = dayOf(fields);
      return refusedBy(fields) ?? (() => rows({ ...day, statuses: null, offset: 0, limit: -1 }));
    },
    "/v2/payments/list": (fields) => {
      const [fromMs, untilMs] = [instantOf(fields, "CreatedDateGte"), instantOf(fields, "CreatedDateLte")];
      zoneOf(fields);
      const statuses = fields.list("Statuses");
      const page = { offset: offsetOf(fields), limit: PER_PAGE };
      return (
        refusedBy(fields) ??
        (() => rows({ fromMs, untilMs, statuses: statuses.length === 0 ? null : statuses, ...page }))
      );
    },
    "/payments/tokens/list": (fields) => {
      const offset = offsetOf(fields);
      return refusedBy(fields) ?? (() => ({ Model: ledger.cards(PER_PAGE, offset).map(cardModel), ...DONE }));
    },
  };
};

const offsetOf = (fields: Fields): number => {
  const page = fields.integer("PageNumber");
  if (page < 1) fields.complain("Invalid PageNumber value");
  return (page - 1) * PER_PAGE;
};

const cardModel = (card: SavedCard) => ({
  Token: card.token,
  AccountId: card.accountId,
  CardMask: `${card.firstSix.slice(0, 4)} ${card.firstSix.slice(4)}****** ${card.lastFour}`,
  ExpirationDateMonth: card.month,
  ExpirationDateYear: card.year,
});

/** The gateway's short names of zones. Source: fact sheet, part 6. */
const ZONES: Readonly<Record<string, string>> = {
  UTC: "UTC",
  MSK: "Europe/Moscow",
  CET: "Europe/Berlin",
  EET: "Europe/Helsinki",
  YEKT: "Asia/Yekaterinburg",
};

const zoneOf = (fields: Fields): string => {
  const zone = ZONES[fields.text("TimeZone") ?? "UTC"];
  if (zone === undefined) fields.complain("Invalid TimeZone value");
  return zone ?? "UTC";
};

const dayOf = (fields: Fields): Pick<Window, "fromMs" | "untilMs"> => {
  const [text, timeZone] = [fields.required("Date"), zoneOf(fields)];
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? readDate(text) : null;
  if (day === null) {
    fields.complain("Invalid Date value");
    return { fromMs: 0, untilMs: 0 };
  }
  const from = day.toZonedDateTime({ timeZone });
  return { fromMs: from.epochMilliseconds, untilMs: from.add({ days: 1 }).epochMilliseconds - 1 };
};

const readDate = (text: string): Temporal.PlainDate | null => {
  try {
    return Temporal.PlainDate.from(text, { overflow: "reject" });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
};

const instantOf = (fields: Fields, name: string): number => {
  const text = fields.required(name);
  const ms = /^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:?\d{2})$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) fields.complain(`Invalid ${name} value`);
  return ms;
};

const notificationSettings = ({ ledger, notify }: MethodParts, kind: Kind): Readonly<Record<string, Method>> => ({
  [`/site/notifications/${kind}/get`]: () => () => {
    const { enabled, address, method } = ledger.subscription(kind);
    const Model = {
      IsEnabled: enabled,
      Address: address ?? `${notify()}/${kind}`,
      HttpMethod: method,
      Encoding: "UTF8",
      Format: "CloudPayments",
    };
    return { Model, ...DONE };
  },
  [`/site/notifications/${kind}/update`]: (fields) => {
    if (kind === "check") fields.complain("Check cannot be changed by this method");
    const enabled = fields.yes("IsEnabled");
    const address = enabled ? fields.required("Address") : fields.text("Address");
    const method = fields.text("HttpMethod") ?? "GET";
    if (method !== "GET" && method !== "POST") fields.complain("Invalid HttpMethod value");
    if (address !== null && !/^https?:\/\//.test(address)) fields.complain("Invalid Address value");
    // The sandbox speaks one encoding and one format.
    if ((fields.text("Encoding") ?? "UTF8") !== "UTF8") fields.complain("Invalid Encoding value");
    if ((fields.text("Format") ?? "CloudPayments") !== "CloudPayments") fields.complain("Invalid Format value");
    const effect = (): Answer => {
      ledger.subscribe(kind, { enabled, address, method: method === "GET" ? "GET" : "POST" });
      return DONE;
    };
    return refusedBy(fields) ?? effect;
  },
});

/** `Success` is whether the money is with the merchant or held for it, not whether the request was understood. */
const told = (transaction: Transaction, terminal: Terminal, refunded: boolean): Answer => ({
  Model: transactionModel(transaction, terminal, refunded),
  Success: transaction.status !== "Declined" && transaction.status !== "AwaitingAuthentication",
  Message: null,
});

const isRefunded = (ledger: Ledger, { type, id }: Transaction): boolean =>
  type === PAYMENT && ledger.refundedMinor(id) > 0;
