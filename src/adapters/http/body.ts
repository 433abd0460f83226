import { Refused } from "./problems.ts";

/** The largest body that is read, of our own API and of callbacks. Source: failures, part 5. */
export const MOST_BODY_BYTES = 64 * 1024;
/** Deeper than anything of ours, and far from where a parser's stack ends. */
const MOST_DEPTH = 32;

/** Refuses by the announced length, before anything is read. */
export const refuseLargeBody = (request: Request): void => {
  const announced = request.headers.get("content-length");
  if (announced !== null && Number(announced) > MOST_BODY_BYTES) throw new Refused("body_too_large");
};

/** The whole body, as sent. One that announced no length is cut off at the limit. */
export const readBytes = async (request: Request): Promise<Uint8Array> => {
  refuseLargeBody(request);
  // The server reads no more than was announced, so this can be taken as it comes, which costs half of what pieces cost.
  if (request.headers.has("content-length")) return within(new Uint8Array(await request.arrayBuffer()));
  return readParts(request);
};

const within = (bytes: Uint8Array): Uint8Array => {
  if (bytes.byteLength > MOST_BODY_BYTES) throw new Refused("body_too_large");
  return bytes;
};

const readParts = async (request: Request): Promise<Uint8Array> => {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body ?? []) {
    length += part.byteLength;
    if (length > MOST_BODY_BYTES) throw new Refused("body_too_large");
    parts.push(part);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
};

/** Elysia's parser of a JSON body. No body at all is read as an empty object: what it lacks is told field by field. */
export const jsonBody = async ({ request }: { readonly request: Request }): Promise<unknown> => {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return {};
  if (!isJson(request.headers.get("content-type") ?? "")) throw new Refused("unsupported_media_type");
  const parsed = parseJson(bytes);
  if (parsed === undefined) throw new Refused("malformed_json");
  return parsed;
};

const isJson = (contentType: string): boolean =>
  /^application\/(json|[a-z0-9.+-]+\+json)\s*(;\s*charset="?utf-8"?\s*)?$/i.test(contentType);

/** Undefined: no JSON, no UTF-8, too deep, or with a key given twice, of which two readers would believe different ones. */
const parseJson = (bytes: Uint8Array): unknown => {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return isPlain(text) ? value : undefined;
  } catch {
    return undefined;
  }
};

/** Walks the tokens of a text that is known to be JSON. */
const isPlain = (text: string): boolean => {
  const open: Set<unknown>[] = [];
  for (const [token, key, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[[\]{}]/g)) {
    if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
    else if (key !== undefined && colon !== undefined) {
      const [names, name]: [Set<unknown> | undefined, unknown] = [open.at(-1), JSON.parse(key)];
      if (names?.has(name)) return false;
      names?.add(name);
    }
    if (open.length > MOST_DEPTH) return false;
  }
  return true;
};
