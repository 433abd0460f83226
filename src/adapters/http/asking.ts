import { z } from "zod";
import type { SignedInAs } from "../../core/accounts/accounts.ts";
import type { Command } from "../../core/billing/command.ts";
import type { CommandId } from "../../core/ids.ts";
import type { Outcome } from "../../core/ports/storage.ts";
import { Bug } from "../../core/result.ts";
import type { Requested } from "../../core/work/requests.ts";
import type { HttpPorts } from "./ports.ts";
import { isProblemCode, type ProblemCode, Refused, refusedByFault } from "./problems.ts";
import type { Visit } from "./request.ts";

/** What a command came to, or that it is still at work. */
export type Asked =
  | { readonly status: "done"; readonly told: Readonly<Record<string, string>> }
  | { readonly status: "running"; readonly commandId: CommandId };

/** Has a command done in a member's name. A refusal ends the request. */
export const ask = async (
  { requests }: Pick<HttpPorts, "requests">,
  { member, visit }: { readonly member: SignedInAs; readonly visit: Visit },
  operation: string,
  key: string | undefined,
  command: Command,
): Promise<Asked> => {
  const { accountId } = member;
  const requested = await requests.ask({
    actor: { kind: "payer", accountId },
    command,
    accountId,
    operation,
    key: key ?? null,
    requestId: visit.requestId,
  });
  return readAnswer(requested);
};

const readAnswer = (requested: Requested): Asked => {
  switch (requested.status) {
    case "running":
      return { status: "running", commandId: requested.id };
    case "key_reused":
      throw new Refused("command_id_reused");
    case "failed":
      throw refusedByFault(requested.fault);
    case "done":
      if (!requested.outcome.ok) throw refusedWith(requested.outcome);
      return { status: "done", told: requested.outcome.value };
  }
};

const refusedWith = ({ refusal }: Extract<Outcome, { ok: false }>): Refused =>
  new Refused(problemCodeOf(refusal.code), { facts: refusal.facts });

/** Outcomes are kept as words: a word that we never say is a broken promise of ours. */
export const problemCodeOf = (code: string): ProblemCode => {
  if (!isProblemCode(code)) throw new Bug(`no problem is named ${code}`);
  return code;
};

/** Accepted and durable, and not done yet: where to ask what came of it. */
export const runningView = z
  .object({ commandId: z.string(), status: z.literal("running"), statusUrl: z.string() })
  .meta({
    id: "Running",
    description: "Accepted. Ask at `statusUrl` what came of it, or repeat the request with the same key",
    examples: [
      {
        commandId: "cmd_01h455vb4pex5vsknk084sn02q",
        status: "running",
        statusUrl: "/subscriptions/api/v1/commands/cmd_01h455vb4pex5vsknk084sn02q",
      },
    ],
  });
export const running = ({ commandId }: Extract<Asked, { status: "running" }>) => ({
  commandId,
  status: "running" as const,
  statusUrl: statusUrlOf(commandId),
});
export const statusUrlOf = (id: CommandId): string => `/subscriptions/api/v1/commands/${id}`;

/** Of a successful outcome the word that it always has. */
export const wordOf = (told: Readonly<Record<string, string>>, name: string): string => {
  const word = told[name];
  if (word === undefined) throw new Bug(`an outcome lacks ${name}`);
  return word;
};
