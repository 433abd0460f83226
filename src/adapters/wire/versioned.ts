import type { z } from "zod";
import { Bug } from "../../core/result.ts";
import { readerOf } from "./compiled.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { pointerOf } from "./malformed.ts";

/** A fact as it is stored and published: its name, the version of its body's shape, and the body. */
export type Encoded = { readonly type: string; readonly schema: number; readonly body: JsonObject };
/** Lifts a body from one schema version to the next. Works on JSON: the types of that day are gone. */
export type Upcast = (body: JsonObject) => JsonObject;
type Tagged = { readonly type: string };

/**
 * Writes facts in their newest schema and reads them in any that was ever written. A change of a stored shape is made
 * in three places: the schema, one more upcast, and a stored sample of the new version.
 * @param bodies the newest schema of each body, without `type`
 * @param upcasts the first of a list lifts schema 1 to 2, the next 2 to 3; so the newest schema is their count + 1
 */
export const versionedCodec = <Fact extends Tagged>(
  bodies: { readonly [Type in Fact["type"]]: z.ZodType },
  upcasts: { readonly [Type in Fact["type"]]?: readonly Upcast[] },
) => {
  const known = new Map(
    Object.entries<z.ZodType>(bodies).map(([type, body]) => [
      type,
      { body, reader: readerOf(body), upcasts: upcasts[type as Fact["type"]] ?? [] },
    ]),
  );
  const entry = (type: string) => {
    const found = known.get(type);
    if (found === undefined) throw new Bug(`unknown event ${type}`);
    return found;
  };
  return {
    newestSchema: (type: Fact["type"]): number => entry(type).upcasts.length + 1,

    encode(fact: Fact): Encoded {
      const { body, upcasts } = entry(fact.type);
      const encoded = body.safeEncode(fact);
      if (!encoded.success) throw new Bug(`${fact.type} cannot be written: ${complaint(encoded.error)}`);
      return { type: fact.type, schema: upcasts.length + 1, body: encoded.data as JsonObject };
    },

    /** What does not fit is a Bug: a stored fact can't be refused, so either the log or this program is broken. */
    decode(type: string, schema: number, stored: unknown): Fact {
      const { reader, upcasts } = entry(type);
      const newest = upcasts.length + 1;
      if (!Number.isInteger(schema) || schema < 1) throw new Bug(`${type} has no schema ${schema}`);
      if (schema > newest) throw new Bug(`${type} schema ${schema} is newer than ${newest}, the newest known here`);
      if (!isJsonObject(stored)) throw new Bug(`${type} schema ${schema}: the body is not an object`);
      const decoded = reader().safeDecode(upcasts.slice(schema - 1).reduce((lifted, upcast) => upcast(lifted), stored));
      if (!decoded.success) throw new Bug(`${type} schema ${schema}: ${complaint(decoded.error)}`);
      return { type, ...(decoded.data as object) } as Fact;
    },
  };
};

const complaint = (error: z.ZodError): string =>
  error.issues.map((issue) => `${pointerOf(issue.path) || "/"} ${issue.message}`).join("; ");
