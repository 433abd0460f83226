import { z } from "zod";
import type { OpenApi } from "../../../src/adapters/http/openapi.ts";
import type { FuzzHouse } from "./house.ts";

type Node = Readonly<Record<string, unknown>>;
export type Parameter = {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly schema: Node;
};
/** What the document says of one operation, and nothing else. */
export type Operation = {
  readonly id: string;
  readonly method: string;
  /** With names in braces. */
  readonly path: string;
  readonly isMembers: boolean;
  readonly tag: string;
  readonly parameters: readonly Parameter[];
  /** Schema of a JSON body, with its references followed; null: it takes none. */
  readonly body: Node | null;
  /** By status: what the body may be, by media type. */
  readonly responses: ReadonlyMap<number, ReadonlyMap<string, z.ZodType>>;
};

const parameters = z.array(
  z.object({ name: z.string(), in: z.enum(["path", "query", "header"]), schema: z.record(z.string(), z.unknown()) }),
);
const content = z.record(z.string(), z.object({ schema: z.record(z.string(), z.unknown()) })).default({});
const operation = z.object({
  operationId: z.string(),
  tags: z.tuple([z.string()]),
  security: z.array(z.unknown()).default([]),
  parameters: parameters.default([]),
  requestBody: z.object({ content }).optional(),
  responses: z.record(z.string(), z.object({ content })),
});

/** Our own document, as the application serves it. */
export const readDocument = async (house: Pick<FuzzHouse, "ask">): Promise<readonly Operation[]> => {
  const document = JSON.parse((await house.ask({ method: "GET", path: "/docs/json" })).text) as OpenApi;
  const schemaOf = judges(document);
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, told]): Operation => {
      const read = operation.parse(told);
      const body = read.requestBody?.content["application/json"]?.schema;
      return {
        id: read.operationId,
        method: method.toUpperCase(),
        path,
        isMembers: read.security.length > 0,
        tag: read.tags[0],
        parameters: read.parameters,
        body: body === undefined ? null : resolved(document, body),
        responses: new Map(
          Object.entries(read.responses).map(([status, { content: told }]) => [
            Number(status),
            new Map(Object.entries(told).map(([type, { schema }]) => [type, schemaOf(schema)])),
          ]),
        ),
      };
    }),
  );
};

/** A schema of the document, ready to judge values by. Equal ones are made once. */
const judges = (document: OpenApi): ((schema: Node) => z.ZodType) => {
  const made = new Map<string, z.ZodType>();
  return (schema) => {
    const standing = JSON.stringify({ ...schema, $defs: document.components.schemas });
    // zod takes "uri-reference" for a whole URL.
    const text = standing.replaceAll("#/components/schemas/", "#/$defs/").replaceAll('"format":"uri-reference",', "");
    const known = made.get(text) ?? z.fromJSONSchema(JSON.parse(text));
    made.set(text, known);
    return known;
  };
};

const resolved = (document: OpenApi, schema: Node): Node => {
  const [, name] = /^#\/components\/schemas\/(\w+)$/.exec(String(schema["$ref"] ?? "")) ?? [];
  return name === undefined ? schema : (document.components.schemas[name] ?? {});
};

/** Which operation of the document is asked; "path": none has it, "method": not by this method. */
export const operationAt = (
  operations: readonly Operation[],
  method: string,
  pathname: string,
): Operation | "path" | "method" => {
  const asked = pathname.length > 1 && pathname.endsWith("/") ? pathname.slice(0, -1) : pathname;
  const here = operations.filter(({ path }) => shapeOf(path).test(asked));
  // A path that is written out stands before one with names.
  const fixed = here.filter(({ path }) => path === asked);
  const candidates = fixed.length > 0 ? fixed : here;
  if (candidates.length === 0) return "path";
  return candidates.find((one) => one.method === (method === "HEAD" ? "GET" : method)) ?? "method";
};

const shapes = new Map<string, RegExp>();
const shapeOf = (path: string): RegExp => {
  const known = shapes.get(path) ?? new RegExp(`^${path.replace(/\{[^}]+\}/g, "[^/]+")}$`);
  shapes.set(path, known);
  return known;
};
