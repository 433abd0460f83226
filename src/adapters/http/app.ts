import { Elysia } from "elysia";
import { type ProblemCode, problemOf, problemResponse } from "./problems.ts";
import { languageOf, requestIdOf } from "./request.ts";

/** What the operations routes ask of the process. */
export type Health = {
  readonly ready: () => Promise<{ readonly ok: boolean; readonly parts: Readonly<Record<string, string>> }>;
};

/** The HTTP application: a web-standard `fetch(Request) => Response`. So far it serves the operations routes. */
export const httpApp = ({ ready }: Health) =>
  new Elysia({ handler: { standardHostname: false }, serve: { reusePort: false } })
    .onError({ as: "global" }, ({ code, set, request }) => {
      const problem: ProblemCode = code === "NOT_FOUND" ? "no_such_route" : "internal_error";
      const document = problemOf(problem, languageOf(request), requestIdOf(request));
      set.status = document.status; // What is measured and logged reads it here.
      return problemResponse(document);
    })
    .get("/health/live", () => ({ status: "live" }))
    .get("/health/ready", async ({ status }) => {
      const { ok, parts } = await ready();
      return status(ok ? 200 : 503, { status: ok ? "ready" : "not_ready", parts });
    });
