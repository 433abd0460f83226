import { readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import { z } from "zod";

// All that the author of another service has of us: the document that we publish. Nothing of our code is looked at here.

const example = z.object({ headers: z.record(z.string(), z.string()).default({}), payload: z.unknown() });
const message = z.object({ examples: z.tuple([example], example) });
const document = z.looseObject({
  info: z.looseObject({ description: z.string() }),
  channels: z.record(
    z.string(),
    z.looseObject({ address: z.string().nullable(), messages: z.record(z.string(), z.unknown()) }),
  ),
  components: z.looseObject({ messages: z.record(z.string(), z.looseObject(message.shape)) }),
});

const printed: unknown = JSON.parse(readFileSync(new URL("../../docs/asyncapi.json", import.meta.url), "utf8"));
const { info, channels, components } = document.parse(printed);

const keyOf = new Map(Object.entries(channels).map(([key, { address }]) => [address, key]));
/** Whether others are told of this subject. */
export const isListed = (subject: string): boolean => keyOf.has(subject);

/** Where a channel is on the bus. */
export const addressOf = (key: string): string => {
  const address = channels[key]?.address ?? null;
  if (address === null) throw new Error(`the document has no address for ${key}`);
  return address;
};
const below = (kind: string): readonly string[] =>
  Object.keys(channels)
    .filter((key) => key.startsWith(`${kind}.`))
    .map(addressOf);
export const [COMMANDS, QUESTIONS] = [below("commands"), below("queries")];

/** A message as the document shows one: what is particular to the sender is put into it. */
export const exampleOf = (key: string): z.output<typeof example> => {
  const found = components.messages[key];
  if (found === undefined) throw new Error(`the document has no message ${key}`);
  return found.examples[0];
};

/** What stands between fences of this language in the introduction, each as it stands. */
export const fenced = (language: string): readonly string[] =>
  [...info.description.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, "g"))].map(([, text = ""]) => text);

const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addFormat("date-time", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
ajv.addSchema(printed as object, "bus");
const judges = new Map<string, ValidateFunction>();
const judgeOf = (pointer: string): ValidateFunction => {
  const known = judges.get(pointer) ?? ajv.compile({ $ref: `bus#/${pointer}` });
  judges.set(pointer, known);
  return known;
};
const complaints = (pointer: string, value: unknown): readonly string[] => {
  const judge = judgeOf(pointer);
  if (judge(value)) return [];
  return (judge.errors ?? []).map(({ instancePath, message: why }) => `${instancePath} ${why}`);
};

/** What of a message does not fit what the document says of its subject, or of the key of its channel. */
export const misfits = (
  subjectOrKey: string,
  payload: unknown,
  headers: Readonly<Record<string, string>> = {},
): readonly string[] => {
  const key = keyOf.get(subjectOrKey) ?? subjectOrKey;
  const names = Object.keys(channels[key]?.messages ?? {});
  if (names.length === 0) return [`the document has no channel ${subjectOrKey}`];
  return names.flatMap((name) => [
    ...complaints(`components/messages/${name}/payload`, payload),
    ...complaints(`components/messages/${name}/headers`, headers),
  ]);
};
