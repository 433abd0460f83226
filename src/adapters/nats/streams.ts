import {
  DiscardPolicy,
  ErrorCode,
  type JetStreamManager,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "nats";
import type { CommandId } from "../../core/ids.ts";
import { DAY_MS, MINUTE_MS } from "../../core/time.ts";
import { EVENT_SUBJECTS } from "../wire/cloud-events.ts";
import { COMMAND_SUBJECTS, MOST_BYTES } from "../wire/service-commands.ts";

export const EVENTS = "BILLING_EVENTS";
export const COMMANDS = "BILLING_COMMANDS";
export const RINGS = "BILLING_RINGS";

export const BEAT_SUBJECT = "billing.internal.beat";
export const RING_SUBJECT = "billing.internal.rings";
export const HINT_SUBJECT = "billing.internal.hints";
export const outcomeSubject = (id: CommandId): string => `billing.internal.outcomes.${id}`;

/** Also for a token and what else a sender puts beside its command. */
const MOST_HEADER_BYTES = 4 * 1024;
const MOST_RINGS = 100_000;

type Wanted = Partial<StreamConfig> & Pick<StreamConfig, "name" | "storage" | "retention">;

const STREAMS: readonly Wanted[] = [
  {
    name: EVENTS,
    // A beat goes through the stream of the facts, or it would not come behind them.
    subjects: [EVENT_SUBJECTS, BEAT_SUBJECT],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    // What finds no room is refused, and the relay keeps it: to make room by dropping would take from readers what they
    // have not heard yet.
    discard: DiscardPolicy.New,
    max_age: nanos(7 * DAY_MS),
    duplicate_window: nanos(2 * MINUTE_MS),
    // Of beats only the last is kept.
    allow_rollup_hdrs: true,
  },
  {
    name: COMMANDS,
    subjects: [COMMAND_SUBJECTS],
    storage: StorageType.File,
    // Holds what is not taken yet: a consumer that was deleted and is made again gets that, and not a week of old commands.
    retention: RetentionPolicy.Workqueue,
    discard: DiscardPolicy.New,
    max_age: nanos(7 * DAY_MS),
    max_msg_size: MOST_BYTES + MOST_HEADER_BYTES,
    // The shortest there is. Ids of messages are the senders' own, and two services may use the same: the second's command
    // would be dropped and acknowledged. That a command is done once is seen to by the database.
    duplicate_window: nanos(100),
  },
  {
    name: RINGS,
    subjects: [RING_SUBJECT],
    storage: StorageType.Memory,
    retention: RetentionPolicy.Workqueue,
    // A ring is worth nothing any more when the sweep has been there.
    discard: DiscardPolicy.Old,
    max_age: nanos(MINUTE_MS),
    max_msgs: MOST_RINGS,
  },
];

/**
 * Makes the streams that are missing, and brings those that are there to what we need. Any number of processes may do so at
 * once.
 * @param replicas null: as an operator has set it, and 1 where a stream is made
 * @param makeAfterMs how long one that is missing is left alone before it is made. Servers of 2.9 drop the files of a deleted
 * stream behind its back, and with them those of a new one of the same name, which is then broken until they are restarted
 * @returns what a person has to mend
 */
export const ensureStreams = async (
  jsm: JetStreamManager,
  replicas: number | null,
  makeAfterMs: number,
): Promise<readonly string[]> => {
  const found = await Promise.all(STREAMS.map(({ name }) => configOf(jsm, name)));
  if (found.includes(null)) await Bun.sleep(makeAfterMs);
  const complaints: string[] = [];
  for (const [i, stream] of STREAMS.entries()) {
    const wanted = replicas === null ? stream : { ...stream, num_replicas: replicas };
    const complaint = await ensure(jsm, found[i] ?? null, wanted);
    if (complaint !== null) complaints.push(complaint);
  }
  return complaints;
};

const ensure = async (jsm: JetStreamManager, found: StreamConfig | null, wanted: Wanted): Promise<string | null> => {
  const { name, storage, retention, ...changeable } = wanted;
  if (found === null) {
    await jsm.streams.add(wanted);
    return null;
  }
  if (found.storage !== storage || found.retention !== retention)
    return `${name} is a stream of ${found.storage} and ${found.retention}, not of ${storage} and ${retention}: delete it, and it is made anew`;
  if (fits(found, changeable)) return null;
  try {
    await jsm.streams.update(name, changeable);
    return null;
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error === undefined) throw error;
    return `${name} differs from what is needed and cannot be changed: ${error.message}`;
  }
};

const configOf = async (jsm: JetStreamManager, name: string): Promise<StreamConfig | null> => {
  try {
    return (await jsm.streams.info(name)).config;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
};

const fits = (found: StreamConfig, wanted: Partial<StreamConfig>): boolean =>
  Object.entries(wanted).every(([key, value]) => Bun.deepEquals(found[key as keyof StreamConfig], value));

/** The stream, the consumer or the message is not there. */
export const isNotFound = (error: unknown): boolean => error instanceof NatsError && error.api_error?.code === 404;
/** The server took too long. It may only stand still; one that does for long is given up by the connection. */
export const isUnanswered = (error: unknown): boolean => error instanceof NatsError && error.code === ErrorCode.Timeout;
/** No stream takes this subject, or one has no room for it, or JetStream is not there at all. */
export const isUntaken = (error: unknown): error is NatsError => error instanceof NatsError && error.code === "503";
