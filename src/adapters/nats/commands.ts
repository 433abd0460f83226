import { AckPolicy, DeliverPolicy, nanos } from "nats";
import type { Consumption } from "../../core/ports/bus.ts";
import type { SentCommand, Taken } from "../../core/ports/services.ts";
import { MINUTE_MS, SECOND_MS } from "../../core/time.ts";
import { COMMAND_SUBJECTS, commandTypeOfSubject } from "../wire/service-commands.ts";
import type { Link, Nats } from "./connection.ts";
import { type Delivered, pulling } from "./pulling.ts";
import { serving, withStreams } from "./serving.ts";
import { COMMANDS } from "./streams.ts";

type Handler = (sent: SentCommand) => Promise<Taken>;
type OnBroken = (sent: SentCommand, reason: string) => Promise<Taken>;
type OnError = (error: unknown) => void;

const TAKER = "updater";
/** Of one process. They end up in the same transactions. Asked for again when half of them are done: many at once. */
const IN_FLIGHT = 512;
const MOST_UNACKED = 2000;
const ACK_WAIT_MS = 30 * SECOND_MS;
const WORKING_MS = 10 * SECOND_MS;
const LONGEST_WAIT_MS = MINUTE_MS;
/** Our own code broke on it this often, in this process: then it is put aside. */
const TRIES = 5;
/** How long such a one waits the first time. */
const BROKEN_MS = SECOND_MS;

/** All processes share one consumer: each command is taken by one of them, and by another when that one dies with it. */
export const commandTaking = (nats: Nats, handler: Handler, onBroken: OnBroken, onError: OnError): Consumption => {
  const inFlight = new Map<Delivered, Promise<void>>();
  let onDone: () => void = () => undefined;
  const handle = handling(handler, onBroken, onError);
  const begin = (message: Delivered): void => {
    const one = handle(message).finally(() => {
      inFlight.delete(message);
      onDone();
    });
    inFlight.set(message, one);
  };
  const working = setInterval(() => {
    for (const message of inFlight.keys()) message.working();
  }, WORKING_MS);
  const serve = async (link: Link, stopped: AbortSignal): Promise<void> => {
    await withStreams(link, () => consumer(link));
    await pulling(
      link,
      { stream: COMMANDS, consumer: TAKER },
      {
        count: async () => {
          while (inFlight.size > IN_FLIGHT / 2)
            await new Promise<void>((resolve) => {
              onDone = resolve;
            });
          return IN_FLIGHT - inFlight.size;
        },
        take: async (messages) => {
          for (const message of messages) begin(message);
          return true;
        },
        stopped,
      },
    );
  };
  const consumption = serving(nats, serve, onError);
  return {
    stop: async () => {
      await consumption.stop();
      await Promise.all(inFlight.values());
      clearInterval(working);
    },
  };
};

const consumer = ({ jsm }: Link) =>
  jsm.consumers.add(COMMANDS, {
    durable_name: TAKER,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(ACK_WAIT_MS),
    max_ack_pending: MOST_UNACKED,
  });

const handling = (handler: Handler, onBroken: OnBroken, onError: OnError): ((message: Delivered) => Promise<void>) => {
  // By the command's place in the stream. Deliveries are not counted: a command that waits for a database is no poison, nor
  // one whose process was killed.
  const broken = new Map<string, number>();

  const attempt = async (key: string, sent: SentCommand): Promise<Taken> => {
    try {
      return await handler(sent);
    } catch (error) {
      onError(error);
      const times = (broken.get(key) ?? 0) + 1;
      broken.set(key, times);
      const because = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      return times < TRIES ? { status: "later", afterMs: BROKEN_MS, because } : onBroken(sent, because);
    }
  };
  return async (message) => {
    // A stream that was made anew counts from the beginning.
    const key = `${message.sequence} ${message.sentAt}`;
    const taken = await attempt(key, sentOf(message)).catch((error: unknown): Taken => {
      onError(error);
      return { status: "later", afterMs: BROKEN_MS, because: "it cannot be put aside" };
    });
    if (taken.status === "later") return message.nak(waitOf(taken.afterMs, message.deliveries));
    broken.delete(key);
    message.ack();
  };
};

/** Twice as long each time. */
const waitOf = (afterMs: number, deliveries: number): number =>
  Math.max(afterMs, Math.min(afterMs * 2 ** (deliveries - 1), LONGEST_WAIT_MS));

const sentOf = (message: Delivered): SentCommand => {
  const { subject, payload, sentAt } = message;
  const [, token = ""] = /^bearer +(\S+)$/i.exec(message.header("Authorization")) ?? [];
  const replyTo = message.header("Reply-To");
  return {
    type: commandTypeOfSubject(subject) ?? subject.slice(COMMAND_SUBJECTS.length - 1),
    payload,
    token: token === "" ? null : token,
    replyTo: replyTo === "" ? null : replyTo,
    sentAt,
  };
};
