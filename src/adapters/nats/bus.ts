import { headers } from "nats";
import type { Bus } from "../../core/ports/bus.ts";
import type { Fact } from "../../core/ports/outbox.ts";
import { ok } from "../../core/result.ts";
import { idOfFact, printFact, subjectOfFact } from "../wire/cloud-events.ts";
import type { Link, Nats } from "./connection.ts";
import { natsHints } from "./hints.ts";
import { subscription } from "./listening.ts";
import { natsOutcomes } from "./outcomes.ts";
import { cloudEvent, fault, linkOr, type Published, put } from "./publishing.ts";
import { ringAnswering } from "./rings.ts";
import { BEAT_SUBJECT, RING_SUBJECT } from "./streams.ts";
import { each } from "./waiting.ts";

/** Streams of facts that are published at once, each with one fact on its way. */
const STREAMS_IN_FLIGHT = 500;

/**
 * The bus over NATS. Facts, beats and rings go through JetStream. Outcomes and hints go past it: who waits for
 * an outcome is there or has gone, and a hint is worth little.
 * @param onError what a handler threw, and what could not be read; the bus goes on
 */
export const natsBus = (nats: Nats, onError: (error: unknown) => void): Bus => ({
  publish: async (facts) => {
    const link = linkOr(nats);
    return link.ok ? publishAll(link.value, facts) : link;
  },
  beat: async (at) => {
    const link = linkOr(nats);
    if (!link.ok) return link;
    const rollup = headers();
    rollup.set("Nats-Rollup", "sub");
    return put(link.value, BEAT_SUBJECT, `${at}`, { headers: rollup });
  },
  subscribe: (handler, signs) => subscription(nats, handler, signs, onError),
  ring: async (id) => {
    const link = linkOr(nats);
    if (!link.ok) return link;
    try {
      // Nobody waits for its acknowledgement: whoever rings has a caller who waits, and a lost ring costs less than a late one.
      link.value.nc.publish(RING_SUBJECT, id);
      return ok(null);
    } catch (error) {
      return fault(String(error));
    }
  },
  answerRings: async (handler) => ringAnswering(nats, handler, onError),
  ...natsHints(nats, onError),
  ...natsOutcomes(nats),
});

/**
 * Of each stream a fact is sent when the one before it has arrived, so none comes before an older one. After a failure nothing
 * more is begun: the relay sends all of them again.
 */
const publishAll = async (link: Link, facts: readonly Fact[]): Promise<Published> => {
  let published: Published = ok(null);
  const streams = [...Map.groupBy(facts, ({ stream }) => stream).values()];
  await each(streams, STREAMS_IN_FLIGHT, async (ofOne) => {
    for (const fact of ofOne) {
      if (!published.ok) return;
      const options = { msgID: idOfFact(fact), headers: cloudEvent() };
      const came = await put(link, subjectOfFact(fact), printFact(fact), options);
      if (!came.ok) published = came;
    }
  });
  return published;
};
