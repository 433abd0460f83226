import { createInbox, type Msg, nanos } from "nats";
import { type Instant, instantOf, SECOND_MS } from "../../core/time.ts";
import type { Link } from "./connection.ts";

/** A message of a stream, as one consumer was given it. */
export type Delivered = {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** "": there is none, or the headers can't be read. */
  header(name: string): string;
  /** Its place in the stream. */
  readonly sequence: number;
  /** Its place among all that this consumer was given: from 1 and without a gap. */
  readonly order: number;
  /** From 1. */
  readonly deliveries: number;
  /** When the stream took it. */
  readonly sentAt: Instant;
  ack(): void;
  /** Gives it back, to be delivered again no earlier than that. */
  nak(afterMs: number): void;
  /** Says that it is still being worked on. */
  working(): void;
};

export type Pulling = {
  /** How many at once, asked before each request. */
  readonly count: () => number | Promise<number>;
  /** Takes all that have come, at least one. False: it can't go on with this consumer. */
  readonly take: (messages: readonly Delivered[]) => Promise<boolean>;
  readonly stopped: AbortSignal;
};
type Place = { readonly stream: string; readonly consumer: string };

const EXPIRES_MS = 30 * SECOND_MS;
const HEARTBEAT_MS = 5 * SECOND_MS;
/** Two heartbeats may be late. A consumer that is silent for longer is started again, whatever it believes of itself. */
const SILENT_MS = 15 * SECOND_MS;

/**
 * Takes what a consumer has, until `stopped`, or until it answers no more and has to be looked for. The library's own way of
 * consuming is not used: it waits half a minute when a consumer has vanished, and an error of its ordered consumer ends the
 * process.
 */
export const pulling = async (link: Link, place: Place, { count, take, stopped }: Pulling): Promise<void> => {
  for (let how: End = "spent"; how === "spent" && !stopped.aborted; ) {
    const pull = request(link, place, await count(), stopped);
    let come = await pull.next();
    while (typeof come !== "string") {
      if (!(await take(come))) return pull.end();
      come = await pull.next();
    }
    how = come;
  }
};

/** `spent`: this request is done with, another may be made. `gone`: whom it was made to answers no more. */
type End = "spent" | "gone";
/** One request for messages. */
type Request = {
  /** All that have come, as soon as there is one; when there can be no more, why. */
  next(): Promise<readonly Delivered[] | End>;
  end(): void;
};

const request = ({ nc, lost }: Link, { stream, consumer }: Place, count: number, stopped: AbortSignal): Request => {
  const inbox = createInbox();
  let come: Delivered[] = [];
  let left = count;
  let ended: End | null = null;
  let wake: () => void = () => undefined;

  const end = (how: End): void => {
    if (ended !== null) return;
    ended = how;
    clearTimeout(silence);
    lost.removeEventListener("abort", onLost);
    stopped.removeEventListener("abort", onStopped);
    // What is on its way to us is still heard, and given back.
    subscription.drain().catch(() => undefined);
    wake();
  };
  const onLost = (): void => end("gone");
  const onStopped = (): void => {
    end("spent");
    for (const message of come) message.nak(0);
    come = [];
  };
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error !== null) return end("gone");
      silence.refresh();
      if (message.subject === inbox) {
        const how = meaningOf(message);
        if (how !== null) end(how);
        return;
      }
      if (ended !== null) return delivered(message).nak(0);
      come.push(delivered(message));
      left -= 1;
      if (left === 0) end("spent");
      wake();
    },
  });
  const silence = setTimeout(onLost, SILENT_MS);
  lost.addEventListener("abort", onLost);
  stopped.addEventListener("abort", onStopped);
  const asked = { batch: count, expires: nanos(EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) };
  nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(asked), { reply: inbox });
  if (stopped.aborted) onStopped();

  return {
    next: async () => {
      while (come.length === 0) {
        if (ended !== null) return ended;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const all = come;
      come = [];
      return all;
    },
    end: () => end("spent"),
  };
};

/** What the server says about the request itself. Null: that it is still there. */
const meaningOf = ({ headers }: Msg): End | null => {
  if (headers?.code === 100) return null;
  return headers?.code === 408 ? "spent" : "gone";
};

const delivered = (message: Msg): Delivered => {
  const tokens = (message.reply ?? "").split(".");
  // $JS.ACK, from some servers a domain and an account, then stream and consumer; then what is read here.
  const [deliveries = 0, sequence = 0, order = 0, sentNanos = 0] = tokens
    .slice(tokens.length === 9 ? 4 : 6)
    .map(Number);
  let headers: ReadonlyMap<string, string> | null = null;
  return {
    subject: message.subject,
    payload: message.data,
    header: (name) => {
      headers ??= headersOf(message);
      return headers.get(name.toLowerCase()) ?? "";
    },
    sequence,
    order,
    deliveries,
    sentAt: instantOf(Math.floor(sentNanos / 1_000_000)),
    ack: () => void message.respond("+ACK"),
    nak: (afterMs) => void message.respond(`-NAK ${JSON.stringify({ delay: nanos(afterMs) })}`),
    working: () => void message.respond("+WPI"),
  };
};

/**
 * The first value of each, by its name in small letters, for names differ in case only by accident. Headers are whatever the
 * sender wrote: the library throws on a name that is none, and then there are none.
 */
const headersOf = ({ headers }: Msg): ReadonlyMap<string, string> => {
  const values = new Map<string, string>();
  try {
    for (const key of headers?.keys() ?? []) {
      const name = key.toLowerCase();
      if (!values.has(name)) values.set(name, headers?.get(key) ?? "");
    }
    return values;
  } catch {
    return new Map();
  }
};
