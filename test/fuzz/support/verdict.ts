import { problem } from "../../../src/adapters/wire/problems.ts";
import { type Operation, operationAt } from "./document.ts";
import type { Answer, Ask } from "./house.ts";
import { INSIDE } from "./weather.ts";

/** Nobody waits longer than this. Source: failures, part 4. */
const MOST_MS = 2000;

/** What an answer for programs never holds: where our code lies, what it is written with, what it asked the database. */
const INSIDE_WORDS: readonly RegExp[] = [
  /\n\s*at |\bat [\w.<>]+ \(|at async /,
  /node_modules|\/src\/|\.[cm]?[jt]s:\d+/,
  /\b(select|insert|update|delete)\b.{1,80}\b(from|into|set|where)\b/i,
  /relation "|duplicate key|syntax error|violates|sqlstate|pglite|postgres/i,
  /zod|elysia|TypeError|RangeError|SyntaxError/i,
  /\[object |\bNaN\b|\bundefined\b/,
];

/**
 * What is wrong with an answer, by what the document says of it; nothing when it is right.
 * @param secrets what the request has told and the answer must not repeat
 */
export const complaintsOf = (
  operations: readonly Operation[],
  asked: Ask,
  answer: Answer,
  secrets: readonly string[] = [],
): readonly string[] => {
  const { status, text, ms } = answer;
  const complaints: string[] = [];
  if (ms > MOST_MS) complaints.push(`took ${Math.round(ms)} ms`);
  if (text.includes(INSIDE) || text.includes("hunter2")) complaints.push("tells what broke inside");
  if (secrets.some((secret) => secret.length >= 6 && text.includes(secret))) complaints.push("repeats a secret");
  if (asked.method === "OPTIONS") return [...complaints, ...(status === 204 || status === 404 ? [] : [`${status}`])];

  const operation = operationAt(operations, asked.method, new URL(`http://localhost${asked.path}`).pathname);
  const type = (answer.headers.get("content-type") ?? "").split(";")[0] ?? "";
  // Letters that fell at random may spell anything.
  const words = text.replace(/"(\w+Token|nextCursor)":"[^"]*"/g, "");
  if (type.includes("json") && (status >= 400 || (operation !== "path" && operation !== "method" && isApi(operation))))
    complaints.push(...INSIDE_WORDS.filter((word) => word.test(words)).map((word) => `holds ${word}`));
  if (status >= 400) complaints.push(...problemComplaints(asked, answer, operation));
  if (operation === "path") return status === 404 ? complaints : [...complaints, `${status} where nothing is served`];
  if (operation === "method") return status === 405 ? complaints : [...complaints, `${status} to a method not served`];
  return [...complaints, ...documentComplaints(operation, asked.method, answer, type)];
};

const isApi = ({ tag }: Operation): boolean => tag !== "Pages";

const documentComplaints = (operation: Operation, method: string, answer: Answer, type: string): readonly string[] => {
  const { status, text, headers } = answer;
  const told = operation.responses.get(status);
  if (told === undefined) return [`status ${status} is not documented`];
  if (status === 202 && headers.get("location") === null && method === "POST") return ["202 without Location"];
  if (method === "HEAD" || told.size === 0) return text === "" ? [] : ["a body where there shall be none"];
  const schema = told.get(type);
  if (schema === undefined) return [`${status} as ${type || "nothing"}, not as documented`];
  if (!type.includes("json")) return [];
  const judged = schema.safeParse(jsonOf(text));
  return judged.success ? [] : [`body does not fit its schema: ${JSON.stringify(judged.error.issues)}`];
};

const problemComplaints = (asked: Ask, { status, headers, text }: Answer, operation: Operation | string) => {
  // What answers for health says in its own words that it is not well.
  if (typeof operation !== "string" && operation.id === "ready" && status === 503) return [];
  const complaints: string[] = [];
  if (headers.get("content-type") !== "application/problem+json") complaints.push(`${status} is no problem document`);
  if ((status === 429 || status === 503) && !/^\d+$/.test(headers.get("retry-after") ?? ""))
    complaints.push(`${status} without Retry-After`);
  if (status === 401 && headers.get("www-authenticate") === null) complaints.push("401 without WWW-Authenticate");
  if (status === 405 && headers.get("allow") === null) complaints.push("405 without Allow");
  if (asked.method === "HEAD") return complaints;
  const read = problem.safeParse(jsonOf(text));
  if (!read.success) return [...complaints, `${status} does not read as a problem`];
  if (read.data.status !== status) complaints.push(`the problem says ${read.data.status}`);
  if (read.data.requestId !== headers.get("x-request-id")) complaints.push("the problem is of another request");
  if (read.data.type !== `/problems/${read.data.code}`) complaints.push("type and code differ");
  return complaints;
};

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
