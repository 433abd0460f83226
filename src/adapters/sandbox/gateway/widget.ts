import { behaviourOf, EXPIRED_CARD, groupedNumber, isExpired, readCard, TEST_CARDS, type TypedCard } from "./cards.ts";
import { type Page, pageResponse } from "./html.ts";
import { type Intent, parseIntent } from "./intent.ts";
import type { Ledger, Session } from "./ledger.ts";
import { CHOOSABLE } from "./reasons.ts";
import { type Ending, faceOf, type Order, randomHex, type Till } from "./till.ts";
import { type FormField, formPage, problemPage, resultPage, threeDsPage } from "./widget-pages.ts";
import { WIDGET_SCRIPT } from "./widget-script.ts";

export type WidgetParts = {
  readonly ledger: Ledger;
  readonly till: Till;
  readonly publicId: string;
  /** The simulator's path, without a slash at its end. */
  readonly base: () => string;
  readonly now: () => number;
};

/** The payment window: what the payer sees, by path. Null where there is no such page. */
export const openWidget = (parts: WidgetParts) => {
  const paying = new Map<string, Promise<Session>>();
  return async (path: string, request: Request): Promise<Response | null> => {
    const query = new URL(request.url).searchParams;
    switch (`${request.method} ${path}`) {
      case "GET /bundles/cloudpayments.js":
        return script();
      case "GET /widget":
        return pageResponse(form(parts, query));
      case "GET /widget/3ds":
      case "GET /widget/result":
        return pageResponse(stage(parts, query.get("key") ?? ""));
      case "POST /widget/pay":
        return pay(parts, paying, new URLSearchParams(await request.text()));
      case "POST /widget/3ds":
        return answerBank(parts, new URLSearchParams(await request.text()));
      default:
        return null;
    }
  };
};

const form = ({ publicId, base, now }: WidgetParts, query: URLSearchParams): Page => {
  const intent = parseIntent(query.get("intent") ?? "", publicId);
  if ("problem" in intent) return problemPage(intent.problem);
  const card = TEST_CARDS.find(({ number }) => number === query.get("card"));
  const nextYear = String((new Date(now()).getUTCFullYear() + 1) % 100).padStart(2, "0");
  const filled =
    card === undefined
      ? {}
      : { number: groupedNumber(card.number), expiry: `12/${nextYear}`, cvc: "123", holder: "CARD HOLDER" };
  const email = intent.email === null ? {} : { email: intent.email };
  return formPage(base(), intent, { values: { ...email, ...filled }, wrong: [], key: randomHex(32) });
};

const pay = async (
  parts: WidgetParts,
  paying: Map<string, Promise<Session>>,
  sent: URLSearchParams,
): Promise<Response> => {
  const intent = parseIntent(sent.get("intent") ?? "", parts.publicId);
  if ("problem" in intent) return pageResponse(problemPage(intent.problem));
  const key = sent.get("key") ?? "";
  if (!/^[0-9a-f]{32}$/.test(key)) return pageResponse(problemPage("session"));
  const read = readForm(intent, sent);
  if ("wrong" in read) return pageResponse(formPage(parts.base(), intent, { ...read, key }));
  // Pressed twice, it pays once: the second press waits for the first, or finds what it has left.
  const session = parts.ledger.session(key) ?? (await (paying.get(key) ?? first(parts, paying, key, intent, read)));
  return onwards(parts, session);
};

type ReadForm = { readonly card: TypedCard; readonly email: string | null; readonly outcome: number | null };
type WrongForm = { readonly wrong: readonly FormField[]; readonly values: Readonly<Record<string, string>> };

const readForm = (intent: Intent, sent: URLSearchParams): ReadForm | WrongForm => {
  const value = (name: string): string => sent.get(name) ?? "";
  const card = readCard({
    number: value("number"),
    expiry: value("expiry"),
    cvc: value("cvc"),
    holder: value("holder"),
  });
  const email = intent.emailBehavior === "Hidden" ? (intent.email ?? "") : value("email").trim();
  const wrongEmail =
    intent.emailBehavior === "Hidden" || (email === "" ? intent.emailBehavior !== "Required" : /^\S+@\S+$/.test(email))
      ? []
      : (["email"] as const);
  const wrongCard = "number" in card ? [] : card;
  if (wrongCard.length + wrongEmail.length > 0 || !("number" in card))
    return { wrong: [...wrongCard, ...wrongEmail], values: Object.fromEntries(sent) };
  const chosen = Number(value("outcome"));
  return { card, email: email || null, outcome: CHOOSABLE.includes(chosen) ? chosen : null };
};

const first = (
  parts: WidgetParts,
  paying: Map<string, Promise<Session>>,
  key: string,
  intent: Intent,
  read: ReadForm,
): Promise<Session> => {
  const session = begin(parts, key, intent, read).finally(() => paying.delete(key));
  paying.set(key, session);
  return session;
};

const begin = async (
  { ledger, till, now }: WidgetParts,
  key: string,
  intent: Intent,
  { card, email, outcome }: ReadForm,
): Promise<Session> => {
  const ending = endingOf(till, intent, card, outcome ?? (isExpired(card, now()) ? EXPIRED_CARD : null));
  const { begun, objection } = await till.begin(orderOf(intent, email), faceOf(card), intent.twoStage);
  return ledger.atomically(() => {
    const isChallenged = objection === 0 && behaviourOf(card.number).threeDs;
    const { id } = isChallenged ? till.awaitHolder(begun) : till.end(begun, objection, ending);
    const session = { key, transactionId: id, intent: intent.raw, plan: JSON.stringify(ending) };
    ledger.addSession(session);
    return session;
  });
};

const endingOf = (
  till: Till,
  { twoStage, saveCard, accountId }: Intent,
  card: TypedCard,
  forced: number | null,
): Ending => ({
  outcome: forced ?? behaviourOf(card.number).payment,
  twoStage,
  operation: "widget",
  save: saveCard && accountId !== null ? till.saved(card, accountId) : null,
});

const orderOf = (intent: Intent, email: string | null): Order => ({
  minor: intent.minor,
  currency: intent.currency,
  invoiceId: intent.invoiceId,
  accountId: intent.accountId,
  email,
  description: intent.description,
  jsonData: intent.jsonData,
  culture: intent.culture,
  ipAddress: null,
  initiator: null,
});

const answerBank = ({ ledger, till, base }: WidgetParts, sent: URLSearchParams): Response => {
  const session = ledger.session(sent.get("key") ?? "");
  if (session === null) return pageResponse(problemPage("session"));
  const ending = JSON.parse(session.plan) as Ending;
  ledger.atomically(() => till.authenticated(session.transactionId, sent.get("answer") === "approve", ending));
  return seeOther(`${base()}/widget/result?key=${session.key}`);
};

const onwards = ({ ledger, base }: WidgetParts, { key, transactionId }: Session): Response => {
  const isChallenged = ledger.transaction(transactionId)?.status === "AwaitingAuthentication";
  return seeOther(`${base()}/widget/${isChallenged ? "3ds" : "result"}?key=${key}`);
};

/** Where a begun payment stands, whichever of its pages was asked for: a reload or a step back shows the truth. */
const stage = ({ ledger, publicId, base }: WidgetParts, key: string): Page => {
  const session = ledger.session(key);
  const transaction = session === null ? null : ledger.transaction(session.transactionId);
  if (session === null || transaction === null) return problemPage("session");
  const intent = parseIntent(session.intent, publicId);
  if ("problem" in intent) return problemPage(intent.problem);
  return transaction.status === "AwaitingAuthentication"
    ? threeDsPage(base(), intent, key)
    : resultPage(base(), intent, transaction);
};

const script = (): Response =>
  new Response(WIDGET_SCRIPT, {
    headers: {
      "Content-Type": "text/javascript; charset=utf-8",
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
    },
  });

const seeOther = (location: string): Response =>
  new Response(null, { status: 303, headers: { Location: location, "Cache-Control": "no-store" } });
