import { type Exact, exactJson, isObject, memberOf, textOf } from "./exact-json.ts";
import { type Language, languageOf } from "./reasons.ts";
import { isCurrency, minorOf } from "./sums.ts";

/** What the merchant's page asked the widget for. It comes through the payer's browser: nothing in it is to be believed. */
export type Intent = {
  /** As in the page's address. */
  readonly raw: string;
  readonly minor: number;
  readonly currency: string;
  readonly twoStage: boolean;
  readonly culture: string;
  readonly language: Language;
  readonly description: string | null;
  readonly invoiceId: string | null;
  readonly accountId: string | null;
  readonly email: string | null;
  readonly emailBehavior: "Required" | "Hidden" | "Optional";
  readonly saveCard: boolean;
  readonly jsonData: string | null;
  readonly mayRetry: boolean;
  readonly autoCloseS: number | null;
  readonly successUrl: string | null;
  readonly failUrl: string | null;
};
export type IntentProblem = "unreadable" | "other_terminal" | "currency" | "amount" | "schema" | "account";

/** @param raw base64url of the JSON that `start()` was given */
export const parseIntent = (raw: string, publicId: string): Intent | { readonly problem: IntentProblem } => {
  const json = Buffer.from(raw, "base64url").toString("utf8");
  const exact = exactJson(json);
  if (exact === null || !isObject(exact.value)) return { problem: "unreadable" };
  const parameters = exact.value;
  const text = (name: string): string | null => textOf(memberOf(parameters, name));
  if (text("publicTerminalId") !== publicId) return { problem: "other_terminal" };
  const minor = minorOf(withoutZeros(text("amount") ?? ""));
  if (minor === null) return { problem: "amount" };
  const currency = text("currency") ?? "";
  if (!isCurrency(currency)) return { problem: "currency" };
  const schema = text("paymentSchema");
  if (schema !== "Single" && schema !== "Dual") return { problem: "schema" };
  const user = memberOf(parameters, "userInfo");
  const accountId = textOf(memberOf(user, "accountId"));
  const saveCard = text("tokenize") === "true";
  if ((saveCard && accountId === null) || (accountId ?? "").length >= 255) return { problem: "account" };
  const culture = text("culture") ?? "ru-RU";
  return {
    raw,
    minor,
    currency,
    twoStage: schema === "Dual",
    culture,
    language: languageOf(culture),
    description: text("description"),
    invoiceId: text("externalId"),
    accountId,
    email: text("receiptEmail") ?? textOf(memberOf(user, "email")),
    emailBehavior: behaviorOf(text("emailBehavior")),
    saveCard,
    jsonData: metadataOf(json),
    mayRetry: text("retryPayment") !== "false",
    autoCloseS: autoCloseOf(text("autoClose")),
    successUrl: webAddress(memberOf(parameters, "successRedirectUrl")),
    failUrl: webAddress(memberOf(parameters, "failRedirectUrl")),
  };
};

/** A page's script may write 499 as 499.0, and JSON of another language as 499.000: the same sum. */
const withoutZeros = (sum: string): string => sum.replace(/(\.\d{2})0+$/, "$1");

const behaviorOf = (text: string | null): Intent["emailBehavior"] =>
  text === "Required" || text === "Hidden" ? text : "Optional";

/** As it was sent: the exact reading has turned the numbers inside into text. */
const metadataOf = (json: string): string | null => {
  const { metadata } = JSON.parse(json) as { readonly metadata?: unknown };
  return metadata === undefined || metadata === null ? null : JSON.stringify(metadata);
};

const autoCloseOf = (text: string | null): number | null => {
  const seconds = Number(text ?? Number.NaN);
  return Number.isInteger(seconds) && seconds >= 3 && seconds <= 10 ? seconds : null;
};

/** Only the web's own: a link to `javascript:` would run in our page. */
const webAddress = (value: Exact | undefined): string | null => {
  const address = URL.parse(textOf(value) ?? "");
  return address !== null && ["http:", "https:"].includes(address.protocol) ? address.href : null;
};
