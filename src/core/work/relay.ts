import type { Bus } from "../ports/bus.ts";
import type { Outbox } from "../ports/outbox.ts";

const BATCH_MESSAGES = 500;

/**
 * Brings committed facts to the bus and marks them. Runs alone or beside others, and dies anywhere: what was published and
 * not marked is published again, and readers know repeats.
 * @returns whether there may be more
 */
export const relay = async (outbox: Outbox, bus: Pick<Bus, "publish">): Promise<boolean> => {
  const messages = await outbox.unrelayed(BATCH_MESSAGES);
  if (!messages.ok || messages.value.length === 0) return false;
  const published = await bus.publish(messages.value);
  if (!published.ok) return false;
  const marked = await outbox.relayed(messages.value.map(({ position }) => position));
  return marked.ok && messages.value.length === BATCH_MESSAGES;
};
