import { Elysia } from "elysia";
import { z } from "zod";
import type { HttpPorts } from "./ports.ts";

const liveView = z.object({ status: z.literal("live") }).meta({ id: "Live", examples: [{ status: "live" }] });
const readyView = z
  .object({ status: z.enum(["ready", "not_ready"]), parts: z.record(z.string(), z.string()) })
  .meta({ id: "Ready", examples: [{ status: "ready", parts: { storage: "ready" } }] });
const described = (operationId: string, summary: string) => ({ operationId, summary, tags: ["Operations"] });

export const healthRoutes = ({ ready }: Pick<HttpPorts, "ready">) =>
  new Elysia({ prefix: "/health" })
    .get("/live", ({ status }) => status(200, { status: "live" }), {
      response: { 200: liveView },
      detail: described("live", "Whether the process runs"),
    })
    .get(
      "/ready",
      async ({ status }) => {
        const { ok, parts } = await ready();
        return ok
          ? status(200, { status: "ready", parts: { ...parts } })
          : status(503, { status: "not_ready", parts: { ...parts } });
      },
      { response: { 200: readyView, 503: readyView }, detail: described("ready", "Whether it can do its work") },
    );
