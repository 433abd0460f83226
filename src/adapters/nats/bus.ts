import { headers } from "nats";
import type { Bus } from "../../core/ports/bus.ts";
import type { Fact } from "../../core/ports/outbox.ts";
import { idOfFact, printFact, subjectOfFact } from "../wire/cloud-events.ts";
import { putChains } from "./chains.ts";
import type { Link, Nats } from "./connection.ts";
import { natsHints } from "./hints.ts";
import { subscription } from "./listening.ts";
import { natsOutcomes } from "./outcomes.ts";
import { linkOr, type Published, put } from "./publishing.ts";
import { ringAnswering, ringing } from "./rings.ts";
import { BEAT_SUBJECT } from "./streams.ts";

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
  ring: ringing(nats),
  answerRings: async (handler) => ringAnswering(nats, handler, onError),
  ...natsHints(nats, onError),
  ...natsOutcomes(nats),
});

/** After a failure the relay sends all of them again. */
const publishAll = (link: Link, facts: readonly Fact[]): Promise<Published> =>
  putChains(link, [...Map.groupBy(facts, ({ stream }) => stream).values()], (fact) => ({
    subject: subjectOfFact(fact),
    id: idOfFact(fact),
    text: printFact(fact),
  }));
