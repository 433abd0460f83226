import type { Dice } from "../../support/dice.ts";
import { newTransaction, payForm } from "./cast.ts";
import { hmacOf } from "./house.ts";

/** What the gateway would send: a body, the header that it is signed by, and what that signs. */
export type Signed = {
  readonly kind: string;
  readonly contentType: string;
  readonly header: "content-hmac" | "x-content-hmac";
  readonly body: Uint8Array<ArrayBuffer>;
  readonly signature: string;
};

const FORM = "application/x-www-form-urlencoded";
export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Undoes a form's encoding, as the gateway does for its second header. Null: these bytes are no form. */
export const decodedForm = (body: Uint8Array): string | null => {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return null;
  }
};

export const signForm = (kind: string, form: string, header: Signed["header"] = "content-hmac"): Signed => {
  const body = bytesOf(form);
  const message = header === "content-hmac" ? form : (decodedForm(body) ?? form);
  return { kind, contentType: FORM, header, body, signature: hmacOf(message) };
};
export const signJson = (kind: string, json: string): Signed => ({
  kind,
  contentType: "application/json",
  header: "content-hmac",
  body: bytesOf(json),
  signature: hmacOf(json),
});
export const headersOf = ({ contentType, header, signature }: Signed): Readonly<Record<string, string>> => ({
  "content-type": contentType,
  [header]: signature,
});

const KINDS = ["check", "pay", "fail", "confirm", "refund", "cancel", "recurrent", "receipt"] as const;

/** Some notification of some kind, in one of the forms that the gateway knows. */
export const anySigned = (dice: Dice): Signed => {
  const kind = dice.pick(KINDS) ?? "pay";
  const transactionId = newTransaction();
  const fields = {
    TransactionId: transactionId,
    PaymentTransactionId: newTransaction(),
    InvoiceId: dice.pick(["att_01h455vb4pex5vsknk084sn02q", "order 7/8"]) ?? "",
    AccountId: "user+42@example.com",
    Description: "Кино & чай",
    ReasonCode: "5051",
    Id: `sc_${transactionId}`,
  };
  const form = payForm(fields);
  if (dice.chance(1 / 3)) return signJson(kind, JSON.stringify(Object.fromEntries(new URLSearchParams(form))));
  return signForm(kind, form, dice.pick(["content-hmac", "x-content-hmac"] as const) ?? "content-hmac");
};
