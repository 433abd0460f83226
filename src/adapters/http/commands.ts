import { Elysia } from "elysia";
import { z } from "zod";
import type { Outcome } from "../../core/ports/storage.ts";
import { problem } from "../wire/problems.ts";
import { commandId } from "../wire/vocabulary.ts";
import { problemCodeOf, running, runningView } from "./asking.ts";
import { members } from "./guards.ts";
import type { HttpPorts } from "./ports.ts";
import { problemOf, Refused, refusedByFault } from "./problems.ts";
import type { Visit } from "./request.ts";
import { problems } from "./schemas.ts";

const doneView = z
  .object({
    commandId: z.string(),
    status: z.literal("done"),
    outcome: z.discriminatedUnion("ok", [
      z.object({
        ok: z.literal(true),
        value: z.record(z.string(), z.string()).meta({ description: "Ids of what the command made" }),
      }),
      z.object({ ok: z.literal(false), problem }),
    ]),
  })
  .meta({
    id: "CommandDone",
    examples: [
      {
        commandId: "cmd_01h455vb4pex5vsknk084sn02q",
        status: "done",
        outcome: { ok: true, value: { subscriptionId: "sub_01h455vb4pex5vsknk084sn02q" } },
      },
    ],
  });

/** What came of a request that was answered with 202. */
export const commandRoutes = (ports: Pick<HttpPorts, "requests" | "accounts" | "limits">) =>
  new Elysia().use(members(ports)).get(
    "/commands/:id",
    async ({ params: { id }, member, visit, status }) => {
      const found = await ports.requests.status(id, member.accountId);
      if (!found.ok) throw refusedByFault(found.error);
      if (found.value === null) throw new Refused("not_found");
      if (found.value.status === "running") return status(202, running({ status: "running", commandId: id }));
      return status(200, { commandId: id, status: "done" as const, outcome: present(found.value.outcome, visit) });
    },
    {
      params: z.object({ id: commandId.meta({ examples: ["cmd_01h455vb4pex5vsknk084sn02q"] }) }),
      response: { 200: doneView, 202: runningView, ...problems(401, 404, 503) },
      detail: {
        operationId: "getCommand",
        summary: "What came of a request that was answered with 202",
        tags: ["Subscriptions"],
        security: [{ bearer: [] }],
      },
    },
  );

const present = (outcome: Outcome, { language, requestId }: Visit): z.output<typeof doneView>["outcome"] => {
  if (outcome.ok) return { ok: true, value: { ...outcome.value } };
  const { code, facts } = outcome.refusal;
  return { ok: false, problem: problemOf(problemCodeOf(code), language, requestId, { facts }) };
};
