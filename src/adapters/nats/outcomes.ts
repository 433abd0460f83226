import type { Subscription } from "nats";
import type { CommandId } from "../../core/ids.ts";
import type { Bus } from "../../core/ports/bus.ts";
import type { Outcome } from "../../core/ports/storage.ts";
import { ok } from "../../core/result.ts";
import { decodeOutcome, encodeOutcome } from "../wire/outcomes.ts";
import type { Link, Nats } from "./connection.ts";
import { fault, linkOr } from "./publishing.ts";
import { outcomeSubject } from "./streams.ts";

type Awaited = { readonly waiters: Set<(outcome: Outcome | null) => void>; readonly subscription: Subscription };

/** How outcomes come back: one subject for each command, to which whoever waits listens meanwhile. */
export const natsOutcomes = (nats: Nats): Pick<Bus, "tellOutcome" | "awaitOutcome"> => {
  const awaited = new Map<CommandId, Awaited>();

  /** Several who wait for one command in this process share a subscription. */
  const listen = ({ nc }: Link, id: CommandId): Awaited => {
    const waiters: Awaited["waiters"] = new Set();
    const subscription = nc.subscribe(outcomeSubject(id), {
      callback: (error, message) => {
        const outcome = error === null ? readOutcome(message.string()) : null;
        for (const resolve of [...waiters]) resolve(outcome);
      },
    });
    const one = { waiters, subscription };
    awaited.set(id, one);
    return one;
  };

  return {
    tellOutcome: async (id, outcome) => {
      const link = linkOr(nats);
      if (!link.ok) return link;
      try {
        link.value.nc.publish(outcomeSubject(id), JSON.stringify(encodeOutcome(outcome)));
        return ok(null);
      } catch (error) {
        return fault(String(error));
      }
    },
    // Without a connection, or when it is lost, it is waited for all the same: whoever asks the database next would else ask it
    // again and again.
    awaitOutcome: async (id, timeoutMs) => {
      const link = nats.link();
      if (link === null || link.nc.isClosed() || link.nc.isDraining()) {
        await Bun.sleep(timeoutMs);
        return null;
      }
      return new Promise((resolve) => {
        const one = awaited.get(id) ?? listen(link, id);
        const end = (outcome: Outcome | null): void => {
          clearTimeout(timer);
          one.waiters.delete(end);
          if (one.waiters.size === 0 && awaited.get(id) === one) {
            awaited.delete(id);
            one.subscription.unsubscribe();
          }
          resolve(outcome);
        };
        const timer = setTimeout(() => end(null), timeoutMs);
        one.waiters.add(end);
      });
    },
  };
};

/** What is no outcome was not sent by us; whoever waits asks the database. */
const readOutcome = (text: string): Outcome | null => {
  try {
    return decodeOutcome(JSON.parse(text));
  } catch {
    return null;
  }
};
