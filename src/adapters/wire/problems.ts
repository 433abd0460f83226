import { z } from "zod";

/** RFC 9457, `application/problem+json`. `code` is for programs, `title` and `detail` are for people. */
export const problem = z
  .object({
    type: z.string().meta({ format: "uri-reference", description: "Stable; names the kind of problem" }),
    title: z.string().meta({ description: "In the language asked for" }),
    status: z.int().min(400).max(599),
    detail: z.string().exactOptional(),
    instance: z.string().exactOptional(),
    code: z.string().meta({ description: "Stable; the refusal's own name" }),
    facts: z
      .record(z.string(), z.string())
      .exactOptional()
      .meta({ description: "What the refusal is about: ids, sums, instants" }),
    errors: z
      .array(
        z.object({
          pointer: z.string().meta({
            format: "json-pointer",
            description: "Where in the body (RFC 6901), or the parameter of the query behind a slash",
          }),
          code: z.string(),
        }),
      )
      .exactOptional(),
    requestId: z.string(),
  })
  .meta({
    id: "Problem",
    examples: [
      {
        type: "/problems/invoice_paid",
        title: "The invoice has been paid already",
        status: 409,
        code: "invoice_paid",
        requestId: "0198c0de-7000-7000-8000-000000000000",
      },
    ],
  });
export type Problem = Readonly<z.output<typeof problem>>;
