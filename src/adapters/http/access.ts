import { Elysia } from "elysia";
import { z } from "zod";
import { formatInstant } from "../../core/time.ts";
import { members } from "./guards.ts";
import type { HttpPorts } from "./ports.ts";
import { refusedByFault } from "./problems.ts";
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
const NONE = { allowed: false, tier: null, quality: null, streams: null, until: null };

/** May I watch, now? */
export const accessRoutes = (ports: Pick<HttpPorts, "queries" | "accounts" | "limits" | "billingNow">) =>
  new Elysia().use(members(ports)).get(
    "/access",
    async ({ member: { accountId }, status }) => {
      const access = await ports.queries.access(accountId, await ports.billingNow(accountId));
      if (!access.ok) throw refusedByFault(access.error);
      if (access.value === null) return status(200, NONE);
      return status(200, {
        allowed: true,
        ...entitlementOf(access.value),
        until: formatInstant(access.value.untilAt),
      });
    },
    {
      response: { 200: accessView, ...problems(401, 503) },
      detail: {
        operationId: "getAccess",
        summary: "May I watch, what, and until when",
        tags: ["Subscriptions"],
        security: [{ bearer: [] }],
      },
    },
  );
