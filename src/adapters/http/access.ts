import { Elysia } from "elysia";
import { z } from "zod";
import type { RowOf } from "../../core/billing/read-model.ts";
import { formatInstant } from "../../core/time.ts";
import { memberOf } from "./guards.ts";
import type { HttpPorts } from "./ports.ts";
import { refusedByFault } from "./problems.ts";
import { type Visit, visitOf } from "./request.ts";
import { entitlementOf, entitlementView, instantView, problems } from "./schemas.ts";

const accessView = z
  .object({
    allowed: z.boolean(),
    tier: entitlementView.tier.nullable(),
    quality: entitlementView.quality.nullable(),
    streams: entitlementView.streams.nullable(),
    until: instantView.nullable(),
  })
  .meta({
    id: "Access",
    examples: [
      { allowed: true, tier: 2, quality: "uhd", streams: 2, until: "2026-03-07T09:00:00.000Z" },
      { allowed: false, tier: null, quality: null, streams: null, until: null },
    ],
  });
type AccessView = z.output<typeof accessView>;
const NONE: AccessView = { allowed: false, tier: null, quality: null, streams: null, until: null };

export const ACCESS_PATH = "/subscriptions/api/v1/access";
/** May I watch, now? */
export const accessAnswer =
  (ports: Pick<HttpPorts, "queries" | "accounts" | "limits" | "billingNow">) =>
  async (request: Request, visit: Visit): Promise<Response> => {
    const { accountId } = await memberOf(ports, request, visit);
    const access = await ports.queries.access(accountId, await ports.billingNow(accountId));
    if (!access.ok) throw refusedByFault(access.error);
    return Response.json(access.value === null ? NONE : present(access.value));
  };

const present = (access: RowOf<"access">): AccessView => ({
  allowed: true,
  ...entitlementOf(access),
  until: formatInstant(access.untilAt),
});

/** @param answer `accessAnswer`, which the door asks by itself */
export const accessRoutes = (answer: ReturnType<typeof accessAnswer>) =>
  new Elysia().get("/access", ({ request }) => answer(request, visitOf(request)), {
    response: { 200: accessView, ...problems(401, 503) },
    detail: {
      operationId: "getAccess",
      summary: "May I watch, what, and until when",
      tags: ["Subscriptions"],
      security: [{ bearer: [] }],
    },
  });
