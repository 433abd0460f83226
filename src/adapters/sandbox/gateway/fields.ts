import { type Exact, exactJson, isObject, textOf } from "./exact-json.ts";
import { isCurrency, minorOf } from "./sums.ts";

/**
 * The parameters of one request. Names are read without regard to case. Each reading of something missing or senseless
 * is remembered; a method looks at `complaint` once it has read all that it needs, and what it has read counts only then.
 */
export type Fields = {
  text(name: string): string | null;
  required(name: string): string;
  /** Minor units. */
  sum(name: string): number;
  currency(): string;
  integer(name: string): number;
  /** As `integer`, with a value for its absence. */
  integerOr(name: string, absent: number): number;
  yes(name: string): boolean;
  list(name: string): readonly string[];
  /** JSON text, whether it was sent as an object or as a text. */
  json(name: string): string | null;
  /** For what a method finds wrong by itself. */
  complain(message: string): void;
  readonly complaint: string | null;
};

/** The parameters of a body, JSON or form by its content type; null when it can't be read. */
export const readFields = (contentType: string, body: string): Fields | null => {
  if (contentType.includes("application/x-www-form-urlencoded")) return fieldsOf(formValues(body), null);
  if (body.trim() === "") return fieldsOf(new Map(), null);
  const exact = exactJson(body);
  if (exact === null || !isObject(exact.value)) return null;
  return fieldsOf(byLowerCase(Object.entries(exact.value)), body);
};

const formValues = (body: string): ReadonlyMap<string, Exact> => {
  const all = new URLSearchParams(body);
  const values = [...new Set(all.keys())].map((name): [string, Exact] => {
    const sent = all.getAll(name);
    return [name, sent.length > 1 ? sent : (sent[0] ?? "")];
  });
  return byLowerCase(values);
};

const byLowerCase = (entries: readonly (readonly [string, Exact])[]): ReadonlyMap<string, Exact> =>
  new Map(entries.map(([name, value]) => [name.toLowerCase(), value]));

const fieldsOf = (values: ReadonlyMap<string, Exact>, json: string | null): Fields => {
  let complaint: string | null = null;
  const complain = (message: string): void => {
    complaint ??= message;
  };
  const text = (name: string): string | null => textOf(values.get(name.toLowerCase()));
  const required = (name: string): string => {
    const value = text(name);
    if (value === null) complain(`${name} is required`);
    return value ?? "";
  };
  const parsed = <T>(name: string, value: T | null, absent: T): T => {
    if (value === null && text(name) !== null) complain(`Invalid ${name} value`);
    return value ?? absent;
  };
  const integerOr = (name: string, absent: number): number => parsed(name, wholeOf(text(name) ?? ""), absent);
  return {
    text,
    required,
    sum: (name) => parsed(name, minorOf(required(name)), 0),
    currency: () => {
      const code = text("Currency") ?? "RUB";
      if (!isCurrency(code)) complain("Invalid Currency value");
      return code;
    },
    integer: (name) => {
      required(name);
      return integerOr(name, 0);
    },
    integerOr,
    yes: (name) => ["true", "1"].includes(text(name)?.toLowerCase() ?? ""),
    list: (name) => listOf(values.get(name.toLowerCase())),
    json: (name) => {
      const value = values.get(name.toLowerCase());
      // As it was sent: the exact reading has turned the numbers inside into text.
      return typeof value === "object" && value !== null && json !== null ? memberText(json, name) : text(name);
    },
    complain,
    get complaint() {
      return complaint;
    },
  };
};

/** The gateway rounds a fraction in a whole-number field without a word. */
const wholeOf = (text: string): number | null => {
  const value = /^-?\d+(\.\d+)?$/.test(text) ? Math.round(Number(text)) : Number.NaN;
  return Number.isSafeInteger(value) ? value : null;
};

const listOf = (value: Exact | undefined): readonly string[] => {
  const all = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return all.flatMap((one: Exact) => textOf(one) ?? []);
};

const memberText = (json: string, name: string): string => {
  const members = Object.entries(JSON.parse(json) as Readonly<Record<string, unknown>>);
  return JSON.stringify(members.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]);
};
