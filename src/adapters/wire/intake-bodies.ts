import { z } from "zod";
import type { Asked, IntakeBodies } from "../../core/ports/intake-bodies.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { parseCommand, printCommand } from "./commands.ts";
import { canonicalText, isJsonObject } from "./json.ts";
import { type Malformed, malformed } from "./malformed.ts";
import { actor } from "./vocabulary.ts";

const sender = z.object({ actor });

export const printIntakeBody = ({ actor, command }: Asked): ReturnType<IntakeBodies["print"]> => {
  const printed = printCommand(command);
  const body = JSON.stringify({ ...sender.encode({ actor }), command: printed });
  return { body, canonical: canonicalText(printed) };
};

/**
 * Reads a row's body back. A row may come from another version of this program or from a broken one: what does not fit
 * is told, for the dead letters, and is no Bug.
 */
export const parseIntakeBody = (text: string): Result<Asked, Malformed> => {
  const json = readJson(text);
  if (!isJsonObject(json)) return err({ code: "malformed", errors: [{ pointer: "", code: "malformed_json" }] });
  const asker = sender.safeDecode(json as z.input<typeof sender>, { reportInput: true });
  if (!asker.success) return err(malformed(asker.error));
  const command = parseCommand(json["command"]);
  if (command.ok) return ok({ actor: asker.data.actor, command: command.value });
  const errors = command.error.errors.map(({ pointer, code }) => ({ pointer: `/command${pointer}`, code }));
  return err({ code: "malformed", errors });
};

/** As in "invoice.issue", of a row that was executed and so could be read. */
export const commandTypeOf = (body: string): string => stored.parse(readJson(body)).command.type;
const stored = z.object({ command: z.object({ type: z.string() }) });

/** The intake's format as a port. */
export const intakeBodies: IntakeBodies = {
  print: printIntakeBody,
  parse: (body) => {
    const asked = parseIntakeBody(body);
    return asked.ok ? asked : err({ code: asked.error.code, detail: describe(body, asked.error) });
  },
  printUnread: (by, command) => JSON.stringify({ ...sender.encode({ actor: by }), command }),
  printForeign: (facts) => JSON.stringify({ foreign: facts }),
};

/** For the person who reads the suspense list. */
const describe = (body: string, { errors }: Malformed): string => {
  const json = readJson(body);
  if (isJsonObject(json) && isJsonObject(json["foreign"])) return "it can be nothing of ours";
  return `malformed: ${errors.map(({ pointer, code }) => `${pointer || "/"} ${code}`).join(", ")}`;
};

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Not JSON: refused by the caller, as any other body that is no object.
  }
};
