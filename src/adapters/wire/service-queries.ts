import { z } from "zod";
import type { ServiceQueries } from "../../core/ports/services.ts";
import type { StorageFault } from "../../core/ports/storage.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { malformed } from "./malformed.ts";
import { inWords, readJson } from "./messages.ts";
import { MOST_BYTES } from "./service-commands.ts";
import {
  accessView,
  customerView,
  invoiceView,
  plansView,
  presentAccess,
  presentCustomer,
  presentInvoice,
  presentPlan,
  presentSubscription,
  subscriptionView,
} from "./service-views.ts";
import { accountId, invoiceId, subscriptionId } from "./vocabulary.ts";

/** `unavailable`: we could not tell; ask again. */
const CODES = ["malformed", "not_found", "unavailable"] as const;
export const queryError = z.object({ code: z.enum(CODES), detail: z.string() });
type QueryError = z.output<typeof queryError>;
type Answer<Value> = Promise<Result<Value, QueryError>>;

const query = <Asked extends z.ZodType, Value extends z.ZodType>(
  asked: Asked,
  value: Value,
  read: (asked: z.output<Asked>, queries: ServiceQueries) => Answer<z.input<Value>>,
) => ({
  asked,
  value,
  answer: async (json: unknown, queries: ServiceQueries): Answer<z.input<Value>> => {
    const parsed = asked.safeDecode(json as z.input<Asked>, { reportInput: true });
    return parsed.success ? read(parsed.data, queries) : wrong(inWords(malformed(parsed.error)));
  },
});

/** What services may ask, each with the shape of the question and of what is answered. */
export const QUERIES = {
  access: query(z.strictObject({ accountId }), accessView, async (asked, queries) => {
    const at = await queries.now();
    const row = await queries.access(asked.accountId, at);
    return row.ok ? ok(presentAccess(row.value, at)) : unavailable(row.error);
  }),
  customer: query(z.strictObject({ accountId }), customerView, async (asked, queries) =>
    found(await queries.customer(asked.accountId), presentCustomer),
  ),
  invoice: query(z.strictObject({ invoiceId }), invoiceView, async (asked, queries) =>
    found(await queries.invoice(asked.invoiceId), presentInvoice),
  ),
  plans: query(z.strictObject({}), plansView, async (_, queries) => {
    const rows = await queries.plans("on_sale");
    return rows.ok ? ok({ plans: rows.value.map(presentPlan) }) : unavailable(rows.error);
  }),
  subscription: query(z.strictObject({ subscriptionId }), subscriptionView, async (asked, queries) =>
    found(await queries.subscription(asked.subscriptionId), presentSubscription),
  ),
} as const;
export type QueryName = keyof typeof QUERIES;
export const QUERY_NAMES = Object.keys(QUERIES) as readonly QueryName[];
export const querySubject = (name: QueryName): string => `billing.queries.${name}`;

/** @param payload JSON; nothing at all is an empty object */
export const answerQuery = async (name: QueryName, payload: string, queries: ServiceQueries): Promise<string> =>
  JSON.stringify(await answerOf(name, payload, queries));

const answerOf = async (name: QueryName, payload: string, queries: ServiceQueries): Answer<unknown> => {
  if (payload.length > MOST_BYTES) return wrong("/ too_long");
  const json = payload === "" ? {} : readJson(payload);
  return json === undefined ? wrong("/ malformed_json") : QUERIES[name].answer(json, queries);
};

const found = <Row, Value>(
  row: Result<Row | null, StorageFault>,
  present: (row: Row) => Value,
): Result<Value, QueryError> => {
  if (!row.ok) return unavailable(row.error);
  return row.value === null ? err({ code: "not_found", detail: "there is none" }) : ok(present(row.value));
};
const wrong = (detail: string) => err({ code: "malformed", detail });
/** What the database said is for the log. */
const unavailable = ({ code }: StorageFault) => err({ code: "unavailable", detail: code });
