import type { RawCall } from "../../core/ports/callbacks.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { isJsonObject } from "../wire/json.ts";
import { readExactJson } from "./exact-json.ts";

/** The fields of a notification by name. What is empty is absent. */
export type Fields = Readonly<Record<string, unknown>>;
type Malformed = { readonly code: "malformed"; readonly field: string };

/** What was signed, byte for byte as sent: the body, or the query of a notification that comes by GET. */
export const messageOf = ({ method, query, body }: RawCall): Uint8Array =>
  method === "GET" ? new TextEncoder().encode(query) : body;

/** The cabinet chooses the format of notifications; a query is always a form. */
export const isJson = ({ method, header }: RawCall): boolean =>
  method !== "GET" && /^\s*application\/json\b/i.test(header("Content-Type") ?? "");

/** Reads a notification whose signature was found right. */
export const readFields = (call: RawCall): Result<Fields, Malformed> => {
  const text = decodeUtf8(messageOf(call));
  if (text === null) return err({ code: "malformed", field: "body" });
  if (!isJson(call)) return readForm(text);
  const json = readExactJson(text);
  return isJsonObject(json) ? ok(json) : err({ code: "malformed", field: "body" });
};

/** Null: these bytes are no UTF-8. A byte-order mark stays: dropped, one signature would cover two bodies. */
export const decodeUtf8 = (bytes: Uint8Array): string | null => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
};

/** Undoes what a form's encoding does to text. Null: a percent sign is not followed by what makes UTF-8. */
export const decodeForm = (encoded: string): string | null => {
  // Most names and values of a notification are as they are.
  if (!/[%+]/.test(encoded)) return encoded;
  try {
    return decodeURIComponent(encoded.replaceAll("+", " "));
  } catch {
    return null;
  }
};

/** URLSearchParams would pass over bytes that are no text, and over a field that comes twice with two values. */
const readForm = (text: string): Result<Fields, Malformed> => {
  const fields = new Map<string, string>();
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const end = pair.indexOf("=");
    const name = decodeForm(end < 0 ? pair : pair.slice(0, end));
    const value = decodeForm(end < 0 ? "" : pair.slice(end + 1));
    if (name === null || value === null) return err({ code: "malformed", field: name ?? "body" });
    if (fields.has(name)) return err({ code: "malformed", field: name });
    fields.set(name, value);
  }
  return ok(Object.fromEntries([...fields].filter(([, value]) => value !== "")));
};
