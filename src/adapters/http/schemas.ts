import { z } from "zod";
import type { RowOf } from "../../core/billing/read-model.ts";
import { type Currency, formatAmount, MINOR_DIGITS } from "../../core/money.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { formatInstant, type Instant } from "../../core/time.ts";
import { problem } from "../wire/problems.ts";
import type { Language } from "./problems.ts";

// The shapes that answers and questions of several resources share. Answers are closed: what a shape does not name stays here.

const CURRENCIES = Object.keys(MINOR_DIGITS) as [Currency, ...Currency[]];
export const moneyView = z
  .object({
    amount: z.string().meta({ description: "Decimal, with all of the currency's digits" }),
    currency: z.enum(CURRENCIES),
  })
  .meta({ id: "Money", examples: [{ amount: "299.00", currency: "RUB" }] });
export type MoneyView = z.output<typeof moneyView>;
export const moneyOf = (minor: bigint, currency: string): MoneyView => ({
  amount: formatAmount({ minor, currency: currency as Currency }),
  currency: currency as Currency,
});

export const instantView = z
  .string()
  .meta({ format: "date-time", description: "RFC 3339, in UTC", examples: ["2026-01-31T09:00:00.000Z"] });
export const instantOrNull = (at: Instant | null): string | null => (at === null ? null : formatInstant(at));

export const periodLength = z
  .object({ unit: z.enum(["day", "week", "month", "year"]), count: z.int() })
  .meta({ id: "PeriodLength", examples: [{ unit: "month", count: 1 }] });

/** Of texts in both languages the one that was asked for. */
export const inLanguage = (language: Language, ru: string, en: string): string => (language === "ru" ? ru : en);

/** The problems that a route may answer with, for its documentation. Those of every route are added there. */
export const problems = <const Statuses extends readonly number[]>(...statuses: Statuses) =>
  Object.fromEntries(statuses.map((status) => [status, problem])) as Record<Statuses[number], typeof problem>;

/** Every write takes one: asked again with the same key, it answers what came of the first time. */
export const idempotency = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/)
    .optional()
    .meta({
      description:
        "Yours to choose, a new one for each thing you want done. Repeat a request whose answer was lost with its key.",
      examples: ["7c1f4a0e-subscribe-premium"],
    }),
});

/** Pages by cursor, newest first. A cursor is opaque: its form may change. */
export const pageQuery = (isKey: (raw: string) => boolean) =>
  z.object({
    limit: z.coerce.number<string>().int().min(1).max(100).default(20).meta({ description: "At most so many" }),
    cursor: z
      .codec(z.string().max(100), z.custom<string>(), {
        decode: (raw, ctx) => {
          const key = decodeCursor(raw);
          if (key.ok && isKey(key.value)) return key.value;
          ctx.issues.push({ code: "custom", input: raw, message: "", params: { code: "malformed_cursor" } });
          return z.NEVER;
        },
        encode: (key) => cursorOf(key),
      })
      .optional()
      .meta({ description: "`nextCursor` of the page before" }),
  });
export const nextCursor = z.string().nullable().meta({ description: "Of the next page; null: this is the last" });

/** One row more than the page shows was asked for: it tells whether there is a next page. */
export const pageOf = <Row>(rows: readonly Row[], limit: number, keyOf: (row: Row) => string) => {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { shown, nextCursor: rows.length > limit && last !== undefined ? cursorOf(keyOf(last)) : null };
};
/** Source: RFC 8288. */
export const linkToNext = (path: string, limit: number, cursor: string | null): Readonly<Record<string, string>> =>
  cursor === null ? {} : { link: `<${path}?limit=${limit}&cursor=${cursor}>; rel="next"` };

export const cursorOf = (key: string): string => new TextEncoder().encode(key).toBase64({ alphabet: "base64url" });
const decodeCursor = (raw: string): Result<string, null> => {
  try {
    const key = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(raw, { alphabet: "base64url" }));
    return ok(key);
  } catch {
    return err(null);
  }
};

export const entitlementView = { tier: z.int(), quality: z.enum(["sd", "hd", "uhd"]), streams: z.int() };
export const entitlementOf = ({ tier, quality, streams }: Pick<RowOf<"plans">, "tier" | "quality" | "streams">) => ({
  tier,
  quality: quality as "sd" | "hd" | "uhd",
  streams,
});
