import { Elysia } from "elysia";
import { z } from "zod";
import type { CallbackRefusal, CallbackVerdict, RawCall } from "../../core/ports/callbacks.ts";
import type { Delivery } from "../../core/work/callback-door.ts";
import { readBytes } from "./body.ts";
import type { GatewayDoor, HttpPorts } from "./ports.ts";
import { Refused } from "./problems.ts";
import { visitOf } from "./request.ts";

/** Also keeps out what cannot be decoded, for which the router has no text. */
const params = z.object({
  gateway: z.string().meta({ examples: ["cloudpayments"] }),
  kind: z.string().meta({ examples: ["pay"] }),
});
const detail = {
  tags: ["Callbacks"],
  description: "For gateways only: each call is signed over its raw bytes, in the gateway's own form.",
  responses: {
    200: { description: "In the gateway's own words", content: { "application/json": { schema: {} } } },
    401: { description: "Not signed by this gateway" },
    404: { description: "No such gateway, or no such kind of callback" },
    413: { description: "More than 64 KiB" },
  },
};
const requestBody = {
  description: "As the gateway sends it: a form or JSON",
  content: { "application/x-www-form-urlencoded": { schema: {} }, "application/json": { schema: {} } },
};

/** What gateways tell us by calling. Needs the database and nothing else, and is never limited: money waits for it. */
export const callbackRoutes = ({ callbacks }: Pick<HttpPorts, "callbacks">) => {
  const take = async ({ request, params }: Call): Promise<Response> => {
    const entry = callbacks.find((each) => each.callbacks.gateway === params.gateway);
    if (entry === undefined) throw new Refused("no_such_route");
    const call = await rawCall(request);
    const read = entry.callbacks.read(params.kind, call);
    const delivery = {
      raw: call.body.length > 0 ? textOf(call.body) : call.query,
      requestId: visitOf(request).requestId,
    };
    const verdict = read.ok
      ? await entry.door.take(read.value, delivery)
      : await keep(entry, params.kind, read.error, delivery);
    const { status, contentType, body } = entry.callbacks.answer(params.kind, verdict);
    return new Response(body, { status, headers: { "content-type": contentType } });
  };
  return new Elysia()
    .post("/callbacks/:gateway/:kind", take, {
      parse: "none",
      params,
      detail: { ...detail, requestBody, operationId: "takeCallback", summary: "A gateway tells us something" },
    })
    .get("/callbacks/:gateway/:kind", take, {
      params,
      detail: { ...detail, operationId: "takeCallbackByGet", summary: "The same, of a gateway that asks by GET" },
    });
};
type Call = { readonly request: Request; readonly params: z.output<typeof params> };

const rawCall = async (request: Request): Promise<RawCall> => ({
  method: request.method,
  query: new URL(request.url).search.slice(1),
  header: (name) => request.headers.get(name),
  body: await readBytes(request),
});

/** To be kept as it came: what is no text is kept as base64. */
const textOf = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return `base64:${bytes.toBase64()}`;
  }
};

const keep = (
  { door }: GatewayDoor,
  kind: string,
  refusal: CallbackRefusal,
  delivery: Delivery,
): Promise<CallbackVerdict> => {
  switch (refusal.code) {
    case "unknown_kind":
      throw new Refused("no_such_route");
    case "not_signed":
      throw new Refused("callback_not_signed", { headers: { "www-authenticate": "HMAC" } });
    case "malformed":
      return door.keepUnreadable(kind, refusal.field, delivery);
  }
};
