import { z } from "zod";
import type { Received } from "../../core/billing/command.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { parseCommand, printCommand } from "./commands.ts";
import { isJsonObject } from "./json.ts";
import { type Malformed, malformed } from "./malformed.ts";
import { actor } from "./vocabulary.ts";

/** What the intake keeps of a command beside its id, fingerprint and time: who asked, and for what. */
export type Asked = Pick<Received, "actor" | "command">;

const sender = z.object({ actor });

export const printIntakeBody = ({ actor, command }: Asked): string =>
  JSON.stringify({ ...sender.encode({ actor }), command: printCommand(command) });

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

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Not JSON: refused by the caller, as any other body that is no object.
  }
};
