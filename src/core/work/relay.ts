import type { Bus } from "../ports/bus.ts";
import type { Outbox, OutboxMessage } from "../ports/outbox.ts";
import type { Reports } from "../ports/reports.ts";
import { type Instant, SECOND_MS } from "../time.ts";
import { alarmOf } from "./alarms.ts";

export type Relaying = {
  /**
   * Brings what is committed to the bus and marks it.
   * @returns whether there may be more
   */
  step(): Promise<boolean>;
};
export type RelayPorts = {
  readonly outbox: Pick<Outbox, "unrelayed" | "relayed">;
  readonly bus: Pick<Bus, "publish" | "beat">;
  readonly reports: Reports;
  /** Wall time. */
  readonly now: () => Instant;
};

const BATCH_MESSAGES = 500;
/** Source: design, 8. */
const BEAT_EACH_MS = 5 * SECOND_MS;

/**
 * Brings committed facts to the bus and marks them. Runs alone or beside others, and dies anywhere: what was published and
 * not marked is published again, and readers know repeats. Whoever relays a fact also reports what a person must know of it:
 * before the mark, so that it is told at least once.
 */
export const relaying = ({ outbox, bus, reports, now }: RelayPorts): Relaying => {
  let saidAt: Instant | null = null;
  const isBeatDue = (at: Instant): boolean => saidAt === null || at < saidAt || at - saidAt >= BEAT_EACH_MS;

  return {
    step: async () => {
      // Before the outbox is read: what was committed by then, whoever has published it, is on the bus when the pass is over.
      const startedAt = now();
      const came = await pass(outbox, bus, (message) => {
        const alarm = alarmOf(message);
        if (alarm !== null) reports(alarm);
      });
      if (came === "all" && isBeatDue(startedAt) && (await bus.beat(startedAt)).ok) saidAt = startedAt;
      return came === "more";
    },
  };
};

const pass = async (
  outbox: RelayPorts["outbox"],
  bus: Pick<Bus, "publish">,
  onPublished: (message: OutboxMessage) => void,
): Promise<"all" | "more" | "failed"> => {
  const messages = await outbox.unrelayed(BATCH_MESSAGES);
  if (!messages.ok) return "failed";
  if (messages.value.length === 0) return "all";
  const published = await bus.publish(messages.value);
  if (!published.ok) return "failed";
  messages.value.forEach(onPublished);
  const marked = await outbox.relayed(messages.value.map(({ position }) => position));
  if (!marked.ok) return "failed";
  return messages.value.length === BATCH_MESSAGES ? "more" : "all";
};
