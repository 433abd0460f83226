/** What JSON can hold: the wire's side of every codec. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [name: string]: Json };

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** One text for equal values: keys sorted by code units at every depth, no spaces. Made to be hashed. */
export const canonicalText = (value: Json): string => {
  if (typeof value === "string") return quoted(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalText).join(",")}]`;
  let text = "";
  for (const name of Object.keys(value).sort())
    text += `${text === "" ? "" : ","}${quoted(name)}:${canonicalText(value[name] ?? null)}`;
  return `{${text}}`;
};

/** As JSON has it. Ids, words and sums have nothing in them that is written otherwise than it is. */
const quoted = (text: string): string => (/^[\w .:+-]*$/.test(text) ? `"${text}"` : JSON.stringify(text));

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);
