import { z } from "zod";
import type { Command, CommandType } from "../../core/billing/command.ts";
import { type MAY_ASK, mayAsk } from "../../core/billing/permissions.ts";
import type { MalformedCommand, ServiceCommands, WrittenCommand } from "../../core/ports/services.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { COMMAND_TYPES, parseCommand } from "./commands.ts";
import { readerOf } from "./compiled.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { type FieldError, malformed } from "./malformed.ts";
import { inWords, isShallow, readJson } from "./messages.ts";
import { instant } from "./vocabulary.ts";

export const COMMAND_SUBJECTS = "billing.commands.>";
const PREFIX = "billing.commands.";

/** The name of a command on the bus, as in "invoice.issue"; null: the subject names none. */
export const commandTypeOfSubject = (subject: string): string | null =>
  subject.startsWith(PREFIX) && /^[^\s.]+\.[^\s.]+$/.test(subject.slice(PREFIX.length))
    ? subject.slice(PREFIX.length)
    : null;
/** @param name on the bus */
export const subjectOfCommand = (name: string): string => `${PREFIX}${name}`;

/** What the bus calls otherwise than the core does: there it is the word that other services have used from the beginning. */
const START = { core: "subscription.start", bus: "subscription.arrange" } as const;
export const busNameOf = (type: string): string => (type === START.core ? START.bus : type);
/** Null: the bus has no such command. */
export const coreTypeOf = (name: string): string | null => {
  if (name === START.core) return null;
  return name === START.bus ? START.core : name;
};

export type ServiceCommandType = {
  [Type in CommandType]: "service" extends (typeof MAY_ASK)[Type][number] ? Type : never;
}[CommandType];
const mayServiceAsk = (type: CommandType): type is ServiceCommandType => mayAsk({ kind: "service", name: "any" }, type);
/** What a service may ask. Whatever else it sends is refused when it is executed. */
export const SERVICE_COMMANDS = COMMAND_TYPES.filter(mayServiceAsk).map((type) => ({
  type,
  subject: subjectOfCommand(busNameOf(type)),
}));

/** Printable, without spaces, for it also goes into a header. */
const SENDER_ID = /^[\x21-\x7e]{1,128}$/;
const senderCommandId = z
  .string()
  .refine((raw) => SENDER_ID.test(raw), { params: { code: "malformed_id" } })
  .meta({ pattern: SENDER_ID.source });
/** What stands around a command. Other attributes of CloudEvents are the sender's affair and are passed over. */
export const commandEnvelope = z.object({
  specversion: z.literal("1.0"),
  id: senderCommandId,
  source: z.string().min(1).max(256),
  type: z.string(),
  time: instant.exactOptional(),
  datacontenttype: z.literal("application/json").exactOptional(),
  data: z.record(z.string(), z.unknown()),
});

const readEnvelope = readerOf(commandEnvelope);

/** Of what others send. The HTTP API has the same limit. */
export const MOST_BYTES = 64 * 1024;
/** No command needs half of them. A payload of brackets alone would else break whoever prints it. */
const MOST_LEVELS = 16;

/** The bus's format of commands as a port. */
export const serviceCommands: ServiceCommands = {
  parse: (name, payload) => {
    const read = readPayload(payload);
    if (!read.ok) return refused(null, null, [{ pointer: "", code: read.error }]);
    return parseEnvelope(name, read.value);
  },
};

const readPayload = (payload: Uint8Array): Result<JsonObject, string> => {
  if (payload.length > MOST_BYTES) return err("too_long");
  const json = readJson(payload);
  if (!isJsonObject(json)) return err(json === undefined ? "malformed_json" : "wrong_type");
  return isShallow(json, MOST_LEVELS) ? ok(json) : err("too_deep");
};

const parseEnvelope = (name: string, json: JsonObject): Result<WrittenCommand, MalformedCommand> => {
  const envelope = readEnvelope().safeDecode(json as z.input<typeof commandEnvelope>, { reportInput: true });
  const isNamed = json["type"] === subjectOfCommand(name);
  const data = parseData(coreTypeOf(name), json["data"]);
  if (envelope.success && isNamed && data.ok) return ok({ id: envelope.data.id, command: data.value });
  const id = senderCommandId.safeParse(json["id"]);
  const errors = [
    ...(envelope.success ? [] : malformed(envelope.error).errors),
    ...(isNamed || typeof json["type"] !== "string" ? [] : [{ pointer: "/type", code: "unknown_value" }]),
    // Said of the envelope already.
    ...(data.ok ? [] : data.error.errors.filter(({ pointer }) => pointer !== "/data")),
  ];
  // What this version could execute is never handed on as unread: its sender is told that nothing comes of it.
  const unread = data.ok ? null : data.error.command;
  return refused(id.success ? id.data : null, unread, errors);
};

type Unread = { readonly command: JsonObject | null; readonly errors: readonly FieldError[] };
const parseData = (type: string | null, data: Json | undefined): Result<Command, Unread> => {
  if (type === null) return err({ command: null, errors: [{ pointer: "/type", code: "unknown_value" }] });
  if (!isJsonObject(data)) return err({ command: null, errors: [{ pointer: "/data", code: "wrong_type" }] });
  if (Object.hasOwn(data, "type"))
    return err({ command: null, errors: [{ pointer: "/data/type", code: "unknown_field" }] });
  const command = { ...data, type };
  const parsed = parseCommand(command);
  if (parsed.ok) return parsed;
  const errors = parsed.error.errors.map(({ pointer, code }) => ({
    pointer: pointer === "/type" ? pointer : `/data${pointer}`,
    code,
  }));
  return err({ command, errors });
};

const refused = (id: string | null, command: JsonObject | null, errors: readonly FieldError[]) =>
  err({ code: "malformed", id, command, detail: inWords({ code: "malformed", errors }) } satisfies MalformedCommand);
