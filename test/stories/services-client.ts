import {
  type ConnectionOptions,
  connect,
  createInbox,
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
} from "nats";
import { z } from "zod";
import { until } from "../support/until.ts";
import { addressOf, exampleOf } from "./services-document.ts";

// Another service of the cinema, with the plain client of NATS. What it sends is what the document shows, with values of its own.

const outcome = z.union([
  z.object({ ok: z.literal(true), value: z.record(z.string(), z.string()) }),
  z.object({
    ok: z.literal(false),
    refusal: z.object({ code: z.string(), facts: z.record(z.string(), z.string()) }),
  }),
]);
const reply = z.object({
  id: z.string(),
  type: z.string(),
  data: z.object({ commandId: z.string().nullable(), outcome }),
});
const envelope = z.looseObject({ id: z.string(), type: z.string(), data: z.looseObject({}) });
export type Reply = z.output<typeof reply>;
type Json = Readonly<Record<string, unknown>>;
type Written = { readonly subject: string; readonly text: string };

/** A message as it was seen, and where. */
export type Seen = {
  readonly subject: string;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
};
export const seenHeaders = (from: MsgHdrs | undefined): Seen["headers"] =>
  Object.fromEntries((from?.keys() ?? []).map((name) => [name, from?.get(name) ?? ""]));

/** A connection that outlives its server, as that of any program which runs for long. */
export const lasting = (options: ConnectionOptions): Promise<NatsConnection> =>
  connect({ ...options, maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 0 });

export const openService = async (nats: NatsConnection, token: string) => {
  const inbox = createInbox("_INBOX.shop");
  const heard: Seen[] = [];
  nats.subscribe(inbox, {
    callback: (_, message) =>
      void heard.push({ subject: inbox, text: message.string(), headers: seenHeaders(message.headers) }),
  });
  const answers: Seen[] = [];

  /** A command as the document shows it, with this id and these data in the place of the example's. */
  const written = (key: string, id: string, data: Json): Written => {
    const shown = envelope.parse(exampleOf(key).payload);
    return { subject: addressOf(key), text: JSON.stringify({ ...shown, id, data: { ...shown.data, ...data } }) };
  };
  const headersOf = (key: string, over: Readonly<Record<string, string | null>>): MsgHdrs => {
    const shown = { ...exampleOf(key).headers, "Reply-To": inbox };
    const about = headers();
    for (const [name, value] of Object.entries({ ...shown, ...over }))
      if (value !== null) about.set(name, value.replace("<token>", token));
    return about;
  };
  const repliesTo = (commandId: string): readonly Reply[] =>
    heard.map(({ text }) => reply.parse(JSON.parse(text))).filter(({ data }) => data.commandId === commandId);

  const send = async (
    key: string,
    { subject, text }: Written,
    over: Readonly<Record<string, string | null>> = {},
  ): Promise<void> => {
    await nats.jetstream().publish(subject, text, { headers: headersOf(key, over) });
  };

  return {
    inbox,
    /** What came to the inbox, as it came. */
    heard: heard as readonly Seen[],
    /** What questions were answered with. */
    answers: answers as readonly Seen[],
    repliesTo,
    written,
    /** Answers when the bus has it. @param over headers; null leaves one out */
    send,
    /** Sends it and waits for what it came to. */
    does: async (key: string, id: string, data: Json): Promise<Reply> => {
      await send(key, written(key, id, data));
      await until(`${id} has come to something`, () => repliesTo(id).length > 0);
      const [first] = repliesTo(id);
      if (first === undefined) throw new Error("a reply that has come is there");
      return first;
    },
    /** Asked again when nobody has answered, as the document has it: questions are kept by nobody. */
    asks: async (name: string, question: Json): Promise<unknown> => {
      let answer: Msg | null = null;
      const ask = (): Promise<Msg> =>
        nats.request(addressOf(`queries.${name}`), JSON.stringify(question), { timeout: 1000 });
      await until(`${name} is answered`, async () => {
        answer = await ask().catch(() => null);
        return answer !== null;
      });
      const { headers: about, text } = told(answer);
      answers.push({ subject: `answers.${name}`, text, headers: about });
      return JSON.parse(text);
    },
  };
};
export type Service = Awaited<ReturnType<typeof openService>>;

const told = (message: Msg | null): Omit<Seen, "subject"> => ({
  text: message?.string() ?? "",
  headers: seenHeaders(message?.headers),
});
