import { dirname, join, normalize } from "node:path";

/** Source texts by path from the repository's root. */
export type Sources = Readonly<Record<string, string>>;

/** Each third-party package enters through one place. zod is the language of formats: each adapter of one parses with it. */
const PACKAGE_OWNERS: Readonly<Record<string, readonly string[]>> = {
  "@electric-sql/pglite": ["src/adapters/postgres"],
  "@elysiajs/openapi": ["src/adapters/http"],
  bullmq: ["src/adapters/bullmq"],
  "cli-progress": ["src/entrypoints"],
  commander: ["src/entrypoints"],
  elysia: ["src/adapters/http"],
  ioredis: ["src/adapters/bullmq"],
  jose: ["src/adapters/crypto"],
  nats: ["src/adapters/nats"],
  pino: ["src/adapters/telemetry"],
  postgres: ["src/adapters/postgres"],
  "rate-limiter-flexible": ["src/adapters/limits"],
  "swagger-ui-dist": ["src/adapters/http"],
  zod: ["src/adapters/wire", "src/adapters/http", "src/adapters/cloudpayments", "src/entrypoints"],
};

/** What the core may not touch: each has a port instead. */
const OUTSIDE =
  /\b(fetch|Date|Math\.random|process|Bun|Buffer|crypto|performance|setTimeout|setInterval|console|Temporal\.Now|globalThis)\b/g;
/** No gateway's name stands in the core. */
const GATEWAYS = /cloudpayments|stripe|yookassa/i;

/** The house's rules of import (design, part 2), as complaints: "<file>: <what is wrong>". */
export const complaints = (sources: Sources): readonly string[] =>
  Object.entries(sources).flatMap(([path, text]) => [
    ...importsOf(text).flatMap((imported) => complainOf(path, imported).map((complaint) => `${path}: ${complaint}`)),
    ...(path.startsWith("src/core/") ? coreComplaints(path, text) : []),
  ]);

/**
 * Every module that a text names: static, type-only, re-exported, dynamic, and in a type. What stands on a line that begins
 * with a quote is a program's text, printed for somebody else.
 */
export const importsOf = (text: string): readonly string[] =>
  [...withoutQuotedLines(withoutComments(text)).matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)(["'`])([^"'`\n]+)\1/g)].map(
    (match) => match[2] ?? "",
  );

const withoutQuotedLines = (text: string): string => text.replace(/^\s*'.*$/gm, "");

const complainOf = (path: string, imported: string): readonly string[] => {
  if (!imported.startsWith(".")) return packageComplaints(path, imported);
  const target = normalize(join(dirname(path), imported));
  const [from, to] = [roomOf(path), roomOf(target)];
  if (path.startsWith("src/") && !target.startsWith("src/"))
    return [`imports ${target}, which is not part of the product`];
  if (from.kind === "core" && to.kind !== "core") return [`the core imports ${target}`];
  if (from.kind === "adapter") {
    if (to.kind === "entrypoint") return [`an adapter imports the entrypoint ${target}`];
    if (to.kind === "adapter" && to.name !== from.name && (to.name !== "wire" || from.name === "wire")) {
      return [`the adapter ${from.name} imports its sibling ${to.name}`];
    }
  }
  return [];
};

const packageComplaints = (path: string, imported: string): readonly string[] => {
  if (!path.startsWith("src/")) return [];
  if (path.startsWith("src/core/")) return [`the core imports the package ${imported}`];
  if (/^(node:|bun:|bun$)/.test(imported)) return [];
  const name = imported
    .split("/")
    .slice(0, imported.startsWith("@") ? 2 : 1)
    .join("/");
  const owners = PACKAGE_OWNERS[name];
  if (owners === undefined) return [`${name} has no owner yet: name it in PACKAGE_OWNERS`];
  return owners.some((owner) => path.startsWith(`${owner}/`)) ? [] : [`${name} belongs to ${owners.join(" and ")}`];
};

const coreComplaints = (path: string, text: string): readonly string[] => {
  const code = withoutComments(text);
  const touched = [...withoutStrings(code).matchAll(OUTSIDE)].map((match) => `${path}: the core touches ${match[0]}`);
  return GATEWAYS.test(code) ? [...touched, `${path}: the core names a gateway`] : touched;
};

type Room = { readonly kind: "core" | "adapter" | "entrypoint" | "other"; readonly name: string };
const roomOf = (path: string): Room => {
  const [top, kind, name = ""] = path.split("/");
  if (top !== "src") return { kind: "other", name: "" };
  if (kind === "core") return { kind: "core", name: "" };
  if (kind === "entrypoints") return { kind: "entrypoint", name: "" };
  return kind === "adapters" ? { kind: "adapter", name } : { kind: "other", name: "" };
};

const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
const withoutStrings = (text: string): string => text.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""');
