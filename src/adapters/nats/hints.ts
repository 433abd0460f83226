import type { RowOf } from "../../core/billing/read-model.ts";
import type { Bus } from "../../core/ports/bus.ts";
import { ok } from "../../core/result.ts";
import { instantOf } from "../../core/time.ts";
import type { Link, Nats } from "./connection.ts";
import { fault, linkOr } from "./publishing.ts";
import { serving } from "./serving.ts";
import { HINT_SUBJECT } from "./streams.ts";

type Rows = readonly RowOf<"due">[];

/** Rows go as they are. Nobody keeps them: a hint that nobody hears is lost. */
export const natsHints = (nats: Nats, onError: (error: unknown) => void): Pick<Bus, "hint" | "takeHints"> => ({
  hint: async (rows) => {
    const link = linkOr(nats);
    if (!link.ok) return link;
    try {
      link.value.nc.publish(HINT_SUBJECT, JSON.stringify(rows));
      return ok(null);
    } catch (error) {
      return fault(String(error));
    }
  },
  takeHints: async (handler) => {
    const inFlight = new Set<Promise<void>>();
    const take = async (text: string): Promise<void> => {
      try {
        await handler(readRows(text));
      } catch (error) {
        onError(error);
      }
    };
    const serve = async ({ nc, lost }: Link, stopped: AbortSignal): Promise<void> => {
      const subscription = nc.subscribe(HINT_SUBJECT, {
        queue: "hints",
        callback: (error, message) => {
          if (error !== null) return onError(error);
          const one = take(message.string()).finally(() => inFlight.delete(one));
          inFlight.add(one);
        },
      });
      const drain = (): void => void subscription.drain().catch(() => undefined);
      stopped.addEventListener("abort", drain);
      await subscription.closed;
      stopped.removeEventListener("abort", drain);
      if (!stopped.aborted && !lost.aborted) throw new Error(`the subscription of ${HINT_SUBJECT} has ended`);
    };
    const consumption = serving(nats, serve, onError);
    return {
      stop: async () => {
        await consumption.stop();
        await Promise.all(inFlight);
      },
    };
  },
});

const readRows = (text: string): Rows => {
  const rows: unknown = JSON.parse(text);
  return Array.isArray(rows) ? rows.flatMap(readRow) : [];
};

const readRow = (row: unknown): Rows => {
  if (typeof row !== "object" || row === null) return [];
  const { kind, subject, stream, accountId, dueAt } = row as Readonly<Record<string, unknown>>;
  if (typeof kind !== "string" || typeof subject !== "string" || typeof stream !== "string") return [];
  if (accountId !== null && typeof accountId !== "string") return [];
  if (typeof dueAt !== "number" || !Number.isSafeInteger(dueAt)) return [];
  return [{ kind, subject, stream, accountId, dueAt: instantOf(dueAt) }];
};
