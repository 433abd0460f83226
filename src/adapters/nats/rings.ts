import { AckPolicy, DeliverPolicy, nanos } from "nats";
import { type CommandId, parseCommandId } from "../../core/ids.ts";
import type { Consumption } from "../../core/ports/bus.ts";
import type { Link, Nats } from "./connection.ts";
import { type Delivered, pulling } from "./pulling.ts";
import { serving, withStreams } from "./serving.ts";
import { RINGS } from "./streams.ts";

type RingHandler = (ids: readonly CommandId[]) => Promise<void>;

const ANSWERER = "updater";
/** What one process takes for itself while it is busy: others may be idle. */
const RINGS_AT_ONCE = 64;
/** A process that has died with a ring: the sweep has been there long before. */
const ACK_WAIT_MS = 5000;

/** All processes share one consumer, so each ring is heard by one. */
export const ringAnswering = (nats: Nats, handler: RingHandler, onError: (error: unknown) => void): Consumption => {
  const serve = async (link: Link, stopped: AbortSignal): Promise<void> => {
    await withStreams(link, () => consumer(link));
    await pulling(
      link,
      { stream: RINGS, consumer: ANSWERER },
      {
        count: () => RINGS_AT_ONCE,
        take: async (rings) => {
          // Before it is answered: what is forgotten here is found again by the sweep.
          for (const ring of rings) ring.ack();
          const ids = rings.flatMap(idOf);
          if (ids.length > 0) await handler(ids).catch(onError);
          return true;
        },
        stopped,
      },
    );
  };
  return serving(nats, serve, onError);
};

const consumer = ({ jsm }: Link) =>
  jsm.consumers.add(RINGS, {
    durable_name: ANSWERER,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(ACK_WAIT_MS),
    // The stream has a limit; this must not be one more.
    max_ack_pending: -1,
  });

const idOf = ({ payload }: Delivered): readonly CommandId[] => {
  const id = parseCommandId(new TextDecoder().decode(payload));
  return id.ok ? [id.value] : [];
};
