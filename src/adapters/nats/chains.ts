import { createInbox, type Msg, NatsError, type PubAck } from "nats";
import { ok } from "../../core/result.ts";
import type { Link } from "./connection.ts";
import { ACK_MS, cloudEvent, fault, type Published, wordsOf } from "./publishing.ts";
import { isUntaken } from "./streams.ts";

/** A CloudEvent on its way into a stream, which knows it by its id when it comes again. */
export type Outgoing = { readonly subject: string; readonly id: string; readonly text: string };

/** Chains that have a message on its way at the same time. */
const CHAINS_IN_FLIGHT = 500;

/**
 * Puts chains of messages (none is empty) into their streams, of each chain one after the other: the next is sent when the one before has
 * arrived, so none overtakes an older one. After a failure nothing more is sent; what was on its way may have arrived.
 * The library publishes one message with an inbox, a timer and several promises of its own, which takes as long as all else
 * that is done with a message. Here they are a batch's.
 */
export const putChains = async <Item>(
  link: Link,
  chains: readonly (readonly Item[])[],
  print: (item: Item) => Outgoing,
): Promise<Published> => {
  try {
    const tried = await send(link, chains, print);
    if (tried.error === null) return ok(null);
    if (!isUntaken(tried.error)) return fault(wordsOf(tried.error));
    // Nobody has it, so it may be sent again.
    await link.ensureStreams();
    const again = await send(link, tried.left, print);
    return again.error === null ? ok(null) : fault(wordsOf(again.error));
  } catch (error) {
    return fault(wordsOf(error));
  }
};

/** `error`: the first thing that went wrong; null: nothing. `left`: what has not arrived, as far as is known. */
type Sent<Item> = { readonly error: unknown; readonly left: readonly (readonly Item[])[] };

const send = <Item>(
  { nc, lost }: Link,
  chains: readonly (readonly Item[])[],
  print: (item: Item) => Outgoing,
): Promise<Sent<Item>> =>
  new Promise((resolve) => {
    const inbox = createInbox();
    // The library prints them before the next message is made of them.
    const told = cloudEvent();
    const places = chains.map((chain) => ({ chain, arrived: 0 }));
    let [begun, unfinished] = [0, chains.length];

    // Throws where the connection has just been closed.
    const subscription = nc.subscribe(`${inbox}.*`, {
      callback: (error, message) =>
        orEnd(() => {
          const refusal = error ?? refusalIn(message);
          if (refusal !== null) return end(refusal);
          silence.refresh();
          onArrived(Number(message.subject.slice(inbox.length + 1)));
        }),
    });
    const end = (error: unknown): void => {
      clearTimeout(silence);
      lost.removeEventListener("abort", onLost);
      subscription.unsubscribe();
      // Only the first end counts.
      resolve({
        error,
        left: places.flatMap(({ chain, arrived }) => (arrived < chain.length ? [chain.slice(arrived)] : [])),
      });
    };
    const onLost = (): void => end(new Error("the connection was lost"));
    const silence = setTimeout(() => end(new Error(`no answer within ${ACK_MS} ms`)), ACK_MS);

    const sendNext = (n: number): void => {
      const { chain, arrived } = places[n] as (typeof places)[number];
      const { subject, id, text } = print(chain[arrived] as Item);
      told.set("Nats-Msg-Id", id);
      nc.publish(subject, text, { headers: told, reply: `${inbox}.${n}` });
    };
    const onArrived = (n: number): void => {
      const place = places[n] as (typeof places)[number];
      place.arrived += 1;
      if (place.arrived < place.chain.length) return sendNext(n);
      unfinished -= 1;
      if (unfinished === 0) end(null);
      else if (begun < chains.length) sendNext(begun++);
    };
    /** What throws is no answer that can be waited for. */
    const orEnd = (act: () => void): void => {
      try {
        act();
      } catch (error) {
        end(error);
      }
    };

    lost.addEventListener("abort", onLost);
    if (chains.length === 0) return end(null);
    orEnd(() => {
      while (begun < Math.min(CHAINS_IN_FLIGHT, chains.length)) sendNext(begun++);
    });
  });

/** Null: the stream has it. */
const refusalIn = (message: Msg): NatsError | null => {
  if (message.headers?.code === 503) return new NatsError("503", "503");
  const { error } = message.json<PubAck & { readonly error?: ApiError }>();
  if (error === undefined) return null;
  const refused = new NatsError(error.description, `${error.code}`);
  refused.api_error = error;
  return refused;
};
type ApiError = NonNullable<NatsError["api_error"]>;
