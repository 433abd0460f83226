import { AckPolicy, DeliverPolicy, nanos } from "nats";
import type { BusSigns, Consumption } from "../../core/ports/bus.ts";
import type { Fact } from "../../core/ports/outbox.ts";
import { instantOf, MINUTE_MS } from "../../core/time.ts";
import { parseFact } from "../wire/cloud-events.ts";
import { OUTCOME_SUBJECTS } from "../wire/service-outcomes.ts";
import type { Link, Nats } from "./connection.ts";
import { type Delivered, pulling } from "./pulling.ts";
import { serving, withStreams } from "./serving.ts";
import { BEAT_SUBJECT, EVENTS } from "./streams.ts";
import { within } from "./waiting.ts";

type Hear = (message: Delivered) => Promise<void>;

const FACTS_AT_ONCE = 500;
/** A subscriber that takes longer for what it was given finds its consumer gone, and is told of the gap. */
const FORGOTTEN_AFTER_MS = 5 * MINUTE_MS;
/** For the first connection and the first consumer. */
const BEGIN_MS = 2000;

/**
 * Hears of every fact from now on, with a consumer of its own that nobody has to clean up. When that is lost, or the server
 * with it, another is made and hears again from then on; what was published in between is a gap, and is said to be one.
 */
export const subscription = async (
  nats: Nats,
  handler: (fact: Fact) => Promise<void>,
  signs: BusSigns | undefined,
  onError: (error: unknown) => void,
): Promise<Consumption> => {
  const begun = Promise.withResolvers<void>();
  let mayHaveMissed = false;
  const hear = hearing(handler, signs, onError);
  const serve = async (link: Link, stopped: AbortSignal): Promise<void> => {
    const { name } = await withStreams(link, () => consumer(link));
    if (mayHaveMissed) signs?.gap();
    mayHaveMissed = true;
    begun.resolve();
    try {
      await listen(link, name, hear, stopped);
    } finally {
      // What is committed from now on is not heard: nobody has to wait until that is noticed by a beat that fails to come.
      if (!stopped.aborted) signs?.gap();
      if (!link.lost.aborted) void link.jsm.consumers.delete(EVENTS, name).catch(() => undefined);
    }
  };
  const consumption = serving(nats, serve, onError);
  await within(BEGIN_MS, begun.promise, undefined);
  mayHaveMissed = true;
  return consumption;
};

const consumer = ({ jsm }: Link) =>
  jsm.consumers.add(EVENTS, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.New,
    inactive_threshold: nanos(FORGOTTEN_AFTER_MS),
    mem_storage: true,
    num_replicas: 1,
  });

const listen = async (link: Link, name: string, hear: Hear, stopped: AbortSignal): Promise<void> => {
  let last = 0;
  await pulling(
    link,
    { stream: EVENTS, consumer: name },
    {
      count: () => FACTS_AT_ONCE,
      take: async (messages) => {
        for (const message of messages) {
          // One was lost on its way to us.
          if (message.order !== last + 1) return false;
          last = message.order;
          if (!stopped.aborted) await hear(message);
        }
        return true;
      },
      stopped,
    },
  );
};

const OUTCOMES: ReadonlySet<string> = new Set(Object.values(OUTCOME_SUBJECTS));

const hearing =
  (handler: (fact: Fact) => Promise<void>, signs: BusSigns | undefined, onError: (error: unknown) => void): Hear =>
  async ({ subject, payload }) => {
    // Told to other services; we have them from the database.
    if (OUTCOMES.has(subject)) return;
    const text = new TextDecoder().decode(payload);
    try {
      if (subject === BEAT_SUBJECT) return void signs?.beat(instantOf(Number(text)));
      const fact = parseFact(text);
      if (fact.ok) return await handler(fact.value);
      // A newer version of this program has written it: something has happened, and we can't tell what.
      signs?.gap();
      onError(new Error(`a fact on ${subject} cannot be read: ${fact.error.detail}`));
    } catch (error) {
      onError(error);
    }
  };
