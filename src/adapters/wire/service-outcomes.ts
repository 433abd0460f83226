import { z } from "zod";
import type { ServiceOutcome } from "../../core/ports/services.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { SOURCE } from "./cloud-events.ts";
import { isJsonObject } from "./json.ts";
import { malformed } from "./malformed.ts";
import { inWords, readJson } from "./messages.ts";
import { encodeOutcome, outcome } from "./outcomes.ts";
import { busNameOf, subjectOfCommand } from "./service-commands.ts";
import { commandId, instant } from "./vocabulary.ts";

// What commands of services came to: the same text goes to whom its sender named and to everybody.

export const OUTCOME_SUBJECTS = { done: "billing.events.command.done", refused: "billing.events.command.refused" };

export const outcomeEnvelope = z.object({
  specversion: z.literal("1.0"),
  id: commandId,
  source: z.literal(SOURCE),
  type: z.enum(OUTCOME_SUBJECTS),
  subject: z.string(),
  time: instant,
  datacontenttype: z.literal("application/json"),
  data: z.object({
    commandId: z.string().nullable(),
    sender: z.string().nullable(),
    command: z.string(),
    outcome,
  }),
});

export const subjectOfOutcome = (told: Pick<ServiceOutcome, "outcome">): string =>
  told.outcome.ok ? OUTCOME_SUBJECTS.done : OUTCOME_SUBJECTS.refused;

export const printServiceOutcome = (told: ServiceOutcome): string => {
  const command = busNameOf(told.command);
  return JSON.stringify({
    specversion: "1.0",
    id: told.id,
    source: SOURCE,
    type: subjectOfOutcome(told),
    subject: subjectOfCommand(command),
    time: instant.encode(told.at),
    datacontenttype: "application/json",
    data: { commandId: told.commandId, sender: told.service, command, outcome: encodeOutcome(told.outcome) },
  });
};

/** For whoever hears of outcomes. What its sender alone knows, where it wanted to hear, is not told. */
export const parseServiceOutcome = (
  text: string,
): Result<Omit<ServiceOutcome, "replyTo">, { readonly code: "malformed"; readonly detail: string }> => {
  const json = readJson(text);
  if (!isJsonObject(json)) return err({ code: "malformed", detail: "/ malformed_json" });
  const read = outcomeEnvelope.safeDecode(json as z.input<typeof outcomeEnvelope>, { reportInput: true });
  if (!read.success) return err({ code: "malformed", detail: inWords(malformed(read.error)) });
  const { id, time, data } = read.data;
  if (read.data.type !== subjectOfOutcome(data)) return err({ code: "malformed", detail: "/type unknown_value" });
  return ok({
    id,
    service: data.sender,
    commandId: data.commandId,
    command: data.command,
    outcome: data.outcome,
    at: time,
  });
};
