import { afterAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { READ_MODEL } from "../../src/core/billing/read-model.ts";
import { pgliteStore } from "../support/stores.ts";
import { openCast, type Subscriber } from "./support/cast.ts";
import { type Operation, readDocument } from "./support/document.ts";
import { type Answer, openFuzzHouse } from "./support/house.ts";
import { changed, rowsOf, tablesOf } from "./support/rows.ts";

const store = await pgliteStore();
const house = await openFuzzHouse(store);
const operations = await readDocument(house);
afterAll(() => house.close());

const camel = (column: string): string => column.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
/** Names of all columns that there are, as the database writes them and as we do. */
const COLUMNS: readonly string[] = [
  ...new Set([
    ...Object.values(READ_MODEL).flatMap(({ columns }) => Object.keys(columns)),
    ...(await tablesOf(store.driver)).flatMap(({ column }) => [column, camel(column)]),
    "isAdmin",
    "role",
    "roles",
    "actor",
    "price",
    "amount",
    "total",
  ]),
];
/** What somebody who guesses would put there. */
const guess = (column: string, { accountId }: Subscriber): unknown =>
  /account/i.test(column)
    ? accountId
    : /minor|count|version|rank/i.test(column)
      ? 1
      : /renews|flag|used/i.test(column) || "active";

const writes = operations.filter(({ method, tag }) => method === "POST" && tag !== "Callbacks");
/** What only has somebody else asked. */
const WRITES_NOTHING: readonly string[] = ["lookUpInvoice"];
const withBody = writes.filter(({ body }) => body !== null);
const named = (some: readonly Operation[]) => some.map((one) => [one.id, one] as const);

/** A right body of each, so that the extra field alone is wrong with it. */
const rightBody = (id: string, { email, password, refresh }: Subscriber): object => {
  switch (id) {
    case "signUp":
      return { email: `new-${crypto.randomUUID()}@example.com`, password: "a long passphrase" };
    case "logIn":
      return { email, password };
    case "refresh":
      return { refreshToken: refresh };
    case "subscribe":
      return { plan: "premium" };
    default:
      return {};
  }
};
const ask = (operation: Operation, asker: Subscriber, body: object): Promise<Answer> =>
  house.ask({
    method: "POST",
    path: operation.path.replace(
      "{id}",
      operation.path.includes("/invoices/") ? asker.invoiceId : asker.subscriptionId,
    ),
    headers: { "content-type": "application/json", authorization: `Bearer ${asker.access}` },
    body: JSON.stringify(body),
  });
const errors = z.object({ code: z.string(), errors: z.array(z.object({ pointer: z.string(), code: z.string() })) });

test("the columns of all tables are tried", () => {
  expect(COLUMNS.length).toBeGreaterThan(150);
  expect(withBody.map(({ id }) => id).toSorted()).toEqual(["logIn", "payInvoice", "refresh", "signUp", "subscribe"]);
});

describe.each(named(withBody))("%s", (id, operation) => {
  test("refuses each column that is not one of its fields, and writes nothing", async () => {
    const { anna, boris } = await openCast(house);
    const asker = id === "payInvoice" ? boris : anna;
    const own = new Set(Object.keys(Object(operation.body?.["properties"])));
    const extra = COLUMNS.filter((column) => !own.has(column));
    const before = await rowsOf(store.driver);
    for (const column of extra) {
      const answer = await ask(operation, asker, { ...rightBody(id, asker), [column]: guess(column, anna) });
      const told = errors.parse(JSON.parse(answer.text));
      expect([answer.status, told.code, told.errors]).toEqual([
        422,
        "malformed_body",
        [{ pointer: `/${column}`, code: "unknown_field" }],
      ]);
    }
    expect(changed(before, await rowsOf(store.driver))).toEqual([]);
  });
});

describe.each(named(writes.filter(({ body }) => body === null)))("%s", (id, operation) => {
  const effectOf = async (body: (foreign: Subscriber) => object): Promise<readonly string[]> => {
    const { anna, boris } = await openCast(house);
    if (id === "undoStop")
      await house.askAs(anna, "POST", `/subscriptions/api/v1/subscriptions/${anna.subscriptionId}/stop`);
    const before = await rowsOf(store.driver);
    expect((await ask(operation, anna, body(boris))).status).toBeLessThan(300);
    return changed(before, await rowsOf(store.driver));
  };

  test("takes no body, and does the same with one that names every column", async () => {
    const plain = await effectOf(() => ({}));
    const loaded = await effectOf((foreign) =>
      Object.fromEntries(COLUMNS.map((column) => [column, guess(column, foreign)])),
    );
    expect(plain.length > 0).toBe(!WRITES_NOTHING.includes(id));
    expect(loaded).toEqual(plain);
  });
});

test("columns in a query change nothing of what is asked", async () => {
  const { anna, boris } = await openCast(house);
  const query = COLUMNS.filter((column) => column !== "limit" && column !== "cursor")
    .map((column) => `${column}=${String(guess(column, anna))}`)
    .join("&");
  for (const path of [
    "/subscriptions/api/v1/subscriptions",
    "/payments/api/v1/invoices",
    "/subscriptions/api/v1/access",
  ]) {
    const [plain, loaded] = [
      await house.askAs(boris, "GET", path),
      await house.askAs(boris, "GET", `${path}?${query}`),
    ];
    expect([loaded.status, loaded.text]).toEqual([200, plain.text]);
  }
});
