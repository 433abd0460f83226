import { headers, type JetStreamPublishOptions } from "nats";
import type { BusFault } from "../../core/ports/bus.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { CLOUD_EVENT_TYPE } from "../wire/cloud-events.ts";
import type { Link, Nats } from "./connection.ts";
import { isUntaken } from "./streams.ts";

export type Published = Result<null, BusFault>;

/** As long as a server may think about one message. */
export const ACK_MS = 3000;

/** Headers of every message that holds a CloudEvent. */
export const cloudEvent = () => {
  const made = headers();
  made.set("Content-Type", CLOUD_EVENT_TYPE);
  return made;
};

/** Puts a message into its stream, and answers when it is there. */
export const put = async (
  { js, ensureStreams }: Link,
  subject: string,
  text: string,
  options: Pick<Partial<JetStreamPublishOptions>, "msgID" | "headers" | "timeout"> = {},
): Promise<Published> => {
  const publish = () => js.publish(subject, text, { timeout: ACK_MS, ...options });
  try {
    await publish().catch(async (error: unknown) => {
      // Nobody has it, so it may be sent again.
      if (!isUntaken(error)) throw error;
      await ensureStreams();
      await publish();
    });
    return ok(null);
  } catch (error) {
    return fault(`${subject}: ${wordsOf(error)}`);
  }
};

/** The library has nothing but a number to say of a subject to which nobody listens. */
export const wordsOf = (error: unknown): string => {
  if (isUntaken(error) && error.api_error === undefined) return "JetStream is not there, or has no such stream";
  return error instanceof Error ? error.message : String(error);
};

export const fault = (detail: string) => err({ code: "bus_unavailable", detail });

/** Where there is no connection nothing is kept for later: whoever publishes has it in the database. */
export const linkOr = (nats: Nats): Result<Link, BusFault> => {
  const link = nats.link();
  return link === null ? fault("there is no connection to NATS") : ok(link);
};
