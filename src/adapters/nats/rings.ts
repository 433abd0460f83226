import { AckPolicy, DeliverPolicy, nanos } from "nats";
import { type CommandId, parseCommandId } from "../../core/ids.ts";
import type { Bus, Consumption } from "../../core/ports/bus.ts";
import { ok } from "../../core/result.ts";
import type { Link, Nats } from "./connection.ts";
import { fault, linkOr, type Published } from "./publishing.ts";
import { type Delivered, pulling } from "./pulling.ts";
import { serving, withStreams } from "./serving.ts";
import { RING_SUBJECT, RINGS } from "./streams.ts";

type RingHandler = (ids: readonly CommandId[]) => Promise<void>;

const ANSWERER = "updater";
/** What one process takes for itself while it is busy: others may be idle. */
const RINGS_AT_ONCE = 64;
/** A process that has died with a ring: the sweep has been there long before. */
const ACK_WAIT_MS = 5000;

/** Ids in one message. Several processes share what comes at once. */
const MOST_IDS = 32;

/**
 * Rings of one turn of the event loop go in one message: commands that come at once are accepted at once. Nobody waits for an
 * acknowledgement, for whoever rings has a caller who waits, and a lost ring costs less than a late one.
 */
export const ringing = (nats: Nats): Bus["ring"] => {
  let turn: { readonly ids: CommandId[]; readonly sent: PromiseWithResolvers<Published> } | null = null;
  const send = (): void => {
    if (turn === null) return;
    const { ids, sent } = turn;
    turn = null;
    sent.resolve(publish(nats, ids));
  };
  return (id) => {
    if (turn === null) {
      turn = { ids: [], sent: Promise.withResolvers() };
      setImmediate(send);
    }
    const { ids, sent } = turn;
    ids.push(id);
    if (ids.length >= MOST_IDS) send();
    return sent.promise;
  };
};

const publish = (nats: Nats, ids: readonly CommandId[]): Published => {
  const link = linkOr(nats);
  if (!link.ok) return link;
  try {
    link.value.nc.publish(RING_SUBJECT, ids.join(" "));
    return ok(null);
  } catch (error) {
    return fault(String(error));
  }
};

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
          const ids = rings.flatMap(idsOf);
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

const idsOf = ({ payload }: Delivered): readonly CommandId[] =>
  new TextDecoder()
    .decode(payload)
    .split(" ")
    .flatMap((raw) => {
      const id = parseCommandId(raw);
      return id.ok ? [id.value] : [];
    });
