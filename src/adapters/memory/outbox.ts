import type { CommandId } from "../../core/ids.ts";
import type { Outbox, OutboxMessage } from "../../core/ports/outbox.ts";
import { invariant, ok } from "../../core/result.ts";
import type { Memory, Message } from "./memory.ts";

export const memoryOutbox = (memory: Memory): Outbox => ({
  unrelayed: async (limit) => {
    const messages: OutboxMessage[] = [];
    for (const position of memory.unrelayed) {
      const message = memory.outbox[Number(position) - 1];
      if (messages.length >= limit) break;
      if (message !== undefined) messages.push(print(memory, message));
    }
    return ok(messages);
  },
  relayed: async (positions) => {
    for (const position of positions) memory.unrelayed.delete(position);
    return ok(null);
  },
  // A commit is written at once: none can come late, and the order of positions is the order of all.
  follow: async (after, limit) => {
    const from = after === null ? 0 : Number(after);
    return ok(memory.outbox.slice(from, from + limit).map((message) => print(memory, message)));
  },
});

const print = ({ streams, intake }: Memory, { position, stream, version }: Message): OutboxMessage => {
  const recorded = streams.get(stream)?.recorded[version - 1];
  invariant(recorded !== undefined, "a message tells of a recorded event");
  const { event, causedBy } = recorded;
  const requestId = intake.get(causedBy as CommandId)?.entry.requestId ?? null;
  return { position, cursor: String(position), stream, version, event, causedBy: causedBy as CommandId, requestId };
};
