import type { BusFault } from "../../core/ports/bus.ts";
import type { ServiceOutcome, Services } from "../../core/ports/services.ts";
import type { Result } from "../../core/result.ts";
import { printServiceOutcome, subjectOfOutcome } from "../wire/service-outcomes.ts";
import { putChains } from "./chains.ts";
import { commandTaking } from "./commands.ts";
import type { Link, Nats } from "./connection.ts";
import { cloudEvent, fault, linkOr } from "./publishing.ts";
import { queryAnswering } from "./queries.ts";
import { within } from "./waiting.ts";

export type ServicesConfig = {
  /** What a handler threw; all goes on. */
  readonly onError: (error: unknown) => void;
};

const FLUSH_MS = 2000;

/** Commands, outcomes and questions of other services over NATS. */
export const natsServices = (nats: Nats, { onError }: ServicesConfig): Services => ({
  takeCommands: async (handler, onBroken) => commandTaking(nats, handler, onBroken, onError),
  tell: async (outcomes) => {
    const link = linkOr(nats);
    return link.ok ? tellAll(link.value, outcomes) : link;
  },
  answerQueries: async (queries) => queryAnswering(nats, queries, onError),
});

const tellAll = async (link: Link, outcomes: readonly ServiceOutcome[]): Promise<Result<null, BusFault>> => {
  const messages = outcomes.map((outcome) => ({
    subject: subjectOfOutcome(outcome),
    id: outcome.id,
    text: printServiceOutcome(outcome),
    replyTo: outcome.replyTo,
  }));
  try {
    for (const { replyTo, text } of messages)
      if (replyTo !== null && isSubject(replyTo)) link.nc.publish(replyTo, text, { headers: cloudEvent() });
  } catch (error) {
    return fault(String(error));
  }
  const told = await putChains(
    link,
    messages.map((message) => [message]),
    (message) => message,
  );
  if (!told.ok) return told;
  // What was sent to those who asked is acknowledged by nobody; so much is certain then, that the server has it.
  const flushed = link.nc.flush().then(
    () => true,
    () => false,
  );
  return (await within(FLUSH_MS, flushed, false)) ? told : fault("no answer to a flush");
};

/** It goes into the protocol as it is: a space or a line's end in it would be read as something else. */
const isSubject = (text: string): boolean => text.length <= 255 && /^[^\s.*>]+(\.[^\s.*>]+)*$/.test(text);
