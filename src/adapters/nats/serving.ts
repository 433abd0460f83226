import type { Consumption } from "../../core/ports/bus.ts";
import type { Link, Nats } from "./connection.ts";
import { isNotFound, isUnanswered } from "./streams.ts";
import { pause } from "./waiting.ts";

const [SHORTEST_WAIT_MS, LONGEST_WAIT_MS] = [100, 5000];

/**
 * Serves over one connection after the other, and begins again when serving has come to an end: the server was restarted, a
 * stream or a consumer was deleted, or nothing was heard for too long.
 * @param serve ends when `stopped` comes, when its link is lost, or when it can't go on as it is
 */
export const serving = (
  nats: Nats,
  serve: (link: Link, stopped: AbortSignal) => Promise<void>,
  onError: (error: unknown) => void,
): Consumption => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const run = async (): Promise<void> => {
    let waitMs = SHORTEST_WAIT_MS;
    for (let link = await nats.linked(signal); link !== null; link = await nats.linked(signal)) {
      try {
        await serve(link, signal);
        waitMs = SHORTEST_WAIT_MS;
      } catch (error) {
        waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
        // That a connection is lost, or answers late, is told once, by the connection.
        if (isUnanswered(error)) link.unanswered(error);
        else if (!link.lost.aborted) onError(error);
      }
      await pause(waitMs, signal);
      if (signal.aborted) return;
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
};

/** Asks for a consumer; where its stream is missing, once more with all streams made. */
export const withStreams = async <T>({ ensureStreams }: Link, ask: () => Promise<T>): Promise<T> => {
  try {
    return await ask();
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await ensureStreams();
    return ask();
  }
};
