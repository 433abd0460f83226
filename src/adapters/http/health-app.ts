import { Elysia } from "elysia";
import type { HttpApp } from "./app.ts";
import { healthRoutes } from "./health.ts";
import type { HttpPorts } from "./ports.ts";

/** What a process answers that serves nobody: whether it lives, and whether it does its work. */
export const healthApp = (ports: Pick<HttpPorts, "ready">): HttpApp => {
  const routes = new Elysia({ handler: { standardHostname: false } })
    .onError({ as: "global" }, ({ code }) => new Response(null, { status: code === "NOT_FOUND" ? 404 : 500 }))
    .use(healthRoutes(ports));
  return { fetch: async (request) => routes.fetch(request) };
};
