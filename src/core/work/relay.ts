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
/** In one step: whoever has the lease for it must have the time to renew it. */
const STEP_BATCHES = 16;
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

/**
 * Batch after batch. While one is on its way, the one before it is marked and the one behind it is read; that one is sent
 * only when all before it have arrived, so that of no stream a later fact overtakes an earlier one.
 */
const pass = async (
  outbox: RelayPorts["outbox"],
  bus: Pick<Bus, "publish">,
  onPublished: (message: OutboxMessage) => void,
): Promise<"all" | "more" | "failed"> => {
  const mark = async (batch: Batch): Promise<boolean> =>
    batch.length === 0 || (await outbox.relayed(batch.map(({ position }) => position))).ok;
  const read = async (inHand: Batch): Promise<Batch | null> => {
    const messages = await outbox.unrelayed(
      BATCH_MESSAGES,
      inHand.map(({ position }) => position),
    );
    return messages.ok ? messages.value : null;
  };

  let batch = await read([]);
  let unmarked: Batch = [];
  for (let n = 0; n < STEP_BATCHES && batch !== null && batch.length > 0; n += 1) {
    const sent = batch;
    const meanwhile = mark(unmarked).then((marked) => {
      if (!marked) return null;
      return sent.length < BATCH_MESSAGES ? NONE : read(sent);
    });
    const [published, behind] = await Promise.all([bus.publish(sent), meanwhile]);
    if (!published.ok) return "failed";
    sent.forEach(onPublished);
    [batch, unmarked] = [behind, sent];
  }
  if (!(await mark(unmarked)) || batch === null) return "failed";
  return batch.length === 0 ? "all" : "more";
};
type Batch = readonly OutboxMessage[];
const NONE: Batch = [];
