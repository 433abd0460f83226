import { afterAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { openMemory } from "../../src/adapters/memory/store.ts";
import { type Cast, openCast, type Subscriber } from "./support/cast.ts";
import { type Operation, readDocument } from "./support/document.ts";
import { type Answer, openFuzzHouse } from "./support/house.ts";

const house = await openFuzzHouse(openMemory());
const operations = await readDocument(house);
/** Whom nothing may happen to: all that is asked about what is theirs is to be refused. */
const cast = await openCast(house);
afterAll(() => house.close());

/** Anybody may ask these. A route that is not named here asks who is there. */
const OPEN_TO_ALL: readonly string[] = [
  "live",
  "ready",
  "signUp",
  "logIn",
  "refresh",
  "listPlans",
  "getPlan",
  "takeCallback",
  "takeCallbackByGet",
  "docs",
  "docsAsyncapi",
  "docsJson",
  "docsAsset",
  "subscriptionsOpenapi",
  "explainProblem",
  "home",
  "homeByName",
];

const members = operations.filter(({ isMembers }) => isMembers);
const withObject = members.filter(({ path }) => path.includes("{"));
const ABSENT: Readonly<Record<string, string>> = {
  sub: "sub_01h455vb4pex5vsknk084sn02q",
  inv: "inv_01h455vb4pex5vsknk084sn02q",
  cmd: "cmd_01h455vb4pex5vsknk084sn02q",
};
const idOf = (path: string, { subscriptionId, invoiceId, doneId }: Subscriber): string =>
  path.includes("/commands/") ? doneId : path.includes("/invoices/") ? invoiceId : subscriptionId;
const absentId = (path: string): string =>
  ABSENT[path.includes("/commands/") ? "cmd" : path.includes("/invoices/") ? "inv" : "sub"] ?? "";

const bodyOf = ({ id }: Operation): object => (id === "subscribe" ? { plan: "basic" } : {});
/** Asks an operation about a thing, with an `Authorization` or none. */
const ask = (operation: Operation, thing: string, authorization: string | null): Promise<Answer> =>
  house.ask({
    method: operation.method,
    path: operation.path.replace(/\{[^}]+\}/, thing),
    headers: {
      ...(operation.body === null ? {} : { "content-type": "application/json" }),
      ...(authorization === null ? {} : { authorization }),
    },
    body: operation.body === null ? null : JSON.stringify(bodyOf(operation)),
  });
const codeIn = ({ text }: Answer): string => z.object({ code: z.string() }).parse(JSON.parse(text)).code;
const named = (some: readonly Operation[]) =>
  some.map((operation) => [`${operation.method} ${operation.path}`, operation] as const);

test("every operation asks who is there, but for those that anybody may ask", () => {
  const open = operations.filter(({ isMembers }) => !isMembers).map(({ id }) => id);
  expect(open.toSorted()).toEqual(OPEN_TO_ALL.toSorted());
  expect(members.length).toBeGreaterThanOrEqual(12);
});

describe.each(named(members))("%s", (_, operation) => {
  const NOBODY: readonly (readonly [string, (cast: Cast) => string | null])[] = [
    ["without a token", () => null],
    ["with a session that was logged out of", ({ dead }) => `Bearer ${dead}`],
    ["with a refresh token", ({ anna }) => `Bearer ${anna.refresh}`],
    ["with a token that one letter was changed in", ({ anna }) => `Bearer ${bent(anna.access)}`],
    ["with a token whose signature was left out", ({ anna }) => `Bearer ${anna.access.replace(/[^.]+$/, "")}`],
    ["with another scheme", ({ anna }) => `Basic ${anna.access}`],
  ];
  test.each(NOBODY)("%s is 401, and nothing is done", async (_, authorizationOf) => {
    const before = await standing(cast);
    const { anna } = cast;
    for (const thing of [idOf(operation.path, anna), absentId(operation.path)]) {
      const answer = await ask(operation, thing, authorizationOf(cast));
      expect([answer.status, codeIn(answer)]).toEqual([401, "unauthorized"]);
    }
    expect(await standing(cast)).toEqual(before);
  });

  test("with one's own token is answered", async () => {
    const { anna } = await openCast(house);
    const { status } = await ask(operation, idOf(operation.path, anna), `Bearer ${anna.access}`);
    // Anna has a subscription that is paid and renews: these are refused by what they would do.
    const isRefusedByState = ["subscribe", "payInvoice", "undoStop"].includes(operation.id);
    expect([operation.id, status === 409, status < 300]).toEqual([operation.id, isRefusedByState, !isRefusedByState]);
  });
});

describe.each(named(withObject))("%s", (_, operation) => {
  test("of somebody else's is told from none by nobody, and nothing is done", async () => {
    const before = await standing(cast);
    const authorization = `Bearer ${cast.boris.access}`;
    const foreign = await ask(operation, idOf(operation.path, cast.anna), authorization);
    const absent = await ask(operation, absentId(operation.path), authorization);
    expect([foreign.status, absent.status]).toEqual([404, 404]);
    expect({ ...JSON.parse(foreign.text), requestId: "" }).toEqual({ ...JSON.parse(absent.text), requestId: "" });
    expect(await standing(cast)).toEqual(before);
  });
});

test.each(named(members.filter(({ path, method }) => method === "GET" && !path.includes("{"))))(
  "%s tells one's own and nothing of anybody else",
  async (_, operation) => {
    const { anna, boris } = cast;
    for (const query of ["", `?accountId=${anna.accountId}`, `?account=${anna.email}&limit=100`]) {
      const answer = await house.askAs(boris, "GET", `${operation.path}${query}`);
      expect(answer.status).toBe(200);
      for (const theirs of [anna.accountId, anna.subscriptionId, anna.invoiceId, anna.email])
        expect(answer.text).not.toContain(theirs);
    }
  },
);

test("a cursor of somebody else's shows nothing of theirs", async () => {
  const { anna, boris } = cast;
  const cursor = new TextEncoder().encode(anna.invoiceId).toBase64({ alphabet: "base64url" });
  const { text } = await house.askAs(boris, "GET", `/payments/api/v1/invoices?cursor=${cursor}`);
  expect(text).not.toContain(anna.invoiceId);
});

/** What both have, as they see it themselves. */
const standing = async ({ anna, boris }: Cast): Promise<readonly string[]> => {
  const seen = [anna, boris].flatMap((person) =>
    ["/subscriptions/api/v1/subscriptions", "/payments/api/v1/invoices", "/auth/api/v1/me"].map((path) =>
      house.askAs(person, "GET", path),
    ),
  );
  return (await Promise.all(seen)).map(({ text }) => text);
};

const bent = (token: string): string => {
  const at = token.indexOf(".") + 5;
  return `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
};
