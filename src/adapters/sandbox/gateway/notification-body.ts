import { createHmac } from "node:crypto";
import { type Kind, REFUND, type Transaction } from "./ledger.ts";
import { reasonName, reasonText } from "./reasons.ts";
import { type Decimal, decimalOf } from "./sums.ts";
import { authCodeOf, ISSUER } from "./transaction-model.ts";

export type BodyFormat = "form" | "json";
/** One notification's fields, in the order in which they are sent. Null: known to the kind, and empty this time. */
type Told = Readonly<Record<string, string | number | boolean | Sum | null>>;
/** A sum that JSON tells as a number and a form as text. */
type Sum = { readonly decimal: Decimal };

export type SignedCall = {
  readonly url: string;
  readonly method: "POST" | "GET";
  readonly headers: Readonly<Record<string, string>>;
  /** Null for GET, which carries everything in its address. */
  readonly body: string | null;
};

/**
 * @param toldMinor the sum that is told; the transaction's own unless something goes wrong on purpose
 * @param atMs of a cancel, whose transaction keeps no time of it
 */
export const notificationBody = (
  kind: Kind,
  transaction: Transaction,
  format: BodyFormat,
  { toldMinor, atMs }: { readonly toldMinor: number; readonly atMs: number },
): { readonly contentType: string; readonly body: string } => {
  const told = toldOf(kind, transaction, toldMinor, atMs);
  return format === "json"
    ? { contentType: "application/json", body: JSON.stringify(jsonFields(told)) }
    : { contentType: "application/x-www-form-urlencoded", body: formFields(told) };
};

/** Signs what is sent: once as it goes over the wire, once decoded. A form sent by GET moves to the address. */
export const signedCall = (
  { contentType, body }: { readonly contentType: string; readonly body: string },
  { address, method }: { readonly address: string; readonly method: "POST" | "GET" },
  apiSecret: string,
): SignedCall => {
  const hmac = (message: string): string => createHmac("sha256", apiSecret).update(message, "utf8").digest("base64");
  const isForm = contentType === "application/x-www-form-urlencoded";
  const decoded = isForm ? decodeURIComponent(body.replaceAll("+", " ")) : body;
  const signatures = { "Content-HMAC": hmac(body), "X-Content-HMAC": hmac(decoded) };
  if (method === "GET") {
    const joint = address.includes("?") ? "&" : "?";
    return { url: `${address}${joint}${body}`, method, headers: signatures, body: null };
  }
  return { url: address, method, headers: { "Content-Type": contentType, ...signatures }, body };
};

const toldOf = (kind: Kind, transaction: Transaction, minor: number, atMs: number): Told => {
  const amount = { Amount: { decimal: decimalOf(minor) } };
  const whose = { InvoiceId: transaction.invoiceId, AccountId: transaction.accountId };
  const rest = { Email: transaction.email, Data: transaction.jsonData };
  if (kind === "refund")
    return {
      TransactionId: transaction.id,
      PaymentTransactionId: transaction.originalId,
      ...amount,
      DateTime: spacedDate(transaction.createdAt),
      OperationType: "Refund",
      ...whose,
      ...rest,
      Rrn: null,
      CustomFields: null,
    };
  if (kind === "cancel")
    return { TransactionId: transaction.id, ...amount, DateTime: spacedDate(atMs), ...whose, ...rest, Rrn: null };
  return {
    TransactionId: transaction.id,
    ...amount,
    Currency: transaction.currency,
    PaymentAmount: decimalOf(minor),
    PaymentCurrency: transaction.currency,
    DateTime: spacedDate(transaction.createdAt),
    CardId: null,
    CardFirstSix: transaction.cardFirstSix,
    CardLastFour: transaction.cardLastFour,
    CardType: transaction.cardType,
    CardExpDate: transaction.cardExpires,
    TestMode: true,
    Status: transaction.status,
    ...(kind === "confirm" ? {} : { OperationType: transaction.type === REFUND ? "Refund" : "Payment" }),
    ...whose,
    SubscriptionId: null,
    Name: transaction.holder,
    IpAddress: transaction.ipAddress,
    IpCountry: null,
    IpCity: null,
    IpRegion: null,
    IpDistrict: null,
    IpLatitude: null,
    IpLongitude: null,
    Issuer: ISSUER.name,
    IssuerBankCountry: ISSUER.country,
    Description: transaction.description,
    ...rest,
    PaymentMethod: null,
    ...ofKind(kind, transaction),
  };
};

const ofKind = (kind: Kind, transaction: Transaction): Told => {
  const approved = { AuthCode: authCodeOf(transaction), Token: transaction.token, Rrn: null };
  const linked = { FallBackScenarioDeclinedTransactionId: null, CustomFields: null };
  if (kind === "check") return { TokenRecipient: null, CardProduct: null };
  if (kind === "confirm") return approved;
  if (kind === "fail")
    return {
      StatusCode: 5,
      Reason: reasonName(transaction.reasonCode),
      ReasonCode: transaction.reasonCode,
      CardHolderMessage: reasonText(transaction.reasonCode, "ru"),
      Token: transaction.token,
      Rrn: null,
      ...linked,
      RetryAfter: null,
      ProviderMessage: null,
    };
  return {
    GatewayName: "Test",
    ...approved,
    ...linked,
    CardProduct: null,
    TotalFee: { decimal: decimalOf(0) },
    VatAboveTotalFee: { decimal: decimalOf(0) },
    ProcessorAndPartnerFee: null,
    VatWithinProcessorFee: null,
  };
};

const jsonFields = (told: Told): Readonly<Record<string, string | number>> =>
  Object.fromEntries(
    Object.entries(told).flatMap(([name, value]) => {
      if (value === null) return [];
      if (typeof value === "object") return [[name, Number(value.decimal)]];
      return [[name, typeof value === "boolean" ? Number(value) : value]];
    }),
  );

const formFields = (told: Told): string =>
  Object.entries(told)
    .map(([name, value]) => `${name}=${formText(formValue(value))}`)
    .join("&");

const formValue = (value: Told[string]): string => {
  if (value === null || value === undefined) return "";
  if (typeof value === "object") return value.decimal;
  return typeof value === "boolean" ? String(Number(value)) : String(value);
};

/** As the gateway's platform encodes a form: spaces as plus signs, escapes in lower case. */
const formText = (text: string): string =>
  encodeURIComponent(text)
    .replaceAll(/%[0-9A-F]{2}/g, (code) => (code === "%20" ? "+" : code.toLowerCase()))
    .replaceAll("'", "%27")
    .replaceAll("~", "%7e");

const spacedDate = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace("T", " ");
