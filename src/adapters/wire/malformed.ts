import type { z } from "zod";
import { isJsonObject } from "./json.ts";

/** What is wrong with a value from the outside, field by field; becomes the `errors` of a problem. */
export type Malformed = { readonly code: "malformed"; readonly errors: readonly FieldError[] };
/** `pointer`: RFC 6901, "" for the whole. `code` is stable: one of the core's (`malformed_id`) or of those below. */
export type FieldError = { readonly pointer: string; readonly code: string };

/** A body with a thousand wrong keys is answered for the first ones. */
const MOST_ERRORS = 20;

/** Puts zod's issues in our words. Needs `reportInput`, for only the input tells a missing field from a wrong one. */
export const malformed = (error: z.ZodError): Malformed => ({
  code: "malformed",
  errors: error.issues.flatMap(fieldErrors).slice(0, MOST_ERRORS),
});

export const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

const fieldErrors = (issue: z.core.$ZodIssue): readonly FieldError[] =>
  issue.code === "unrecognized_keys"
    ? issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), code: "unknown_field" }))
    : [{ pointer: pointerOf(issue.path), code: codeOf(issue) }];

const codeOf = (issue: z.core.$ZodIssue): string => {
  switch (issue.code) {
    case "custom":
      return String(issue.params?.["code"] ?? "malformed");
    case "invalid_type":
      return issue.input === undefined ? "missing" : "wrong_type";
    case "invalid_value":
      return issue.input === undefined ? "missing" : "unknown_value";
    case "invalid_union":
      return lacksTag(issue) ? "missing" : "unknown_value";
    case "invalid_format":
      return `malformed_${issue.format}`;
    case "too_big":
      return issue.origin === "number" || issue.origin === "int" ? "too_large" : "too_long";
    case "too_small":
      return issue.origin === "number" || issue.origin === "int" ? "too_small" : "too_short";
    default:
      return "malformed";
  }
};

/** Of a tagged union zod shows the whole object, not the tag. */
const lacksTag = ({ input, path }: z.core.$ZodIssue): boolean =>
  isJsonObject(input) && !Object.hasOwn(input, String(path.at(-1)));
