import fc from "fast-check";
import { FIRST_PLANS } from "../../../src/entrypoints/plans.ts";
import { type Before, payForm } from "./cast.ts";
import type { Operation, Parameter } from "./document.ts";
import {
  BODY_TRAPS,
  CONTENT_TYPES,
  KEY_TRAPS,
  KEYS,
  ODD_HEADERS,
  PATH_TRAPS,
  QUERY_TRAPS,
  TOKENS,
  VALUE_TRAPS,
} from "./traps.ts";
import type { Weather } from "./weather.ts";

/** Who asks. A newcomer has signed up for this request alone. */
export type Asker = "anna" | "boris" | "newcomer" | "nobody" | "dead" | { readonly authorization: string };
/** Names in it ("@anna.invoiceId") become what they stand for when the request is made. */
export type Drawn = {
  readonly operation: string;
  readonly weather: Weather;
  readonly before: Before;
  readonly asker: Asker;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string | null;
  readonly body: DrawnBody;
};
export type DrawnBody =
  | { readonly kind: "none" }
  /** Members as JSON texts, so that a key may stand in it twice. */
  | { readonly kind: "object"; readonly members: readonly (readonly [key: string, value: string])[] }
  | { readonly kind: "raw"; readonly raw: string | Uint8Array<ArrayBuffer> }
  /** A form that the gateway has signed. */
  | { readonly kind: "signed"; readonly form: string };

type Node = Readonly<Record<string, unknown>>;
const once = <T>(value: T): fc.Arbitrary<T> => fc.constant(value);
const many = <T>(...weighted: readonly (readonly [weight: number, arbitrary: fc.Arbitrary<T>])[]): fc.Arbitrary<T> =>
  fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })));

/**
 * Requests to one operation: most are right or nearly so, for what is refused at the door teaches nothing of the rooms. In bad
 * weather all are right, so that the weather decides.
 */
export const requestsTo = (operation: Operation): fc.Arbitrary<Drawn> => {
  const storms = stormsOf(operation);
  const right = rightParts(operation);
  const fine = drawn(operation, once<Weather>("fine"), anyParts(operation, right));
  return storms.length === 0
    ? fine
    : many([12, fine], [storms.length, drawn(operation, fc.constantFrom(...storms), right)]);
};

type Parts = {
  readonly asker: fc.Arbitrary<Asker>;
  readonly before: fc.Arbitrary<Before>;
  readonly method: fc.Arbitrary<string>;
  /** By name in the path. */
  readonly places: fc.Arbitrary<Readonly<Record<string, string>>>;
  readonly query: fc.Arbitrary<string>;
  readonly headers: fc.Arbitrary<Readonly<Record<string, string>>>;
  readonly contentType: fc.Arbitrary<string | null>;
  readonly body: fc.Arbitrary<DrawnBody>;
};

const drawn = ({ id, path }: Operation, weather: fc.Arbitrary<Weather>, parts: Parts): fc.Arbitrary<Drawn> =>
  fc.record({ weather, ...parts }).map(({ places, query, ...rest }) => ({
    operation: id,
    ...rest,
    path: `${path.replace(/\{([^}]+)\}/g, (_, name: string) => places[name] ?? "")}${query}`,
  }));

const stormsOf = ({ responses }: Operation): readonly Weather[] => {
  const storms = [
    [202, "slow"],
    [429, "crowded"],
    [503, "down"],
    [500, "broken"],
  ] as const;
  return storms.flatMap(([status, weather]) => (responses.has(status) ? [weather] : []));
};

const rightParts = (operation: Operation): Parts => {
  const { id, method, isMembers } = operation;
  const members = id === "subscribe" ? once<Asker>("newcomer") : fc.constantFrom<Asker>("anna", "boris");
  return {
    asker: isMembers ? members : once<Asker>("nobody"),
    before: once<Before>("nothing"),
    method: once(method),
    places: placesOf(operation, (parameter) => fc.constantFrom(...rightWords(operation, parameter))),
    query: once(""),
    headers: once({}),
    contentType: once<string | null>("application/json"),
    body: rightBody(operation),
  };
};

const rightBody = ({ id, body }: Operation): fc.Arbitrary<DrawnBody> => {
  if (id.startsWith("takeCallback")) return signedForm;
  return body === null ? once<DrawnBody>({ kind: "none" }) : membersOf(body).map(asObject);
};

const anyParts = (operation: Operation, right: Parts): Parts => ({
  asker: askerOf(operation),
  before: many<Before>([6, once("nothing")], ...beforeOf(operation)),
  method: many(
    [30, right.method],
    [1, fc.constantFrom("PUT", "PATCH", "DELETE", "POST", "GET", "HEAD", "OPTIONS", "PROPFIND")],
  ),
  places: placesOf(operation, (parameter) => placeOf(operation, parameter)),
  query: queryOf(operation),
  headers: headersOf(operation),
  contentType: many([9, right.contentType], [1, fc.constantFrom(...CONTENT_TYPES)]),
  body: bodyOf(operation),
});

const placesOf = ({ parameters }: Operation, place: (parameter: Parameter) => fc.Arbitrary<string>): Parts["places"] =>
  fc.record(Object.fromEntries(parameters.filter((one) => one.in === "path").map((one) => [one.name, place(one)])));

const beforeOf = ({ id, method, isMembers }: Operation): readonly (readonly [number, fc.Arbitrary<Before>])[] => {
  if (!isMembers || method === "GET" || id === "logOut") return [];
  return [[2, fc.constantFrom<Before>("stop", "undo-stop")]];
};

const askerOf = ({ isMembers, id }: Operation): fc.Arbitrary<Asker> =>
  many<Asker>(
    [isMembers ? 8 : 1, fc.constantFrom<Asker>("anna", "boris")],
    [isMembers ? 1 : 8, once<Asker>("nobody")],
    [1, once<Asker>("dead")],
    [1, fc.constantFrom(...TOKENS).map((authorization) => ({ authorization }))],
    ...(id === "subscribe" ? [[3, once<Asker>("newcomer")] as const] : []),
  );

const IDS: Readonly<Record<string, readonly string[]>> = {
  sub: ["@anna.subscriptionId", "@boris.subscriptionId"],
  inv: ["@anna.invoiceId", "@boris.invoiceId"],
  cmd: ["@anna.doneId", "@anna.runningId", "@boris.doneId", "@boris.runningId"],
};
const prefixOf = ({ schema }: Parameter): string =>
  /^([a-z]+)_/.exec(String((schema["examples"] as unknown[])?.[0]))?.[1] ?? "";

const rightWords = (operation: Operation, parameter: Parameter): readonly string[] =>
  IDS[prefixOf(parameter)] ?? WORDS[`${operation.id}.${parameter.name}`] ?? examplesOf(parameter.schema);

const placeOf = (operation: Operation, parameter: Parameter): fc.Arbitrary<string> => {
  const prefix = prefixOf(parameter);
  const right = fc.constantFrom(...rightWords(operation, parameter));
  const trap = fc.constantFrom(...PATH_TRAPS);
  if (IDS[prefix] === undefined) return many([8, right], [1, trap]);
  return many([8, right], [1, wellFormedId(prefix)], [1, fc.constantFrom(...Object.values(IDS).flat())], [1, trap]);
};
const wellFormedId = (prefix: string): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(..."0123456789abcdefghjkmnpqrstvwxyz"), { minLength: 25, maxLength: 25 })
    .map((letters) => `${prefix}_0${letters.join("")}`);

/** Right words that no schema tells. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  "getPlan.code": FIRST_PLANS.map(({ plan }) => plan),
  "docsAsset.file": ["swagger-ui.css", "favicon-32x32.png", "swagger-ui.js.map"],
  "explainProblem.code": ["invoice_paid", "internal_error", "no_such_problem"],
  "takeCallback.kind": ["check", "pay", "fail", "confirm", "refund", "cancel", "recurrent", "receipt", "chargeback"],
  "takeCallbackByGet.kind": ["check", "pay", "fail"],
  plan: [...FIRST_PLANS.map(({ plan }) => plan), "no-such-plan"],
  zone: ["Europe/Moscow", "UTC", "Asia/Kathmandu"],
  consentVersion: ["v1", "v0"],
  email: ["@newEmail", "@anna.email"],
  password: ["@newPassword", "@anna.password", "tiny-one"],
  refreshToken: ["@anna.refresh", "@boris.refresh", "nobodys"],
};
const examplesOf = (schema: Node): readonly string[] =>
  ((schema["examples"] ?? ["x"]) as readonly unknown[]).map(String);

const queryOf = ({ parameters }: Operation): fc.Arbitrary<string> => {
  const names = parameters.filter((one) => one.in === "query").map(({ name }) => name);
  const pair = fc
    .tuple(
      many(
        [6, names.length === 0 ? once("x") : fc.constantFrom(...names)],
        [1, fc.constantFrom("accountId", "__proto__", "limit[]", "%00")],
      ),
      many([2, fc.constantFrom("1", "2", "100", "@cursor", "@foreignCursor")], [1, fc.constantFrom(...QUERY_TRAPS)]),
    )
    .map((parts) => parts.join("="));
  const query = fc.array(pair, { minLength: 1, maxLength: 3 }).map((pairs) => `?${pairs.join("&")}`);
  return many([names.length === 0 ? 8 : 2, once("")], [names.length === 0 ? 1 : 4, query]);
};

const headersOf = ({ parameters }: Operation): fc.Arbitrary<Readonly<Record<string, string>>> => {
  const takesKey = parameters.some(({ name }) => name === "idempotency-key");
  const key = many(
    [3, once<Readonly<Record<string, string>>>({})],
    [3, fc.uuid().map((uuid) => ({ "idempotency-key": uuid }))],
    [2, fc.constantFrom("one", ...KEYS).map((word) => ({ "idempotency-key": word }))],
    [1, once({ "idempotency-key": "one" })],
  );
  const odd = many(
    [9, once<Readonly<Record<string, string>>>({})],
    [2, fc.constantFrom(...ODD_HEADERS)],
    [1, once({ "content-length": "70000" })],
  );
  return fc.tuple(takesKey ? key : once({}), odd).map(([own, other]) => ({ ...other, ...own }));
};

const bodyOf = (operation: Operation): fc.Arbitrary<DrawnBody> => {
  const raw = many<string | Uint8Array<ArrayBuffer>>(
    [2, fc.constantFrom(...BODY_TRAPS)],
    [1, fc.string({ unit: "binary" })],
    [1, fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes))],
  ).map((text): DrawnBody => ({ kind: "raw", raw: text }));
  if (operation.id === "takeCallback") return many([3, signedForm], [2, raw]);
  if (operation.id === "takeCallbackByGet") return many([3, signedForm], [2, once<DrawnBody>({ kind: "none" })]);
  if (operation.body === null) return many([9, once<DrawnBody>({ kind: "none" })], [1, raw]);
  const right = membersOf(operation.body);
  return many(
    [5, right.map(asObject)],
    [4, right.chain(bent).map(asObject)],
    [2, raw],
    [1, once<DrawnBody>({ kind: "raw", raw: "x".repeat(70_000) })],
  );
};

const signedForm: fc.Arbitrary<DrawnBody> = fc
  .record({
    TransactionId: fc.integer({ min: 1, max: 500 }).map(String),
    InvoiceId: fc.constantFrom("att_01h455vb4pex5vsknk084sn02q", "foreign-1", ""),
    Amount: fc.constantFrom("299.00", "299", "1e2", "-1", "299,00", "0", "99999999999999999999"),
    AccountId: fc.constantFrom("user_x", "acc_00000000000000000000000000", "\u0000", "\ud800"),
    ReasonCode: fc.constantFrom("5051", "0", "x"),
    PaymentTransactionId: fc.constantFrom("1", ""),
    Id: once("sc_1"),
  })
  .map((fields): DrawnBody => ({ kind: "signed", form: payForm(fields) }));

const asObject = (members: Members): DrawnBody => ({ kind: "object", members });

type Members = readonly (readonly [key: string, value: string])[];

/** What the schema asks for; what may be left out sometimes is. */
const membersOf = (schema: Node): fc.Arbitrary<Members> => {
  const properties = Object.entries(schema["properties"] as Readonly<Record<string, Node>>);
  const required = new Set((schema["required"] ?? []) as readonly string[]);
  return fc
    .tuple(
      ...properties.map(([name, one]) =>
        fc.tuple(once(name), wordOf(name, one), required.has(name) ? once(true) : fc.boolean()),
      ),
    )
    .map((members) => members.flatMap(([name, value, isThere]) => (isThere ? [[name, value] as const] : [])));
};

const wordOf = (name: string, schema: Node): fc.Arbitrary<string> => {
  const words = WORDS[name];
  if (words !== undefined) return fc.constantFrom(...words.map((word) => JSON.stringify(word)));
  if (schema["type"] === "boolean") return fc.constantFrom("true", "false");
  const choice = schema["enum"] as readonly string[] | undefined;
  if (choice !== undefined) return fc.constantFrom(...choice.map((word) => JSON.stringify(word)));
  return fc.string({ maxLength: Number(schema["maxLength"] ?? 20) }).map((text) => JSON.stringify(text));
};

/** One thing is wrong with it. */
const bent = (members: Members): fc.Arbitrary<Members> => {
  const at = fc.nat({ max: Math.max(0, members.length - 1) });
  const changed = (i: number, value: string): Members => members.map((one, k) => (k === i ? [one[0], value] : one));
  return many<Members>(
    [4, fc.tuple(at, fc.constantFrom(...VALUE_TRAPS)).map(([i, value]) => changed(i, value))],
    [
      1,
      fc
        .tuple(at, fc.constantFrom(1, 63, 64, 65, 255, 256, 320, 321, 1000, 1001, 4096, 4097, 60_000))
        .map(([i, length]) => changed(i, JSON.stringify("x".repeat(length)))),
    ],
    [1, at.map((i) => members.filter((_, k) => k !== i))],
    [2, fc.tuple(fc.constantFrom(...KEY_TRAPS), fc.constantFrom(...VALUE_TRAPS)).map((extra) => [...members, extra])],
    [
      1,
      fc.tuple(at, fc.constantFrom(...VALUE_TRAPS)).map(([i, value]) => [...members, [members[i]?.[0] ?? "x", value]]),
    ],
    [1, fc.tuple(at, fc.string({ unit: "binary" })).map(([i, text]) => changed(i, JSON.stringify(text)))],
  );
};
