import { toOpenAPISchema } from "@elysiajs/openapi";
import type { AnyElysia } from "elysia";
import { z } from "zod";
import { RATE_POLICIES } from "../../core/ports/rate-limits.ts";
import { problem } from "../wire/problems.ts";

/** A part of the document: plain JSON, seen through whatever its place in OpenAPI says. */
type Node = { [name: string]: unknown };
export type OpenApi = {
  readonly openapi: "3.1.0";
  readonly info: Node;
  readonly servers: readonly Node[];
  readonly tags: readonly Node[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Node>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Node>>; readonly securitySchemes: Node };
};

/** The document of all that an application serves, made of the very schemas that its routes validate with. */
export const openApiOf = (app: AnyElysia): OpenApi => {
  const made = toOpenAPISchema(app, { staticFile: false }) as unknown as {
    paths: Record<string, Record<string, Node>>;
  };
  const schemas: Record<string, Node> = {};
  const paths = hoistDefs(made.paths, schemas) as Record<string, Record<string, Node>>;
  restored(paths, schemas, app);
  hoistDefs(problem["~standard"].jsonSchema.output({ target: "draft-2020-12" }), schemas);
  return {
    openapi: "3.1.0",
    info: INFO,
    servers: [{ url: "/" }],
    tags: TAGS,
    paths: mapValues(paths, (operations) => mapValues(operations, finished)),
    components: { schemas, securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } } },
  };
};

/** The paths below a prefix, with the schemas that these need. */
export const partOf = (document: OpenApi, prefix: string): OpenApi => {
  const paths = Object.fromEntries(Object.entries(document.paths).filter(([path]) => path.startsWith(prefix)));
  const needed = new Set<string>();
  const follow = (part: unknown): void => {
    for (const [, name = ""] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (needed.has(name)) continue;
      needed.add(name);
      follow(document.components.schemas[name]);
    }
  };
  follow(paths);
  const schemas = Object.fromEntries(Object.entries(document.components.schemas).filter(([name]) => needed.has(name)));
  const tagged = new Set(Object.values(paths).flatMap((operations) => Object.values(operations).flatMap(tagsOf)));
  return {
    ...document,
    tags: document.tags.filter(({ name }) => tagged.has(name)),
    paths,
    components: { ...document.components, schemas },
  };
};
const tagsOf = ({ tags }: Node): readonly unknown[] => (Array.isArray(tags) ? tags : []);

/**
 * zod names a shared schema where it meets it, as `#/$defs/Money`, which nothing can resolve in a document of many schemas:
 * each goes to the components under its name.
 */
const hoistDefs = (part: unknown, schemas: Record<string, Node>): unknown => {
  if (Array.isArray(part)) return part.map((each) => hoistDefs(each, schemas));
  if (typeof part !== "object" || part === null) return part;
  const { $defs, $schema, id, ...rest } = part as Node;
  const isNamed = typeof id === "string";
  const hoisted: Node = isNamed || id === undefined ? {} : { id: hoistDefs(id, schemas) };
  for (const [name, value] of Object.entries(rest)) {
    if (isBoundOfAll(name, value)) continue;
    if (name === "examples" || name === "example") hoisted[name] = value;
    else if (name === "$ref") hoisted[name] = String(value).replace("#/$defs/", "#/components/schemas/");
    else hoisted[name] = hoistDefs(value, schemas);
  }
  for (const [name, value] of Object.entries(($defs ?? {}) as Node))
    hoistDefs({ id: name, ...(value as Node) }, schemas);
  // The printer folds "one of these words, or null" into one schema and forgets null among the words.
  if (isNullable(hoisted) && Array.isArray(hoisted["enum"])) hoisted["enum"] = [...hoisted["enum"], null];
  if (!isNamed) return hoisted;
  schemas[id] = hoisted;
  return { $ref: `#/components/schemas/${id}` };
};

const isNullable = ({ type }: Node): boolean => Array.isArray(type) && type.includes("null");

/** Whole numbers are safe ones anyway: said of each, it only hides the bounds that mean something. */
const isBoundOfAll = (name: string, value: unknown): boolean =>
  (name === "minimum" || name === "maximum") && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER;

/** What is the same for all routes is said here once: media types, what anybody may be told, sensible descriptions. */
const finished = (operation: Node): Node => {
  const isLimited = !tagsOf(operation).some((tag) => UNLIMITED.has(String(tag)));
  const given = { ...(operation["responses"] as Record<string, Node>), ...(isLimited ? { 429: {}, 500: {} } : {}) };
  return { ...operation, responses: mapValues(given, finishedResponse) };
};

const finishedResponse = (response: Node, status: string): Node => {
  const own = String(response["description"] ?? "Response for status");
  const description = own.startsWith("Response for status") ? (DESCRIPTIONS[status] ?? own) : own;
  if (status === "204") return { description };
  const isProblem = response["content"] === undefined || isEqual(response["content"], AS_JSON);
  const told = Number(status) >= 400 && isProblem ? { content: AS_PROBLEM } : response;
  const headers = HEADERS[status];
  return { ...told, description, ...(headers === undefined ? {} : { headers }) };
};
const PROBLEM = { schema: { $ref: "#/components/schemas/Problem" } };
const AS_JSON = { "application/json": PROBLEM };
const AS_PROBLEM = { "application/problem+json": PROBLEM };
const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * What zod leaves out when it prints the outside of a schema that also reads: its examples, and that it may be absent. And what
 * the printer leaves out where an answer has a schema: other media types that the route says it may have.
 */
const restored = (paths: Record<string, Record<string, Node>>, schemas: Record<string, Node>, app: AnyElysia): void => {
  for (const { method, path, hooks } of app.routes) {
    const operation = paths[path.replace(/:([^/]+)/g, "{$1}")]?.[method.toLowerCase()] ?? {};
    const { body, params, detail } = hooks as {
      readonly body?: unknown;
      readonly params?: unknown;
      readonly detail?: { readonly responses?: Readonly<Record<string, Node>> };
    };
    for (const [status, { content = {} }] of Object.entries(detail?.responses ?? {}))
      Object.assign(Object(Object(operation["responses"])[status]).content ?? {}, content);
    if (body instanceof z.ZodType) {
      const { id = "", examples } = body.meta() ?? {};
      Object.assign(schemas[id] ?? {}, { examples });
      Object.assign(operation["requestBody"] ?? {}, { required: !body.safeParse({}).success });
    }
    if (!(params instanceof z.ZodObject)) continue;
    for (const parameter of operation["parameters"] as readonly { readonly name: string; readonly schema: Node }[]) {
      const shape: unknown = params.shape[parameter.name];
      if (shape instanceof z.ZodType) Object.assign(parameter.schema, { examples: shape.meta()?.["examples"] });
    }
  }
};

const mapValues = <From, To>(
  values: Readonly<Record<string, From>>,
  to: (value: From, name: string) => To,
): Record<string, To> => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, to(value, name)]));

const UNLIMITED: ReadonlySet<string> = new Set(["Callbacks", "Operations", "Pages"]);
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  200: "Done",
  201: "Made",
  202: "Accepted and durable; what comes of it is to be asked for",
  204: "Done; there is nothing to say",
  400: "The request cannot be read",
  401: "Log in first, or again",
  404: "There is no such thing, or it is somebody else's",
  409: "The world is not as the request needs it; it may be later",
  413: "The body is larger than 64 KiB",
  415: "The body is not JSON",
  422: "The request itself can never do; `errors` says where",
  429: "Too many requests; `Retry-After` says when",
  500: "Our fault",
  503: "We could not tell; ask again with the same `Idempotency-Key` after `Retry-After`",
};
const HEADERS: Readonly<Record<string, Node>> = {
  202: { Location: { description: "Where to ask", schema: { type: "string" } } },
  429: { "Retry-After": { description: "Seconds to wait", schema: { type: "integer" } } },
};
const TAGS = [
  { name: "Auth", description: "Accounts and sessions" },
  { name: "Plans", description: "What can be subscribed to" },
  { name: "Subscriptions", description: "One's own subscriptions, and whether one may watch" },
  { name: "Payments", description: "One's own invoices, and paying them" },
  { name: "Callbacks", description: "For payment gateways" },
  { name: "Operations", description: "For whoever runs it" },
  { name: "Pages", description: "For people" },
] as const;
const { limit, windowMs } = RATE_POLICIES.user_api;
const INFO = {
  title: "Matinee",
  version: "1",
  license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  description: [
    "Subscription billing for online cinemas.",
    "",
    "- **Who asks**: `Authorization: Bearer <accessToken>`, from sign-up or log-in.",
    '- **Money** is `{"amount": "299.00", "currency": "RUB"}`: a decimal text, never a number. Instants are RFC 3339 in UTC.',
    "- **Errors** are `application/problem+json` (RFC 9457). `code` is stable and for programs, `title` is for people and comes in Russian or English by `Accept-Language`. `type` leads to a page.",
    "- **Repeat safely**: send an `Idempotency-Key` of your own with a write; asked again with it, the same is answered and nothing is done twice. A 202 says where to ask what came of it.",
    "- **Lists** are paged: pass `nextCursor` as `cursor`. A cursor is opaque.",
    `- **Limits**: ${limit} requests in ${windowMs / 1000} seconds for an account; \`RateLimit\` and \`RateLimit-Policy\` tell what is left (IETF draft), 429 comes with \`Retry-After\`.`,
    "- **Trace**: `X-Request-Id` of yours, or one of ours, is in every answer and in our logs.",
  ].join("\n"),
};
