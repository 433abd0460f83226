export type Exact = string | boolean | null | readonly Exact[] | { readonly [name: string]: Exact };

/** JSON whose numbers stay the text that was sent, so that no sum passes through a float. Null when it is no JSON. */
export const exactJson = (text: string): { readonly value: Exact } | null => {
  try {
    return { value: JSON.parse(text, keepNumbers) as Exact };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
};

const keepNumbers = (_: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === "number" ? (context?.source ?? String(value)) : value;

/** A text or a number as text, a yes or no as "true" or "false"; null for anything else, the empty text included. */
export const textOf = (value: Exact | undefined): string | null => {
  if (typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value : null;
};

export const memberOf = (value: Exact | undefined, name: string): Exact | undefined =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;

export const isObject = (value: Exact | undefined): value is { readonly [name: string]: Exact } =>
  typeof value === "object" && value !== null && !Array.isArray(value);
