import { isJsonObject } from "./json.ts";
import type { Malformed } from "./malformed.ts";

/** What a message says, if it is JSON in UTF-8; else undefined, which JSON can't say. */
export const readJson = (message: string | Uint8Array): unknown => {
  try {
    return JSON.parse(typeof message === "string" ? message : UTF8.decode(message));
  } catch {
    return undefined; // Or nested beyond any use. Refused by the caller, as anything else that is no object.
  }
};
/** A byte order mark stays, and is no JSON. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether a value has at most `levels` of objects and lists inside each other. What prints it again goes as deep as it does. */
export const isShallow = (value: unknown, levels: number): boolean => {
  if (!Array.isArray(value) && !isJsonObject(value)) return true;
  return levels > 0 && Object.values(value).every((part) => isShallow(part, levels - 1));
};

/** What is wrong with a message, for the person who reads it: each place with its code. */
export const inWords = ({ errors }: Malformed): string =>
  errors.map(({ pointer, code }) => `${pointer || "/"} ${code}`).join(", ");
