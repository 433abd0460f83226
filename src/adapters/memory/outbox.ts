import type { StreamName } from "../../core/billing/stream.ts";
import type { AccountId, CommandId } from "../../core/ids.ts";
import type { Outbox, OutboxMessage } from "../../core/ports/outbox.ts";
import { invariant, ok } from "../../core/result.ts";
import type { Memory, Message } from "./memory.ts";

export const memoryOutbox = (memory: Memory): Outbox => ({
  unrelayed: async (limit, inHand = []) => {
    const messages: OutboxMessage[] = [];
    for (const position of memory.unrelayed.difference(new Set(inHand))) {
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
  backlog: async () => {
    const [oldest] = memory.unrelayed;
    const message = memory.outbox[Number(oldest ?? 0n) - 1];
    const oldestAt = message === undefined ? null : print(memory, message).recordedAt;
    return ok({ messages: memory.unrelayed.size, oldestAt });
  },
  // A commit is written at once: none can come late, and the order of positions is the order of all.
  follow: async (after, limit) => {
    const from = after === null ? 0 : Number(after);
    return ok(memory.outbox.slice(from, from + limit).map((message) => print(memory, message)));
  },
});

const print = ({ streams, intake }: Memory, { position, stream, version }: Message): OutboxMessage => {
  const found = streams.get(stream);
  const recorded = found?.recorded[version - 1];
  invariant(found !== undefined && recorded !== undefined, "a message tells of a recorded event");
  const { event, recordedAt } = recorded;
  const causedBy = recorded.causedBy as CommandId;
  const accountId = accountOf([stream, ...found.links]);
  const requestId = intake.get(causedBy)?.entry.requestId ?? null;
  return { position, cursor: String(position), stream, version, event, accountId, causedBy, requestId, recordedAt };
};

const CUSTOMER = "customer/";
/** All that belongs to an account is its customer's stream, or is linked to that. */
const accountOf = (streams: readonly StreamName[]): AccountId | null => {
  const customer = streams.find((stream) => stream.startsWith(CUSTOMER));
  return customer === undefined ? null : (customer.slice(CUSTOMER.length) as AccountId);
};
