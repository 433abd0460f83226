import type { ConsumerInfo, StreamInfo } from "nats";
import type { BusFault } from "../../core/ports/bus.ts";
import { ok, type Result } from "../../core/result.ts";
import { type Instant, instantOf } from "../../core/time.ts";
import type { Link, Nats } from "./connection.ts";
import { fault, linkOr, wordsOf } from "./publishing.ts";
import { COMMANDS, EVENTS, isNotFound, RINGS } from "./streams.ts";

/** What an operator may want to know of the bus. Changes nothing. */
export type NatsOperator = {
  streams(): Promise<Result<readonly StreamState[], BusFault>>;
  /** What each shared consumer has not done yet. */
  lag(): Promise<Result<readonly Lag[], BusFault>>;
  /** The oldest messages of a stream, or the newest, in their order. Null: there is no such stream. */
  peek(stream: string, count: number, from: "start" | "end"): Promise<Result<readonly Peeked[] | null, BusFault>>;
  /** Whether what the bus has acknowledged survives. */
  durability(): Promise<Result<Durability, BusFault>>;
};

export type StreamState = {
  readonly name: string;
  readonly messages: number;
  readonly bytes: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly consumers: number;
};
export type Lag = {
  readonly stream: string;
  readonly consumer: string;
  /** Never delivered yet. */
  readonly pending: number;
  readonly ackPending: number;
  readonly redelivered: number;
};
export type Peeked = {
  readonly subject: string;
  readonly seq: number;
  readonly at: Instant;
  readonly text: string;
};
export type Durability = {
  readonly serverVersion: string;
  readonly streams: readonly {
    readonly name: string;
    readonly storage: "file" | "memory";
    readonly replicas: number;
  }[];
  /** What could be lost, and how to mend it. */
  readonly notes: readonly string[];
};

const NAMES = [EVENTS, COMMANDS, RINGS];
/** A stream may have holes: so many places are looked at for those that hold something. */
const MOST_LOOK_UPS = 1000;

export const natsOperator = (nats: Nats): NatsOperator => ({
  streams: () => asked(nats, async (link) => (await infos(link)).map(stateOf)),
  lag: () =>
    asked(nats, async (link) => {
      const all: ConsumerInfo[] = [];
      for (const { config } of await infos(link)) all.push(...(await link.jsm.consumers.list(config.name).next()));
      return all.filter(({ config }) => config.durable_name !== undefined).map(lagOf);
    }),
  peek: (stream, count, from) =>
    asked(nats, async (link) => {
      const info = await infoOf(link, stream);
      if (info === null) return null;
      return from === "start" ? oldest(link, info, count) : newest(link, info, count);
    }),
  durability: () =>
    asked(nats, async (link) => {
      const streams = (await infos(link)).map(({ config: { name, storage, num_replicas } }) => ({
        name,
        storage,
        replicas: num_replicas,
      }));
      const serverVersion = link.nc.info?.version ?? "";
      return { serverVersion, streams, notes: notesOn(serverVersion, streams) };
    }),
});

const asked = async <T>(nats: Nats, ask: (link: Link) => Promise<T>): Promise<Result<T, BusFault>> => {
  const link = linkOr(nats);
  if (!link.ok) return link;
  try {
    return ok(await ask(link.value));
  } catch (error) {
    return fault(wordsOf(error));
  }
};

const infoOf = async ({ jsm }: Link, name: string): Promise<StreamInfo | null> => {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
};
const infos = async (link: Link): Promise<readonly StreamInfo[]> => {
  const found = await Promise.all(NAMES.map((name) => infoOf(link, name)));
  return found.filter((info) => info !== null);
};

const stateOf = ({ config, state }: StreamInfo): StreamState => ({
  name: config.name,
  messages: state.messages,
  bytes: state.bytes,
  firstSeq: state.first_seq,
  lastSeq: state.last_seq,
  consumers: state.consumer_count,
});
const lagOf = ({ stream_name, name, num_pending, num_ack_pending, num_redelivered }: ConsumerInfo): Lag => ({
  stream: stream_name,
  consumer: name,
  pending: num_pending,
  ackPending: num_ack_pending,
  redelivered: num_redelivered,
});

const oldest = async (link: Link, { config, state }: StreamInfo, count: number): Promise<readonly Peeked[]> => {
  const found: Peeked[] = [];
  for (let seq = state.first_seq; found.length < count && seq <= state.last_seq; ) {
    const next = await messageAt(link, config.name, { seq, next_by_subj: ">" });
    if (next === null) break;
    found.push(next);
    seq = next.seq + 1;
  }
  return found;
};

const newest = async (link: Link, { config, state }: StreamInfo, count: number): Promise<readonly Peeked[]> => {
  const found: Peeked[] = [];
  const last = Math.max(state.first_seq, state.last_seq - MOST_LOOK_UPS);
  for (let seq = state.last_seq; found.length < count && seq >= last && state.messages > found.length; seq -= 1) {
    const one = await messageAt(link, config.name, { seq });
    if (one !== null) found.unshift(one);
  }
  return found;
};

type Where = { readonly seq: number; readonly next_by_subj?: string };
const messageAt = async ({ jsm }: Link, stream: string, where: Where): Promise<Peeked | null> => {
  try {
    const message = await jsm.streams.getMessage(stream, where);
    const { subject, seq, time } = message;
    return { subject, seq, at: instantOf(time.getTime()), text: message.string() };
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
};

const notesOn = (serverVersion: string, streams: Durability["streams"]): readonly string[] => {
  const [major = 0, minor = 0] = serverVersion.split(".").map(Number);
  const missing = NAMES.filter((name) => !streams.some((stream) => stream.name === name));
  return [
    ...missing.map((name) => `${name} is not there: nothing that belongs into it is taken`),
    ...streams
      .filter(({ name, storage }) => name !== RINGS && storage !== "file")
      .map(({ name }) => `${name} is kept in memory: a restart of the server loses it`),
    ...streams
      .filter(({ name, replicas }) => name === COMMANDS && replicas < 3)
      .map(({ name }) => `${name} has one copy only: commands of other services are lost with its disk`),
    major > 2 || (major === 2 && minor >= 10)
      ? "with sync_interval other than always a power cut loses what the server has acknowledged in that time"
      : "servers before 2.10 write to disk every 2 minutes: a power cut loses what they have acknowledged in that time",
  ];
};
