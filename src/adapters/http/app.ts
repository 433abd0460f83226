import { Elysia } from "elysia";

/** What the operations routes ask of the process. */
export type Health = {
  readonly ready: () => Promise<{ readonly ok: boolean; readonly parts: Readonly<Record<string, string>> }>;
};

/** The HTTP application: a web-standard `fetch(Request) => Response`. So far it serves the operations routes. */
export const httpApp = ({ ready }: Health) =>
  new Elysia({ handler: { standardHostname: false }, serve: { reusePort: false } })
    .onError({ as: "global" }, ({ code, set }) => {
      set.status = code === "NOT_FOUND" ? 404 : 500;
      return problem(set.status, code === "NOT_FOUND" ? "not_found" : "internal_error");
    })
    .get("/health/live", () => ({ status: "live" }))
    .get("/health/ready", async ({ status }) => {
      const { ok, parts } = await ready();
      return status(ok ? 200 : 503, { status: ok ? "ready" : "not_ready", parts });
    });

const problem = (status: number, code: string): Response =>
  new Response(JSON.stringify({ type: `/problems/${code}`, title: code.replaceAll("_", " "), status, code }), {
    status,
    headers: { "content-type": "application/problem+json" },
  });
