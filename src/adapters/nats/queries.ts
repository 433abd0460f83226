import type { ServiceMsg } from "nats";
import type { Consumption } from "../../core/ports/bus.ts";
import type { ServiceQueries } from "../../core/ports/services.ts";
import { answerQuery, QUERY_NAMES, querySubject } from "../wire/service-queries.ts";
import type { Link, Nats } from "./connection.ts";
import { serving } from "./serving.ts";
import { within } from "./waiting.ts";

const SERVICE = "matinee-billing";
/** Of the questions and answers. */
const VERSION = "1.0.0";
const STOP_MS = 2000;

/** Answers as a service that `nats micro` finds; of several processes one is asked. */
export const queryAnswering = (nats: Nats, queries: ServiceQueries, onError: (error: unknown) => void): Consumption => {
  const inFlight = new Set<Promise<void>>();
  const answer = async (name: (typeof QUERY_NAMES)[number], message: ServiceMsg): Promise<void> => {
    try {
      message.respond(await answerQuery(name, message.string(), queries));
    } catch (error) {
      onError(error);
      // What broke is for our log.
      message.respondError(500, "internal_error");
    }
  };
  const serve = async ({ nc, lost }: Link, stopped: AbortSignal): Promise<void> => {
    const service = await nc.services.add({
      name: SERVICE,
      version: VERSION,
      description: "Reads of Matinee's billing",
    });
    for (const name of QUERY_NAMES) {
      service.addEndpoint(name, {
        subject: querySubject(name),
        handler: (error, message) => {
          if (error !== null) return;
          const one = answer(name, message).finally(() => inFlight.delete(one));
          inFlight.add(one);
        },
      });
    }
    const over = Promise.withResolvers<null>();
    const end = (): void => over.resolve(null);
    stopped.addEventListener("abort", end);
    lost.addEventListener("abort", end);
    // It ends by itself when it may not listen.
    const failure = await Promise.race([over.promise, service.stopped]);
    stopped.removeEventListener("abort", end);
    await within(STOP_MS, service.stop(), null);
    if (failure !== null) throw failure;
  };
  const consumption = serving(nats, serve, onError);
  return {
    stop: async () => {
      await consumption.stop();
      await Promise.all(inFlight);
    },
  };
};
